//! Snapshots, cursors, named values and views of the model.

use std::ops::Bound;

use async_trait::async_trait;
use entity::{EntityKey, ShardId, Snapshot, Timestamp};

use super::{MemoryStore, Undo};
use crate::{
    Checkpoint, CursorWrite, HistoryId, Meta, Peek, SnapshotStore, SnapshotWrite, StoreError,
    TimerRow, ViewRow, ViewWrite, Views, admit_value,
};

#[async_trait]
impl SnapshotStore for MemoryStore {
    async fn write(&self, shard: ShardId, write: SnapshotWrite) -> Result<(), StoreError> {
        let state = &mut *self.lock();
        let id = shard;
        let shard = state.shard_mut(shard)?;
        write.admit(id, shard.tail())?;
        let checkpoint = shard.checkpoint.clone();
        let mut before = Vec::with_capacity(write.snapshots.len());
        for (key, snapshot) in write.snapshots {
            let old = shard.snapshots.get(&key);
            if old.is_none_or(|old| old.last_commit <= snapshot.last_commit) {
                let old = shard.snapshots.insert(key.clone(), snapshot);
                before.push((key, old));
            }
        }
        let mut timers = Vec::with_capacity(write.timers_delete.len() + write.timers_put.len());
        for timer in write.timers_delete {
            let old = shard.timers.remove(&timer);
            timers.push((timer, old));
        }
        for timer in write.timers_put {
            let old = shard.timers.insert(timer.clone(), ());
            timers.push((timer, old));
        }
        if let Some(new) = write.checkpoint {
            let old = shard.checkpoint.as_ref();
            if old.is_none_or(|old| old.commit_no <= new.commit_no) {
                shard.checkpoint = Some(new);
            }
        }
        state.undo.push(Undo::Snapshots { shard: id, before, timers, checkpoint });
        Ok(())
    }

    async fn snapshot(
        &self,
        shard: ShardId,
        key: &EntityKey,
    ) -> Result<Option<Snapshot>, StoreError> {
        Ok(self.lock().shard(shard)?.snapshots.get(key).cloned())
    }

    fn peek(&self, shard: ShardId, key: &EntityKey) -> Result<Peek, StoreError> {
        let state = self.lock();
        let found = state.shard(shard)?.snapshots.get(key);
        if state.blind_peek {
            return Ok(Peek::Unknown);
        }
        Ok(found.map_or(Peek::Missing, |found| Peek::Found(Box::new(found.clone()))))
    }

    async fn checkpoint(&self, shard: ShardId) -> Result<Option<Checkpoint>, StoreError> {
        Ok(self.lock().shard(shard)?.checkpoint.clone())
    }

    async fn timers(
        &self,
        shard: ShardId,
        after: Option<&TimerRow>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<TimerRow>, StoreError> {
        let state = self.lock();
        let timers = &state.shard(shard)?.timers;
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let due = timers.range((start, Bound::Unbounded)).map(|(row, ())| row);
        Ok(due.take_while(|row| row.at <= until).take(limit).cloned().collect())
    }
}

#[async_trait]
impl Meta for MemoryStore {
    fn history(&self) -> HistoryId {
        self.history.clone()
    }

    async fn value(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let state = self.lock();
        state.check()?;
        Ok(state.values.get(name).cloned())
    }

    async fn set_value(&self, name: &str, value: Vec<u8>) -> Result<(), StoreError> {
        admit_value(&value)?;
        let state = &mut *self.lock();
        state.check()?;
        state.values.insert(name.to_owned(), value);
        state.sync();
        Ok(())
    }

    async fn swap_value(
        &self,
        name: &str,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> Result<bool, StoreError> {
        admit_value(&value)?;
        let state = &mut *self.lock();
        state.check()?;
        if state.values.get(name) != expected.as_ref() {
            return Ok(false);
        }
        state.values.insert(name.to_owned(), value);
        state.sync();
        Ok(true)
    }

    async fn cursor(&self, shard: ShardId, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.lock().shard(shard)?.cursors.get(name).map(|(_, value)| value.clone()))
    }

    async fn set_cursors(&self, name: &str, writes: Vec<CursorWrite>) -> Result<(), StoreError> {
        let state = &mut *self.lock();
        for write in &writes {
            state.shard(write.shard)?;
        }
        let mut before = Vec::with_capacity(writes.len());
        for CursorWrite { shard, epoch, value } in writes {
            let cursors = &mut state.shard_mut(shard)?.cursors;
            if cursors.get(name).is_none_or(|(newest, _)| *newest <= epoch) {
                before.push((shard, cursors.insert(name.to_owned(), (epoch, value))));
            }
        }
        state.undo.push(Undo::Cursors { name: name.to_owned(), before });
        Ok(())
    }

    async fn set_publish_mark(&self, marks: Vec<(ShardId, u64)>) -> Result<(), StoreError> {
        let state = &mut *self.lock();
        for (shard, _) in &marks {
            state.shard(*shard)?;
        }
        for (shard, commit_no) in marks {
            let mark = &mut state.shard_mut(shard)?.publish_mark;
            *mark = commit_no.max(*mark);
        }
        Ok(())
    }
}

#[async_trait]
impl Views for MemoryStore {
    async fn apply(
        &self,
        view: &str,
        shard: ShardId,
        cursor: u64,
        writes: Vec<ViewWrite>,
    ) -> Result<bool, StoreError> {
        let state = &mut *self.lock();
        state.shard(shard)?;
        let rows = state.views.entry(view.to_owned()).or_default();
        if rows.cursors.get(&shard).is_some_and(|written| *written > cursor) {
            return Ok(false);
        }
        let mut before = Vec::with_capacity(writes.len());
        for write in writes {
            match write {
                ViewWrite::Put(row) => {
                    let old = rows.rows.insert(row.key.clone(), row.value);
                    before.push((row.key, old));
                }
                ViewWrite::Delete(key) => {
                    let old = rows.rows.remove(&key);
                    before.push((key, old));
                }
            }
        }
        let old = rows.cursors.insert(shard, cursor);
        state.undo.push(Undo::View { view: view.to_owned(), shard, cursor: old, before });
        Ok(true)
    }

    async fn view_cursor(&self, view: &str, shard: ShardId) -> Result<u64, StoreError> {
        let state = self.lock();
        state.shard(shard)?;
        let cursor = state.views.get(view).and_then(|view| view.cursors.get(&shard));
        Ok(cursor.copied().unwrap_or(0))
    }

    async fn row(&self, view: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let state = self.lock();
        state.check()?;
        Ok(state.views.get(view).and_then(|view| view.rows.get(key)).cloned())
    }

    async fn scan(
        &self,
        view: &str,
        from: &[u8],
        to: &[u8],
        backward: bool,
        limit: usize,
    ) -> Result<Vec<ViewRow>, StoreError> {
        let state = self.lock();
        state.check()?;
        let Some(view) = state.views.get(view).filter(|_| from < to) else {
            return Ok(Vec::new());
        };
        let rows = view.rows.range(from.to_vec()..to.to_vec());
        let row =
            |(key, value): (&Vec<u8>, &Vec<u8>)| ViewRow { key: key.clone(), value: value.clone() };
        Ok(match backward {
            false => rows.take(limit).map(row).collect(),
            true => rows.rev().take(limit).map(row).collect(),
        })
    }
}
