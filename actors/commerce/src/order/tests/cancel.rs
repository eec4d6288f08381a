//! Cancelling, whole and by lines, against everything that may be under way.

use super::world::{World, buyer, staff, usd};
use crate::order::*;
use crate::shipment::{Phase, Shipment};

#[test]
fn a_cancel_meets_the_hold_of_a_cash_order_on_its_way() {
    let mut world = World::stocked(5);
    let order = world.cod(&[("a", 2)]);
    world.run_until(|world| {
        let state: Order = world.state(&order);
        state.body.is_some()
    });
    // The SKU sells in the step in which it holds: its answer comes first.
    assert_eq!(world.cancel(&order, &[]), Ok(Reply::Begun));
    assert_eq!(world.stage(&order), Stage::Reserving);
    assert!(world.view(&order).cancel_requested);
    assert!(!world.query::<Order>(&buyer("ada"), &order, &Query::CancelSettled).0);
    assert!(matches!(world.cancel(&order, &[]), Err(Rejection::InvalidState { .. })));
    world.run();
    let view = world.view(&order);
    assert_eq!((view.stage, view.reason), (Stage::Cancelled, Some(Reason::Customer)));
    assert!(!world.names(&order).contains(&"order.confirmed"));
    assert_eq!(world.units("a"), (5, 5));
}

#[test]
fn a_cancel_while_holds_are_collected_releases_them() {
    // At every moment between placing and confirmation.
    for n_delivered in 0..40 {
        let mut world = World::stocked(5);
        let order = world.cod(&[("a", 1), ("b", 1), ("c", 1)]);
        for _ in 0..n_delivered {
            if let Some(stream) = world.pending().first() {
                world.deliver(*stream);
            }
        }
        let state: Order = world.state(&order);
        if state.body.is_none() {
            assert_eq!(world.cancel(&order, &[]), Err(Rejection::NotFound));
            continue;
        }
        world.cancel(&order, &[]).unwrap();
        world.run();
        assert_eq!(world.stage(&order), Stage::Cancelled, "after {n_delivered} messages");
        for sku in ["a", "b", "c"] {
            assert_eq!(world.units(sku), (5, 5), "after {n_delivered} messages");
        }
    }
}

#[test]
fn a_confirmed_order_stops_its_parcels_first() {
    let mut world = World::new();
    world.stock("a", "east", 2);
    world.stock("a", "west", 2);
    let order = world.confirmed(&[("a", 3)]);
    let (east, west) = (world.shipment(&order, 0), world.shipment(&order, 1));
    assert_eq!(world.cancel(&order, &[]), Ok(Reply::Begun));
    assert_eq!(world.stage(&order), Stage::Confirmed);
    assert!(!world.query::<Order>(&buyer("ada"), &order, &Query::CancelSettled).0);
    world.run();
    let view = world.view(&order);
    assert_eq!(view.stage, Stage::Cancelled);
    assert_eq!(view.lines[0].cancelled, 3);
    assert_eq!(world.units("a"), (4, 4));
    for key in [east, west] {
        let shipment: Shipment = world.state(&key);
        assert_eq!(shipment.body.unwrap().phase, Phase::Stopped);
    }
    let cart: crate::cart::Cart = world.state(&view.terms.cart);
    assert_eq!(cart.body.unwrap().status, crate::cart::Status::Ordered);
}

#[test]
fn what_was_let_go_cannot_be_cancelled() {
    let mut world = World::stocked(5);
    let order = world.confirmed(&[("a", 1)]);
    world.dispatch(&order, 0);
    assert_eq!(
        world.cancel(&order, &[]),
        Err(Rejection::InvalidState { status: Status::InFulfilment, on_hold: false })
    );
    assert!(matches!(world.cancel(&order, &[("1", 1)]), Err(Rejection::InvalidState { .. })));
}

#[test]
fn of_a_dispatch_and_a_cancel_one_wins() {
    // The dispatch is asked for first, the cancel comes after so many messages.
    for n_delivered in 0..6 {
        let mut world = World::stocked(5);
        let order = world.confirmed(&[("a", 1)]);
        let parcel = world.shipment(&order, 0);
        let dispatch = crate::shipment::Command::Dispatch {
            carrier: "post".into(),
            tracking_number: "T1".into(),
        };
        world.ask::<Shipment>(&staff(), &parcel, &dispatch).unwrap();
        for _ in 0..n_delivered {
            if let Some(stream) = world.pending().first() {
                world.deliver(*stream);
            }
        }
        let cancelled = world.cancel(&order, &[]);
        world.run();
        let shipment: Shipment = world.state(&parcel);
        let phase = shipment.body.unwrap().phase;
        match cancelled {
            Ok(_) => {
                assert_eq!((world.stage(&order), phase), (Stage::Cancelled, Phase::Stopped));
                assert_eq!(world.units("a"), (5, 5));
            }
            Err(Rejection::InvalidState { .. }) => {
                assert_eq!((world.stage(&order), phase), (Stage::InFulfilment, Phase::Dispatched));
                assert_eq!(world.units("a"), (4, 4));
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn units_are_cancelled_with_their_share_of_the_money() {
    let mut world = World::new();
    world.stock("a", "east", 2);
    world.stock("a", "west", 2);
    let order = world.confirmed(&[("a", 4)]);
    assert_eq!(world.cancel(&order, &[("1", 3)]), Ok(Reply::Begun));
    world.run();
    let view = world.view(&order);
    assert_eq!(view.stage, Stage::Confirmed);
    assert_eq!(view.lines[0].cancelled, 3);
    let parcels: Vec<_> = view.parcels.iter().map(|it| (it.phase, it.due)).collect();
    // All of west and one of east are gone; shipping stays with the rest.
    assert_eq!(parcels, [(ParcelPhase::Pending, 1_080 + 540), (ParcelPhase::Stopped, 0)]);
    assert_eq!(world.units("a"), (4, 3));
    let east = world.shipment(&order, 0);
    let shipment: Shipment = world.state(&east);
    let content = shipment.body.unwrap().content;
    assert_eq!((content.lines[0].qty, content.due), (1, Some(usd(1_620))));
    // The last one cancels the order.
    world.cancel(&order, &[("1", 1)]).unwrap();
    world.run();
    assert_eq!(world.stage(&order), Stage::Cancelled);
    assert_eq!(world.units("a"), (4, 4));
}

#[test]
fn cash_stays_due_while_units_are_cancelled() {
    // Where the units are, and how many of them are cancelled.
    let table: [(&[(&str, u32)], u32); 4] = [
        (&[("main", 3)], 1),
        (&[("main", 3)], 2),
        (&[("east", 2), ("west", 2)], 1),
        (&[("east", 2), ("west", 2)], 3),
    ];
    for (stock, n_cancelled) in table {
        let mut world = World::new();
        for (location, n) in stock {
            world.stock("a", location, i64::from(*n));
        }
        let order = world.confirmed(&[("a", stock.iter().map(|(_, n)| n).sum())]);
        let n_before = world.names(&order).len();
        world.cancel(&order, &[("1", n_cancelled)]).unwrap();
        world.run();
        assert_eq!(world.stage(&order), Stage::Confirmed);
        let of_order = world.published.iter().filter(|(key, ..)| *key == order);
        let told: Vec<_> = of_order
            .skip(n_before)
            .map(|(_, name, data)| (*name, data["payment_status"].as_str().unwrap()))
            .collect();
        assert!(told.iter().any(|(name, _)| *name == "order.amended"), "{told:?}");
        let is_due = told.iter().all(|(_, word)| *word == "cod_due");
        assert!(is_due, "{n_cancelled} of {stock:?}: {told:?}");
    }
}

#[test]
fn shipping_moves_to_a_parcel_that_still_leaves() {
    let mut world = World::new();
    world.stock("a", "east", 2);
    world.stock("b", "west", 2);
    let order = world.confirmed(&[("a", 1), ("b", 1)]);
    world.cancel(&order, &[("1", 1)]).unwrap();
    world.run();
    let view = world.view(&order);
    assert_eq!((view.parcels[0].due, view.parcels[1].due), (0, 1_080 + 540));
    let west = world.dispatch(&order, 1);
    assert_eq!(world.collect(&west, "c", 1_620), Ok(crate::shipment::Reply::Done));
    assert_eq!(world.view(&order).after.payment, PaymentStatus::Paid);
}

#[test]
fn a_wallet_gets_back_the_share_of_cancelled_units_and_no_more() {
    let mut world = World::stocked(9);
    let wallet = world.wallet(10_000);
    let total = 3 * 1_080 + 540;
    let cart = world.cart("cart-of-ada", &[("a", 3)], &[Tender::Wallet { amount: usd(total) }]);
    let order = world.place(&cart);
    world.run();
    assert_eq!(world.balance(&wallet), 10_000 - total);
    world.cancel(&order, &[("1", 2)]).unwrap();
    world.run();
    let view = world.view(&order);
    assert_eq!(view.after.payment, PaymentStatus::PartiallyRefunded);
    assert_eq!((view.captured, view.refunded), (total, 2 * 1_080));
    assert_eq!(world.balance(&wallet), 10_000 - total + 2 * 1_080);
    world.cancel(&order, &[]).unwrap();
    world.run();
    let view = world.view(&order);
    assert_eq!((view.stage, view.refunded), (Stage::Cancelled, total));
    let told = world.published.iter().filter(|(_, name, _)| *name == "order.refunded");
    let told: Vec<_> = told.map(|(.., data)| data["amount"].clone()).collect();
    let wanted = [2 * 1_080, 1_080 + 540]
        .map(|amount| serde_json::json!({"amount": amount, "currency": "USD"}));
    assert_eq!(told, wanted);
    assert_eq!(view.after.payment, PaymentStatus::Refunded);
    assert_eq!(world.balance(&wallet), 10_000, "shipping comes back with the last unit");
}

#[test]
fn wrong_lines_are_told_apart() {
    let mut world = World::stocked(9);
    let order = world.confirmed(&[("a", 3)]);
    for (lines, code) in [
        (&[("2", 1)][..], "unknown_line"),
        (&[("0", 1)], "unknown_line"),
        (&[("x", 1)], "unknown_line"),
        (&[("01", 1)], "unknown_line"),
        (&[("+1", 1)], "unknown_line"),
        (&[("1", 2), ("01", 2)], "unknown_line"),
        (&[("1", 0)], "too_small"),
        (&[("1", 4)], "too_large"),
        (&[("1", 1), ("1", 1)], "duplicate"),
    ] {
        match world.cancel(&order, lines) {
            Err(Rejection::Invalid(invalid)) => assert_eq!(invalid.code, code, "{lines:?}"),
            other => panic!("{lines:?}: {other:?}"),
        }
    }
    // What is gone already is a matter of state.
    world.cancel(&order, &[("1", 2)]).unwrap();
    world.run();
    assert!(matches!(world.cancel(&order, &[("1", 2)]), Err(Rejection::InvalidState { .. })));
}

#[test]
fn a_cancel_while_confirming_waits_for_the_sale() {
    let mut world = World::stocked(5);
    let order = world.cod(&[("a", 1), ("b", 1)]);
    world.run_until(|world| {
        let state: Order = world.state(&order);
        state.body.is_some_and(|body| body.stage == Stage::Confirming)
    });
    assert_eq!(world.cancel(&order, &[]), Ok(Reply::Begun));
    assert_eq!(world.stage(&order), Stage::Confirming);
    world.run();
    let view = world.view(&order);
    assert_eq!((view.stage, view.reason), (Stage::Cancelled, Some(Reason::Customer)));
    assert!(world.names(&order).contains(&"order.confirmed"), "taken up in Confirmed");
    assert_eq!((world.units("a"), world.units("b")), ((5, 5), (5, 5)));
}

#[test]
fn staff_cancels_for_a_reason_of_its_own() {
    let mut world = World::stocked(5);
    let order = world.confirmed(&[("a", 1)]);
    let cancel = Command::Cancel { lines: Vec::new(), if_version: crate::protocol::IfVersion::Any };
    world.ask::<Order>(&staff(), &order, &cancel).unwrap();
    world.run();
    assert_eq!(world.view(&order).reason, Some(Reason::Operator));
    // Whoever hears only of the end hears why.
    let mut told = world.published.iter().filter(|(_, name, _)| *name == "order.cancelled");
    assert_eq!(told.next().unwrap().2["reason"], "operator");
}
