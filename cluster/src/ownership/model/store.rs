//! The store of the model: rows and journals, with their conditions or, on demand, without.

use std::collections::BTreeMap;

use entity::ShardId;
use ports::{Cas, LeaseRow, LeaseWrite, NodeId, OwnerRow, Tail};

use crate::ownership::io::{Answer, StoreCall};

/// What is in force. All true is the protocol; each false is a negative control.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// An append is conditional on the epoch.
    pub(super) epoch_condition: bool,
    /// Step 0 writes the row; false: the taker believes so.
    pub(super) step_zero: bool,
    /// A closed host answers no reads.
    pub(super) close_stops_reads: bool,
    /// An owner row is written only at the epoch expected.
    pub(super) owner_condition: bool,
    /// A host whose append has an unknown outcome sends the same again; false: takes it as
    /// failed and sends something else under the same number.
    pub(super) identical_retry: bool,
}

impl Rules {
    pub(super) const PROTOCOL: Self = Self {
        epoch_condition: true,
        step_zero: true,
        close_stops_reads: true,
        owner_condition: true,
        identical_retry: true,
    };
}

/// One committed append.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Append {
    pub(super) shard: u16,
    pub(super) epoch: u64,
    /// Its place, from 0: what the store calls the commit number.
    pub(super) index: usize,
    pub(super) value: u8,
}

/// The answer to an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Appended {
    Applied,
    Fenced,
    Broken,
    Unknown,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Journal {
    pub(super) epoch: u64,
    pub(super) entries: Vec<Append>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Store {
    pub(super) leases: BTreeMap<NodeId, LeaseRow>,
    pub(super) owners: BTreeMap<ShardId, OwnerRow>,
    pub(super) journals: Vec<Journal>,
    /// The rows before the last change: what a stale list tells.
    old: (BTreeMap<NodeId, LeaseRow>, BTreeMap<ShardId, OwnerRow>),
}

impl Store {
    pub(super) fn new(n_shards: u16) -> Self {
        let journals = (0..n_shards).map(|_| Journal::default()).collect();
        Self { journals, ..Self::default() }
    }

    /// Makes a call. An answer is `Unknown` only where the shell says so.
    pub(super) fn call(&mut self, what: &StoreCall, stale: bool, rules: Rules) -> Answer {
        match what {
            StoreCall::ReadLeases => {
                let rows = if stale { &self.old.0 } else { &self.leases };
                Answer::Leases(rows.values().cloned().collect())
            }
            StoreCall::ReadOwners => {
                let rows = if stale { &self.old.1 } else { &self.owners };
                Answer::Owners(rows.values().cloned().collect())
            }
            StoreCall::Lease(write) => {
                let found = self.leases.get(write.node());
                let Some(row) = write.apply(found) else {
                    return Answer::Lease(Cas::Refused(found.cloned()));
                };
                let skipped = !rules.step_zero && matches!(write, LeaseWrite::End { .. });
                if !skipped {
                    self.old.0.clone_from(&self.leases);
                    self.leases.insert(write.node().clone(), row.clone());
                }
                Answer::Lease(Cas::Applied(row))
            }
            StoreCall::Owner(write) => {
                let found = self.owners.get(&write.shard);
                let forced = (!rules.owner_condition).then(|| write.row());
                let Some(row) = write.apply(found).or(forced) else {
                    return Answer::Owner(Cas::Refused(found.cloned()));
                };
                self.old.1.clone_from(&self.owners);
                self.owners.insert(write.shard, row.clone());
                Answer::Owner(Cas::Applied(row))
            }
            StoreCall::Claim { shard, epoch } => {
                let journal = &mut self.journals[usize::from(shard.0)];
                let n = journal.entries.len() as u64;
                let tail = |epoch| Tail { epoch, next_commit: n + 1, next_seq: n + 1, crc: 0 };
                if journal.epoch > *epoch {
                    return Answer::Claim(Cas::Refused(Some(tail(journal.epoch))));
                }
                journal.epoch = *epoch;
                Answer::Claim(Cas::Applied(tail(*epoch)))
            }
        }
    }

    /// Makes an append. `Err`: it was applied and must not have been.
    pub(super) fn append(&mut self, append: Append, rules: Rules) -> Result<Appended, String> {
        let journal = &mut self.journals[usize::from(append.shard)];
        if append.epoch != journal.epoch && rules.epoch_condition {
            return Ok(Appended::Fenced);
        }
        if append.index == journal.entries.len() {
            journal.entries.push(append);
            if append.epoch < journal.epoch {
                return Err(format!("I1: {append:?} applied after epoch {}", journal.epoch));
            }
            return Ok(Appended::Applied);
        }
        let same = journal.entries.get(append.index) == Some(&append);
        Ok(if same { Appended::Applied } else { Appended::Broken })
    }
}
