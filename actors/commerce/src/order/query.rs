//! What an order shows: the whole of it, whether it is settled, a summary.
//!
//! Everything shown is the order's own record, so one version covers it. The terms are shared,
//! not copied. Texts and JSON are the edge's; amounts are minor units of the order's currency.

use std::sync::Arc;

use compact_str::CompactString;
use entity::{Answer, Context, EntityKey, Principal, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::body::{Body, Entry};
use super::command::Rejection;
use super::parts::{CodPhase, LineIndex, Parcel, ParcelPhase};
use super::people::can_stop;
use super::stage::{After, HoldReason, Reason, Stage};
use super::terms::{Terms, TxnType};

/// Timeline entries that a view shows unless it is asked for those since an event.
pub const TIMELINE_SHOWN: usize = 50;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// The whole order.
    View {
        /// Only entries after this event; none: the newest 50.
        since_seq: Option<u64>,
    },
    /// The whole order, once placing has come to something: it waits for a payment, is confirmed,
    /// is cancelled, or is on hold.
    Settled,
    /// The whole order, once no cancellation is under way.
    CancelSettled,
    /// The whole order, once it has another version.
    Newer {
        /// The version that the caller has.
        than_version: u64,
    },
    /// The line of a list.
    Summary,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    /// Not placed yet: only ever shown to those who wait for it.
    Unplaced,
    /// The whole order.
    Order(Box<OrderView>),
    /// The line of a list.
    Summary(Summary),
}

/// How far a line is. Same order as the lines of the terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Units cancelled, or refused at the door.
    pub cancelled: u32,
    /// Units that left.
    pub shipped: u32,
    /// Units that came back.
    pub returned: u32,
    /// What could have been held when the order failed on this line.
    pub available: Option<u32>,
}

/// A shipment of the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParcelView {
    /// Its id.
    pub id: Uuid,
    /// Where it leaves from.
    pub location: CompactString,
    /// Where it stands.
    pub phase: ParcelPhase,
    /// Who carries it.
    pub carrier: Option<CompactString>,
    /// Its number there.
    pub tracking_number: Option<CompactString>,
    /// What is in it: line and units.
    pub lines: Vec<(LineIndex, u32)>,
    /// What is due at the door.
    pub due: i64,
    /// Where the cash stands.
    pub cod: CodPhase,
}

/// Something that this principal may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActionName {
    /// Start a payment.
    Pay,
    /// Cancel all of it. Units that have not left can be cancelled for longer.
    Cancel,
    /// Say that the goods arrived.
    ConfirmReceipt,
}

/// An action with its deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Which.
    pub name: ActionName,
    /// Until when; none: no deadline.
    pub expires_at: Option<Timestamp>,
}

/// The whole order (interfaces.md 0.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderView {
    /// Its key.
    pub key: EntityKey,
    /// Its version.
    pub version: u64,
    /// The public words.
    pub after: After,
    /// Internal stage.
    pub stage: Stage,
    /// Why it is on hold.
    pub hold_reason: Option<HoldReason>,
    /// Whether a cancellation waits for a step to end.
    pub cancel_requested: bool,
    /// Why it is (being) cancelled.
    pub reason: Option<Reason>,
    /// Its number; [`super::number_text`] shows it.
    pub number: Option<u64>,
    /// What was fixed when it was placed.
    pub terms: Arc<Terms>,
    /// When it was placed.
    pub created_at: Timestamp,
    /// Until when it must be paid.
    pub pay_by: Option<Timestamp>,
    /// When nothing more was to happen.
    pub closed_at: Option<Timestamp>,
    /// How far its lines are.
    pub lines: Vec<Progress>,
    /// What has to be paid before it goes on.
    pub due_now: i64,
    /// What was taken.
    pub captured: i64,
    /// What was given back.
    pub refunded: i64,
    /// What the wallet had when it was not enough.
    pub wallet_available: Option<i64>,
    /// Its shipments.
    pub parcels: Vec<ParcelView>,
    /// What this principal may do now.
    pub next_actions: Vec<Action>,
    /// What happened, oldest first.
    pub timeline: Vec<Entry>,
    /// Whether entries that were asked for are gone from the order (not from its history).
    pub timeline_trimmed: bool,
}

/// The line of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Its version.
    pub version: u64,
    /// The public words.
    pub after: After,
    /// Its number.
    pub number: Option<u64>,
    /// When it was placed.
    pub created_at: Timestamp,
    /// Its profile.
    pub txn_type: TxnType,
    /// What it costs in all, in minor units.
    pub total: i64,
    /// Units in all.
    pub n_units: u64,
}

/// Answers a question. Another's order is not there.
pub(super) fn answer(
    ctx: &Context<'_>,
    body: Option<&Body>,
    query: &Query,
) -> Answer<View, Rejection> {
    let is_ready = is_ready(ctx, body, query);
    let Some(body) = body else {
        let unplaced = Answer::NotYet(View::Unplaced);
        return if is_ready { Answer::Rejected(Rejection::NotFound) } else { unplaced };
    };
    if !body.terms.owner.admits(ctx.principal, Scope::OrdersRead) {
        return Answer::Rejected(Rejection::NotFound);
    }
    let since = match query {
        Query::View { since_seq } => *since_seq,
        Query::Settled | Query::CancelSettled | Query::Newer { .. } => None,
        Query::Summary => return Answer::Ready(View::Summary(summary(ctx, body))),
    };
    let view = View::Order(Box::new(view(ctx, body, since)));
    if is_ready { Answer::Ready(view) } else { Answer::NotYet(view) }
}

/// Whether a question has its answer, and waits no longer.
pub(super) fn is_ready(ctx: &Context<'_>, body: Option<&Body>, query: &Query) -> bool {
    let Some(body) = body else {
        // Who waits for its placing does so because the cart has told it, and it is about to be.
        return !matches!(query, Query::Settled);
    };
    // A stranger is told at once that it is not there.
    let is_strange = !body.terms.owner.admits(ctx.principal, Scope::OrdersRead);
    is_strange
        || match query {
            Query::View { .. } | Query::Summary => true,
            Query::Settled => is_settled(body),
            Query::CancelSettled => {
                // Without a line that is left it ends in the same step.
                let ends = matches!(body.stage, Stage::Confirmed | Stage::InFulfilment)
                    && body.is_empty()
                    || body.stage == Stage::Cancelling;
                body.on_hold.is_some() || !(cancel_waits(body) || body.stop.is_some() || ends)
            }
            // Also an earlier one, of a store set back: who waits would wait for nothing.
            Query::Newer { than_version } => ctx.version != *than_version,
        }
}

/// Whether placing has come to something: to be paid or sold, with its number, or over. The number
/// comes from the same shard, so that waiting for it costs a step and no sync.
const fn is_settled(body: &Body) -> bool {
    match body.stage {
        Stage::AwaitingPayment | Stage::Confirmed => {
            body.number.is_some() || body.on_hold.is_some()
        }
        Stage::InFulfilment | Stage::Fulfilled | Stage::Completed | Stage::Cancelled => true,
        Stage::Reserving | Stage::Confirming | Stage::Cancelling => body.on_hold.is_some(),
    }
}

fn summary(ctx: &Context<'_>, body: &Body) -> Summary {
    let units = body.terms.priced.lines.iter().map(|line| u64::from(line.qty.get()));
    Summary {
        version: ctx.version,
        after: body.after(),
        number: body.number,
        created_at: body.placed_at,
        txn_type: body.terms.txn_type,
        total: body.terms.priced.to_pay(),
        n_units: units.fold(0, u64::saturating_add),
    }
}

fn view(ctx: &Context<'_>, body: &Body, since: Option<u64>) -> OrderView {
    let is_payable = body.stage == Stage::AwaitingPayment;
    let (timeline, timeline_trimmed) = timeline(body, since);
    OrderView {
        key: ctx.key.clone(),
        version: ctx.version,
        after: body.after(),
        stage: body.stage,
        hold_reason: body.on_hold.map(|on_hold| on_hold.reason),
        cancel_requested: cancel_waits(body),
        reason: body.reason,
        number: body.number,
        terms: Arc::clone(&body.terms),
        created_at: body.placed_at,
        pay_by: body.timer.filter(|_| is_payable),
        closed_at: body.closed_at,
        lines: body.lines.iter().map(progress).collect(),
        due_now: if is_payable { body.terms.priced.totals.payable } else { 0 },
        captured: body.captured(),
        refunded: body.refunded(),
        wallet_available: body.wallet.as_ref().and_then(|wallet| wallet.available),
        parcels: body.parcels.iter().map(parcel).collect(),
        next_actions: next_actions(body, ctx.principal),
        timeline,
        timeline_trimmed,
    }
}

const fn progress(line: &super::parts::Line) -> Progress {
    Progress {
        cancelled: line.cancelled,
        shipped: line.shipped,
        returned: 0,
        available: line.available,
    }
}

fn parcel(parcel: &Parcel) -> ParcelView {
    let shown = |text: &CompactString| (!text.is_empty()).then(|| text.clone());
    ParcelView {
        id: parcel.id,
        location: parcel.location.clone(),
        phase: parcel.phase,
        carrier: shown(&parcel.carrier),
        tracking_number: shown(&parcel.tracking_number),
        lines: parcel.lines.iter().map(|line| (line.line, line.qty)).collect(),
        due: parcel.due,
        cod: parcel.cod,
    }
}

/// Whether a cancellation waits for a step to end.
fn cancel_waits(body: &Body) -> bool {
    body.cancel_requested.is_some() && body.stage != Stage::Cancelled
}

/// Entries after event `since`, or the newest; and whether some that belong to it are gone.
fn timeline(body: &Body, since: Option<u64>) -> (Vec<Entry>, bool) {
    match since {
        Some(since) => {
            let entries: Vec<_> =
                body.timeline.iter().filter(|entry| entry.seq > since).copied().collect();
            let reaches_back = entries.len() == body.timeline.len();
            (entries, body.timeline_trimmed && reaches_back)
        }
        None => {
            let skipped = body.timeline.len().saturating_sub(TIMELINE_SHOWN);
            (body.timeline.iter().skip(skipped).copied().collect(), false)
        }
    }
}

/// What `principal` may do now. Buttons follow it, so it offers nothing that would be refused:
/// no payment either, as long as there is no gateway to start one at.
fn next_actions(body: &Body, principal: &Principal) -> Vec<Action> {
    let mut actions = Vec::new();
    if body.on_hold.is_some() || !body.terms.owner.admits(principal, Scope::OrdersWrite) {
        return actions;
    }
    let is_open = body.cancel_requested.is_none() && body.stop.is_none();
    let is = |phase| body.parcels.iter().any(|parcel| parcel.phase == phase);
    let can_cancel = match body.stage {
        Stage::Reserving | Stage::AwaitingPayment | Stage::Confirming => true,
        Stage::Confirmed => body.parcels.iter().all(can_stop),
        Stage::InFulfilment
        | Stage::Fulfilled
        | Stage::Completed
        | Stage::Cancelling
        | Stage::Cancelled => false,
    };
    if is_open && can_cancel {
        actions.push(Action { name: ActionName::Cancel, expires_at: None });
    }
    let under_way = is(ParcelPhase::Dispatched) || is(ParcelPhase::InTransit);
    if body.stage == Stage::InFulfilment && under_way {
        actions.push(Action { name: ActionName::ConfirmReceipt, expires_at: None });
    }
    actions
}
