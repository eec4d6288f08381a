//! What people ask of an order: cancel, confirm the receipt, put on hold, release.
//!
//! A buyer may ask for the own order only; another's is not there. What has no row for the
//! present stage is refused and changes nothing.

use entity::{Context, Decision, Principal, Scope};

use super::Order;
use super::advance::{advance, ask_stop, cancel as begin_cancel, put_on_hold};
use super::body::Body;
use super::command::{Decided, LineQty, Rejection, Reply};
use super::draft::Draft;
use super::event::Fact;
use super::parts::{Cut, HoldPhase, LineIndex, Parcel, ParcelPhase, Stop, line_id};
use super::stage::{HoldReason, Reason, Stage};
use crate::customer::Invalid;
use crate::protocol::IfVersion;

/// The order, if `principal` may change it. Errors: `NotFound`, `VersionMismatch`.
pub(super) fn own<'a>(
    ctx: &Context<'_>,
    body: Option<&'a Body>,
    if_version: IfVersion,
) -> Result<&'a Body, Rejection> {
    let body = body
        .filter(|body| body.terms.owner.admits(ctx.principal, Scope::OrdersWrite))
        .ok_or(Rejection::NotFound)?;
    if if_version.holds(Some(ctx.version)) {
        Ok(body)
    } else {
        Err(Rejection::VersionMismatch { version: ctx.version })
    }
}

/// The order, for staff that may change orders. Errors: `Forbidden`, `NotFound`.
pub(super) fn for_staff<'a>(
    ctx: &Context<'_>,
    body: Option<&'a Body>,
) -> Result<&'a Body, Rejection> {
    if ctx.principal.is_staff() && ctx.principal.scopes.has(Scope::OrdersWrite) {
        body.ok_or(Rejection::NotFound)
    } else {
        Err(Rejection::Forbidden)
    }
}

fn invalid_state(body: &Body) -> Rejection {
    Rejection::InvalidState { status: body.stage.status(), on_hold: body.on_hold.is_some() }
}

fn reason_of(body: &Body, principal: &Principal) -> Reason {
    if body.terms.owner.is(principal) || !principal.is_staff() {
        Reason::Customer
    } else {
        Reason::Operator
    }
}

/// Cancels all of it, or some units.
pub(super) fn cancel(
    ctx: &Context<'_>,
    body: &Body,
    lines: &[LineQty],
) -> Result<Decision<Order>, Rejection> {
    if body.on_hold.is_some() {
        return Err(invalid_state(body));
    }
    let reason = reason_of(body, ctx.principal);
    if lines.is_empty() { cancel_whole(ctx, body, reason) } else { cancel_lines(ctx, body, lines) }
}

fn cancel_whole(
    ctx: &Context<'_>,
    body: &Body,
    reason: Reason,
) -> Result<Decision<Order>, Rejection> {
    let is_open = body.cancel_requested.is_none() && body.stop.is_none();
    let mut draft = Draft::new(ctx, body.clone());
    match body.stage {
        Stage::Reserving if is_open && body.any_line(HoldPhase::AskedToCommit) => {
            draft.push(Fact::CancelRequested { reason });
        }
        Stage::Reserving | Stage::AwaitingPayment if is_open => begin_cancel(&mut draft, reason),
        Stage::Confirming if is_open => {
            sites::hit("order.cancel_while_confirming");
            draft.push(Fact::CancelRequested { reason });
        }
        Stage::Confirmed if is_open && body.parcels.iter().all(can_stop) => {
            sites::hit("order.cancel_after_confirm");
            ask_stop(&mut draft, Stop::Whole { reason });
        }
        Stage::Reserving
        | Stage::AwaitingPayment
        | Stage::Confirming
        | Stage::Confirmed
        | Stage::InFulfilment
        | Stage::Fulfilled
        | Stage::Completed
        | Stage::Cancelling
        | Stage::Cancelled => return Err(invalid_state(body)),
    }
    advance(&mut draft);
    let reply = if draft.body.stage == Stage::Cancelled { Reply::Done } else { Reply::Begun };
    Ok(draft.replying(reply))
}

/// Whether a parcel has not been let go.
pub(super) const fn can_stop(parcel: &Parcel) -> bool {
    match parcel.phase {
        ParcelPhase::Pending | ParcelPhase::Stopped => true,
        ParcelPhase::Stopping
        | ParcelPhase::Released
        | ParcelPhase::Dispatched
        | ParcelPhase::InTransit
        | ParcelPhase::Delivered
        | ParcelPhase::AutoReceived
        | ParcelPhase::Refused => false,
    }
}

fn cancel_lines(
    ctx: &Context<'_>,
    body: &Body,
    lines: &[LineQty],
) -> Result<Decision<Order>, Rejection> {
    let is_open = body.stop.is_none() && body.cancel_requested.is_none();
    match body.stage {
        Stage::Confirmed | Stage::InFulfilment if is_open => {}
        Stage::Reserving
        | Stage::AwaitingPayment
        | Stage::Confirming
        | Stage::Confirmed
        | Stage::InFulfilment
        | Stage::Fulfilled
        | Stage::Completed
        | Stage::Cancelling
        | Stage::Cancelled => return Err(invalid_state(body)),
    }
    let mut cuts: Vec<Cut> = Vec::with_capacity(lines.len());
    for wanted in lines {
        let line = line_of(body, &wanted.line_id)?;
        // A line that was read before has a cut by now.
        if cuts.iter().any(|cut| cut.line == line) {
            return Err(Rejection::Invalid(Invalid::new(
                "/lines",
                "duplicate",
                "names a line twice",
            )));
        }
        cut_line(body, line, wanted.qty, &mut cuts)?;
    }
    let mut draft = Draft::new(ctx, body.clone());
    let reason = reason_of(body, ctx.principal);
    ask_stop(&mut draft, Stop::Lines { cuts, reason });
    advance(&mut draft);
    Ok(draft.replying(Reply::Begun))
}

/// The line of this id, which is its place from 1 on as it is shown: `01` is none.
fn line_of(body: &Body, id: &str) -> Result<LineIndex, Rejection> {
    let mut indexes = body.each_line().map(|(index, _)| index);
    indexes
        .find(|index| *id == *line_id(*index))
        .ok_or_else(|| Rejection::Invalid(Invalid::new("/lines", "unknown_line", "names no line")))
}

/// Takes units of a line out of parcels that wait, from the last parcel on.
fn cut_line(
    body: &Body,
    line: LineIndex,
    wanted: u32,
    cuts: &mut Vec<Cut>,
) -> Result<(), Rejection> {
    if wanted == 0 {
        return Err(Rejection::Invalid(Invalid::new("/lines", "too_small", "must be at least 1")));
    }
    // More than was ever ordered is a mistake in the request, not the state of the order.
    let ordered = body.terms.priced.lines.get(usize::from(line)).map_or(0, |it| it.qty.get());
    if wanted > ordered {
        let detail = "is more than the line has";
        return Err(Rejection::Invalid(Invalid::new("/lines", "too_large", detail)));
    }
    let mut left = wanted;
    let waiting = body.each_parcel().filter(|(_, it)| it.phase == ParcelPhase::Pending);
    let mut waiting: Vec<_> = waiting.collect();
    waiting.reverse();
    for (parcel, it) in waiting {
        let packed = it.lines.iter().find(|packed| packed.line == line);
        let qty = packed.map_or(0, |packed| packed.qty).min(left);
        if qty > 0 {
            cuts.push(Cut { parcel, line, qty });
            left = left.saturating_sub(qty);
        }
    }
    // What has left cannot be cancelled, only returned.
    if left == 0 { Ok(()) } else { Err(invalid_state(body)) }
}

/// The buyer has what was dispatched. A repeat changes nothing.
pub(super) fn confirm_receipt(
    ctx: &Context<'_>,
    body: &Body,
) -> Result<Decision<Order>, Rejection> {
    let under_way =
        |it: &Parcel| matches!(it.phase, ParcelPhase::Dispatched | ParcelPhase::InTransit);
    match body.stage {
        Stage::InFulfilment if body.on_hold.is_none() => {}
        Stage::Fulfilled | Stage::Completed => return Ok(Decision::reply(Reply::Done)),
        Stage::Reserving
        | Stage::AwaitingPayment
        | Stage::Confirming
        | Stage::Confirmed
        | Stage::InFulfilment
        | Stage::Cancelling
        | Stage::Cancelled => return Err(invalid_state(body)),
    }
    if !body.parcels.iter().any(under_way) {
        let has_any = body.parcels.iter().any(|it| it.phase.has_arrived());
        return if has_any { Ok(Decision::reply(Reply::Done)) } else { Err(invalid_state(body)) };
    }
    let mut draft = Draft::new(ctx, body.clone());
    draft.tell(|voice, out| {
        let received = voice.body.parcels.iter().filter(|it| under_way(it));
        out.extend(received.map(|it| voice.tell_received(it)));
    });
    draft.push(Fact::ReceiptConfirmed);
    advance(&mut draft);
    Ok(draft.replying(Reply::Done))
}

/// Freezes the order.
pub(super) fn freeze(
    ctx: &Context<'_>,
    body: &Body,
    note: compact_str::CompactString,
) -> Result<Decision<Order>, Rejection> {
    if body.on_hold.is_some() || body.stage.is_terminal() {
        return Err(invalid_state(body));
    }
    let mut draft = Draft::new(ctx, body.clone());
    sites::hit("order.put_on_hold");
    draft.push(Fact::PutOnHold { reason: HoldReason::Risk, note });
    Ok(draft.replying(Reply::Done))
}

/// Ends the freeze: goes on, or is cancelled.
pub(super) fn release(
    ctx: &Context<'_>,
    body: &Body,
    decided: Decided,
    note: compact_str::CompactString,
) -> Result<Decision<Order>, Rejection> {
    if body.on_hold.is_none() {
        return Err(invalid_state(body));
    }
    let mut draft = Draft::new(ctx, body.clone());
    match decided {
        Decided::Resume => {
            sites::hit("order.resumed");
            draft.tell(|voice, out| out.extend(voice.unsent()));
            draft.push(Fact::Resumed { note });
            // Whatever was not taken is asked again; what was answered is passed over.
            draft.tell(|voice, out| out.extend(voice.outstanding()));
            advance(&mut draft);
        }
        Decided::Cancel => cancel_on_hold(&mut draft, note)?,
    }
    Ok(draft.replying(Reply::Done))
}

/// Cancels an order on hold of which nothing may leave.
fn cancel_on_hold(
    draft: &mut Draft<'_>,
    note: compact_str::CompactString,
) -> Result<(), Rejection> {
    let body = &draft.body;
    let may_stop = body.parcels.iter().all(|it| can_stop(it) || it.phase == ParcelPhase::Stopping);
    match body.stage {
        Stage::Reserving | Stage::AwaitingPayment | Stage::Confirming | Stage::Confirmed
            if may_stop => {}
        Stage::Reserving
        | Stage::AwaitingPayment
        | Stage::Confirming
        | Stage::Confirmed
        | Stage::InFulfilment
        | Stage::Fulfilled
        | Stage::Completed
        | Stage::Cancelling
        | Stage::Cancelled => return Err(invalid_state(body)),
    }
    draft.tell(|voice, out| out.extend(voice.unsent()));
    draft.push(Fact::Resumed { note });
    if draft.body.stage == Stage::Confirmed {
        // A stop that was not taken is asked again.
        draft.tell(|voice, out| out.extend(voice.outstanding()));
    }
    if draft.body.stage == Stage::Confirmed && draft.body.stop.is_none() {
        ask_stop(draft, Stop::Whole { reason: Reason::Operator });
    } else if draft.body.stage == Stage::Confirmed {
        draft.push(Fact::CancelRequested { reason: Reason::Operator });
    } else {
        begin_cancel(draft, Reason::Operator);
    }
    advance(draft);
    Ok(())
}

/// Freezes the order because a message could not be taken.
pub(super) fn freeze_for(draft: &mut Draft<'_>, reason: HoldReason) {
    if draft.body.on_hold.is_none() && !draft.body.stage.is_terminal() {
        put_on_hold(draft, reason);
    }
}
