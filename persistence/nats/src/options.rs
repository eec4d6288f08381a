//! How the bus is reached and what its streams are to be.

use std::time::Duration;

/// Options of a [`crate::NatsBus`].
#[derive(Clone)]
pub struct NatsOptions {
    /// One or more server URLs, separated by commas. May hold a user and a password.
    pub url: String,
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

    /// The server URLs, one each.
    pub(crate) fn urls(&self) -> impl Iterator<Item = &str> {
        self.url.split(',').map(str::trim).filter(|url| !url.is_empty())
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
