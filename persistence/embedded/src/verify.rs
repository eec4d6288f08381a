//! Verification of the chain: every frame is there, intact, and follows the one before it (I2).

use std::sync::Arc;

use entity::ShardId;
use ports::{Frame, StoreError, Tail};

use crate::frames;
use crate::limits::VERIFY_PAGE_BYTES;
use crate::log::Log;

/// What a full verification read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Frames of all shards.
    pub n_frames: u64,
    /// Events in them.
    pub n_events: u64,
    /// Bytes of their payloads.
    pub n_bytes: u64,
}

/// Verifies the frames of a shard behind commit `after` up to its tail. O(frames read).
///
/// Errors: `Damaged`, with the first frame that is not as it was written.
pub(crate) fn chain(
    log: &Log,
    shard: ShardId,
    after: u64,
    tail: Tail,
    report: &mut Report,
) -> Result<(), StoreError> {
    // The frame before the first one is needed for its checksum.
    let mut last: Option<Arc<Frame>> = None;
    let mut next = after.max(1);
    let damaged = |frame: &Frame, why: &str| -> StoreError {
        let commit_no = frame.header.commit_no;
        StoreError::Damaged(format!("commit {commit_no} of shard {}: {why}", shard.0))
    };
    while next < tail.next_commit {
        let page = frames::read(log, shard, next, tail.next_commit, VERIFY_PAGE_BYTES)?;
        for frame in page {
            let is_right = match &last {
                Some(last) => frames::follows(last, &frame),
                None if frame.header.commit_no == 1 => {
                    frame.header.prev_crc == 0 && frame.header.first_seq == 1
                }
                None => true,
            };
            if !is_right {
                return Err(damaged(&frame, "it does not continue the chain"));
            }
            next = frame.header.commit_no + 1;
            report.n_frames += 1;
            report.n_events += u64::from(frame.header.n_events);
            report.n_bytes += frame.payload.len() as u64;
            last = Some(Arc::new(frame));
        }
    }
    match last {
        Some(last) if last.crc != tail.crc => Err(damaged(&last, "it is not the tail")),
        Some(_) | None => Ok(()),
    }
}
