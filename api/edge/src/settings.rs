//! Dynamic configuration: what an operator tunes without a restart.
//!
//! A change is checked as a whole before any of it holds; a bad value is refused and the old ones
//! stay. Every change makes a version. The same keys stand in the configuration file, as tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use cluster::limits;
use serde::{Deserialize, Serialize};

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// One key: its default and what is allowed.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// The key as an operator writes it.
    pub key: &'static str,
    /// Its value when nothing is set.
    pub default: u64,
    /// The least value.
    pub min: u64,
    /// The greatest value.
    pub max: u64,
}

const fn spec(key: &'static str, default: u64, min: u64, max: u64) -> Spec {
    Spec { key, default, min, max }
}

/// How long an order waits for its holds.
pub const T_RESERVE_MS: Spec = spec("orders.t_reserve_ms", 15 * SECOND, 100, DAY);
/// How long an order waits for its payment.
pub const T_PAY_MS: Spec = spec("orders.t_pay_ms", 30 * MINUTE, 100, 30 * DAY);
/// How much longer than the order's clock a hold lives.
pub const HOLD_GRACE_MS: Spec = spec("orders.hold_grace_ms", MINUTE, 100, DAY);
/// When a dispatched shipment counts as received.
pub const AUTO_RECEIPT_MS: Spec = spec("orders.auto_receipt_ms", 10 * DAY, 100, 365 * DAY);
/// How long a buyer may return.
pub const RETURN_WINDOW_MS: Spec = spec("orders.return_window_ms", 7 * DAY, 100, 365 * DAY);
/// When cash on delivery that was not collected is overdue.
pub const COD_OVERDUE_MS: Spec = spec("orders.cod_overdue_ms", 14 * DAY, 100, 365 * DAY);
/// How long an idempotency key is kept.
pub const IDEMPOTENCY_KEEP_MS: Spec = spec("idempotency.keep_ms", 48 * HOUR, SECOND, 30 * DAY);
/// Requests per principal and minute; 0 = no limit.
pub const RATE_LIMIT: Spec = spec("edge.rate_limit", 300, 0, 10_000_000);
/// Live streams on a node.
pub const STREAMS_MAX: Spec = spec("edge.streams_max", 20_000, 0, 1_000_000);
/// When a stream is asked to reconnect.
pub const STREAM_MAX_AGE_MS: Spec = spec("edge.stream_max_age_ms", 30 * MINUTE, 100, DAY);
/// How often an idle stream is written to.
pub const HEARTBEAT_MS: Spec = spec("edge.heartbeat_ms", 15 * SECOND, 100, HOUR);
/// Timeline entries per order that streams can go back; 0 = all.
pub const TIMELINE_KEEP: Spec = spec("edge.timeline_keep", 0, 0, 1_000_000);
/// Requests under way on a node, at its edge and at its entities. A body has 256 KiB at the most:
/// those of 8,192 hold 2 GiB at the very most, and 2,000 orders/s at 100 ms are 200.
pub const IN_FLIGHT_MAX: Spec =
    spec("admission.in_flight_max", limits::IN_FLIGHT_MAX as u64, 1, 1_000_000);
/// Requests under way for one principal.
pub const PER_PRINCIPAL_MAX: Spec =
    spec("admission.per_principal_max", limits::IN_FLIGHT_PER_PRINCIPAL_MAX as u64, 1, 1_000_000);
/// When an unknown payment is given up.
pub const UNKNOWN_GIVE_UP_MS: Spec = spec("payments.unknown_give_up_ms", DAY, SECOND, 30 * DAY);

/// All keys.
pub const SPECS: &[Spec] = &[
    T_RESERVE_MS,
    T_PAY_MS,
    HOLD_GRACE_MS,
    AUTO_RECEIPT_MS,
    RETURN_WINDOW_MS,
    COD_OVERDUE_MS,
    IDEMPOTENCY_KEEP_MS,
    RATE_LIMIT,
    STREAMS_MAX,
    STREAM_MAX_AGE_MS,
    HEARTBEAT_MS,
    TIMELINE_KEEP,
    IN_FLIGHT_MAX,
    PER_PRINCIPAL_MAX,
    UNKNOWN_GIVE_UP_MS,
];

/// Why a change was refused: which key, which value, and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such key.
    #[error("unknown key {0}")]
    UnknownKey(String),
    /// The value is outside of what is allowed.
    #[error("{key} = {value}: allowed are {min} to {max}")]
    OutOfRange {
        /// The key.
        key: &'static str,
        /// What was asked for.
        value: u64,
        /// The least value.
        min: u64,
        /// The greatest value.
        max: u64,
    },
}

/// All values at one version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Values {
    /// Counts the changes.
    pub version: u64,
    /// What differs from the defaults, by key.
    pub set: BTreeMap<String, u64>,
}

impl Values {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, spec: Spec) -> u64 {
        self.set.get(spec.key).copied().unwrap_or(spec.default)
    }

    /// The values with changes applied, one version on. Errors: nothing is applied.
    pub fn changed(&self, changes: &BTreeMap<String, u64>) -> Result<Self, Error> {
        let mut next = self.clone();
        for (key, value) in changes {
            let spec = SPECS.iter().find(|spec| spec.key == key);
            let spec = spec.ok_or_else(|| Error::UnknownKey(key.clone()))?;
            if !(spec.min..=spec.max).contains(value) {
                let Spec { key, min, max, .. } = *spec;
                return Err(Error::OutOfRange { key, value: *value, min, max });
            }
            next.set.insert(key.clone(), *value);
        }
        next.version += 1;
        Ok(next)
    }

    /// Every key with its value.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        SPECS.iter().map(|spec| (spec.key, self.get(*spec)))
    }
}

/// The values in force, shared by all that look at them.
#[derive(Debug, Clone, Default)]
pub struct Settings(Arc<ArcSwap<Values>>);

impl Settings {
    /// Settings with values in force.
    #[must_use]
    pub fn new(values: Values) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(values)))
    }

    /// The value of a key now.
    #[must_use]
    pub fn get(&self, spec: Spec) -> u64 {
        self.0.load().get(spec)
    }

    /// All values now.
    #[must_use]
    pub fn values(&self) -> Arc<Values> {
        self.0.load_full()
    }

    /// Puts values in force.
    pub fn put(&self, values: Values) {
        self.0.store(Arc::new(values));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_allowed_and_keys_are_distinct() {
        for (index, spec) in SPECS.iter().enumerate() {
            assert!((spec.min..=spec.max).contains(&spec.default), "{}", spec.key);
            assert!(SPECS[..index].iter().all(|other| other.key != spec.key), "{}", spec.key);
        }
    }

    #[test]
    fn a_change_holds_as_a_whole_or_not_at_all() {
        let values = Values::default();
        let good = BTreeMap::from([("orders.t_pay_ms".to_owned(), 20_000)]);
        let next = values.changed(&good).unwrap();
        assert_eq!((next.version, next.get(T_PAY_MS)), (1, 20_000));
        let mut bad = good;
        bad.insert("orders.nope".to_owned(), 1);
        assert_eq!(next.changed(&bad), Err(Error::UnknownKey("orders.nope".into())));
        let bad = BTreeMap::from([("orders.t_pay_ms".to_owned(), 1)]);
        assert!(matches!(next.changed(&bad), Err(Error::OutOfRange { value: 1, .. })));
    }
}
