//! Snapshots, timers and checkpoints of shards.

use async_trait::async_trait;
use entity::{EntityKey, ShardId, Snapshot, Timestamp};

use crate::{Checkpoint, StoreError, Tail, TimerRow};

/// What is known of a snapshot without waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peek {
    /// It is there.
    Found(Box<Snapshot>),
    /// There is none: the entity has no history at or before the checkpoint.
    Missing,
    /// Only an awaited read can tell.
    Unknown,
}

/// One write of the checkpointer, applied whole or not at all.
#[derive(Debug, Clone, Default)]
pub struct SnapshotWrite {
    /// The epoch of the owner that writes.
    pub epoch: u64,
    /// Snapshots to put; each replaces the one before it of the same key.
    pub snapshots: Vec<(EntityKey, Snapshot)>,
    /// Deadlines to add.
    pub timers_put: Vec<TimerRow>,
    /// Deadlines to take out, before the others are added.
    pub timers_delete: Vec<TimerRow>,
    /// The checkpoint that these snapshots complete, if any. An older one replaces none.
    pub checkpoint: Option<Checkpoint>,
}

impl SnapshotWrite {
    /// Whether it may be written to a shard whose journal ends there: the check that every adapter
    /// makes. Errors: [`StoreError::Fenced`].
    pub const fn admit(&self, shard: ShardId, tail: Tail) -> Result<(), StoreError> {
        match self.epoch < tail.epoch {
            true => Err(StoreError::Fenced { shard, epoch: tail.epoch }),
            false => Ok(()),
        }
    }
}

/// Snapshots of entities, per shard.
#[async_trait]
pub trait SnapshotStore: Send + Sync + 'static {
    /// Writes snapshots, timers and checkpoint, of commits that are durable. Need not be synced
    /// at once: a crash loses the newest writes only (a checkpoint never survives without its
    /// snapshots, nor a later write of the shard without an earlier one).
    ///
    /// An older snapshot never replaces a newer one (by `last_commit`). An owner of an older epoch
    /// than the shard's is refused with [`StoreError::Fenced`], as its appends are: it knows
    /// nothing of what came after it, and would take out a deadline that its successor has set
    /// again.
    async fn write(&self, shard: ShardId, write: SnapshotWrite) -> Result<(), StoreError>;

    /// The newest snapshot of an entity.
    async fn snapshot(
        &self,
        shard: ShardId,
        key: &EntityKey,
    ) -> Result<Option<Snapshot>, StoreError>;

    /// The same without waiting, where the store can tell from memory or a short local read.
    fn peek(&self, shard: ShardId, key: &EntityKey) -> Result<Peek, StoreError>;

    /// The newest checkpoint.
    async fn checkpoint(&self, shard: ShardId) -> Result<Option<Checkpoint>, StoreError>;

    /// Deadlines at or before `until`, earliest first, strictly after `after`; at most `limit`.
    async fn timers(
        &self,
        shard: ShardId,
        after: Option<&TimerRow>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<TimerRow>, StoreError>;
}
