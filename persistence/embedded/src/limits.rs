//! Limits of the embedded store (I10).

/// Groups and claims that may wait for the committer.
///
/// A node has one group flying and one gathering; claims of all its shards come beside them.
pub(crate) const COMMIT_QUEUE_MAX: usize = 64;

/// Named values that may wait: 64 of 16 MiB each would be the worst case.
pub(crate) const VALUE_QUEUE_MAX: usize = 64;

/// Bytes of frames that one sync takes at most before the rest waits for the next one.
pub(crate) const ROUND_BYTES_MAX: usize = 2 * ports::limits::FRAME_BYTES_MAX;

/// Writes of snapshots, cursors and views that may wait.
///
/// A checkpointer waits when it is full; 64 writes of 4 MiB each would be the worst case.
pub(crate) const DERIVED_QUEUE_MAX: usize = 64;

/// How long a derived write or a publish mark may stay unsynced.
pub(crate) const SYNC_EVERY_MS: u64 = 1000;

/// Payload bytes read at once while the chain is verified.
pub(crate) const VERIFY_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Default of the block cache.
pub(crate) const CACHE_BYTES: u64 = 64 * 1024 * 1024;

/// Default of the bytes of a segment of the log.
///
/// The last one is read at every start, some tenths of a second.
pub(crate) const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// Files of the log that are kept open for reading.
pub(crate) const OPEN_FILES_MAX: usize = 64;

/// Places of frames that are looked up at once.
pub(crate) const READ_AHEAD_FRAMES: u32 = 256;

/// Snapshots and views in memory before they are written as a table.
pub(crate) const DERIVED_MEMTABLE_BYTES: u64 = 16 * 1024 * 1024;

/// Journal files of one database before memory is flushed to drop the oldest; fjall's least.
pub(crate) const JOURNAL_FILES_BYTES: u64 = 64 * 1024 * 1024;

/// Rows that one batch of fjall may hold; more in a journal file is damage.
pub(crate) const BATCH_ROWS_MAX: u32 = 1 << 20;

/// The largest key and value in a journal file; more is damage.
pub(crate) const ROW_BYTES_MAX: u32 = 2 * 16 * 1024 * 1024;

const _: () = assert!(ROW_BYTES_MAX as usize > codec::VALUE_BYTES_MAX + 8);
