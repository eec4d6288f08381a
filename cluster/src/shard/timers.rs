//! Deadlines of a shard's entities, in order.
//!
//! Deadlines are durable because each step record carries the entity's next one and checkpoints
//! write those that outlive them; this index is only what is known in memory: all of resident
//! entities, and those of sleeping ones up to a horizon.

use std::collections::BTreeSet;

use entity::{EntityKey, Timestamp};

/// The index.
#[derive(Debug, Default)]
pub struct Timers {
    due: BTreeSet<(Timestamp, EntityKey)>,
}

impl Timers {
    /// Replaces the deadline of an entity.
    pub fn replace(&mut self, key: &EntityKey, old: Option<Timestamp>, new: Option<Timestamp>) {
        if old == new {
            return;
        }
        if let Some(old) = old {
            self.due.remove(&(old, key.clone()));
        }
        if let Some(new) = new {
            self.due.insert((new, key.clone()));
        }
    }

    /// The earliest deadline.
    #[must_use]
    pub fn first(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Entities due at `now`, earliest first, at most `limit`. They stay until replaced.
    #[must_use]
    pub fn due(&self, now: Timestamp, limit: usize) -> Vec<(Timestamp, EntityKey)> {
        self.due.iter().take_while(|(at, _)| *at <= now).take(limit).cloned().collect()
    }

    /// How many deadlines are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.due.len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.due.is_empty()
    }
}
