//! The inbox of a shard: what its host takes next, in order.
//!
//! It stands in front of the ractor mailbox: senders put inputs here and wake the host once, and
//! the host takes all that gathered in one turn. It outlives the host: a rebuilt one goes on with
//! what waits. It is bounded by admission (callers) and by stream windows (messages).
//!
//! What a read or write brings belongs to the host that asked for it. Its successor was rebuilt
//! from the journal and knows nothing of it: it would take an old state of an entity for the
//! newest, or a write of the dead host for its own. So hosts are counted, and that is dropped.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use ractor::ActorRef;
use tokio::sync::oneshot;

use super::io::{Answer, Input};

/// How a caller is answered.
pub type ReplyTo = oneshot::Sender<Answer>;

/// Wakes a host.
#[derive(Debug)]
pub struct Wake;

#[derive(Default)]
struct Queue {
    inputs: VecDeque<Input<ReplyTo>>,
    /// How many hosts this shard had.
    generation: u64,
}

/// An inbox.
#[derive(Default)]
pub struct Inbox {
    queue: Mutex<Queue>,
    woken: AtomicBool,
    host: Mutex<Option<ActorRef<Wake>>>,
    /// Turns that the host has finished; the watchdog looks at it.
    turns: AtomicU64,
    /// When the host wants a tick next, in milliseconds; `u64::MAX` = never.
    wakeup: AtomicU64,
    draining: AtomicBool,
    drained: AtomicBool,
    given_up: AtomicBool,
}

impl Inbox {
    /// Puts an input in and wakes the host if it sleeps.
    pub fn push(&self, input: Input<ReplyTo>) {
        self.queue.lock().inputs.push_back(input);
        self.wake();
    }

    /// Puts an input in that can wait until the host wakes for something else. An
    /// acknowledgement only frees memory: a wake for each would be half of all wakes.
    pub fn push_quietly(&self, input: Input<ReplyTo>) {
        self.queue.lock().inputs.push_back(input);
        // A drain waits for the last acknowledgements.
        if self.is_draining() {
            self.wake();
        }
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
        if !self.woken.swap(true, Ordering::AcqRel)
            && let Some(host) = self.host.lock().as_ref()
        {
            // A stopped host leaves the inputs here for the next one.
            let _ = host.cast(Wake);
        }
    }

    /// A host takes the inbox over.
    pub(super) fn attach(&self, host: ActorRef<Wake>) {
        *self.host.lock() = Some(host);
        self.woken.store(false, Ordering::Release);
        self.wake();
    }

    /// What gathered, at most `limit`.
    pub(super) fn take(&self, limit: usize) -> VecDeque<Input<ReplyTo>> {
        let mut queue = self.queue.lock();
        if queue.inputs.len() <= limit {
            return std::mem::take(&mut queue.inputs);
        }
        let rest = queue.inputs.split_off(limit);
        std::mem::replace(&mut queue.inputs, rest)
    }

    /// A turn is over; wakes the host again if there is more.
    pub(super) fn turn_over(&self, wakeup: u64, drained: bool) {
        self.turns.fetch_add(1, Ordering::Relaxed);
        self.wakeup.store(wakeup, Ordering::Relaxed);
        self.drained.store(drained, Ordering::Release);
        self.woken.store(false, Ordering::Release);
        if !self.queue.lock().inputs.is_empty() {
            self.wake();
        }
    }

    /// Whether the host was woken and has not finished its turn.
    #[must_use]
    pub fn is_awake(&self) -> bool {
        self.woken.load(Ordering::Acquire)
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
        self.wakeup.load(Ordering::Relaxed)
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
