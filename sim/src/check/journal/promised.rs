//! Deadlines are those that the terms promise (domain.md 2), counted here from the records: how
//! long an order waits for its goods, for its money and for returns, when a parcel counts as
//! arrived and when its cash is overdue. I3 judges that a record tells its state's deadline; here
//! it is asked whether that is the right one.
//!
//! What a carrier saw of a parcel before it left counts once it leaves (decision 0018).
//! On hold an order stands still: nothing leads it on, its time does not run, and goes on with what
//! was left when it is let go.

use commerce::order::{self, Order, Stage};
use commerce::shipment::{CodStatus, Event, Fact, Phase, Shipment};
use entity::{Entity, EntityKey, EventContext, Timestamp};

use super::{Findings, World};

/// Judges the deadlines of orders and shipments at each of their versions.
#[must_use]
pub fn check(world: &World) -> Findings {
    let mut found = world.findings("promised");
    found.look(world.shop.orders.values().map(|order| order.after.len() as u64).sum());
    found.look(world.shop.shipments.len() as u64);
    for what in &world.shop.deadline_faults {
        found.fail(what.as_str());
    }
    found
}

/// An order on its way.
#[derive(Debug, Default)]
pub(super) struct OfOrder {
    /// Its stage, and its deadline in it.
    stage: Option<(Stage, Option<Timestamp>)>,
    /// It is on hold: how much was left of the deadline, in ms, and when staff is told.
    frozen: Option<(Option<u64>, Timestamp)>,
    /// It was let go with all that it waited for: the next event leads it on.
    is_owed: bool,
}

impl OfOrder {
    /// How the deadline after an event is another one, or the order does not stand still.
    pub(super) fn event(
        &mut self,
        ctx: &EventContext<'_>,
        order: &Order,
        event: &order::Event,
    ) -> Option<String> {
        let body = order.body.as_ref()?;
        let (key, version, leads) = (ctx.key, ctx.version, leads_on(&event.fact));
        if self.frozen.is_some() && leads {
            return Some(format!("{key} at {version} is on hold: {:?}", event.fact));
        }
        let is_resumed = matches!(event.fact, order::Fact::Resumed { .. });
        let waits_on = std::mem::replace(&mut self.is_owed, is_resumed && has_all(body));
        if waits_on && !leads {
            return Some(format!("{key} was let go before {version}, and does not go on"));
        }
        let timers = &body.terms.timers;
        let wait_ms = match body.stage {
            Stage::Reserving => Some(timers.reserve_ms),
            Stage::AwaitingPayment => Some(timers.pay_ms),
            Stage::Fulfilled => Some(timers.return_window_ms),
            Stage::Confirming
            | Stage::Confirmed
            | Stage::InFulfilment
            | Stage::Completed
            | Stage::Cancelling
            | Stage::Cancelled => None,
        };
        let same = self.stage.filter(|(stage, _)| *stage == body.stage);
        let mut due = same.map_or_else(|| wait_ms.map(|ms| ctx.at.plus_ms(ms)), |(_, due)| due);
        let alarm_at = ctx.at.plus_ms(timers.on_hold_ms.max(1));
        match (&event.fact, self.frozen) {
            (order::Fact::PutOnHold { .. }, _) => {
                self.frozen = Some((due.map(|due| due.since_ms(ctx.at)), alarm_at));
            }
            (order::Fact::HoldAlarm, Some((left_ms, _))) => {
                self.frozen = Some((left_ms, alarm_at));
            }
            // It goes on with what was left.
            (order::Fact::Resumed { .. }, Some((left_ms, _))) => {
                due = left_ms.map(|left_ms| ctx.at.plus_ms(left_ms.max(1)));
                self.frozen = None;
            }
            _ => {}
        }
        let is_given_up = body.stage == Stage::Reserving && body.cancel_requested.is_some();
        due = due.filter(|_| !is_given_up);
        self.stage = Some((body.stage, due));
        let wanted = match self.frozen {
            Some((_, alarm_at)) => Some(alarm_at),
            None => due.into_iter().chain(body.retry_at).min(),
        };
        differs(ctx, wanted, order.next_deadline())
    }

    /// What the last event should have been followed by.
    pub(super) fn unfinished(&self, key: &EntityKey) -> Option<String> {
        self.is_owed.then(|| format!("{key} was let go, and does not go on"))
    }
}

/// Whether an order has all that it waits for, and nothing is wrong with it.
fn has_all(body: &order::Body) -> bool {
    use order::{HoldPhase, WalletPhase};
    let is = |phase: HoldPhase| match body.stage {
        Stage::Reserving => matches!(phase, HoldPhase::Held | HoldPhase::Committed),
        _ => phase == HoldPhase::Committed,
    };
    let is_paid = body.wallet.as_ref().is_none_or(|wallet| match body.stage {
        Stage::Reserving => matches!(wallet.phase, WalletPhase::Held | WalletPhase::Posted),
        _ => wallet.phase == WalletPhase::Posted,
    });
    matches!(body.stage, Stage::Reserving | Stage::Confirming)
        && body.lines.iter().all(|line| is(line.phase))
        && is_paid
        && body.failure.is_none()
}

/// Whether this moves an order on. What others observe, and what becomes of what was asked before,
/// is recorded on hold, too.
const fn leads_on(fact: &order::Fact) -> bool {
    use order::Fact;
    matches!(
        fact,
        Fact::HoldsRetried
            | Fact::Reserved { .. }
            | Fact::WalletPosting
            | Fact::Confirmed { .. }
            | Fact::StopAsked(_)
            | Fact::LinesCancelled { .. }
            | Fact::DispatchReleased { .. }
            | Fact::Dispatched { .. }
            | Fact::ReceiptConfirmed
            | Fact::Fulfilled
            | Fact::Completed
            | Fact::Cancelling { .. }
            | Fact::Cancelled { .. }
            | Fact::CancelledFor { .. }
            | Fact::PutOnHold { .. }
    )
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
