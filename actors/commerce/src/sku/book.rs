//! The holds of a SKU, with the index of their deadlines and a memory of those that ended.
//!
//! Guarantees: every change goes through here, so that index and map agree; each operation costs
//! O(log n). An ended hold is remembered for a day, the newest 1,024 of them: streams deliver once,
//! so a repeat can only be the owner's own retry.

use std::collections::{BTreeMap, BTreeSet};

use entity::{EntityKey, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::hold::{Hold, Phase};
use super::limits;
use super::parts::ShelfIndex;

/// An ended hold, as its owner left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ended {
    pub(super) hold: Hold,
    pub(super) at: Timestamp,
}

/// All holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Book {
    live: BTreeMap<Uuid, Hold>,
    /// Held ones by expiry, pinned ones by the time of the next question.
    due: BTreeSet<(Timestamp, Uuid)>,
    ended: BTreeMap<Uuid, Ended>,
    ended_by_age: BTreeSet<(Timestamp, Uuid)>,
    /// Bytes behind the boxes of the live holds.
    boxed_bytes: u64,
}

impl Book {
    pub(super) fn len(&self) -> usize {
        self.live.len()
    }

    pub(super) fn live(&self, id: Uuid) -> Option<&Hold> {
        self.live.get(&id)
    }

    pub(super) fn ended(&self, id: Uuid) -> Option<&Hold> {
        self.ended.get(&id).map(|ended| &ended.hold)
    }

    /// The hold, be it live or a memory.
    pub(super) fn any(&self, id: Uuid) -> Option<&Hold> {
        self.live(id).or_else(|| self.ended(id))
    }

    /// Live and remembered holds by id, from after `after`.
    pub(super) fn page(&self, after: Option<Uuid>) -> impl Iterator<Item = (Uuid, &Hold)> {
        let from = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let bounds = (from, std::ops::Bound::Unbounded);
        let mut live = self.live.range(bounds).peekable();
        let mut ended = self.ended.range(bounds).map(|(id, ended)| (id, &ended.hold)).peekable();
        std::iter::from_fn(move || {
            let next = match (live.peek(), ended.peek()) {
                (Some((a, _)), Some((b, _))) if a > b => ended.next(),
                (None, Some(_)) => ended.next(),
                (Some(_), Some(_) | None) | (None, None) => live.next(),
            };
            next.map(|(id, hold)| (*id, hold))
        })
    }

    /// The first deadline.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// What is due at `now`, in the order of deadlines.
    pub(super) fn due_at(&self, now: Timestamp) -> impl Iterator<Item = (Uuid, &Hold)> {
        self.due
            .range(..=(now, Uuid::max()))
            .filter_map(|(_, id)| self.live.get(id).map(|hold| (*id, hold)))
    }

    /// Holds that are older than they were asked for, be they pinned or sold meanwhile: what a
    /// planted defect takes for expired.
    pub(super) fn past_ttl(&self, now: Timestamp) -> Vec<Uuid> {
        let is_past = |hold: &Hold| hold.phase != Phase::Held && hold.is_past_ttl(now);
        self.live.iter().filter(|(_, hold)| is_past(hold)).map(|(id, _)| *id).collect()
    }

    /// Holds that may be revoked at `shelf`, the newest first. O(n): a stock count that finds too
    /// little is rare, and an index by age would cost every hold 40 bytes.
    pub(super) fn newest_held(&self, shelf: ShelfIndex) -> Vec<(Uuid, &Hold)> {
        let held = |hold: &Hold| hold.phase == Phase::Held && hold.parts.at(shelf) > 0;
        let mut found: Vec<_> =
            self.live.iter().filter(|(_, hold)| held(hold)).map(|(id, h)| (*id, h)).collect();
        found.sort_unstable_by_key(|(id, hold)| std::cmp::Reverse((hold.held_at, *id)));
        found
    }

    /// A new hold; it takes the place of what is remembered of an earlier one.
    pub(super) fn insert(&mut self, id: Uuid, mut hold: Hold) {
        if let Some(past) = self.forget(id).and_then(|ended| ended.hold.more) {
            hold.inherit(past);
        }
        if hold.due != Timestamp::MAX {
            self.due.insert((hold.due, id));
        }
        self.boxed_bytes = self.boxed_bytes.saturating_add(bytes(hold.boxed_bytes()));
        self.live.insert(id, hold);
    }

    /// Changes a live hold; when all its units have found their end it becomes a memory.
    pub(super) fn change(&mut self, id: Uuid, at: Timestamp, change: impl FnOnce(&mut Hold)) {
        let Some(hold) = self.live.get_mut(&id) else { return };
        let (due, boxed) = (hold.due, hold.boxed_bytes());
        change(hold);
        let over = hold.is_over();
        if over || hold.due != due {
            self.due.remove(&(due, id));
        }
        self.boxed_bytes = self.boxed_bytes.saturating_sub(bytes(boxed));
        if !over {
            if hold.due != due && hold.due != Timestamp::MAX {
                self.due.insert((hold.due, id));
            }
            self.boxed_bytes = self.boxed_bytes.saturating_add(bytes(hold.boxed_bytes()));
        } else if let Some(hold) = self.live.remove(&id) {
            self.remember(id, hold, at);
        }
    }

    /// Changes the memory of an ended hold.
    pub(super) fn change_ended(&mut self, id: Uuid, change: impl FnOnce(&mut Hold)) {
        if let Some(ended) = self.ended.get_mut(&id) {
            change(&mut ended.hold);
        }
    }

    /// Whether this hold ended or is live and belongs to somebody else than `key`.
    pub(super) fn is_foreign(&self, id: Uuid, key: &EntityKey) -> bool {
        self.any(id).is_some_and(|hold| !hold.is_owner(key))
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let per_ended = limits::HOLD_BYTES.saturating_add(limits::DUE_BYTES);
        self.live
            .len()
            .saturating_mul(limits::HOLD_BYTES)
            .saturating_add(self.due.len().saturating_mul(limits::DUE_BYTES))
            .saturating_add(self.ended.len().saturating_mul(per_ended))
            .saturating_add(usize::try_from(self.boxed_bytes).unwrap_or(usize::MAX))
    }

    fn remember(&mut self, id: Uuid, hold: Hold, at: Timestamp) {
        self.ended_by_age.insert((at, id));
        self.ended.insert(id, Ended { hold, at });
        while let Some((oldest, id)) = self.ended_by_age.first().copied() {
            let old = at.since_ms(oldest) > limits::ENDED_KEEP_MS;
            if !old && self.ended.len() <= limits::ENDED_KEPT {
                break;
            }
            self.forget(id);
        }
    }

    fn forget(&mut self, id: Uuid) -> Option<Ended> {
        let ended = self.ended.remove(&id)?;
        self.ended_by_age.remove(&(ended.at, id));
        Some(ended)
    }
}

const fn bytes(bytes: usize) -> u64 {
    bytes as u64
}

/// The open and committed units of one hold, for checks.
#[cfg(test)]
#[derive(Debug)]
pub(super) struct HoldParts {
    pub(super) held: super::parts::Parts,
    pub(super) pinned: super::parts::Parts,
    pub(super) committed: super::parts::Parts,
}

#[cfg(test)]
impl Book {
    pub(super) fn parts(&self) -> Vec<HoldParts> {
        let open =
            |hold: &Hold, phase| if hold.phase == phase { hold.open() } else { Default::default() };
        self.live
            .values()
            .map(|hold| HoldParts {
                held: open(hold, Phase::Held),
                pinned: open(hold, Phase::Pinned),
                committed: hold.sold(),
            })
            .collect()
    }

    /// Index, memory and sizes agree with the holds.
    pub(super) fn check(&self) {
        let due: BTreeSet<_> = self
            .live
            .iter()
            .filter(|(_, hold)| hold.open_claim().is_some())
            .map(|(id, hold)| (hold.due, *id))
            .collect();
        assert_eq!(self.due, due, "every open hold has its deadline, and only those");
        let boxed: usize = self.live.values().map(Hold::boxed_bytes).sum();
        assert_eq!(self.boxed_bytes, bytes(boxed));
        assert!(self.live.values().all(|hold| !hold.is_over()), "I8: what ended is not live");
        assert!(self.live.keys().all(|id| !self.ended.contains_key(id)));
        let by_age: BTreeSet<_> = self.ended.iter().map(|(id, ended)| (ended.at, *id)).collect();
        assert_eq!(self.ended_by_age, by_age);
        assert!(self.ended.len() <= limits::ENDED_KEPT);
    }
}
