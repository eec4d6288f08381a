//! Limits of the relay, with the arithmetic (I10).

use ports::limits::PUBLISH_BATCH_MAX;

/// Bytes of frames read at once from one shard.
///
/// A frame of a busy node holds some ten KiB of one shard; one read is a few frames of it.
pub(crate) const READ_BYTES_MAX: usize = 256 * 1024;

/// Events of all shards that are read and not yet sent, before another frame is read.
///
/// One batch flies while the next one is at hand. A frame is read whole, so one frame
/// (7,000 events of 300 bytes at the most) may come on top.
pub(crate) const QUEUED_EVENTS_MAX: usize = 2 * PUBLISH_BATCH_MAX;

/// Events that one shard may put into a batch before the next shard has its turn.
pub(crate) const SHARE_EVENTS: usize = 64;

/// Room in each batch that a replay gets beside live events.
pub(crate) const REPLAY_SHARE_EVENTS: usize = PUBLISH_BATCH_MAX / 8;

/// A batch smaller than this lets events gather for [`PACE_MS`] before the next one.
pub(crate) const SMALL_BATCH_EVENTS: usize = PUBLISH_BATCH_MAX / 8;

/// How long events gather after a small batch. The first event after a pause goes at once.
///
/// At 5,000 commits a second this makes 200 calls a second of them, and 200 looks at all lanes.
pub(crate) const PACE_MS: u64 = 5;

/// How often an idle relay looks whether the bus is another connection.
pub(crate) const IDLE_POLL_MS: u64 = 250;

/// How often cursors are saved while events flow.
pub(crate) const SAVE_EVERY_MS: u64 = 200;

/// Acknowledged events after which cursors are saved earlier than that: what a crash repeats.
pub(crate) const SAVE_EVERY_EVENTS: u64 = 2_000;

/// How often lag and age are measured.
pub(crate) const MEASURE_EVERY_MS: u64 = 1_000;

/// The first wait after a failed publish; it doubles up to [`BACKOFF_MAX_MS`].
pub(crate) const BACKOFF_MIN_MS: u64 = 50;

/// The longest wait between two attempts, before jitter takes up to half of it away.
pub(crate) const BACKOFF_MAX_MS: u64 = 5_000;

/// When a shard that could not be read is tried again.
pub(crate) const READ_RETRY_MS: u64 = 200;

/// When a shard whose events cannot be read raises its alarm again.
pub(crate) const STUCK_RETRY_MS: u64 = 10_000;

/// How long the relay's answer to a short order is waited for.
///
/// It may be within a publish that waits for the bus for some seconds.
pub(crate) const STOP_MS: u64 = 10_000;

/// Positions that are kept of each shard, to go back to one of them.
///
/// Their distances double with their age: sixteen, 200 ms apart at the young end, reach back two
/// hours, and a saved cursor with four streams is about 1 KiB.
pub(crate) const POSITIONS_MAX: usize = 16;

/// Orders that wait for the relay.
pub(crate) const ORDERS_MAX: usize = 16;

/// Callers of `flush` that wait.
pub(crate) const FLUSHES_MAX: usize = 64;

const _: () = assert!(BACKOFF_MIN_MS < BACKOFF_MAX_MS);
const _: () = assert!(SHARE_EVENTS <= PUBLISH_BATCH_MAX && SMALL_BATCH_EVENTS > 0);
const _: () = assert!(REPLAY_SHARE_EVENTS > 0 && POSITIONS_MAX > 2);
