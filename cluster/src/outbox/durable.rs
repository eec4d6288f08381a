//! How far a shard's journal may be read: nothing leaves before it is durable (I4).
//!
//! A store may show frames whose sync is still under way. Two things say that a frame is durable:
//! the committer says so ([`Commits`]), or a later epoch was claimed, because a claim is itself
//! durable and comes after every frame of the epochs before it. The second one covers what was
//! in the journal before this process began.

use std::sync::Arc;

use entity::ShardId;
use ports::{SharedStore, StoreError};
use tokio::sync::futures::Notified;

use crate::node::Commits;

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
