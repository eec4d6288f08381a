//! The system's clock, with an offset that a demo may move forward.
//!
//! Never goes back within a process: a wall clock that steps back stands still here until it has
//! caught up. Leases are counted in time that nobody can set, and that goes on while the machine is
//! suspended, as the leases do (on Linux; elsewhere it stands still then).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use entity::Timestamp;

use crate::ctx::{BoxFuture, Clock};

/// Wall time plus an offset.
#[derive(Debug, Default)]
pub struct SystemClock {
    offset_ms: AtomicU64,
    latest: AtomicU64,
}

impl SystemClock {
    /// A clock with an offset that was moved before.
    #[must_use]
    pub const fn with_offset(offset_ms: u64) -> Self {
        Self { offset_ms: AtomicU64::new(offset_ms), latest: AtomicU64::new(0) }
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
        Timestamp(steady_ms())
    }

    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(Duration::from_millis(ms)))
    }
}

/// Time since the machine was started, be it suspended or not. Some 30 ns: no system call.
#[cfg(target_os = "linux")]
fn steady_ms() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    // Neither is negative: the machine was started before.
    let part = |count: i64| u64::try_from(count).unwrap_or_default();
    part(now.tv_sec) * 1_000 + part(now.tv_nsec) / 1_000_000
}

/// Time since it was asked for first. The standard library reads no clock that counts suspension.
#[cfg(not(target_os = "linux"))]
fn steady_ms() -> u64 {
    static BEGUN: std::sync::OnceLock<tokio::time::Instant> = std::sync::OnceLock::new();
    let begun = BEGUN.get_or_init(tokio::time::Instant::now);
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::time::{ClockId, clock_gettime};

    use super::*;

    #[test]
    fn steady_time_is_the_one_that_counts_suspension() {
        let clock = SystemClock::with_offset(1_000_000);
        let before = clock_gettime(ClockId::Boottime);
        let steady = clock.steady().0;
        let after = clock_gettime(ClockId::Boottime);
        let ms = |at: rustix::time::Timespec| at.tv_sec.unsigned_abs() * 1_000;
        assert!(
            ms(before) <= steady && steady < ms(after) + 1_000,
            "{before:?} {steady} {after:?}"
        );
        clock.advance(5_000);
        assert!(clock.steady().0 < steady + 5_000, "nobody sets it");
    }
}
