//! Which entries were settled lately, and how: the answer to a repeat.
//!
//! Bounded: the oldest of 1,024 is forgotten. Streams deliver once, so a repeat can only be the
//! owner's own retry, and an owner has few.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::SETTLED_KEPT;

/// How an entry was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Settled {
    /// Spent.
    Posted,
    /// Not spent: voided, or expired.
    Voided,
    /// A credit.
    Credited,
}

/// The settled entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Window {
    by_id: BTreeMap<Uuid, Settled>,
    by_age: VecDeque<Uuid>,
}

impl Window {
    pub(super) fn get(&self, entry_id: Uuid) -> Option<Settled> {
        self.by_id.get(&entry_id).copied()
    }

    /// Remembers an entry. Each is settled once, hence stands in the queue once.
    pub(super) fn keep(&mut self, entry_id: Uuid, settled: Settled) {
        if self.by_id.insert(entry_id, settled).is_none() {
            self.by_age.push_back(entry_id);
        }
        if self.by_age.len() > SETTLED_KEPT
            && let Some(oldest) = self.by_age.pop_front()
        {
            self.by_id.remove(&oldest);
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let map = self.by_id.len().saturating_mul(26);
        map.saturating_add(self.by_age.capacity().saturating_mul(size_of::<Uuid>()))
    }
}
