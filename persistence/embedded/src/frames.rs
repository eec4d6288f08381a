//! Frames in the log: sealed, read back in order, each one checked.

use codec::Error as CodecError;
use entity::ShardId;
use ports::{Frame, StoreError, Tail};

use crate::limits::READ_AHEAD_FRAMES;
use crate::log::Log;

/// Appends a frame's bytes as they are stored.
pub(crate) fn seal(frame: &Frame, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
    codec::seal_into(frame, bytes)
}

/// Frames with `from <= commit < to` until `max_bytes` of payload are read, at least one if there
/// is one. Each is checked by itself and against the one before it; a gap is an error.
pub(crate) fn read(
    log: &Log,
    shard: ShardId,
    from: u64,
    to: u64,
    max_bytes: usize,
) -> Result<Vec<Frame>, StoreError> {
    let mut commit_no = from.max(1);
    let mut frames: Vec<Frame> = Vec::new();
    let mut n_bytes = 0;
    while commit_no < to {
        let n_max = u32::try_from(to - commit_no).unwrap_or(u32::MAX).min(READ_AHEAD_FRAMES);
        let places = log.places(shard, commit_no, n_max)?;
        if places.is_empty() {
            return Err(damaged(shard, commit_no, "missing"));
        }
        for place in places {
            let frame = open(shard, commit_no, &log.frame(place)?)?;
            if frames.last().is_some_and(|last| !follows(last, &frame)) {
                return Err(damaged(shard, commit_no, "it does not continue the chain"));
            }
            n_bytes += frame.payload.len();
            if !frames.is_empty() && n_bytes > max_bytes {
                return Ok(frames);
            }
            frames.push(frame);
            if n_bytes >= max_bytes {
                return Ok(frames);
            }
            commit_no += 1;
        }
    }
    Ok(frames)
}

fn damaged(shard: ShardId, commit_no: u64, why: &str) -> StoreError {
    StoreError::Damaged(format!("commit {commit_no} of shard {}: {why}", shard.0))
}

/// A sealed frame, which has to be this commit of this shard.
pub(crate) fn open(shard: ShardId, commit_no: u64, sealed: &[u8]) -> Result<Frame, StoreError> {
    let damaged = |why: &str| damaged(shard, commit_no, why);
    let frame: Frame = codec::open(sealed).map_err(|error| damaged(&error.to_string()))?;
    if frame.header.shard != shard || frame.header.commit_no != commit_no {
        return Err(damaged("another frame stands there"));
    }
    frame.verify().map_err(|error| damaged(&error.to_string()))?;
    Ok(frame)
}

/// Whether `next` is the frame behind `last` (I2).
pub(crate) const fn follows(last: &Frame, next: &Frame) -> bool {
    next.header.commit_no == last.header.commit_no + 1
        && next.header.prev_crc == last.crc
        && next.header.first_seq == last.header.first_seq + last.header.n_events as u64
        && next.header.epoch >= last.header.epoch
}

/// The tail of a shard as stored.
pub(crate) fn tail(log: &Log, shard: ShardId) -> Result<Tail, StoreError> {
    let (epoch, next_commit) = log.end_of(shard);
    let empty = Tail { epoch, ..Tail::EMPTY };
    let frames = read(log, shard, next_commit.saturating_sub(1), next_commit, 0)?;
    let Some(frame) = frames.first() else { return Ok(empty) };
    let epoch = epoch.max(frame.header.epoch);
    Ok(Tail { epoch, ..empty }.after(frame))
}
