//! What the admin listener works on: the node's parts that an operator may look at and move.

use std::sync::Arc;

use cluster::clock::SystemClock;
use cluster::ctx::Clock;
use cluster::relay::RelayHandle;
use entity::Timestamp;
use ports::{Meta, StoreError};
use tokio::sync::{Mutex, Notify};

use crate::configuration::Configuration;

/// Name of the stored offset of a demo's clock.
const CLOCK_OFFSET: &str = "demo.clock_offset_ms";

/// What an operator may reach on a node.
pub struct Operator {
    /// The node's name.
    pub node: String,
    /// Dynamic configuration.
    pub configuration: Configuration,
    /// The way of events out of the node.
    pub relay: RelayHandle,
    /// Told when the node is to drain and end.
    pub drain: Arc<Notify>,
    /// The clock of a demo; `None`: time cannot be moved.
    pub clock: Option<DemoClock>,
    /// The log.
    pub log: LogFilter,
}

/// Exchanges the filter of the log. Errors: why the text is none; the old one stays.
pub type SetFilter = Box<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// What of the log is written, as an operator changes it.
pub struct LogFilter {
    filter: parking_lot::Mutex<String>,
    set: SetFilter,
}

impl LogFilter {
    /// The filter that is in force, and how it is exchanged.
    #[must_use]
    pub fn new(filter: String, set: SetFilter) -> Self {
        Self { filter: parking_lot::Mutex::new(filter), set }
    }

    /// The filter in force.
    #[must_use]
    pub fn filter(&self) -> String {
        self.filter.lock().clone()
    }

    /// Puts a filter in force. Errors: why it is none.
    pub fn set(&self, filter: &str) -> Result<(), String> {
        check_filter(filter)?;
        let mut now = self.filter.lock();
        (self.set)(filter)?;
        filter.clone_into(&mut now);
        Ok(())
    }
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Each part must be a level or say one for a target. A word alone would be a target with all that
/// it writes, and all others silent: what a level with a slip of the pen would become.
fn check_filter(filter: &str) -> Result<(), String> {
    for part in filter.split(',') {
        let (is_named, level) = match part.rsplit_once('=') {
            Some((target, level)) => (!target.trim().is_empty(), level),
            None => (true, part),
        };
        if !is_named || !LEVELS.iter().any(|word| word.eq_ignore_ascii_case(level.trim())) {
            let levels = LEVELS.join(", ");
            return Err(format!("`{part}` is neither a level ({levels}) nor target=level"));
        }
    }
    Ok(())
}

/// A clock that a demo moves forward. The offset is stored before it holds, and a move goes to its
/// end also when its caller goes away. Cheap to clone.
#[derive(Clone)]
pub struct DemoClock(Arc<Moved>);

struct Moved {
    clock: Arc<SystemClock>,
    meta: Arc<dyn Meta>,
    /// The whole offset, in ms.
    offset_ms: Mutex<u64>,
}

impl DemoClock {
    /// The clock as it was left.
    pub async fn load(meta: Arc<dyn Meta>) -> Result<Self, StoreError> {
        let stored = meta.value(CLOCK_OFFSET).await?;
        let stored = stored.and_then(|bytes| Some(u64::from_le_bytes(bytes.try_into().ok()?)));
        let offset_ms = stored.unwrap_or(0);
        let clock = Arc::new(SystemClock::with_offset(offset_ms));
        Ok(Self(Arc::new(Moved { clock, meta, offset_ms: Mutex::new(offset_ms) })))
    }

    /// The clock, for the node.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.0.clock) as Arc<dyn Clock>
    }

    /// Its time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Moves it forward, durably. `Ok(None)`: the whole offset would go beyond `most_ms`.
    pub async fn advance(&self, ms: u64, most_ms: u64) -> Result<Option<Timestamp>, StoreError> {
        let moved = Arc::clone(&self.0);
        let moving = tokio::spawn(async move { moved.advance(ms, most_ms).await });
        moving.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the move broke off".into())))
    }
}

impl Moved {
    async fn advance(&self, ms: u64, most_ms: u64) -> Result<Option<Timestamp>, StoreError> {
        let mut offset_ms = self.offset_ms.lock().await;
        let Some(next) = offset_ms.checked_add(ms).filter(|next| *next <= most_ms) else {
            return Ok(None);
        };
        self.meta.set_value(CLOCK_OFFSET, next.to_le_bytes().to_vec()).await?;
        *offset_ms = next;
        self.clock.advance(ms);
        Ok(Some(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::unsteady::{Unsteady, drop_midway};

    #[tokio::test]
    async fn a_move_whose_caller_goes_away_holds_as_it_is_stored() {
        let meta = Unsteady::new();
        let clock = DemoClock::load(Arc::clone(&meta) as _).await.unwrap();
        let hour = clock.now().plus_ms(3_600_000);
        drop_midway(clock.advance(3_600_000, u64::MAX)).await;
        assert!(clock.now() >= hour, "in memory");
        assert!(DemoClock::load(meta).await.unwrap().now() >= hour, "stored");
    }
}
