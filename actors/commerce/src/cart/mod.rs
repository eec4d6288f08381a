//! The cart: where an order begins.
//!
//! ```text
//!   Open --Place--> Frozen --OrderConfirmed--> Ordered
//!    ^                 |
//!    +-- OrderCancelled (generation + 1), Place not taken
//! ```
//! Guarantees: one order per generation (I12), whatever the number of submits; a frozen cart
//! cannot change; no line is lost in a merge, and a repeated merge changes nothing.
//! Prices and titles are not kept here: they are the quote's, from the price book.

mod command;
mod decide;
mod event;
mod place;
mod query;
mod state;

use entity::{
    Answer, Bounce, Context, Decision, Entity, EntityKey, EventContext, Kind, Publication, Source,
    Timestamp,
};
use serde::{Deserialize, Serialize};

pub use command::{CartPatch, Command, Patch, Place, PlaceBody, Rejection, Reply};
pub use event::{Event, Placed};
pub use query::{CartView, Query, View};
pub use state::{Body, CartLine, Content, DEFAULT_SHIPPING, MERGED_KEPT, Merging, QTY_MAX, Status};

use crate::kinds;
use crate::stored::stored_types;

/// A cart; empty before it is made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cart {
    /// What it is once it was made.
    pub body: Option<Box<Body>>,
}

stored_types!(
    kinds::CART,
    Cart = 0,
    Command = 1,
    Event = 2,
    Reply = 3,
    Rejection = 4,
    Query = 5,
    View = 6,
);

impl Entity for Cart {
    const KIND: Kind = kinds::CART;
    const NAME: &'static str = "cart";
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
            Source::Caller => decide::ask(ctx, self.body.as_deref(), command),
            Source::Entity(from) => decide::told(self.body.as_deref(), from, command),
            Source::Timer => Ok(Decision::nothing()),
        }
    }

    /// A cart has no deadlines: an order that holds it has.
    fn wake(&self, _ctx: &Context<'_>) -> Decision<Self> {
        Decision::nothing()
    }

    fn bounced(&self, ctx: &Context<'_>, bounce: &Bounce<'_>) -> Decision<Self> {
        self.body.as_ref().map_or_else(Decision::nothing, |body| decide::bounced(ctx, body, bounce))
    }

    fn evolve(&mut self, ctx: &EventContext<'_>, event: &Event) {
        match (&mut self.body, event) {
            (Some(body), event) => body.evolve(event),
            (None, Event::Created { owner, content }) => {
                self.body = Some(Box::new(Body::created(ctx, owner, content)));
            }
            // Nothing but its making begins a cart.
            (None, _) => {}
        }
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        None
    }

    fn query(&self, ctx: &Context<'_>, query: &Query) -> Answer<View, Rejection> {
        query::answer(ctx, self.body.as_deref(), query)
    }

    fn publication(_ctx: &EventContext<'_>, _event: &Event) -> Option<Publication> {
        None
    }

    fn heap_bytes(&self) -> usize {
        self.body.as_ref().map_or(0, |body| body.heap_bytes())
    }
}

#[cfg(test)]
mod tests;
