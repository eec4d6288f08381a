//! The journal: append a group, read frames back, claim a shard.

use std::sync::Arc;

use async_trait::async_trait;
use entity::ShardId;

use crate::limits::FRAME_BYTES_MAX;
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

impl Tail {
    /// The tail of a journal that nobody has claimed yet.
    pub const EMPTY: Self = Self { epoch: 0, next_commit: 1, next_seq: 1, crc: 0 };

    /// The tail once `frame` is written.
    #[must_use]
    pub const fn after(self, frame: &Frame) -> Self {
        Self {
            epoch: self.epoch,
            next_commit: frame.header.commit_no + 1,
            next_seq: frame.header.first_seq + frame.header.n_events as u64,
            crc: frame.crc,
        }
    }

    /// Whether `frame` may be appended here: the check that every adapter makes (I1, I2).
    ///
    /// Errors: `Fenced` for an older epoch, `Broken` for anything that does not continue the
    /// chain. The fence goes first: an owner that lost the shard is told so even when its frame
    /// had been written before.
    pub fn admit(&self, frame: &Frame) -> Result<Admission, AppendError> {
        let header = &frame.header;
        let is_fenced = header.epoch < self.epoch && !sites::is_broken("epoch_check_removed");
        if is_fenced {
            return Err(AppendError::Fenced { shard: header.shard, epoch: self.epoch });
        }
        let broken = AppendError::Broken { shard: header.shard, expected: self.next_commit };
        if header.epoch > self.epoch || header.epoch == 0 || header.commit_no == 0 {
            return Err(broken);
        }
        if header.commit_no == self.next_commit {
            let fits = header.prev_crc == self.crc
                && header.first_seq == self.next_seq
                && frame.payload.len() <= FRAME_BYTES_MAX
                && frame.verify().is_ok();
            return if fits { Ok(Admission::Next) } else { Err(broken) };
        }
        if header.commit_no > self.next_commit {
            return Err(broken);
        }
        let is_last = header.commit_no + 1 == self.next_commit;
        match is_last {
            true if frame.crc == self.crc => Ok(Admission::Present),
            true => Err(broken),
            false => Ok(Admission::Compare),
        }
    }
}

/// What [`Tail::admit`] says of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It is the next one: write it.
    Next,
    /// It is the last one already: count it as written.
    Present,
    /// It lies before the last one: it counts as written if the stored one has its checksum.
    Compare,
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
    /// is there already with the same checksum counts as written ([`Tail::admit`]). At most one
    /// frame a shard, and one frame in all where [`Self::one_log`] is false.
    async fn append(&self, group: Arc<Vec<Frame>>) -> Result<(), AppendError>;

    /// Takes a shard for the only node there is: raises its epoch by one, so that no older one
    /// can append (I1). Returns the tail under the new epoch. Among several nodes epochs come
    /// from the owner rows: [`crate::Ownership::claim_at`].
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
