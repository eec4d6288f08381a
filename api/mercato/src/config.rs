//! Configuration of a node: flag, else environment, else file, else default.
//!
//! Unknown keys are errors that name the key; a value that does not fit names what is allowed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use edge::settings::Values;
use nats::NatsOptions;
use serde::Deserialize;

use crate::cli::ServeArgs;
use crate::room::RESERVE_BYTES;
use shops::Shops;

mod shops;

/// A node's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Demo shop and issuer.
    pub demo: bool,
    /// Where the data is kept.
    pub data: PathBuf,
    /// Public listener.
    pub http: SocketAddr,
    /// Admin listener.
    pub admin: SocketAddr,
    /// The node's name.
    pub node: String,
    /// The NATS server that events go to.
    pub nats: Option<NatsOptions>,
    /// How long a drain may take, in all.
    pub drain_timeout_ms: u64,
    /// How much of it readiness says 503 before anything closes, so that load balancers see it.
    pub drain_notice_ms: u64,
    /// Whether messages may be handled before their cause is durable.
    pub chaining: bool,
    /// Bytes of entities to keep in memory.
    pub resident_bytes: usize,
    /// Bytes of a segment of the store's log.
    pub segment_bytes: u64,
    /// Free bytes of the disk under which commands are refused; 0: never.
    pub reserve_bytes: u64,
    /// Dynamic settings that the file sets.
    pub settings: Values,
    /// The shops of a node that is no demo.
    pub shops: Option<Shops>,
}

/// Why a configuration is refused. The text names key, value and what is allowed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// The file. Tables that are not named here hold dynamic settings.
#[derive(Debug, Default, Deserialize)]
struct File {
    demo: Option<bool>,
    data: Option<PathBuf>,
    http: Option<String>,
    admin: Option<String>,
    node: Option<String>,
    drain_timeout_ms: Option<u64>,
    drain_notice_ms: Option<u64>,
    #[serde(default)]
    nats: NatsTable,
    #[serde(default)]
    runtime: RuntimeTable,
    #[serde(default)]
    store: StoreTable,
    terms: Option<shops::TermsTable>,
    #[serde(default, rename = "shop")]
    shops: Vec<shops::ShopTable>,
    #[serde(default, rename = "issuer")]
    issuers: Vec<shops::IssuerTable>,
    #[serde(flatten)]
    rest: BTreeMap<String, toml::Value>,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct NatsTable {
    url: Option<String>,
    ca_file: Option<PathBuf>,
    create_streams: Option<bool>,
    duplicate_window_ms: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuntimeTable {
    chaining: Option<bool>,
    resident_bytes: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreTable {
    segment_bytes: Option<u64>,
    reserve_bytes: Option<u64>,
}

impl Config {
    /// The configuration that flags, environment and file make.
    pub fn load(args: ServeArgs) -> Result<Self, ConfigError> {
        for (flag, given) in [
            ("--redis", args.redis.is_some()),
            ("--scylla", args.scylla.is_some()),
            ("--cluster", args.cluster.is_some()),
            ("--join", args.join.is_some()),
        ] {
            if given {
                return Err(ConfigError(format!(
                    "{flag}: not implemented yet; this version runs one node with its own store"
                )));
            }
        }
        let file = match &args.config {
            Some(path) => read(path)?,
            None => File::default(),
        };
        let settings = settings(file.rest)?;
        let demo = args.demo || file.demo.unwrap_or(false);
        let tables = shops::Tables { terms: file.terms, shops: file.shops, issuers: file.issuers };
        let shops = shops::of(tables, demo)?;
        let (drain_timeout_ms, drain_notice_ms) =
            drain(demo, file.drain_timeout_ms, file.drain_notice_ms)?;
        let http = args.http.or(file.http).unwrap_or_else(|| "127.0.0.1:8080".into());
        let node = args.node.or(file.node).unwrap_or_else(|| "node-1".into());
        if node.is_empty() || node.len() > 64 || node.contains(['/', '?', '#']) {
            return Err(ConfigError(format!(
                "node = {node}: allowed are 1 to 64 bytes without /, ? and #, for it stands in paths"
            )));
        }
        let nats = nats(args.nats, file.nats, &node)?;
        let admin = args.admin.or(file.admin).unwrap_or_else(|| "127.0.0.1:8081".into());
        Ok(Self {
            demo,
            data: args.data.or(file.data).unwrap_or_else(|| "./mercato-data".into()),
            http: address("http", &http)?,
            admin: address("admin", &admin)?,
            node,
            nats,
            drain_timeout_ms,
            drain_notice_ms,
            chaining: file.runtime.chaining.unwrap_or(true),
            resident_bytes: file
                .runtime
                .resident_bytes
                .unwrap_or(cluster::limits::RESIDENT_BYTES_DEFAULT),
            segment_bytes: segment_bytes(file.store.segment_bytes)?,
            reserve_bytes: file.store.reserve_bytes.unwrap_or(RESERVE_BYTES),
            settings,
            shops,
        })
    }
}

/// The bus, if there is to be a server.
fn nats(
    url: Option<String>,
    table: NatsTable,
    node: &str,
) -> Result<Option<NatsOptions>, ConfigError> {
    let Some(url) = url.or_else(|| table.url.clone()) else {
        return match table == NatsTable::default() {
            true => Ok(None),
            false => Err(ConfigError("nats.url is missing: the other keys need it".into())),
        };
    };
    let base = NatsOptions::default();
    let options = NatsOptions {
        url,
        ca_file: table.ca_file,
        name: node.to_owned(),
        create_streams: table.create_streams.unwrap_or(base.create_streams),
        duplicate_window_ms: table.duplicate_window_ms.unwrap_or(base.duplicate_window_ms),
        ..base
    };
    options.check().map_err(|error| ConfigError(error.to_string()))?;
    Ok(Some(options))
}

/// Time and notice of a drain. A demo has no load balancers before it.
fn drain(
    demo: bool,
    timeout_ms: Option<u64>,
    notice_ms: Option<u64>,
) -> Result<(u64, u64), ConfigError> {
    let timeout_ms = timeout_ms.unwrap_or(30_000);
    let default_ms = if demo { 0 } else { (timeout_ms / 6).min(5_000) };
    let notice_ms = notice_ms.unwrap_or(default_ms);
    if notice_ms > timeout_ms / 2 {
        let most = timeout_ms / 2;
        return Err(ConfigError(format!(
            "drain_notice_ms = {notice_ms}: allowed are 0 to {most}, half of drain_timeout_ms"
        )));
    }
    Ok((timeout_ms, notice_ms))
}

fn segment_bytes(given: Option<u64>) -> Result<u64, ConfigError> {
    let bytes = given.unwrap_or_else(|| embedded::Options::default().segment_bytes);
    let allowed = embedded::SEGMENT_BYTES;
    if allowed.contains(&bytes) {
        return Ok(bytes);
    }
    Err(ConfigError(format!(
        "store.segment_bytes = {bytes}: allowed are {} to {}",
        allowed.start(),
        allowed.end()
    )))
}

fn read(path: &PathBuf) -> Result<File, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError(format!("config = {}: {error}", path.display())))?;
    toml::from_str(&text)
        .map_err(|error| ConfigError(format!("config = {}: {error}", path.display())))
}

fn address(key: &str, value: &str) -> Result<SocketAddr, ConfigError> {
    value.parse().map_err(|_| {
        ConfigError(format!("{key} = {value}: allowed is an address with a port: 127.0.0.1:8080"))
    })
}

fn settings(tables: BTreeMap<String, toml::Value>) -> Result<Values, ConfigError> {
    let mut changes = BTreeMap::new();
    for (table, value) in tables {
        let toml::Value::Table(keys) = value else {
            return Err(ConfigError(format!("unknown key {table}")));
        };
        let prefix = format!("{table}.");
        if !edge::settings::SPECS.iter().any(|spec| spec.key.starts_with(&prefix)) {
            return Err(ConfigError(format!("unknown table {table}")));
        }
        for (key, value) in keys {
            let key = format!("{table}.{key}");
            let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
            let number = number.ok_or_else(|| {
                ConfigError(format!("{key} = {value}: allowed is a whole number from 0"))
            })?;
            changes.insert(key, number);
        }
    }
    if changes.is_empty() {
        return Ok(Values::default());
    }
    Values::default().changed(&changes).map_err(|error| ConfigError(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &str = "[terms]\ncurrency = \"EUR\"\nshipping = [{ id = \"standard\", amount = 490 }]\n\
        [[shop]]\nname = \"acme\"\nkeys = [\"pk_acme\"]\n";

    fn file(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mercato.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(ServeArgs { config: Some(path), ..ServeArgs::default() })
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let config = file("http = \"127.0.0.1:9000\"\n[orders]\nt_pay_ms = 20000\n").unwrap();
        assert_eq!(config.http.port(), 9000);
        assert_eq!(config.admin.port(), 8081);
        assert_eq!(config.settings.get(edge::settings::T_PAY_MS), 20_000);
    }

    #[test]
    fn a_drain_gives_notice_where_there_may_be_balancers() {
        let times = |text: &str| {
            let config = file(text).unwrap();
            (config.drain_timeout_ms, config.drain_notice_ms)
        };
        assert_eq!(times(""), (30_000, 5_000));
        assert_eq!(times("demo = true"), (30_000, 0));
        assert_eq!(times("drain_timeout_ms = 6000"), (6_000, 1_000));
        assert_eq!(times("demo = true\ndrain_notice_ms = 700"), (30_000, 700));
    }

    #[test]
    fn shops_have_terms_and_issuers() {
        assert!(file("").unwrap().shops.is_none());
        let issuer = "[[issuer]]\nissuer = \"https://login.example\"\naudience = \"mercato\"\n";
        let shops = file(&format!("{SHOP}{issuer}tenant = \"acme\"")).unwrap().shops.unwrap();
        assert_eq!((shops.terms.ccy.code(), shops.terms.wallet_grant), ("EUR", 0));
        assert_eq!(shops.tenants.of_key("pk_acme").unwrap().0.as_str(), "acme");
        assert_eq!(shops.issuers[0].tenant.as_ref().unwrap().as_str(), "acme");
        let with_terms = |line: &str| SHOP.replace("[[shop]]", &format!("{line}\n[[shop]]"));
        let names = |n: u32| (0..n).map(|n| format!("l-{n}")).collect::<Vec<_>>();
        let options = |n| {
            let option = |id: String| format!(", {{ id = \"{id}\", amount = 1 }}");
            names(n).into_iter().map(option).collect::<String>()
        };
        let most = with_terms(&format!("locations = {:?}", names(70)));
        let most = most.replace("490 }", &format!("490 }}{}", options(63)));
        assert!(
            file(&format!("{most}origins = [\"http://[::1]:3000\", \"https://a-1.example\", \"capacitor://localhost\"]"))
                .is_ok()
        );
        for (text, named) in [
            (format!("demo = true\n{SHOP}"), "a demo brings its own shops"),
            (
                format!("{SHOP}[[shop]]\nname = \"a\"\nkeys = [\"pk_acme\"]"),
                "shop.keys = pk_acme: stands",
            ),
            (format!("{SHOP}[[shop]]\nname = \"A b\""), "shop.name = A b: allowed"),
            (format!("{SHOP}[[shop]]\nname = \"acme\""), "shop.name = acme: stands there twice"),
            (
                format!("{SHOP}keys = [\"\"]").replace("keys = [\"pk_acme\"]\n", ""),
                "shop.keys: an empty",
            ),
            (format!("{SHOP}hosts = [\"\"]"), "shop.hosts = : allowed"),
            (format!("{SHOP}origins = [\"*\"]"), "shop.origins = *: allowed"),
            (
                format!("{SHOP}origins = [\"https://a.example/\"]"),
                "shop.origins = https://a.example/",
            ),
            (
                format!("{SHOP}origins = [\"https://A.example\"]"),
                "shop.origins = https://A.example",
            ),
            (format!("{SHOP}{}", issuer.replace("mercato", "")), "issuer.audience"),
            (with_terms("locations = [\"a\", \"a\"]"), "terms.locations = a: stands there twice"),
            (
                SHOP.replace("490 }", &format!("490 }}{}", options(64))),
                "terms.shipping: 65 of them",
            ),
            (format!("{SHOP}{issuer}tenant = \"other\""), "issuer.tenant = other"),
            (format!("{SHOP}{}", issuer.replace("https", "http")), "neither https nor loopback"),
            (SHOP.replace("EUR", "euro"), "terms.currency = euro"),
            (SHOP.replace("490", "-1"), "terms.shipping.amount = -1"),
            (SHOP.replace("standard", "post"), "terms.shipping: one with id = \"standard\""),
            (SHOP.replace("490 }", "490 }, { id = \"standard\", amount = 1 }"), "there twice"),
            (SHOP.replace("keys =", "hosts = [\"a.example:80\"]\nkeys ="), "without a port"),
            (format!("{SHOP}{issuer}{issuer}"), "issuer.issuer = https://login.example: stands"),
            (SHOP.replace("currency", "money"), "money"),
            ("[[shop]]\nname = \"acme\"".to_owned(), "[terms]"),
            (issuer.to_owned(), "there is no [[shop]]"),
        ] {
            let error = file(&text).unwrap_err().to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, named) in [
            ("nope = 1", "unknown key nope"),
            ("[orders]\nnope = 1", "unknown key orders.nope"),
            ("[orders]\nt_pay_ms = 1", "orders.t_pay_ms = 1: allowed are"),
            ("[orders]\nt_pay_ms = \"x\"", "orders.t_pay_ms"),
            ("node = \"\"", "node = : allowed are 1 to 64 bytes"),
            ("node = \"a/b\"", "node = a/b: allowed are 1 to 64 bytes"),
            ("http = \"nowhere\"", "http = nowhere: allowed"),
            ("[nats]\nnope = 1", "nope"),
            ("[nats]\nca_file = \"./none.pem\"", "nats.url is missing"),
            ("[nats]\nurl = \"\"", "nats.url: names no server"),
            ("[nats]\nurl = \"nats://a:b@h,nats://c:d@h\"", "nats.url: names different users"),
            ("[nats]\nurl = \"nats://h\"\nca_file = \"./none.pem\"", "nats.ca_file: ./none.pem"),
            ("[nats]\nurl = \"nats://h\"\nduplicate_window_ms = 5", "nats.duplicate_window_ms: "),
            ("[nope]", "unknown table nope"),
            ("[store]\nsegment_bytes = 1", "store.segment_bytes = 1: allowed are 1048576 to"),
            ("[store]\nnope = 1", "nope"),
            ("drain_notice_ms = 20000", "drain_notice_ms = 20000: allowed are 0 to 15000"),
        ] {
            let error = file(text).unwrap_err().to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
