//! The event kernel: virtual time, one event per quiescence, in an order that the seed decides.
//!
//! Production code runs on a paused current-thread tokio runtime. When no task can run, the
//! runtime's park hook asks the kernel for its next event; that moves the clock and wakes what it
//! wakes, and everything that follows runs to its end before the next one. So a run is a function
//! of the plan. Sleeping, latency and faults are events; tokio's own timers follow the same clock
//! and fire at the first event at or after their deadline.

mod clock;
mod runtime;
mod slots;
mod trace;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use parking_lot::Mutex;

pub use clock::{NodeClock, SimRandom, Skew, Sleep};
pub use runtime::run;
pub use trace::{Kind, Moment, Trace};

use crate::random::{Stream, mix};
use slots::{Slots, Work};

/// Virtual time 0 as wall time: 2026-11-11T00:00:00Z, in ms since 1970.
pub const EPOCH_MS: u64 = 1_794_355_200_000;

/// Whom an event is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The world outside: clients, faults, checkers. Always there.
    Outside,
    /// A machine, whichever life its node is in: waits while it is paused.
    Machine {
        /// Which node.
        node: u16,
    },
    /// A life of a node: an event for a life that is over is dropped, one for a paused node waits.
    Node {
        /// Which node.
        node: u16,
        /// Which of its lives.
        life: u32,
    },
}

/// What an event is, for the trace and for the order among those of one instant.
#[derive(Debug, Clone, Copy)]
pub struct Tag {
    /// What kind of message; [`Kind::Timer`] is not counted.
    pub kind: Kind,
    /// Where it goes: a shard, a node or a client.
    pub to: u32,
    /// What it is, so that no other message of that kind to that place is the same.
    pub id: u64,
}

/// The kernel. Cheap to clone.
#[derive(Clone)]
pub struct Kernel(Arc<Mutex<State>>);

struct State {
    seed: u64,
    shuffle: bool,
    now_ns: u64,
    heap: BinaryHeap<Reverse<Entry>>,
    slots: Slots,
    seq: u64,
    nodes: Vec<NodeState>,
    trace: Trace,
    pump: Option<Waker>,
}

#[derive(Debug, Clone, Copy, Default)]
struct NodeState {
    life: u32,
    paused_until_ns: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at_ns: u64,
    tie: u64,
    seq: u64,
    slot: u32,
}

impl Kernel {
    /// A kernel at time 0. `shuffle`: deliveries of one instant happen in seeded order.
    #[must_use]
    pub fn new(seed: u64, n_nodes: u16, shuffle: bool) -> Self {
        Self(Arc::new(Mutex::new(State {
            seed,
            shuffle,
            now_ns: 0,
            heap: BinaryHeap::new(),
            slots: Slots::default(),
            seq: 0,
            nodes: vec![NodeState::default(); usize::from(n_nodes)],
            trace: Trace::default(),
            pump: None,
        })))
    }

    /// Virtual time since the beginning, in us.
    #[must_use]
    pub fn now_us(&self) -> u64 {
        self.0.lock().now_ns / 1_000
    }

    /// The same, for who may stand within a call of it (a panic hook): `None` if so.
    #[must_use]
    pub fn try_now_us(&self) -> Option<u64> {
        self.0.try_lock().map(|state| state.now_ns / 1_000)
    }

    /// The seed of its draws.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.0.lock().seed
    }

    /// Waits for `ns` of virtual time. Dropping it takes the event back.
    #[must_use]
    pub fn sleep_ns(&self, target: Target, ns: u64) -> Sleep {
        Sleep::new(self.clone(), target, ns)
    }

    /// Waits for `us` of virtual time in the world outside.
    #[must_use]
    pub fn sleep_us(&self, us: u64) -> Sleep {
        self.sleep_ns(Target::Outside, us.saturating_mul(1_000))
    }

    /// Lets something happen in `ns` of virtual time: a message that arrives.
    pub fn after_ns(
        &self,
        target: Target,
        ns: u64,
        tag: Tag,
        happen: impl FnOnce() + Send + 'static,
    ) {
        let mut state = self.0.lock();
        let at_ns = state.now_ns.saturating_add(ns);
        state.push(at_ns, target, tag, Work::Run(Box::new(happen)));
    }

    /// Notes a message that was delivered by other means (a request handed to its handler).
    pub fn note(&self, tag: Tag) {
        let mut state = self.0.lock();
        let now_us = state.now_ns / 1_000;
        state.trace.take(now_us, tag);
    }

    /// Begins a new life of a node; events for the ones before are dropped. Returns its number.
    pub fn begin_life(&self, node: u16) -> u32 {
        let mut state = self.0.lock();
        let node = &mut state.nodes[usize::from(node)];
        node.life += 1;
        node.paused_until_ns = 0;
        node.life
    }

    /// Stops a node's time for `ms`: what is for it waits until then.
    pub fn pause(&self, node: u16, ms: u64) {
        let mut state = self.0.lock();
        let until = state.now_ns.saturating_add(ms.saturating_mul(1_000_000));
        let node = &mut state.nodes[usize::from(node)];
        node.paused_until_ns = node.paused_until_ns.max(until);
    }

    /// Whether a node is paused now.
    #[must_use]
    pub fn is_paused(&self, node: u16) -> bool {
        let state = self.0.lock();
        state.nodes[usize::from(node)].paused_until_ns > state.now_ns
    }

    /// Looks at the trace so far.
    pub fn with_trace<T>(&self, look: impl FnOnce(&Trace) -> T) -> T {
        look(&self.0.lock().trace)
    }

    /// The next event happens. Called by the park hook, when nothing can run.
    ///
    /// # Panics
    /// When nothing is left to happen and the run has not ended: a deadlock.
    fn step(&self) {
        let mut state = self.0.lock();
        let (entry, tag, work) = state.pop().expect("deadlock: nothing can run or happen");
        let by_ns = entry.at_ns - state.now_ns;
        state.now_ns = entry.at_ns;
        state.trace.take(entry.at_ns / 1_000, tag);
        let pump = state.pump.clone();
        drop(state);
        runtime::advance(Duration::from_nanos(by_ns));
        match work {
            Work::Wake(waker) => waker.wake(),
            Work::Run(happen) => happen(),
        }
        // Something can run now in any case, so the runtime does not park.
        if let Some(pump) = pump {
            pump.wake();
        }
    }
}

impl State {
    fn push(&mut self, at_ns: u64, target: Target, tag: Tag, work: Work) -> u32 {
        self.seq += 1;
        let tie = match (self.shuffle, tag.kind) {
            (false, _) | (true, Kind::Timer) => self.seq,
            // By what it is and not by when it was put here: leaving another one out moves nothing.
            (true, _) => mix(self.seed, Stream::Schedule, tag.id, u64::from(tag.to)),
        };
        let slot = self.slots.put(target, tag, work);
        self.heap.push(Reverse(Entry { at_ns, tie, seq: self.seq, slot }));
        slot
    }

    /// The next event that still has somebody to happen to.
    fn pop(&mut self) -> Option<(Entry, Tag, Work)> {
        loop {
            let Reverse(mut entry) = self.heap.pop()?;
            let Some((target, tag)) = self.slots.look(entry.slot) else {
                self.slots.free(entry.slot);
                continue;
            };
            let (node, life) = match target {
                Target::Outside => (None, None),
                Target::Machine { node } => (self.nodes.get(usize::from(node)), None),
                Target::Node { node, life } => (self.nodes.get(usize::from(node)), Some(life)),
            };
            if let (Some(node), Some(life)) = (node, life)
                && node.life != life
            {
                self.slots.free(entry.slot);
                continue;
            }
            if let Some(until_ns) = node.map(|node| node.paused_until_ns)
                && until_ns > entry.at_ns
            {
                entry.at_ns = until_ns;
                self.heap.push(Reverse(entry));
                continue;
            }
            let work = self.slots.take(entry.slot);
            return Some((entry, tag, work));
        }
    }
}
