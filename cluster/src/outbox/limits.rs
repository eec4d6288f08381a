//! Limits of what readers of the journal share (I10).

/// Bytes of frames that are kept in memory behind the committer, as their payloads count.
///
/// At 30 MB/s of a full node it reaches back a quarter of a second: a projection looks each 10 ms,
/// a relay each millisecond. Decoded records take about three times as much again.
pub(crate) const RECENT_BYTES_MAX: usize = 8 * 1024 * 1024;

const _: () = assert!(RECENT_BYTES_MAX > 2 * crate::limits::GROUP_BYTES_MAX);
