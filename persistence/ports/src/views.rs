//! Read models: ordered rows of bytes, written by projections together with their cursor.

use async_trait::async_trait;
use entity::ShardId;

use crate::StoreError;

/// A row of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewRow {
    /// Its place; rows are ordered by it, byte-wise.
    pub key: Vec<u8>,
    /// Its content.
    pub value: Vec<u8>,
}

/// A change of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViewWrite {
    /// Puts a row.
    Put(ViewRow),
    /// Takes a row out.
    Delete(Vec<u8>),
}

/// Views by name.
#[async_trait]
pub trait Views: Send + Sync + 'static {
    /// Applies changes and the cursor of the shard they come from, whole or not at all.
    ///
    /// Does nothing and returns `false` when the shard's cursor is beyond this one already: a
    /// projection that lost its shard and does not know it yet cannot take rows back to what they
    /// were.
    async fn apply(
        &self,
        view: &str,
        shard: ShardId,
        cursor: u64,
        writes: Vec<ViewWrite>,
    ) -> Result<bool, StoreError>;

    /// The cursor of a shard: the last commit that was applied; 0 = none.
    async fn view_cursor(&self, view: &str, shard: ShardId) -> Result<u64, StoreError>;

    /// One row.
    async fn row(&self, view: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Rows with `from <= key < to`, at most `limit`; `backward`: greatest first.
    async fn scan(
        &self,
        view: &str,
        from: &[u8],
        to: &[u8],
        backward: bool,
        limit: usize,
    ) -> Result<Vec<ViewRow>, StoreError>;
}
