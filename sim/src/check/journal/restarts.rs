//! What a restart would find: each write of snapshots, as the store took it, against the journal.
//!
//! A crash shows what a checkpoint lacks only where one comes before the next checkpoint mends it.
//! So each of them is judged when it was written, as if its shard had been recovered right then:
//! of every record up to it there is a snapshot, which has the row that wakes its entity (I3); its
//! streams know what was sent and taken up to it, and only what its receiver has for good was let
//! go (I5). Known of a shared store: what is written there is durable at once.

use std::collections::{BTreeMap, BTreeSet};

use entity::{EntityKey, ShardId, Timestamp};
use ports::{Checkpoint, OutStreamState, SnapshotWrite, TimerRow};

use super::{Findings, Rec, World};

/// A write of snapshots that the store took, without the states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The shard.
    pub shard: ShardId,
    /// When it was taken, in us of the run.
    pub at_us: u64,
    /// Entities with the versions of their snapshots, and their deadlines.
    pub snapshots: Vec<(EntityKey, u64, Option<Timestamp>)>,
    /// Deadlines that were taken out, before the others were added.
    pub timers_delete: Vec<TimerRow>,
    /// Deadlines that were added.
    pub timers_put: Vec<TimerRow>,
    /// The checkpoint, if there was one.
    pub checkpoint: Option<Checkpoint>,
}

impl Written {
    /// What a write says.
    #[must_use]
    pub fn of(shard: ShardId, at_us: u64, write: &SnapshotWrite) -> Self {
        let snapshots = write.snapshots.iter();
        Self {
            shard,
            at_us,
            snapshots: snapshots.map(|(key, it)| (key.clone(), it.version, it.deadline)).collect(),
            timers_delete: write.timers_delete.clone(),
            timers_put: write.timers_put.clone(),
            checkpoint: write.checkpoint.clone(),
        }
    }
}

/// Snapshots and timer rows of a shard as they were, and the records up to its checkpoint.
struct Stored<'a> {
    versions: BTreeMap<&'a EntityKey, u64>,
    rows: BTreeSet<&'a TimerRow>,
    /// Records that no checkpoint covers yet.
    rest: &'a [Rec],
}

/// Judges snapshots and their timer rows (I3).
pub(super) fn snapshots(world: &World, found: &mut Findings) {
    let mut stored: BTreeMap<ShardId, Stored<'_>> = BTreeMap::new();
    for write in &world.given.written {
        let shard = stored.entry(write.shard).or_insert_with(|| Stored {
            versions: BTreeMap::new(),
            rows: BTreeSet::new(),
            rest: records_of(world, write.shard),
        });
        for row in &write.timers_delete {
            shard.rows.remove(row);
        }
        shard.rows.extend(&write.timers_put);
        for (key, version, deadline) in &write.snapshots {
            let newest = shard.versions.entry(key).or_insert(0);
            *newest = (*newest).max(*version);
            let row = deadline.map(|at| TimerRow { at, key: key.clone() });
            found.judge(row.is_none_or(|row| shard.rows.contains(&row)), || {
                format!("{key}, written at {} us, has no row for {deadline:?}", write.at_us)
            });
        }
        if let Some(checkpoint) = &write.checkpoint {
            covered(shard, checkpoint.commit_no, found);
        }
    }
}

/// Every record up to a commit is in a snapshot.
fn covered(shard: &mut Stored<'_>, commit_no: u64, found: &mut Findings) {
    let n = shard.rest.partition_point(|rec| rec.commit_no <= commit_no);
    let (upto, rest) = shard.rest.split_at(n);
    shard.rest = rest;
    for Rec { shard: of, commit_no: at, record } in upto.iter().filter(|rec| rec.is_own()) {
        let (have, need) = (shard.versions.get(&record.key), record.version_after());
        found.judge(have.is_some_and(|have| *have >= need), || {
            let (of, key) = (of.0, &record.key);
            format!(
                "checkpoint {commit_no} of shard {of}: {key} is at {need} in commit {at}, its \
                 snapshot at {have:?}"
            )
        });
    }
}

/// Judges the streams of checkpoints (I5).
pub(super) fn streams(world: &World, found: &mut Findings) {
    let mut taken: BTreeMap<(ShardId, ShardId, u64), u64> = BTreeMap::new();
    for rec in world.records() {
        if let (Some(mark), Some(us)) = (rec.record.mark, world.taken_us(rec)) {
            taken.insert((mark.from_shard, rec.shard, mark.number), us);
        }
    }
    let mut journals: BTreeMap<ShardId, Streams<'_>> = BTreeMap::new();
    for write in &world.given.written {
        let Some(checkpoint) = &write.checkpoint else { continue };
        let journal = journals.entry(write.shard).or_insert_with(|| Streams {
            sent: BTreeMap::new(),
            marks: BTreeMap::new(),
            rest: records_of(world, write.shard),
        });
        journal.read_to(checkpoint.commit_no);
        let said = format!("checkpoint {} of shard {}", checkpoint.commit_no, write.shard.0);
        journal.judge(checkpoint, &said, found);
        for out in &checkpoint.out {
            let let_go = first_kept(out) - 1;
            let taken_us = taken.get(&(write.shard, out.to_shard, let_go));
            found.judge(let_go == 0 || taken_us.is_some_and(|us| *us <= write.at_us), || {
                let (to, at_us) = (out.to_shard.0, write.at_us);
                format!("{said}, at {at_us} us: let {let_go} to {to} go, taken at {taken_us:?} us")
            });
        }
    }
}

/// The number of the first message that a stream still keeps.
fn first_kept(out: &OutStreamState) -> u64 {
    out.unacked.first().map_or(out.last + 1, |send| send.number)
}

/// What the journal of a shard says of its streams, up to a commit.
struct Streams<'a> {
    sent: BTreeMap<ShardId, u64>,
    marks: BTreeMap<ShardId, u64>,
    rest: &'a [Rec],
}

impl Streams<'_> {
    fn read_to(&mut self, commit_no: u64) {
        let n = self.rest.partition_point(|rec| rec.commit_no <= commit_no);
        let (upto, rest) = self.rest.split_at(n);
        self.rest = rest;
        for Rec { record, .. } in upto {
            self.sent.extend(record.sends.iter().map(|send| (send.to_shard, send.number)));
            self.marks.extend(record.mark.map(|mark| (mark.from_shard, mark.number)));
        }
    }

    /// A checkpoint knows no less: recovery does not read these records any more.
    fn judge(&self, checkpoint: &Checkpoint, said: &str, found: &mut Findings) {
        let marks: BTreeMap<_, _> =
            checkpoint.marks.iter().map(|mark| (mark.from_shard, mark.number)).collect();
        let last: BTreeMap<_, _> =
            checkpoint.out.iter().map(|out| (out.to_shard, out.last)).collect();
        for (what, journal, known) in [("taken", &self.marks, &marks), ("sent", &self.sent, &last)]
        {
            for (other, number) in journal {
                let has = known.get(other).copied().unwrap_or(0);
                found.judge(has >= *number, || {
                    format!("{said}: {what} {has} of the stream with {}, and {number}", other.0)
                });
            }
        }
    }
}

/// The records of a shard, in order.
fn records_of(world: &World, shard: ShardId) -> &[Rec] {
    let records = world.records();
    let from = records.partition_point(|rec| rec.shard < shard);
    let to = records.partition_point(|rec| rec.shard <= shard);
    &records[from..to]
}
