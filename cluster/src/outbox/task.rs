//! A task that follows the journal for as long as somebody holds its handle.
//!
//! A panic in it is a bug of ours; then another one begins from what was saved. All of these
//! tasks save their place after their work, so beginning anew repeats and never skips.

use std::error::Error;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};

use crate::ctx::Clock;

/// When a task that panicked begins anew.
pub(crate) const RESTART_MS: u64 = 1_000;

/// Such a task.
pub(crate) trait Task: Sized + Send + 'static {
    /// All that is needed to begin.
    type Parts: Clone + Send + Sync + 'static;
    /// What it is told.
    type Order: Send + 'static;
    /// Why it cannot begin.
    type Error: Error + Send;

    /// Goes on from what was saved.
    fn load(parts: &Self::Parts) -> impl Future<Output = Result<Self, Self::Error>> + Send;

    /// Runs until it is told to stop, or until nobody can tell it anything any more.
    fn run(self, orders: &mut mpsc::Receiver<Self::Order>) -> impl Future<Output = ()> + Send;
}

/// Runs `first`, and after a panic another one.
pub(crate) async fn keep_running<T: Task>(
    name: &'static str,
    clock: Arc<dyn Clock>,
    parts: T::Parts,
    first: T,
    orders: mpsc::Receiver<T::Order>,
) {
    let orders = Arc::new(Mutex::new(orders));
    let mut next = Some(first);
    loop {
        let loaded = match next.take() {
            Some(task) => Ok(task),
            None => T::load(&parts).await,
        };
        match loaded {
            Ok(task) => {
                let orders = Arc::clone(&orders);
                let run = async move { task.run(&mut *orders.lock().await).await };
                match tokio::spawn(run).await {
                    Ok(()) => return,
                    Err(error) if error.is_cancelled() => return,
                    Err(error) => tracing::error!(%error, name, "task failed and begins anew"),
                }
                metrics::counter!("mercato_task_failures_total", "task" => name).increment(1);
            }
            Err(error) => {
                tracing::error!(error = chain(&error), name, "task cannot begin anew yet");
            }
        }
        clock.sleep(RESTART_MS).await;
    }
}

/// An error with its causes, for people.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
