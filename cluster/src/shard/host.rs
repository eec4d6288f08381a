//! The shard host: the ractor actor around a shard's core.
//!
//! It takes what gathered in the inbox, lets the core handle it, performs the outputs. It branches
//! on outputs only, never on business state. A turn runs in the actor, or, of a host that sleeps,
//! on the thread of a caller or of the committer; the inbox lets one run at a time. A panic that
//! reaches it is a bug of ours: the actor ends with it, and the node rebuilds the shard from its
//! journal.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use entity::{EntityKey, ShardId, StepRecord, Timestamp};
use parking_lot::Mutex;
use ports::{Peek, SharedStore};
use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::ShardCore;
use super::core::Env;
use super::core::step::panic_text;
use super::following::{self, First};
use super::inbox::{Inbox, ReplyTo, TurnOver, Wake};
use super::io::{Alarm, Input, Loaded, Output};
use crate::ctx::{NodeCtx, Parcel};
use crate::limits;
use crate::log::{Log, Placed, Stage, StageError};
use crate::node::{Life, Links};

/// The host actor.
pub struct Host;

/// A host's state, where the actor and callers find it.
pub struct Seated {
    state: Mutex<HostState>,
    /// Why a turn on a caller's thread broke; the actor ends with it.
    broken: Mutex<Option<String>>,
}

impl Seated {
    fn new(state: HostState) -> Self {
        Self { state: Mutex::new(state), broken: Mutex::default() }
    }

    /// Takes a turn on the caller's thread. Returns whether it went well: else the actor has to be
    /// woken, which ends. Not called while a turn runs.
    pub(super) fn turn(&self) -> bool {
        let first = following::begin();
        let went_well = self.turn_alone();
        // Without the lock: a turn that follows may wake this host again.
        first.into_iter().for_each(First::run);
        went_well
    }

    fn turn_alone(&self) -> bool {
        let mut state = self.state.lock();
        let shard = u64::from(state.core.shard().0);
        if state.life.is_over() || state.core.has_failed() || sites::fires("extra_yield", shard) {
            return false;
        }
        match catch_unwind(AssertUnwindSafe(|| state.turn())) {
            Ok(()) => !state.core.has_failed(),
            Err(panic) => {
                *self.broken.lock() = Some(panic_text(panic.as_ref()));
                false
            }
        }
    }
}

/// What a host works on.
pub struct HostState {
    core: ShardCore<ReplyTo>,
    inbox: Arc<Inbox>,
    log: Arc<Log>,
    ctx: NodeCtx,
    links: Arc<Links>,
    life: Arc<Life>,
    outputs: Vec<Output<ReplyTo>>,
    /// Empty between turns, as `outputs` is: kept for the room.
    inputs: VecDeque<Input<ReplyTo>>,
    /// Its number among the hosts of its shard.
    generation: u64,
}

impl HostState {
    /// A host's state.
    #[must_use]
    pub(crate) fn new(
        core: ShardCore<ReplyTo>,
        inbox: Arc<Inbox>,
        log: Arc<Log>,
        ctx: NodeCtx,
        links: Arc<Links>,
        life: Arc<Life>,
    ) -> Self {
        let generation = inbox.succeed();
        let (outputs, inputs) = (Vec::new(), VecDeque::new());
        Self { core, inbox, log, ctx, links, life, outputs, inputs, generation }
    }

    fn turn(&mut self) {
        let now = self.ctx.clock.now();
        let mut env =
            HostEnv { log: &self.log, store: &self.ctx.store, shard: self.core.shard(), n: 0 };
        let mut inputs = std::mem::take(&mut self.inputs);
        self.inbox.take(self.generation, limits::INPUTS_PER_TURN_MAX, &mut inputs);
        for input in inputs.drain(..) {
            if matches!(input, Input::Drain) {
                self.inbox.begin_drain();
            }
            self.core.handle(input, now, &mut env, &mut self.outputs);
        }
        inputs.shrink_to(limits::ROOM_KEPT);
        self.inputs = inputs;
        if self.core.next_wakeup().is_some_and(|at| at <= now) {
            self.core.handle(Input::Tick, now, &mut env, &mut self.outputs);
        }
        if env.n > 0 {
            following::kick(&self.log);
        }
        self.perform();
        let over = TurnOver {
            wakeup: self.core.next_wakeup().unwrap_or(Timestamp::MAX).0,
            drained: self.inbox.is_draining() && self.core.is_drained(),
            settled: self.core.is_settled(),
            unacked: self.core.may_have_unacked(),
        };
        self.inbox.turn_over(self.generation, &over);
    }

    fn perform(&mut self) {
        let (me, generation) = (self.core.shard(), self.generation);
        let mut outputs = std::mem::take(&mut self.outputs);
        for output in outputs.drain(..) {
            match output {
                // A caller that went away does not want its answer.
                Output::Reply(reply_to, answer) => drop(reply_to.send(answer)),
                Output::Send { to, sends } => {
                    self.links.parcel(to, Parcel::Stream { from: me, sends });
                }
                Output::Ack { to, through } => {
                    self.links.parcel(to, Parcel::Acked { by: me, through });
                }
                Output::AskResend { of } => self.links.parcel(of, Parcel::Resend { to: me }),
                Output::Load { key, commits } => self.load(key, commits),
                Output::LoadTimers { after, until } => {
                    let (store, inbox) = (Arc::clone(&self.ctx.store), Arc::clone(&self.inbox));
                    let clock = Arc::clone(&self.ctx.clock);
                    self.life.spawn(async move {
                        let limit = limits::TIMERS_PER_PAGE;
                        loop {
                            match store.timers(me, after.as_ref(), until, limit).await {
                                Ok(rows) => {
                                    return inbox.bring(generation, Input::Timers { rows, until });
                                }
                                Err(error) => tracing::warn!(%error, "timers not read"),
                            }
                            if !inbox.is_newest(generation) {
                                return;
                            }
                            clock.sleep(limits::LOAD_RETRY_MS).await;
                        }
                    });
                }
                Output::WriteSnapshots(write) => {
                    let (store, inbox) = (Arc::clone(&self.ctx.store), Arc::clone(&self.inbox));
                    self.life.spawn(async move {
                        // A write of a host that is gone is not begun: a newer one may have been
                        // made from a later state.
                        if !inbox.is_newest(generation) {
                            return;
                        }
                        match store.write(me, *write).await {
                            Ok(()) => inbox.bring(generation, Input::SnapshotsWritten),
                            Err(error) => {
                                tracing::warn!(shard = me.0, %error, "snapshots not written");
                                inbox.bring(generation, Input::SnapshotsFailed);
                            }
                        }
                    });
                }
                Output::Alarm(alarm) => raise(me, &alarm),
            }
        }
        outputs.shrink_to(limits::ROOM_KEPT);
        self.outputs = outputs;
    }

    fn load(&self, key: EntityKey, commits: Vec<u64>) {
        let (store, inbox) = (Arc::clone(&self.ctx.store), Arc::clone(&self.inbox));
        let (shard, generation) = (self.core.shard(), self.generation);
        self.life.spawn(async move {
            let loaded = read_entity(&store, shard, &key, &commits).await;
            inbox.bring(generation, Input::Loaded(key, loaded));
        });
    }
}

/// Reads an entity: its snapshot, and its records in the given commits from the snapshot's last
/// one on (that one may hold records that are not in the snapshot).
pub async fn read_entity(
    store: &SharedStore,
    shard: ShardId,
    key: &EntityKey,
    commits: &[u64],
) -> Result<Loaded, String> {
    let snapshot = store.snapshot(shard, key).await.map_err(|error| error.to_string())?;
    let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.last_commit);
    let mut records = Vec::new();
    for commit in commits.iter().copied().filter(|commit| *commit >= after) {
        let frames = store.read(shard, commit, 1).await.map_err(|error| error.to_string())?;
        let frame = frames.first().ok_or_else(|| format!("commit {commit} is missing"))?;
        let all = frame.records().map_err(|error| error.to_string())?;
        records.extend(all.into_iter().filter(|r| r.key == *key).map(|r| (commit, r)));
    }
    Ok(Loaded { snapshot, records })
}

fn raise(shard: ShardId, alarm: &Alarm) {
    match alarm {
        Alarm::Quarantined { key, reason } => {
            metrics::counter!("mercato_quarantined_total").increment(1);
            tracing::error!(shard = shard.0, %key, reason, "entity quarantined");
        }
        Alarm::DeadLetter(letter) => {
            metrics::counter!("mercato_dead_letters_total").increment(1);
            let (to, reason) = (&letter.message.to, &letter.reason);
            tracing::error!(shard = shard.0, %to, reason, "message kept as dead letter");
        }
        Alarm::LoadFailed { key, reason } => {
            metrics::counter!("mercato_load_failures_total").increment(1);
            tracing::error!(shard = shard.0, %key, reason, "entity not read");
        }
    }
}

/// The log and the store as the core sees them.
struct HostEnv<'a> {
    log: &'a Log,
    store: &'a SharedStore,
    shard: ShardId,
    n: u32,
}

impl Stage for HostEnv<'_> {
    fn stage(
        &mut self,
        shard: ShardId,
        epoch: u64,
        encoded: &[u8],
        record: StepRecord,
    ) -> Result<Placed, StageError> {
        self.n += 1;
        let mut log = self.log;
        log.stage(shard, epoch, encoded, record)
    }
}

impl Env for HostEnv<'_> {
    fn peek(&mut self, key: &EntityKey) -> Peek {
        self.store.peek(self.shard, key).unwrap_or(Peek::Unknown)
    }
}

impl Actor for Host {
    type Msg = Wake;
    type State = Arc<Seated>;
    type Arguments = HostState;

    async fn pre_start(
        &self,
        myself: ActorRef<Wake>,
        mut state: HostState,
    ) -> Result<Arc<Seated>, ActorProcessingErr> {
        let now = state.ctx.clock.now();
        state.core.start(now, &mut state.outputs);
        state.perform();
        let inbox = Arc::clone(&state.inbox);
        let seated = Arc::new(Seated::new(state));
        inbox.push(if inbox.is_draining() { Input::Drain } else { Input::Tick });
        inbox.attach(myself, &seated);
        Ok(seated)
    }

    async fn handle(
        &self,
        _myself: ActorRef<Wake>,
        _wake: Wake,
        seated: &mut Arc<Seated>,
    ) -> Result<(), ActorProcessingErr> {
        let (is_over, shard) = {
            let state = seated.state.lock();
            (state.life.is_over(), u64::from(state.core.shard().0))
        };
        if is_over {
            return Ok(());
        }
        if let Some(reason) = seated.broken.lock().take() {
            return Err(reason.into());
        }
        if sites::fires("extra_yield", shard) {
            tokio::task::yield_now().await;
        }
        let first = following::begin();
        let has_failed = {
            let mut state = seated.state.lock();
            state.turn();
            state.core.has_failed()
        };
        first.into_iter().for_each(First::run);
        if has_failed {
            return Err("the log refused a record".into());
        }
        Ok(())
    }
}
