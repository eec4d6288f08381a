//! The records of all frames, decoded once, with an index by entity.
//!
//! Unreadable frames are remembered and passed over; that they are there is a finding of I2.

use std::collections::BTreeMap;

use entity::{EntityKey, RecordSource, ShardId, StepRecord};
use ports::Frame;

/// A record with its place.
#[derive(Debug, Clone)]
pub struct Rec {
    /// Whose journal it stands in.
    pub shard: ShardId,
    /// The commit that it came with.
    pub commit_no: u64,
    /// The record.
    pub record: StepRecord,
}

impl Rec {
    /// Whether it is a step of the entity, and not the runtime's own record about it.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.record.source != RecordSource::Runtime
    }
}

/// Number of a record.
pub(super) type Row = usize;

/// All records, shard after shard, each in journal order.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    pub(super) records: Vec<Rec>,
    /// Own records of each entity, in order.
    pub(super) entities: BTreeMap<EntityKey, Vec<Row>>,
    /// Events of each shard by their place in its journal: row, index in the record.
    pub(super) events: Vec<Vec<(Row, usize)>>,
    /// Frames that cannot be read.
    pub(super) unreadable: Vec<String>,
}

impl Decoded {
    pub(super) fn of(shards: &[Vec<Frame>]) -> Self {
        let mut decoded = Self::default();
        let n_events = |frames: &[Frame]| {
            frames.iter().map(|frame| frame.header.n_events as usize).sum::<usize>()
        };
        // About a record an event: growing would touch twice the memory.
        decoded.records.reserve(shards.iter().map(|frames| n_events(frames)).sum());
        for frames in shards {
            let mut events = Vec::with_capacity(n_events(frames));
            for frame in frames {
                decoded.frame(frame, &mut events);
            }
            decoded.events.push(events);
        }
        decoded
    }

    fn frame(&mut self, frame: &Frame, events: &mut Vec<(Row, usize)>) {
        let (shard, commit_no) = (frame.header.shard, frame.header.commit_no);
        let records = match frame.records() {
            Ok(records) => records,
            Err(error) => {
                let shard = shard.0;
                return self.unreadable.push(format!("commit {commit_no} of {shard}: {error}"));
            }
        };
        for record in records {
            let row = self.records.len();
            events.extend((0..record.events.len()).map(|index| (row, index)));
            let rec = Rec { shard, commit_no, record };
            if rec.is_own() {
                match self.entities.get_mut(&rec.record.key) {
                    Some(rows) => rows.push(row),
                    None => {
                        self.entities.insert(rec.record.key.clone(), vec![row]);
                    }
                }
            }
            self.records.push(rec);
        }
    }
}
