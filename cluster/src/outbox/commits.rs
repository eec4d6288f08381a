//! How far the journals of a node's shards are durable, and their newest frames: what relay and
//! projections wait on and read.
//!
//! A store may show frames whose sync is still under way. Two things say that a frame is durable:
//! the committer says so, or a later epoch was claimed, because a claim is itself durable and
//! comes after every frame of the epochs before it. Nothing is read here before that (I4).
//! Only shards that the node owns are there, each for a tenure: a shard that went away and came
//! back begins anew where the claim found its end.

use std::sync::Arc;

use entity::{ShardId, StepRecord};
use parking_lot::Mutex;
use ports::{Frame, SharedStore, StoreError};
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, oneshot};

use super::limits;
use super::recent::{DurableFrame, Recent};

/// A durable frame as it was read.
#[derive(Debug)]
pub enum Read {
    /// From memory: readers share it and its records.
    Recent(Arc<DurableFrame>),
    /// From the store, by a reader that catches up.
    Stored(Frame),
}

impl Read {
    /// The frame.
    #[must_use]
    pub fn frame(&self) -> &Frame {
        match self {
            Self::Recent(frame) => frame.frame(),
            Self::Stored(frame) => frame,
        }
    }
}

/// A shard that is about to go to another node.
#[derive(Debug)]
pub(crate) struct Handover {
    /// Which.
    pub(crate) shard: ShardId,
    /// The epoch that it is owned under until then.
    pub(crate) epoch: u64,
    /// Everything up to this commit is to be published and the cursor saved.
    pub(crate) commit_no: u64,
    /// Told then.
    pub(crate) done: oneshot::Sender<()>,
}

/// A shard that is owned under an epoch, and its last durable commit.
#[derive(Debug, Clone, Copy)]
struct Owned {
    epoch: u64,
    durable: u64,
}

/// What is known of the relay.
#[derive(Debug, Default)]
enum Relay {
    /// There is none.
    #[default]
    Absent,
    /// Its last publish failed, or takes long: nobody waits for it.
    Late,
    /// It keeps up. Those that it has not taken.
    Ready(Vec<Handover>),
}

/// The durable ends of a node's shards. Shared by all readers of the node.
#[derive(Debug)]
pub struct Commits {
    owned: Mutex<Vec<Option<Owned>>>,
    recent: Mutex<Recent>,
    relay: Mutex<Relay>,
    changed: Notify,
}

impl Default for Commits {
    fn default() -> Self {
        Self::with_recent_bytes(limits::RECENT_BYTES_MAX)
    }
}

impl Commits {
    /// With room for so many bytes of frames.
    pub(crate) fn with_recent_bytes(bytes_max: usize) -> Self {
        let recent = Mutex::new(Recent::new(bytes_max));
        let (owned, relay) = (Mutex::default(), Mutex::default());
        Self { owned, recent, relay, changed: Notify::new() }
    }

    /// A shard is owned from now on, under the epoch of a claim that found `end` as last commit.
    pub(crate) fn opened(&self, shard: ShardId, epoch: u64, end: u64) {
        let index = usize::from(shard.0);
        let mut owned = self.owned.lock();
        if owned.len() <= index {
            owned.resize(index + 1, None);
        }
        owned[index] = Some(Owned { epoch, durable: end });
        drop(owned);
        self.changed.notify_waiters();
    }

    /// A shard is owned no longer under this epoch.
    pub(crate) fn left(&self, shard: ShardId, epoch: u64) {
        if let Some(owned) = self.owned.lock().get_mut(usize::from(shard.0)) {
            owned.take_if(|owned| owned.epoch == epoch);
        }
        self.changed.notify_waiters();
    }

    /// A relay publishes what is durable here, and nothing keeps it from that.
    pub(crate) fn relay_is_ready(&self) {
        let relay = &mut *self.relay.lock();
        match relay {
            Relay::Absent | Relay::Late => *relay = Relay::Ready(Vec::new()),
            Relay::Ready(_) => {}
        }
    }

    /// The relay does not publish for now, or not soon: it lets go of what it was asked for, and
    /// is not asked until it is ready again.
    pub(crate) fn relay_is_late(&self) {
        *self.relay.lock() = Relay::Late;
    }

    /// Asks the relay to publish what is durable of a shard that goes to another node, so that
    /// this one need not do it again. Ends when it is done, or cannot be done soon: at once while
    /// the bus does not answer.
    pub(crate) async fn hand_over(&self, shard: ShardId, epoch: u64) {
        let (done, wait) = oneshot::channel();
        let commit_no = self.of(shard);
        match &mut *self.relay.lock() {
            Relay::Ready(handovers) => {
                handovers.retain(|handover| !handover.done.is_closed());
                handovers.push(Handover { shard, epoch, commit_no, done });
            }
            Relay::Absent | Relay::Late => return,
        }
        self.changed.notify_waiters();
        // An error means that the relay cannot.
        let _ = wait.await;
    }

    /// What is asked of the relay.
    pub(crate) fn take_handovers(&self) -> Vec<Handover> {
        match &mut *self.relay.lock() {
            Relay::Ready(handovers) => std::mem::take(handovers),
            Relay::Absent | Relay::Late => Vec::new(),
        }
    }

    /// A group is durable, with what stands in each of its frames. What an earlier tenure wrote
    /// counts no more: the claim that began the present one found it.
    pub(crate) fn reached(&self, group: &Arc<Vec<Frame>>, records: Vec<Vec<StepRecord>>) {
        assert_eq!(group.len(), records.len(), "each frame has its records");
        let mut owned = self.owned.lock();
        for ((index, Frame { header, .. }), records) in group.iter().enumerate().zip(records) {
            let place = owned.get_mut(usize::from(header.shard.0)).and_then(Option::as_mut);
            if let Some(owned) = place.filter(|owned| owned.epoch == header.epoch) {
                // First the frame: who sees that a commit is durable finds it in memory.
                self.recent.lock().push(group, index, records);
                owned.durable = header.commit_no;
            }
        }
        drop(owned);
        self.changed.notify_waiters();
    }

    /// The last durable commit of a shard; 0 = none, or it is not owned here.
    #[must_use]
    pub fn of(&self, shard: ShardId) -> u64 {
        self.owned(shard).map_or(0, |owned| owned.durable)
    }

    /// The epoch that a shard is owned under, if it is owned here.
    #[must_use]
    pub fn epoch(&self, shard: ShardId) -> Option<u64> {
        self.owned(shard).map(|owned| owned.epoch)
    }

    /// Epoch and last durable commit of the shards 0, 1, and so on, as they are at one moment.
    pub(crate) fn all(&self, n_shards: usize) -> Vec<(Option<u64>, u64)> {
        let owned = self.owned.lock();
        let of =
            |place: Option<Owned>| (place.map(|it| it.epoch), place.map_or(0, |it| it.durable));
        (0..n_shards).map(|index| of(owned.get(index).copied().flatten())).collect()
    }

    fn owned(&self, shard: ShardId) -> Option<Owned> {
        self.owned.lock().get(usize::from(shard.0)).copied().flatten()
    }

    /// One more who reads each durable frame once, until it is dropped.
    #[must_use]
    pub fn reader(self: &Arc<Self>) -> Reader {
        self.recent.lock().reader_came();
        Reader(Arc::clone(self))
    }

    /// Waits for the next commit of any shard, or a change of what is owned. Register before
    /// looking: see `tokio::sync::Notify`.
    pub fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }
}

/// A reader of durable frames. While there is one, frames stay in memory until all have read them,
/// or their room is needed.
#[derive(Debug)]
pub struct Reader(Arc<Commits>);

impl Reader {
    /// Durable frames of a shard from `from` on, contiguous, until `max_bytes` of payload are
    /// read; at least one. From memory, or from the store when they are no longer there.
    ///
    /// Errors: the store's; `Damaged` when it does not have a frame that is durable.
    pub async fn read(
        &self,
        store: &SharedStore,
        shard: ShardId,
        from: u64,
        max_bytes: usize,
    ) -> Result<Vec<Read>, StoreError> {
        // Before looking: what memory has by then is durable in any case.
        let durable = self.0.of(shard);
        let recent = self.0.recent.lock().read(shard, from, max_bytes);
        if let Some(frames) = recent
            && !sites::fires("cache_miss", u64::from(shard.0))
        {
            return Ok(frames.into_iter().map(Read::Recent).collect());
        }
        sites::hit("outbox.read_from_store");
        let mut frames = store.read(shard, from, max_bytes).await?;
        // The store may show what is being committed.
        frames.retain(|frame| frame.header.commit_no <= durable);
        if frames.first().is_none_or(|frame| frame.header.commit_no != from) {
            let gap = format!("commit {from} of shard {} is missing", shard.0);
            return Err(StoreError::Damaged(gap));
        }
        Ok(frames.into_iter().map(Read::Stored).collect())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.recent.lock().reader_left();
    }
}
