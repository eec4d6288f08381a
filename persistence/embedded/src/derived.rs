//! Snapshots, timers, checkpoints and views over the keeper; reads in place.

use std::ops::Bound;

use async_trait::async_trait;
use entity::{EntityKey, ShardId, Snapshot, Timestamp};
use fjall::{Readable, Slice};
use ports::{
    Checkpoint, Peek, SnapshotStore, SnapshotWrite, StoreError, TimerRow, ViewRow, ViewWrite, Views,
};
use tokio::sync::oneshot;

use crate::databases::read_error;
use crate::keeper::{Change, Job, Space, Write};
use crate::keys::Key;
use crate::{EmbeddedStore, keys};

impl EmbeddedStore {
    /// Hands a write to the keeper and waits until it can be read.
    pub(crate) async fn keep(&self, changes: Vec<(Space, Key, Change)>) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.writes
            .send(Job::Write(Write { changes, reply }))
            .await
            .map_err(|_| self.shared.gone())?;
        answer.await.map_err(|_| self.shared.gone())?
    }

    fn get_snapshot(
        &self,
        shard: ShardId,
        key: &EntityKey,
    ) -> Result<Option<Snapshot>, StoreError> {
        self.shared.check()?;
        let row = self.derived.snap.get(keys::snapshot(shard, key)).map_err(read_error)?;
        row.map(|row| numbered(&row)).transpose()
    }
}

fn encode_error(error: &codec::Error) -> StoreError {
    StoreError::Damaged(error.to_string())
}

/// A value behind the number that decides which one is newer.
fn with_number<T: codec::Stored>(number: u64, value: &T) -> Result<Slice, StoreError> {
    codec::seal_behind(&number.to_be_bytes(), value, |row| Slice::from(row))
        .map_err(|error| encode_error(&error))
}

fn numbered<T: codec::Stored>(row: &[u8]) -> Result<T, StoreError> {
    codec::open(row.get(8..).unwrap_or_default()).map_err(|error| encode_error(&error))
}

#[async_trait]
impl SnapshotStore for EmbeddedStore {
    async fn write(&self, shard: ShardId, write: SnapshotWrite) -> Result<(), StoreError> {
        // Only this process claims, and it does so before anybody of the new epoch writes.
        write.admit(shard, self.shared.tail(shard)?)?;
        let mut changes = Vec::with_capacity(
            write.snapshots.len() + write.timers_delete.len() + write.timers_put.len() + 1,
        );
        for (key, snapshot) in &write.snapshots {
            let row = with_number(snapshot.last_commit, snapshot)?;
            changes.push((Space::Snap, keys::snapshot(shard, key), Change::PutNewest(row)));
        }
        for timer in &write.timers_delete {
            changes.push((Space::Snap, keys::timer(shard, timer), Change::Delete));
        }
        for timer in &write.timers_put {
            let row = codec::to_bytes(timer).map_err(|error| encode_error(&error))?;
            changes.push((Space::Snap, keys::timer(shard, timer), Change::Put(row.into())));
        }
        if let Some(checkpoint) = &write.checkpoint {
            let row = with_number(checkpoint.commit_no, checkpoint)?;
            changes.push((Space::Snap, keys::checkpoint(shard), Change::PutNewest(row)));
        }
        self.keep(changes).await
    }

    async fn snapshot(
        &self,
        shard: ShardId,
        key: &EntityKey,
    ) -> Result<Option<Snapshot>, StoreError> {
        self.get_snapshot(shard, key)
    }

    fn peek(&self, shard: ShardId, key: &EntityKey) -> Result<Peek, StoreError> {
        let found = self.get_snapshot(shard, key)?;
        Ok(found.map_or(Peek::Missing, |found| Peek::Found(Box::new(found))))
    }

    async fn checkpoint(&self, shard: ShardId) -> Result<Option<Checkpoint>, StoreError> {
        self.shared.check()?;
        let row = self.derived.snap.get(keys::checkpoint(shard)).map_err(read_error)?;
        row.map(|row| numbered(&row)).transpose()
    }

    async fn timers(
        &self,
        shard: ShardId,
        after: Option<&TimerRow>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<TimerRow>, StoreError> {
        self.shared.check()?;
        let from = match after {
            None => Bound::Included(keys::timers_from(shard)),
            Some(after) if after.at > until => return Ok(Vec::new()),
            Some(after) => Bound::Excluded(keys::timer(shard, after)),
        };
        let to = Bound::Excluded(keys::timers_to(shard, until));
        let snapshot = self.derived.db.snapshot();
        let rows = snapshot.range(&self.derived.snap, (from, to)).take(limit);
        let row = |row: fjall::Guard| {
            let value = row.value().map_err(read_error)?;
            codec::from_bytes(&value).map_err(|error| encode_error(&error))
        };
        rows.map(row).collect()
    }
}

#[async_trait]
impl Views for EmbeddedStore {
    async fn apply(
        &self,
        view: &str,
        shard: ShardId,
        cursor: u64,
        writes: Vec<ViewWrite>,
    ) -> Result<bool, StoreError> {
        self.shared.tail(shard)?;
        if self.view_cursor(view, shard).await? > cursor {
            return Ok(false);
        }
        let mut changes = Vec::with_capacity(writes.len() + 1);
        for write in writes {
            changes.push(match write {
                ViewWrite::Put(row) => {
                    (Space::View, keys::view_row(view, &row.key), Change::Put(row.value.into()))
                }
                ViewWrite::Delete(key) => (Space::View, keys::view_row(view, &key), Change::Delete),
            });
        }
        let cursor = Change::Put(cursor.to_be_bytes().into());
        changes.push((Space::View, keys::view_cursor(view, shard), cursor));
        self.keep(changes).await?;
        Ok(true)
    }

    async fn view_cursor(&self, view: &str, shard: ShardId) -> Result<u64, StoreError> {
        self.shared.check()?;
        let row = self.derived.view.get(keys::view_cursor(view, shard)).map_err(read_error)?;
        let cursor = row.and_then(|row| row.first_chunk().map(|row| u64::from_be_bytes(*row)));
        Ok(cursor.unwrap_or(0))
    }

    async fn row(&self, view: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.shared.check()?;
        let row = self.derived.view.get(keys::view_row(view, key)).map_err(read_error)?;
        Ok(row.map(|row| row.to_vec()))
    }

    async fn scan(
        &self,
        view: &str,
        from: &[u8],
        to: &[u8],
        backward: bool,
        limit: usize,
    ) -> Result<Vec<ViewRow>, StoreError> {
        self.shared.check()?;
        if from >= to {
            return Ok(Vec::new());
        }
        let snapshot = self.derived.db.snapshot();
        let range = keys::view_row(view, from)..keys::view_row(view, to);
        let rows = snapshot.range(&self.derived.view, range);
        let row = |row: fjall::Guard| {
            let (key, value) = row.into_inner().map_err(read_error)?;
            let key = key[keys::view_prefix_len(view)..].to_vec();
            Ok(ViewRow { key, value: value.to_vec() })
        };
        match backward {
            false => rows.take(limit).map(row).collect(),
            true => rows.rev().take(limit).map(row).collect(),
        }
    }
}
