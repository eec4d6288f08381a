//! The public face of a shipment's events: a function of the event alone.

use entity::{EventContext, Publication, public_id};
use serde::Serialize;

use super::event::{Event, Fact};
use crate::keys;
use crate::money::Money;

#[derive(Serialize)]
struct Data<'a> {
    shipment_id: &'a str,
    order_id: String,
    version: u64,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Amount<'a>>,
}

#[derive(Serialize)]
struct Amount<'a> {
    amount: i64,
    currency: &'a str,
}

impl<'a> Amount<'a> {
    fn of(money: &'a Money) -> Self {
        Self { amount: money.minor, currency: money.ccy.code() }
    }
}

/// The publication of an event.
pub(super) fn publication(ctx: &EventContext<'_>, event: &Event) -> Publication {
    let subject = ctx.key.public(keys::SHIPMENT_PREFIX);
    let mut data = Data {
        shipment_id: &subject,
        order_id: public_id(keys::ORDER_PREFIX, ctx.key.affinity, event.order),
        version: ctx.version,
        status: event.phase.word(),
        location: None,
        carrier: None,
        tracking_number: None,
        amount: None,
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
        | Fact::ReportsRepeated => {}
    }
    let data = serde_json::to_vec(&data).expect("a struct of texts and numbers is JSON");
    Publication {
        event_type: event.fact.name(),
        domain: "shipments",
        partition_key: keys::partition_key(ctx.key),
        subject,
        data_version: 1,
        data,
    }
}
