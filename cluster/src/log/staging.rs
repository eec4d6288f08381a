//! The staging buffer: records get their place before anything leaves the step (architecture 3).
//!
//! Guarantees: LSNs are contiguous over all shards of the log; a commit takes a whole group, and
//! groups go in order, so what is durable is always a prefix of what was staged; within a shard
//! commit and event numbers have no gaps. A record that stands before another one here is durable
//! no later: this is what lets a message be handled before its cause is committed (chaining).
//!
//! ```text
//!   staged ->  [ flying ] [ waiting group ] [ gathering group ]
//!               ^ durable watermark moves over a whole group at a time
//! ```

use std::collections::VecDeque;
use std::mem::take;

use entity::{ShardId, StepRecord};
use ports::{Frame, FrameHeader, Tail};

use crate::limits;
use crate::shard_map::{ShardMap, in_order};

/// Place of a record in the log of this process; 0 is before the first.
pub type Lsn = u64;

/// Where a record was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Its place in the log.
    pub lsn: Lsn,
    /// The commit of its shard that it will be in.
    pub commit_no: u64,
    /// Number of its first event in the shard.
    pub first_seq: u64,
}

/// Why a record was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StageError {
    /// The shard is not owned under this epoch (I1).
    #[error("the shard is not owned under this epoch")]
    NotOwned,
    /// The log has failed or was closed; nothing staged after that can become durable.
    #[error("the log is closed")]
    Closed,
}

/// What a host needs of the log while it steps.
pub trait Stage {
    /// Appends a complete record, which `encoded` is in the form of `Frame::push_record`.
    fn stage(
        &mut self,
        shard: ShardId,
        epoch: u64,
        encoded: &[u8],
        record: StepRecord,
    ) -> Result<Placed, StageError>;
}

/// The staging buffer of one log.
#[derive(Debug, Default)]
pub struct Staging {
    shards: ShardMap<Owned>,
    groups: VecDeque<Group>,
    flying: Option<Lsn>,
    /// Buffers of payloads that were sealed, for the next ones.
    spare: Vec<Vec<u8>>,
    last_lsn: Lsn,
    durable: Lsn,
    closed: bool,
}

#[derive(Debug)]
struct Owned {
    epoch: u64,
    next_commit: u64,
    next_seq: u64,
    sealed_crc: u32,
    last_lsn: Lsn,
    /// Records and bytes of the newest commit: the next one gets room for half as much again.
    n_records: usize,
    n_bytes: usize,
}

#[derive(Debug, Default)]
struct Group {
    last_lsn: Lsn,
    bytes: usize,
    /// In the order of the shards.
    pending: Vec<(ShardId, Pending)>,
}

#[derive(Debug)]
struct Pending {
    epoch: u64,
    commit_no: u64,
    first_seq: u64,
    n_events: u32,
    payload: Vec<u8>,
    records: Vec<StepRecord>,
}

/// A group on its way to the journal.
#[derive(Debug)]
pub struct Taken {
    /// One frame a shard.
    pub frames: Vec<Frame>,
    /// What stands in each of them: whoever follows the journal need not decode it.
    pub records: Vec<Vec<StepRecord>>,
    /// Durable when the frames are.
    pub last_lsn: Lsn,
}

impl Staging {
    /// Takes a shard into the log, after it was claimed.
    ///
    /// All that it had staged here before must be durable: `tail` would not know of the rest.
    pub fn own(&mut self, shard: ShardId, tail: Tail) {
        assert!(tail.epoch > 0, "I1: a shard is claimed before it is owned");
        let before = self.shards.get(shard).map_or(0, |owned| owned.last_lsn);
        assert!(before <= self.durable, "I1: claimed while its records are on their way");
        let owned = Owned {
            epoch: tail.epoch,
            next_commit: tail.next_commit,
            next_seq: tail.next_seq,
            sealed_crc: tail.crc,
            last_lsn: before,
            n_records: 0,
            n_bytes: 0,
        };
        self.shards.insert(shard, owned);
    }

    /// Lets a shard go. What it staged stays, and so does the chain that it continues: records
    /// belong to the log.
    pub fn disown(&mut self, shard: ShardId) {
        if let Some(owned) = self.shards.get_mut(shard) {
            owned.epoch = 0;
        }
    }

    /// Refuses everything from now on.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Place of the last record of a shard; 0 when it has staged none here.
    #[must_use]
    pub fn last_lsn(&self, shard: ShardId) -> Lsn {
        self.shards.get(shard).map_or(0, |owned| owned.last_lsn)
    }

    /// The last commit of a shard that is full or gathering; 0 when there is none.
    #[must_use]
    pub fn last_commit(&self, shard: ShardId) -> u64 {
        self.shards.get(shard).map_or(0, |owned| owned.next_commit - 1)
    }

    /// Everything at or before this is durable.
    #[must_use]
    pub const fn durable(&self) -> Lsn {
        self.durable
    }

    /// Whether new work is to be refused: one group flies, one gathers, more wait already.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.closed || self.groups.len() > limits::GROUPS_WAITING_MAX
    }

    /// Whether all that was staged is durable.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.groups.is_empty() && self.flying.is_none()
    }

    /// Takes the oldest group, unless one is flying. O(bytes): the checksums are computed here.
    pub fn take(&mut self) -> Option<Taken> {
        if self.flying.is_some() || self.closed {
            return None;
        }
        let mut group = self.groups.pop_front()?;
        if sites::is_broken("shards_staged_apart")
            && group.pending.len() > 1
            && let Some(apart) = group.pending.pop()
        {
            // One shard's records go without those that they follow from.
            let last_lsn = self.durable;
            self.groups.push_front(group);
            group = Group { last_lsn, pending: vec![apart], ..Group::default() };
        }
        let mut frames = Vec::with_capacity(group.pending.len());
        let mut records = Vec::with_capacity(group.pending.len());
        for (shard, pending) in group.pending {
            let prev_crc = self.shards.get(shard).map_or(0, |owned| owned.sealed_crc);
            let header = FrameHeader {
                shard,
                commit_no: pending.commit_no,
                epoch: pending.epoch,
                first_seq: pending.first_seq,
                n_events: pending.n_events,
                record_version: <StepRecord as codec::Stored>::VERSION,
                prev_crc,
            };
            let payload = sealed(pending.payload, &mut self.spare);
            let frame = Frame::new(header, payload);
            if let Some(owned) = self.shards.get_mut(shard) {
                owned.sealed_crc = frame.crc;
            }
            frames.push(frame);
            records.push(pending.records);
        }
        self.flying = Some(group.last_lsn);
        Some(Taken { frames, records, last_lsn: group.last_lsn })
    }

    /// The flying group is durable. Returns the new watermark.
    pub fn committed(&mut self, last_lsn: Lsn) -> Lsn {
        assert_eq!(self.flying.take(), Some(last_lsn), "I4: another group was flying");
        let is_rising = last_lsn > self.durable || sites::is_broken("shards_staged_apart");
        assert!(is_rising, "I4: the watermark only rises");
        self.durable = last_lsn;
        last_lsn
    }
}

impl Stage for Staging {
    fn stage(
        &mut self,
        shard: ShardId,
        epoch: u64,
        encoded: &[u8],
        record: StepRecord,
    ) -> Result<Placed, StageError> {
        if self.closed {
            return Err(StageError::Closed);
        }
        let current = |owned: &&mut Owned| owned.epoch == epoch && epoch > 0;
        let owned = self.shards.get_mut(shard).filter(current);
        let owned = owned.ok_or(StageError::NotOwned)?;
        let is_whole = |group: &Group| {
            group.bytes >= limits::GROUP_BYTES_MAX
                || sites::fires("batch_of_one", u64::from(shard.0))
        };
        if self.groups.back().is_none_or(is_whole) {
            self.groups.push_back(Group::default());
        }
        let group = self.groups.back_mut().expect("a group was pushed if there was none");
        let begin = || owned.begin(&mut self.spare);
        let pending = in_order(&mut group.pending, shard, begin);
        let placed = Placed {
            lsn: self.last_lsn + 1,
            commit_no: pending.commit_no,
            first_seq: owned.next_seq,
        };
        let n_events = u32::try_from(record.events.len()).expect("a step has few events");
        pending.payload.extend_from_slice(encoded);
        pending.records.push(record);
        pending.n_events += n_events;
        owned.n_records += 1;
        owned.n_bytes += encoded.len();
        owned.next_seq += u64::from(n_events);
        owned.last_lsn = placed.lsn;
        group.bytes += encoded.len();
        group.last_lsn = placed.lsn;
        self.last_lsn = placed.lsn;
        Ok(placed)
    }
}

impl Owned {
    /// The next commit of the shard, empty.
    fn begin(&mut self, spare: &mut Vec<Vec<u8>>) -> Pending {
        let commit_no = self.next_commit;
        self.next_commit += 1;
        let (n_records, n_bytes) = (take(&mut self.n_records), take(&mut self.n_bytes));
        let n_records = half_more(n_records).clamp(1, limits::RECORDS_EXPECTED_MAX);
        let n_bytes =
            half_more(n_bytes).clamp(limits::PAYLOAD_BYTES, limits::PAYLOAD_EXPECTED_BYTES_MAX);
        Pending {
            epoch: self.epoch,
            commit_no,
            first_seq: self.next_seq,
            n_events: 0,
            payload: spare.pop().unwrap_or_else(|| Vec::with_capacity(n_bytes)),
            records: Vec::with_capacity(n_records),
        }
    }
}

const fn half_more(n: usize) -> usize {
    n + n / 2
}

/// A payload as a frame keeps it. Frames stay in memory as long as somebody reads them, so one
/// that is small beside its buffer gets a buffer of its own size, and the other is used again.
fn sealed(mut payload: Vec<u8>, spare: &mut Vec<Vec<u8>>) -> Vec<u8> {
    if payload.len() > payload.capacity() / 2 {
        return payload;
    }
    let kept = payload.as_slice().to_vec();
    if spare.len() < limits::SPARE_PAYLOADS_MAX && payload.capacity() <= limits::PAYLOAD_BYTES {
        payload.clear();
        spare.push(payload);
    }
    kept
}

#[cfg(test)]
mod tests;
