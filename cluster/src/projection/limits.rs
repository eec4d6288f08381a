//! Limits of projections, with the arithmetic (I10).

/// Bytes of frames read at once from one shard.
pub(super) const READ_BYTES_MAX: usize = 256 * 1024;

/// Rows that gather before they are written, checked after each frame.
///
/// A thousand rows of 200 bytes are a write of 200 KB.
pub(super) const WRITES_MAX: usize = 1_024;

/// Commits without rows after which the place in the journal is written all the same: what a
/// restart looks through again, at some 10 ns a record.
pub(super) const EMPTY_COMMITS_MAX: u64 = 1_000;

/// Rows that one event may ask for.
pub(super) const READS_PER_EVENT_MAX: usize = 64;

/// Bytes of rows kept at hand, in each of two ages.
///
/// An order has some eight events within seconds: 20,000 rows of 200 bytes are ten seconds of
/// 2,000 orders each.
pub(super) const CACHE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How long events gather after a turn. The first one after a pause goes at once.
///
/// With 64 busy shards this makes 1,280 writes a second, each a change of threads and a batch of
/// the store, instead of one per commit and shard. Whoever cannot wait that long catches up.
pub(super) const PACE_MS: u64 = 50;

/// How often an idle projection looks for stuck shards and retired rows.
pub(super) const IDLE_MS: u64 = 1_000;

/// How often the lag is measured.
pub(super) const MEASURE_EVERY_MS: u64 = 1_000;

/// When a shard that could not be read or written is tried again.
pub(super) const RETRY_MS: u64 = 200;

/// When a shard whose events cannot be projected raises its alarm again.
pub(super) const STUCK_RETRY_MS: u64 = 10_000;

/// How long rows of an old generation stay, for readers that began before the change.
pub(super) const GRACE_MS: u64 = 10_000;

/// How often the generations are read again although no shard came: readers of a node without
/// shards must not stay with rows that others take out after [`GRACE_MS`].
pub(super) const RENEW_EVERY_MS: u64 = GRACE_MS / 4;

/// Rows of an old generation that are taken out at once.
pub(super) const SWEEP_ROWS: usize = 512;

/// Shards of an old generation that are closed to late writers at once, a write each.
pub(super) const FENCE_SHARDS: u16 = 16;

/// Orders that wait for a projection.
pub(super) const ORDERS_MAX: usize = 16;

/// Callers of `catch_up` that wait.
pub(super) const WAITERS_MAX: usize = 1_024;

/// How long the answer to a short order is waited for.
pub(super) const ANSWER_MS: u64 = 10_000;

const _: () = assert!(PACE_MS < IDLE_MS && RETRY_MS < STUCK_RETRY_MS);
