//! Deadlines of a shard's entities, in order.
//!
//! Deadlines are durable because each step record carries the entity's next one and checkpoints
//! write those that outlive them; this index is only what is known in memory: all of resident
//! entities, and those of sleeping ones up to a horizon.

use std::collections::{BTreeMap, BTreeSet};

use entity::{EntityKey, Timestamp};

/// The index.
#[derive(Debug, Default)]
pub struct Timers {
    due: BTreeSet<(Timestamp, EntityKey)>,
    reading: BTreeMap<EntityKey, Timestamp>,
    /// Their reads failed.
    later: Vec<(Timestamp, EntityKey)>,
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

    /// A deadline is due, but its entity has to be read first. It is put aside: the read brings
    /// the deadline that holds, which may be another one.
    pub fn begin_read(&mut self, at: Timestamp, key: &EntityKey) {
        if self.due.remove(&(at, key.clone())) {
            let since = self.reading.entry(key.clone()).or_insert(at);
            *since = at.min(*since);
        }
    }

    /// The read has ended. What was put aside is due again, after [`Self::retry`], if the entity
    /// could not be had.
    pub fn end_read(&mut self, key: &EntityKey, failed: bool) {
        if let Some(at) = self.reading.remove(key)
            && failed
        {
            self.later.push((at, key.clone()));
        }
    }

    /// Reads that failed may be tried again.
    pub fn retry(&mut self) {
        self.due.extend(self.later.drain(..));
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
