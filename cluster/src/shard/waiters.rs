//! Queries that wait for an entity to change: the long polls and streams of the edge.
//!
//! They are volatile: a caller whose host restarts asks again. Each is asked again after every
//! staged change of its entity, and at the latest at its deadline; what it hears waits for the
//! commit.

use std::collections::BTreeMap;

use codec::Carried;
use entity::{Cause, EntityKey, Principal, Timestamp};

use super::io::Caller;
use crate::limits;

/// One query that waits.
#[derive(Debug)]
pub struct Waiter<R> {
    /// Where the answer goes.
    pub reply_to: R,
    /// Who asks.
    pub principal: Principal,
    /// Why.
    pub cause: Cause,
    /// The query.
    pub query: Carried,
    /// The latest time for an answer.
    pub deadline: Timestamp,
}

/// All of a shard.
#[derive(Debug)]
pub struct Waiters<R> {
    by_key: BTreeMap<EntityKey, Vec<(u64, Waiter<R>)>>,
    by_deadline: BTreeMap<(Timestamp, u64), EntityKey>,
    next: u64,
}

impl<R> Default for Waiters<R> {
    fn default() -> Self {
        Self { by_key: BTreeMap::new(), by_deadline: BTreeMap::new(), next: 0 }
    }
}

impl<R: Caller> Waiters<R> {
    /// Lets a query wait. Gives it back when too many wait for the entity; callers who left make
    /// room then.
    #[expect(clippy::result_large_err, reason = "the waiter itself is given back, not an error")]
    pub fn add(&mut self, key: EntityKey, waiter: Waiter<R>) -> Result<(), Waiter<R>> {
        let waiting = self.by_key.entry(key.clone()).or_default();
        if waiting.len() >= limits::WAITERS_PER_ENTITY_MAX {
            for (id, left) in waiting.extract_if(.., |(_, other)| other.reply_to.has_left()) {
                self.by_deadline.remove(&(left.deadline, id));
            }
            if waiting.len() >= limits::WAITERS_PER_ENTITY_MAX {
                return Err(waiter);
            }
        }
        self.next += 1;
        self.by_deadline.insert((waiter.deadline, self.next), key);
        waiting.push((self.next, waiter));
        Ok(())
    }

    /// Whether any query waits for the entity.
    #[must_use]
    pub fn has(&self, key: &EntityKey) -> bool {
        !self.by_key.is_empty() && self.by_key.contains_key(key)
    }

    /// Takes all that wait for the entity; those that must go on waiting are added again.
    pub fn take(&mut self, key: &EntityKey) -> Vec<Waiter<R>> {
        let waiting = self.by_key.remove(key).unwrap_or_default();
        for (id, waiter) in &waiting {
            self.by_deadline.remove(&(waiter.deadline, *id));
        }
        waiting.into_iter().map(|(_, waiter)| waiter).collect()
    }

    /// Takes a query whose deadline has come.
    pub fn take_due(&mut self, now: Timestamp) -> Option<(EntityKey, Waiter<R>)> {
        let ((at, id), _) = self.by_deadline.first_key_value()?;
        if *at > now {
            return None;
        }
        let id = *id;
        let (_, key) = self.by_deadline.pop_first()?;
        let waiting = self.by_key.get_mut(&key)?;
        let index = waiting.iter().position(|(other, _)| *other == id)?;
        let (_, waiter) = waiting.remove(index);
        if waiting.is_empty() {
            self.by_key.remove(&key);
        }
        Some((key, waiter))
    }

    /// The earliest deadline.
    #[must_use]
    pub fn first(&self) -> Option<Timestamp> {
        self.by_deadline.first_key_value().map(|((at, _), _)| *at)
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_deadline.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_deadline.is_empty()
    }
}
