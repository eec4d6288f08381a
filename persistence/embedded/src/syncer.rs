//! The syncer: one thread that makes derived data and publish marks durable about once a second,
//! and writes the indexes of finished segments.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use fjall::PersistMode;

use crate::committer::FatalOnPanic;
use crate::databases::DerivedDb;
use crate::limits::SYNC_EVERY_MS;
use crate::log::Log;
use crate::marks::Marks;
use crate::shared::Shared;

/// The thread's state.
pub(crate) struct Syncer {
    pub(crate) derived: DerivedDb,
    pub(crate) marks: Arc<Marks>,
    pub(crate) log: Arc<Log>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) is_dirty: Arc<AtomicBool>,
    /// Ends the thread when its other side goes.
    pub(crate) end: Receiver<()>,
}

impl Syncer {
    /// Runs until the other side of `end` goes; syncs once more then.
    pub(crate) fn run(self) {
        let guard = FatalOnPanic(Arc::clone(&self.shared));
        let every = Duration::from_millis(SYNC_EVERY_MS);
        let mut is_open = true;
        while is_open {
            is_open = matches!(self.end.recv_timeout(every), Err(RecvTimeoutError::Timeout));
            self.sync();
        }
        drop(guard);
    }

    fn sync(&self) {
        if self.shared.is_fatal() {
            return;
        }
        if self.is_dirty.swap(false, Ordering::AcqRel)
            && let Err(error) = self.derived.db.persist(PersistMode::SyncData)
        {
            tracing::error!(%error, "sync of derived data failed");
            self.shared.set_fatal();
        }
        if let Err(error) = self.marks.sync() {
            tracing::error!(%error, "sync of publish marks failed");
            self.shared.set_fatal();
        }
        if let Err(error) = self.log.seal() {
            tracing::warn!(%error, "the index of a segment was not written");
        }
    }
}
