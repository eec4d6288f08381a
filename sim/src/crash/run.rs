//! One run: the workload with its crashes, to its rest, and the checks after it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use entity::ShardId;

use super::plan::Setup;
use super::world::{Crashed, Probes, World};

/// What crashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashKind {
    /// The node: staging buffer and all cores are lost, and unsynced writes but for a prefix.
    Node,
    /// One shard host: its core is lost, the staging buffer stays.
    Host,
    /// The disk: a sync fails, the log is closed, and the node ends some steps later.
    Sync,
}

/// A crash at a boundary, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crash {
    /// At which boundary.
    pub at: u64,
    /// What crashes.
    pub kind: CrashKind,
}

/// What a run showed.
#[derive(Debug, Clone)]
pub struct Report {
    /// Boundaries that it passed until everything was at rest.
    pub boundaries: u64,
    /// Crashes that happened.
    pub n_crashes: u64,
    /// What was not as it has to be; empty in a good run.
    pub violations: Vec<String>,
    /// What happened on the way.
    pub probes: Probes,
    /// A hash over every step; equal for equal runs.
    pub trace: u64,
}

/// The most steps until a run has to be at rest.
const STEPS_MAX: u64 = 60_000;

/// Runs a workload with crashes (ascending) and checks it.
#[must_use]
pub fn run(setup: &Setup, crashes: &[Crash]) -> Report {
    let mut world = World::new(setup, crashes);
    let mut boundaries = 0;
    let ended = catch_unwind(AssertUnwindSafe(|| {
        world.play();
        boundaries = world.boundaries;
        // What comes now is not part of the run: a crash that is still due does not happen.
        world.crashes.clear();
        if world.violations.is_empty() {
            world.check_all();
        }
    }));
    if let Err(panic) = ended {
        // An assertion of the runtime: in a node it would take a host or the process down.
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        world.violation(format!("panic: {}", text.unwrap_or_default()));
    }
    Report {
        boundaries,
        n_crashes: world.probes.0.get("crash").copied().unwrap_or(0),
        violations: world.violations,
        probes: world.probes,
        trace: world.trace,
    }
}

impl World {
    /// Starts the node and takes steps until nothing is left to do.
    fn play(&mut self) {
        let started = self.restart();
        self.settle(started);
        self.rest();
    }

    /// Takes steps until nothing is left to do.
    pub(super) fn rest(&mut self) {
        let limit = self.step + STEPS_MAX;
        while self.violations.is_empty() {
            if self.step == limit {
                let open = self.clients.open();
                return self.violation(format!("I11: not at rest after {STEPS_MAX} steps: {open}"));
            }
            let Some(action) = self.next_action() else { return };
            self.step += 1;
            let done = self.act(action);
            self.settle(done);
        }
    }

    /// Lets the node crash until it is up again.
    fn settle(&mut self, mut result: Result<(), Crashed>) {
        while let Err(Crashed) = result {
            self.crash_node();
            result = self.restart();
        }
    }

    /// The shard that an action without one counts for.
    pub(super) fn anywhere(&self) -> ShardId {
        let n = self.boundaries % u64::from(self.setup.n_shards);
        ShardId(u16::try_from(n).expect("below the number of shards"))
    }
}
