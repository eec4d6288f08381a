//! The inbox of a shard: what its host takes next, in order.
//!
//! It stands in front of the ractor mailbox: senders put inputs here and wake the host once, and
//! the host takes all that gathered in one turn. It outlives the host: a rebuilt one goes on with
//! what waits. It is bounded by admission (callers) and by stream windows (messages).
//!
//! What a read or write brings belongs to the host that asked for it. Its successor was rebuilt
//! from the journal and knows nothing of it: it would take an old state of an entity for the
//! newest, or a write of the dead host for its own. So hosts are counted, and that is dropped.
//!
//! It takes something only while the shard is served here. Each time that it is opened begins a
//! tenure; what the log of an earlier one says is dropped, since places in it mean nothing now.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use ractor::ActorRef;
use tokio::sync::{Notify, oneshot};

use super::following;
use super::host::Seated;
use super::io::{Answer, Caller, Input};
use crate::ctx::Parcel;
use crate::log::Lsn;

/// How a caller is answered.
pub type ReplyTo = oneshot::Sender<Answer>;

impl Caller for ReplyTo {
    fn has_left(&self) -> bool {
        self.is_closed()
    }
}

/// Wakes a host.
#[derive(Debug)]
pub struct Wake;

#[derive(Default)]
struct Queue {
    inputs: VecDeque<Input<ReplyTo>>,
    /// How many hosts this shard had.
    generation: u64,
    /// How often it was opened.
    tenure: u64,
    /// How often it was closed to new work.
    n_closings: u64,
    gate: Gate,
}

/// What an inbox takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Gate {
    /// Nothing: the shard is not served here.
    #[default]
    Closed,
    /// Only what ends the work that is under way.
    Settling,
    /// Everything.
    Open,
}

/// What a host says of itself after a turn.
pub(super) struct TurnOver {
    /// When it wants a tick, in milliseconds of its clock; `u64::MAX` = never.
    pub(super) wakeup: u64,
    /// Whether a drain has written all there is.
    pub(super) drained: bool,
    /// Whether everything taken was answered.
    pub(super) settled: bool,
    /// Whether messages to other shards may wait for their acknowledgement.
    pub(super) unacked: bool,
}

/// How inboxes of a node call its ticker before the time at which it would look by itself.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    /// When it looks, in milliseconds of the node's clock: who wants it no earlier need not ring.
    planned: AtomicU64,
    rings: Notify,
}

impl Bell {
    /// The ticker looks at that time; 0 = at once, `u64::MAX` = it does not know yet.
    pub(crate) fn plan(&self, at_ms: u64) {
        self.planned.store(at_ms, Ordering::SeqCst);
    }

    /// Ends when somebody wants the ticker earlier than it planned.
    pub(crate) async fn rung(&self) {
        self.rings.notified().await;
    }

    fn want(&self, at_ms: u64) {
        // Sequentially consistent with the ticker's writes: it sees the wish, or the wish its plan.
        if at_ms < self.planned.load(Ordering::SeqCst) {
            self.rings.notify_one();
        }
    }
}

/// A host, as its inbox knows it.
struct Attached {
    actor: ActorRef<Wake>,
    /// For callers who let it take its turn on their own thread. Not held: it holds the inbox.
    seated: Weak<Seated>,
}

/// An inbox.
#[derive(Default)]
pub struct Inbox {
    queue: Mutex<Queue>,
    woken: AtomicBool,
    host: Mutex<Option<Attached>>,
    /// Turns that the host has finished; the watchdog looks at it.
    turns: AtomicU64,
    /// When the host wants a tick next, in milliseconds; `u64::MAX` = never.
    wakeup: AtomicU64,
    draining: AtomicBool,
    drained: AtomicBool,
    /// The host has answered everything that it took.
    settled: AtomicBool,
    /// What it sent may not all be acknowledged.
    unacked: AtomicBool,
    given_up: AtomicBool,
    /// Whether the gate is [`Gate::Open`]; written under the queue's lock, read without.
    open: AtomicBool,
    /// The epoch of the newest tenure, as it began.
    epoch: AtomicU64,
    bell: Arc<Bell>,
}

/// A way to deliver parcels to a shard later. Cheap to clone; when the shard is no longer served
/// here, or the node has ended, what is delivered is dropped.
#[derive(Clone)]
pub struct ShardInbox(pub(crate) Arc<Inbox>);

impl ShardInbox {
    /// Delivers a parcel now.
    pub fn deliver(&self, parcel: Parcel) {
        match parcel {
            Parcel::Stream { from, sends } => self.push(Input::Stream { from, sends }),
            Parcel::Acked { by, through } => {
                self.0.push_quietly(Input::Acked { by, through });
            }
            Parcel::Resend { to } => self.push(Input::Resend { to }),
        }
    }

    /// Puts an input in; a host that sleeps takes its turn behind the one that runs on this
    /// thread, where one does.
    fn push(&self, input: Input<ReplyTo>) {
        if self.0.put(input) {
            self.0.wake_behind();
        }
    }
}

impl Inbox {
    /// A closed inbox that rings this bell.
    pub(crate) fn with_bell(bell: &Arc<Bell>) -> Self {
        Self { bell: Arc::clone(bell), ..Self::default() }
    }

    /// Serves the shard under `epoch` from now on. Returns the tenure.
    pub(crate) fn open(&self, epoch: u64) -> u64 {
        let mut queue = self.queue.lock();
        assert_eq!(queue.gate, Gate::Closed, "I1: a shard is opened once at a time");
        queue.gate = Gate::Open;
        queue.tenure += 1;
        for flag in [&self.draining, &self.drained, &self.settled, &self.given_up] {
            flag.store(false, Ordering::Release);
        }
        self.wakeup.store(u64::MAX, Ordering::Relaxed);
        self.epoch.store(epoch, Ordering::Release);
        self.open.store(true, Ordering::Release);
        queue.tenure
    }

    /// Takes no more work, only what ends the work that is under way. Returns the number of this
    /// closing.
    pub(crate) fn settle(&self) -> u64 {
        let mut queue = self.queue.lock();
        if queue.gate == Gate::Open {
            queue.gate = Gate::Settling;
            queue.n_closings += 1;
            self.open.store(false, Ordering::Release);
            // Said of an earlier turn, with another input since.
            self.settled.store(false, Ordering::Release);
        }
        let number = queue.n_closings;
        drop(queue);
        self.wake();
        number
    }

    /// Whether this closing is the newest, and was not undone.
    pub(crate) fn is_settling(&self, number: u64) -> bool {
        let queue = self.queue.lock();
        queue.gate == Gate::Settling && queue.n_closings == number
    }

    /// The number of the closing by which it is being settled, while it is still served.
    pub(crate) fn settles(&self) -> Option<u64> {
        let queue = self.queue.lock();
        (queue.gate == Gate::Settling).then_some(queue.n_closings)
    }

    /// Takes work again after [`Self::settle`].
    pub(crate) fn reopen(&self) {
        let mut queue = self.queue.lock();
        if queue.gate == Gate::Settling {
            queue.gate = Gate::Open;
            self.open.store(true, Ordering::Release);
        }
    }

    /// Serves the shard no more: what waits is dropped, and its callers learn it by that.
    /// Returns whether it was served in this tenure.
    pub(crate) fn close(&self, tenure: u64) -> bool {
        let mut queue = self.queue.lock();
        if queue.tenure != tenure || queue.gate == Gate::Closed {
            return false;
        }
        queue.gate = Gate::Closed;
        queue.generation += 1;
        let waiting = std::mem::take(&mut queue.inputs);
        self.open.store(false, Ordering::Release);
        self.wakeup.store(u64::MAX, Ordering::Relaxed);
        drop(queue);
        *self.host.lock() = None;
        self.woken.store(false, Ordering::Release);
        // Outside the lock: a caller may react to the loss of its answer.
        drop(waiting);
        true
    }

    /// Whether the shard is served here in this tenure, if only to end what is under way.
    pub(crate) fn is_served(&self, tenure: u64) -> bool {
        let queue = self.queue.lock();
        queue.tenure == tenure && queue.gate != Gate::Closed
    }

    /// The epoch that the newest tenure began under.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// The newest tenure; 0 = never opened.
    pub(crate) fn tenure(&self) -> u64 {
        self.queue.lock().tenure
    }

    /// Whether the shard is served here and takes work.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Puts an input in and wakes the host if it sleeps. Returns whether it was taken.
    pub fn push(&self, input: Input<ReplyTo>) -> bool {
        let taken = self.put(input);
        if taken {
            self.wake();
        }
        taken
    }

    fn put(&self, input: Input<ReplyTo>) -> bool {
        let mut queue = self.queue.lock();
        let taken = match queue.gate {
            Gate::Open => true,
            Gate::Settling => input.ends_work(),
            Gate::Closed => false,
        };
        if taken {
            queue.inputs.push_back(input);
        }
        taken
    }

    /// What the log of a tenure says. A host that sleeps takes its turn behind the one that runs
    /// on this thread, where one does.
    pub(crate) fn push_durable(self: &Arc<Self>, tenure: u64, lsn: Lsn) {
        let mut queue = self.queue.lock();
        if queue.tenure != tenure || queue.gate == Gate::Closed {
            return;
        }
        queue.inputs.push_back(Input::Durable(lsn));
        drop(queue);
        self.wake_behind();
    }

    /// Puts an input in that can wait until the host wakes for something else. An
    /// acknowledgement only frees memory: a wake for each would be half of all wakes.
    pub fn push_quietly(&self, input: Input<ReplyTo>) -> bool {
        let taken = self.put(input);
        // A drain waits for the last acknowledgements.
        if taken && self.is_draining() {
            self.wake();
        } else if taken {
            self.bell.want(0);
        }
        taken
    }

    /// A new host begins. Returns its number; what was brought for the one before is dropped.
    pub(super) fn succeed(&self) -> u64 {
        let mut queue = self.queue.lock();
        queue.generation += 1;
        queue.inputs.retain(|input| !input.is_brought());
        queue.generation
    }

    /// Whether this host is the newest.
    pub(super) fn is_newest(&self, generation: u64) -> bool {
        self.queue.lock().generation == generation
    }

    /// Puts in what a read or write brings for a host, unless it has a successor.
    pub(super) fn bring(&self, generation: u64, input: Input<ReplyTo>) {
        let mut queue = self.queue.lock();
        if queue.generation != generation {
            return;
        }
        queue.inputs.push_back(input);
        drop(queue);
        self.wake();
    }

    /// Wakes the host if it sleeps, with an input or without.
    pub fn wake(&self) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.wake_actor();
        }
    }

    /// As [`Self::wake`], but where a turn runs on this thread the host takes its own behind it.
    fn wake_behind(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::AcqRel) && !following::add(self) {
            self.wake_actor();
        }
    }

    /// Wakes the actor of a host that is marked as woken.
    pub(super) fn wake_actor(&self) {
        if let Some(host) = self.host.lock().as_ref() {
            // A stopped host leaves the inputs here for the next one.
            let _ = host.actor.cast(Wake);
        }
    }

    /// Lets a host that is marked as woken take its turn on this thread.
    pub(super) fn take_turn(&self) {
        let seated = self.host.lock().as_ref().and_then(|host| host.seated.upgrade());
        if !seated.is_some_and(|seated| seated.turn()) {
            // The actor says what is wrong with it.
            self.wake_actor();
        }
    }

    /// As [`Self::push`], but a host that sleeps takes its turn at once, on the caller's thread:
    /// what it can answer by itself costs no change of threads. A caller who gathers has it take
    /// its turn when all is asked. Whoever else wakes it meanwhile leaves the input here, and the
    /// turn's end wakes the actor for it.
    pub(crate) fn push_and_turn(self: &Arc<Self>, input: Input<ReplyTo>) -> bool {
        let taken = self.put(input);
        if taken && !self.woken.swap(true, Ordering::AcqRel) && !following::add(self) {
            self.take_turn();
        }
        taken
    }

    /// A host takes the inbox over.
    pub(super) fn attach(&self, actor: ActorRef<Wake>, seated: &Arc<Seated>) {
        *self.host.lock() = Some(Attached { actor, seated: Arc::downgrade(seated) });
        self.woken.store(false, Ordering::Release);
        self.wake();
    }

    /// Gives what gathered, at most `limit`; nothing to a host that has a successor. `inputs` must
    /// be empty: its room is used for what gathers next.
    pub(super) fn take(
        &self,
        generation: u64,
        limit: usize,
        inputs: &mut VecDeque<Input<ReplyTo>>,
    ) {
        assert!(inputs.is_empty(), "they would be taken once more");
        let mut queue = self.queue.lock();
        if queue.generation != generation {
            return;
        }
        if queue.inputs.len() <= limit {
            std::mem::swap(&mut queue.inputs, inputs);
        } else {
            inputs.extend(queue.inputs.drain(..limit));
        }
    }

    /// A turn is over; wakes the host again if there is more.
    pub(super) fn turn_over(&self, generation: u64, over: &TurnOver) {
        let queue = self.queue.lock();
        if queue.generation != generation {
            return;
        }
        self.turns.fetch_add(1, Ordering::Relaxed);
        self.wakeup.store(over.wakeup, Ordering::SeqCst);
        self.drained.store(over.drained, Ordering::Release);
        self.unacked.store(over.unacked, Ordering::Release);
        self.woken.store(false, Ordering::Release);
        let more = !queue.inputs.is_empty();
        self.settled.store(over.settled && !more, Ordering::Release);
        drop(queue);
        self.bell.want(over.wakeup);
        if more {
            self.wake();
        }
    }

    /// Whether messages to other shards may wait for their acknowledgement.
    pub(crate) fn may_have_unacked(&self) -> bool {
        self.unacked.load(Ordering::Acquire)
    }

    /// Whether the host has answered everything that it took, and nothing waits.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire) && self.depth() == 0
    }

    /// Whether the host was woken and has not finished its turn.
    #[must_use]
    pub fn is_awake(&self) -> bool {
        self.woken.load(Ordering::Acquire)
    }

    /// Whether a host works on it.
    pub(crate) fn has_host(&self) -> bool {
        self.host.lock().is_some()
    }

    /// Inputs that wait.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.queue.lock().inputs.len()
    }

    /// Turns that the host has finished.
    #[must_use]
    pub fn turns(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }

    /// When the host wants a tick, in milliseconds of its clock.
    #[must_use]
    pub fn wakeup(&self) -> u64 {
        self.wakeup.load(Ordering::SeqCst)
    }

    /// A drain begins; a rebuilt host goes on with it.
    pub(super) fn begin_drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether a drain has begun.
    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Whether a drain has finished.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.drained.load(Ordering::Acquire)
    }

    /// Gives the shard up: nothing is asked of it any more.
    pub fn give_up(&self) {
        self.given_up.store(true, Ordering::Release);
    }

    /// Whether the shard was given up.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Acquire)
    }
}
