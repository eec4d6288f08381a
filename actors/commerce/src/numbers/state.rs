//! What an allocator knows: the root where its next block begins, a slot its blocks and its queue.

use std::collections::VecDeque;

use entity::{EntityKey, EventContext, Timestamp};
use serde::{Deserialize, Serialize};

use super::Event;

/// The first number of a tenant: five digits, so that the first order does not look like one.
pub const FIRST: u64 = 10_001;

/// Numbers of a block. At 30,000 orders a second a slot asks about every two seconds.
pub const BLOCK: u64 = 1_000;

/// At this many numbers left a slot asks for its next block.
pub const LOW_AT: u64 = 250;

/// Orders that may wait for a block; more are refused and ask again later.
pub const WAITING_MAX: usize = 1_000;

/// After this a lease that was not answered is asked for again: 1 s, less than a buyer waits.
pub const REPEAT_AFTER_MS: u64 = 1_000;

// One block serves everybody who waits, in one step.
const _: () = assert!(WAITING_MAX as u64 <= BLOCK);
const _: () = assert!(WAITING_MAX < entity::limits::SENDS_PER_STEP_MAX);

/// A run of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The next one.
    pub next: u64,
    /// One past the last one.
    pub end: u64,
}

/// An allocator: the root of a tenant, or one of its slots.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbers {
    /// Numbers that a slot may give, oldest block first: the present one, one that came ahead of
    /// need, and those that a repeated request brought.
    pub runs: VecDeque<Run>,
    /// When a slot asked for a block that has not come.
    pub asked_at: Option<Timestamp>,
    /// Orders that wait, in the order of their requests.
    pub waiting: VecDeque<EntityKey>,
    /// Blocks that the root has given.
    pub n_leased: u64,
}

impl Numbers {
    /// Numbers that are left in the slot's blocks.
    #[must_use]
    pub fn left(&self) -> u64 {
        let runs = self.runs.iter().map(|run| run.end.saturating_sub(run.next));
        runs.fold(0, u64::saturating_add)
    }

    /// The slot's next number, or the first of the root's next block.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.runs.front().map_or_else(|| self.next_block().unwrap_or(u64::MAX), |run| run.next)
    }

    /// The first number of the root's next block; none when there are no numbers left.
    #[must_use]
    pub fn next_block(&self) -> Option<u64> {
        let from = self.n_leased.checked_mul(BLOCK)?.checked_add(FIRST)?;
        from.checked_add(BLOCK).map(|_| from)
    }

    /// Applies an event.
    pub(super) fn apply(&mut self, ctx: &EventContext<'_>, event: &Event) {
        match event {
            Event::Given => self.advance(1),
            Event::Queued { order } => self.waiting.push_back(order.clone()),
            Event::LeaseAsked => self.asked_at = Some(ctx.at),
            Event::BlockAdded { from, len, n_served } => {
                self.asked_at = None;
                let end = from.saturating_add(len.get());
                self.runs.push_back(Run { next: *from, end });
                for _ in 0..*n_served {
                    self.waiting.pop_front();
                }
                self.advance(u64::from(*n_served));
            }
            Event::BlockLeased => self.n_leased = self.n_leased.saturating_add(1),
        }
    }

    /// Uses `n` numbers up.
    fn advance(&mut self, n: u64) {
        let mut left = n;
        while left > 0
            && let Some(run) = self.runs.front_mut()
        {
            let used = left.min(run.end.saturating_sub(run.next));
            run.next = run.next.saturating_add(used);
            left = left.saturating_sub(used);
            if run.next >= run.end {
                self.runs.pop_front();
            }
        }
    }
}
