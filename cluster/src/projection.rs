//! Projections: read models that follow the committed journal.
//!
//! A projection turns events into rows of a view; the rows and the place in the journal that they
//! come from are written together, so every event takes effect once. Guarantees: events of an
//! entity come in order; rows show durable events only (I4); a rebuild makes a new generation of
//! the view beside the old one and the readers move over when it has caught up. A shard with an
//! event that cannot be projected stops there, loudly, and the others go on.
//! A view lags: whoever must not act on an old row asks the entity. One task per projection.

mod fold;
mod generation;
mod handle;
mod limits;
mod rows;
mod track;
mod worker;

use std::sync::Arc;

use codec::Packed;
use entity::{EventContext, Kind, ShardId, Timestamp};
use parking_lot::Mutex;
use ports::{SharedStore, StoreError, ViewWrite};
use tokio::sync::mpsc;

use crate::ctx::NodeCtx;
use crate::outbox::Commits;
use crate::outbox::task::{Task, keep_running};

pub use fold::{Fold, FoldFn, RowChange};
pub use handle::{ProjectionHandle, RebuildError, ViewReader};
pub use rows::{NotAtHand, RowReader};

use worker::Worker;

/// Why an event is not projected.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// A row has to be read first; the runtime reads it and asks again.
    #[error("row not at hand")]
    NotAtHand(#[from] NotAtHand),
    /// The event or a row is not what the projection reads.
    #[error("unreadable")]
    Unreadable(#[from] codec::Error),
}

/// A read model, as a function of events and the rows so far.
pub trait Projection: Send + Sync + 'static {
    /// Its name, never used again for another one.
    fn name(&self) -> &'static str;

    /// Version of its rows. After a change the view is built anew from the first event. Of two
    /// nodes that share a store the newer version wins, and readers of the other one are refused.
    fn version(&self) -> u16;

    /// The kinds whose events it takes; the others cost it next to nothing.
    fn kinds(&self) -> &[Kind];

    /// What an event changes. `rows` shows what earlier events left.
    ///
    /// A function of its arguments alone: it is called again after a row was read, and once more
    /// for every event in a rebuild. Errors stop the shard.
    fn project(
        &self,
        ctx: &EventContext<'_>,
        event: &Packed,
        rows: &mut dyn RowReader,
    ) -> Result<Vec<ViewWrite>, ProjectError>;
}

/// How a projection is doing. The lag is measured once a second and after each catch-up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectionState {
    /// Commits that are durable and not in the view, over all shards.
    pub lag_commits: u64,
    /// Commits that a new generation still has to read; `None`: no rebuild is under way.
    pub rebuild_left: Option<u64>,
    /// Shards that cannot go on, with the reason.
    pub stuck: Vec<(ShardId, String)>,
}

/// What its task and its readers share.
#[derive(Debug, Default)]
struct Shared {
    state: ProjectionState,
    /// Name of the rows that readers see; `None`: they are of a version that this build does not
    /// read, which newer nodes of the same store brought.
    view: Option<Arc<str>>,
    /// Until when, in steady time, they are certain to be there.
    fresh_until: Timestamp,
}

/// Name of the rows of a projection that readers see, in a store; `None`: it has never run.
///
/// Errors: the store cannot be read.
pub async fn rows_of(store: &SharedStore, name: &str) -> Result<Option<Arc<str>>, StoreError> {
    let found = generation::Generations::saved(store, name).await?;
    Ok(found.map(|found| generation::view_name(name, found.active)))
}

/// All that a projection's task works on; enough to begin anew.
#[derive(Clone)]
struct Parts {
    ctx: NodeCtx,
    durable: Arc<Commits>,
    projection: Arc<dyn Projection>,
    shared: Arc<Mutex<Shared>>,
}

/// Runs projections.
pub struct Projector;

impl Projector {
    /// Starts a projection of a node, for the shards that it owns. Ends when the handle is dropped.
    ///
    /// Errors: the store cannot be read.
    pub async fn start(
        ctx: NodeCtx,
        commits: Arc<Commits>,
        projection: Arc<dyn Projection>,
    ) -> Result<ProjectionHandle, StoreError> {
        let name = projection.name();
        let parts = Parts { ctx, durable: commits, projection, shared: Arc::default() };
        let worker = Worker::load(&parts).await?;
        let (orders, inbox) = mpsc::channel(limits::ORDERS_MAX);
        let handle = ProjectionHandle::new(&parts, orders);
        let clock = Arc::clone(&parts.ctx.clock);
        tokio::spawn(keep_running(name, clock, parts, worker, inbox));
        Ok(handle)
    }
}

#[cfg(test)]
mod tests;
