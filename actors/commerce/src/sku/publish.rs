//! The public face of SKU events: domain `stock`, small JSON, a function of the event alone.
//!
//! Every event has one, so that versions on the bus have no gaps; what only concerns a hold's
//! inside (pinned, committed, asked) goes as `stock.step`.

use entity::{EntityId, EventContext, Publication};
use serde::Serialize;

use super::command::Condition;
use super::event::{Availability, Event, Left, MovementKind, Origin};
use crate::keys;
use crate::money::Money;

const CHANGED: &str = "stock.changed";
const LOW: &str = "stock.low";
const OUT: &str = "stock.out";
const STEP: &str = "stock.step";

/// An amount as the public reads it.
#[derive(Debug, Serialize)]
struct Amount<'a> {
    amount: i64,
    currency: &'a str,
}

/// The data: what an event does not say is left out.
#[derive(Debug, Default, Serialize)]
struct Data<'a> {
    sku: &'a str,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    available: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qty: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shortfall: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    archived: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    book: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Amount<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price_version: Option<u64>,
}

pub(super) fn publication(ctx: &EventContext<'_>, event: &Event) -> Publication {
    let code = match &ctx.key.id {
        EntityId::Name(name) => name.as_str(),
        EntityId::Uuid(_) => "",
    };
    let empty = Data { sku: code, version: ctx.version, ..Data::default() };
    let (event_type, data) = face(event, empty);
    Publication {
        event_type,
        domain: "stock",
        subject: code.to_owned(),
        partition_key: keys::partition_key(ctx.key),
        data_version: 1,
        data: serde_json::to_vec(&data).expect("a struct of numbers and texts is JSON"),
    }
}

fn face<'a>(event: &'a Event, data: Data<'a>) -> (&'static str, Data<'a>) {
    match event {
        Event::Put { product_id, title } => {
            let (product_id, title) = (Some(product_id.as_str()), Some(title.as_str()));
            ("stock.described", Data { product_id, title, ..data })
        }
        Event::ArchivedSet { archived } => {
            ("stock.archived", Data { archived: Some(*archived), ..data })
        }
        Event::PriceSet { book, amount, price_version } => {
            let Money { minor, ccy } = amount;
            let amount = Some(Amount { amount: *minor, currency: ccy.code() });
            let (book, price_version) = (Some(book.as_str()), Some(*price_version));
            ("stock.price_changed", Data { book, amount, price_version, ..data })
        }
        Event::PolicySet { location, left, .. } => {
            changed(*left, Data { location: Some(location), ..data })
        }
        Event::Adjusted { location, kind, delta, shortfall, left, reason: _ } => {
            let kind = Some(kind_name(*kind));
            let data = Data { location: Some(location), kind, qty: Some(*delta), ..data };
            match shortfall {
                0 => changed(*left, data),
                1.. => {
                    let (shortfall, available) = (Some(*shortfall), Some(left.units));
                    ("stock.shortfall", Data { shortfall, available, ..data })
                }
            }
        }
        Event::Shipped { location, qty, left, .. } => {
            let kind = Some(kind_name(MovementKind::Shipped));
            let qty = Some(i64::from(*qty).saturating_neg());
            changed(*left, Data { location: Some(location), kind, qty, ..data })
        }
        Event::Restocked { location, qty, origin, condition, left, .. } => {
            let kind = Some(kind_name(MovementKind::Restocked));
            let qty = match (origin, condition) {
                (Origin::Shipped, Condition::BackInStock) => i64::from(*qty),
                (Origin::Shipped, Condition::Unusable) | (Origin::Committed, _) => 0,
            };
            changed(*left, Data { location: Some(location), kind, qty: Some(qty), ..data })
        }
        Event::Held { left, .. }
        | Event::Resized { left, .. }
        | Event::Grown { left, .. }
        | Event::Released { left, .. }
        | Event::Expired { left, .. }
        | Event::Revoked { left, .. } => changed(*left, data),
        Event::Pinned { .. }
        | Event::Unpinned { .. }
        | Event::Committed { .. }
        | Event::Transferred { .. }
        | Event::OwnersAsked { .. } => (STEP, data),
    }
}

fn changed<'a>(left: Left, data: Data<'a>) -> (&'static str, Data<'a>) {
    let event_type = match left.turned {
        Some(Availability::Out) => OUT,
        Some(Availability::Low) => LOW,
        Some(Availability::InStock) | None => CHANGED,
    };
    (event_type, Data { available: Some(left.units), ..data })
}

const fn kind_name(kind: MovementKind) -> &'static str {
    match kind {
        MovementKind::Received => "received",
        MovementKind::Adjusted => "adjusted",
        MovementKind::Counted => "counted",
        MovementKind::Shipped => "shipped",
        MovementKind::Restocked => "restocked",
    }
}
