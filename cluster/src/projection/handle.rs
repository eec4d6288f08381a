//! What the rest of a node may ask of a projection, and how its rows are read.

use std::sync::Arc;

use parking_lot::Mutex;
use ports::{SharedStore, StoreError, ViewRow};
use tokio::sync::{mpsc, oneshot};

use super::{Parts, ProjectionState, Shared, limits};
use crate::ctx::Clock;

/// Why a rebuild did not begin.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RebuildError {
    /// One is under way.
    #[error("a rebuild is under way")]
    Busy,
    /// Other nodes own shards: a rebuild by several nodes is not implemented.
    #[error("a rebuild by several nodes is not implemented")]
    NotAlone,
    /// The store failed.
    #[error("store failed")]
    Store(#[from] StoreError),
    /// The projection does not answer.
    #[error("the projection does not answer")]
    Unavailable,
}

/// What a projection's task is told.
#[derive(Debug)]
pub(super) enum Order {
    /// Answer once all that is durable now is in the view.
    CatchUp(oneshot::Sender<()>),
    /// Build another generation.
    Rebuild(oneshot::Sender<Result<(), RebuildError>>),
    /// Write the places and end.
    Stop(oneshot::Sender<()>),
}

/// A running projection. It ends when this is dropped.
#[derive(Clone)]
pub struct ProjectionHandle {
    orders: mpsc::Sender<Order>,
    clock: Arc<dyn Clock>,
    reader: ViewReader,
}

impl ProjectionHandle {
    pub(super) fn new(parts: &Parts, orders: mpsc::Sender<Order>) -> Self {
        let store = Arc::clone(&parts.ctx.store);
        let clock = Arc::clone(&parts.ctx.clock);
        let shared = Arc::clone(&parts.shared);
        Self { orders, reader: ViewReader { store, shared, clock: Arc::clone(&clock) }, clock }
    }

    /// Its rows.
    #[must_use]
    pub const fn reader(&self) -> &ViewReader {
        &self.reader
    }

    /// How it is doing.
    #[must_use]
    pub fn state(&self) -> ProjectionState {
        self.reader.shared.lock().state.clone()
    }

    /// Waits until everything that is durable now is in the view: for a reader that wants to see
    /// what was answered before. Returns whether that was so within `timeout_ms`; at once when
    /// newer nodes write the rows.
    pub async fn catch_up(&self, timeout_ms: u64) -> bool {
        let (done, wait) = oneshot::channel();
        self.told(Order::CatchUp(done), wait, timeout_ms).await.is_some()
    }

    /// Builds another generation of the view from the first event, while readers go on with this
    /// one. Returns when it has begun; [`ProjectionState::rebuild_left`] shows how it goes.
    ///
    /// Where newer nodes brought rows of a newer version, this is the way back after a downgrade:
    /// rows of this build's version begin anew, empty. A newer node that still runs takes the view
    /// forward again.
    pub async fn rebuild(&self) -> Result<(), RebuildError> {
        let (done, wait) = oneshot::channel();
        self.told(Order::Rebuild(done), wait, limits::ANSWER_MS)
            .await
            .unwrap_or(Err(RebuildError::Unavailable))
    }

    /// Writes the places in the journal and ends. Returns whether it did within `timeout_ms`;
    /// if not, the next start looks through some commits again.
    pub async fn stop(&self, timeout_ms: u64) -> bool {
        let (done, wait) = oneshot::channel();
        self.told(Order::Stop(done), wait, timeout_ms).await.is_some()
    }

    async fn told<T>(&self, order: Order, wait: oneshot::Receiver<T>, ms: u64) -> Option<T> {
        let told = async {
            self.orders.send(order).await.ok()?;
            wait.await.ok()
        };
        tokio::select! {
            biased;
            answer = told => answer,
            () = self.clock.sleep(ms) => None,
        }
    }
}

/// Reads the rows of a projection, whichever generation is the present one. Cheap to clone; on a
/// store that nobody else has it goes on reading after the projection has ended.
///
/// Errors: the store's; `Unavailable` while newer nodes write rows that this build does not read,
/// or when they might, since the projection has not looked for longer than old rows stay.
#[derive(Clone)]
pub struct ViewReader {
    store: SharedStore,
    shared: Arc<Mutex<Shared>>,
    clock: Arc<dyn Clock>,
}

impl ViewReader {
    /// One row.
    pub async fn row(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.row(&self.view()?, key).await
    }

    /// Rows with `from <= key < to`, at most `limit`; `backward`: greatest first.
    ///
    /// Keys are the same in every generation, so paging goes on over a rebuild.
    pub async fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        backward: bool,
        limit: usize,
    ) -> Result<Vec<ViewRow>, StoreError> {
        self.store.scan(&self.view()?, from, to, backward, limit).await
    }

    fn view(&self) -> Result<Arc<str>, StoreError> {
        let refused = |why: &str| Err(StoreError::Unavailable(why.into()));
        let shared = self.shared.lock();
        match &shared.view {
            None => refused("the view is of a newer build"),
            Some(_) if self.clock.steady() >= shared.fresh_until => {
                refused("which rows are in use is not known")
            }
            Some(view) => Ok(Arc::clone(view)),
        }
    }
}
