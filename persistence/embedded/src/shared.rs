//! What the threads of a store and its callers share: tails, and whether it failed for good.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use entity::ShardId;
use ports::{AppendError, StoreError, Tail};
use tokio::sync::Notify;

/// Shared state of one open store.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The durable tail of every shard.
    tails: Mutex<Vec<Tail>>,
    fatal: AtomicBool,
    failed: Notify,
    /// Lets the next commit fail as a full or broken disk would.
    #[cfg(test)]
    pub(crate) fail_commit: AtomicBool,
}

const FATAL: &str = "a sync failed: what is on the disk is not known";
const CLOSED: &str = "the store is closed";

impl Shared {
    pub(crate) fn new(tails: Vec<Tail>) -> Self {
        Self {
            tails: Mutex::new(tails),
            fatal: AtomicBool::new(false),
            failed: Notify::new(),
            #[cfg(test)]
            fail_commit: AtomicBool::new(false),
        }
    }

    pub(crate) fn tails(&self) -> MutexGuard<'_, Vec<Tail>> {
        self.tails.lock().expect("nothing panics while it holds the lock")
    }

    /// The durable tail of a shard.
    pub(crate) fn tail(&self, shard: ShardId) -> Result<Tail, StoreError> {
        self.check()?;
        let tail = self.tails().get(shard.0 as usize).copied();
        tail.ok_or_else(|| StoreError::Damaged(format!("no shard {} in this store", shard.0)))
    }

    /// From now on nothing is acknowledged or answered.
    pub(crate) fn set_fatal(&self) {
        if !self.fatal.swap(true, Ordering::SeqCst) {
            tracing::error!("{FATAL}");
            self.failed.notify_waiters();
        }
    }

    /// Ends when a sync has failed. Cancel safe.
    pub(crate) async fn failed(&self) {
        let mut failed = std::pin::pin!(self.failed.notified());
        // From here on it is not missed.
        failed.as_mut().enable();
        if !self.is_fatal() {
            failed.await;
        }
    }

    pub(crate) fn is_fatal(&self) -> bool {
        self.fatal.load(Ordering::SeqCst)
    }

    pub(crate) fn check(&self) -> Result<(), StoreError> {
        if self.is_fatal() { Err(fatal()) } else { Ok(()) }
    }
}

impl Shared {
    /// The error of a call whose thread has ended: failed for good, or closed.
    pub(crate) fn gone(&self) -> StoreError {
        if self.is_fatal() { fatal() } else { StoreError::Unavailable(CLOSED.into()) }
    }

    /// The same for an append. A closed store has not written it.
    pub(crate) fn append_gone(&self) -> AppendError {
        if self.is_fatal() { append_fatal() } else { AppendError::Unknown(CLOSED.into()) }
    }
}

pub(crate) fn fatal() -> StoreError {
    StoreError::Fatal(FATAL.into())
}

pub(crate) fn append_fatal() -> AppendError {
    AppendError::Fatal(FATAL.into())
}
