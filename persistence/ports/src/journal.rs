//! The journal: append a group, read frames back, claim a shard.

use std::sync::Arc;

use async_trait::async_trait;
use entity::ShardId;

use crate::{Frame, StoreError};

/// Why an append did not succeed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// A newer epoch owns the shard: nothing was written, nothing may be acknowledged (I1).
    #[error("shard {} is owned by epoch {epoch}", shard.0)]
    Fenced {
        /// The shard.
        shard: ShardId,
        /// The epoch that owns it.
        epoch: u64,
    },
    /// The frame does not continue the chain: a bug of ours or a damaged store.
    #[error("shard {} expects commit {expected}", shard.0)]
    Broken {
        /// The shard.
        shard: ShardId,
        /// The commit number that would be next.
        expected: u64,
    },
    /// Not known whether it was written. Only the identical frames may be sent again.
    #[error("outcome unknown: {0}")]
    Unknown(String),
    /// A sync failed: the process (embedded) or the ownership (CQL) has to end.
    #[error("append failed for good: {0}")]
    Fatal(String),
}

/// Where a shard's journal ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// The epoch that may append.
    pub epoch: u64,
    /// The next commit number; 1 in an empty journal.
    pub next_commit: u64,
    /// The next event number; 1 in an empty journal.
    pub next_seq: u64,
    /// Checksum of the last frame; 0 in an empty journal.
    pub crc: u32,
}

/// The journal of all shards.
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// How many shards there are. Fixed when the store is created.
    fn n_shards(&self) -> u16;

    /// Whether one append makes frames of several shards durable together (embedded), or each
    /// shard is a log of its own (CQL).
    fn one_log(&self) -> bool;

    /// Makes all frames durable, all or none, in one sync.
    ///
    /// Each frame must continue its shard's chain under the shard's present epoch; a frame that
    /// is there already with the same checksum counts as written. At most one frame a shard.
    async fn append(&self, group: Arc<Vec<Frame>>) -> Result<(), AppendError>;

    /// Takes a shard: raises its epoch by one, so that no older one can append (I1).
    /// Returns the tail under the new epoch.
    async fn claim(&self, shard: ShardId) -> Result<Tail, StoreError>;

    /// Where the shard's journal ends.
    async fn tail(&self, shard: ShardId) -> Result<Tail, StoreError>;

    /// Frames from `from_commit` on, contiguous, verified, until `max_bytes` of payload are read;
    /// at least one if there is one. O(frames read).
    async fn read(
        &self,
        shard: ShardId,
        from_commit: u64,
        max_bytes: usize,
    ) -> Result<Vec<Frame>, StoreError>;
}
