//! Named values of a store that takes its time over a write, and may refuse it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use entity::ShardId;
use ports::memory::MemoryStore;
use ports::{CursorWrite, HistoryId, Meta, StoreError};

/// A store whose writes are done a turn before their writer hears of it.
pub(crate) struct Unsteady {
    store: MemoryStore,
    refuses: AtomicBool,
}

impl Unsteady {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { store: MemoryStore::new(1), refuses: AtomicBool::new(false) })
    }

    /// Whether writes of named values are refused from now on.
    pub(crate) fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::Relaxed);
    }
}

/// Polls a future once and drops it, as a lost connection does with a handler; then lets
/// everything else run.
pub(crate) async fn drop_midway<F: Future>(future: F) {
    tokio::select! {
        biased;
        _ = future => panic!("it is over at once"),
        () = std::future::ready(()) => {}
    }
    for _ in 0..32 {
        tokio::task::yield_now().await;
    }
}

#[async_trait]
impl Meta for Unsteady {
    fn history(&self) -> HistoryId {
        self.store.history()
    }

    async fn value(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.value(name).await
    }

    async fn set_value(&self, name: &str, value: Vec<u8>) -> Result<(), StoreError> {
        if self.refuses.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("refused".into()));
        }
        self.store.set_value(name, value).await?;
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn swap_value(
        &self,
        name: &str,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> Result<bool, StoreError> {
        self.store.swap_value(name, expected, value).await
    }

    async fn cursor(&self, shard: ShardId, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.cursor(shard, name).await
    }

    async fn set_cursors(&self, name: &str, writes: Vec<CursorWrite>) -> Result<(), StoreError> {
        self.store.set_cursors(name, writes).await
    }

    async fn set_publish_mark(&self, marks: Vec<(ShardId, u64)>) -> Result<(), StoreError> {
        self.store.set_publish_mark(marks).await
    }
}
