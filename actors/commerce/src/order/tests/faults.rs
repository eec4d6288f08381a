//! Messages that are not taken, freezes, late answers: the saga ends all the same (I11).

use std::cell::RefCell;
use std::rc::Rc;

use codec::{Packed, unpack};
use entity::{BounceReason, Effect, EntityKey, Kind, Message};

use super::world::{Fate, World, staff, usd};
use crate::order::*;
use crate::{account, cart, customer, kinds, numbers, shipment, sku};

fn dead() -> BounceReason {
    BounceReason::DeadLetter
}

/// What a message tells its target to do.
fn verb(message: &Message) -> String {
    verb_in(message.to.kind, &message.body)
}

/// What an effect tells its target to do.
pub(super) fn verb_of(effect: &Effect) -> String {
    verb_in(effect.to.kind, &effect.command)
}

fn verb_in(kind: Kind, body: &Packed) -> String {
    let text = match kind {
        kinds::SKU => format!("{:?}", unpack::<sku::Command>(body).unwrap()),
        kinds::ACCOUNT => format!("{:?}", unpack::<account::Command>(body).unwrap()),
        kinds::SHIPMENT => format!("{:?}", unpack::<shipment::Command>(body).unwrap()),
        kinds::CART => format!("{:?}", unpack::<cart::Command>(body).unwrap()),
        kinds::NUMBERS => format!("{:?}", unpack::<numbers::Command>(body).unwrap()),
        kinds::CUSTOMER => format!("{:?}", unpack::<customer::Command>(body).unwrap()),
        kinds::ORDER => format!("{:?}", unpack::<Command>(body).unwrap()),
        other => panic!("{other:?}"),
    };
    text.chars().take_while(|c| c.is_alphanumeric()).collect()
}

/// The first `n` messages of this kind and verb are not taken.
fn fail(world: &mut World, kind: Kind, wanted: &'static str, n: u32) -> Rc<RefCell<u32>> {
    let seen = Rc::new(RefCell::new(0));
    let count = Rc::clone(&seen);
    world.judge(move |message| {
        if message.to.kind == kind && verb(message) == wanted && *count.borrow() < n {
            *count.borrow_mut() += 1;
            Fate::Bounces(dead)
        } else {
            Fate::Arrives
        }
    });
    seen
}

fn release(world: &mut World, order: &EntityKey, decided: Decided) -> Result<Reply, Rejection> {
    let command = Command::Release { decided, note: "looked at it".into() };
    let reply = world.ask::<Order>(&staff(), order, &command);
    world.run();
    reply
}

#[test]
fn a_lost_commit_freezes_the_order_until_people_decide() {
    for decided in [Decided::Resume, Decided::Cancel] {
        let mut world = World::stocked(5);
        let seen = fail(&mut world, kinds::SKU, "Commit", 1);
        let order = world.cod(&[("a", 1), ("b", 1)]);
        world.run();
        assert_eq!(*seen.borrow(), 1);
        let view = world.view(&order);
        assert_eq!((view.stage, view.after.on_hold), (Stage::Confirming, true));
        assert_eq!(view.hold_reason, Some(HoldReason::Stock));
        assert_eq!(view.after.status, Status::Processing, "the word of its resume state");
        // The alarm rings, money and stock stay.
        world.pass(3 * 24 * 60 * 60 * 1000);
        assert!(world.view(&order).after.on_hold);
        // By then the holds have expired: going on means holding again.
        release(&mut world, &order, decided).unwrap();
        let stage = world.stage(&order);
        match decided {
            Decided::Resume => {
                assert_eq!(stage, Stage::Confirmed);
                assert_eq!((world.units("a"), world.units("b")), ((5, 4), (5, 4)));
            }
            Decided::Cancel => {
                assert_eq!(stage, Stage::Cancelled);
                assert_eq!((world.units("a"), world.units("b")), ((5, 5), (5, 5)));
            }
        }
        assert!(matches!(
            release(&mut world, &order, decided),
            Err(Rejection::InvalidState { on_hold: false, .. })
        ));
    }
}

#[test]
fn a_wallet_that_is_not_reached_is_not_an_empty_one() {
    let mut world = World::stocked(5);
    let wallet = world.wallet(2_000);
    fail(&mut world, kinds::ACCOUNT, "Hold", 1);
    let cart = world.cart("cart-of-ada", &[("a", 1)], &[Tender::Wallet { amount: usd(1_620) }]);
    let order = world.place(&cart);
    world.run();
    // At once, and not when its time is up; and nobody said that there is too little.
    let view = world.view(&order);
    assert_eq!((view.stage, view.reason), (Stage::Cancelled, Some(Reason::ReservationTimeout)));
    assert_eq!((world.units("a"), world.balance(&wallet)), ((5, 5), 2_000));
}

#[test]
fn a_lost_post_freezes_the_order() {
    for decided in [Decided::Resume, Decided::Cancel] {
        let mut world = World::stocked(5);
        let wallet = world.wallet(2_000);
        fail(&mut world, kinds::ACCOUNT, "Post", 1);
        let cart = world.cart("cart-of-ada", &[("a", 1)], &[Tender::Wallet { amount: usd(1_620) }]);
        let order = world.place(&cart);
        world.run();
        assert_eq!(world.view(&order).hold_reason, Some(HoldReason::Payment));
        release(&mut world, &order, decided).unwrap();
        match decided {
            Decided::Resume => {
                assert_eq!(world.stage(&order), Stage::Confirmed);
                assert_eq!(world.balance(&wallet), 380);
            }
            Decided::Cancel => {
                assert_eq!(world.stage(&order), Stage::Cancelled);
                assert_eq!(world.balance(&wallet), 2_000);
                assert_eq!(world.units("a"), (5, 5));
            }
        }
    }
}

#[test]
fn compensations_are_sent_again_until_they_arrive() {
    for (kind, wanted) in [
        (kinds::SKU, "Release"),
        (kinds::SKU, "Restock"),
        (kinds::ACCOUNT, "Void"),
        (kinds::ACCOUNT, "Credit"),
    ] {
        let mut world = World::stocked(5);
        let wallet = world.wallet(5_000);
        let total = 2 * 1_080 + 540;
        let is_late = matches!(wanted, "Restock" | "Credit");
        let amount = if is_late { total } else { 100 };
        let tenders = if is_late {
            vec![Tender::Wallet { amount: usd(amount) }]
        } else {
            vec![Tender::Wallet { amount: usd(amount) }, Tender::Gateway]
        };
        let cart = world.cart("cart-of-ada", &[("a", 1), ("b", 1)], &tenders);
        let order = world.place(&cart);
        world.run();
        let stage = if is_late { Stage::Confirmed } else { Stage::AwaitingPayment };
        assert_eq!(world.stage(&order), stage, "{wanted}");
        let seen = fail(&mut world, kind, wanted, 5);
        world.cancel(&order, &[]).unwrap();
        world.run();
        assert_eq!(world.stage(&order), Stage::Cancelling, "{wanted}");
        world.pass(10 * 60_000);
        assert_eq!(world.stage(&order), Stage::Cancelled, "{wanted}");
        assert_eq!(*seen.borrow(), 5);
        assert_eq!((world.units("a"), world.units("b")), ((5, 5), (5, 5)), "{wanted}");
        assert_eq!(world.balance(&wallet), 5_000, "{wanted}");
    }
}

#[test]
fn notices_are_sent_again() {
    for (kind, wanted) in [
        (kinds::CART, "OrderConfirmed"),
        (kinds::CUSTOMER, "RecordOrder"),
        (kinds::NUMBERS, "Request"),
        (kinds::SHIPMENT, "Create"),
    ] {
        let mut world = World::stocked(5);
        let seen = fail(&mut world, kind, wanted, 3);
        let order = world.cod(&[("a", 1)]);
        world.pass(60_000);
        assert_eq!(*seen.borrow(), 3, "{wanted}");
        let view = world.view(&order);
        assert_eq!(view.stage, Stage::Confirmed);
        assert!(view.number.is_some(), "{wanted}");
        let cart: cart::Cart = world.state(&view.terms.cart);
        assert_eq!(cart.body.unwrap().status, cart::Status::Ordered, "{wanted}");
        assert_eq!(world.customer_view("ada").orders.len(), 1, "{wanted}");
        let parcel = world.dispatch(&order, 0);
        let state: shipment::Shipment = world.state(&parcel);
        assert_eq!(state.body.unwrap().phase, shipment::Phase::Dispatched, "{wanted}");
    }
}

#[test]
fn a_cart_that_is_told_late_is_free_all_the_same() {
    let mut world = World::stocked(0);
    fail(&mut world, kinds::CART, "OrderCancelled", 2);
    let order = world.cod(&[("a", 1)]);
    world.run();
    assert_eq!(world.stage(&order), Stage::Cancelled);
    world.pass(60_000);
    let cart = world.order_body(&order).terms.cart.clone();
    let cart: cart::Cart = world.state(&cart);
    assert_eq!(cart.body.unwrap().status, cart::Status::Open);
}

#[test]
fn an_order_that_cannot_begin_frees_its_cart() {
    let mut world = World::stocked(5);
    fail(&mut world, kinds::ORDER, "Place", 1);
    let cart = world.cart("cart-of-ada", &[("a", 1)], &[Tender::Cod]);
    let first = world.place(&cart);
    world.run();
    let again = world.place(&cart);
    assert_ne!(first, again, "another generation: the first order may be quarantined");
    world.run();
    assert_eq!(world.stage(&again), Stage::Confirmed);
}

#[test]
fn a_shipment_that_cannot_be_reached_freezes_the_order() {
    for wanted in ["Stop", "DispatchReleased", "Dispatched"] {
        let mut world = World::stocked(5);
        let order = world.confirmed(&[("a", 1)]);
        fail(&mut world, kinds::SHIPMENT, wanted, 1);
        if wanted == "Stop" {
            world.cancel(&order, &[]).unwrap();
            world.run();
        } else {
            world.dispatch(&order, 0);
        }
        assert_eq!(world.view(&order).hold_reason, Some(HoldReason::DeadLetter), "{wanted}");
        release(&mut world, &order, Decided::Resume).unwrap();
        let stage = if wanted == "Stop" { Stage::Cancelled } else { Stage::InFulfilment };
        assert_eq!(world.stage(&order), stage, "{wanted}");
        let parcel = world.shipment(&order, 0);
        let state: shipment::Shipment = world.state(&parcel);
        let phase = state.body.unwrap().phase;
        let settled =
            if wanted == "Stop" { shipment::Phase::Stopped } else { shipment::Phase::Dispatched };
        assert_eq!(phase, settled, "{wanted}");
    }
}

#[test]
fn units_that_cannot_be_booked_out_do_not_leave() {
    let mut world = World::stocked(5);
    let order = world.confirmed(&[("a", 1)]);
    fail(&mut world, kinds::SKU, "Ship", 1);
    let parcel = world.dispatch(&order, 0);
    let state: shipment::Shipment = world.state(&parcel);
    assert_eq!(state.body.unwrap().phase, shipment::Phase::Pending);
    world.dispatch(&order, 0);
    assert_eq!(world.stage(&order), Stage::InFulfilment);
}

#[test]
fn reports_of_a_shipment_are_sent_again() {
    let mut world = World::stocked(5);
    let order = world.confirmed(&[("a", 1)]);
    let parcel = world.dispatch(&order, 0);
    let seen = fail(&mut world, kinds::ORDER, "Shipment", 4);
    world.track(&parcel, "e1", shipment::TrackingStatus::Delivered).unwrap();
    world.collect(&parcel, "c1", 1_620).unwrap();
    world.run();
    assert_eq!(world.stage(&order), Stage::InFulfilment);
    world.pass(60 * 60 * 1000);
    assert_eq!(*seen.borrow(), 4);
    assert_eq!(world.stage(&order), Stage::Fulfilled);
}

#[test]
fn on_hold_observations_are_recorded_and_acted_on_at_resume() {
    let mut world = World::stocked(5);
    let order = world.cod(&[("a", 1), ("b", 1)]);
    world.run_until(|world| {
        let state: Order = world.state(&order);
        state.body.is_some()
    });
    let freeze = Command::PutOnHold { note: "odd address".into() };
    world.ask::<Order>(&staff(), &order, &freeze).unwrap();
    assert!(matches!(
        world.cancel(&order, &[]),
        Err(Rejection::InvalidState { on_hold: true, .. })
    ));
    world.run();
    let view = world.view(&order);
    assert_eq!((view.stage, view.after.on_hold), (Stage::Reserving, true));
    let body = world.order_body(&order);
    assert!(body.lines.iter().all(|line| line.phase == HoldPhase::Held), "answers are recorded");
    // T_reserve is frozen too.
    world.pass(60_000);
    assert_eq!(world.stage(&order), Stage::Reserving);
    release(&mut world, &order, Decided::Resume).unwrap();
    assert_eq!(world.stage(&order), Stage::Confirmed);
    let names = world.names(&order);
    assert!(names.contains(&"order.held") && names.contains(&"order.released"));
}

#[test]
fn a_frozen_payment_window_goes_on_with_what_was_left() {
    let mut world = World::stocked(5);
    let cart = world.cart("cart-of-ada", &[("a", 1)], &[]);
    let order = world.place(&cart);
    world.pass(20 * 60_000);
    let freeze = Command::PutOnHold { note: "odd".into() };
    world.ask::<Order>(&staff(), &order, &freeze).unwrap();
    world.pass(24 * 60 * 60 * 1000);
    release(&mut world, &order, Decided::Resume).unwrap();
    assert_eq!(world.view(&order).pay_by, Some(world.now.plus_ms(10 * 60_000)));
    world.pass(10 * 60_000);
    assert_eq!(world.view(&order).reason, Some(Reason::PaymentTimeout));
}

#[test]
fn a_place_that_is_repeated_changes_nothing() {
    let mut world = World::stocked(5);
    let cart = world.cart("cart-of-ada", &[("a", 1)], &[Tender::Cod]);
    let place = cart::Command::Place(Box::new(world.place_command(&cart)));
    let first = world.ask_keyed(&cart, &place, 1);
    let repeat = world.ask_keyed(&cart, &place, 1);
    assert!(matches!(first, entity::Outcome::Replied(..)));
    assert!(matches!(repeat, entity::Outcome::Replayed(_)));
    // Another key, the same content: the same order.
    let other = world.ask_keyed(&cart, &place, 2);
    let reply = |outcome| match outcome {
        entity::Outcome::Replied(_, reply) => reply.take::<cart::Reply>().unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(reply(first), reply(other));
    world.run();
    assert_eq!(world.units("a"), (5, 4));
    assert_eq!(world.customer_view("ada").n_orders, 1);
}
