//! The public face of SKU events: domain `stock`, small JSON, a function of the event alone.
//!
//! Every event has one, so that versions on the bus have no gaps; what only concerns a hold's
//! inside (pinned, committed, asked) goes as `stock.step`.

use entity::{EntityId, EventContext, Publication};

use super::command::Condition;
use super::event::{Availability, Event, Left, MovementKind, Origin};
use crate::published::{AMOUNT, Amount, Face, Form, data};

const CHANGED: &str = "stock.changed";
const LOW: &str = "stock.low";
const OUT: &str = "stock.out";
const SHORTFALL: &str = "stock.shortfall";
const DESCRIBED: &str = "stock.described";
const ARCHIVED: &str = "stock.archived";
const PRICE_CHANGED: &str = "stock.price_changed";
const STEP: &str = "stock.step";

data! {
    /// The data: what an event does not say is left out.
    struct Data<'a> as DATA {
        sku: &'a str = Form::Text, "The SKU.";
        version: u64 = Form::Count, "Its version after the event: no number is left out.";
    }
    optional {
        available: u64 = Form::Count, "Units that one order could take after it.";
        location: &'a str = Form::Text, "The location that it is about.";
        kind: &'static str = Form::Text, "Why units on hand changed.";
        qty: i64 = Form::Integer, "Signed change of units on hand.";
        shortfall: u64 = Form::Count, "Units promised beyond those there are.";
        product_id: &'a str = Form::Text, "Its product.";
        title: &'a str = Form::Text, "Its title.";
        archived: bool = Form::Flag, "Whether it was taken out of sale.";
        book: &'a str = Form::Text, "The price book.";
        amount: Amount<'a> = Form::Object(AMOUNT), "The price.";
        price_version: u64 = Form::Count, "Version of its prices.";
    }
}

/// What a SKU publishes.
pub const FACE: Face = Face {
    domain: "stock",
    types: &[CHANGED, LOW, OUT, SHORTFALL, DESCRIBED, ARCHIVED, PRICE_CHANGED, STEP],
    data_version: 1,
    fields: DATA,
};

pub(super) fn publication(ctx: &EventContext<'_>, event: &Event) -> Publication {
    let code = match &ctx.key.id {
        EntityId::Name(name) => name.as_str(),
        EntityId::Uuid(_) => "",
    };
    let empty = Data { sku: code, version: ctx.version, ..Data::default() };
    let (event_type, data) = face(event, empty);
    FACE.publication(ctx, code.to_owned(), event_type, &data)
}

fn face<'a>(event: &'a Event, data: Data<'a>) -> (&'static str, Data<'a>) {
    match event {
        Event::Put { product_id, title } => {
            let (product_id, title) = (Some(product_id.as_str()), Some(title.as_str()));
            (DESCRIBED, Data { product_id, title, ..data })
        }
        Event::ArchivedSet { archived } => (ARCHIVED, Data { archived: Some(*archived), ..data }),
        Event::PriceSet { book, amount, price_version } => {
            let amount = Some(Amount::of(amount));
            let (book, price_version) = (Some(book.as_str()), Some(*price_version));
            (PRICE_CHANGED, Data { book, amount, price_version, ..data })
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
                    (SHORTFALL, Data { shortfall, available, ..data })
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
