//! The journal port over the committer.

use std::sync::Arc;

use async_trait::async_trait;
use entity::ShardId;
use ports::{AppendError, Frame, Journal, Ownership, StoreError, Tail};
use tokio::sync::oneshot;

use crate::committer::Job;
use crate::{EmbeddedStore, frames};

#[async_trait]
impl Journal for EmbeddedStore {
    fn n_shards(&self) -> u16 {
        self.identity.n_shards
    }

    fn one_log(&self) -> bool {
        true
    }

    async fn append(&self, group: Arc<Vec<Frame>>) -> Result<(), AppendError> {
        let (reply, answer) = oneshot::channel();
        self.commits
            .send(Job::Append { group, reply })
            .await
            .map_err(|_| self.shared.append_gone())?;
        answer.await.map_err(|_| self.shared.append_gone())?
    }

    async fn claim(&self, shard: ShardId) -> Result<Tail, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.commits.send(Job::Claim { shard, reply }).await.map_err(|_| self.shared.gone())?;
        answer.await.map_err(|_| self.shared.gone())?
    }

    async fn tail(&self, shard: ShardId) -> Result<Tail, StoreError> {
        self.shared.tail(shard)
    }

    async fn read(
        &self,
        shard: ShardId,
        from_commit: u64,
        max_bytes: usize,
    ) -> Result<Vec<Frame>, StoreError> {
        // Up to the durable tail: what is being committed is not there yet.
        let to = self.shared.tail(shard)?.next_commit;
        frames::read(&self.log, shard, from_commit, to, max_bytes)
    }
}

/// One node serves all shards of this store: it claims them by [`Journal::claim`].
impl Ownership for EmbeddedStore {}
