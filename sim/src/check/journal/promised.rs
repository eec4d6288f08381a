//! Deadlines are those that the terms promise (domain.md 2), counted here from the records: how
//! long an order waits for its goods, for its money and for returns, when a parcel counts as
//! arrived and when its cash is overdue. I3 judges that a record tells its state's deadline; here
//! it is asked whether that is the right one.
//!
//! What a carrier saw of a parcel before it left counts once it leaves (decision 0018).
//! An order that was ever on hold is passed over: its time stood still.

use commerce::order::{Order, Stage};
use commerce::shipment::{CodStatus, Event, Fact, Phase, Shipment};
use entity::{Entity, EntityKey, EventContext, Timestamp};

use super::{Findings, World};

/// Judges the deadlines of orders and shipments at each of their versions.
#[must_use]
pub fn check(world: &World) -> Findings {
    let mut found = world.findings("promised");
    found.look(world.shop.orders.values().map(|order| order.after.len() as u64).sum());
    for what in &world.shop.deadline_faults {
        found.fail(what.as_str());
    }
    found
}

/// An order on its way.
#[derive(Debug, Default)]
pub(super) struct OfOrder {
    /// Its stage, and since when it is in it.
    since: Option<(Stage, Timestamp)>,
    was_on_hold: bool,
}

impl OfOrder {
    /// How the deadline after an event is another one.
    pub(super) fn event(&mut self, ctx: &EventContext<'_>, order: &Order) -> Option<String> {
        let body = order.body.as_ref()?;
        let same = self.since.filter(|(stage, _)| *stage == body.stage);
        let (stage, since) = *self.since.insert(same.unwrap_or((body.stage, ctx.at)));
        self.was_on_hold |= body.on_hold.is_some();
        let timers = &body.terms.timers;
        let wait_ms = match stage {
            Stage::Reserving if body.cancel_requested.is_none() => Some(timers.reserve_ms),
            Stage::AwaitingPayment => Some(timers.pay_ms),
            Stage::Fulfilled => Some(timers.return_window_ms),
            Stage::Reserving
            | Stage::Confirming
            | Stage::Confirmed
            | Stage::InFulfilment
            | Stage::Completed
            | Stage::Cancelling
            | Stage::Cancelled => None,
        };
        let wanted = wait_ms.map(|wait_ms| since.plus_ms(wait_ms)).into_iter();
        let wanted = wanted.chain(body.retry_at).min();
        (!self.was_on_hold).then(|| differs(ctx, wanted, order.next_deadline()))?
    }
}

/// A shipment on its way.
#[derive(Debug, Default)]
pub(super) struct OfShipment {
    left_at: Option<Timestamp>,
    /// Its arrival was noted before it left.
    is_noted: bool,
    /// It left, and the next event is the one that was noted.
    is_owed: bool,
}

impl OfShipment {
    /// How the deadline after an event is another one, or what was noted is forgotten.
    pub(super) fn event(
        &mut self,
        ctx: &EventContext<'_>,
        shipment: &Shipment,
        event: &Event,
    ) -> Option<String> {
        let body = shipment.body.as_ref()?;
        let counts = matches!(event.fact, Fact::Delivered { .. } | Fact::Refused { .. });
        let forgotten = self.unfinished(ctx.key).filter(|_| !counts);
        self.is_noted |= matches!(&event.fact, Fact::Noted(fact)
            if matches!(**fact, Fact::Delivered { .. }));
        self.is_owed = self.is_noted && event.fact == Fact::Dispatched;
        if event.fact == Fact::Dispatched {
            self.left_at = Some(ctx.at);
        }
        if forgotten.is_some() {
            return forgotten;
        }
        let is_moving = matches!(body.phase, Phase::Dispatched | Phase::InTransit);
        let is_due = body.cod.as_ref().is_some_and(|cod| cod.status == CodStatus::Due);
        let after = |ms: u64, is_so: bool| self.left_at.filter(|_| is_so).map(|at| at.plus_ms(ms));
        let arrives = after(body.content.auto_receipt_ms, is_moving);
        let overdue = after(body.content.cod_overdue_ms, is_due);
        let wanted = arrives.into_iter().chain(overdue).chain(body.retry_at).min();
        differs(ctx, wanted, shipment.next_deadline())
    }

    /// What the last event should have been followed by.
    pub(super) fn unfinished(&self, key: &EntityKey) -> Option<String> {
        self.is_owed.then(|| format!("{key} left, and that it had arrived is forgotten"))
    }
}

fn differs(
    ctx: &EventContext<'_>,
    wanted: Option<Timestamp>,
    is: Option<Timestamp>,
) -> Option<String> {
    let (key, version) = (ctx.key, ctx.version);
    (wanted != is).then(|| format!("{key} at {version} is to be woken at {is:?}, not {wanted:?}"))
}
