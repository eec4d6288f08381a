//! A host of the harness: hands inputs to a core and performs its outputs, one at a time.
//!
//! As `cluster::shard::host`, but an input may be handled before the outputs of the one before it
//! are performed (a real host takes many inputs in one turn), and a crash may come between any
//! two records that an input stages.

use cluster::ctx::Parcel;
use cluster::log::{Placed, Stage, StageError, Staging};
use cluster::shard::core::Env;
use cluster::shard::{Answer, Input, Loaded, Output, ShardCore};
use codec::Stored;
use entity::{EntityKey, PackedEvents, Sends, ShardId, StepRecord};
use ports::{Journal, MemoryStore, Peek, SnapshotStore, SnapshotWrite};

use super::journal::ready;
use super::plan::Canary;
use super::run::{Crash, CrashKind};
use super::witness::Witness;
use super::world::{Attempt, Crashed, Task, World};
use crate::random::{Stream, percent};

/// What a core sees of the world while it handles an input.
pub(super) struct HarnessEnv<'a> {
    shard: ShardId,
    staging: &'a mut Staging,
    store: &'a MemoryStore,
    witness: &'a mut Witness,
    boundaries: &'a mut u64,
    next_crash: Option<Crash>,
    canary: Option<Canary>,
    apart: &'a mut Option<(u64, StepRecord)>,
    cut: Option<CrashKind>,
    fault: Option<String>,
}

impl HarnessEnv<'_> {
    /// Nothing crashes in here.
    pub(super) const fn spare(&mut self) {
        self.next_crash = None;
    }

    fn put(&mut self, epoch: u64, record: &StepRecord) -> Result<Placed, StageError> {
        let mut bytes = Vec::new();
        ports::Frame::push_record(&mut bytes, record).expect("a toy's record is small");
        let placed = self.staging.stage(self.shard, epoch, &bytes, record.clone())?;
        if let Err(fault) = self.witness.stage(self.shard, record) {
            self.fault.get_or_insert(fault);
        }
        Ok(placed)
    }
}

impl Stage for HarnessEnv<'_> {
    fn stage(
        &mut self,
        shard: ShardId,
        epoch: u64,
        encoded: &[u8],
        mut record: StepRecord,
    ) -> Result<Placed, StageError> {
        assert_eq!(shard, self.shard, "a core stages for its own shard");
        *self.boundaries += 1;
        if let Some(crash) = self.next_crash.filter(|crash| crash.at < *self.boundaries) {
            self.next_crash = None;
            self.cut = Some(crash.kind);
        }
        if self.cut.is_some() {
            // Cut off before this record. What the core does now is thrown away with it.
            return Err(StageError::Closed);
        }
        let decoded = StepRecord::decode_version(StepRecord::VERSION, &encoded[4..]);
        assert_eq!(decoded.as_ref(), Ok(&record), "I3: what is staged is what is journaled");
        if self.canary == Some(Canary::KeysNotKept) {
            record.kept = None;
        }
        if self.canary == Some(Canary::MarkApart) && record.mark.is_some() {
            self.stage_apart();
            *self.apart = Some((epoch, mark_only(&record)));
            record.mark = None;
        }
        self.put(epoch, &record)
    }
}

impl HarnessEnv<'_> {
    /// Stages the mark that was held back.
    pub(super) fn stage_apart(&mut self) {
        if let Some((epoch, record)) = self.apart.take() {
            // A closed log refuses it, and so it does all that comes after.
            let _ = self.put(epoch, &record);
        }
    }
}

/// A record of the runtime's own with nothing but the mark of another one.
fn mark_only(record: &StepRecord) -> StepRecord {
    StepRecord {
        prev: 0,
        source: entity::RecordSource::Runtime,
        events: PackedEvents::new(),
        sends: Sends::new(),
        kept: None,
        quarantine: None,
        dead_letter: None,
        ..record.clone()
    }
}

impl Env for HarnessEnv<'_> {
    fn peek(&mut self, key: &EntityKey) -> Peek {
        self.store.peek(self.shard, key).expect("the model answers")
    }
}

impl World {
    /// Lets a core handle an input.
    pub(super) fn handle(&mut self, shard: ShardId, input: Input<Attempt>) -> Result<(), Crashed> {
        let mut core = self.host(shard).core.take().expect("listed when it is up");
        let mut out = Vec::new();
        let fault = self.with_env(shard, |env, now| {
            core.handle(input, now, env, &mut out);
            (env.cut, env.fault.take())
        });
        let (cut, fault) = fault;
        self.witnessed(fault.map_or(Ok(()), Err));
        if let Some(kind) = cut {
            self.crashes.pop_front();
            self.host(shard).core = Some(core);
            match kind {
                CrashKind::Node => return Err(Crashed),
                // The disk cannot fail in the middle of an input: it is the host that is cut off.
                CrashKind::Host | CrashKind::Sync => self.crash_host(shard),
            }
            return Ok(());
        }
        let failed = core.has_failed();
        self.after_turn(shard, core, out);
        if failed {
            // A host whose log refused a record ends; the log is closed, so the node ends too.
            self.probes.hit("record refused");
            self.crash_host(shard);
            return Ok(());
        }
        self.boundary(shard)
    }

    fn after_turn(&mut self, shard: ShardId, core: ShardCore<Attempt>, out: Vec<Output<Attempt>>) {
        let log = self.log_of(shard);
        let staged = self.logs[log].last_lsn(shard);
        let early = self.canary(Canary::ReplyBeforeCommit);
        let withheld = self.canary(Canary::SnapshotBeforeDurable);
        let host = self.host(shard);
        host.core = Some(core);
        for output in out {
            // Snapshots leave at once; all else as if the core had not been told too early.
            match output {
                Output::WriteSnapshots(_) => host.outbox.push_back(output),
                _ if withheld => host.withheld.push_back((staged, output)),
                output => host.outbox.push_back(output),
            }
        }
        if (early || withheld) && staged > host.told {
            host.told = staged;
            host.inbox.push_back(Input::Durable(staged));
        }
        let durable = self.logs[log].durable();
        self.release_withheld(shard, durable);
    }

    /// Lets go what a canary held back and what is durable by now.
    pub(super) fn release_withheld(&mut self, shard: ShardId, durable: u64) {
        let host = self.host(shard);
        while host.withheld.front().is_some_and(|(lsn, _)| *lsn <= durable) {
            let (_, output) = host.withheld.pop_front().expect("looked at");
            host.outbox.push_back(output);
        }
    }

    /// Runs something with what a core sees of the world.
    pub(super) fn with_env<T>(
        &mut self,
        shard: ShardId,
        f: impl FnOnce(&mut HarnessEnv<'_>, entity::Timestamp) -> T,
    ) -> T {
        let log = self.log_of(shard);
        let mut env = HarnessEnv {
            shard,
            staging: &mut self.logs[log],
            store: &self.store,
            witness: &mut self.witness,
            boundaries: &mut self.boundaries,
            next_crash: self.crashes.front().copied(),
            canary: self.setup.canary,
            apart: &mut self.hosts[usize::from(shard.0)].apart,
            cut: None,
            fault: None,
        };
        f(&mut env, self.now)
    }

    /// Performs the next output of a host.
    pub(super) fn perform(&mut self, shard: ShardId) -> Result<(), Crashed> {
        let output = self.host(shard).outbox.pop_front().expect("listed when there is one");
        match output {
            Output::Reply(attempt, answer) => self.replied(attempt, &answer),
            Output::Send { to, sends } => {
                if !self.setup.chaining {
                    let durable = self.witness.durable.sends.get(&(shard, to)).copied();
                    let last = sends.last().map_or(0, |send| send.number);
                    if last > durable.unwrap_or(0) {
                        let what = format!("I4: {shard:?} sent {last} at durable {durable:?}");
                        self.witnessed(Err(what));
                    }
                }
                self.send(shard, to, Parcel::Stream { from: shard, sends });
            }
            Output::Ack { to, through } => {
                let durable = self.witness.durable.marks.get(&(to, shard)).copied().unwrap_or(0);
                if through > durable {
                    let what = format!("I4: {shard:?} acknowledged {through} at {durable}");
                    self.witnessed(Err(what));
                }
                self.send(shard, to, Parcel::Acked { by: shard, through });
            }
            Output::AskResend { of } => self.send(shard, of, Parcel::Resend { to: shard }),
            Output::Load { key, commits } => self.spawn(shard, Task::Read { key, commits }),
            Output::LoadTimers { after, until } => self.spawn(shard, Task::Timers { after, until }),
            Output::WriteSnapshots(write) => self.spawn(shard, Task::Write(write)),
            Output::Alarm(_) => self.probes.hit("alarm"),
        }
        self.boundary(shard)
    }

    fn spawn(&mut self, shard: ShardId, task: Task) {
        let generation = self.host(shard).generation;
        self.tasks.push((shard, generation, task));
    }

    /// A read or write happens, and its host hears of it.
    pub(super) fn task(&mut self, index: usize) -> Result<(), Crashed> {
        let (shard, generation, task) = self.tasks.swap_remove(index);
        let fails = self.faulty() && percent(self.draw(Stream::Fault, 2_000 + index as u64), 8);
        let input = match task {
            Task::Read { key, .. } if fails => {
                self.probes.hit("read failed");
                Input::Loaded(key, Err("the store did not answer".into()))
            }
            Task::Read { key, commits } => {
                self.probes.hit("entity read");
                let loaded = read(&self.store, shard, &key, &commits);
                Input::Loaded(key, loaded)
            }
            Task::Timers { after, until } => {
                let limit = cluster::limits::TIMERS_PER_PAGE;
                let rows = ready(self.store.timers(shard, after.as_ref(), until, limit));
                Input::Timers { rows: rows.expect("the model answers"), until }
            }
            Task::Write(_) if fails => {
                self.probes.hit("write failed");
                Input::SnapshotsFailed
            }
            Task::Write(write) => {
                self.boundary(shard)?;
                self.write(shard, *write);
                Input::SnapshotsWritten
            }
        };
        self.boundary(shard)?;
        let stale = self.canary(Canary::StaleTasks);
        let host = self.host(shard);
        if host.generation == generation || stale {
            host.inbox.push_back(input);
        } else {
            self.probes.hit("stale task dropped");
        }
        self.boundary(shard)
    }

    fn write(&mut self, shard: ShardId, mut write: SnapshotWrite) {
        if self.canary(Canary::CheckpointAhead)
            && let Some(checkpoint) = &mut write.checkpoint
        {
            checkpoint.commit_no = self.witness.commits[&shard];
        }
        let seen = self.writable(shard, &write);
        self.witnessed(seen);
        self.probes.hit("snapshots written");
        let checkpoint = write.checkpoint.as_ref().map(|checkpoint| checkpoint.commit_no);
        ready(self.store.write(shard, write)).expect("the model writes");
        if let Some(commit) = checkpoint {
            self.probes.hit("checkpoint");
            let seen = self.complete(shard, commit);
            self.witnessed(seen);
        }
    }
}

/// Reads an entity as `cluster::shard::host::read_entity` does.
fn read(
    store: &MemoryStore,
    shard: ShardId,
    key: &EntityKey,
    commits: &[u64],
) -> Result<Loaded, String> {
    let shared: ports::SharedStore = std::sync::Arc::new(store.clone());
    ready(cluster::shard::host::read_entity(&shared, shard, key, commits))
}

/// Whether an answer says that nothing was done and the caller may try again.
pub(super) fn is_retryable(answer: &Answer) -> bool {
    use cluster::shard::Refusal;
    match answer {
        Answer::Refused(refusal) => match refusal {
            Refusal::Overloaded | Refusal::TimedOut | Refusal::Unavailable => true,
            Refusal::Quarantined | Refusal::Unreadable | Refusal::NotFound | Refusal::Failed => {
                false
            }
        },
        Answer::Outcome(_)
        | Answer::Query(_)
        | Answer::Located { .. }
        | Answer::Done
        | Answer::Troubles(_) => false,
    }
}

/// Where a journal of the store ends.
pub(super) fn tail(store: &MemoryStore, shard: ShardId) -> ports::Tail {
    ready(store.tail(shard)).expect("the model answers")
}
