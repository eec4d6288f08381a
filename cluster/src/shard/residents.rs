//! Entities in memory: found by key, swept by CLOCK when they take too many bytes.
//!
//! An entity leaves only when nothing but its snapshot is needed to bring it back: it is clean,
//! its snapshot was written, and nobody waits for it. The key stands once, in the slot; the index
//! holds slot numbers (bytes per entity are a target of `benches/`).

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use entity::{Cell, EntityKey, Timestamp};
use hashbrown::HashTable;
use rustc_hash::FxHasher;

use crate::limits;
use crate::log::Lsn;

/// Place of an entity in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(u32);

/// An entity in memory.
pub struct Resident {
    /// Which.
    pub key: EntityKey,
    /// The entity.
    pub cell: Box<dyn Cell>,
    /// Place of its last record in the log of this process; 0 = durable since long.
    pub last_lsn: Lsn,
    /// Commit of its last record; 0 = none.
    pub last_commit: u64,
    /// Commit of its first record that is not in a snapshot; 0 = clean.
    pub dirty_since: u64,
    /// Its next deadline; [`Timestamp::MAX`] = none.
    pub deadline: Timestamp,
    /// The deadline that the store's timer row has; [`Timestamp::MAX`] = no row.
    pub timer_row: Timestamp,
    /// Bytes it was counted with.
    pub bytes: u32,
    /// Its snapshot is on the way to the store.
    pub writing: bool,
    /// Used since the hand went by.
    pub visited: bool,
}

/// Slots in chunks that stay where they are: a vector that doubles leaves a quarter of itself
/// unused on average, and moves everything whenever it grows.
#[derive(Default)]
struct Slots {
    chunks: Vec<Box<[Option<Resident>]>>,
    n_slots: usize,
}

impl Slots {
    const fn len(&self) -> usize {
        self.n_slots
    }

    fn get(&self, at: usize) -> Option<&Resident> {
        self.chunks.get(at / limits::SLOTS_PER_CHUNK)?[at % limits::SLOTS_PER_CHUNK].as_ref()
    }

    /// The slot itself, full or empty; it must have been made.
    fn slot(&mut self, at: usize) -> &mut Option<Resident> {
        &mut self.chunks[at / limits::SLOTS_PER_CHUNK][at % limits::SLOTS_PER_CHUNK]
    }

    fn get_mut(&mut self, at: usize) -> Option<&mut Resident> {
        self.slot(at).as_mut()
    }

    /// Makes another slot. O(1), and O(chunk) once a chunk.
    fn push(&mut self) -> usize {
        if self.n_slots == self.chunks.len() * limits::SLOTS_PER_CHUNK {
            self.chunks.push((0..limits::SLOTS_PER_CHUNK).map(|_| None).collect());
        }
        self.n_slots += 1;
        self.n_slots - 1
    }
}

/// All entities in memory.
#[derive(Default)]
pub struct Residents {
    slots: Slots,
    free: Vec<u32>,
    index: HashTable<u32>,
    dirty: VecDeque<(u64, Slot)>,
    hand: usize,
    bytes: usize,
}

impl Residents {
    /// The slot of an entity, marked as used.
    pub fn find(&mut self, key: &EntityKey) -> Option<Slot> {
        let slots = &self.slots;
        let found = *self.index.find(hash(key), |slot| key_at(slots, *slot) == Some(key))?;
        if let Some(resident) = self.slots.get_mut(found as usize) {
            resident.visited = true;
        }
        Some(Slot(found))
    }

    /// The entity in a slot.
    #[must_use]
    pub fn get(&self, slot: Slot) -> &Resident {
        self.slots.get(slot.0 as usize).expect("a slot in use is handed out")
    }

    /// The entity in a slot.
    pub fn get_mut(&mut self, slot: Slot) -> &mut Resident {
        self.slots.get_mut(slot.0 as usize).expect("a slot in use is handed out")
    }

    /// Puts an entity in. It must not be there yet. `cell_bytes`: what its cell takes.
    pub fn insert(&mut self, mut resident: Resident, cell_bytes: usize) -> Slot {
        let hash = hash(&resident.key);
        debug_assert!(self.find(&resident.key).is_none(), "an entity has one cell");
        resident.bytes = measured(&resident, cell_bytes);
        self.bytes += resident.bytes as usize;
        let dirty_since = resident.dirty_since;
        let slot = self.free.pop().unwrap_or_else(|| {
            u32::try_from(self.slots.push()).expect("fewer than 4 G entities fit in memory")
        });
        *self.slots.slot(slot as usize) = Some(resident);
        let slots = &self.slots;
        self.index.insert_unique(hash, slot, |slot| key_at(slots, *slot).map_or(0, self::hash));
        if dirty_since > 0 {
            self.enqueue(dirty_since, Slot(slot));
        }
        Slot(slot)
    }

    /// Takes an entity out, clean or not.
    pub fn remove(&mut self, slot: Slot) -> Resident {
        let resident =
            self.slots.slot(slot.0 as usize).take().expect("a slot in use is handed out");
        if let Ok(entry) = self.index.find_entry(hash(&resident.key), |other| *other == slot.0) {
            entry.remove();
        }
        self.free.push(slot.0);
        self.bytes -= resident.bytes as usize;
        resident
    }

    /// Notes that an entity got a record in commit `commit_no`, and what its cell takes now.
    pub fn touched(&mut self, slot: Slot, lsn: Lsn, commit_no: u64, cell_bytes: usize) {
        let resident = self.slots.get_mut(slot.0 as usize).expect("a slot in use is handed out");
        resident.last_lsn = lsn;
        resident.last_commit = commit_no;
        let bytes = measured(resident, cell_bytes);
        self.bytes = self.bytes + bytes as usize - resident.bytes as usize;
        resident.bytes = bytes;
        if resident.dirty_since == 0 {
            resident.dirty_since = commit_no;
            self.dirty.push_back((commit_no, slot));
        }
    }

    /// Entities that were dirty first, at most `limit`; they count as clean and `writing` from
    /// now on. Also says how they were before, for [`Self::unclean`].
    pub fn take_dirty(&mut self, limit: usize) -> Vec<(u64, Slot)> {
        let mut taken = Vec::new();
        while taken.len() < limit {
            let Some((since, slot)) = self.dirty.pop_front() else { break };
            let Some(resident) = self.slots.get_mut(slot.0 as usize) else { continue };
            if resident.dirty_since == since {
                resident.dirty_since = 0;
                resident.writing = true;
                taken.push((since, slot));
            }
        }
        taken
    }

    /// The snapshot of this entity was written.
    pub fn written(&mut self, slot: Slot) {
        if let Some(resident) = self.slots.get_mut(slot.0 as usize) {
            resident.writing = false;
        }
    }

    /// The write of these failed: they are dirty as before.
    pub fn unclean(&mut self, taken: Vec<(u64, Slot)>) {
        for (since, slot) in taken {
            if let Some(resident) = self.slots.get_mut(slot.0 as usize) {
                // The rows may or may not be there: the timer row is written again too.
                resident.writing = false;
                resident.timer_row = Timestamp::MAX;
                resident.dirty_since = since;
                self.enqueue(since, slot);
            }
        }
    }

    /// Recovered entities and failed writes come in any order; the queue is ordered by commit.
    fn enqueue(&mut self, since: u64, slot: Slot) {
        let at = self.dirty.partition_point(|(other, _)| *other <= since);
        self.dirty.insert(at, (since, slot));
    }

    /// Commit of the first record that is in no snapshot, over all entities in memory.
    pub fn first_dirty(&mut self) -> Option<u64> {
        while let Some((since, slot)) = self.dirty.front().copied() {
            let current = self.slots.get(slot.0 as usize);
            if current.is_some_and(|resident| resident.dirty_since == since) {
                return Some(since);
            }
            self.dirty.pop_front();
        }
        None
    }

    /// The next entity that the hand lets go within `steps`: clean, written, unused since it last
    /// came by, and `idle` says that nobody waits for it. O(steps), at most twice around.
    pub fn victim(&mut self, steps: usize, idle: impl Fn(&EntityKey) -> bool) -> Option<Slot> {
        for _ in 0..steps.min(self.slots.len() * 2) {
            self.hand = (self.hand + 1) % self.slots.len();
            let Some(resident) = self.slots.get_mut(self.hand) else { continue };
            if std::mem::take(&mut resident.visited) {
                continue;
            }
            if resident.dirty_since == 0 && !resident.writing && idle(&resident.key) {
                return u32::try_from(self.hand).ok().map(Slot);
            }
        }
        None
    }

    /// Bytes that the entities take, roughly.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many entities are in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether no entity is in memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }
}

fn measured(resident: &Resident, cell_bytes: usize) -> u32 {
    let bytes = size_of::<Resident>() + resident.key.heap_bytes() + cell_bytes;
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn key_at(slots: &Slots, slot: u32) -> Option<&EntityKey> {
    slots.get(slot as usize).map(|resident| &resident.key)
}

fn hash(key: &EntityKey) -> u64 {
    let mut hasher = FxHasher::default();
    key.hash(&mut hasher);
    hasher.finish()
}
