//! The inbox of a shard: what its host takes next, in order.
//!
//! It stands in front of the ractor mailbox: senders put inputs here and wake the host once, and
//! the host takes all that gathered in one turn. It outlives the host: a rebuilt one goes on with
//! what waits. It is bounded by admission (callers) and by stream windows (messages).

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

/// An inbox.
#[derive(Default)]
pub struct Inbox {
    queue: Mutex<VecDeque<Input<ReplyTo>>>,
    woken: AtomicBool,
    host: Mutex<Option<ActorRef<Wake>>>,
    /// Turns that the host has finished; the watchdog looks at it.
    turns: AtomicU64,
    /// When the host wants a tick next, in milliseconds; `u64::MAX` = never.
    wakeup: AtomicU64,
    drained: AtomicBool,
    given_up: AtomicBool,
}

impl Inbox {
    /// Puts an input in and wakes the host if it sleeps.
    pub fn push(&self, input: Input<ReplyTo>) {
        self.queue.lock().push_back(input);
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
        if queue.len() <= limit {
            return std::mem::take(&mut *queue);
        }
        let rest = queue.split_off(limit);
        std::mem::replace(&mut *queue, rest)
    }

    /// A turn is over; wakes the host again if there is more.
    pub(super) fn turn_over(&self, wakeup: u64, drained: bool) {
        self.turns.fetch_add(1, Ordering::Relaxed);
        self.wakeup.store(wakeup, Ordering::Relaxed);
        self.drained.store(drained, Ordering::Release);
        self.woken.store(false, Ordering::Release);
        if !self.queue.lock().is_empty() {
            self.wake();
        }
    }

    /// Inputs that wait.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.queue.lock().len()
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
