//! Runs of seeds as child processes, a process each, so that no run can disturb another.
//!
//! A child that takes longer than the patience of its pool is ended. Children end with their
//! pool, and also when the process of their parent is killed: each reads from a pipe of its
//! parent ([`end_with_parent`]), and that pipe's end is its end.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::Error;

/// How often children are looked at.
const LOOK: Duration = Duration::from_millis(2);

/// Which run a child makes.
pub(super) struct Which<'a> {
    pub(super) scenario: &'a str,
    pub(super) seed: u64,
    /// A defect to plant.
    pub(super) canary: Option<&'a str>,
    /// Where it writes.
    pub(super) dir: PathBuf,
}

/// A child that ended, or was ended.
pub(super) struct Done<T> {
    /// What the caller called it.
    pub(super) of: T,
    pub(super) seed: u64,
    pub(super) dir: PathBuf,
    pub(super) took: Duration,
    /// Its time was over.
    pub(super) is_late: bool,
}

struct Job<T> {
    of: T,
    seed: u64,
    dir: PathBuf,
    child: Child,
    begun: Instant,
}

/// Children under way, each with what its caller calls it.
pub(super) struct Children<T> {
    jobs: Vec<Job<T>>,
    n_max: usize,
    patience: Duration,
}

impl<T> Children<T> {
    /// At most `n_max` at a time (one at least), each for `patience`.
    pub(super) fn new(n_max: usize, patience: Duration) -> Self {
        Self { jobs: Vec::new(), n_max: n_max.max(1), patience }
    }

    pub(super) fn has_room(&self) -> bool {
        self.jobs.len() < self.n_max
    }

    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Starts a run.
    pub(super) fn start(&mut self, of: T, which: Which<'_>) -> Result<(), Error> {
        let Which { scenario, seed, canary, dir } = which;
        let failed = |error: std::io::Error| Error::Child { seed, what: error.to_string() };
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        command
            .args(["sim", "run", "--brief", "--leashed", "--scenario", scenario])
            .args(["--seed", &seed.to_string(), "--out"])
            .arg(&dir)
            // For the allocator of the program: a run is over in a moment, and pages that are
            // given back to the system meanwhile come back to be cleared, a tenth of its time.
            .env("MIMALLOC_PURGE_DELAY", "-1")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some(canary) = canary {
            command.args(["--canary", canary]);
        }
        let child = command.spawn().map_err(failed)?;
        self.jobs.push(Job { of, seed, dir, child, begun: Instant::now() });
        Ok(())
    }

    /// Waits a moment, and takes those that have ended meanwhile. Their folders are the caller's.
    pub(super) fn reap(&mut self) -> Result<Vec<Done<T>>, Error> {
        std::thread::sleep(LOOK);
        let mut done = Vec::new();
        let mut index = 0;
        while index < self.jobs.len() {
            let job = &mut self.jobs[index];
            let took = job.begun.elapsed();
            let is_late = took > self.patience;
            if is_late {
                let _ = job.child.kill();
            }
            let ended = if is_late { job.child.wait().map(Some) } else { job.child.try_wait() };
            let failed =
                |error: std::io::Error| Error::Child { seed: job.seed, what: error.to_string() };
            if ended.map_err(failed)?.is_none() {
                index += 1;
                continue;
            }
            let Job { of, seed, dir, .. } = self.jobs.swap_remove(index);
            done.push(Done { of, seed, dir, took, is_late });
        }
        Ok(done)
    }
}

impl<T> Drop for Children<T> {
    /// Ends what runs still; nothing of it stays.
    fn drop(&mut self) {
        for job in &mut self.jobs {
            let _ = job.child.kill();
            let _ = job.child.wait();
            forget(&job.dir);
        }
    }
}

/// Removes what a run has written.
pub(super) fn forget(dir: &Path) {
    let _ = std::fs::remove_dir_all(dir);
}

/// Ends this process as soon as its parent is gone. For children of a pool.
pub(super) fn end_with_parent() {
    std::thread::spawn(|| {
        let mut byte = [0];
        // Nothing is ever written to it: whatever the read says, the parent is gone.
        let _ = std::io::stdin().read(&mut byte);
        std::process::exit(EXIT_ORPHANED);
    });
}

/// Exit code of a child whose parent is gone.
const EXIT_ORPHANED: i32 = 4;
