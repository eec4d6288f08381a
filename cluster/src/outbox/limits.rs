//! Limits of what readers of the journal share (I10).

/// Bytes that frames and their decoded records may take in memory behind the committer.
///
/// Payloads of 4 MiB: at 30 MB/s of a full node it reaches back an eighth of a second, where a
/// projection looks each 50 ms and a relay each 5 ms.
pub(crate) const RECENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Bytes of decoded records for a byte of payload, about.
pub(crate) const DECODED_FACTOR: usize = 3;

const _: () = assert!(
    RECENT_BYTES_MAX >= 2 * (1 + DECODED_FACTOR) * crate::limits::GROUP_BYTES_MAX,
    "a group is still here when the next one is durable"
);
