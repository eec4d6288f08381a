//! Moments that faults wait for: a node's call of the store is done there, and the node does not
//! know it yet. Who dies or sleeps right then leaves behind what nobody has heard of.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::plan::Moment;

/// Who waits for which moment. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Moments {
    /// Whether anybody waits: a store call looks here first.
    any: Arc<AtomicBool>,
    waiting: Arc<Mutex<Vec<Waiting>>>,
}

#[derive(Debug)]
struct Waiting {
    node: u16,
    moment: Moment,
    came: Arc<Notify>,
}

impl Moments {
    /// Whoever waits for what this returns hears of the next such moment of a node, once.
    #[must_use]
    pub fn next(&self, node: u16, moment: Moment) -> Arc<Notify> {
        let came = Arc::new(Notify::new());
        let waiting = Waiting { node, moment, came: Arc::clone(&came) };
        self.waiting.lock().push(waiting);
        self.any.store(true, Ordering::Relaxed);
        came
    }

    /// Nobody waits for it any more.
    pub fn forget(&self, came: &Arc<Notify>) {
        let mut waiting = self.waiting.lock();
        waiting.retain(|waiting| !Arc::ptr_eq(&waiting.came, came));
        self.any.store(!waiting.is_empty(), Ordering::Relaxed);
    }

    /// It comes: whoever waits for it is told, once.
    pub fn came(&self, node: u16, moment: Moment) {
        if !self.any.load(Ordering::Relaxed) {
            return;
        }
        let mut waiting = self.waiting.lock();
        waiting.retain(|waiting| {
            let is_it = waiting.node == node && waiting.moment == moment;
            if is_it {
                waiting.came.notify_one();
            }
            !is_it
        });
        self.any.store(!waiting.is_empty(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn a_moment_comes_once_and_only_to_those_who_wait_for_it() {
        let moments = Moments::default();
        let has_come = |came: &Arc<Notify>| came.notified().now_or_never().is_some();
        let append = moments.next(1, Moment::Append);
        let (other, late) = (moments.next(2, Moment::Append), moments.next(1, Moment::Claim));
        moments.came(1, Moment::Append);
        assert_eq!([&append, &other, &late].map(has_come), [true, false, false]);
        moments.came(1, Moment::Append);
        assert!(!has_come(&append), "it is told once");
        moments.forget(&late);
        moments.came(1, Moment::Claim);
        assert!(!has_come(&late), "it waits no more");
        moments.came(2, Moment::Append);
        assert!(has_come(&other));
        assert!(!moments.any.load(Ordering::Relaxed), "nobody waits");
    }
}
