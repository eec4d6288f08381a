//! Timers of an order, and messages of it that were not taken.
//!
//! Guarantees: after a wake every deadline is later than now; a message that was not taken either
//! counts as an answer, or is sent again with growing pauses, or freezes the order (I11).

use codec::unpack;
use entity::{Bounce, BounceReason, Decision, Timestamp};

use super::Order;
use super::advance::{advance, cancel};
use super::draft::Draft;
use super::effects::credit_id;
use super::event::{Fact, Undelivered};
use super::observe::{booking_refused, not_held, released, wallet_refused};
use super::parts::{Compensation, GiveBack, HoldPhase, LineIndex, NotHeld, WalletPhase};
use super::people::freeze_for;
use super::stage::{HoldReason, Reason, Stage};
use crate::{account, kinds, shipment, sku};

/// Deadlines that one wake may serve: an order has three at the most.
const SERVED_MAX: usize = 8;

/// Serves every deadline that has passed.
pub(super) fn wake(mut draft: Draft<'_>) -> Decision<Order> {
    for _ in 0..SERVED_MAX {
        match draft.body.next_deadline() {
            Some(deadline) if deadline <= draft.ctx.now => serve(&mut draft),
            Some(_) | None => break,
        }
    }
    draft.done()
}

fn serve(draft: &mut Draft<'_>) {
    let now = draft.ctx.now;
    let is_due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
    if draft.body.on_hold.is_some() {
        draft.push(Fact::HoldAlarm);
    } else if is_due(draft.body.retry_at) {
        draft.tell(|voice, out| out.extend(voice.lost()));
        draft.push(Fact::Retried);
    } else {
        timer(draft);
    }
}

/// The stage's timer.
fn timer(draft: &mut Draft<'_>) {
    match draft.body.stage {
        Stage::Reserving => {
            sites::hit("order.reservation_timeout");
            not_reserved(draft);
        }
        Stage::AwaitingPayment => {
            sites::hit("order.payment_timeout");
            cancel(draft, Reason::PaymentTimeout);
        }
        Stage::Fulfilled => draft.push(Fact::Completed),
        // No timer runs in these.
        Stage::Confirming
        | Stage::Confirmed
        | Stage::InFulfilment
        | Stage::Completed
        | Stage::Cancelling
        | Stage::Cancelled => {}
    }
    advance(draft);
}

/// Not everything could be held in time, or be asked for.
fn not_reserved(draft: &mut Draft<'_>) {
    if draft.body.any_line(HoldPhase::AskedToCommit) {
        // The question runs out too: the SKU has answered by now, or it comes back.
        draft.push(Fact::CancelRequested { reason: Reason::ReservationTimeout });
    } else {
        let reason = draft.body.failure.unwrap_or(Reason::ReservationTimeout);
        cancel(draft, reason);
    }
}

/// A message was not taken.
pub(super) fn bounced(mut draft: Draft<'_>, bounce: &Bounce<'_>) -> Decision<Order> {
    match bounce.from.kind {
        kinds::SKU => by_sku(&mut draft, bounce),
        kinds::ACCOUNT => by_account(&mut draft, bounce),
        kinds::CART => later(&mut draft, Undelivered::Cart),
        kinds::CUSTOMER => later(&mut draft, Undelivered::Customer),
        kinds::NUMBERS if draft.body.number_asked && draft.body.number.is_none() => {
            later(&mut draft, Undelivered::Numbers)
        }
        kinds::SHIPMENT => by_shipment(&mut draft, bounce),
        // A kind that an order never speaks to.
        _ => {}
    }
    draft.done()
}

/// Sent again later.
fn later(draft: &mut Draft<'_>, what: Undelivered) {
    sites::hit("order.message_undelivered");
    draft.push(Fact::Undelivered(what));
}

fn by_sku(draft: &mut Draft<'_>, bounce: &Bounce<'_>) {
    let Ok(command) = unpack::<sku::Command>(bounce.command) else { return };
    let line_of = |draft: &Draft<'_>, hold| {
        draft.body.each_line().find(|(_, line)| line.hold_id == hold).map(|(index, _)| index)
    };
    match command {
        sku::Command::Hold { hold_id, generation, .. } => {
            if let Some(line) = line_of(draft, hold_id) {
                not_held(draft, line, generation, NotHeld::Aborted, 0);
            }
        }
        sku::Command::Commit { hold_id } => {
            let is_open = line_of(draft, hold_id).is_some_and(|index: LineIndex| {
                draft.body.line(index).is_some_and(|line| line.phase == HoldPhase::Committing)
            });
            if is_open {
                freeze_for(draft, HoldReason::Stock);
            }
        }
        sku::Command::Release { hold_id, .. } => {
            if let Some(line) = line_of(draft, hold_id) {
                not_released(draft, line, bounce.reason);
            }
        }
        sku::Command::Restock { movement: (_, n), .. } => match bounce.reason {
            // The SKU has not that many of the order's: only people can find out why.
            BounceReason::Rejected(_) => {
                if draft.body.open.iter().any(|step| step.n == n) {
                    freeze_for(draft, HoldReason::Stock);
                }
            }
            BounceReason::Expired
            | BounceReason::Quarantined
            | BounceReason::DeadLetter
            | BounceReason::Unreadable => compensate_later(draft, |step| step.n == n),
        },
        sku::Command::Ship { hold_id, shipment_id, .. } => {
            if let Some(line) = line_of(draft, hold_id) {
                booking_refused(draft, line, shipment_id);
            }
        }
        // The SKU asks again for an owner's status. The others are not sent by an order.
        sku::Command::OwnerStatus { .. }
        | sku::Command::Pin { .. }
        | sku::Command::Unpin { .. }
        | sku::Command::Transfer { .. }
        | sku::Command::PutSku { .. }
        | sku::Command::SetPrice { .. }
        | sku::Command::SetPolicy { .. }
        | sku::Command::Adjust { .. }
        | sku::Command::SetArchived { .. } => {}
    }
}

/// A hold was not given back. The SKU says no only when it is sold: then its word of the sale is
/// here already, and the units are on their way back.
fn not_released(draft: &mut Draft<'_>, line: LineIndex, reason: &BounceReason) {
    match reason {
        BounceReason::Rejected(_) => released(draft, line),
        BounceReason::Expired
        | BounceReason::Quarantined
        | BounceReason::DeadLetter
        | BounceReason::Unreadable => {
            compensate_later(draft, |step| step.what == GiveBack::Release { line });
        }
    }
}

/// The step of compensation that `is` picks is sent again later.
fn compensate_later(draft: &mut Draft<'_>, is: impl Fn(&Compensation) -> bool) {
    let step = draft.body.open.iter().find(|step| is(step));
    if let Some(n) = step.map(|step| step.n) {
        later(draft, Undelivered::Compensation { n });
    }
}

fn by_account(draft: &mut Draft<'_>, bounce: &Bounce<'_>) {
    let Ok(command) = unpack::<account::Command>(bounce.command) else { return };
    match command {
        // Only the account itself can say that there is too little, or that there is none.
        account::Command::Hold { .. } => match bounce.reason {
            BounceReason::Rejected(_) => wallet_refused(draft, 0),
            BounceReason::Expired
            | BounceReason::Quarantined
            | BounceReason::DeadLetter
            | BounceReason::Unreadable => wallet_not_reached(draft),
        },
        account::Command::Post { .. } => {
            let is_open =
                draft.body.wallet.as_ref().is_some_and(|it| it.phase == WalletPhase::Posting);
            if is_open {
                freeze_for(draft, HoldReason::Payment);
            }
        }
        account::Command::Void { .. } => {
            compensate_later(draft, |step| step.what == GiveBack::Void);
        }
        account::Command::Credit { entry_id, .. } => {
            let key = draft.ctx.key;
            compensate_later(draft, |step| credit_id(key, step.n) == entry_id);
        }
        // Not sent by an order.
        account::Command::Open { .. }
        | account::Command::HoldUntil { .. }
        | account::Command::PostPart { .. } => {}
    }
}

/// The wallet was not reached, and nobody asks it again: the order ends as when its time is up,
/// but now. What is frozen asks again when it goes on.
fn wallet_not_reached(draft: &mut Draft<'_>) {
    let body = &draft.body;
    let is_asked = body.wallet.as_ref().is_some_and(|it| it.phase == WalletPhase::Asked);
    if is_asked && body.stage == Stage::Reserving && body.on_hold.is_none() {
        sites::hit("order.wallet_not_reached");
        not_reserved(draft);
        advance(draft);
    }
}

fn by_shipment(draft: &mut Draft<'_>, bounce: &Bounce<'_>) {
    let Ok(command) = unpack::<shipment::Command>(bounce.command) else { return };
    let Some(parcel) = draft.body.parcel_of(bounce.from) else { return };
    match command {
        shipment::Command::Create(_) | shipment::Command::DispatchRefused => {
            later(draft, Undelivered::Shipment { parcel });
        }
        // It overtook the making, which was not taken: both are sent again.
        shipment::Command::Stop if matches!(bounce.reason, BounceReason::Rejected(_)) => {
            later(draft, Undelivered::Shipment { parcel });
        }
        shipment::Command::Stop
        | shipment::Command::Reopen { .. }
        | shipment::Command::DispatchReleased
        | shipment::Command::Dispatched => freeze_for(draft, HoldReason::DeadLetter),
        // Notices: the order's own record stands without them.
        shipment::Command::Received
        | shipment::Command::Dispatch { .. }
        | shipment::Command::Track { .. }
        | shipment::Command::Cod { .. } => {}
    }
}
