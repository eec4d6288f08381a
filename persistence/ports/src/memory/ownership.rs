//! Lease rows and owner rows of the model, with the faults of a store behind a network.
//!
//! A conditional write may lose its request, lose its answer, or be applied late: after its
//! caller was told that the outcome is unknown, when [`MemoryStore::apply_late`] says so. Lists
//! may be stale by a number of writes. How long a call takes is its caller's business.

use std::collections::VecDeque;

use async_trait::async_trait;
use entity::ShardId;

use super::journal::write as append;
use super::{Late, MemoryStore, State};
use crate::{
    Cas, CasError, LeaseRow, LeaseWrite, NodeId, OwnerRow, OwnerWrite, Ownership, StoreError, Tail,
};

/// What the next conditional write (of a lease, an owner, a claim) meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CasFault {
    /// It is never applied; the caller is told that the outcome is unknown.
    RequestLost,
    /// It is applied; the caller is told that the outcome is unknown.
    AnswerLost,
    /// The caller is told that the outcome is unknown; it waits for [`MemoryStore::apply_late`].
    Late,
}

/// Changes that stale lists may take back: more than any test or plan asks for.
const STALE_WRITES_MAX: usize = 1024;

/// The row before a change.
#[derive(Debug)]
pub(super) enum Before {
    Lease(NodeId, Option<LeaseRow>),
    Owner(ShardId, Option<OwnerRow>),
}

/// What stale lists are made of: the newest changes' opposites, and how many to take back.
#[derive(Debug, Default)]
pub(super) struct Stale {
    before: VecDeque<Before>,
    n_writes: usize,
}

impl Stale {
    fn push(&mut self, before: Before) {
        if self.before.len() == STALE_WRITES_MAX {
            self.before.pop_front();
        }
        self.before.push_back(before);
    }

    /// Newest first.
    fn taken_back(&self) -> impl Iterator<Item = &Before> {
        self.before.iter().rev().take(self.n_writes)
    }
}

impl MemoryStore {
    /// Lets the next conditional write, or the one after those asked for already, meet a fault.
    /// `None`: that one meets none.
    pub fn inject_cas(&self, fault: Option<CasFault>) {
        self.lock().cas_faults.push_back(fault);
    }

    /// How many writes wait to be applied late: conditional ones and appends.
    #[must_use]
    pub fn n_late(&self) -> usize {
        self.lock().late.len()
    }

    /// Tries the `index`-th late write now, under the conditions that it was sent with. Returns
    /// whether it changed anything. Panics where `index` is not below [`Self::n_late`].
    pub fn apply_late(&self, index: usize) -> bool {
        let state = &mut *self.lock();
        let late = state.late.remove(index).expect("index is below n_late");
        if state.fatal {
            return false;
        }
        match late {
            Late::Lease(write) => matches!(lease(state, &write), Cas::Applied(_)),
            Late::Owner(write) => matches!(owner(state, &write), Ok(Cas::Applied(_))),
            Late::Claim(shard, epoch) => matches!(claim(state, shard, epoch), Ok(Cas::Applied(_))),
            Late::Append(group) => append(state, &group).is_ok(),
        }
    }

    /// Forgets the `index`-th late write: its request was lost after all.
    pub fn lose_late(&self, index: usize) {
        self.lock().late.remove(index);
    }

    /// From now on lists tell what was there `n_writes` conditional changes ago (at most 1,024).
    pub fn set_stale(&self, n_writes: usize) {
        assert!(n_writes <= STALE_WRITES_MAX, "no list is that stale");
        self.lock().stale.n_writes = n_writes;
    }
}

fn lease(state: &mut State, write: &LeaseWrite) -> Cas<LeaseRow> {
    let found = state.leases.get(write.node());
    let Some(row) = write.apply(found) else { return Cas::Refused(found.cloned()) };
    let old = state.leases.insert(write.node().clone(), row.clone());
    state.stale.push(Before::Lease(write.node().clone(), old));
    state.sync();
    Cas::Applied(row)
}

fn owner(state: &mut State, write: &OwnerWrite) -> Result<Cas<OwnerRow>, StoreError> {
    state.shard(write.shard)?;
    let found = state.owners.get(&write.shard);
    let Some(row) = write.apply(found) else { return Ok(Cas::Refused(found.cloned())) };
    let old = state.owners.insert(write.shard, row.clone());
    state.stale.push(Before::Owner(write.shard, old));
    state.sync();
    Ok(Cas::Applied(row))
}

fn claim(state: &mut State, shard: ShardId, epoch: u64) -> Result<Cas<Tail>, StoreError> {
    let found = state.shard_mut(shard)?;
    if found.epoch > epoch {
        return Ok(Cas::Refused(Some(found.tail())));
    }
    found.epoch = epoch;
    let tail = found.tail();
    state.sync();
    Ok(Cas::Applied(tail))
}

/// Makes a conditional write under the next fault.
fn faulty<T>(
    state: &mut State,
    late: impl FnOnce() -> Late,
    write: impl FnOnce(&mut State) -> Result<Cas<T>, StoreError>,
) -> Result<Cas<T>, CasError> {
    state.check()?;
    let unknown = |why: &str| Err(CasError::Unknown(why.into()));
    match state.cas_faults.pop_front().flatten() {
        None => Ok(write(state)?),
        Some(CasFault::RequestLost) => unknown("the request was lost"),
        Some(CasFault::AnswerLost) => {
            write(state)?;
            unknown("the answer was lost")
        }
        Some(CasFault::Late) => {
            state.late.push_back(late());
            unknown("the request is late")
        }
    }
}

#[async_trait]
impl Ownership for MemoryStore {
    async fn leases(&self) -> Result<Vec<LeaseRow>, StoreError> {
        let state = self.lock();
        state.check()?;
        let mut rows = state.leases.clone();
        for before in state.stale.taken_back() {
            match before {
                Before::Lease(node, Some(row)) => drop(rows.insert(node.clone(), row.clone())),
                Before::Lease(node, None) => drop(rows.remove(node)),
                Before::Owner(..) => {}
            }
        }
        Ok(rows.into_values().collect())
    }

    async fn owners(&self) -> Result<Vec<OwnerRow>, StoreError> {
        let state = self.lock();
        state.check()?;
        let mut rows = state.owners.clone();
        for before in state.stale.taken_back() {
            match before {
                Before::Owner(shard, Some(row)) => drop(rows.insert(*shard, row.clone())),
                Before::Owner(shard, None) => drop(rows.remove(shard)),
                Before::Lease(..) => {}
            }
        }
        Ok(rows.into_values().collect())
    }

    async fn write_lease(&self, write: LeaseWrite) -> Result<Cas<LeaseRow>, CasError> {
        let state = &mut *self.lock();
        faulty(state, || Late::Lease(write.clone()), |state| Ok(lease(state, &write)))
    }

    async fn write_owner(&self, write: OwnerWrite) -> Result<Cas<OwnerRow>, CasError> {
        let state = &mut *self.lock();
        faulty(state, || Late::Owner(write.clone()), |state| owner(state, &write))
    }

    async fn claim_at(&self, shard: ShardId, epoch: u64) -> Result<Cas<Tail>, CasError> {
        assert!(epoch > 0, "epochs are counted from 1");
        let state = &mut *self.lock();
        faulty(state, || Late::Claim(shard, epoch), |state| claim(state, shard, epoch))
    }
}
