//! What the runtime asks of a store and of a bus: traits, record types, contract tests, a model.
//!
//! Guarantees that every adapter gives are written at the traits and held by [`contract`]; the
//! in-memory [`memory`] model passes the same tests as the real stores. Knows entities, not the
//! shop, no driver and no runtime.

pub mod bus;
pub mod checkpoint;
pub mod contract;
pub mod frame;
pub mod journal;
pub mod limits;
pub mod local_bus;
pub mod memory;
pub mod meta;
pub mod ownership;
pub mod snapshots;
pub mod views;

#[cfg(test)]
mod tests;

pub use bus::{Ack, BusSignal, CloudEvent, EventBus, PublishError, StreamState};
pub use checkpoint::{Checkpoint, OutStreamState, TimerRow};
pub use frame::{Frame, FrameError, FrameHeader};
pub use journal::{Admission, AppendError, Journal, Tail};
pub use local_bus::{LocalBus, LocalBusOptions};
pub use memory::MemoryStore;
pub use meta::{CursorWrite, HistoryId, Meta, admit_value};
pub use ownership::{
    Cas, CasError, LeaseRow, LeaseWrite, Life, NodeId, OwnerRow, OwnerWrite, Ownership, Seen,
    Versions,
};
pub use snapshots::{Peek, SnapshotStore, SnapshotWrite};
pub use views::{ViewRow, ViewWrite, Views};

use std::sync::Arc;

/// A failed read or write that is not an append.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The store does not answer; the same call may succeed later.
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// What is stored is damaged, or of a version that this build does not read.
    #[error("store damaged: {0}")]
    Damaged(String),
    /// A sync failed: nothing may be believed any more, the process has to end.
    #[error("store failed for good: {0}")]
    Fatal(String),
    /// A newer epoch owns the shard: nothing was written (I1).
    #[error("shard {} is owned by epoch {epoch}", shard.0)]
    Fenced {
        /// The shard.
        shard: entity::ShardId,
        /// The epoch that owns it.
        epoch: u64,
    },
    /// This store cannot do that at all: a mistake in configuration.
    #[error("not supported: {0}")]
    Unsupported(&'static str),
}

impl StoreError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// All ports of one store.
pub trait Store: Journal + SnapshotStore + Meta + Views + Ownership {}
impl<T: Journal + SnapshotStore + Meta + Views + Ownership> Store for T {}

/// A store that many parts of a node share.
pub type SharedStore = Arc<dyn Store>;
/// A bus that many parts of a node share.
pub type SharedBus = Arc<dyn EventBus>;
