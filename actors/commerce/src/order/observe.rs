//! What SKUs, accounts and the number allocator answer. Never refused, however late.
//!
//! An answer of an older generation is passed over: a newer question is under way behind it. An
//! answer to a hold that was given back meanwhile is given back too.

use uuid::Uuid;

use super::advance::{advance, ask_next, cancelled, confirm, dispatch, reserve};
use super::body::Body;
use super::draft::Draft;
use super::effects::credit_id;
use super::event::Fact;
use super::parts::{
    Ack, Booking, GiveBack, HoldPhase, LineIndex, NotHeld, ParcelIndex, ParcelPhase, WalletPhase,
};
use super::stage::Stage;
use crate::money::Money;
use crate::protocol::{AccountReply, CommitRefusal, HoldRefusal, StockReply};

/// A SKU answered about the hold of a line.
pub(super) fn stock(draft: &mut Draft<'_>, index: LineIndex, reply: StockReply) {
    match reply {
        StockReply::HoldAcked { hold_id: _, generation, split, expires_at: _, committed } => {
            acked(draft, generation, Ack { line: index, split, committed });
        }
        StockReply::HoldRejected { hold_id: _, generation, refusal, available } => {
            rejected(draft, index, generation, refusal, available);
        }
        StockReply::Committed { hold_id: _ } => committed(draft, index),
        StockReply::CommitRefused { hold_id: _, refusal } => {
            commit_refused(draft, index, refusal);
        }
        StockReply::Released { hold_id: _, generation } => {
            if draft.body.line(index).is_some_and(|line| generation >= line.generation) {
                released(draft, index);
            }
        }
        StockReply::Restocked { hold_id: _, movement: (_, n) } => {
            compensated(draft, |what, step| {
                step == n && matches!(what, GiveBack::Restock { line, .. } if *line == index)
            });
        }
        StockReply::Shipped { hold_id: _, shipment_id } => booked(draft, index, shipment_id),
        StockReply::ShipRefused { hold_id: _, shipment_id } => {
            booking_refused(draft, index, shipment_id);
        }
        StockReply::OwnerStatusAsked { hold_id: _ } => {
            let keep = draft.body.stage != Stage::Cancelled;
            draft.tell(|voice, out| out.extend(voice.owner_status(index, keep)));
        }
        // Nothing of ours waits for these: pins come with the gateways, transfers with auctions;
        // a stale hold has a newer one behind it.
        StockReply::Stale { .. }
        | StockReply::Pinned { .. }
        | StockReply::Gone { .. }
        | StockReply::Unpinned { .. }
        | StockReply::Transferred { .. } => {}
    }
}

fn acked(draft: &mut Draft<'_>, generation: u32, ack: Ack) {
    let index = ack.line;
    let Some(line) = draft.body.line(index).filter(|line| line.generation == generation) else {
        return;
    };
    match line.phase {
        HoldPhase::Asked | HoldPhase::AskedToCommit => {}
        HoldPhase::Ended | HoldPhase::Refused => return acked_late(draft, ack),
        HoldPhase::Waiting
        | HoldPhase::Held
        | HoldPhase::Committing
        | HoldPhase::Committed
        | HoldPhase::CommitRefused
        | HoldPhase::Returned => return,
    }
    let body = &draft.body;
    let is_last = body.stage == Stage::Reserving
        && body.on_hold.is_none()
        && body.failure.is_none()
        && body.cancel_requested.is_none()
        && body.others_are(HoldPhase::Held, Some(index))
        && body.wallet_is_held();
    if is_last {
        reserve(draft, Some(ack));
    } else {
        let had_waiting = draft.body.any_line(HoldPhase::Waiting);
        draft.push(Fact::Held(ack));
        if had_waiting && draft.body.on_hold.is_none() {
            ask_next(draft);
        }
    }
    advance(draft);
}

/// The hold stands although the order gave it up. A release that is on its way settles it, unless
/// the units were sold at once.
fn acked_late(draft: &mut Draft<'_>, ack: Ack) {
    sites::hit("order.hold_came_late");
    let release = GiveBack::Release { line: ack.line };
    let is_released = draft.body.open.iter().any(|step| step.what == release);
    if !is_released || ack.committed {
        give_back_late(draft, ack);
    }
}

fn give_back_late(draft: &mut Draft<'_>, ack: Ack) {
    let from = draft.body.next_n;
    draft.push(Fact::LateHold(ack));
    draft.tell(|voice, out| out.extend(voice.compensations(from)));
}

fn rejected(
    draft: &mut Draft<'_>,
    line: LineIndex,
    generation: u32,
    refusal: HoldRefusal,
    available: u32,
) {
    not_held(draft, line, generation, NotHeld::Refused(refusal), available);
}

/// A line of this generation is not held.
pub(super) fn not_held(
    draft: &mut Draft<'_>,
    line: LineIndex,
    generation: u32,
    why: NotHeld,
    available: u32,
) {
    let waits = draft.body.line(line).is_some_and(|line| {
        line.generation == generation
            && matches!(line.phase, HoldPhase::Asked | HoldPhase::AskedToCommit)
    });
    if waits {
        draft.push(Fact::NotHeld { line, why, available });
        advance(draft);
    }
}

fn committed(draft: &mut Draft<'_>, index: LineIndex) {
    let Some(line) = draft.body.line(index) else { return };
    match line.phase {
        HoldPhase::Committing => {}
        // Given up while the commit was under way: sold after all, so it has to come back.
        HoldPhase::Ended => {
            let ack = Ack { line: index, split: line.split.clone(), committed: true };
            return give_back_late(draft, ack);
        }
        HoldPhase::Waiting
        | HoldPhase::Asked
        | HoldPhase::AskedToCommit
        | HoldPhase::Held
        | HoldPhase::Committed
        | HoldPhase::Refused
        | HoldPhase::CommitRefused
        | HoldPhase::Returned => return,
    }
    let body = &draft.body;
    let is_last = body.stage == Stage::Confirming
        && body.on_hold.is_none()
        && body.others_are(HoldPhase::Committed, Some(index))
        && body.wallet_is_settled();
    if is_last {
        confirm(draft, Some(index));
    } else {
        draft.push(Fact::Committed { line: index });
    }
    advance(draft);
}

fn commit_refused(draft: &mut Draft<'_>, line: LineIndex, why: CommitRefusal) {
    if draft.body.line(line).is_some_and(|line| line.phase == HoldPhase::Committing) {
        draft.push(Fact::CommitRefused { line, why });
        advance(draft);
    }
}

/// The hold of a line is given back, or there is nothing to give back any more.
pub(super) fn released(draft: &mut Draft<'_>, line: LineIndex) {
    compensated(draft, |what, _| *what == GiveBack::Release { line });
}

/// The step of compensation that `is` picks is acknowledged.
fn compensated(draft: &mut Draft<'_>, is: impl Fn(&GiveBack, u32) -> bool) {
    let step = draft.body.open.iter().find(|step| is(&step.what, step.n));
    let Some(n) = step.map(|step| step.n) else { return };
    let is_last = draft.body.stage == Stage::Cancelling
        && draft.body.on_hold.is_none()
        && draft.body.open.len() == 1;
    if is_last {
        cancelled(draft, Some(n));
    } else {
        draft.push(Fact::Compensated { n });
    }
}

fn parcel_with(body: &Body, shipment: Uuid) -> Option<ParcelIndex> {
    body.each_parcel().find(|(_, parcel)| parcel.id == shipment).map(|(index, _)| index)
}

fn is_asked(body: &Body, parcel: ParcelIndex, line: LineIndex) -> bool {
    body.parcel(parcel).is_some_and(|parcel| {
        let asked = |it: &super::parts::ParcelLine| it.line == line && it.booking == Booking::Asked;
        parcel.phase == ParcelPhase::Released && parcel.lines.iter().any(asked)
    })
}

/// Units left the books of the SKU. Recorded whenever it comes, also when another question about
/// the same units failed meanwhile: the SKU does not book them out twice.
fn booked(draft: &mut Draft<'_>, line: LineIndex, shipment: Uuid) {
    let Some(index) = parcel_with(&draft.body, shipment) else { return };
    let Some(parcel) = draft.body.parcel(index) else { return };
    let is_news = matches!(draft.body.stage, Stage::Confirmed | Stage::InFulfilment)
        && !parcel.phase.has_left()
        && parcel.lines.iter().any(|it| it.line == line && it.booking != Booking::Done);
    if !is_news {
        return;
    }
    let is_last = draft.body.on_hold.is_none()
        && parcel.phase == ParcelPhase::Released
        && parcel
            .lines
            .iter()
            .all(|it| it.line == line || it.qty == 0 || it.booking == Booking::Done);
    if is_last {
        dispatch(draft, index, Some(line));
    } else {
        draft.push(Fact::BookedOut { parcel: index, line });
    }
    advance(draft);
}

/// A line of a parcel cannot leave.
pub(super) fn booking_refused(draft: &mut Draft<'_>, line: LineIndex, shipment: Uuid) {
    let Some(parcel) = parcel_with(&draft.body, shipment) else { return };
    if is_asked(&draft.body, parcel, line) {
        draft.push(Fact::BookingRefused { parcel, line });
        advance(draft);
    }
}

/// The wallet answered.
pub(super) fn account(draft: &mut Draft<'_>, reply: AccountReply) {
    let Some((entry, phase)) =
        draft.body.wallet.as_ref().map(|wallet| (wallet.entry_id, wallet.phase))
    else {
        return;
    };
    match reply {
        AccountReply::Held { entry_id, amount: _ } if entry_id == entry => {
            if phase == WalletPhase::Asked {
                draft.push(Fact::WalletHeld);
                advance(draft);
            }
        }
        AccountReply::Refused { entry_id, available } if entry_id == entry => {
            wallet_refused(draft, available.minor);
        }
        AccountReply::Posted { entry_id } if entry_id == entry => posted(draft, phase),
        AccountReply::Voided { entry_id } if entry_id == entry => {
            compensated(draft, |what, _| *what == GiveBack::Void);
        }
        AccountReply::Credited { entry_id } => refunded(draft, entry_id),
        // Another entry than the order's own: nothing of it.
        AccountReply::Held { .. }
        | AccountReply::Refused { .. }
        | AccountReply::Posted { .. }
        | AccountReply::Voided { .. } => {}
    }
}

/// A credit of ours is in the wallet: the buyer may know.
fn refunded(draft: &mut Draft<'_>, entry_id: Uuid) {
    let (key, body) = (draft.ctx.key, &draft.body);
    let step = body.open.iter().find(|step| credit_id(key, step.n) == entry_id);
    if let Some((n, GiveBack::Credit { amount })) = step.map(|step| (step.n, &step.what)) {
        let amount = Money::new(*amount, body.terms.priced.ccy);
        draft.push(Fact::MoneyReturned { n, amount });
        advance(draft);
    }
}

/// The wallet does not set its part aside.
pub(super) fn wallet_refused(draft: &mut Draft<'_>, available: i64) {
    let is_asked =
        draft.body.wallet.as_ref().is_some_and(|wallet| wallet.phase == WalletPhase::Asked);
    if is_asked {
        draft.push(Fact::WalletRefused { available });
        advance(draft);
    }
}

fn posted(draft: &mut Draft<'_>, phase: WalletPhase) {
    match phase {
        WalletPhase::Posting => {
            draft.push(Fact::WalletPosted);
            advance(draft);
        }
        // It was to be set free: taken after all, so it is credited.
        WalletPhase::Voided => {
            let from = draft.body.next_n;
            draft.push(Fact::LatePost);
            draft.tell(|voice, out| out.extend(voice.compensations(from)));
            advance(draft);
        }
        WalletPhase::Asked | WalletPhase::Held | WalletPhase::Posted | WalletPhase::Refused => {}
    }
}

/// The allocator gave a number. The first one stays.
pub(super) fn number(draft: &mut Draft<'_>, number: u64) {
    if draft.body.number.is_none() {
        draft.push(Fact::Numbered { number });
    }
}
