//! Limits of what goes to a store or a bus (I10).

/// The largest frame payload, in bytes.
///
/// A group takes what gathered while another one flew; at 4 MiB a sync of 0.2 ms has long been
/// paid for, and one damaged frame costs little.
pub const FRAME_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most events that are published in one call.
pub const PUBLISH_BATCH_MAX: usize = 512;

/// Events that the bus of a single process remembers a stream.
///
/// 1,024 events of about 1 KiB in five streams are 5 MiB; it covers a resend of two batches.
pub const LOCAL_TAIL_EVENTS_MAX: usize = 1024;

/// Events that a watcher of the bus may lag behind before it must read everything again.
pub const WATCH_EVENTS_MAX: usize = 4096;

/// The largest view row, in bytes.
pub const VIEW_ROW_BYTES_MAX: usize = 64 * 1024;

const _: () = assert!(LOCAL_TAIL_EVENTS_MAX >= 2 * PUBLISH_BATCH_MAX);
const _: () = assert!(FRAME_BYTES_MAX > 2 * entity::limits::STEP_BYTES_MAX);
const _: () = assert!(FRAME_BYTES_MAX < codec::VALUE_BYTES_MAX);
