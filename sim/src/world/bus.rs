//! The bus of all nodes: the bus in memory, with latency and faults in front, and everything
//! that was ever stored on it for the checkers.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use ports::local_bus::PublishFault;
use ports::{
    Ack, BusSignal, CloudEvent, EventBus, LocalBus, LocalBusOptions, PublishError, StreamState,
};
use tokio::sync::broadcast;

use super::draw;
use super::faults::Faults;
use crate::kernel::{Kernel, Kind, Tag, Target};
use crate::plan::{FaultKind, Link};

/// One round trip to a bus that stores on disk.
const LINK: Link = Link { base_us: 300, jitter_us: 200, tail_ppm: 5_000 };
/// How long a bus that does not answer is waited for.
const TIMEOUT_NS: u64 = 2_000_000_000;
/// Events that a stream keeps: all of a run.
const TAIL_EVENTS_MAX: usize = 1 << 24;

/// An event as a stream stored it.
pub type Stored = (String, u64, Arc<CloudEvent>);

/// What all nodes share of it. Cheap to clone.
#[derive(Clone)]
pub struct SharedBus {
    inner: LocalBus,
    /// What streams held when they lost anything, all of it.
    lost: Arc<Mutex<Vec<Stored>>>,
}

impl Default for SharedBus {
    fn default() -> Self {
        let options = LocalBusOptions { tail_events_max: TAIL_EVENTS_MAX, watch_events_max: 64 };
        Self { inner: LocalBus::new(options), lost: Arc::default() }
    }
}

impl SharedBus {
    /// Loses all streams; what was on them stays known to the checkers.
    pub fn wipe(&self) {
        self.lost.lock().extend(self.now());
        self.inner.wipe();
    }

    /// Loses the newest of each stream's events, so many percent of them; the same holds.
    pub fn cut(&self, percent: u8) {
        self.lost.lock().extend(self.now());
        self.inner.cut(percent);
    }

    /// Whether nothing stands in any stream.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.stream_names().is_empty()
    }

    /// Takes it down or up.
    pub fn set_down(&self, down: bool) {
        self.inner.set_down(down);
    }

    /// So many of what [`Self::ever`] tells stood in streams that lost some of it since, or all.
    #[must_use]
    pub fn n_lost(&self) -> usize {
        self.lost.lock().len()
    }

    /// What the streams hold now.
    #[must_use]
    pub fn now(&self) -> Vec<Stored> {
        let mut all = Vec::new();
        for stream in self.inner.stream_names() {
            let events = self.inner.tail(&stream);
            all.extend(events.into_iter().map(|(seq, event)| (stream.clone(), seq, event)));
        }
        all
    }

    /// Everything that was ever stored: streams as they were before each loss, then as they are.
    /// What outlived a loss comes again.
    #[must_use]
    pub fn ever(&self) -> Vec<Stored> {
        let mut all = self.lost.lock().clone();
        all.extend(self.now());
        all
    }
}

/// The bus as a life of a node sees it.
pub struct SimBus {
    shared: SharedBus,
    kernel: Kernel,
    faults: Faults,
    target: Target,
}

impl SimBus {
    /// The bus of a life of a node.
    #[must_use]
    pub const fn new(shared: SharedBus, kernel: Kernel, faults: Faults, target: Target) -> Self {
        Self { shared, kernel, faults, target }
    }

    async fn trip(&self, name: u64) {
        let ns = draw::latency_ns(LINK, self.kernel.seed(), name, 0);
        self.kernel.sleep_ns(self.target, ns).await;
    }
}

#[async_trait]
impl EventBus for SimBus {
    async fn publish(&self, events: &[Arc<CloudEvent>]) -> Result<Vec<Ack>, PublishError> {
        let id = events.first().map_or(0, |event| xxhash_rust::xxh3::xxh3_64(event.id.as_bytes()));
        let name = draw::name(&[id, self.kernel.now_us()]);
        self.trip(name).await;
        if !self.shared.inner.is_up() {
            let _ = self.faults.strikes(name, |kind| match kind {
                FaultKind::BusDown => Some(100),
                _ => None,
            });
            self.kernel.sleep_ns(self.target, TIMEOUT_NS).await;
        }
        let chance = |kind: &FaultKind| match kind {
            FaultKind::BusLostAcks { percent } => Some(*percent),
            _ => None,
        };
        if let Some(bits) = self.faults.struck(name, chance) {
            let n_acked = usize::try_from(bits).unwrap_or(0) % events.len().max(1);
            self.shared.inner.inject(PublishFault::LostAcks { n_acked });
        } else if self.faults.strikes(name, |kind| match kind {
            FaultKind::BusTwice { percent } => Some(*percent),
            _ => None,
        }) {
            self.shared.inner.inject(PublishFault::Twice);
        }
        let result = self.shared.inner.publish(events).await;
        self.trip(name ^ 1).await;
        self.kernel.note(Tag { kind: Kind::Publish, to: 0, id });
        result
    }

    fn connection(&self) -> u64 {
        self.shared.inner.connection()
    }

    fn is_up(&self) -> bool {
        self.shared.inner.is_up()
    }

    async fn ids(&self, places: &[(String, u64)]) -> Result<Vec<Option<String>>, PublishError> {
        self.trip(draw::name(&[3, self.kernel.now_us()])).await;
        self.shared.inner.ids(places).await
    }

    async fn streams(&self) -> Result<BTreeMap<String, StreamState>, PublishError> {
        self.trip(draw::name(&[2, self.kernel.now_us()])).await;
        self.shared.inner.streams().await
    }

    fn watch(&self) -> broadcast::Receiver<BusSignal> {
        self.shared.inner.watch()
    }
}
