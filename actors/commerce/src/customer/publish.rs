//! The public face of a customer's events: ids and counts, no personal data.
//!
//! Names, mail and postal addresses stay in the shop: whoever needs one reads it by the id, with
//! the scope for it.

use entity::{EventContext, Publication, public_id};
use serde::Serialize;

use super::event::Event;
use crate::keys;

#[derive(Serialize)]
struct Data<'a> {
    customer_id: &'a str,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    address_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cart_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    points: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    streak: Option<u32>,
}

/// The publication of an event.
pub(super) fn publication(ctx: &EventContext<'_>, event: &Event) -> Publication {
    let subject = ctx.key.public(keys::CUSTOMER_PREFIX);
    let mut data = Data {
        customer_id: &subject,
        version: ctx.version,
        address_id: None,
        order_id: None,
        cart_id: None,
        points: None,
        streak: None,
    };
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
    let data = serde_json::to_vec(&data).expect("a struct of texts and numbers is JSON");
    Publication {
        event_type: event.name(),
        domain: "customers",
        partition_key: keys::partition_key(ctx.key),
        subject,
        data_version: 1,
        data,
    }
}
