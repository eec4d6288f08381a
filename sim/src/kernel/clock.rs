//! What nodes and clients get of the kernel: sleeps, a node's own clock, a node's own draws.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::task::{Context, Poll};

use cluster::ctx::{BoxFuture, Clock, Random};
use entity::Timestamp;

use super::{EPOCH_MS, Kernel, Kind, Tag, Target, Work};
use crate::random::{Stream, mix};

/// A wait on the kernel's time.
pub struct Sleep {
    kernel: Kernel,
    target: Target,
    until_ns: u64,
    slot: Option<u32>,
}

impl Sleep {
    pub(super) fn new(kernel: Kernel, target: Target, ns: u64) -> Self {
        let until_ns = kernel.0.lock().now_ns.saturating_add(ns);
        Self { kernel, target, until_ns, slot: None }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut state = this.kernel.0.lock();
        if state.now_ns >= this.until_ns && this.slot.is_none() {
            return Poll::Ready(());
        }
        match this.slot {
            None => {
                let tag = Tag { kind: Kind::Timer, to: 0, id: 0 };
                let work = Work::Wake(cx.waker().clone());
                this.slot = Some(state.push(this.until_ns, this.target, tag, work));
                Poll::Pending
            }
            // Its event has happened: its place may belong to another one by now.
            Some(_) if state.now_ns >= this.until_ns => {
                this.slot = None;
                Poll::Ready(())
            }
            Some(slot) => {
                state.slots.rewake(slot, cx.waker());
                Poll::Pending
            }
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let Some(slot) = self.slot else { return };
        let mut state = self.kernel.0.lock();
        if state.now_ns < self.until_ns {
            state.slots.cancel(slot);
        }
    }
}

/// How far a node's clock is from the kernel's.
#[derive(Debug, Default)]
pub struct Skew {
    offset_ms: AtomicI64,
    /// What of it gathered by drifting.
    drift_ms: AtomicI64,
    ppm: AtomicI64,
    /// Kernel time at which the drift began, in us.
    since_us: AtomicU64,
}

/// A node's clock: the kernel's time, with an offset and a drift.
#[derive(Clone)]
pub struct NodeClock {
    kernel: Kernel,
    target: Target,
    skew: Arc<Skew>,
}

impl NodeClock {
    /// The clock of a life of a node. `skew` outlives it: a machine's clock does not restart.
    #[must_use]
    pub const fn new(kernel: Kernel, target: Target, skew: Arc<Skew>) -> Self {
        Self { kernel, target, skew }
    }

    /// Whose clock it is.
    pub(crate) const fn target(&self) -> Target {
        self.target
    }
}

impl Skew {
    /// The clock jumps and stays there.
    pub fn step(&self, by_ms: i64) {
        self.offset_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    /// From now on it runs faster by so many ppm; 0 keeps what has gathered.
    pub fn drift(&self, now_us: u64, ppm: i64) {
        let drifted = self.drifted_ms(now_us);
        self.offset_ms.fetch_add(drifted, Ordering::Relaxed);
        self.drift_ms.fetch_add(drifted, Ordering::Relaxed);
        self.since_us.store(now_us, Ordering::Relaxed);
        self.ppm.store(ppm, Ordering::Relaxed);
    }

    fn drifted_ms(&self, now_us: u64) -> i64 {
        let passed = now_us.saturating_sub(self.since_us.load(Ordering::Relaxed));
        let passed_ms = i64::try_from(passed / 1_000).unwrap_or(i64::MAX);
        passed_ms.saturating_mul(self.ppm.load(Ordering::Relaxed)) / 1_000_000
    }

    /// What it shows.
    pub(crate) fn at(&self, now_us: u64) -> Timestamp {
        let offset = self.offset_ms.load(Ordering::Relaxed) + self.drifted_ms(now_us);
        Timestamp((EPOCH_MS + now_us / 1_000).saturating_add_signed(offset))
    }
}

impl Skew {
    /// What the machine's steady clock shows: it drifts, and is never set.
    fn steady_at(&self, now_us: u64) -> Timestamp {
        let drifted = self.drift_ms.load(Ordering::Relaxed) + self.drifted_ms(now_us);
        Timestamp((EPOCH_MS + now_us / 1_000).saturating_add_signed(drifted))
    }
}

impl Clock for NodeClock {
    fn now(&self) -> Timestamp {
        self.skew.at(self.kernel.now_us())
    }

    fn steady(&self) -> Timestamp {
        self.skew.steady_at(self.kernel.now_us())
    }

    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        Box::pin(self.kernel.sleep_ns(self.target, ms.saturating_mul(1_000_000)))
    }
}

/// A node's random bits: a function of seed, node, life and how many were drawn before.
#[derive(Debug)]
pub struct SimRandom {
    seed: u64,
    subject: u64,
    drawn: AtomicU64,
}

impl SimRandom {
    /// The bits of a life of a node.
    #[must_use]
    pub fn new(seed: u64, node: u16, life: u32) -> Self {
        let subject = u64::from(node) << 32 | u64::from(life);
        Self { seed, subject, drawn: AtomicU64::new(0) }
    }

    /// Fills a slice.
    pub fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.bits().to_le_bytes()[..chunk.len()]);
        }
    }
}

impl Random for SimRandom {
    fn bits(&self) -> u64 {
        let attempt = self.drawn.fetch_add(1, Ordering::Relaxed);
        mix(self.seed, Stream::Ids, self.subject, attempt)
    }
}
