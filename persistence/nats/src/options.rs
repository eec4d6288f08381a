//! How the bus is reached and what its streams are to be.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::ServerAddr;

use crate::ConnectError;
use crate::login::Login;

/// Options of a [`crate::NatsBus`].
#[derive(Clone)]
pub struct NatsOptions {
    /// One or more server URLs, separated by commas: `nats://host:4222`, `tls://host`, with
    /// `user:password@` or `token@` before the host where the server asks for it.
    pub url: String,
    /// A PEM file of certificates that the server's is to be signed by, in place of the system's
    /// own. With one, or with a `tls` URL, no server is spoken to in clear.
    pub ca_file: Option<PathBuf>,
    /// The name under which the server lists the connection.
    pub name: String,
    /// First tokens of the topics; each has a stream with its name in capitals.
    pub domains: Vec<&'static str>,
    /// Makes streams that are missing; otherwise a missing stream is refused.
    pub create_streams: bool,
    /// For how long a stream knows a repeated event, in milliseconds (at least 100).
    pub duplicate_window_ms: u64,
    /// For how long a new stream keeps an event, in milliseconds; 0: forever.
    pub max_age_ms: u64,
    /// Copies of a new stream in a cluster of servers, 1 to 5.
    pub n_replicas: usize,
    /// How long a batch may take to be acknowledged, in milliseconds.
    pub publish_timeout_ms: u64,
}

/// The domains of the shop: `ORDERS`, `STOCK`, `PAYMENTS`, `SHIPMENTS`, `CUSTOMERS`.
const DOMAINS: [&str; 5] = ["orders", "stock", "payments", "shipments", "customers"];

impl Default for NatsOptions {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:4222".into(),
            ca_file: None,
            name: "mercato".into(),
            domains: DOMAINS.to_vec(),
            create_streams: true,
            duplicate_window_ms: 120_000,
            max_age_ms: 30 * 24 * 60 * 60 * 1000,
            n_replicas: 1,
            publish_timeout_ms: 5000,
        }
    }
}

impl NatsOptions {
    pub(crate) const fn publish_timeout(&self) -> Duration {
        Duration::from_millis(self.publish_timeout_ms)
    }

    /// Whether these can work at all, as far as that can be said without a server.
    pub fn check(&self) -> Result<(), ConnectError> {
        let wrong = |key, why: &str| Err(ConnectError::Options { key, why: why.into() });
        if self.duplicate_window_ms < 100 {
            return wrong("duplicate_window_ms", "must be at least 100");
        }
        if self.max_age_ms != 0 && self.max_age_ms < self.duplicate_window_ms {
            return wrong("max_age_ms", "must be 0 or at least duplicate_window_ms");
        }
        if !(1..=5).contains(&self.n_replicas) {
            return wrong("n_replicas", "must be 1 to 5");
        }
        if self.publish_timeout_ms == 0 {
            return wrong("publish_timeout_ms", "must be positive");
        }
        if let Some(file) = &self.ca_file {
            let why = match std::fs::read(file) {
                Ok(pem) if pem.windows(PEM.len()).any(|text| text == PEM) => None,
                Ok(_) => Some("holds no certificate in PEM".to_owned()),
                Err(error) => Some(error.to_string()),
            };
            if let Some(why) = why {
                return wrong("ca_file", &format!("{}: {why}", file.display()));
            }
        }
        self.servers().map(drop)
    }

    /// The servers, and as whom they are spoken to.
    pub(crate) fn servers(&self) -> Result<(Vec<ServerAddr>, Login), ConnectError> {
        let wrong = |why: String| ConnectError::Options { key: "url", why };
        let urls = self.url.split(',').map(str::trim).filter(|url| !url.is_empty());
        let server = |url: &str| server(url).map_err(wrong);
        let servers = urls.map(server).collect::<Result<Vec<_>, _>>()?;
        if servers.is_empty() {
            return Err(wrong("names no server".into()));
        }
        let login = Login::of_all(&servers).map_err(|why| wrong(why.into()))?;
        // The client prints its servers where its log says `debug`.
        let servers = servers.into_iter().map(bare).collect::<Result<Vec<_>, _>>();
        Ok((servers.map_err(|why| wrong(why.to_string()))?, login))
    }
}

/// Of a certificate.
const PEM: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// A server without its login.
fn bare(server: ServerAddr) -> std::io::Result<ServerAddr> {
    let mut url = server.into_inner();
    // Both can fail only where there is no host, hence no login.
    let _ = (url.set_username(""), url.set_password(None));
    ServerAddr::from_url(url)
}

/// A server by its URL. Errors: the reason, without what may be secret.
fn server(url: &str) -> Result<ServerAddr, String> {
    let server = url.parse::<ServerAddr>().map_err(|why| why.to_string())?;
    if !matches!(server.scheme(), "nats" | "tls") {
        return Err(format!("{}: allowed are nats and tls", server.scheme()));
    }
    let login = url.rsplit_once('@').map(|(login, _)| login);
    let parsed = server.clone().into_inner();
    let has_more = parsed.query().is_some() || parsed.fragment().is_some();
    if has_more || !matches!(parsed.path(), "" | "/") || server.host().is_empty() {
        return Err(
            "has more than a host and a port; `/`, `?`, `#` and `@` in a name or password \
                    are written as %2F, %3F, %23 and %40"
                .into(),
        );
    }
    match login {
        Some(login) if login.ends_with(':') => Err("the password is empty".into()),
        Some(_) | None => Ok(server),
    }
}

/// Without the URL: it may hold a password.
impl std::fmt::Debug for NatsOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsOptions")
            .field("name", &self.name)
            .field("domains", &self.domains)
            .field("create_streams", &self.create_streams)
            .field("duplicate_window_ms", &self.duplicate_window_ms)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_cannot_work_are_named() {
        let check = |url: &str| NatsOptions { url: url.into(), ..NatsOptions::default() }.check();
        for url in
            ["h", "nats://h", "tls://u:p@h:4333", "nats://[::1]:4222", "nats://a@h, nats://i"]
        {
            check(url).unwrap();
        }
        for (url, why) in [
            ("ws://h", "ws: allowed are nats and tls"),
            ("wss://u:p@h", "wss: allowed"),
            ("nats://shop:12#4@h", "more than a host and a port"),
            ("nats://shop:1/2@h", "more than a host and a port"),
            ("nats://h/path", "more than a host and a port"),
            ("nats://shop:@h", "the password is empty"),
        ] {
            let error = check(url).unwrap_err().to_string();
            assert!(error.contains(why), "{url}: {error}");
        }
    }

    #[test]
    fn a_file_without_a_certificate_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ca.pem");
        std::fs::write(&file, "no certificate").unwrap();
        let options = NatsOptions { ca_file: Some(file), ..NatsOptions::default() };
        let error = options.check().unwrap_err().to_string();
        assert!(error.contains("ca.pem: holds no certificate in PEM"), "{error}");
    }
}
