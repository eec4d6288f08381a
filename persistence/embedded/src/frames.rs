//! Frames in the journal's database: sealed, read back in order, each one checked.

use codec::Error as CodecError;
use entity::ShardId;
use fjall::{Readable, UserValue};
use ports::{Frame, StoreError, Tail};

use crate::databases::{JournalDb, read_error};
use crate::keys;

/// A frame's bytes as they are stored.
pub(crate) fn seal(frame: &Frame) -> Result<UserValue, CodecError> {
    codec::seal_with(frame, |bytes| UserValue::from(bytes))
}

/// Frames with `from <= commit < to` until `max_bytes` of payload are read, at least one if there
/// is one. Each is checked by itself and against the one before it; a gap is an error.
pub(crate) fn read(
    journal: &JournalDb,
    shard: ShardId,
    from: u64,
    to: u64,
    max_bytes: usize,
) -> Result<Vec<Frame>, StoreError> {
    let from = from.max(1);
    let mut frames: Vec<Frame> = Vec::new();
    let mut n_bytes = 0;
    if from >= to {
        return Ok(frames);
    }
    let snapshot = journal.db.snapshot();
    let mut rows = snapshot.range(&journal.index, keys::index(shard, from)..keys::index(shard, to));
    for commit_no in from..to {
        let damaged = |why: &str| {
            StoreError::Damaged(format!("commit {commit_no} of shard {}: {why}", shard.0))
        };
        let Some(row) = rows.next() else { return Err(damaged("missing")) };
        let (key, batch) = row.into_inner().map_err(read_error)?;
        if keys::commit_of_index(&key) != Some(commit_no) {
            return Err(damaged("missing"));
        }
        let batch = batch.first_chunk().ok_or_else(|| damaged("its index row is too short"))?;
        let key = keys::frame(u64::from_be_bytes(*batch), shard);
        let sealed = snapshot.get(&journal.frames, key).map_err(read_error)?;
        let sealed = sealed.ok_or_else(|| damaged("its frame is missing"))?;
        let frame: Frame = codec::open(&sealed).map_err(|error| damaged(&error.to_string()))?;
        let header = &frame.header;
        if header.shard != shard || header.commit_no != commit_no {
            return Err(damaged("another frame stands there"));
        }
        frame.verify().map_err(|error| damaged(&error.to_string()))?;
        if frames.last().is_some_and(|last| !follows(last, &frame)) {
            return Err(damaged("it does not continue the chain"));
        }
        n_bytes += frame.payload.len();
        if !frames.is_empty() && n_bytes > max_bytes {
            break;
        }
        frames.push(frame);
        if n_bytes >= max_bytes {
            break;
        }
    }
    Ok(frames)
}

/// Whether `next` is the frame behind `last` (I2).
pub(crate) const fn follows(last: &Frame, next: &Frame) -> bool {
    next.header.commit_no == last.header.commit_no + 1
        && next.header.prev_crc == last.crc
        && next.header.first_seq == last.header.first_seq + last.header.n_events as u64
        && next.header.epoch >= last.header.epoch
}

/// The tail of a shard as stored.
pub(crate) fn tail(journal: &JournalDb, shard: ShardId) -> Result<Tail, StoreError> {
    let row = journal.meta.get(keys::epoch(shard)).map_err(read_error)?;
    let epoch = row.and_then(|row| row.first_chunk().map(|epoch| u64::from_be_bytes(*epoch)));
    let empty = Tail { epoch: epoch.unwrap_or(0), ..Tail::EMPTY };
    let rows = keys::index(shard, 0)..=keys::index(shard, u64::MAX);
    let Some(last) = journal.index.range(rows).next_back() else { return Ok(empty) };
    let (key, _) = last.into_inner().map_err(read_error)?;
    let last = keys::commit_of_index(&key)
        .ok_or_else(|| StoreError::Damaged(format!("index of shard {} unreadable", shard.0)))?;
    let frames = read(journal, shard, last, last + 1, 0)?;
    let frame = frames.first().expect("a frame or an error");
    let epoch = empty.epoch.max(frame.header.epoch);
    Ok(Tail { epoch, ..empty }.after(frame))
}

/// The number of the last batch: in the newest frame, or in the row of a batch without frames.
pub(crate) fn last_batch(journal: &JournalDb) -> Result<u64, StoreError> {
    let row = journal.meta.get(keys::BATCH).map_err(read_error)?;
    let row = row.and_then(|row| row.first_chunk().map(|number| u64::from_be_bytes(*number)));
    let frame = match journal.frames.last_key_value() {
        Some(last) => keys::batch_of_frame(&last.key().map_err(read_error)?),
        None => None,
    };
    Ok(row.max(frame).unwrap_or(0))
}
