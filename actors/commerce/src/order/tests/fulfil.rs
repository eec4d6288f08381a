//! From confirmation to completion: dispatch, tracking, receipt, cash, windows.

use super::world::{World, buyer, staff, usd};
use crate::keys;
use crate::order::*;
use crate::protocol::IfVersion;
use crate::shipment::{self, CodStatus, Phase, Shipment, TrackingStatus};
use crate::sku::{self, Sku};

const DAY: u64 = 24 * 60 * 60 * 1000;

fn shipment_view(world: &mut World, key: &entity::EntityKey) -> shipment::ShipmentView {
    match world.query::<Shipment>(&staff(), key, &shipment::Query::Settled) {
        (true, Ok(shipment::View::Shipment(view))) => *view,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_parcel_leaves_arrives_is_paid_and_completes() {
    let mut world = World::stocked(5);
    let order = world.confirmed(&[("a", 2)]);
    let parcel = world.dispatch(&order, 0);
    assert_eq!(shipment_view(&mut world, &parcel).phase, Phase::Dispatched);
    let view = world.view(&order);
    assert_eq!(view.stage, Stage::InFulfilment);
    assert_eq!(view.after.fulfilment, FulfilmentStatus::Shipped);
    assert_eq!((view.lines[0].shipped, view.lines[0].cancelled), (2, 0));
    assert_eq!(view.parcels[0].carrier.as_deref(), Some("post"));
    assert_eq!(world.units("a"), (3, 3));

    assert_eq!(world.track(&parcel, "e1", TrackingStatus::InTransit), Ok(shipment::Reply::Done));
    assert_eq!(
        world.track(&parcel, "e1", TrackingStatus::InTransit),
        Ok(shipment::Reply::Repeated)
    );
    world.track(&parcel, "e2", TrackingStatus::Delivered).unwrap();
    let view = world.view(&order);
    assert_eq!(view.after.fulfilment, FulfilmentStatus::Delivered);
    assert_eq!(view.stage, Stage::InFulfilment, "the cash is still due");
    assert_eq!(view.after.payment, PaymentStatus::CodDue);

    let due = view.parcels[0].due;
    assert_eq!(world.collect(&parcel, "c1", due), Ok(shipment::Reply::Done));
    assert_eq!(world.collect(&parcel, "c1", due), Ok(shipment::Reply::Repeated));
    let view = world.view(&order);
    assert_eq!(view.stage, Stage::Fulfilled);
    assert_eq!(view.after.payment, PaymentStatus::Paid);
    assert_eq!(view.captured, view.terms.priced.totals.payable);

    world.pass(7 * DAY - 1);
    assert_eq!(world.stage(&order), Stage::Fulfilled);
    world.pass(1);
    assert_eq!(world.stage(&order), Stage::Completed);
    let shown: Vec<_> = world.view(&order).timeline.iter().map(|entry| entry.name.word()).collect();
    assert_eq!(
        shown,
        [
            "order.placed",
            "order.reserved",
            "order.confirmed",
            "order.shipped",
            "order.shipped",
            "order.delivered",
            "order.paid",
            "order.completed",
        ]
    );
}

#[test]
fn collected_before_delivered_is_as_good() {
    let mut world = World::stocked(5);
    let order = world.confirmed(&[("a", 1)]);
    let parcel = world.dispatch(&order, 0);
    world.collect(&parcel, "c1", 1_620).unwrap();
    assert_eq!(world.stage(&order), Stage::InFulfilment);
    world.track(&parcel, "e1", TrackingStatus::Delivered).unwrap();
    assert_eq!(world.stage(&order), Stage::Fulfilled);
}

#[test]
fn other_amounts_are_recorded_as_they_are() {
    for (minor, payment) in [
        (1_000, PaymentStatus::CodDue),
        (1_620, PaymentStatus::Paid),
        (2_000, PaymentStatus::Overpaid),
    ] {
        let mut world = World::stocked(5);
        let order = world.confirmed(&[("a", 1)]);
        let parcel = world.dispatch(&order, 0);
        world.collect(&parcel, "c1", minor).unwrap();
        assert_eq!(world.view(&order).after.payment, payment);
        assert_eq!(world.view(&order).captured, minor);
        let is_short = payment == PaymentStatus::CodDue;
        world.track(&parcel, "e1", TrackingStatus::Delivered).unwrap();
        let stage = if is_short { Stage::InFulfilment } else { Stage::Fulfilled };
        assert_eq!(world.stage(&order), stage, "the rest is due");
        assert_eq!(world.names(&order).contains(&"order.paid"), !is_short);
        world.collect(&parcel, "c2", 620).unwrap();
        let paid = |name: &&&str| **name == "order.paid";
        assert_eq!(world.names(&order).iter().filter(paid).count(), 1, "once, in the end");
        assert_eq!(world.view(&order).captured, minor + 620, "cash is never refused");
        assert_eq!(world.view(&order).after.payment == PaymentStatus::Paid, is_short);
        assert_eq!(world.stage(&order), Stage::Fulfilled);
    }
}

#[test]
fn what_was_seen_outside_is_kept_wherever_the_parcel_is() {
    let mut world = World::stocked(5);
    let order = world.confirmed(&[("a", 1)]);
    let parcel = world.shipment(&order, 0);
    let phase = |world: &mut World, key| shipment_view(world, key).phase;
    // The carrier and the courier are ahead of the warehouse.
    world.track(&parcel, "e1", TrackingStatus::Delivered).unwrap();
    world.refuse(&parcel);
    world.collect(&parcel, "c1", 1_620).unwrap();
    assert_eq!(phase(&mut world, &parcel), Phase::Pending);
    assert_eq!(world.stage(&order), Stage::Confirmed, "nothing was cancelled");
    assert_eq!(world.view(&order).after.payment, PaymentStatus::Paid);
    let said =
        |world: &World, name: &str| world.names(&order).iter().filter(|it| **it == name).count();
    assert_eq!(said(&world, "order.delivered"), 1);
    let parcel = world.dispatch(&order, 0);
    assert_eq!(world.stage(&order), Stage::Fulfilled, "now that it left, it counts");
    assert_eq!(said(&world, "order.delivered"), 2, "once more, when it counts");
    assert_eq!(phase(&mut world, &parcel), Phase::Delivered);
    world.track(&parcel, "e2", TrackingStatus::Delivered).unwrap();
    assert_eq!(world.stage(&order), Stage::Fulfilled);
    // Each scan is an entry, also one that comes late.
    assert_eq!((said(&world, "order.shipped"), said(&world, "order.delivered")), (1, 3));
    world.track(&parcel, "e3", TrackingStatus::InTransit).unwrap();
    assert_eq!((said(&world, "order.shipped"), world.stage(&order)), (2, Stage::Fulfilled));
    assert_eq!(phase(&mut world, &parcel), Phase::Delivered);
}

#[test]
fn cash_that_came_before_the_parcel_left_outlives_a_cancelled_line() {
    let mut world = World::stocked(5);
    let order = world.confirmed(&[("a", 2)]);
    let parcel = world.shipment(&order, 0);
    let due = shipment_view(&mut world, &parcel).cod.unwrap().due.minor;
    world.collect(&parcel, "c1", due).unwrap();
    world.cancel(&order, &[("1", 1)]).unwrap();
    world.run();
    let cod = shipment_view(&mut world, &parcel).cod.unwrap();
    assert!(cod.due.minor < due, "one of two is cancelled");
    assert_eq!((cod.status, cod.collected), (CodStatus::Collected, Some(usd(due))));
    let view = world.view(&order);
    assert_eq!((view.captured, view.after.payment), (due, PaymentStatus::Overpaid));
}

#[test]
fn what_counts_as_received_can_still_be_refused_at_the_door() {
    // Ten days passed, or the buyer said that it came, or the carrier did.
    let arrivals: [fn(&mut World, &entity::EntityKey, &entity::EntityKey); 3] = [
        |world, _, _| world.pass(10 * DAY),
        |world, order, _| {
            let receipt = Command::ConfirmReceipt { if_version: IfVersion::Any };
            world.ask::<Order>(&buyer("ada"), order, &receipt).unwrap();
        },
        |world, _, parcel| {
            world.track(parcel, "e1", TrackingStatus::Delivered).unwrap();
        },
    ];
    for arrive in arrivals {
        let mut world = World::stocked(5);
        let order = world.confirmed(&[("a", 1)]);
        let parcel = world.dispatch(&order, 0);
        arrive(&mut world, &order, &parcel);
        world.run();
        assert_eq!(world.stage(&order), Stage::InFulfilment, "the cash is still due");
        world.refuse(&parcel);
        let view = world.view(&order);
        assert_eq!((view.stage, view.reason), (Stage::Cancelled, Some(Reason::CodRefused)));
        assert_eq!(shipment_view(&mut world, &parcel).phase, Phase::Refused);
    }
}

#[test]
fn what_nobody_tracks_counts_as_received() {
    let mut world = World::stocked(5);
    let order = world.confirmed(&[("a", 1)]);
    let parcel = world.dispatch(&order, 0);
    world.pass(10 * DAY - 1);
    assert_eq!(shipment_view(&mut world, &parcel).phase, Phase::Dispatched);
    world.pass(1);
    world.run();
    assert_eq!(shipment_view(&mut world, &parcel).phase, Phase::AutoReceived);
    assert_eq!(world.stage(&order), Stage::InFulfilment, "the cash is still due");
    world.pass(4 * DAY);
    world.run();
    let view = shipment_view(&mut world, &parcel);
    assert_eq!(view.cod.unwrap().status, CodStatus::Overdue);
    assert_eq!(world.view(&order).parcels[0].cod, CodPhase::Overdue);
    assert_eq!(world.view(&order).after.payment, PaymentStatus::CodDue);
    world.collect(&parcel, "late", 1_620).unwrap();
    assert_eq!(world.stage(&order), Stage::Fulfilled);
    // The carrier's word after all: recorded, and it takes nothing back.
    world.track(&parcel, "e9", TrackingStatus::Delivered).unwrap();
    assert_eq!(shipment_view(&mut world, &parcel).phase, Phase::Delivered);
    assert_eq!(world.stage(&order), Stage::Fulfilled);
}

#[test]
fn the_buyer_says_that_it_came() {
    let mut world = World::stocked(5);
    let order = world.confirmed(&[("a", 1)]);
    let ada = buyer("ada");
    let receipt = Command::ConfirmReceipt { if_version: IfVersion::Any };
    assert!(matches!(
        world.ask::<Order>(&ada, &order, &receipt),
        Err(Rejection::InvalidState { status: Status::Confirmed, on_hold: false })
    ));
    let parcel = world.dispatch(&order, 0);
    let names = world.view(&order).next_actions;
    assert!(names.iter().any(|action| action.name == ActionName::ConfirmReceipt));
    assert_eq!(world.ask::<Order>(&ada, &order, &receipt), Ok(Reply::Done));
    let version = world.version(&order);
    assert_eq!(world.ask::<Order>(&ada, &order, &receipt), Ok(Reply::Done));
    assert_eq!(world.version(&order), version, "a repeat changes nothing");
    world.run();
    assert_eq!(shipment_view(&mut world, &parcel).phase, Phase::Delivered);
    let mut entries = world.view(&order).timeline.into_iter().map(|entry| entry.name);
    assert_eq!(entries.by_ref().filter(|name| *name == EventName::Delivered).count(), 1);
}

#[test]
fn beyond_what_is_on_hand_nothing_leaves() {
    let mut world = World::new();
    world.stock("a", "main", 5);
    world.stock("b", "main", 5);
    let order = world.confirmed(&[("a", 2), ("b", 3)]);
    // A stock count finds fewer of b than were sold.
    let key = keys::sku(&super::world::tenant(), "b");
    let count = |n| sku::Command::Adjust {
        location: "main".into(),
        change: sku::Change::Count(n),
        reason: "count".into(),
    };
    world.ask::<Sku>(&staff(), &key, &count(1)).unwrap();
    let parcel = world.dispatch(&order, 0);
    let view = shipment_view(&mut world, &parcel);
    assert_eq!(view.phase, Phase::Pending);
    assert!(view.dispatch_refused);
    assert_eq!(view.carrier, None);
    assert_eq!(world.stage(&order), Stage::Confirmed);
    // It is found again: the same dispatch succeeds, and what was booked out is booked out once.
    world.ask::<Sku>(&staff(), &key, &count(5)).unwrap();
    let parcel = world.dispatch(&order, 0);
    assert_eq!(shipment_view(&mut world, &parcel).phase, Phase::Dispatched);
    assert_eq!((world.units("a").0, world.units("b").0), (3, 2));
    let lines = world.view(&order).lines;
    assert_eq!((lines[0].shipped, lines[1].shipped), (2, 3));
}

#[test]
fn a_refused_parcel_cancels_its_units() {
    let mut world = World::new();
    world.stock("a", "east", 2);
    world.stock("b", "west", 2);
    let order = world.confirmed(&[("a", 1), ("b", 1)]);
    let offers_cancel = |world: &mut World| {
        let actions = world.view(&order).next_actions;
        actions.iter().any(|action| action.name == ActionName::Cancel)
    };
    assert!(offers_cancel(&mut world));
    let east = world.dispatch(&order, 0);
    // Half of it has left: all of it cannot be cancelled any more, and is not offered.
    assert!(!offers_cancel(&mut world));
    assert!(matches!(world.cancel(&order, &[]), Err(Rejection::InvalidState { .. })));
    world.refuse(&east);
    let view = world.view(&order);
    assert_eq!(view.stage, Stage::InFulfilment, "the other parcel is still to come");
    assert_eq!((view.lines[0].cancelled, view.lines[1].cancelled), (1, 0));
    let west = world.dispatch(&order, 1);
    world.track(&west, "e1", TrackingStatus::Delivered).unwrap();
    let due = world.view(&order).parcels[1].due;
    world.collect(&west, "c1", due).unwrap();
    let view = world.view(&order);
    assert_eq!(view.stage, Stage::Fulfilled);
    assert_eq!(view.after.payment, PaymentStatus::Paid);
}

#[test]
fn everything_refused_is_a_cancelled_order() {
    let mut world = World::stocked(5);
    let order = world.confirmed(&[("a", 1)]);
    let parcel = world.dispatch(&order, 0);
    world.refuse(&parcel);
    let view = world.view(&order);
    assert_eq!((view.stage, view.reason), (Stage::Cancelled, Some(Reason::CodRefused)));
    assert_eq!(view.after.payment, PaymentStatus::None);
    assert_eq!(world.units("a"), (4, 4), "the goods are still on their way back");
    let cart: crate::cart::Cart = world.state(&view.terms.cart);
    assert_eq!(cart.body.unwrap().status, crate::cart::Status::Ordered, "for ever");
}
