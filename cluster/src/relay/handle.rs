//! What the rest of a node may ask of its relay.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::replay::{ReplayError, ReplayRequest};
use super::{Parts, RelayState};
use crate::ctx::Clock;

/// What the relay's task is told.
#[derive(Debug)]
pub(super) enum Order {
    /// Answer once all that is durable now is acknowledged and the cursors are saved.
    Flush(oneshot::Sender<()>),
    /// Save the cursors and end.
    Stop(oneshot::Sender<()>),
    /// Publish a part of the history again.
    Replay(ReplayRequest, oneshot::Sender<Result<(), ReplayError>>),
}

/// A running relay. It ends, with nothing flushed, when this is dropped.
#[derive(Clone)]
pub struct RelayHandle {
    orders: mpsc::Sender<Order>,
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<RelayState>>,
}

impl RelayHandle {
    pub(super) fn new(parts: &Parts, orders: mpsc::Sender<Order>) -> Self {
        let clock = Arc::clone(&parts.ctx.clock);
        Self { orders, clock, state: Arc::clone(&parts.state) }
    }

    /// How it is doing.
    #[must_use]
    pub fn state(&self) -> RelayState {
        self.state.lock().clone()
    }

    /// Waits until everything that is durable now is acknowledged and the cursors are saved.
    /// Returns whether that was so within `timeout_ms`.
    pub async fn flush(&self, timeout_ms: u64) -> bool {
        let (done, wait) = oneshot::channel();
        self.told(Order::Flush(done), wait, timeout_ms).await.is_some()
    }

    /// Flushes for at most `timeout_ms`, saves the cursors and ends. Returns whether everything
    /// was flushed; what was not is published after the next start.
    pub async fn stop(&self, timeout_ms: u64) -> bool {
        let flushed = self.flush(timeout_ms).await;
        let (done, wait) = oneshot::channel();
        let stopped = self.told(Order::Stop(done), wait, super::limits::STOP_MS).await.is_some();
        flushed && stopped
    }

    /// Publishes a part of the history again, beside live events: same ids, same bytes, in journal
    /// order within a shard. Returns when it has begun; [`RelayState::replay`] shows how it goes.
    ///
    /// Errors: one is under way, or the request makes no sense.
    pub async fn replay(&self, request: ReplayRequest) -> Result<(), ReplayError> {
        let (done, wait) = oneshot::channel();
        self.told(Order::Replay(request, done), wait, super::limits::STOP_MS)
            .await
            .unwrap_or(Err(ReplayError::Unavailable))
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
