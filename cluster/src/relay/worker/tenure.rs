//! Lanes follow the ownership of their shards: one begins where the last owner saved its cursor,
//! and ends when the shard goes.
//!
//! A relay that still publishes for a shard that it lost repeats committed events at the most:
//! the new owner publishes them again in order, with the same ids.

use entity::ShardId;

use super::{Worker, cursor_of};
use crate::outbox::task::chain;
use crate::relay::lane::{Lane, Stuck};
use crate::relay::{Parts, StartError, limits};

impl Worker {
    /// Begins and ends lanes as shards came and went. O(shards), a read for each that came.
    pub(super) async fn follow(&mut self) {
        let owned = self.parts.durable.all(self.lanes.len());
        for (index, (epoch, _)) in owned.into_iter().enumerate() {
            let lane = &self.lanes[index];
            let is_told = epoch.is_some() || lane.stuck.is_none();
            if (epoch == lane.epoch && is_told) || (epoch.is_some() && self.waits(index)) {
                continue;
            }
            let begun = match epoch {
                None => Ok(Lane::unowned(lane.shard)),
                Some(epoch) => self.begin_lane(index, epoch).await,
            };
            match begun {
                Ok(lane) => self.lanes[index] = lane,
                Err(error) => {
                    let reason = chain(&error);
                    let shard = self.lanes[index].shard;
                    tracing::error!(shard = shard.0, reason, "shard not published yet");
                    let retry_at = self.now().plus_ms(limits::READ_RETRY_MS);
                    let stuck = Stuck { reason, is_passing: is_passing(&error), retry_at };
                    self.lanes[index] = Lane::unowned(shard);
                    self.lanes[index].stuck = Some(stuck);
                }
            }
            self.note_stuck();
        }
    }

    async fn begin_lane(&mut self, index: usize, epoch: u64) -> Result<Lane, StartError> {
        let lane = lane_of(&self.parts, self.lanes[index].shard, epoch).await?;
        // Others published meanwhile: whether the streams still hold it is not known.
        self.connection = None;
        Ok(lane)
    }

    fn waits(&self, index: usize) -> bool {
        let now = self.now();
        self.lanes[index].stuck.as_ref().is_some_and(|stuck| stuck.retry_at > now)
    }
}

/// The lane of a shard that is owned under an epoch, from its saved cursor on.
///
/// Errors: the store cannot be read, or ends before what was published of it.
pub(super) async fn lane_of(parts: &Parts, shard: ShardId, epoch: u64) -> Result<Lane, StartError> {
    let lane = Lane::new(shard, epoch, cursor_of(parts, shard).await?);
    let (published, end) = (lane.now().commit_no, parts.durable.of(shard));
    if parts.durable.epoch(shard) != Some(epoch) {
        // It went while its cursor was read.
        return Ok(Lane::unowned(shard));
    }
    if published > end {
        return Err(StartError::JournalBehind { shard, end, published });
    }
    Ok(lane)
}

fn is_passing(error: &StartError) -> bool {
    match error {
        StartError::Store(error) => error.is_retryable(),
        StartError::JournalBehind { .. } => false,
    }
}
