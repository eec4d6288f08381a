//! Snapshots and checkpoints: what bounds recovery and lets entities leave memory.
//!
//! Guarantees (architecture 10): a snapshot is encoded at a place in the log and written when that
//! place is durable; checkpoint C is written with the snapshots that complete it: every entity
//! changed at or before C has one. The streams in it are as of the same place, so recovery passes
//! over what records after C say of them again.

use std::collections::VecDeque;

use ports::{Checkpoint, SnapshotWrite, TimerRow};

use super::step::known;
use super::{Caller, Held, Output, ShardCore, Slot};
use crate::limits;
use crate::log::Placed;

/// The tail's size.
pub type TailSize = u64;

/// Where snapshots stand.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    /// The last checkpoint's commit.
    pub(super) checkpoint: u64,
    /// First event number of each commit after the checkpoint, with its place in the log.
    commits: VecDeque<(u64, u64)>,
    next_seq: u64,
    writing: Option<Writing>,
    /// Snapshot everything, whatever the tail: the node stops.
    pub(super) draining: bool,
}

#[derive(Debug)]
struct Writing {
    taken: Vec<(u64, Slot)>,
    checkpoint: Option<u64>,
}

impl Snapshots {
    pub(super) fn staged(&mut self, placed: &Placed, n_events: usize) {
        if self.commits.back().is_none_or(|(commit, _)| *commit < placed.commit_no) {
            self.commits.push_back((placed.commit_no, placed.first_seq));
        }
        self.next_seq = placed.first_seq + n_events as u64;
    }

    pub(super) fn recovered(&mut self, commit_no: u64, first_seq: u64, n_events: u32) {
        self.commits.push_back((commit_no, first_seq));
        self.next_seq = first_seq + u64::from(n_events);
    }

    fn tail_events(&self) -> TailSize {
        self.commits.front().map_or(0, |(_, first_seq)| self.next_seq - first_seq)
    }

    fn advance(&mut self, checkpoint: u64) {
        self.checkpoint = checkpoint;
        while self.commits.front().is_some_and(|(commit, _)| *commit <= checkpoint) {
            self.commits.pop_front();
        }
    }
}

impl<R: Caller> ShardCore<R> {
    /// Events after the last checkpoint: what a recovery would read.
    #[must_use]
    pub fn tail_events(&self) -> TailSize {
        self.snapshots.tail_events()
    }

    /// From now on everything is snapshotted, so that the next start has nothing to read.
    pub(super) const fn begin_drain(&mut self) {
        self.snapshots.draining = true;
    }

    /// Whether a drain has written all there is.
    pub fn is_drained(&mut self) -> bool {
        self.is_idle()
            && self.snapshots.writing.is_none()
            && self.tail.keys().all(|key| self.unfoldable.contains(key))
            && self.residents.first_dirty().is_none()
            // What cannot be folded holds the checkpoint back until somebody mends it.
            && (self.snapshots.commits.is_empty() || !self.tail.is_empty())
    }

    pub(super) fn maybe_snapshot(&mut self, out: &mut Vec<Output<R>>) {
        let snapshots = &self.snapshots;
        let wanted = snapshots.draining
            || snapshots.tail_events() >= self.config.snapshot_tail_events
            || self.is_crowded()
            || sites::fires("early_snapshot", u64::from(self.config.shard.0));
        if !wanted || snapshots.writing.is_some() || snapshots.commits.is_empty() || self.failed {
            return;
        }
        self.load_tail(out);
        let taken = self.residents.take_dirty(limits::SNAPSHOTS_PER_WRITE_MAX);
        let mut write = SnapshotWrite { epoch: self.config.epoch, ..SnapshotWrite::default() };
        write.snapshots.reserve_exact(taken.len());
        for (_, slot) in &taken {
            let resident = self.residents.get_mut(*slot);
            let snapshot = resident.cell.snapshot(resident.last_commit);
            if resident.timer_row != resident.deadline {
                let key = &resident.key;
                let row = |at| TimerRow { at, key: key.clone() };
                write.timers_delete.extend(known(resident.timer_row).map(row));
                if !sites::is_broken("timer_lost_on_passivation") {
                    write.timers_put.extend(known(resident.deadline).map(row));
                }
                resident.timer_row = resident.deadline;
            }
            write.snapshots.push((resident.key.clone(), snapshot));
        }
        write.checkpoint = self.next_checkpoint();
        if write.snapshots.is_empty() && write.checkpoint.is_none() {
            return;
        }
        let checkpoint = write.checkpoint.as_ref().map(|checkpoint| checkpoint.commit_no);
        self.snapshots.writing = Some(Writing { taken, checkpoint });
        let write = Box::new(write);
        if self.staged <= self.durable || sites::is_broken("snapshot_ahead_of_lsn") {
            out.push(Output::WriteSnapshots(write));
        } else {
            sites::hit("snapshot.waits_for_log");
            self.release.push(self.staged, Held::Snapshots(write));
        }
    }

    /// The checkpoint that is complete once the snapshots in hand are written.
    fn next_checkpoint(&mut self) -> Option<Checkpoint> {
        // The commit of the last record may still be open: what is staged next can go into it.
        // It is closed once it is durable, and the ones before it are closed in any case.
        let last = self.snapshots.commits.back().map_or(0, |(commit, _)| *commit);
        let closed = if self.staged <= self.durable { last } else { last.saturating_sub(1) };
        let unread = self.tail.values().filter_map(|commits| commits.first()).min().copied();
        let first_dirty = [self.residents.first_dirty(), unread].into_iter().flatten().min();
        let commit_no = first_dirty.map_or(closed, |first| closed.min(first - 1));
        (commit_no > self.snapshots.checkpoint).then(|| Checkpoint {
            commit_no,
            time: self.time,
            out: self.outgoing.checkpoint(),
            marks: self.incoming.marks(),
            dead_letters: self.dead_letters.iter().map(|(n, l)| (*n, l.clone())).collect(),
            last_dead_letter: self.last_dead_letter,
            quarantined: self.quarantined.iter().map(|(k, r)| (k.clone(), r.clone())).collect(),
        })
    }

    /// Reads entities that hold the checkpoint back because nobody has asked for them since
    /// recovery.
    fn load_tail(&mut self, out: &mut Vec<Output<R>>) {
        if self.retry_at.is_some() {
            return;
        }
        let room = limits::SNAPSHOTS_PER_WRITE_MAX.saturating_sub(self.loading.len());
        let settled = self.runtime_lsn <= self.durable;
        let keys: Vec<_> = self
            .tail
            .iter()
            .filter(|(key, _)| !self.loading.contains_key(key) && !self.unfoldable.contains(key))
            // Records of an entity that was quarantined just now may not be durable yet.
            .filter(|(key, _)| settled || !self.quarantined.contains_key(key))
            .take(room)
            .map(|(key, commits)| (key.clone(), commits.clone()))
            .collect();
        for (key, commits) in keys {
            self.loading.entry(key.clone()).or_default();
            out.push(Output::Load { key, commits });
        }
    }

    pub(super) fn snapshots_written(&mut self) {
        let Some(writing) = self.snapshots.writing.take() else { return };
        for (_, slot) in writing.taken {
            self.residents.written(slot);
        }
        if let Some(commit_no) = writing.checkpoint {
            sites::hit("snapshot.checkpoint");
            self.snapshots.advance(commit_no);
        }
        self.evict(usize::MAX);
    }

    pub(super) fn snapshots_failed(&mut self) {
        let Some(writing) = self.snapshots.writing.take() else { return };
        sites::hit("snapshot.failed");
        self.residents.unclean(writing.taken);
    }

    /// An entity leaves its slot while its snapshot may be on the way. Says since when it was
    /// dirty before that; whoever comes into the slot is not taken for it.
    pub(super) fn forget_writing(&mut self, slot: Slot) -> Option<u64> {
        let taken = &mut self.snapshots.writing.as_mut()?.taken;
        let at = taken.iter().position(|(_, other)| *other == slot)?;
        Some(taken.swap_remove(at).0)
    }
}
