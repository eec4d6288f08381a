//! The public face of a shipment's events: a function of the event alone.

use entity::{EventContext, Publication, public_id};

use super::event::{Event, Fact};
use crate::keys;
use crate::published::{AMOUNT, Amount, Face, Form, data};

data! {
    struct Data<'a> as DATA {
        shipment_id: &'a str = Form::Text, "The shipment.";
        order_id: String = Form::Text, "Its order.";
        version: u64 = Form::Count, "Its version after the event: no number is left out.";
        status: &'static str = Form::Text, "Where it stands after the event.";
    }
    optional {
        location: &'a str = Form::Text, "Where it leaves from.";
        carrier: &'a str = Form::Text, "Who carries it.";
        tracking_number: &'a str = Form::Text, "Its number there.";
        amount: Amount<'a> = Form::Object(AMOUNT), "Cash to collect, or collected.";
    }
}

/// What a shipment publishes.
pub const FACE: Face =
    Face { domain: "shipments", types: &Fact::NAMES, data_version: 1, fields: DATA };

/// The publication of an event.
pub(super) fn publication(ctx: &EventContext<'_>, event: &Event) -> Publication {
    let subject = ctx.key.public(keys::SHIPMENT_PREFIX);
    let mut data = Data {
        shipment_id: &subject,
        order_id: public_id(keys::ORDER_PREFIX, ctx.key.affinity, event.order),
        version: ctx.version,
        status: event.phase.word(),
        ..Data::default()
    };
    match &event.fact {
        Fact::Created(content) => {
            data.location = Some(&content.location);
            data.amount = content.due.as_ref().map(Amount::of);
        }
        Fact::DispatchAsked { carrier, tracking_number } => {
            data.carrier = Some(carrier);
            data.tracking_number = Some(tracking_number);
        }
        Fact::Reopened { due, .. } => data.amount = due.as_ref().map(Amount::of),
        Fact::CodCollected { amount, .. } => data.amount = Some(Amount::of(amount)),
        Fact::Released
        | Fact::DispatchRefused
        | Fact::Dispatched
        | Fact::Stopped
        | Fact::InTransit { .. }
        | Fact::Delivered { .. }
        | Fact::Received
        | Fact::AutoReceived
        | Fact::Refused { .. }
        | Fact::CodOverdue
        | Fact::ReportLost(_)
        | Fact::ReportsRepeated
        | Fact::Noted(_) => {}
    }
    FACE.publication(ctx, subject.clone(), event.fact.name(), &data)
}
