//! The public face of an order's events: what topics, webhooks and read models of others get.
//!
//! A function of the event alone. Each carries id, version and the public words after it, and
//! what the fact says; the whole order is read by its id.

use entity::{EventContext, Publication};
use serde::Serialize;

use super::event::{Event, Fact};
use super::parts::{LineIndex, ParcelIndex};
use super::terms::Terms;
use crate::keys;

/// What every event of an order says.
#[derive(Serialize)]
struct Data<'a> {
    order_id: &'a str,
    version: u64,
    status: &'static str,
    on_hold: bool,
    payment_status: &'static str,
    fulfilment_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipment: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    placed: Option<Placed<'a>>,
}

/// What a placing says beyond that.
#[derive(Serialize)]
struct Placed<'a> {
    cart_id: String,
    customer_id: String,
    channel: &'a str,
    currency: &'a str,
    payable: i64,
    total: i64,
    lines: Vec<PlacedLine<'a>>,
}

#[derive(Serialize)]
struct PlacedLine<'a> {
    sku: &'a str,
    qty: u32,
    total: i64,
}

/// The publication of an event.
pub(super) fn publication(ctx: &EventContext<'_>, event: &Event) -> Publication {
    let subject = ctx.key.public(keys::ORDER_PREFIX);
    let after = event.after;
    let mut data = Data {
        order_id: &subject,
        version: ctx.version,
        status: after.status.word(),
        on_hold: after.on_hold,
        payment_status: after.payment.word(),
        fulfilment_status: after.fulfilment.word(),
        reason: None,
        number: None,
        line_id: None,
        shipment: None,
        amount: None,
        carrier: None,
        tracking_number: None,
        placed: None,
    };
    tell(&mut data, ctx, &event.fact);
    let data = serde_json::to_vec(&data).expect("a struct of texts and numbers is JSON");
    Publication {
        event_type: event.name().word(),
        domain: "orders",
        partition_key: keys::partition_key(ctx.key),
        subject,
        data_version: 1,
        data,
    }
}

/// What the fact says.
fn tell<'a>(data: &mut Data<'a>, ctx: &EventContext<'_>, fact: &'a Fact) {
    let line_id = |line: LineIndex| Some(u32::from(line).saturating_add(1));
    let shipment = |parcel: ParcelIndex| Some(u32::from(parcel).saturating_add(1));
    match fact {
        Fact::Placed(terms) => data.placed = Some(placed(ctx, terms)),
        Fact::Held(ack) | Fact::LateHold(ack) => data.line_id = line_id(ack.line),
        Fact::NotHeld { line, why, available: _ } => {
            data.line_id = line_id(*line);
            data.reason = Some(why.reason().word());
        }
        Fact::Committed { line } | Fact::CommitRefused { line, .. } | Fact::HeldAgain { line } => {
            data.line_id = line_id(*line);
        }
        Fact::Numbered { number } => data.number = Some(super::number_text(*number)),
        Fact::CancelRequested { reason } | Fact::Cancelling { reason } => {
            data.reason = Some(reason.word());
        }
        Fact::DispatchReleased { parcel, carrier, tracking_number } => {
            data.shipment = shipment(*parcel);
            data.carrier = Some(carrier);
            data.tracking_number = Some(tracking_number);
        }
        Fact::CodCollected { parcel, amount, paid: _ } => {
            data.shipment = shipment(*parcel);
            data.amount = Some(*amount);
        }
        Fact::BookedOut { parcel, line } | Fact::BookingRefused { parcel, line } => {
            data.shipment = shipment(*parcel);
            data.line_id = line_id(*line);
        }
        Fact::ParcelStopped { parcel }
        | Fact::StopDropped { parcel }
        | Fact::Dispatched { parcel, last: _ }
        | Fact::DispatchRefused { parcel }
        | Fact::InTransit { parcel, at: _ }
        | Fact::Delivered { parcel, at: _ }
        | Fact::AutoReceived { parcel }
        | Fact::CodRefused { parcel }
        | Fact::CodOverdue { parcel } => data.shipment = shipment(*parcel),
        Fact::PutOnHold { reason, note: _ } => data.reason = Some(reason.word()),
        Fact::HoldsRetried
        | Fact::WalletHeld
        | Fact::WalletRefused { .. }
        | Fact::Reserved { .. }
        | Fact::WalletPosting
        | Fact::WalletPosted
        | Fact::Confirmed { .. }
        | Fact::StopAsked(_)
        | Fact::LinesCancelled { .. }
        | Fact::ReceiptConfirmed
        | Fact::Fulfilled
        | Fact::Completed
        | Fact::Compensated { .. }
        | Fact::Cancelled { .. }
        | Fact::Resumed { .. }
        | Fact::HoldAlarm
        | Fact::Undelivered(_)
        | Fact::Retried
        | Fact::LatePost => {}
    }
}

fn placed<'a>(ctx: &EventContext<'_>, terms: &'a Terms) -> Placed<'a> {
    let customer = terms.owner.customer(&ctx.key.tenant);
    let lines = terms.priced.lines.iter();
    Placed {
        cart_id: terms.cart.public("cart"),
        customer_id: customer.public(keys::CUSTOMER_PREFIX),
        channel: &terms.channel,
        currency: terms.priced.ccy.code(),
        payable: terms.priced.totals.payable,
        total: terms.priced.to_pay(),
        lines: lines
            .map(|line| PlacedLine { sku: &line.sku, qty: line.qty.get(), total: line.total })
            .collect(),
    }
}
