//! Recovery: a shard is rebuilt from its checkpoint and the journal after it.
//!
//! Only an index of the tail is built; entities are folded when somebody asks for them. The tail
//! is bounded by snapshots, so recovery is too.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use entity::{
    DeadLetterChange, EntityKey, EntityTypes, Quarantine, RecordSource, ShardId, StepRecord,
    Timestamp,
};
use ports::{Checkpoint, Frame, FrameError, Tail};

use super::{Caller, Config, ShardCore};
use crate::log::Lsn;

/// Why a journal cannot be recovered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A frame is missing, repeated or of another shard (I2).
    #[error("shard {} has commit {found} where {expected} was expected", shard.0)]
    Gap {
        /// The shard.
        shard: ShardId,
        /// The next commit.
        expected: u64,
        /// The frame's.
        found: u64,
    },
    /// A frame cannot be read.
    #[error("frame unreadable")]
    Frame(#[from] FrameError),
}

/// A shard on its way back.
pub struct Recovery {
    config: Config,
    checkpoint: Checkpoint,
    next_commit: u64,
    prev_crc: Option<u32>,
    commits: VecDeque<(u64, u64, u32)>,
    tail: BTreeMap<EntityKey, Vec<u64>>,
    deadlines: BTreeMap<EntityKey, Option<Timestamp>>,
    records: Vec<StepRecord>,
}

impl Recovery {
    /// Begins at a checkpoint (the default one: at the beginning).
    #[must_use]
    pub fn new(config: Config, checkpoint: Checkpoint) -> Self {
        Self {
            config,
            next_commit: checkpoint.commit_no + 1,
            checkpoint,
            prev_crc: None,
            commits: VecDeque::new(),
            tail: BTreeMap::new(),
            deadlines: BTreeMap::new(),
            records: Vec::new(),
        }
    }

    /// The commit that is wanted next.
    #[must_use]
    pub const fn next_commit(&self) -> u64 {
        self.next_commit
    }

    /// Takes the next frame.
    pub fn frame(&mut self, frame: &Frame) -> Result<(), Error> {
        let header = &frame.header;
        let follows = self.prev_crc.is_none_or(|crc| crc == header.prev_crc);
        if header.shard != self.config.shard || header.commit_no != self.next_commit || !follows {
            return Err(Error::Gap {
                shard: self.config.shard,
                expected: self.next_commit,
                found: header.commit_no,
            });
        }
        frame.verify()?;
        for mut record in frame.records()? {
            if record.source != RecordSource::Runtime {
                let commits = self.tail.entry(record.key.clone()).or_default();
                if commits.last() != Some(&header.commit_no) {
                    commits.push(header.commit_no);
                }
                self.deadlines.insert(record.key.clone(), record.deadline);
            }
            record.events.clear();
            self.records.push(record);
        }
        self.commits.push_back((header.commit_no, header.first_seq, header.n_events));
        self.prev_crc = Some(frame.crc);
        self.next_commit += 1;
        Ok(())
    }

    /// The shard, as of the journal's tail; `durable`: where the log of this process stands.
    pub fn finish<R: Caller>(
        self,
        tail: Tail,
        types: Arc<EntityTypes>,
        durable: Lsn,
    ) -> Result<ShardCore<R>, Error> {
        if self.next_commit != tail.next_commit {
            return Err(Error::Gap {
                shard: self.config.shard,
                expected: tail.next_commit,
                found: self.next_commit,
            });
        }
        Ok(ShardCore::recovered(self, types, durable))
    }
}

/// What a record of the tail changes in the shard itself.
fn quarantine_after(quarantined: &mut BTreeMap<EntityKey, String>, record: &StepRecord) {
    match record.quarantine.as_deref() {
        Some(Quarantine::Imposed { reason }) => {
            quarantined.insert(record.key.clone(), reason.clone());
        }
        Some(Quarantine::Lifted { .. }) => {
            quarantined.remove(&record.key);
        }
        None => {}
    }
}

impl<R: Caller> ShardCore<R> {
    fn recovered(recovery: Recovery, types: Arc<EntityTypes>, durable: Lsn) -> Self {
        let checkpoint = recovery.checkpoint;
        let mut core = Self::empty(recovery.config, types, durable);
        core.time = checkpoint.time;
        core.snapshots.checkpoint = checkpoint.commit_no;
        core.outgoing.restore(checkpoint.out);
        for mark in checkpoint.marks {
            core.incoming.restore(mark);
        }
        core.dead_letters = checkpoint.dead_letters.into_iter().collect();
        core.last_dead_letter = checkpoint.last_dead_letter;
        core.quarantined = checkpoint.quarantined.into_iter().collect();
        for (commit_no, first_seq, n_events) in recovery.commits {
            core.snapshots.recovered(commit_no, first_seq, n_events);
        }
        for record in recovery.records {
            core.time = core.time.max(record.at);
            quarantine_after(&mut core.quarantined, &record);
            match record.dead_letter.map(|change| *change) {
                Some(DeadLetterChange::Kept(number, letter)) => {
                    core.last_dead_letter = core.last_dead_letter.max(number);
                    core.keep_dead_letter(number, letter);
                }
                Some(DeadLetterChange::Replayed(number)) => {
                    core.dead_letters.remove(&number);
                }
                None => {}
            }
            for send in record.sends {
                core.outgoing.keep_recovered(send);
            }
            if let Some(mark) = record.mark {
                core.incoming.restore(mark);
            }
        }
        if !recovery.tail.is_empty() {
            sites::hit("recovery.tail");
        }
        if !core.outgoing.is_idle() {
            sites::hit("recovery.unacked_messages");
        }
        for (key, deadline) in recovery.deadlines {
            core.timers.replace(&key, None, deadline);
        }
        // Nobody acknowledges to itself what it has taken already.
        let shard = core.config.shard;
        core.outgoing.acked(shard, core.incoming.mark(shard));
        core.tail = recovery.tail;
        core.durable_marks =
            core.incoming.marks().into_iter().map(|m| (m.from_shard, m.number)).collect();
        core
    }
}
