//! The public face of a customer's events: ids and counts, no personal data.
//!
//! Names, mail and postal addresses stay in the shop: whoever needs one reads it by the id, with
//! the scope for it.

use entity::{EventContext, Publication, public_id};

use super::event::Event;
use crate::keys;
use crate::published::{Face, Form, data};

data! {
    struct Data<'a> as DATA {
        customer_id: &'a str = Form::Text, "The customer.";
        version: u64 = Form::Count, "Its version after the event: no number is left out.";
    }
    optional {
        address_id: &'a str = Form::Text, "The address that it is about.";
        order_id: String = Form::Text, "The order.";
        cart_id: String = Form::Text, "The cart.";
        points: u32 = Form::Count, "Points that were given.";
        streak: u32 = Form::Count, "Days in a row.";
    }
}

/// What a customer publishes.
pub const FACE: Face =
    Face { domain: "customers", types: &Event::NAMES, data_version: 1, fields: DATA };

/// The publication of an event.
pub(super) fn publication(ctx: &EventContext<'_>, event: &Event) -> Publication {
    let subject = ctx.key.public(keys::CUSTOMER_PREFIX);
    let mut data = Data { customer_id: &subject, version: ctx.version, ..Data::default() };
    match event {
        Event::Registered { .. } | Event::Updated { .. } => {}
        Event::AddressPut { id, .. } | Event::AddressDeleted { id } => data.address_id = Some(id),
        Event::SignedIn(grant) => {
            data.points = Some(grant.points);
            data.streak = Some(grant.streak);
        }
        Event::OrderRecorded { order, at: _ } => {
            data.order_id = Some(public_id(keys::ORDER_PREFIX, order.affinity, order.id));
        }
        Event::CartOpened { cart } => data.cart_id = Some(cart.public("cart")),
    }
    FACE.publication(ctx, subject.clone(), event.name(), &data)
}
