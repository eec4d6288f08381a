//! The public face of an order's events: what topics, webhooks and read models of others get.
//!
//! A function of the event alone. Each carries id, version and the public words after it, and
//! what the fact says; the whole order is read by its id.

use entity::{EventContext, Publication};

use super::event::{Event, EventName, Fact};
use super::parts::{LineIndex, ParcelIndex};
use super::terms::Terms;
use crate::keys;
use crate::published::{AMOUNT, Amount, Face, Form, data};

data! {
    /// What every event of an order says.
    struct Data<'a> as DATA {
        order_id: &'a str = Form::Text, "The order.";
        version: u64 = Form::Count, "Its version after the event: no number is left out.";
        status: &'static str = Form::Text, "Its public status after the event.";
        on_hold: bool = Form::Flag, "Whether it is on hold.";
        payment_status: &'static str = Form::Text, "Where the money stands.";
        fulfilment_status: &'static str = Form::Text, "Where the goods stand.";
    }
    optional {
        reason: &'static str = Form::Text, "Why.";
        number: String = Form::Text, "Its number for people, when it was given.";
        line_id: String = Form::Text, "The line that it is about.";
        shipment: u32 = Form::Count, "The shipment that it is about, from 1.";
        scanned: bool = Form::Flag, "True of a scan, early or late; not said of the departure.";
        amount: Amount<'a> = Form::Object(AMOUNT), "Cash that was collected, or money given back.";
        carrier: &'a str = Form::Text, "Who carries the shipment.";
        tracking_number: &'a str = Form::Text, "Its number there.";
        placed: Placed<'a> = Form::Object(PLACED), "What was ordered.";
    }
}

data! {
    /// What a placing says beyond that.
    struct Placed<'a> as PLACED {
        cart_id: String = Form::Text, "The cart.";
        customer_id: String = Form::Text, "Whose it is.";
        channel: &'a str = Form::Text, "Where it was sold.";
        currency: &'a str = Form::Text, "Currency of all its amounts.";
        payable: Amount<'a> = Form::Object(AMOUNT), "What the tenders leave to be paid.";
        total: Amount<'a> = Form::Object(AMOUNT), "The whole price.";
        lines: Vec<PlacedLine<'a>> = Form::List(PLACED_LINE), "What was ordered.";
    }
}

data! {
    /// A line, in words of the order that clients see.
    struct PlacedLine<'a> as PLACED_LINE {
        id: String = Form::Text, "Its id within the order.";
        sku: &'a str = Form::Text, "The SKU.";
        qty: u32 = Form::Count, "Units.";
        unit_price: Amount<'a> = Form::Object(AMOUNT), "Price of one unit.";
        line_total: Amount<'a> = Form::Object(AMOUNT), "What they cost, less discounts.";
    }
}

const TYPES: [&str; EventName::ALL.len()] = {
    let mut types = [""; EventName::ALL.len()];
    let mut index = 0;
    while index < types.len() {
        types[index] = EventName::ALL[index].word();
        index += 1;
    }
    types
};

/// What an order publishes. Its first data had bare numbers for amounts and lines.
pub const FACE: Face = Face { domain: "orders", types: &TYPES, data_version: 2, fields: DATA };

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
        ..Data::default()
    };
    tell(&mut data, ctx, &event.fact);
    FACE.publication(ctx, subject.clone(), event.name().word(), &data)
}

/// What the fact says.
fn tell<'a>(data: &mut Data<'a>, ctx: &EventContext<'_>, fact: &'a Fact) {
    let line_id = |line: LineIndex| Some(line_text(line));
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
        Fact::CancelRequested { reason }
        | Fact::Cancelling { reason }
        | Fact::CancelledFor { last: _, reason } => data.reason = Some(reason.word()),
        Fact::DispatchReleased { parcel, carrier, tracking_number } => {
            data.shipment = shipment(*parcel);
            data.carrier = Some(carrier);
            data.tracking_number = Some(tracking_number);
        }
        Fact::CashCollected { parcel, amount, paid: _ } => {
            data.shipment = shipment(*parcel);
            data.amount = Some(Amount::of(amount));
        }
        Fact::MoneyReturned { n: _, amount } => data.amount = Some(Amount::of(amount)),
        Fact::BookedOut { parcel, line } | Fact::BookingRefused { parcel, line } => {
            data.shipment = shipment(*parcel);
            data.line_id = line_id(*line);
        }
        Fact::InTransit { parcel, at: _ } => {
            data.shipment = shipment(*parcel);
            data.scanned = Some(true);
        }
        Fact::ParcelStopped { parcel }
        | Fact::StopDropped { parcel }
        | Fact::Dispatched { parcel, last: _ }
        | Fact::DispatchRefused { parcel }
        | Fact::Delivered { parcel, at: _ }
        | Fact::AutoReceived { parcel }
        // An older word that says of how much, and not in which currency.
        | Fact::CodCollected { parcel, .. }
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
        | Fact::Refunded { .. }
        | Fact::Resumed { .. }
        | Fact::HoldAlarm
        | Fact::Undelivered(_)
        | Fact::Retried
        | Fact::LatePost => {}
    }
}

fn placed<'a>(ctx: &EventContext<'_>, terms: &'a Terms) -> Placed<'a> {
    let customer = terms.owner.customer(&ctx.key.tenant);
    let priced = &terms.priced;
    let amount = |minor| Amount::new(minor, &priced.ccy);
    let lines = (0..).zip(&priced.lines).map(|(index, line)| PlacedLine {
        id: line_text(index),
        sku: &line.sku,
        qty: line.qty.get(),
        unit_price: amount(line.unit_price),
        line_total: amount(line.total),
    });
    Placed {
        cart_id: terms.cart.public("cart"),
        customer_id: customer.public(keys::CUSTOMER_PREFIX),
        channel: &terms.channel,
        currency: priced.ccy.code(),
        payable: amount(priced.totals.payable),
        total: amount(priced.to_pay()),
        lines: lines.collect(),
    }
}

/// The id of a line as clients know it.
fn line_text(line: LineIndex) -> String {
    u32::from(line).saturating_add(1).to_string()
}
