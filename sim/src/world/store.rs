//! The store as one life of a node sees it: the model, with latency and faults in front.
//!
//! A call takes time before and after it is applied; a node that dies in the first half has not
//! written, one that dies in the second half has written and never heard of it. A dead life's
//! calls never end. Of an append with unknown outcome some are applied, some not, and on a shared
//! store some are applied later, when the caller has given up.

mod ownership;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use cluster::latest;
use entity::{EntityKey, ShardId, Snapshot, Timestamp};
use ports::{
    AppendError, Checkpoint, CursorWrite, Frame, HistoryId, Journal, MemoryStore, Meta, Peek,
    SnapshotStore, SnapshotWrite, StoreError, Tail, TimerRow, ViewRow, ViewWrite, Views,
};

use super::claims::{Appends, Claims, Shelf, UnderWay};
use super::draw;
use super::faults::Faults;
use super::moments::Moments;
use crate::check::journal::Written;
use crate::kernel::{Kernel, Kind, NodeClock, Tag, Target};
use crate::plan::{FaultKind, Link, Moment};

/// How long calls take.
#[derive(Debug, Clone, Copy)]
pub struct StoreLinks {
    /// An append.
    pub append: Link,
    /// Anything else.
    pub other: Link,
}

impl StoreLinks {
    /// An embedded store: one sync, and reads from memory.
    pub const EMBEDDED: Self = Self {
        append: Link { base_us: 130, jitter_us: 60, tail_ppm: 2_000 },
        other: Link { base_us: 5, jitter_us: 10, tail_ppm: 1_000 },
    };
    /// A shared store behind a network: a conditional write takes four round trips.
    pub const SHARED: Self = Self {
        append: Link { base_us: 1_800, jitter_us: 900, tail_ppm: 5_000 },
        other: Link { base_us: 600, jitter_us: 300, tail_ppm: 5_000 },
    };
}

/// The store of a life of a node.
pub struct SimStore {
    inner: MemoryStore,
    kernel: Kernel,
    faults: Faults,
    moments: Moments,
    node: u16,
    target: Target,
    links: StoreLinks,
    alive: Arc<AtomicBool>,
    /// Set when a sync failed: the process has to end.
    doom: latest::Sender<bool>,
    claims: Claims,
    clock: NodeClock,
    n_calls: AtomicU64,
    /// Appends under way.
    appends: Appends,
}

/// What a store is made of.
pub struct SimStoreParts {
    /// What is stored.
    pub inner: MemoryStore,
    /// Time.
    pub kernel: Kernel,
    /// What goes wrong.
    pub faults: Faults,
    /// Who waits for calls that are done.
    pub moments: Moments,
    /// Whose it is.
    pub node: u16,
    /// Whose life.
    pub target: Target,
    /// How long calls take.
    pub links: StoreLinks,
    /// Cleared when the life is over.
    pub alive: Arc<AtomicBool>,
    /// Set when a sync failed.
    pub doom: latest::Sender<bool>,
    /// Who was given which shard.
    pub claims: Claims,
    /// The clock of the node.
    pub clock: NodeClock,
}

impl SimStore {
    /// A store.
    #[must_use]
    pub fn new(parts: SimStoreParts) -> Self {
        let SimStoreParts { inner, kernel, faults, moments, node, target, links, .. } = parts;
        let SimStoreParts { alive, doom, claims, clock, .. } = parts;
        let (n_calls, appends) = (AtomicU64::new(0), Appends::default());
        Self {
            inner,
            kernel,
            faults,
            moments,
            node,
            target,
            links,
            alive,
            doom,
            claims,
            clock,
            n_calls,
            appends,
        }
    }

    /// Waits until the call reaches the store. Returns its name and how long the way back takes.
    async fn enter(&self, link: Link, name: u64) -> u64 {
        if !self.alive.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        let node = self.node;
        let slow = self.faults.delay_ns(name, |kind| match kind {
            FaultKind::StoreSlow { node: at, up_to_ms } if *at == node => Some(*up_to_ms),
            _ => None,
        });
        let ns = draw::latency_ns(link, self.kernel.seed(), name, 0) + slow;
        let there = ns / 2;
        self.kernel.sleep_ns(self.target, there).await;
        ns - there
    }

    async fn leave(&self, kind: Kind, to: u32, name: u64, ns: u64) {
        self.kernel.sleep_ns(self.target, ns).await;
        self.kernel.note(Tag { kind, to, id: name });
    }

    fn is_down(&self, name: u64) -> bool {
        let node = self.node;
        self.faults.strikes(name, |kind| match kind {
            FaultKind::StoreDown { node: at } if *at == node => Some(100),
            FaultKind::StoreErrors { node: at, percent } if *at == node => Some(*percent),
            _ => None,
        })
    }

    /// The name of a call that has no better one: its place among the calls of this life.
    fn next_name(&self, what: u64, shard: ShardId) -> u64 {
        let n = self.n_calls.fetch_add(1, Ordering::Relaxed);
        let Target::Node { node, life } = self.target else { return n };
        draw::name(&[what, u64::from(node), u64::from(life), u64::from(shard.0), n])
    }

    /// A call that is no append.
    async fn other<T>(
        &self,
        what: u64,
        shard: ShardId,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let name = self.next_name(what, shard);
        let back = self.enter(self.links.other, name).await;
        let result = if self.is_down(name) {
            Err(StoreError::Unavailable("the store does not answer".into()))
        } else {
            call.await
        };
        self.leave(kind_of(what), u32::from(shard.0), name, back).await;
        result
    }

    /// What takes an append that reaches the store.
    fn shelf(&self) -> Shelf {
        let (inner, kernel) = (self.inner.clone(), self.kernel.clone());
        Shelf { inner, kernel, claims: self.claims.clone() }
    }

    /// What an append of unknown outcome does.
    async fn append_unknown(&self, group: Arc<Vec<Frame>>, bits: u64) -> AppendError {
        match bits % 3 {
            0 => {}
            1 => drop(self.shelf().append(group).await),
            _ if self.inner.one_log() => {}
            _ => {
                // It is still on its way, and outlives whoever sent it.
                let shelf = self.shelf();
                let ns = bits.rotate_left(11) % 3_000_000_000;
                tokio::spawn(async move {
                    shelf.kernel.sleep_ns(Target::Outside, ns).await;
                    drop(shelf.append(group).await);
                });
            }
        }
        AppendError::Unknown("the answer did not come".into())
    }
}

#[async_trait]
impl Journal for SimStore {
    fn n_shards(&self) -> u16 {
        self.inner.n_shards()
    }

    fn one_log(&self) -> bool {
        self.inner.one_log()
    }

    async fn append(&self, group: Arc<Vec<Frame>>) -> Result<(), AppendError> {
        let header = group.first().map(|frame| frame.header);
        let (shard, commit) = header.map_or((0, 0), |it| (it.shard.0, it.commit_no));
        let epoch = header.map_or(0, |it| it.epoch);
        let n = self.n_calls.fetch_add(1, Ordering::Relaxed);
        let Target::Node { node, life } = self.target else { unreachable!("nodes have stores") };
        let parts = [1, u64::from(node), u64::from(life), u64::from(shard), commit];
        let name = draw::name(&parts);
        let under_way = UnderWay::begin(&self.appends, (ShardId(shard), epoch));
        let back = self.enter(self.links.append, name ^ n).await;
        let unknown = self.faults.struck(name ^ n, |kind| match kind {
            FaultKind::StoreUnknown { node: at, percent } if *at == node => Some(*percent),
            FaultKind::StoreDown { node: at } if *at == node => Some(100),
            _ => None,
        });
        let fails = self.faults.strikes(name, |kind| match kind {
            FaultKind::SyncFails { node: at } if *at == node => Some(100),
            _ => None,
        });
        let result = match unknown {
            _ if fails => {
                self.doom.set(true);
                Err(AppendError::Fatal("the sync failed".into()))
            }
            Some(bits) => Err(self.append_unknown(group, bits).await),
            None => self.shelf().append(group).await,
        };
        if result.is_ok() {
            self.moments.came(node, Moment::Append);
        }
        self.leave(Kind::Append, u32::from(shard), name, back).await;
        under_way.answered();
        result
    }

    async fn claim(&self, shard: ShardId) -> Result<Tail, StoreError> {
        self.other(2, shard, async {
            let tail = self.inner.claim(shard).await?;
            self.claims.note(shard, tail.epoch, self.node);
            Ok(tail)
        })
        .await
    }

    async fn tail(&self, shard: ShardId) -> Result<Tail, StoreError> {
        self.other(3, shard, self.inner.tail(shard)).await
    }

    async fn read(
        &self,
        shard: ShardId,
        from_commit: u64,
        max_bytes: usize,
    ) -> Result<Vec<Frame>, StoreError> {
        self.other(4, shard, self.inner.read(shard, from_commit, max_bytes)).await
    }
}

#[async_trait]
impl SnapshotStore for SimStore {
    async fn write(&self, shard: ShardId, write: SnapshotWrite) -> Result<(), StoreError> {
        let epoch = write.epoch;
        self.other(5, shard, async {
            let now_us = self.kernel.now_us();
            let written = (!self.inner.one_log()).then(|| Written::of(shard, now_us, &write));
            let result = self.inner.write(shard, write).await;
            if result.is_ok() {
                self.claims.snapshots_taken(shard, epoch, now_us);
                written.into_iter().for_each(|written| self.claims.wrote(written));
                self.moments.came(self.node, Moment::Snapshots);
            }
            result
        })
        .await
    }

    async fn snapshot(
        &self,
        shard: ShardId,
        key: &EntityKey,
    ) -> Result<Option<Snapshot>, StoreError> {
        self.other(6, shard, self.inner.snapshot(shard, key)).await
    }

    fn peek(&self, shard: ShardId, key: &EntityKey) -> Result<Peek, StoreError> {
        self.inner.peek(shard, key)
    }

    async fn checkpoint(&self, shard: ShardId) -> Result<Option<Checkpoint>, StoreError> {
        self.other(7, shard, self.inner.checkpoint(shard)).await
    }

    async fn timers(
        &self,
        shard: ShardId,
        after: Option<&TimerRow>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<TimerRow>, StoreError> {
        self.other(8, shard, self.inner.timers(shard, after, until, limit)).await
    }
}

/// The shard of calls that belong to none.
const NONE: ShardId = ShardId(u16::MAX);

#[async_trait]
impl Meta for SimStore {
    fn history(&self) -> HistoryId {
        self.inner.history()
    }

    async fn value(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.other(9, NONE, self.inner.value(name)).await
    }

    async fn set_value(&self, name: &str, value: Vec<u8>) -> Result<(), StoreError> {
        self.other(10, NONE, self.inner.set_value(name, value)).await
    }

    async fn swap_value(
        &self,
        name: &str,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> Result<bool, StoreError> {
        self.other(10, NONE, self.inner.swap_value(name, expected, value)).await
    }

    async fn cursor(&self, shard: ShardId, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.other(11, shard, self.inner.cursor(shard, name)).await
    }

    async fn set_cursors(&self, name: &str, writes: Vec<CursorWrite>) -> Result<(), StoreError> {
        self.other(12, NONE, self.inner.set_cursors(name, writes)).await
    }

    async fn set_publish_mark(&self, marks: Vec<(ShardId, u64)>) -> Result<(), StoreError> {
        self.other(13, NONE, self.inner.set_publish_mark(marks)).await
    }
}

#[async_trait]
impl Views for SimStore {
    async fn apply(
        &self,
        view: &str,
        shard: ShardId,
        cursor: u64,
        writes: Vec<ViewWrite>,
    ) -> Result<bool, StoreError> {
        self.other(14, shard, async {
            let before = self.inner.view_cursor(view, shard).await?;
            let is_taken = self.inner.apply(view, shard, cursor, writes).await?;
            if is_taken && cursor < before {
                let (of, at_us) = (shard.0, self.kernel.now_us());
                let what = format!("{view} of shard {of} went back from {before} to {cursor}");
                self.claims.breach("views", at_us, what);
            }
            Ok(is_taken)
        })
        .await
    }

    async fn view_cursor(&self, view: &str, shard: ShardId) -> Result<u64, StoreError> {
        self.other(15, shard, self.inner.view_cursor(view, shard)).await
    }

    async fn row(&self, view: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.other(16, NONE, self.inner.row(view, key)).await
    }

    async fn scan(
        &self,
        view: &str,
        from: &[u8],
        to: &[u8],
        backward: bool,
        limit: usize,
    ) -> Result<Vec<ViewRow>, StoreError> {
        self.other(17, NONE, self.inner.scan(view, from, to, backward, limit)).await
    }
}

/// What calls with this number are to the trace: ownership's are the last ones.
const fn kind_of(what: u64) -> Kind {
    match what {
        0..18 => Kind::Store,
        18.. => Kind::Heartbeat,
    }
}
