//! Room on the disk. A disk that is full ends the node, since a sync has failed; before that it
//! takes no commands any more, and what is under way, deadlines and messages, has the rest.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cluster::admission::Admission;
use edge::health::{Check, CheckStatus};
use tokio::time::timeout;

/// Free bytes under which commands are refused, unless set: four segments of the log of 64 MiB.
/// A look comes each half second, in which full load writes some 10 MB; the rest is for deadlines,
/// messages and the merging of tables, which nothing bounds and which gives room back.
pub const RESERVE_BYTES: u64 = 256 * 1024 * 1024;

/// In place of free bytes.
const UNKNOWN: u64 = u64::MAX;

/// Between two looks.
const LOOK_MS: u64 = 500;

/// How much there was at the last look.
#[derive(Debug)]
pub struct Room {
    dir: PathBuf,
    reserve: u64,
    free: AtomicU64,
    is_short: AtomicBool,
}

impl Room {
    /// Of the disk that `dir` is on.
    #[must_use]
    pub fn of(dir: PathBuf, reserve: u64) -> Arc<Self> {
        let (free, is_short) = (AtomicU64::new(0), AtomicBool::new(false));
        Arc::new(Self { dir, reserve, free, is_short })
    }

    /// What `/readyz` says of the store, which may have failed.
    #[must_use]
    pub fn check(&self, has_failed: bool) -> Check {
        let (status, detail) = match (has_failed, self.is_short.load(Ordering::Relaxed)) {
            (true, _) => (CheckStatus::Down, "embedded".to_owned()),
            (false, false) => (CheckStatus::Up, "embedded".to_owned()),
            (false, true) => (CheckStatus::Degraded, format!("embedded: {}", self.shortage())),
        };
        Check { name: "store", status, detail }
    }

    fn shortage(&self) -> String {
        let mib = |bytes: u64| bytes / (1024 * 1024);
        let free = match self.free.load(Ordering::Relaxed) {
            UNKNOWN => "it is not known how many".to_owned(),
            free => mib(free).to_string(),
        };
        let (dir, reserve) = (self.dir.display(), mib(self.reserve));
        format!(
            "{free} MiB are free on the disk of {dir}, commands are refused under {reserve} MiB"
        )
    }

    /// Looks now, and then for as long as the process lives.
    pub async fn watch(self: &Arc<Self>, admission: Admission) {
        // A disk that hangs holds up no start for long.
        drop(timeout(Duration::from_millis(LOOK_MS), self.look(&admission)).await);
        let room = Arc::clone(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
                room.look(&admission).await;
            }
        });
    }

    #[expect(clippy::disallowed_methods, reason = "the disk is asked, which may hang")]
    async fn look(self: &Arc<Self>, admission: &Admission) {
        let room = Arc::clone(self);
        match tokio::task::spawn_blocking(move || free(&room.dir)).await {
            Ok(Ok(free)) => self.saw(free, admission),
            Ok(Err(error)) => self.cannot_tell(&error.to_string()),
            Err(error) => self.cannot_tell(&error.to_string()),
        }
    }

    /// Says so once, until it can tell again.
    fn cannot_tell(&self, why: &str) {
        if self.free.swap(UNKNOWN, Ordering::Relaxed) != UNKNOWN {
            tracing::warn!(why, "the free bytes of the disk are not known");
        }
    }

    fn saw(&self, free: u64, admission: &Admission) {
        self.free.store(free, Ordering::Relaxed);
        metrics::gauge!("mercato_store_free_bytes").set(free as f64);
        let was_short = self.is_short.load(Ordering::Relaxed);
        // A quarter more to begin again, or it would change with each merge of a table.
        let wanted = if was_short { self.reserve / 4 * 5 } else { self.reserve };
        let is_short = free < wanted;
        if is_short != was_short {
            self.is_short.store(is_short, Ordering::Relaxed);
            admission.set_read_only(is_short);
            match is_short {
                true => tracing::error!("no room: {}", self.shortage()),
                false => tracing::info!(free, "room again: commands are taken"),
            }
        }
    }
}

fn free(dir: &std::path::Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(dir)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use entity::{Principal, Tenant};

    use super::*;

    #[test]
    fn commands_stop_below_the_reserve_and_begin_again_a_quarter_above_it() {
        let (room, gate) = (Room::of("data".into(), 400), Admission::default());
        let principal = Principal::system(Tenant::new("a"));
        for (free, taken) in [(401, true), (399, false), (450, false), (500, true), (400, true)] {
            room.saw(free, &gate);
            assert_eq!(gate.enter_to_change(&principal).is_ok(), taken, "{free} free");
            assert!(gate.enter(&principal).is_ok(), "reads");
            let status = if taken { CheckStatus::Up } else { CheckStatus::Degraded };
            assert_eq!(room.check(false).status, status);
        }
    }

    #[test]
    fn no_reserve_never_refuses() {
        let (room, gate) = (Room::of("data".into(), 0), Admission::default());
        room.saw(0, &gate);
        assert_eq!(room.check(false).status, CheckStatus::Up);
    }

    #[test]
    fn a_disk_tells_what_is_free() {
        assert!(free(std::path::Path::new(".")).unwrap() > 0);
        assert!(free(std::path::Path::new("./nowhere")).is_err());
    }
}
