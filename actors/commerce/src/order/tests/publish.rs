//! What others see of an order's events: one public face for every fact, held to its text.

use std::fmt::Write as _;

use entity::{Entity, EventContext, Timestamp};
use expect_test::expect_file;

use super::golden::facts;
use crate::keys;
use crate::order::*;

#[test]
fn every_fact_has_a_public_face() {
    let key = keys::order(&keys::cart(&super::world::tenant(), "cart-of-ada"), 1);
    let after = After {
        status: Status::Confirmed,
        on_hold: false,
        payment: PaymentStatus::CodDue,
        fulfilment: FulfilmentStatus::Unfulfilled,
    };
    let mut text = String::new();
    for (version, fact) in (1..).zip(facts()) {
        let ctx = EventContext { key: &key, version, at: Timestamp(1) };
        let event = Event { after, fact };
        assert_eq!(event.status_after(), Status::Confirmed);
        let public = Order::publication(&ctx, &event).unwrap();
        assert_eq!(public, Order::publication(&ctx, &event).unwrap(), "a repeat is the same");
        assert_eq!((public.domain, public.data_version), ("orders", 2));
        assert_eq!(public.subject, key.public("ord"));
        assert!(public.subject[4..].starts_with(&public.partition_key[..6]));
        let _ = writeln!(text, "{} {}", public.event_type, String::from_utf8(public.data).unwrap());
    }
    expect_file!["publications.txt"].assert_eq(&text);
}
