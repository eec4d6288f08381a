//! Order numbers: short, never twice, handed out in the order of requests.
//!
//! ```text
//!   order --Request--> slot (one of 64) --Lease--> root --Leased 1,000--> slot --Number--> order
//! ```
//! Guarantees: the root gives each block once and a slot each number of it once, over crashes too
//! (both are folds of their events); a slot asks for its next block before the present one ends.
//! It leaves gaps: a number that an order did not need is not used again.

mod decide;
mod state;

use std::num::NonZeroU64;

use entity::{
    Answer, Bounce, Context, Decision, Entity, EntityKey, EventContext, Kind, Publication,
    Timestamp,
};
use serde::{Deserialize, Serialize};

pub use state::{BLOCK, FIRST, LOW_AT, Numbers, REPEAT_AFTER_MS, WAITING_MAX};

use crate::kinds;
use crate::stored::stored_types;

/// A command of an allocator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// From an order, to a slot: it wants a number.
    Request {
        /// The order.
        order: EntityKey,
    },
    /// From a slot, to the root: it wants a block.
    Lease,
    /// From the root, to a slot: a block.
    Leased {
        /// Its first number.
        from: u64,
        /// How many numbers it has.
        len: NonZeroU64,
    },
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The slot gave its next number.
    Given,
    /// An order waits for the next block.
    Queued {
        /// The order.
        order: EntityKey,
    },
    /// The slot asked for a block.
    LeaseAsked,
    /// A block came; the orders that waited have the first numbers of it.
    BlockAdded {
        /// Its first number.
        from: u64,
        /// How many numbers it has.
        len: NonZeroU64,
        /// How many waiting orders were given a number.
        n_served: u32,
    },
    /// The root gave a block.
    BlockLeased,
}

/// Nobody calls an allocator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {}

/// How an allocator says no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rejection {
    /// Only entities may send this.
    WrongSource,
    /// As many orders wait as may; the order asks again later.
    Full,
    /// There are no numbers left.
    Exhausted,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// How far it is.
    View,
}

/// How far an allocator is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The next number, or the first of the next block.
    pub next: u64,
    /// Numbers left in its blocks.
    pub left: u64,
    /// Orders that wait.
    pub n_waiting: u64,
}

stored_types!(
    kinds::NUMBERS,
    Numbers = 0,
    Command = 1,
    Event = 2,
    Reply = 3,
    Rejection = 4,
    Query = 5,
    View = 6,
);

impl Entity for Numbers {
    const KIND: Kind = kinds::NUMBERS;
    const NAME: &'static str = "numbers";
    type Command = Command;
    type Event = Event;
    type Reply = Reply;
    type Rejection = Rejection;
    type Query = Query;
    type View = View;

    fn initial(_key: &EntityKey) -> Self {
        Self::default()
    }

    fn decide(&self, ctx: &Context<'_>, command: Command) -> Result<Decision<Self>, Rejection> {
        decide::decide(self, ctx, command)
    }

    fn wake(&self, ctx: &Context<'_>) -> Decision<Self> {
        decide::ask_block(ctx)
    }

    fn bounced(&self, _ctx: &Context<'_>, _bounce: &Bounce<'_>) -> Decision<Self> {
        // A lease that was not taken is asked for again by the deadline; an order that does not
        // take its number has none, and the number is a gap.
        Decision::nothing()
    }

    fn evolve(&mut self, ctx: &EventContext<'_>, event: &Event) {
        self.apply(ctx, event);
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.asked_at.map(|at| at.plus_ms(REPEAT_AFTER_MS))
    }

    fn query(&self, ctx: &Context<'_>, _query: &Query) -> Answer<View, Rejection> {
        if !ctx.principal.is_staff() {
            return Answer::Rejected(Rejection::WrongSource);
        }
        Answer::Ready(View {
            next: self.next(),
            left: self.left(),
            n_waiting: self.waiting.len() as u64,
        })
    }

    fn publication(_ctx: &EventContext<'_>, _event: &Event) -> Option<Publication> {
        None
    }

    fn heap_bytes(&self) -> usize {
        self.waiting.capacity().saturating_mul(size_of::<EntityKey>().saturating_add(16))
    }
}

#[cfg(test)]
mod tests;
