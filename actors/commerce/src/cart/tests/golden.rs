//! Frozen bytes of a cart: every stored type, every variant.

use expect_test::expect_file;

use super::*;
use crate::customer::Invalid;
use crate::order::tests::golden::{check, named};
use crate::order::{Owner, Timers};

fn patch() -> CartPatch {
    CartPatch {
        address: Patch::Clear,
        shipping_option: Patch::Set("express".into()),
        coupons: Patch::Keep,
        tenders: Patch::Set(vec![Tender::Gateway]),
        lines: Patch::Keep,
    }
}

fn body() -> PlaceBody {
    PlaceBody {
        cart_version: 7,
        quote_hash: "hash".into(),
        expected_total: usd(1_620),
        txn_type: TxnType::Cod,
        tenders: vec![Tender::Cod],
    }
}

fn merging() -> Merging {
    Merging { from: keys::cart(&tenant(), "cart-of-guest"), guest: "g1".into() }
}

fn line() -> CartLine {
    CartLine { sku: "b".into(), qty: 300.try_into().unwrap() }
}

#[test]
fn commands_and_events() {
    let if_version = IfVersion::Exact(3);
    let (sku, qty) = (CompactString::new("b"), 300.try_into().unwrap());
    let Merging { from, guest } = merging();
    let place = Place {
        body: body(),
        priced: priced(&[("a", 1)], 1, 0),
        locale: "en".into(),
        timers: Timers::default(),
    };
    let commands = named(vec![
        Command::Put { content: Box::new(content(&[("a", 1)])), if_version },
        Command::Update { patch: Box::new(patch()), if_version },
        Command::PutLine { sku: sku.clone(), qty, if_version },
        Command::DeleteLine { sku: sku.clone(), if_version },
        Command::Merge { from, guest: guest.clone() },
        Command::Place(Box::new(place.clone())),
        Command::OrderConfirmed { generation: 2 },
        Command::OrderCancelled { generation: 2 },
        Command::GiveLines { guest },
        Command::TakeLines { lines: vec![line()] },
        Command::MergeSeen { from: merging().from, guest: "g1".into(), lines: vec![line()] },
        Command::ReturnLines { lines: vec![line()] },
        Command::PlaceHeld { place: Box::new(place.clone()), order_version: 9 },
        Command::PlaceOffered { place: Box::new(place), offer: "{}".into() },
    ]);
    check(14, &commands, &expect_file!["../golden/command.hex"]);
    let owner = Owner::of(&buyer("ada"));
    let events = named(vec![
        Event::Created { owner, content: content(&[("a", 1)]) },
        Event::Replaced(content(&[("b", 2)])),
        Event::Updated(patch()),
        Event::LinePut { sku: sku.clone(), qty },
        Event::LineDeleted { sku },
        Event::MergeAsked(merging()),
        Event::Merged { lines: vec![line()] },
        Event::LinesGiven,
        Event::Frozen(Placed { body: body() }),
        Event::Thawed { generation: 2 },
        Event::Ordered,
        Event::LinesReturned { lines: vec![line()] },
    ]);
    check(12, &events, &expect_file!["../golden/event.hex"]);
}

#[test]
fn answers() {
    let order = keys::order(&keys::cart(&tenant(), "cart-of-ada"), 1);
    let replies = named(vec![
        Reply::Done,
        Reply::Merging,
        Reply::Placed { order: order.clone(), generation: 1 },
        Reply::Held { order: order.clone(), version: 9 },
    ]);
    check(4, &replies, &expect_file!["../golden/reply.hex"]);
    let rejections = named(vec![
        Rejection::NotFound,
        Rejection::WrongSource,
        Rejection::VersionMismatch { version: Some(7) },
        Rejection::CartAlreadyOrdered { order },
        Rejection::Merging,
        Rejection::PriceChanged,
        Rejection::CurrencyMismatch,
        Rejection::Invalid(Invalid::new("/lines", "empty", "the cart is empty")),
        Rejection::WronglyPriced,
        Rejection::NotImplemented,
        Rejection::PriceMoved { at: Timestamp(1_000) },
        Rejection::CouponUnknown { code: "TEN".into() },
        Rejection::PriceRefused { offer: "{}".into() },
    ]);
    check(13, &rejections, &expect_file!["../golden/rejection.hex"]);
    let queries = named(vec![Query::View, Query::Merged { from: merging().from }]);
    check(2, &queries, &expect_file!["../golden/query.hex"]);
}

#[test]
fn states_and_views() {
    let mut world = World::stocked(5);
    let (key, from) = two_carts(&mut world);
    let absent = Cart::default();
    let open: Cart = world.state(&key);
    merge(&mut world, &key, &from).unwrap();
    let merging: Cart = world.state(&key);
    world.run();
    world.place(&key);
    let frozen: Cart = world.state(&key);
    let states = [
        ("absent".to_owned(), absent),
        ("open".to_owned(), open),
        ("merging".to_owned(), merging),
        ("frozen".to_owned(), frozen),
    ];
    check(4, &states, &expect_file!["../golden/state.hex"]);
    let view = world.query::<Cart>(&buyer("ada"), &key, &Query::View).1.unwrap();
    check(1, &[("Cart".to_owned(), view)], &expect_file!["../golden/view.hex"]);
}
