//! The shipment: what leaves one location for one order, its tracking and its cash.
//!
//! ```text
//!   Pending --Dispatch--> Asked --(order)--> Released --(order)--> Dispatched --> InTransit
//!      ^  ^                 |                                          |             |
//!      |  +-----refused-----+                 Delivered, AutoReceived, Refused <-----+
//!      +-- Reopen -- Stopped <-- Stop (Pending, Asked)
//! ```
//! Guarantees: only the order lets it leave, so that no parcel leaves after its cancel; a carrier's
//! or courier's event is recorded once per id. Returns come with the reverse flow.

mod command;
mod decide;
mod event;
mod publish;
mod query;
mod said;
mod state;

use entity::{
    Answer, Bounce, Context, Decision, Entity, EntityKey, EventContext, Kind, Publication, Source,
    Timestamp,
};
use serde::{Deserialize, Serialize};

pub use command::{CodResult, Command, Content, Rejection, Reply, ShipmentLine, TrackingStatus};
pub use event::{Event, Fact};
pub use publish::FACE;
pub use query::{Query, ShipmentView, View};
pub use state::{Body, Cod, CodStatus, EVENT_IDS_KEPT, Phase};

use crate::kinds;
use crate::stored::stored_types;

/// A shipment; empty before the order makes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    /// What it is once it was made.
    pub body: Option<Box<Body>>,
}

stored_types!(
    kinds::SHIPMENT,
    Shipment = 0,
    Command = 1,
    Event = 2,
    Reply = 3,
    Rejection = 4,
    Query = 5,
    View = 6,
);

impl Entity for Shipment {
    const KIND: Kind = kinds::SHIPMENT;
    const NAME: &'static str = "shipment";
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
            Source::Entity(from) => decide::told(ctx, self.body.as_deref(), from, command),
            Source::Timer => Ok(Decision::nothing()),
        }
    }

    fn wake(&self, ctx: &Context<'_>) -> Decision<Self> {
        self.body.as_ref().map_or_else(Decision::nothing, |body| decide::wake(ctx, body))
    }

    fn bounced(&self, ctx: &Context<'_>, bounce: &Bounce<'_>) -> Decision<Self> {
        self.body.as_ref().map_or_else(Decision::nothing, |body| decide::bounced(ctx, body, bounce))
    }

    fn evolve(&mut self, ctx: &EventContext<'_>, event: &Event) {
        match (&mut self.body, &event.fact) {
            (Some(body), fact) => body.evolve(ctx, fact),
            (None, Fact::Created(content)) => {
                self.body = Some(Box::new(Body::created(ctx, content)));
            }
            // Nothing but its making begins a shipment.
            (None, _) => {}
        }
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.body.as_ref()?.next_timer().map(|(at, _)| at)
    }

    fn query(&self, ctx: &Context<'_>, query: &Query) -> Answer<View, Rejection> {
        query::answer(ctx, self.body.as_deref(), query)
    }

    fn publication(ctx: &EventContext<'_>, event: &Event) -> Option<Publication> {
        Some(publish::publication(ctx, event))
    }

    fn heap_bytes(&self) -> usize {
        self.body.as_ref().map_or(0, |body| body.heap_bytes())
    }
}

#[cfg(test)]
mod tests;
