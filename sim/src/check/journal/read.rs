//! Everything that a store holds, as values.
//!
//! Reading is the only part that waits; what is read does not change afterwards, so the checkers
//! can be pure. Frames are not verified here: that is a checker's work (I2).

use std::collections::BTreeSet;
use std::sync::Arc;

use entity::{EntityKey, ShardId, Snapshot, Timestamp};
use ports::{Checkpoint, CloudEvent, Frame, HistoryId, Store, StoreError, TimerRow};

/// Bytes of frames that one read asks for: 1 MiB, few reads and no huge answer.
const READ_BYTES: usize = 1 << 20;

/// An event as a bus stored it: stream, place in it, event.
pub type Published = (String, u64, Arc<CloudEvent>);

/// What a store and a bus hold.
#[derive(Debug, Clone)]
pub struct Journals {
    /// The store's history: the first part of every public event id.
    pub history: HistoryId,
    /// Frames of each shard, from the first.
    pub shards: Vec<Vec<Frame>>,
    /// The newest snapshot of each entity that has one.
    pub snapshots: Vec<(EntityKey, Snapshot)>,
    /// The newest checkpoint of each shard that has one.
    pub checkpoints: Vec<(ShardId, Checkpoint)>,
    /// Deadlines of entities that need not be in memory.
    pub timers: BTreeSet<TimerRow>,
    /// All that the bus stored, repeats too, by stream and place; `None`: there was no bus.
    pub published: Option<Vec<Published>>,
}

impl Journals {
    /// Frames and checkpoints, no snapshots yet. Errors: those of the store.
    pub(super) async fn begin(
        store: &dyn Store,
        published: Option<Vec<Published>>,
    ) -> Result<Self, StoreError> {
        let (mut shards, mut checkpoints) = (Vec::new(), Vec::new());
        let mut timers = BTreeSet::new();
        for shard in (0..store.n_shards()).map(ShardId) {
            let end = store.tail(shard).await?.next_commit;
            let mut frames: Vec<Frame> = Vec::new();
            let mut from = 1;
            while from < end {
                let read = store.read(shard, from, READ_BYTES).await?;
                // A hole: what was read is judged as it is (I2).
                let Some(last) = read.last() else { break };
                from = last.header.commit_no + 1;
                frames.extend(read);
            }
            shards.push(frames);
            let rows = store.timers(shard, None, Timestamp::MAX, usize::MAX).await?;
            timers.extend(rows);
            checkpoints.extend(store.checkpoint(shard).await?.map(|it| (shard, it)));
        }
        let snapshots = Vec::new();
        Ok(Self { history: store.history(), shards, snapshots, checkpoints, timers, published })
    }

    /// Adds the snapshots of `keys`. Errors: those of the store.
    pub(super) async fn add_snapshots(
        &mut self,
        store: &dyn Store,
        keys: impl Iterator<Item = &EntityKey>,
    ) -> Result<(), StoreError> {
        let n_shards = store.n_shards();
        for key in keys {
            let snapshot = store.snapshot(key.shard(n_shards), key).await?;
            self.snapshots.extend(snapshot.map(|it| (key.clone(), it)));
        }
        Ok(())
    }

    /// How many shards there are.
    #[must_use]
    pub fn n_shards(&self) -> u16 {
        u16::try_from(self.shards.len()).expect("a store counts its shards in 16 bits")
    }

    /// Streams of the bus that anything was stored in.
    #[must_use]
    pub fn streams(&self) -> BTreeSet<&str> {
        self.published.iter().flatten().map(|(stream, ..)| stream.as_str()).collect()
    }
}
