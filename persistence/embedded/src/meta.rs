//! Named values over their thread, cursors over the keeper, publish marks in their own files.

use async_trait::async_trait;
use entity::ShardId;
use ports::{CursorWrite, HistoryId, Meta, StoreError, admit_value};
use tokio::sync::oneshot;

use crate::databases::read_error;
use crate::keeper::{Change, Space};
use crate::values::{Expected, Job, Put};
use crate::{EmbeddedStore, keys};

impl EmbeddedStore {
    /// Puts a value and returns whether it was as expected.
    async fn put_value(
        &self,
        name: &str,
        expected: Expected,
        value: Vec<u8>,
    ) -> Result<bool, StoreError> {
        admit_value(&value)?;
        let (reply, answer) = oneshot::channel();
        let put = Put { name: name.to_owned(), expected, value, reply };
        self.puts.send(Job::Put(put)).await.map_err(|_| self.shared.gone())?;
        answer.await.map_err(|_| self.shared.gone())?
    }
}

#[async_trait]
impl Meta for EmbeddedStore {
    fn history(&self) -> HistoryId {
        self.identity.history.clone()
    }

    async fn value(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.shared.check()?;
        self.values.get(name)
    }

    async fn set_value(&self, name: &str, value: Vec<u8>) -> Result<(), StoreError> {
        self.put_value(name, Expected::Anything, value).await.map(drop)
    }

    async fn swap_value(
        &self,
        name: &str,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> Result<bool, StoreError> {
        self.put_value(name, Expected::This(expected), value).await
    }

    async fn cursor(&self, shard: ShardId, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.shared.check()?;
        let row = self.derived.snap.get(keys::cursor(shard, name)).map_err(read_error)?;
        if let Some(row) = row {
            return Ok(Some(row.get(8..).unwrap_or_default().to_vec()));
        }
        let old = self.derived.snap.get(keys::cursor_of_no_epoch(shard, name));
        Ok(old.map_err(read_error)?.map(|row| row.to_vec()))
    }

    async fn set_cursors(&self, name: &str, writes: Vec<CursorWrite>) -> Result<(), StoreError> {
        let mut changes = Vec::with_capacity(writes.len());
        for CursorWrite { shard, epoch, value } in writes {
            self.shared.tail(shard)?;
            let row = [&epoch.to_be_bytes()[..], &value].concat();
            changes.push((Space::Snap, keys::cursor(shard, name), Change::PutNewest(row.into())));
        }
        self.keep(changes).await
    }

    async fn set_publish_mark(&self, marks: Vec<(ShardId, u64)>) -> Result<(), StoreError> {
        for (shard, _) in &marks {
            self.shared.tail(*shard)?;
        }
        self.marks.raise(&marks).map_err(|error| StoreError::Unavailable(error.to_string()))
    }
}
