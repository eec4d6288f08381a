//! The order: one saga from placing to completion, with a row for every stage and input.
//!
//! ```text
//!   cart --Place--> order --Hold, Commit, Release, Ship, Restock--> SKUs
//!                     |  --Hold, Post, Void, Credit-->  wallet
//!                     |  --Create, Stop, Reopen, ...--> shipments (one per location)
//!                     |  --Confirmed / Cancelled-->     cart      --RecordOrder--> customer
//! ```
//! Guarantees: an observation is never refused, however late; everything taken is given back when
//! the order ends cancelled (I8, I9); every wait has a timer or an answer that cannot fail to
//! come (I11). Card payments, returns and amendments are refused until they exist.

mod advance;
mod body;
mod command;
mod draft;
mod effects;
mod event;
mod evolve;
mod observe;
mod parts;
mod people;
mod publish;
mod query;
mod report;
mod stage;
mod terms;
mod wake;

use entity::{
    Answer, Bounce, Context, Decision, Entity, EntityKey, EventContext, Kind, Publication, Source,
    Timestamp,
};
use serde::{Deserialize, Serialize};

pub use body::{Body, Entry, TIMELINE_KEPT, Unsent};
pub use command::{Command, Decided, LineQty, Rejection, Reply, ShipmentReport};
pub use event::{Event, EventName, Fact, Undelivered};
pub use parts::{
    Ack, Booking, CodPhase, Compensation, Cut, GiveBack, HoldPhase, Line, LineIndex, NotHeld,
    OnHold, Parcel, ParcelIndex, ParcelLine, ParcelPhase, Stop, Wallet, WalletPhase, line_id,
};
pub use publish::FACE;
pub use query::{
    Action, ActionName, OrderView, ParcelView, Progress, Query, Summary, TIMELINE_SHOWN, View,
};
pub use stage::{After, FulfilmentStatus, HoldReason, PaymentStatus, Reason, Stage, Status};
pub use terms::{
    Inconsistent, LINES_MAX, LineDiscount, Owner, PricedLine, PricedOrder, Tender, Terms, Timers,
    Totals, TxnType, number_text,
};

use crate::kinds;
use crate::stored::stored_types;
use draft::Draft;
pub use effects::{SHORT_HOLD_MS, id_of};

/// An order; empty before it is placed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What it is once it was placed.
    pub body: Option<Box<Body>>,
}

stored_types!(
    kinds::ORDER,
    Order = 0,
    Command = 1,
    Event = 2,
    Reply = 3,
    Rejection = 4,
    Query = 5,
    View = 6,
);

impl Entity for Order {
    const KIND: Kind = kinds::ORDER;
    const NAME: &'static str = "order";
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
            Source::Caller => self.ask(ctx, command),
            Source::Entity(from) => self.observe(ctx, from, command),
            Source::Timer => Ok(Decision::nothing()),
        }
    }

    fn wake(&self, ctx: &Context<'_>) -> Decision<Self> {
        self.draft(ctx).map_or_else(Decision::nothing, wake::wake)
    }

    fn bounced(&self, ctx: &Context<'_>, bounce: &Bounce<'_>) -> Decision<Self> {
        self.draft(ctx).map_or_else(Decision::nothing, |draft| wake::bounced(draft, bounce))
    }

    fn evolve(&mut self, ctx: &EventContext<'_>, event: &Event) {
        match (&mut self.body, &event.fact) {
            (Some(body), fact) => body.evolve(ctx, fact),
            (None, Fact::Placed(terms)) => {
                let mut body = Body::placed(ctx, terms);
                body.note(ctx, &event.fact);
                self.body = Some(Box::new(body));
            }
            // Nothing but a placing begins an order.
            (None, _) => {}
        }
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.body.as_ref().and_then(|body| body.next_deadline())
    }

    fn query(&self, ctx: &Context<'_>, query: &Query) -> Answer<View, Rejection> {
        query::answer(ctx, self.body.as_deref(), query)
    }

    fn may_be_ready(&self, ctx: &Context<'_>, query: &Query) -> bool {
        query::is_ready(ctx, self.body.as_deref(), query)
    }

    fn publication(ctx: &EventContext<'_>, event: &Event) -> Option<Publication> {
        Some(publish::publication(ctx, event))
    }

    fn heap_bytes(&self) -> usize {
        self.body.as_ref().map_or(0, |body| body.heap_bytes())
    }
}

impl Order {
    fn draft<'a>(&self, ctx: &'a Context<'a>) -> Option<Draft<'a>> {
        self.body.as_ref().map(|body| Draft::new(ctx, Body::clone(body)))
    }

    /// A caller's command.
    fn ask(&self, ctx: &Context<'_>, command: Command) -> Result<Decision<Self>, Rejection> {
        let body = self.body.as_deref();
        match command {
            Command::Cancel { lines, if_version } => {
                people::cancel(ctx, people::own(ctx, body, if_version)?, &lines)
            }
            Command::ConfirmReceipt { if_version } => {
                people::confirm_receipt(ctx, people::own(ctx, body, if_version)?)
            }
            Command::PutOnHold { note } => people::freeze(ctx, people::for_staff(ctx, body)?, note),
            Command::Release { decided, note } => {
                people::release(ctx, people::for_staff(ctx, body)?, decided, note)
            }
            Command::StartPayment { method: _, if_version }
            | Command::RequestReturn { if_version }
            | Command::Amend { if_version } => {
                people::own(ctx, body, if_version)?;
                Err(Rejection::NotImplemented)
            }
            Command::Place(_)
            | Command::Stock { .. }
            | Command::Account { .. }
            | Command::Number { .. }
            | Command::Shipment(_) => Err(Rejection::WrongSource),
        }
    }

    /// Another entity's message.
    fn observe(
        &self,
        ctx: &Context<'_>,
        from: &EntityKey,
        command: Command,
    ) -> Result<Decision<Self>, Rejection> {
        let decision = match command {
            Command::Place(terms) => return Ok(self.place(ctx, terms)),
            Command::Stock { sku, reply } => self.taken(ctx, |draft| {
                if let Some(line) = draft.body.line_of(&sku) {
                    observe::stock(draft, line, reply);
                }
            }),
            Command::Account { account: _, reply } => {
                self.taken(ctx, |draft| observe::account(draft, reply))
            }
            Command::Number { number } => self.taken(ctx, |draft| observe::number(draft, number)),
            Command::Shipment(report) => self.taken(ctx, |draft| {
                if let Some(parcel) = draft.body.parcel_of(from) {
                    report::report(draft, parcel, report);
                }
            }),
            Command::Cancel { .. }
            | Command::ConfirmReceipt { .. }
            | Command::PutOnHold { .. }
            | Command::Release { .. }
            | Command::StartPayment { .. }
            | Command::RequestReturn { .. }
            | Command::Amend { .. } => return Err(Rejection::WrongSource),
        };
        Ok(decision)
    }

    /// Lets `observe` decide on a placed order; before that nothing is ours to observe.
    fn taken(&self, ctx: &Context<'_>, observe: impl FnOnce(&mut Draft<'_>)) -> Decision<Self> {
        let Some(mut draft) = self.draft(ctx) else { return Decision::nothing() };
        observe(&mut draft);
        draft.done()
    }

    /// Begins. A repeat changes nothing: the order of a cart's generation is one (I12).
    fn place(&self, ctx: &Context<'_>, terms: std::sync::Arc<Terms>) -> Decision<Self> {
        if self.body.is_some() {
            return Decision::nothing();
        }
        let at = EventContext { key: ctx.key, version: ctx.version.saturating_add(1), at: ctx.now };
        let body = Body::placed(&at, &terms);
        let after = body.after();
        let mut draft = Draft::new(ctx, body);
        draft.tell(|voice, out| {
            for (index, _) in voice.body.each_line() {
                out.extend(voice.hold(index));
            }
            out.extend(voice.wallet_hold());
            out.push(voice.tell_customer());
        });
        let mut decision = draft.done();
        decision.events.push(Event { after, fact: Fact::Placed(terms) });
        decision
    }
}

#[cfg(test)]
pub(crate) mod tests;
