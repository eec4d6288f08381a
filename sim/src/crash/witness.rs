//! The witness: what was staged, what is durable, and what callers have seen.
//!
//! It reads the records that cores stage and that the store appends, and keeps nothing else; so
//! what it says of a moment does not depend on the core under test. It folds durable records into
//! cells only to know what a snapshot may hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use entity::{
    Cell, DeadLetterChange, EntityKey, EntityTypes, IdempotencyKey, Kept, Quarantine, RecordSource,
    ShardId, Snapshot, StepRecord,
};
use ports::Frame;

/// What a prefix of the log says.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// Last number of each stream (from, to).
    pub(super) sends: BTreeMap<(ShardId, ShardId), u64>,
    /// Last mark of each stream (from, to).
    pub(super) marks: BTreeMap<(ShardId, ShardId), u64>,
    /// Version of each entity.
    pub(super) versions: BTreeMap<EntityKey, u64>,
    /// Entities in quarantine.
    pub(super) quarantined: BTreeSet<EntityKey>,
    /// How often each was quarantined, and how often that was lifted.
    pub(super) imposed: BTreeMap<EntityKey, (u64, u64)>,
    /// Dead letters that nobody has sent again.
    pub(super) dead_letters: BTreeSet<(ShardId, u64)>,
    /// Outcomes that are kept.
    pub(super) kept: BTreeMap<(EntityKey, IdempotencyKey), Kept>,
}

impl Index {
    fn sent(&mut self, shard: ShardId, record: &StepRecord) -> Result<(), String> {
        let mut seen = Ok(());
        for send in &record.sends {
            let last = self.sends.entry((shard, send.to_shard)).or_insert(0);
            if send.number != *last + 1 {
                seen = Err(format!("I5: stream {shard:?} -> {send:?} after {last}"));
            }
            *last = send.number;
        }
        seen
    }

    fn took(&mut self, shard: ShardId, record: &StepRecord) -> Result<(), String> {
        if let Some(mark) = record.mark {
            let stream = (mark.from_shard, shard);
            let sent = self.sends.get(&stream).copied().unwrap_or(0);
            let last = std::mem::replace(self.marks.entry(stream).or_insert(0), mark.number);
            if mark.number > sent {
                let number = mark.number;
                return Err(format!("I5: effect before cause: {stream:?} {number} > {sent}"));
            }
            if mark.number != last + 1 {
                return Err(format!("I5: {stream:?} took {} after {last}", mark.number));
            }
        }
        Ok(())
    }

    fn changed(&mut self, shard: ShardId, record: &StepRecord) -> Result<(), String> {
        match record.dead_letter.as_deref() {
            Some(DeadLetterChange::Kept(number, _)) => {
                self.dead_letters.insert((shard, *number));
            }
            Some(DeadLetterChange::Replayed(number)) => {
                self.dead_letters.remove(&(shard, *number));
            }
            None => {}
        }
        match record.quarantine.as_deref() {
            Some(Quarantine::Imposed { .. }) => {
                self.quarantined.insert(record.key.clone());
                self.imposed.entry(record.key.clone()).or_default().0 += 1;
            }
            Some(Quarantine::Lifted { .. }) => {
                self.quarantined.remove(&record.key);
                self.imposed.entry(record.key.clone()).or_default().1 += 1;
            }
            None => {}
        }
        if record.source == RecordSource::Runtime {
            return Ok(());
        }
        if let Some((key, kept)) = record.kept.as_deref() {
            self.kept.insert((record.key.clone(), *key), kept.clone());
        }
        let version = self.versions.entry(record.key.clone()).or_insert(0);
        let before = std::mem::replace(version, record.version_after());
        if record.version != before {
            return Err(format!("I2: {} at {before}, record {}", record.key, record.version));
        }
        Ok(())
    }
}

/// Sees everything that is staged, appended and said.
pub(super) struct Witness {
    types: Arc<EntityTypes>,
    chaining: bool,
    pub(super) staged: Index,
    pub(super) durable: Index,
    cells: BTreeMap<EntityKey, Box<dyn Cell>>,
    /// What a snapshot of each entity may hold: its state after each of its durable records.
    pub(super) history: BTreeMap<EntityKey, Vec<Snapshot>>,
    /// The highest version that anybody was told.
    pub(super) seen: BTreeMap<EntityKey, u64>,
    /// Commits of each shard that are durable.
    pub(super) commits: BTreeMap<ShardId, u64>,
}

impl Witness {
    pub(super) fn new(types: Arc<EntityTypes>, chaining: bool) -> Self {
        Self {
            types,
            chaining,
            staged: Index::default(),
            durable: Index::default(),
            cells: BTreeMap::new(),
            history: BTreeMap::new(),
            seen: BTreeMap::new(),
            commits: BTreeMap::new(),
        }
    }

    /// A core staged a record. Err: what is wrong with it.
    pub(super) fn stage(&mut self, shard: ShardId, record: &StepRecord) -> Result<(), String> {
        let took = self.staged.took(shard, record);
        let sent = self.staged.sent(shard, record);
        let changed = self.staged.changed(shard, record);
        took.and(sent).and(changed)?;
        if let Some(mark) = record.mark.filter(|_| !self.chaining) {
            let stream = (mark.from_shard, shard);
            let sent = self.durable.sends.get(&stream).copied().unwrap_or(0);
            if mark.number > sent {
                return Err(format!("I4: {stream:?} took {} at durable {sent}", mark.number));
            }
        }
        Ok(())
    }

    /// A group became durable. Err: what is wrong with it.
    pub(super) fn append(&mut self, frames: &[Frame]) -> Result<(), String> {
        let mut records = Vec::new();
        let mut seen = Ok(());
        // The first fault is told; the rest is looked at all the same, or the index would stand.
        let mut look = |found: Result<(), String>| {
            if seen.is_ok() {
                seen = found;
            }
        };
        for frame in frames {
            let (shard, commit) = (frame.header.shard, frame.header.commit_no);
            let last = std::mem::replace(self.commits.entry(shard).or_insert(0), commit);
            if commit != last + 1 {
                look(Err(format!("I2: {shard:?} commit {commit} after {last}")));
            }
            for record in frame.records().map_err(|error| error.to_string())? {
                records.push((shard, commit, record));
            }
        }
        // One append makes all frames durable, so a cause may stand after its effect in here.
        for (shard, _, record) in &records {
            look(self.durable.sent(*shard, record));
        }
        for (shard, commit, record) in &records {
            look(self.durable.took(*shard, record));
            look(self.durable.changed(*shard, record));
            if record.source != RecordSource::Runtime {
                look(self.fold(*commit, record));
            }
        }
        seen
    }

    fn fold(&mut self, commit: u64, record: &StepRecord) -> Result<(), String> {
        let key = &record.key;
        let types = &self.types;
        let cell = self
            .cells
            .entry(key.clone())
            .or_insert_with(|| (types.get(key.kind).expect("only toys are asked").initial)(key));
        cell.replay(record).map_err(|error| format!("I3: {key}: {error}"))?;
        self.history.entry(key.clone()).or_default().push(cell.snapshot(commit));
        Ok(())
    }

    /// Somebody is told a version of an entity.
    pub(super) fn tell(&mut self, key: &EntityKey, version: u64) -> Result<(), String> {
        let seen = self.seen.entry(key.clone()).or_insert(0);
        *seen = version.max(*seen);
        let durable = self.durable.versions.get(key).copied().unwrap_or(0);
        if version > durable {
            return Err(format!("I4: {key} shown at {version}, durable {durable}"));
        }
        Ok(())
    }

    /// The place of a snapshot in the history of its entity, if it stands there at all.
    pub(super) fn place(&self, key: &EntityKey, snapshot: &Snapshot) -> Option<usize> {
        self.history.get(key)?.iter().rposition(|known| known == snapshot)
    }

    /// What was staged and not durable is gone.
    pub(super) fn crash(&mut self) {
        self.staged = self.durable.clone();
    }
}
