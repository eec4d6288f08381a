//! Turns that follow a turn on its own thread.
//!
//! An order goes through a handful of shards, each of which only waits for the one before it. Hosts
//! that a turn wakes take theirs right behind it, on the same thread, so that none of them has to
//! be woken on another one; and the committer is told once, when the last of them is over, so that
//! one commit takes what all of them staged. A caller who asks several things at once gathers them
//! in the same way, and so does the committer those who waited for a commit. Bounded: what is left
//! is woken as usual.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use super::inbox::Inbox;
use crate::limits;
use crate::log::Log;

/// What waits for the end of a turn.
#[derive(Default)]
struct Waiting {
    inboxes: VecDeque<Arc<Inbox>>,
    logs: Vec<Arc<Log>>,
}

thread_local! {
    /// There while a turn runs on this thread, or a caller gathers what he asks.
    static WAITING: RefCell<Option<Waiting>> = const { RefCell::new(None) };
}

/// The first turn of a thread. Whatever still waits when it is dropped is woken as usual.
pub(crate) struct First(());

/// A turn or a gathering begins. `None`: another one began before it on this thread and lets the
/// rest follow.
pub(crate) fn begin() -> Option<First> {
    let is_first = WAITING.with_borrow_mut(|waiting| {
        let is_first = waiting.is_none();
        waiting.get_or_insert_default();
        is_first
    });
    // Made for the first one only: it ends them when it is dropped.
    if is_first { Some(First(())) } else { None }
}

/// Lets a host that was marked as woken take its turn behind the one that runs on this thread, or
/// at the end of the gathering. Returns whether there is one.
pub(super) fn add(inbox: &Arc<Inbox>) -> bool {
    WAITING.with_borrow_mut(|waiting| {
        let Some(waiting) = waiting else { return false };
        waiting.inboxes.push_back(Arc::clone(inbox));
        true
    })
}

/// Lets a committer know, at the end of the turns on this thread, that something was staged.
pub(super) fn kick(log: &Arc<Log>) {
    let waits = WAITING.with_borrow_mut(|waiting| {
        let Some(waiting) = waiting else { return false };
        if !waiting.logs.iter().any(|other| Arc::ptr_eq(other, log)) {
            waiting.logs.push(Arc::clone(log));
        }
        true
    });
    if !waits {
        log.kick();
    }
}

impl First {
    /// Lets those that wait take their turns, and those that they wake.
    pub(crate) fn run(self) {
        for _ in 0..limits::TURNS_FOLLOWING_MAX {
            let next = WAITING
                .with_borrow_mut(|waiting| waiting.as_mut().and_then(|it| it.inboxes.pop_front()));
            let Some(inbox) = next else { break };
            inbox.take_turn();
        }
    }
}

impl Drop for First {
    fn drop(&mut self) {
        let waiting = WAITING.take().unwrap_or_default();
        waiting.inboxes.iter().for_each(|inbox| inbox.wake_actor());
        waiting.logs.iter().for_each(|log| log.kick());
    }
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;

    use super::*;

    #[test]
    fn turns_follow_the_first_one_of_a_thread_and_end_with_it() {
        let inbox = Arc::new(Inbox::default());
        assert!(!add(&inbox), "no turn runs");
        let first = begin().expect("it is the first");
        assert!(begin().is_none(), "one runs");
        assert!(add(&inbox) && add(&inbox));
        assert_eq!(Arc::strong_count(&inbox), 3);
        first.run();
        assert_eq!(Arc::strong_count(&inbox), 1, "both had their turns");
        assert!(!add(&inbox), "no turn runs any more");
        drop(begin().expect("it is the first again"));
        assert!(!add(&inbox));
    }

    #[test]
    fn who_waited_for_a_commit_takes_its_turn_behind_it() {
        let inbox = Arc::new(Inbox::default());
        let tenure = inbox.open(1);
        let first = begin().expect("it is the first");
        inbox.push_durable(tenure, 7);
        assert_eq!(Arc::strong_count(&inbox), 2, "it waits for the end of the commit");
        inbox.push_durable(tenure, 8);
        assert_eq!(Arc::strong_count(&inbox), 2, "once");
        first.run();
        assert_eq!((Arc::strong_count(&inbox), inbox.depth()), (1, 2), "it has no host");
    }

    #[test]
    fn what_is_left_of_turns_that_broke_is_let_go() {
        let inbox = Arc::new(Inbox::default());
        let broke = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let _first = begin().expect("it is the first");
            assert!(add(&inbox));
            panic!("a turn broke");
        }));
        assert!(broke.is_err());
        assert_eq!(Arc::strong_count(&inbox), 1);
        assert!(!add(&inbox), "the next turn is the first again");
    }
}
