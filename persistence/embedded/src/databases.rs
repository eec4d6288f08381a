//! The two fjall databases: how they are configured, opened and checked to be complete.
//!
//! They are two so that the commit path shares no file, lock or memory with snapshots and views
//! (but for a named value, which is rare and syncs what was written before it), and so that in the
//! journal's files every batch was synced before the next one was begun, which tells a torn tail
//! from damage.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use fjall::config::{BlockSizePolicy, CompressionPolicy, FilterPolicy, FilterPolicyEntry};
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions};
use ports::StoreError;

use crate::limits::{
    DERIVED_MEMTABLE_BYTES, FRAMES_MEMTABLE_BYTES, INDEX_MEMTABLE_BYTES, JOURNAL_FILES_BYTES,
    SMALL_MEMTABLE_BYTES,
};
use crate::{OpenError, manifest};

/// Numbers that fjall gives to keyspaces, in the order of their creation.
pub(crate) const FRAMES_ID: u64 = 1;
const INDEX_ID: u64 = 2;
pub(crate) const META_ID: u64 = 3;

/// The database of the journal. Every batch in it is synced.
#[derive(Clone)]
pub(crate) struct JournalDb {
    pub(crate) db: Database,
    pub(crate) frames: Keyspace,
    pub(crate) index: Keyspace,
    pub(crate) meta: Keyspace,
}

/// The database of what can be made again from the journal.
#[derive(Clone)]
pub(crate) struct DerivedDb {
    pub(crate) db: Database,
    pub(crate) snap: Keyspace,
    pub(crate) view: Keyspace,
}

impl JournalDb {
    /// Opens it; `is_new`: keyspaces may be made, else all must be there.
    pub(crate) fn open(path: &Path, cache_bytes: u64, is_new: bool) -> Result<Self, OpenError> {
        guarded(path, || {
            if !is_new {
                manifest::check(path, META_ID)?;
            }
            let db = open_db(path, cache_bytes)?;
            // Tables that never overlap need no filter. Packing them costs more CPU than the disk
            // that it saves is worth: most frames are never read again.
            let frames = || {
                small(FRAMES_MEMTABLE_BYTES)
                    .data_block_compression_policy(CompressionPolicy::disabled())
                    .data_block_size_policy(BlockSizePolicy::all(16 * 1024))
                    .filter_policy(FilterPolicy::all(FilterPolicyEntry::None))
            };
            let frames = keyspace(&db, "frames", FRAMES_ID, is_new, frames)?;
            let meta = || small(SMALL_MEMTABLE_BYTES);
            let index = || small(INDEX_MEMTABLE_BYTES);
            let index = keyspace(&db, "index", INDEX_ID, is_new, index)?;
            let meta = keyspace(&db, "meta", META_ID, is_new, meta)?;
            Ok(Self { db, frames, index, meta })
        })
    }
}

impl DerivedDb {
    /// Opens it; `is_new`: keyspaces may be made, else all must be there.
    pub(crate) fn open(path: &Path, cache_bytes: u64, is_new: bool) -> Result<Self, OpenError> {
        guarded(path, || {
            if !is_new {
                manifest::check(path, 2)?;
            }
            let db = open_db(path, cache_bytes)?;
            let options = || small(DERIVED_MEMTABLE_BYTES);
            let snap = keyspace(&db, "snap", 1, is_new, options)?;
            let view = keyspace(&db, "view", 2, is_new, options)?;
            Ok(Self { db, snap, view })
        })
    }
}

fn open_db(path: &Path, cache_bytes: u64) -> Result<Database, OpenError> {
    Database::builder(path)
        .cache_size(cache_bytes)
        // Of two, the one that keeps itself free for flushes passes each merge back to the queue
        // for as long as the other one merges, at full speed. Merges here are short: frames do
        // not overlap, all else is small; commits wait for neither, only for a full memory.
        .worker_threads(1)
        .max_journaling_size(JOURNAL_FILES_BYTES)
        // Journal files are read by `scan`, and the commit path has better things to do.
        .journal_compression(CompressionType::None)
        .open()
        .map_err(open_error)
}

fn small(memtable_bytes: u64) -> KeyspaceCreateOptions {
    // fjall keeps what a keyspace was made with: a database that exists goes on as it is.
    // Not key-value separation: fjall does not sync the directory of its blob files.
    KeyspaceCreateOptions::default()
        .max_memtable_size(memtable_bytes)
        .data_block_compression_policy(CompressionPolicy::new([
            CompressionType::None,
            CompressionType::None,
            CompressionType::Lz4,
        ]))
}

fn keyspace(
    db: &Database,
    name: &str,
    id: u64,
    is_new: bool,
    options: impl FnOnce() -> KeyspaceCreateOptions,
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
fn guarded<T>(path: &Path, open: impl FnOnce() -> Result<T, OpenError>) -> Result<T, OpenError> {
    catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|_| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Err(OpenError::Damaged(format!("the database {name} cannot be opened")))
    })
}

fn open_error(error: fjall::Error) -> OpenError {
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
