//! The customer: profile, address book, recent orders and carts, sign-in points.
//!
//! A guest is one too, without a profile. Orders and carts report themselves, so that the first
//! page of a buyer's orders needs no read model; older orders are a read model's.
//! Guarantees: only the buyer and staff see it; the lists are bounded; a day is granted once.

mod address;
mod command;
mod day;
mod decide;
mod event;
mod invalid;
mod points;
mod publish;
mod query;
mod state;

use entity::{
    Answer, Bounce, Context, Decision, Entity, EntityKey, EventContext, Kind, Publication, Source,
    Timestamp,
};

pub use address::{Address, FIELD_CHARS_MAX, SHORT_CHARS_MAX, is_country};
pub use command::{Command, Rejection, Reply};
pub use day::{Date, Day};
pub use event::Event;
pub use invalid::{Invalid, optional_text, text};
pub use points::{Grant, Level, Points, REWARDS};
pub use publish::FACE;
pub use query::{MeView, OverviewView, PointsView, Query, View};
pub use state::{
    ADDRESSES_MAX, CARTS_KEPT, Customer, ORDERS_KEPT, OrderRef, Profile, RecentOrder, SavedAddress,
};

use crate::kinds;
use crate::stored::stored_types;

stored_types!(
    kinds::CUSTOMER,
    Command = 1,
    Event = 2,
    Reply = 3,
    Rejection = 4,
    Query = 5,
    View = 6,
);

impl Entity for Customer {
    const KIND: Kind = kinds::CUSTOMER;
    const NAME: &'static str = "customer";
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
        match ctx.source {
            Source::Caller => decide::ask(ctx, self, command),
            Source::Entity(_) => decide::told(self, command),
            Source::Timer => Ok(Decision::nothing()),
        }
    }

    /// A customer has no deadlines.
    fn wake(&self, _ctx: &Context<'_>) -> Decision<Self> {
        Decision::nothing()
    }

    /// A customer sends nothing.
    fn bounced(&self, _ctx: &Context<'_>, _bounce: &Bounce<'_>) -> Decision<Self> {
        Decision::nothing()
    }

    fn evolve(&mut self, ctx: &EventContext<'_>, event: &Event) {
        self.apply(ctx, event);
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        None
    }

    fn query(&self, ctx: &Context<'_>, query: &Query) -> Answer<View, Rejection> {
        query::answer(ctx, self, query)
    }

    fn publication(ctx: &EventContext<'_>, event: &Event) -> Option<Publication> {
        Some(publish::publication(ctx, event))
    }

    fn heap_bytes(&self) -> usize {
        self.bytes_held()
    }
}

#[cfg(test)]
mod tests;
