//! How far a shard's journal may be read: nothing leaves before it is durable (I4).
//!
//! A store may show frames whose sync is still under way. Two things say that a frame is durable:
//! the committer says so ([`Commits`]), or a later epoch was claimed, because a claim is itself
//! durable and comes after every frame of the epochs before it. The second one covers what was
//! in the journal before this process began.

use std::sync::Arc;

use entity::ShardId;
use ports::{Frame, SharedStore, StoreError};
use tokio::sync::futures::Notified;

use super::recent::DurableFrame;
use crate::node::Commits;

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

/// The durable end of every shard's journal.
#[derive(Debug, Clone)]
pub struct Durable {
    commits: Arc<Commits>,
    /// Per shard: the last commit of an epoch before the present one, if it was looked for.
    recovered: Arc<Vec<u64>>,
}

impl Durable {
    /// Looks where the journals of a claimed store end. O(shards) reads.
    pub async fn look(store: &SharedStore, commits: Arc<Commits>) -> Result<Self, StoreError> {
        let mut recovered = Vec::with_capacity(usize::from(store.n_shards()));
        for shard in (0..store.n_shards()).map(ShardId) {
            recovered.push(last_recovered(store, &commits, shard).await?);
        }
        Ok(Self { commits, recovered: Arc::new(recovered) })
    }

    /// The last durable commit of a shard; 0 = none.
    #[must_use]
    pub fn of(&self, shard: ShardId) -> u64 {
        let recovered = self.recovered.get(usize::from(shard.0)).copied().unwrap_or(0);
        self.commits.of(shard).max(recovered)
    }

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
        let durable = self.of(shard);
        if let Some(frames) = self.commits.recent(shard, from, max_bytes) {
            return Ok(frames.into_iter().map(Read::Recent).collect());
        }
        let mut frames = store.read(shard, from, max_bytes).await?;
        // The store may show what is being committed.
        frames.retain(|frame| frame.header.commit_no <= durable);
        if frames.first().is_none_or(|frame| frame.header.commit_no != from) {
            let gap = format!("commit {from} of shard {} is missing", shard.0);
            return Err(StoreError::Damaged(gap));
        }
        Ok(frames.into_iter().map(Read::Stored).collect())
    }

    /// Waits for the next commit of any shard. Made before looking, it misses none.
    pub fn changed(&self) -> Notified<'_> {
        self.commits.changed()
    }
}

/// Steps back over what the present epoch has written and the committer has not told of yet: one
/// frame at the most, since one commit is in flight.
async fn last_recovered(
    store: &SharedStore,
    commits: &Commits,
    shard: ShardId,
) -> Result<u64, StoreError> {
    let tail = store.tail(shard).await?;
    let mut commit = tail.next_commit - 1;
    while commit > commits.of(shard) {
        let frames = store.read(shard, commit, 1).await?;
        let frame = frames.first().ok_or_else(|| {
            StoreError::Damaged(format!("commit {commit} of shard {} is missing", shard.0))
        })?;
        if frame.header.epoch < tail.epoch {
            return Ok(commit);
        }
        commit -= 1;
    }
    Ok(commit)
}
