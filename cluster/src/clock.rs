//! The system's clock, with an offset that a demo may move forward.
//!
//! Never goes back within a process. A wall clock that was set back by more than 50 ms does not
//! stop it: it goes on at nine tenths of the speed until that has caught up, as if slewed.
//! Leases are counted in time that nobody can set, and that goes on while the machine is suspended,
//! as the leases do (on Linux; elsewhere it stands still then).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use entity::Timestamp;
use parking_lot::Mutex;

use crate::ctx::{BoxFuture, Clock};

/// So far behind, the wall clock was set back.
const SET_BACK_MS: u64 = 50;

/// Wall time plus an offset.
#[derive(Debug, Default)]
pub struct SystemClock {
    offset_ms: AtomicU64,
    /// The latest time that anybody was told.
    latest: AtomicU64,
    ahead: Mutex<Ahead>,
}

/// How a clock goes on that is ahead of the wall's.
#[derive(Debug, Default)]
struct Ahead {
    /// What it showed when the wall clock was first seen behind it, and the steady time then.
    from: u64,
    since: u64,
    /// What it showed last while it was ahead.
    last: u64,
}

impl Ahead {
    /// What it shows, at a steady time, when it showed `latest` before.
    fn now(&mut self, latest: u64, steady: u64) -> u64 {
        if latest != self.last {
            // The wall clock had caught up meanwhile, and was set back again.
            *self = Self { from: latest, since: steady, last: latest };
        }
        let passed = steady.saturating_sub(self.since);
        self.last = self.from.saturating_add(passed - passed / 10).max(latest);
        self.last
    }
}

impl SystemClock {
    /// A clock with an offset that was moved before.
    #[must_use]
    pub const fn with_offset(offset_ms: u64) -> Self {
        let ahead = Mutex::new(Ahead { from: 0, since: 0, last: 0 });
        Self { offset_ms: AtomicU64::new(offset_ms), latest: AtomicU64::new(0), ahead }
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
        let latest = self.latest.fetch_max(now, Ordering::Relaxed);
        // Threads that ask in the same moment may overtake each other by a millisecond or two.
        if latest <= now.saturating_add(SET_BACK_MS) {
            return Timestamp(latest.max(now));
        }
        let mut ahead = self.ahead.lock();
        let latest = self.latest.load(Ordering::Relaxed);
        let now = ahead.now(latest, steady_ms());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_ahead_goes_on_at_nine_tenths() {
        let mut ahead = Ahead::default();
        assert_eq!(ahead.now(10_000, 500), 10_000);
        // Each millisecond counts, however often it is asked.
        let mut latest = 10_000;
        for steady in 501..=1_500 {
            let now = ahead.now(latest, steady);
            assert!(now >= latest, "it goes back");
            latest = now;
        }
        assert_eq!(latest, 10_900);
        // The wall clock showed more meanwhile, and is behind again.
        assert_eq!(ahead.now(20_000, 9_000), 20_000);
        assert_eq!(ahead.now(20_000, 10_000), 20_900);
    }

    #[test]
    fn a_wall_clock_that_was_set_back_stops_nobody() {
        let clock = SystemClock::with_offset(3_600_000);
        let before = clock.now();
        clock.offset_ms.store(0, Ordering::Relaxed);
        assert!(clock.now() >= before, "it goes back");
        let steady = clock.steady().0;
        while clock.steady().0 < steady + 40 {
            std::thread::yield_now();
        }
        let passed = clock.now().since_ms(before);
        assert!((30..3_000).contains(&passed), "{passed} ms");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod steady_tests {
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
