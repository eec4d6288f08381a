//! The system's clock, with an offset that a demo may move forward.
//!
//! Never goes back within a process: a wall clock that steps back stands still here until it has
//! caught up. Leases are counted in time that nobody can set.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use entity::Timestamp;
use tokio::time::Instant;

use crate::ctx::{BoxFuture, Clock};

/// Wall time plus an offset.
#[derive(Debug, Default)]
pub struct SystemClock {
    offset_ms: AtomicU64,
    latest: AtomicU64,
    begun: OnceLock<Instant>,
}

impl SystemClock {
    /// A clock with an offset that was moved before.
    #[must_use]
    pub const fn with_offset(offset_ms: u64) -> Self {
        Self {
            offset_ms: AtomicU64::new(offset_ms),
            latest: AtomicU64::new(0),
            begun: OnceLock::new(),
        }
    }

    /// Moves the clock forward. Returns the whole offset.
    pub fn advance(&self, ms: u64) -> u64 {
        self.offset_ms.fetch_add(ms, Ordering::Relaxed).saturating_add(ms)
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
        let now = wall.saturating_add(self.offset_ms.load(Ordering::Relaxed));
        Timestamp(self.latest.fetch_max(now, Ordering::Relaxed).max(now))
    }

    fn steady(&self) -> Timestamp {
        let begun = self.begun.get_or_init(Instant::now);
        Timestamp(u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(Duration::from_millis(ms)))
    }
}
