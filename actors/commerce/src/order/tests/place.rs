//! From placing to confirmation: holds, the second round, the wallet, the timers before payment.

use entity::{BounceReason, EntityKey, ShardId};

use super::world::{self, World, buyer, staff, usd};
use crate::cart::{self, Cart};
use crate::order::*;
use crate::sku::{self, Sku};
use crate::{keys, kinds};

fn settled(world: &mut World, order: &EntityKey) -> bool {
    world.query::<Order>(&buyer("ada"), order, &Query::Settled).0
}

#[test]
fn a_cash_order_of_one_line_makes_four_events() {
    let mut world = World::stocked(10);
    let order = world.cod(&[("a", 2)]);
    assert!(!settled(&mut world, &order), "the cart has told it, it does not know yet");
    world.run();
    assert!(settled(&mut world, &order));
    assert_eq!(
        world.names(&order),
        ["order.placed", "order.reserved", "order.confirmed", "order.step"]
    );
    let view = world.view(&order);
    assert_eq!(view.stage, Stage::Confirmed);
    assert_eq!(view.after.payment, PaymentStatus::CodDue);
    assert_eq!(view.after.fulfilment, FulfilmentStatus::Unfulfilled);
    assert!(view.number.is_some());
    assert_eq!(view.due_now, 0);
    assert_eq!(view.parcels.len(), 1);
    assert_eq!(view.parcels[0].due, 2 * 1_080 + 540, "all of it is due with the one parcel");
    assert_eq!(world.units("a"), (10, 8));
    let recent = world.customer_view("ada").orders;
    assert_eq!(recent.len(), 1);
    assert_eq!(recent[0].order.key(order.tenant.clone()), order);
}

#[test]
fn lines_of_several_locations_make_a_parcel_each() {
    let mut world = World::new();
    world.stock("a", "east", 3);
    world.stock("a", "west", 10);
    world.stock("b", "west", 10);
    let order = world.cod(&[("b", 1), ("a", 5)]);
    world.run();
    let view = world.view(&order);
    assert_eq!(view.stage, Stage::Confirmed);
    let parcels: Vec<_> = view.parcels.iter().map(|it| (it.location.as_str(), &it.lines)).collect();
    assert_eq!(parcels, [("east", &vec![(1, 3)]), ("west", &vec![(0, 1), (1, 2)])]);
    let due: i64 = view.parcels.iter().map(|it| it.due).sum();
    assert_eq!(due, view.terms.priced.totals.payable, "nothing is lost in the split");
    assert_eq!(view.parcels[0].due, 3 * 1_080 + 540, "shipping comes with the first");
}

#[test]
fn what_is_sold_out_is_cancelled_and_frees_the_cart() {
    let mut world = World::stocked(1);
    let order = world.cod(&[("a", 2)]);
    world.run();
    let view = world.view(&order);
    assert_eq!((view.stage, view.reason), (Stage::Cancelled, Some(Reason::OutOfStock)));
    assert_eq!(view.lines[0].available, Some(1));
    assert!(view.closed_at.is_some());
    let cart: Cart = world.state(&view.terms.cart);
    let cart = cart.body.unwrap();
    assert_eq!((cart.status, cart.generation), (cart::Status::Open, 2));
    // The next order of the cart is another one.
    world.stock("a", "main", 5);
    let again = world.place(&view.terms.cart);
    assert_ne!(again, order);
    world.run();
    assert_eq!(world.stage(&again), Stage::Confirmed);
    assert_eq!(world.units("a"), (6, 4));
}

#[test]
fn several_lines_are_all_or_nothing() {
    let mut world = World::stocked(5);
    let order = world.cod(&[("a", 1), ("b", 6), ("c", 1)]);
    world.run();
    assert_eq!(world.stage(&order), Stage::Cancelled);
    for sku in ["a", "b", "c"] {
        assert_eq!(world.units(sku), (5, 5), "nothing of {sku} stays held");
    }
    let names = world.names(&order);
    assert_eq!(names.first(), Some(&"order.placed"));
    assert_eq!(names.last(), Some(&"order.cancelled"));
    assert!(!names.contains(&"order.reserved"));
}

#[test]
fn a_rival_that_gives_up_lets_the_second_round_succeed() {
    let mut world = World::stocked(5);
    // Another order holds all of b, and is cancelled while the first round runs.
    let rival_cart = world.cart("cart-of-rival", &[("b", 5)], &[Tender::Gateway]);
    let rival = world.place(&rival_cart);
    world.run();
    assert_eq!(world.stage(&rival), Stage::AwaitingPayment);
    let order = world.cod(&[("c", 1), ("b", 1)]);
    world.run_until(|world| {
        let order: Order = world.state(&order);
        order.body.is_some_and(|body| body.second_round)
    });
    world.cancel(&rival, &[]).unwrap();
    world.run();
    assert_eq!(world.stage(&rival), Stage::Cancelled);
    let body = world.order_body(&order);
    assert!(body.second_round);
    // Which of both came first at b is a matter of streams; either way nothing is left held twice.
    match body.stage {
        Stage::Confirmed => assert_eq!(world.units("b"), (5, 4)),
        Stage::Cancelled => assert_eq!(world.units("b"), (5, 5)),
        other => panic!("neither confirmed nor cancelled: {other:?}"),
    }
}

#[test]
fn the_second_round_goes_sku_by_sku_in_their_order() {
    let mut world = World::stocked(5);
    let key = keys::sku(&crate::order::tests::world::tenant(), "b");
    // b refuses once for want of stock, then has it.
    let adjust = |n| sku::Command::Adjust {
        location: "main".into(),
        change: sku::Change::Delta(n),
        reason: "count".into(),
    };
    world.ask::<Sku>(&staff(), &key, &adjust(-5)).unwrap();
    let order = world.cod(&[("c", 1), ("b", 1), ("a", 1)]);
    world.run_until(|world| {
        let order: Order = world.state(&order);
        order.body.is_some_and(|body| body.second_round)
    });
    world.ask::<Sku>(&staff(), &key, &adjust(5)).unwrap();
    let phases = |world: &mut World| -> Vec<HoldPhase> {
        world.order_body(&order).lines.iter().map(|line| line.phase).collect()
    };
    use HoldPhase::{Asked, Held, Waiting};
    assert_eq!(phases(&mut world), [Waiting, Waiting, Asked], "a is asked first");
    world.run_until(|world| phases(world) == [Waiting, Asked, Held]);
    world.run_until(|world| phases(world) == [Asked, Held, Held]);
    world.run();
    assert_eq!(world.stage(&order), Stage::Confirmed);
    assert!(world.order_body(&order).lines.iter().all(|line| line.generation == 2));
    for sku in ["a", "b", "c"] {
        assert_eq!(world.units(sku), (5, 4));
    }
}

#[test]
fn all_that_lacks_is_named_after_two_rounds() {
    let mut world = World::stocked(5);
    // Two lack, one could be held: so there is a second round, which ends at the first that lacks.
    let order = world.cod(&[("a", 1), ("b", 9), ("c", 9)]);
    world.run();
    let view = world.view(&order);
    assert!(world.order_body(&order).second_round);
    assert_eq!((view.stage, view.reason), (Stage::Cancelled, Some(Reason::OutOfStock)));
    let available: Vec<_> = view.lines.iter().map(|line| line.available).collect();
    assert_eq!(available, [None, Some(5), Some(5)]);
}

#[test]
fn no_second_round_for_who_cannot_pay() {
    let mut world = World::stocked(5);
    let wallet = world.wallet(100);
    let tenant = crate::order::tests::world::tenant();
    let adjust = |n| sku::Command::Adjust {
        location: "main".into(),
        change: sku::Change::Delta(n),
        reason: "count".into(),
    };
    let id = "cart-of-ada";
    let of_cart = keys::order(&keys::cart(&tenant, id), 1);
    // One SKU has to live apart from everybody else, so that it can answer last.
    let shard = |key: &EntityKey| key.shard(world::N_SHARDS);
    let sku = |name: &str| keys::sku(&tenant, name);
    let skus = ["d", "e", "f", "g", "h", "i", "j"];
    let apart = |held: &&str| {
        ![shard(&sku("a")), shard(&wallet), shard(&of_cart)].contains(&shard(&sku(held)))
    };
    let (short, held) = ("a", *skus.iter().find(|held| apart(held)).expect("of so many SKUs"));
    let late = shard(&sku(held));
    world.stock(held, "main", 5);
    world.ask::<Sku>(&staff(), &sku(short), &adjust(-5)).unwrap();
    let tenders = [Tender::Wallet { amount: usd(500) }, Tender::Gateway];
    let cart = world.cart(id, &[(held, 1), (short, 1)], &tenders);
    let order = world.place(&cart);
    let is_late = |(from, to): &(ShardId, ShardId)| [*from, *to].contains(&late);
    while let Some(stream) = world.pending().into_iter().find(|stream| !is_late(stream)) {
        world.deliver(stream);
    }
    let body = world.order_body(&order);
    assert_eq!(body.lines[0].phase, HoldPhase::Asked);
    assert_eq!(body.wallet.unwrap().phase, WalletPhase::Refused);
    world.ask::<Sku>(&staff(), &sku(short), &adjust(5)).unwrap();
    world.run();
    let body = world.order_body(&order);
    assert_eq!((body.stage, body.second_round), (Stage::Cancelled, false), "at once");
    assert_eq!((world.units(held), world.units(short)), ((5, 5), (5, 5)));
    assert_eq!(world.balance(&wallet), 100);
}

#[test]
fn a_moved_price_is_not_sold_at_the_old_one() {
    let mut world = World::stocked(5);
    let key = keys::sku(&crate::order::tests::world::tenant(), "a");
    let cart = world.cart("cart-of-ada", &[("a", 1)], &[Tender::Cod]);
    let price = sku::Command::SetPrice {
        book: "default".into(),
        amount: usd(1_100),
        if_version: crate::protocol::IfVersion::Any,
    };
    world.ask::<Sku>(&staff(), &key, &price).unwrap();
    let order = world.place(&cart);
    world.run();
    let view = world.view(&order);
    assert_eq!((view.stage, view.reason), (Stage::Cancelled, Some(Reason::PriceChanged)));
    assert_eq!(world.units("a"), (5, 5));
}

#[test]
fn a_gateway_tender_waits_for_its_payment_and_no_longer() {
    let mut world = World::stocked(5);
    let cart = world.cart("cart-of-ada", &[("a", 1), ("b", 2)], &[]);
    let order = world.place(&cart);
    world.run();
    let view = world.view(&order);
    assert_eq!(view.stage, Stage::AwaitingPayment);
    assert_eq!(view.due_now, view.terms.priced.totals.payable);
    assert_eq!(view.pay_by, Some(world.now.plus_ms(30 * 60_000)));
    assert!(view.number.is_some(), "a number comes with the payment to be made");
    let names: Vec<_> = view.next_actions.iter().map(|action| action.name).collect();
    assert_eq!(names, [ActionName::Cancel], "no payment can be started, so none is offered");
    assert_eq!(world.units("a"), (5, 4));
    world.pass(30 * 60_000 - 1);
    assert_eq!(world.stage(&order), Stage::AwaitingPayment);
    world.pass(1);
    world.run();
    let view = world.view(&order);
    assert_eq!((view.stage, view.reason), (Stage::Cancelled, Some(Reason::PaymentTimeout)));
    assert_eq!((world.units("a"), world.units("b")), ((5, 5), (5, 5)));
    let cart: Cart = world.state(&cart);
    assert_eq!(cart.body.unwrap().generation, 2);
}

#[test]
fn a_wallet_that_covers_all_is_held_then_taken() {
    let mut world = World::stocked(5);
    let wallet = world.wallet(10_000);
    let cart = world.cart("cart-of-ada", &[("a", 1)], &[Tender::Wallet { amount: usd(1_620) }]);
    let order = world.place(&cart);
    world.run();
    let view = world.view(&order);
    assert_eq!(view.stage, Stage::Confirmed);
    assert_eq!(view.after.payment, PaymentStatus::Paid);
    assert_eq!((view.captured, view.refunded, view.due_now), (1_620, 0, 0));
    assert_eq!(world.balance(&wallet), 10_000 - 1_620);
    assert_eq!(
        world.names(&order).iter().filter(|name| **name != "order.step").collect::<Vec<_>>(),
        [&"order.placed", &"order.reserved", &"order.paid", &"order.confirmed"]
    );
}

#[test]
fn a_wallet_that_is_too_small_gives_everything_back() {
    let mut world = World::stocked(5);
    let wallet = world.wallet(1_000);
    let cart = world.cart("cart-of-ada", &[("a", 1)], &[Tender::Wallet { amount: usd(1_620) }]);
    let order = world.place(&cart);
    world.run();
    let view = world.view(&order);
    assert_eq!((view.stage, view.reason), (Stage::Cancelled, Some(Reason::InsufficientFunds)));
    assert_eq!(view.wallet_available, Some(1_000));
    assert_eq!(world.balance(&wallet), 1_000);
    assert_eq!(world.units("a"), (5, 5));
}

#[test]
fn a_wallet_beside_a_gateway_is_set_aside_and_set_free() {
    let mut world = World::stocked(5);
    let wallet = world.wallet(1_000);
    let tenders = [Tender::Wallet { amount: usd(700) }, Tender::Gateway];
    let cart = world.cart("cart-of-ada", &[("a", 1)], &tenders);
    let order = world.place(&cart);
    world.run();
    let view = world.view(&order);
    assert_eq!(view.stage, Stage::AwaitingPayment);
    assert_eq!(view.after.payment, PaymentStatus::Authorised);
    assert_eq!(view.due_now, 1_620 - 700);
    assert_eq!(world.balance(&wallet), 300);
    world.cancel(&order, &[]).unwrap();
    world.run();
    assert_eq!(world.stage(&order), Stage::Cancelled);
    assert_eq!(world.view(&order).after.payment, PaymentStatus::Voided);
    assert_eq!(world.balance(&wallet), 1_000);
}

#[test]
fn holds_that_cannot_be_asked_for_end_the_order_in_time() {
    let mut world = World::stocked(5);
    world.judge(|message| {
        if message.to.kind == kinds::SKU && message.to.id == keys::sku(&message.to.tenant, "b").id {
            super::world::Fate::Bounces(|| BounceReason::Quarantined)
        } else {
            super::world::Fate::Arrives
        }
    });
    let order = world.cod(&[("a", 1), ("b", 1)]);
    world.run();
    let view = world.view(&order);
    assert_eq!((view.stage, view.reason), (Stage::Cancelled, Some(Reason::ReservationTimeout)));
    assert_eq!(world.units("a"), (5, 5));
}

#[test]
fn a_hold_that_arrives_after_its_time_is_not_processed() {
    let mut world = World::stocked(5);
    for lines in [&[("a", 1)][..], &[("a", 1), ("b", 1)]] {
        let mut order = None;
        let cart = world.cart(&format!("cart-of-ada-{}", lines.len()), lines, &[Tender::Cod]);
        let key = world.place(&cart);
        world.run_until(|world| {
            let state: Order = world.state(&key);
            order = state.body;
            order.is_some()
        });
        // Nobody delivers for longer than T_reserve; then the timer comes before the streams.
        world.now = world.now.plus_ms(15_000);
        world.wake();
        world.run();
        let view = world.view(&key);
        assert_eq!(view.stage, Stage::Cancelled, "{lines:?}");
        assert_eq!(view.reason, Some(Reason::ReservationTimeout), "{lines:?}");
        assert_eq!((world.units("a"), world.units("b")), ((5, 5), (5, 5)));
    }
}

#[test]
fn anothers_order_is_not_there() {
    let mut world = World::stocked(5);
    let order = world.confirmed(&[("a", 1)]);
    let eve = buyer("eve");
    for query in [Query::View { since_seq: None }, Query::Settled, Query::Summary] {
        assert_eq!(world.query::<Order>(&eve, &order, &query).1, Err(Rejection::NotFound));
    }
    let if_version = crate::protocol::IfVersion::Any;
    let cancel = Command::Cancel { lines: Vec::new(), if_version };
    assert_eq!(world.ask::<Order>(&eve, &order, &cancel), Err(Rejection::NotFound));
    let freeze = Command::PutOnHold { note: "why not".into() };
    assert_eq!(world.ask::<Order>(&eve, &order, &freeze), Err(Rejection::Forbidden));
    assert_eq!(world.ask::<Order>(&buyer("ada"), &order, &freeze), Err(Rejection::Forbidden));
    let number = Command::Number { number: 1 };
    assert_eq!(world.ask::<Order>(&staff(), &order, &number), Err(Rejection::WrongSource));
    let stale =
        Command::Cancel { lines: Vec::new(), if_version: crate::protocol::IfVersion::Exact(1) };
    let version = world.version(&order);
    assert_eq!(
        world.ask::<Order>(&buyer("ada"), &order, &stale),
        Err(Rejection::VersionMismatch { version })
    );
}

#[test]
fn what_is_not_offered_yet_says_so() {
    let mut world = World::stocked(5);
    let order = world.confirmed(&[("a", 1)]);
    let if_version = crate::protocol::IfVersion::Any;
    for command in [
        Command::StartPayment { method: "card".into(), if_version },
        Command::RequestReturn { if_version },
        Command::Amend { if_version },
    ] {
        assert_eq!(
            world.ask::<Order>(&buyer("ada"), &order, &command),
            Err(Rejection::NotImplemented)
        );
    }
}

#[test]
fn numbers_are_never_given_twice() {
    let mut world = World::stocked(5_000);
    let mut numbers = std::collections::BTreeSet::new();
    for n in 0..300 {
        let cart = world.cart(&format!("cart-{n:08}"), &[("a", 1)], &[Tender::Cod]);
        let order = world.place(&cart);
        world.run();
        let number = world.order_body(&order).number.expect("a number");
        assert!(numbers.insert(number), "{number} was given before");
    }
    assert_eq!(numbers.len(), 300);
}

#[test]
fn a_view_shows_what_came_since() {
    let mut world = World::stocked(5);
    let order = world.confirmed(&[("a", 1)]);
    let ada = buyer("ada");
    let since = |world: &mut World, since_seq| match world
        .query::<Order>(&ada, &order, &Query::View { since_seq })
        .1
        .unwrap()
    {
        View::Order(view) => view.timeline.iter().map(|entry| entry.seq).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(since(&mut world, None), [1, 2, 3]);
    assert_eq!(since(&mut world, Some(0)), [1, 2, 3]);
    assert_eq!(since(&mut world, Some(2)), [3]);
    assert_eq!(since(&mut world, Some(9)), [0; 0]);
    let version = world.version(&order);
    let newer = |than_version| Query::Newer { than_version };
    assert!(world.query::<Order>(&ada, &order, &newer(version - 1)).0);
    assert!(!world.query::<Order>(&ada, &order, &newer(version)).0);
}
