//! The journal of the model.

use std::sync::Arc;

use async_trait::async_trait;
use entity::ShardId;

use super::undo::Undo;
use super::{AppendFault, Kept, Late, MemoryStore, State};
use crate::{Admission, AppendError, Frame, Journal, StoreError, Tail};

#[async_trait]
impl Journal for MemoryStore {
    fn n_shards(&self) -> u16 {
        self.n_shards
    }

    fn one_log(&self) -> bool {
        self.one_log
    }

    async fn append(&self, group: Arc<Vec<Frame>>) -> Result<(), AppendError> {
        assert!(self.one_log || group.len() <= 1, "each shard is a log of its own");
        let state = &mut *self.lock();
        state.check().map_err(|error| AppendError::Fatal(error.to_string()))?;
        match state.faults.pop_front() {
            None => write(state, &group),
            Some(AppendFault::UnknownApplied) => {
                write(state, &group)?;
                Err(AppendError::Unknown("the answer was lost".into()))
            }
            Some(AppendFault::UnknownNotApplied) => {
                Err(AppendError::Unknown("the request was lost".into()))
            }
            Some(AppendFault::UnknownLate) => {
                state.late.push_back(Late::Append(group));
                Err(AppendError::Unknown("the request is late".into()))
            }
            Some(AppendFault::Fatal) => {
                state.fatal = true;
                Err(AppendError::Fatal("the sync failed".into()))
            }
            Some(AppendFault::Fenced) => {
                if let Some(first) = group.first()
                    && let Some(shard) = state.shards.get_mut(first.header.shard.0 as usize)
                {
                    shard.epoch += 1;
                }
                write(state, &group)
            }
        }
    }

    async fn claim(&self, shard: ShardId) -> Result<Tail, StoreError> {
        let state = &mut *self.lock();
        state.shard_mut(shard)?.epoch += 1;
        state.sync();
        Ok(state.shard(shard)?.tail())
    }

    async fn tail(&self, shard: ShardId) -> Result<Tail, StoreError> {
        Ok(self.lock().shard(shard)?.tail())
    }

    async fn read(
        &self,
        shard: ShardId,
        from_commit: u64,
        max_bytes: usize,
    ) -> Result<Vec<Frame>, StoreError> {
        let state = self.lock();
        let frames = &state.shard(shard)?.frames;
        let start = usize::try_from(from_commit.max(1) - 1).unwrap_or(usize::MAX);
        let mut read = Vec::new();
        let mut n_bytes = 0;
        for kept in frames.iter().skip(start) {
            n_bytes += kept.frame().payload.len();
            if !read.is_empty() && n_bytes > max_bytes {
                break;
            }
            read.push(kept.frame().clone());
        }
        Ok(read)
    }
}

/// Checks the whole group, then writes it: all or none.
pub(super) fn write(state: &mut State, group: &Arc<Vec<Frame>>) -> Result<(), AppendError> {
    let mut new = Vec::with_capacity(group.len());
    for (index, frame) in group.iter().enumerate() {
        let id = frame.header.shard;
        let shard = state.shards.get(id.0 as usize);
        let tail = shard.map_or(Tail::EMPTY, super::ShardState::tail);
        let broken = AppendError::Broken { shard: id, expected: tail.next_commit };
        if group[..index].iter().any(|earlier| earlier.header.shard == id) {
            return Err(broken);
        }
        match tail.admit(frame)? {
            Admission::Next => new.push(index),
            Admission::Present => {}
            Admission::Compare => {
                let position = usize::try_from(frame.header.commit_no - 1).ok();
                let stored = position.and_then(|at| shard?.frames.get(at));
                if stored.is_none_or(|stored| stored.frame().crc != frame.crc) {
                    return Err(broken);
                }
            }
        }
    }
    let shard_of = |index: &usize| group[*index].header.shard.0 as usize;
    if sites::is_broken("sync_removed") {
        state.undo.push(Undo::Append { shards: new.iter().map(shard_of).collect() });
    }
    for index in new {
        let frames = &mut state.shards[shard_of(&index)].frames;
        frames.push(Kept { group: Arc::clone(group), index });
    }
    if !sites::is_broken("sync_removed") {
        state.sync();
    }
    Ok(())
}
