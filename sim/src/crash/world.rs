//! The world of a run: hosts, log, links, tasks, store, clients and the witness.
//!
//! Nothing here has a thread or a clock. What can happen next is listed by `action`; each thing
//! that happens passes boundaries, and at one of them a crash may be due.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use cluster::ctx::Parcel;
use cluster::log::Staging;
use cluster::shard::{Input, Output, ShardCore};
use entity::{EntityKey, EntityTypes, ShardId, StepRecord, Timestamp};
use ports::{MemoryStore, SnapshotWrite, TimerRow};

use super::client::Clients;
use super::committer::Flying;
use super::plan::{Canary, Setup};
use super::run::{Crash, CrashKind};
use super::witness::Witness;
use crate::random::{Stream, mix};
use crate::toy;

/// What a core answers to: the number of an attempt.
pub(super) type Attempt = u64;

/// One shard of the node.
#[derive(Default)]
pub(super) struct Host {
    pub(super) core: Option<ShardCore<Attempt>>,
    /// The core of a dead host, kept to see that it can do no harm.
    pub(super) zombie: Option<ShardCore<Attempt>>,
    pub(super) inbox: VecDeque<Input<Attempt>>,
    pub(super) outbox: VecDeque<Output<Attempt>>,
    /// How many cores this shard had; what a task brings to another one is dropped.
    pub(super) generation: u64,
    pub(super) draining: bool,
    /// The watermark that a canary told the core too early.
    pub(super) told: u64,
    /// A mark that a canary stages apart from its effect.
    pub(super) apart: Option<(u64, StepRecord)>,
    /// Outputs that a canary shows too early to the core and has to hold back from the world.
    pub(super) withheld: VecDeque<(u64, Output<Attempt>)>,
}

/// A read or write that a host asked for and that has not happened yet.
pub(super) enum Task {
    Read { key: EntityKey, commits: Vec<u64> },
    Timers { after: Option<TimerRow>, until: Timestamp },
    Write(Box<SnapshotWrite>),
}

/// How often things happened that a set of runs has to see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probes(pub BTreeMap<&'static str, u64>);

impl Probes {
    pub(super) fn hit(&mut self, what: &'static str) {
        *self.0.entry(what).or_insert(0) += 1;
    }

    /// Adds another run's counts.
    pub fn add(&mut self, other: &Self) {
        for (what, n) in &other.0 {
            *self.0.entry(what).or_insert(0) += n;
        }
    }
}

/// The node crashed; what was under way is cut off here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crashed;

/// The world.
pub(super) struct World {
    pub(super) setup: Setup,
    pub(super) types: Arc<EntityTypes>,
    pub(super) store: MemoryStore,
    pub(super) logs: Vec<Staging>,
    pub(super) flying: Vec<Option<Flying>>,
    pub(super) hosts: Vec<Host>,
    pub(super) links: BTreeMap<(ShardId, ShardId), VecDeque<Parcel>>,
    /// The newest message that ever went on a link; only a canary looks.
    pub(super) newest: BTreeMap<(ShardId, ShardId), u64>,
    /// Links that lost something and will be reset.
    pub(super) broken: Vec<(ShardId, ShardId)>,
    pub(super) tasks: Vec<(ShardId, u64, Task)>,
    pub(super) clients: Clients,
    pub(super) witness: Witness,
    pub(super) now: Timestamp,
    pub(super) step: u64,
    pub(super) boundaries: u64,
    /// Crashes to come, the next one first.
    pub(super) crashes: VecDeque<Crash>,
    /// A sync failed at this step: nothing can be committed until the node is restarted.
    pub(super) dead_since: Option<u64>,
    pub(super) violations: Vec<String>,
    pub(super) probes: Probes,
    /// Rolling hash over all that happened.
    pub(super) trace: u64,
}

impl World {
    pub(super) fn new(setup: &Setup, crashes: &[Crash]) -> Self {
        let types = Arc::new(toy::types());
        let store = MemoryStore::new(setup.n_shards);
        store.set_blind_peek(setup.blind_peek);
        let n_logs = match setup.canary {
            Some(Canary::BufferPerShard) => usize::from(setup.n_shards),
            Some(_) | None => 1,
        };
        Self {
            setup: setup.clone(),
            store,
            logs: (0..n_logs).map(|_| Staging::default()).collect(),
            flying: (0..n_logs).map(|_| None).collect(),
            hosts: (0..setup.n_shards).map(|_| Host::default()).collect(),
            links: BTreeMap::new(),
            newest: BTreeMap::new(),
            broken: Vec::new(),
            tasks: Vec::new(),
            clients: Clients::new(setup),
            witness: Witness::new(Arc::clone(&types), setup.chaining),
            types,
            now: Timestamp(1_000_000),
            step: 0,
            boundaries: 0,
            crashes: crashes.iter().copied().collect(),
            dead_since: None,
            violations: Vec::new(),
            probes: Probes::default(),
            trace: setup.seed,
        }
    }

    /// The log of a shard: one for all, but for a canary.
    pub(super) const fn log_of(&self, shard: ShardId) -> usize {
        if self.logs.len() == 1 { 0 } else { shard.0 as usize }
    }

    pub(super) fn host(&mut self, shard: ShardId) -> &mut Host {
        &mut self.hosts[usize::from(shard.0)]
    }

    pub(super) fn shards(&self) -> impl Iterator<Item = ShardId> + use<> {
        (0..self.setup.n_shards).map(ShardId)
    }

    /// A boundary between two steps: what was done is done, what comes may not. A crash of the
    /// node cuts off what is under way; that of one host or of the disk does not.
    pub(super) fn boundary(&mut self, shard: ShardId) -> Result<(), Crashed> {
        match self.due() {
            Some(CrashKind::Node) => return Err(Crashed),
            Some(CrashKind::Host) => self.crash_host(shard),
            Some(CrashKind::Sync) => self.fail_sync(),
            None => {}
        }
        Ok(())
    }

    /// Passes a boundary; the crash that is due there, if any.
    pub(super) fn due(&mut self) -> Option<CrashKind> {
        self.boundaries += 1;
        let due = self.crashes.front().is_some_and(|crash| crash.at < self.boundaries);
        due.then(|| self.crashes.pop_front()).flatten().map(|crash| crash.kind)
    }

    /// Notes what the witness says of something while it happens.
    pub(super) fn witnessed(&mut self, result: Result<(), String>) {
        if !self.setup.only_outcome {
            self.check(result);
        }
    }

    /// Notes that something is not as it has to be.
    pub(super) fn check(&mut self, result: Result<(), String>) {
        if let Err(what) = result {
            self.violation(what);
        }
    }

    pub(super) fn violation(&mut self, what: String) {
        if self.violations.len() < 20 {
            self.violations.push(format!("step {}: {what}", self.step));
        }
    }

    /// Bits for something that happens now.
    pub(super) fn draw(&self, stream: Stream, subject: u64) -> u64 {
        mix(self.setup.seed, stream, self.step, subject)
    }

    pub(super) fn canary(&self, canary: Canary) -> bool {
        self.setup.canary == Some(canary)
    }

    /// Whether faults other than crashes still happen.
    pub(super) fn faulty(&self) -> bool {
        self.setup.faults && !self.clients.all_issued()
    }
}
