//! The shard as a state machine: inputs and time in, staged records and outputs out.
//!
//! Guarantees: I2-I5, I7 of ARCHITECTURE.md. One input is handled at a time; a step is staged
//! whole before anything leaves it; every reply waits until the entity's last staged record is
//! durable. Pure but for the staging buffer behind [`Env`]: no clock, no I/O, no randomness.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use entity::{DeadLetter, EntityKey, EntityTypes, Sends, ShardId, StreamSend, Timestamp};
use ports::{Peek, SnapshotWrite};

use super::io::{Alarm, Answer, Ask, AskBody, Caller, Input, Loaded, Output, Refusal};
use super::release::ReleaseQueue;
use super::residents::{Residents, Slot};
use super::streams::{Arrival, Incoming, Outgoing};
use super::timers::Timers;
use super::waiters::Waiters;
use crate::limits;
use crate::log::{Lsn, Stage};
use crate::shard_map::{ShardMap, in_order};
use loading::Access;

mod loading;
mod operator;
mod query;
pub mod recovery;
mod snapshotting;
pub(super) mod step;

pub use snapshotting::TailSize;

/// What a shard needs while it handles an input.
pub trait Env: Stage {
    /// What the store knows at once of an entity's snapshot.
    fn peek(&mut self, key: &EntityKey) -> Peek;
}

/// What does not change while a shard is owned.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which shard.
    pub shard: ShardId,
    /// Among how many.
    pub n_shards: u16,
    /// The epoch it is owned under.
    pub epoch: u64,
    /// Whether a message to a shard of the same log may be handled before its cause is durable.
    pub chaining: bool,
    /// Bytes of entities to keep in memory.
    pub resident_bytes: usize,
    /// Events in the tail at which snapshots are taken.
    pub snapshot_tail_events: u64,
    /// Unacknowledged messages of a stream at which new work is refused.
    pub stream_window: usize,
}

/// What waits for the log.
#[derive(Debug)]
enum Held<R> {
    Reply(R, Answer),
    Send(StreamSend),
    Ack { from: ShardId, number: u64 },
    Snapshots(Box<SnapshotWrite>),
}

/// A shard.
pub struct ShardCore<R> {
    config: Config,
    types: Arc<EntityTypes>,
    residents: Residents,
    outgoing: Outgoing,
    incoming: Incoming,
    timers: Timers,
    waiters: Waiters<R>,
    release: ReleaseQueue<Held<R>>,
    /// Asks for entities that are being read.
    loading: BTreeMap<EntityKey, VecDeque<Box<Ask<R>>>>,
    /// Commits after the checkpoint with records of entities not read since recovery.
    tail: BTreeMap<EntityKey, Vec<u64>>,
    quarantined: BTreeMap<EntityKey, String>,
    /// Of these, those that cannot even be folded from the journal: no snapshot can be made.
    unfoldable: BTreeSet<EntityKey>,
    dead_letters: BTreeMap<u64, DeadLetter>,
    last_dead_letter: u64,
    /// Shard time: never earlier than what was journaled. Entities live by it.
    time: Timestamp,
    /// The node's clock at the last input. What others made of the same clock goes by it: deadlines
    /// of callers, the time that a message has left; and when to send again. Shard time may be far
    /// ahead of it, after an owner with a fast clock.
    clock: Timestamp,
    durable: Lsn,
    staged: Lsn,
    /// Place of the last record of the runtime's own.
    runtime_lsn: Lsn,
    durable_marks: ShardMap<u64>,
    snapshots: snapshotting::Snapshots,
    timers_until: Timestamp,
    timers_loading: bool,
    /// Streams whose next message may be handled.
    ready: VecDeque<ShardId>,
    /// Messages to other shards that leave at the end of the turn, in the order of the shards.
    leaving: Vec<(ShardId, Sends)>,
    /// Empty between steps: kept for the room.
    sending: Vec<StreamSend>,
    /// Entities with waiters that changed in this turn.
    changed: BTreeSet<EntityKey>,
    scratch: Vec<u8>,
    /// A read failed: when to try again.
    retry_at: Option<Timestamp>,
    /// When unacknowledged messages are looked at.
    retransmit_at: Option<Timestamp>,
    failed: bool,
}

impl<R: Caller> ShardCore<R> {
    fn empty(config: Config, types: Arc<EntityTypes>, durable: Lsn) -> Self {
        Self {
            outgoing: Outgoing::new(config.stream_window),
            config,
            types,
            residents: Residents::default(),
            incoming: Incoming::default(),
            timers: Timers::default(),
            waiters: Waiters::default(),
            release: ReleaseQueue::default(),
            loading: BTreeMap::new(),
            tail: BTreeMap::new(),
            quarantined: BTreeMap::new(),
            unfoldable: BTreeSet::new(),
            dead_letters: BTreeMap::new(),
            last_dead_letter: 0,
            time: Timestamp::default(),
            clock: Timestamp::default(),
            durable,
            staged: durable,
            runtime_lsn: 0,
            durable_marks: ShardMap::default(),
            snapshots: snapshotting::Snapshots::default(),
            timers_until: Timestamp::default(),
            timers_loading: false,
            ready: VecDeque::new(),
            leaving: Vec::new(),
            sending: Vec::new(),
            changed: BTreeSet::new(),
            scratch: Vec::new(),
            retry_at: None,
            retransmit_at: None,
            failed: false,
        }
    }

    /// Which shard it is.
    #[must_use]
    pub const fn shard(&self) -> ShardId {
        self.config.shard
    }

    /// The epoch that it is owned under.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.config.epoch
    }

    /// Whether the log refused a record: the shard must be given up.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.failed
    }

    /// Entities in memory and the bytes that they take.
    #[must_use]
    pub fn residency(&self) -> (usize, usize) {
        (self.residents.len(), self.residents.bytes())
    }

    /// Whether nothing is under way: no message, no reply, no read that would be lost by stopping.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.release.is_empty() && self.loading.is_empty() && self.outgoing.is_idle()
    }

    /// Whether everything taken was answered: nothing waits for the log or for a read.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.release.is_empty()
            && self.staged <= self.durable
            && self.loading.is_empty()
            && !self.incoming.has_waiting()
    }

    /// When [`Input::Tick`] is wanted next, if at all.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        let timers = self.timers.first();
        let waiters = self.waiters.first();
        let paging = (self.timers_until < Timestamp::MAX && !self.timers_loading)
            .then(|| self.timers_until.minus_ms(limits::TIMER_HORIZON_MS / 2));
        [timers, waiters, paging, self.retry_at, self.retransmit_at].into_iter().flatten().min()
    }

    /// The first outputs after recovery: messages that were not acknowledged go out again, and
    /// the others are asked to do the same.
    pub fn start(&mut self, now: Timestamp, out: &mut Vec<Output<R>>) {
        self.clock = now;
        for to in self.outgoing.receivers().collect::<Vec<_>>() {
            for send in self.outgoing.unacked(to, self.durable) {
                self.hand_over(send);
            }
        }
        for of in (0..self.config.n_shards).map(ShardId).filter(|of| *of != self.config.shard) {
            out.push(Output::AskResend { of });
        }
        self.flush(out);
    }

    /// Handles one input at a time `now`.
    pub fn handle(
        &mut self,
        input: Input<R>,
        now: Timestamp,
        env: &mut dyn Env,
        out: &mut Vec<Output<R>>,
    ) {
        self.clock = now;
        self.time = self.time.max(now);
        match input {
            Input::Ask(ask) => self.ask(ask, env, out),
            Input::Stream { from, sends } => self.arrived(from, sends, out),
            Input::Acked { by, through } => self.outgoing.acked(by, through),
            Input::Resend { to } => {
                let durable = if self.config.chaining { Lsn::MAX } else { self.durable };
                let sends = self.outgoing.unacked(to, durable);
                if !sends.is_empty() {
                    sites::hit("stream.asked_again");
                }
                sends.into_iter().for_each(|send| self.hand_over(send));
            }
            Input::Durable(lsn) => self.durable(lsn, out),
            Input::Loaded(key, loaded) => {
                self.loaded(key, loaded, env, out);
                self.maybe_snapshot(out);
            }
            Input::Timers { rows, until } => self.timers_loaded(rows, until, out),
            Input::SnapshotsWritten => {
                self.snapshots_written();
                self.maybe_snapshot(out);
            }
            Input::SnapshotsFailed => {
                self.snapshots_failed();
                self.retry_later();
            }
            Input::Tick => self.tick(env, out),
            Input::Drain => {
                self.begin_drain();
                self.maybe_snapshot(out);
            }
        }
        self.run_streams(env, out);
        self.wake_waiters(out);
        self.flush(out);
        // What came in to be read only is let go here; nothing else would.
        self.evict(limits::EVICTIONS_PER_INPUT_MAX);
    }

    fn ask(&mut self, ask: Box<Ask<R>>, env: &mut dyn Env, out: &mut Vec<Output<R>>) {
        if self.failed {
            return out.push(Output::Reply(ask.reply_to, Answer::Refused(Refusal::Unavailable)));
        }
        if let AskBody::Command(..) = ask.body {
            let refusal = if ask.deadline < self.clock {
                sites::hit("ask.too_late");
                Some(Refusal::TimedOut)
            } else {
                self.is_window_closed().then_some(Refusal::Overloaded)
            };
            if let Some(refusal) = refusal {
                return out.push(Output::Reply(ask.reply_to, Answer::Refused(refusal)));
            }
        }
        match &ask.body {
            AskBody::Lift => return self.lift(*ask, env, out),
            AskBody::ReplayDeadLetter(number) => {
                let number = *number;
                return self.replay_dead_letter(number, *ask, env, out);
            }
            AskBody::Troubles => return self.tell_troubles(*ask, out),
            AskBody::Command(..) | AskBody::Query(_) | AskBody::Locate => {}
        }
        match self.access(&ask.key, env, out) {
            Access::Ready(slot) => self.ask_resident(slot, *ask, env, out),
            Access::Loading => {
                self.loading.entry(ask.key.clone()).or_default().push_back(ask);
            }
            Access::Quarantined => {
                let answer = self.answer_in_quarantine(&ask);
                // The quarantine itself may not be durable yet (I4).
                self.reply(self.runtime_lsn, ask.reply_to, answer, out);
            }
            Access::Unknown => {
                out.push(Output::Reply(ask.reply_to, Answer::Refused(Refusal::Unreadable)));
            }
        }
    }

    /// Whether new work is refused because what it would send cannot go out.
    fn is_window_closed(&self) -> bool {
        if self.outgoing.is_closed() {
            sites::hit("stream.window_closed");
            return !sites::is_broken("stream_window_removed");
        }
        let own = self.config.shard;
        sites::fires("tiny_window", u64::from(own.0)) && self.outgoing.has_unacked_beside(own)
    }

    fn ask_resident(
        &mut self,
        slot: Slot,
        ask: Ask<R>,
        env: &mut dyn Env,
        out: &mut Vec<Output<R>>,
    ) {
        match ask.body {
            AskBody::Command(..) => self.command(slot, ask, env, out),
            AskBody::Query(_) => self.query(slot, ask, out),
            AskBody::Locate => {
                let resident = self.residents.get(slot);
                let (lsn, answer) = (
                    resident.last_lsn,
                    Answer::Located {
                        version: resident.cell.version(),
                        last_commit: resident.last_commit,
                    },
                );
                self.reply(lsn, ask.reply_to, answer, out);
            }
            AskBody::Lift | AskBody::ReplayDeadLetter(_) | AskBody::Troubles => {
                unreachable!("an operator's request does not need the entity")
            }
        }
    }

    /// Messages came in: those that are new wait for their turn.
    fn arrived(&mut self, from: ShardId, sends: Sends, out: &mut Vec<Output<R>>) {
        let mut repeat = false;
        for send in sends {
            match self.incoming.arrive(from, send) {
                Arrival::Queued => {}
                Arrival::Repeat => repeat = true,
                Arrival::Gap => {
                    sites::hit("stream.gap");
                    out.push(Output::AskResend { of: from });
                    break;
                }
                Arrival::GapAgain => break,
            }
        }
        if repeat {
            sites::hit("stream.repeat");
            let through = self.durable_marks.get(from).copied().unwrap_or(0);
            out.push(Output::Ack { to: from, through });
        }
        self.ready.push_back(from);
    }

    /// Handles messages of ready streams until each is empty or waits for a read.
    fn run_streams(&mut self, env: &mut dyn Env, out: &mut Vec<Output<R>>) {
        while let Some(from) = self.ready.pop_front() {
            while !self.failed {
                let Some(send) = self.incoming.peek(from) else { break };
                let message = Arc::clone(&send.message);
                match self.access(&message.to, env, out) {
                    Access::Ready(slot) => self.message(slot, from, &message, env, out),
                    Access::Loading => break,
                    Access::Quarantined => {
                        self.bounce(from, &message, entity::BounceReason::Quarantined, env, out);
                    }
                    Access::Unknown => {
                        self.bounce(from, &message, entity::BounceReason::Unreadable, env, out);
                    }
                }
            }
        }
    }

    /// The log moved on: what waited for it leaves.
    fn durable(&mut self, lsn: Lsn, out: &mut Vec<Output<R>>) {
        self.durable = self.durable.max(lsn);
        let mut acks: Vec<(ShardId, u64)> = Vec::new();
        while let Some(held) = self.release.pop(self.durable) {
            match held {
                Held::Reply(reply_to, answer) => out.push(Output::Reply(reply_to, answer)),
                Held::Send(send) => self.hand_over(send),
                Held::Ack { from, number } => *in_order(&mut acks, from, u64::default) = number,
                Held::Snapshots(write) => out.push(Output::WriteSnapshots(write)),
            }
        }
        for (from, number) in acks {
            self.durable_marks.insert(from, number);
            if from == self.config.shard {
                self.outgoing.acked(from, number);
            } else {
                out.push(Output::Ack { to: from, through: number });
            }
        }
        self.maybe_snapshot(out);
    }

    /// Gives a message to its shard: to this one at once, to others at the end of the turn.
    fn hand_over(&mut self, send: StreamSend) {
        let to = send.to_shard;
        if to == self.config.shard {
            self.incoming.arrive(to, send);
            self.ready.push_back(to);
        } else {
            in_order(&mut self.leaving, to, Sends::new).push(send);
            if self.retransmit_at.is_none() {
                self.retransmit_at = Some(self.clock.plus_ms(limits::RETRANSMIT_MS));
            }
        }
    }

    fn flush(&mut self, out: &mut Vec<Output<R>>) {
        out.extend(self.leaving.drain(..).map(|(to, sends)| Output::Send { to, sends }));
    }

    /// Answers when the log is durable up to `lsn`.
    fn reply(&mut self, lsn: Lsn, reply_to: R, answer: Answer, out: &mut Vec<Output<R>>) {
        if lsn <= self.durable || sites::is_broken("reply_before_commit") {
            out.push(Output::Reply(reply_to, answer));
        } else {
            self.release.push(lsn, Held::Reply(reply_to, answer));
        }
    }

    fn tick(&mut self, env: &mut dyn Env, out: &mut Vec<Output<R>>) {
        for (at, key) in self.timers.due(self.time, limits::WAKES_PER_TICK_MAX) {
            match self.access(&key, env, out) {
                Access::Ready(slot) if self.residents.get(slot).deadline == at => {
                    self.wake(slot, env, out);
                }
                Access::Ready(_) | Access::Quarantined | Access::Unknown => {
                    self.timers.replace(&key, Some(at), None);
                }
                Access::Loading => {
                    sites::hit("timer.woke_sleeper");
                    self.timers.begin_read(at, &key);
                }
            }
        }
        while let Some((key, waiter)) = self.waiters.take_due(self.clock) {
            self.answer_due(&key, waiter, env, out);
        }
        if self.retry_at.is_some_and(|at| at <= self.clock) {
            self.retry_at = None;
            self.timers.retry();
            self.ready.extend(self.incoming.waiting());
        }
        if self.retransmit_at.is_some_and(|at| at <= self.clock) {
            self.retransmit();
        }
        self.page_timers(out);
        self.maybe_snapshot(out);
        self.evict(usize::MAX);
    }

    /// Sends again what may have been lost on its way. A lost message is noticed by its receiver
    /// when the next one comes, but the last one has no next one; and acknowledgements are lost
    /// too, which a repeated message brings back.
    fn retransmit(&mut self) {
        let own = self.config.shard;
        for sends in self.outgoing.stalled(own, self.durable) {
            sites::hit("stream.sent_again");
            sends.into_iter().for_each(|send| self.hand_over(send));
        }
        let more = self.outgoing.has_unacked_beside(own);
        self.retransmit_at = more.then(|| self.clock.plus_ms(limits::RETRANSMIT_MS));
    }

    /// What failed is tried again after a while; a later failure does not put it off.
    fn retry_later(&mut self) {
        let at = self.clock.plus_ms(limits::LOAD_RETRY_MS);
        self.retry_at = Some(self.retry_at.map_or(at, |earlier| earlier.min(at)));
    }

    fn alarm(&self, alarm: Alarm, out: &mut Vec<Output<R>>) {
        out.push(Output::Alarm(alarm));
    }
}

/// Result of a read, as the loader module takes it.
type LoadResult = Result<Loaded, String>;
