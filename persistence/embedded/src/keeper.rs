//! The keeper: one thread that writes snapshots, cursors and views, each write one batch.
//!
//! Not synced: the syncer does that about once a second. One thread, so that "an older snapshot
//! never replaces a newer one" needs no lock; not the caller's, since fjall may make a writer
//! wait while it writes tables.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fjall::Slice;
use ports::StoreError;
use tokio::sync::{mpsc, oneshot};

use crate::committer::FatalOnPanic;
use crate::databases::{DerivedDb, read_error};
use crate::keys::Key;
use crate::shared::{Shared, fatal};

/// A keyspace of the derived database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Space {
    /// Snapshots, timers, checkpoints and cursors: flushed together, so cut together.
    Snap,
    /// Rows and cursors of views.
    View,
}

/// What becomes of a row.
#[derive(Debug)]
pub(crate) enum Change {
    /// Put it.
    Put(Slice),
    /// Put it, unless the stored one has a higher number. Its first eight bytes are the number.
    PutNewest(Slice),
    /// Take it out.
    Delete,
}

impl Change {
    fn is_older_than(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::PutNewest(own), Self::PutNewest(kept)) => number_of(own) < number_of(kept),
            (Self::Put(_) | Self::PutNewest(_) | Self::Delete, _) => false,
        }
    }
}

/// A write: whole or not at all.
pub(crate) struct Write {
    pub(crate) changes: Vec<(Space, Key, Change)>,
    pub(crate) reply: oneshot::Sender<Result<(), StoreError>>,
}

/// What the keeper is asked for.
pub(crate) enum Job {
    Write(Write),
    /// Finish what came before and end.
    Close,
}

/// The thread's state.
pub(crate) struct Keeper {
    pub(crate) derived: DerivedDb,
    pub(crate) shared: Arc<Shared>,
    /// Set with every write; the syncer takes it.
    pub(crate) is_dirty: Arc<AtomicBool>,
    pub(crate) jobs: mpsc::Receiver<Job>,
}

impl Keeper {
    /// Runs until it is closed or nobody can send any more.
    pub(crate) fn run(mut self) {
        let guard = FatalOnPanic(Arc::clone(&self.shared));
        while let Some(Job::Write(write)) = self.jobs.blocking_recv() {
            let result = self.write(write.changes);
            // The caller may have gone; then nobody needs the answer.
            drop(write.reply.send(result));
        }
        drop(guard);
    }

    fn write(&self, changes: Vec<(Space, Key, Change)>) -> Result<(), StoreError> {
        self.shared.check()?;
        // A batch of fjall has no order within: the last change of a row is the only one.
        let mut rows = BTreeMap::new();
        for (space, key, change) in changes {
            match rows.entry((space, key)) {
                Entry::Vacant(row) => drop(row.insert(change)),
                Entry::Occupied(mut row) if !change.is_older_than(row.get()) => {
                    row.insert(change);
                }
                Entry::Occupied(_) => {}
            }
        }
        let mut batch = self.derived.db.batch();
        for ((space, key), change) in rows {
            let keyspace = match space {
                Space::Snap => &self.derived.snap,
                Space::View => &self.derived.view,
            };
            match change {
                Change::Put(value) => batch.insert(keyspace, &key[..], value),
                Change::Delete => batch.remove(keyspace, &key[..]),
                Change::PutNewest(value) => {
                    let stored = keyspace.get(&key).map_err(read_error)?;
                    if stored.is_none_or(|stored| number_of(&stored) <= number_of(&value)) {
                        batch.insert(keyspace, &key[..], value);
                    }
                }
            }
        }
        if let Err(error) = batch.commit() {
            tracing::error!(%error, "write of derived data failed");
            self.shared.set_fatal();
            return Err(fatal());
        }
        self.is_dirty.store(true, Ordering::Release);
        Ok(())
    }
}

fn number_of(value: &[u8]) -> Option<u64> {
    value.first_chunk().map(|number| u64::from_be_bytes(*number))
}
