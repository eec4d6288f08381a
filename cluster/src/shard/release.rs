//! The release queue: what waits until the log is durable up to a place (I4).
//!
//! Replies, messages that may not be chained, and acknowledgements leave in order of their place.

use std::collections::VecDeque;

use crate::log::Lsn;

/// Things that wait for the log.
#[derive(Debug)]
pub struct ReleaseQueue<T> {
    waiting: VecDeque<(Lsn, T)>,
}

impl<T> Default for ReleaseQueue<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new() }
    }
}

impl<T> ReleaseQueue<T> {
    /// Lets `item` wait for `lsn`. O(1) when `lsn` is the latest, as it nearly always is.
    pub fn push(&mut self, lsn: Lsn, item: T) {
        let index = match self.waiting.back() {
            Some((last, _)) if *last > lsn => self.waiting.partition_point(|(at, _)| *at <= lsn),
            Some(_) | None => self.waiting.len(),
        };
        self.waiting.insert(index, (lsn, item));
    }

    /// Takes the first item that is durable at `durable`.
    pub fn pop(&mut self, durable: Lsn) -> Option<T> {
        if self.waiting.front().is_some_and(|(lsn, _)| *lsn <= durable) {
            return self.waiting.pop_front().map(|(_, item)| item);
        }
        None
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_leave_in_order_of_place_and_never_early() {
        let mut queue = ReleaseQueue::default();
        for (lsn, item) in [(3, "c"), (5, "e"), (1, "a"), (3, "d")] {
            queue.push(lsn, item);
        }
        assert_eq!(queue.pop(0), None);
        assert_eq!(queue.pop(3), Some("a"));
        assert_eq!(queue.pop(3), Some("c"));
        assert_eq!(queue.pop(3), Some("d"));
        assert_eq!(queue.pop(3), None);
        assert_eq!(queue.pop(9), Some("e"));
        assert!(queue.is_empty());
    }
}
