//! The fjall database of derived data: how it is configured, opened and checked to be complete.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use fjall::config::CompressionPolicy;
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions};
use ports::StoreError;

use crate::limits::{DERIVED_MEMTABLE_BYTES, JOURNAL_FILES_BYTES};
use crate::{OpenError, manifest};

/// The database of what can be made again from the journal.
#[derive(Clone)]
pub(crate) struct DerivedDb {
    pub(crate) db: Database,
    pub(crate) snap: Keyspace,
    pub(crate) view: Keyspace,
}

impl DerivedDb {
    /// Opens it; `is_new`: keyspaces may be made, else all must be there.
    pub(crate) fn open(path: &Path, cache_bytes: u64, is_new: bool) -> Result<Self, OpenError> {
        guarded(path, || {
            if !is_new {
                manifest::check(path, 2)?;
            }
            let db = open_db(path, cache_bytes)?;
            let snap = keyspace(&db, "snap", 1, is_new)?;
            let view = keyspace(&db, "view", 2, is_new)?;
            Ok(Self { db, snap, view })
        })
    }
}

pub(crate) fn open_db(path: &Path, cache_bytes: u64) -> Result<Database, OpenError> {
    Database::builder(path)
        .cache_size(cache_bytes)
        // Of two, the one that keeps itself free for flushes passes each merge back to the queue
        // for as long as the other one merges, at full speed. Nobody's answer waits for a merge.
        .worker_threads(1)
        .max_journaling_size(JOURNAL_FILES_BYTES)
        // Journal files are read by `scan`.
        .journal_compression(CompressionType::None)
        .open()
        .map_err(open_error)
}

fn options() -> KeyspaceCreateOptions {
    // fjall keeps what a keyspace was made with: a database that exists goes on as it is.
    // Not key-value separation: fjall does not sync the directory of its blob files.
    KeyspaceCreateOptions::default()
        .max_memtable_size(DERIVED_MEMTABLE_BYTES)
        .data_block_compression_policy(CompressionPolicy::new([
            CompressionType::None,
            CompressionType::None,
            CompressionType::Lz4,
        ]))
}

pub(crate) fn keyspace(
    db: &Database,
    name: &str,
    id: u64,
    is_new: bool,
) -> Result<Keyspace, OpenError> {
    if !is_new && !db.keyspace_exists(name) {
        return Err(OpenError::Damaged(format!("the keyspace {name} is missing")));
    }
    let keyspace = db.keyspace(name, options).map_err(open_error)?;
    if keyspace.id() != id {
        let found = keyspace.id();
        return Err(OpenError::Damaged(format!("the keyspace {name} has number {found}")));
    }
    Ok(keyspace)
}

/// Runs an open; a panic of fjall over damaged files is damage too.
pub(crate) fn guarded<T>(
    path: &Path,
    open: impl FnOnce() -> Result<T, OpenError>,
) -> Result<T, OpenError> {
    catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|_| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Err(OpenError::Damaged(format!("the database {name} cannot be opened")))
    })
}

pub(crate) fn open_error(error: fjall::Error) -> OpenError {
    match error {
        fjall::Error::Locked => OpenError::Locked,
        fjall::Error::Io(source) => OpenError::Io { what: "open a database", source },
        // Not our own enum: whatever else it says, what is stored cannot be used.
        other => OpenError::Damaged(other.to_string()),
    }
}

/// A failed read.
pub(crate) fn read_error(error: fjall::Error) -> StoreError {
    match error {
        fjall::Error::Io(error) => StoreError::Unavailable(error.to_string()),
        fjall::Error::Poisoned => StoreError::Fatal(error.to_string()),
        other => StoreError::Damaged(other.to_string()),
    }
}
