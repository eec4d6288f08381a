//! Queries that wait for an entity to change: the long polls and streams of the edge.
//!
//! They are volatile: a caller whose host restarts asks again. Each is asked again after every
//! staged change of its entity, and at the latest at its deadline; what it hears waits for the
//! commit.

use std::cell::Cell;
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
        if waiting.is_empty() {
            // Nearly always the only one; a vector would take room for four.
            waiting.reserve_exact(1);
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

    /// Takes those that wait for the entity and that `answer` has an answer for, in their order;
    /// the others go on waiting. Callers who left are forgotten.
    pub fn answered<A>(
        &mut self,
        key: &EntityKey,
        answer: impl Fn(&Waiter<R>) -> Option<A>,
    ) -> Vec<(Waiter<R>, A)> {
        let Some(waiting) = self.by_key.get_mut(key) else { return Vec::new() };
        let mut answered = Vec::new();
        let found = Cell::new(None);
        let goes = |(_, waiter): &mut (u64, Waiter<R>)| {
            let has_left = waiter.reply_to.has_left();
            let answer = if has_left { None } else { answer(waiter) };
            let goes = has_left || answer.is_some();
            found.set(answer);
            goes
        };
        for (id, waiter) in waiting.extract_if(.., goes) {
            self.by_deadline.remove(&(waiter.deadline, id));
            answered.extend(found.take().map(|answer| (waiter, answer)));
        }
        if waiting.is_empty() {
            self.by_key.remove(key);
        }
        answered
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

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use codec::{Stored, TypeId};
    use entity::{Kind, Tenant};
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Question;

    impl Stored for Question {
        const TYPE: TypeId = 0xFF01;
    }

    /// A caller with a number, and whether he has left.
    struct Somebody(u8, Rc<Cell<bool>>);

    impl Caller for Somebody {
        fn has_left(&self) -> bool {
            self.1.get()
        }
    }

    fn waiter(n: u8, left: &Rc<Cell<bool>>) -> Waiter<Somebody> {
        Waiter {
            reply_to: Somebody(n, Rc::clone(left)),
            principal: Principal::system(Tenant::new("demo")),
            cause: Cause::default(),
            query: Carried::of(Question),
            deadline: Timestamp(u64::from(n)),
        }
    }

    #[test]
    fn who_has_an_answer_leaves_and_the_others_wait_on() {
        let key = EntityKey::named(&Tenant::new("demo"), Kind(1), "thing");
        let (stays, leaves) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
        let mut waiters = Waiters::default();
        for (n, left) in [(4, &stays), (1, &leaves), (3, &stays), (2, &stays)] {
            assert!(waiters.add(key.clone(), waiter(n, left)).is_ok());
        }
        leaves.set(true);
        let even =
            |it: &Waiter<Somebody>| it.reply_to.0.is_multiple_of(2).then_some(it.reply_to.0 * 10);
        let answered: Vec<_> =
            waiters.answered(&key, even).into_iter().map(|(it, n)| (it.reply_to.0, n)).collect();
        assert_eq!(answered, [(4, 40), (2, 20)], "in the order in which they asked");
        assert_eq!((waiters.len(), waiters.first()), (1, Some(Timestamp(3))), "1 is forgotten");
        assert!(waiters.answered(&key, even).is_empty() && waiters.has(&key));
        assert_eq!(waiters.take_due(Timestamp(3)).map(|(_, it)| it.reply_to.0), Some(3));
        assert!(waiters.is_empty() && !waiters.has(&key));
    }
}
