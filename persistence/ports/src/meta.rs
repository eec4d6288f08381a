//! What a store knows of itself, and small named values that live with the data.

use async_trait::async_trait;
use entity::ShardId;

use crate::StoreError;

/// The identity of a history: minted when a store is created, restored or resharded.
///
/// 16 lower-case base32 characters; the first part of every public event id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HistoryId(pub String);

/// A new value of a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorWrite {
    /// Of which shard.
    pub shard: ShardId,
    /// The epoch that its writer owns the shard under.
    pub epoch: u64,
    /// The cursor.
    pub value: Vec<u8>,
}

/// Named values and cursors.
#[async_trait]
pub trait Meta: Send + Sync + 'static {
    /// The history of this store.
    fn history(&self) -> HistoryId;

    /// A named value (signing keys, dynamic configuration, clock offset).
    async fn value(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Sets a named value, durably; what was written before it ([`Self::set_cursors`]) is durable
    /// then, too. Errors: [`StoreError::Unsupported`] for more than [`codec::VALUE_BYTES_MAX`].
    async fn set_value(&self, name: &str, value: Vec<u8>) -> Result<(), StoreError>;

    /// Sets a named value, durably, if it is what `expected` says (`None`: there is none). Returns
    /// whether it was; if not, nothing changes. Errors: as [`Self::set_value`].
    async fn swap_value(
        &self,
        name: &str,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> Result<bool, StoreError>;

    /// A cursor of a shard's reader (`publish`, a projection).
    async fn cursor(&self, shard: ShardId, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Moves cursors. Durable with the next sync at the latest.
    ///
    /// Leaves a cursor alone that was written under a later epoch: an owner that lost its shard
    /// and does not know it yet cannot take it back.
    async fn set_cursors(&self, name: &str, writes: Vec<CursorWrite>) -> Result<(), StoreError>;

    /// Records that everything of `shard` up to `commit_no` has been seen outside (published).
    /// On start, a journal that ends below a mark is refused: it lost what others have seen.
    async fn set_publish_mark(&self, marks: Vec<(ShardId, u64)>) -> Result<(), StoreError>;
}

/// Whether a named value may be stored: what cannot be read again must not be written.
pub fn admit_value(value: &[u8]) -> Result<(), StoreError> {
    if value.len() <= codec::VALUE_BYTES_MAX {
        return Ok(());
    }
    Err(StoreError::Unsupported("a named value of more than 16 MiB"))
}
