//! The relay: publishes what is committed to the bus, in journal order, at least once.
//!
//! Guarantees: only durable events leave (I4); within a shard, hence within an entity, none
//! passes another; a repeat has the same id and bytes; cursors are saved after the
//! acknowledgement, so a crash repeats and never skips. When a stream comes back shorter than what
//! it acknowledged, with another event where one was, or gives a place again, the shards concerned
//! go back to the newest position that it still holds. A shard whose events cannot be read stops
//! there, loudly, and the others go on: nothing is skipped. It does not decide what is public: the
//! entities do. For a bus that nobody can read it makes no events: the cursors move alone.
//! One task of a node; what it says of itself is [`RelayState`] and `mercato_outbox_*`.

mod cursor;
mod handle;
mod lane;
pub(crate) mod limits;
mod replay;
mod worker;

use std::sync::Arc;

use entity::ShardId;
use parking_lot::Mutex;
use ports::{HistoryId, SharedBus, StoreError};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::ctx::NodeCtx;
use crate::outbox::Commits;
use crate::outbox::task::{Task, keep_running};

pub use handle::RelayHandle;
pub use replay::{ReplayError, ReplayFrom, ReplayProgress, ReplayRequest};

use worker::Worker;

/// Where the bus keeps its streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BusKind {
    /// On a server: they outlive this process, and a shorter one has lost events.
    Server,
    /// In this process: they begin anew with it, and nothing before is missed.
    InProcess,
}

/// How a relay is to run.
#[derive(Debug, Clone, Copy)]
pub struct RelayOptions {
    /// Where the bus keeps its streams. A server that this store has not published to before is
    /// given the whole history.
    pub bus: BusKind,
}

/// Why a relay did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store failed.
    #[error("store failed")]
    Store(#[from] StoreError),
    /// The journal ends before what was published of it: the store lost synced data.
    #[error("shard {} ends at commit {end}, but {published} is published", shard.0)]
    JournalBehind {
        /// The shard.
        shard: ShardId,
        /// Its last durable commit.
        end: u64,
        /// The last commit known to the bus.
        published: u64,
    },
}

/// How the relay is doing. Lag and age are measured once a second and after each flush.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RelayState {
    /// Whether the bus answers.
    pub is_bus_up: bool,
    /// Events committed and not acknowledged, with those that are not public.
    pub lag_events: u64,
    /// Age of the oldest of them, in milliseconds; 0 when there is none.
    pub oldest_ms: u64,
    /// Acknowledged events since the start, repeats included; none where the bus has no readers.
    pub n_published: u64,
    /// How often a shard had to go back because a stream had lost events.
    pub n_rewinds: u64,
    /// Shards that cannot go on, with the reason.
    pub stuck: Vec<(ShardId, String)>,
    /// The replay under way, or the last one.
    pub replay: Option<ReplayProgress>,
}

/// All that a relay works on; enough to begin anew.
#[derive(Clone)]
struct Parts {
    ctx: NodeCtx,
    bus: SharedBus,
    durable: Arc<Commits>,
    options: RelayOptions,
    history: HistoryId,
    state: Arc<Mutex<RelayState>>,
}

/// The relay of a node.
pub struct Relay;

impl Relay {
    /// Starts the relay of a node, for the shards that it owns. Ends when the handle is dropped.
    ///
    /// Errors: the store cannot be read, or ends before what was published of it.
    pub async fn start(
        ctx: NodeCtx,
        commits: Arc<Commits>,
        bus: SharedBus,
        options: RelayOptions,
    ) -> Result<RelayHandle, StartError> {
        let history = ctx.store.history();
        let state = Arc::default();
        let parts = Parts { ctx, bus, durable: commits, options, history, state };
        let worker = Worker::load(&parts).await?;
        parts.durable.relay_is_ready();
        let (orders, inbox) = mpsc::channel(limits::ORDERS_MAX);
        let handle = RelayHandle::new(&parts, orders);
        let clock = Arc::clone(&parts.ctx.clock);
        tokio::spawn(keep_running("relay", clock, parts, worker, inbox));
        Ok(handle)
    }
}

#[cfg(test)]
mod tests;
