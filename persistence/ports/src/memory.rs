//! The model: a store in memory that behaves as the ports promise and no better.
//!
//! Deterministic (ordered maps, no clock, no random source), shared by cloning. An append and a
//! named value are durable when the call returns; snapshots, cursors and views become durable
//! with the next append or [`MemoryStore::sync`], and [`MemoryStore::crash`] takes back what was
//! not. Faults are asked for by tests and the simulator; without them nothing fails.
//! It keeps all history, so it grows with it: no store for production.

mod derived;
mod journal;
mod ownership;
mod undo;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use entity::{EntityKey, ShardId, Snapshot};

use crate::{
    Checkpoint, Frame, HistoryId, LeaseRow, LeaseWrite, NodeId, OwnerRow, OwnerWrite, StoreError,
    Tail, TimerRow,
};
pub use ownership::CasFault;
use ownership::Stale;
use undo::{EpochValue, Undo};

/// What the next append meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendFault {
    /// It is written, but the caller is told that the outcome is unknown.
    UnknownApplied,
    /// It is not written, and the caller is told that the outcome is unknown.
    UnknownNotApplied,
    /// The caller is told that the outcome is unknown; it waits for [`MemoryStore::apply_late`].
    UnknownLate,
    /// The sync fails: this and every later call fails for good, until [`MemoryStore::crash`].
    Fatal,
    /// Another owner claims the first frame's shard just before.
    Fenced,
}

/// A store in memory.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    n_shards: u16,
    one_log: bool,
    history: HistoryId,
    state: Arc<Mutex<State>>,
}

/// A frame, inside the group it came with.
#[derive(Debug, Clone)]
struct Kept {
    group: Arc<Vec<Frame>>,
    index: usize,
}

impl Kept {
    fn frame(&self) -> &Frame {
        &self.group[self.index]
    }
}

#[derive(Debug, Default)]
struct ShardState {
    epoch: u64,
    frames: Vec<Kept>,
    publish_mark: u64,
    snapshots: BTreeMap<EntityKey, Snapshot>,
    timers: BTreeMap<TimerRow, ()>,
    checkpoint: Option<Checkpoint>,
    cursors: BTreeMap<String, EpochValue>,
}

impl ShardState {
    fn tail(&self) -> Tail {
        let start = Tail { epoch: self.epoch, ..Tail::EMPTY };
        self.frames.last().map_or(start, |kept| start.after(kept.frame()))
    }
}

#[derive(Debug, Default)]
struct ViewState {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    cursors: BTreeMap<ShardId, u64>,
}

/// A write that reaches the store after its caller has given up.
#[derive(Debug)]
enum Late {
    Lease(LeaseWrite),
    Owner(OwnerWrite),
    Claim(ShardId, u64),
    Append(Arc<Vec<Frame>>),
}

#[derive(Debug, Default)]
struct State {
    shards: Vec<ShardState>,
    values: BTreeMap<String, Vec<u8>>,
    views: BTreeMap<String, ViewState>,
    /// How to take back each write since the last sync, oldest first.
    undo: Vec<Undo>,
    faults: VecDeque<AppendFault>,
    leases: BTreeMap<NodeId, LeaseRow>,
    owners: BTreeMap<ShardId, OwnerRow>,
    cas_faults: VecDeque<Option<CasFault>>,
    late: VecDeque<Late>,
    stale: Stale,
    fatal: bool,
    blind_peek: bool,
    n_syncs: u64,
}

impl State {
    fn check(&self) -> Result<(), StoreError> {
        if self.fatal {
            return Err(StoreError::Fatal("a sync failed before".into()));
        }
        Ok(())
    }

    fn shard(&self, shard: ShardId) -> Result<&ShardState, StoreError> {
        self.check()?;
        self.shards.get(shard.0 as usize).ok_or_else(|| no_shard(shard))
    }

    fn shard_mut(&mut self, shard: ShardId) -> Result<&mut ShardState, StoreError> {
        self.check()?;
        self.shards.get_mut(shard.0 as usize).ok_or_else(|| no_shard(shard))
    }

    fn sync(&mut self) {
        self.undo.clear();
        self.n_syncs += 1;
    }
}

fn no_shard(shard: ShardId) -> StoreError {
    StoreError::Damaged(format!("no shard {} in this store", shard.0))
}

impl MemoryStore {
    /// An empty store of `n_shards` (at least 1) whose shards share one log.
    #[must_use]
    pub fn new(n_shards: u16) -> Self {
        Self::with(n_shards, true, HistoryId("memory2222222222".into()))
    }

    /// An empty store each of whose shards is a log of its own, as on CQL.
    #[must_use]
    pub fn with_shard_logs(n_shards: u16) -> Self {
        Self::with(n_shards, false, HistoryId("memory2222222222".into()))
    }

    /// An empty store. `history` is 16 lower-case base32 characters.
    #[must_use]
    pub fn with(n_shards: u16, one_log: bool, history: HistoryId) -> Self {
        assert!(n_shards > 0, "a store has at least one shard");
        let shards = (0..n_shards).map(|_| ShardState::default()).collect();
        let state = State { shards, ..State::default() };
        Self { n_shards, one_log, history, state: Arc::new(Mutex::new(state)) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the lock")
    }

    /// Makes everything durable that was written so far.
    pub fn sync(&self) {
        self.lock().sync();
    }

    /// The process dies and comes back: every write that was not durable is gone, a failed sync
    /// and all faults that were asked for are forgotten. O(unsynced writes).
    pub fn crash(&self) {
        self.crash_keeping(0);
    }

    /// The same, but the first `n_writes` writes that were not synced happened to reach the disk.
    pub fn crash_keeping(&self, n_writes: usize) {
        let state = &mut *self.lock();
        while state.undo.len() > n_writes {
            let undo = state.undo.pop().expect("there are more than n_writes");
            undo.apply(&mut state.shards, &mut state.views);
        }
        state.undo.clear();
        state.faults.clear();
        state.cas_faults.clear();
        state.late.clear();
        state.fatal = false;
    }

    /// Lets the next append, or the one after those asked for already, meet a fault.
    pub fn inject(&self, fault: AppendFault) {
        self.lock().faults.push_back(fault);
    }

    /// From now on `peek` answers `Unknown`, as a store does that must ask over a network.
    pub fn set_blind_peek(&self, blind: bool) {
        self.lock().blind_peek = blind;
    }

    /// Damages the store: the shard's journal loses `from_commit` and all after it.
    pub fn lose_tail(&self, shard: ShardId, from_commit: u64) {
        assert!(from_commit > 0, "commits are counted from 1");
        let keep = usize::try_from(from_commit - 1).expect("a journal in memory fits it");
        self.lock().shards[shard.0 as usize].frames.truncate(keep);
    }

    /// What a real store checks when it is opened: no journal ends below its publish mark.
    pub fn check_marks(&self) -> Result<(), StoreError> {
        let state = self.lock();
        for (index, shard) in state.shards.iter().enumerate() {
            let have = shard.tail().next_commit - 1;
            let mark = shard.publish_mark;
            if have < mark {
                return Err(StoreError::Damaged(format!(
                    "shard {index} ends at commit {have}, below the publish mark {mark}"
                )));
            }
        }
        Ok(())
    }

    /// How many syncs there were: appends, claims, named values and [`Self::sync`].
    #[must_use]
    pub fn n_syncs(&self) -> u64 {
        self.lock().n_syncs
    }

    /// How many writes would be lost by a crash now.
    #[must_use]
    pub fn n_unsynced(&self) -> usize {
        self.lock().undo.len()
    }
}

#[cfg(test)]
mod tests;
