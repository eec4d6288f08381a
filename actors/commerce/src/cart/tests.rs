//! A cart under test: who may do what to it when, what a placing checks, merges, frozen bytes.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests end at once")]

mod fuzz;
mod golden;

use compact_str::CompactString;
use entity::{BounceReason, EntityKey, Principal, PrincipalKind};

use super::*;
use crate::order::tests::world::{Fate, World, address, buyer, priced, staff, tenant, usd};
use crate::order::{Order, Tender, TxnType};
use crate::protocol::IfVersion;
use crate::{keys, kinds};

fn guest(name: &str) -> Principal {
    Principal { kind: PrincipalKind::Guest, ..buyer(name) }
}

fn content(lines: &[(&str, u32)]) -> Content {
    Content {
        channel: "web".into(),
        currency: crate::money::Ccy::USD,
        lines: lines
            .iter()
            .map(|(sku, qty)| CartLine {
                sku: CompactString::new(sku),
                qty: (*qty).try_into().unwrap(),
            })
            .collect(),
        address: Some(address()),
        shipping_option: DEFAULT_SHIPPING.into(),
        coupons: Vec::new(),
        tenders: vec![Tender::Cod],
    }
}

fn put(
    world: &mut World,
    by: &Principal,
    key: &EntityKey,
    content: Content,
    if_version: IfVersion,
) -> Result<Reply, Rejection> {
    let put = Command::Put { content: Box::new(content), if_version };
    world.ask::<Cart>(by, key, &put)
}

fn view(world: &mut World, by: &Principal, key: &EntityKey) -> CartView {
    let View::Cart(view) = world.query::<Cart>(by, key, &Query::View).1.unwrap();
    *view
}

fn lines(world: &mut World, by: &Principal, key: &EntityKey) -> Vec<(String, u32)> {
    let lines = view(world, by, key).content.lines;
    lines.iter().map(|line| (line.sku.to_string(), line.qty.get())).collect()
}

#[test]
fn two_devices_lose_no_line() {
    let mut world = World::new();
    let (key, ada) = (keys::cart(&tenant(), "cart-of-ada"), buyer("ada"));
    assert_eq!(
        put(&mut world, &ada, &key, content(&[]), IfVersion::Exact(1)),
        Err(Rejection::VersionMismatch { version: None })
    );
    assert_eq!(
        put(&mut world, &ada, &key, content(&[]), IfVersion::Exists),
        Err(Rejection::VersionMismatch { version: None })
    );
    put(&mut world, &ada, &key, content(&[("a", 1)]), IfVersion::Absent).unwrap();
    assert_eq!(
        put(&mut world, &ada, &key, content(&[]), IfVersion::Absent),
        Err(Rejection::VersionMismatch { version: Some(1) })
    );
    put(&mut world, &ada, &key, content(&[("a", 1)]), IfVersion::Exists).unwrap();
    let line = |sku: &str, qty: u32, version| Command::PutLine {
        sku: sku.into(),
        qty: qty.try_into().unwrap(),
        if_version: IfVersion::Exact(version),
    };
    world.ask::<Cart>(&ada, &key, &line("b", 2, 1)).unwrap();
    // The other device still has version 1: it has to look first.
    assert_eq!(
        world.ask::<Cart>(&ada, &key, &line("c", 3, 1)),
        Err(Rejection::VersionMismatch { version: Some(2) })
    );
    world.ask::<Cart>(&ada, &key, &line("c", 3, 2)).unwrap();
    assert_eq!(
        lines(&mut world, &ada, &key),
        [("a".to_owned(), 1), ("b".to_owned(), 2), ("c".to_owned(), 3)]
    );
    // Setting what is set changes nothing.
    assert_eq!(world.ask::<Cart>(&ada, &key, &line("c", 3, 3)), Ok(Reply::Done));
    assert_eq!(world.version(&key), 3);
    let delete = |sku: &str| Command::DeleteLine { sku: sku.into(), if_version: IfVersion::Any };
    world.ask::<Cart>(&ada, &key, &delete("b")).unwrap();
    assert_eq!(world.ask::<Cart>(&ada, &key, &delete("b")), Err(Rejection::NotFound));
}

#[test]
fn a_patch_keeps_clears_and_sets() {
    let mut world = World::new();
    let (key, ada) = (keys::cart(&tenant(), "cart-of-ada"), buyer("ada"));
    put(&mut world, &ada, &key, content(&[("a", 1)]), IfVersion::Any).unwrap();
    let patch = CartPatch {
        address: Patch::Clear,
        shipping_option: Patch::Set("express".into()),
        coupons: Patch::Set(vec!["TEN".into()]),
        ..CartPatch::default()
    };
    let update = Command::Update { patch: Box::new(patch), if_version: IfVersion::Exact(1) };
    world.ask::<Cart>(&ada, &key, &update).unwrap();
    let content = view(&mut world, &ada, &key).content;
    assert_eq!((content.address, content.shipping_option.as_str()), (None, "express"));
    assert_eq!((content.coupons.len(), content.tenders), (1, vec![Tender::Cod]));
    assert_eq!(content.lines.len(), 1);
    let patch = CartPatch { shipping_option: Patch::Clear, ..CartPatch::default() };
    let update = Command::Update { patch: Box::new(patch), if_version: IfVersion::Any };
    world.ask::<Cart>(&ada, &key, &update).unwrap();
    assert_eq!(view(&mut world, &ada, &key).content.shipping_option, DEFAULT_SHIPPING);
}

#[test]
fn what_a_cart_cannot_hold_is_named() {
    let mut world = World::new();
    let (key, ada) = (keys::cart(&tenant(), "cart-of-ada"), buyer("ada"));
    type Spoil = fn(&mut Content);
    let table: &[(&str, &str, Spoil)] = &[
        ("/lines", "duplicate", |it| it.lines.push(it.lines[0].clone())),
        ("/qty", "too_large", |it| it.lines[0].qty = 1_000_001.try_into().unwrap()),
        ("/sku", "control_character", |it| it.lines[0].sku = "a\u{7}".into()),
        ("/sku", "blank", |it| it.lines[0].sku = " ".into()),
        ("/address/country", "unknown_country", |it| {
            it.address.as_mut().unwrap().country = "XX".into();
        }),
        ("/address/region", "unknown_region", |it| {
            it.address.as_mut().unwrap().region = Some("DE-BE".into());
        }),
        ("/address/name", "control_character", |it| {
            it.address.as_mut().unwrap().name = "a\nb".into();
        }),
        ("/tenders", "cod_alone", |it| it.tenders = vec![Tender::Cod, Tender::Gateway]),
        ("/tenders", "duplicate", |it| it.tenders = vec![Tender::Gateway, Tender::Gateway]),
        ("/tenders", "not_positive", |it| it.tenders = vec![Tender::Wallet { amount: usd(0) }]),
        ("/coupons", "too_many", |it| it.coupons = vec!["C".into(); 21]),
        ("/shipping_option", "blank", |it| it.shipping_option = "".into()),
        ("/lines", "too_many", |it| {
            it.lines = (0..501)
                .map(|n| CartLine { sku: format!("s{n}").into(), qty: 1.try_into().unwrap() })
                .collect();
        }),
    ];
    for (pointer, code, spoil) in table {
        let mut content = content(&[("a", 1)]);
        spoil(&mut content);
        match put(&mut world, &ada, &key, content, IfVersion::Any) {
            Err(Rejection::Invalid(wrong)) => {
                assert_eq!((wrong.pointer.as_str(), wrong.code.as_str()), (*pointer, *code));
            }
            other => panic!("{pointer} {code}: {other:?}"),
        }
    }
    let mut euros = content(&[("a", 1)]);
    euros.tenders =
        vec![Tender::Wallet { amount: crate::money::Money::new(1, crate::money::Ccy::EUR) }];
    assert_eq!(
        put(&mut world, &ada, &key, euros, IfVersion::Any),
        Err(Rejection::CurrencyMismatch)
    );
    assert_eq!(world.version(&key), 0, "a refusal writes nothing");
    // The same by a patch.
    put(&mut world, &ada, &key, content(&[("a", 1)]), IfVersion::Any).unwrap();
    let euros = Tender::Wallet { amount: crate::money::Money::new(1, crate::money::Ccy::EUR) };
    let patch = CartPatch { tenders: Patch::Set(vec![euros]), ..CartPatch::default() };
    let update = Command::Update { patch: Box::new(patch), if_version: IfVersion::Any };
    assert_eq!(world.ask::<Cart>(&ada, &key, &update), Err(Rejection::CurrencyMismatch));
    assert_eq!(world.version(&key), 1);
}

#[test]
fn a_patch_that_changes_nothing_is_no_version() {
    let mut world = World::new();
    let (key, ada) = (keys::cart(&tenant(), "cart-of-ada"), buyer("ada"));
    let whole = content(&[("a", 1)]);
    put(&mut world, &ada, &key, whole.clone(), IfVersion::Any).unwrap();
    let keep = CartPatch::default;
    for (patch, version) in [
        (keep(), 1),
        (CartPatch { address: Patch::Set(address()), ..keep() }, 1),
        (CartPatch { lines: Patch::Set(whole.lines), ..keep() }, 1),
        // The default is what it has.
        (CartPatch { shipping_option: Patch::Clear, coupons: Patch::Clear, ..keep() }, 1),
        (CartPatch { tenders: Patch::Clear, ..keep() }, 2),
        (CartPatch { tenders: Patch::Clear, ..keep() }, 2),
    ] {
        let update = Command::Update { patch: Box::new(patch.clone()), if_version: IfVersion::Any };
        assert_eq!(world.ask::<Cart>(&ada, &key, &update), Ok(Reply::Done));
        assert_eq!(world.version(&key), version, "{patch:?}");
    }
    // Whoever means another version hears of it all the same.
    let update = Command::Update { patch: Box::new(keep()), if_version: IfVersion::Exact(1) };
    let stale = Err(Rejection::VersionMismatch { version: Some(2) });
    assert_eq!(world.ask::<Cart>(&ada, &key, &update), stale);
}

#[test]
fn another_currency_is_another_cart() {
    let mut world = World::new();
    let (key, ada) = (keys::cart(&tenant(), "cart-of-ada"), buyer("ada"));
    put(&mut world, &ada, &key, content(&[("a", 1)]), IfVersion::Any).unwrap();
    let mut euros = content(&[("a", 1)]);
    euros.currency = crate::money::Ccy::EUR;
    assert_eq!(
        put(&mut world, &ada, &key, euros, IfVersion::Any),
        Err(Rejection::CurrencyMismatch)
    );
}

#[test]
fn anothers_cart_is_not_there() {
    let mut world = World::new();
    let (key, ada) = (keys::cart(&tenant(), "cart-of-ada"), buyer("ada"));
    put(&mut world, &ada, &key, content(&[("a", 1)]), IfVersion::Any).unwrap();
    let place = Command::Place(Box::new(world.place_command(&key)));
    for eve in [buyer("eve"), guest("ada")] {
        assert_eq!(world.query::<Cart>(&eve, &key, &Query::View).1, Err(Rejection::NotFound));
        assert_eq!(
            put(&mut world, &eve, &key, content(&[]), IfVersion::Any),
            Err(Rejection::NotFound)
        );
        assert_eq!(world.ask::<Cart>(&eve, &key, &place), Err(Rejection::NotFound));
    }
    assert_eq!(view(&mut world, &staff(), &key).owner.subject, "ada");
    let forged = Command::OrderCancelled { generation: 1 };
    assert_eq!(world.ask::<Cart>(&staff(), &key, &forged), Err(Rejection::WrongSource));
}

/// Spoils a placing that would succeed; the cart must refuse it and stay open.
fn refused(spoil: impl FnOnce(&mut Place)) -> Rejection {
    let mut world = World::stocked(5);
    let key = world.cart("cart-of-ada", &[("a", 1), ("b", 2)], &[Tender::Cod]);
    let mut place = world.place_command(&key);
    spoil(&mut place);
    let command = Command::Place(Box::new(place));
    let rejection = world.ask::<Cart>(&buyer("ada"), &key, &command).unwrap_err();
    assert_eq!(view(&mut world, &buyer("ada"), &key).status, Status::Open);
    assert_eq!(world.version(&key), 1, "a refusal writes nothing");
    rejection
}

#[test]
fn a_placing_must_fit_the_cart() {
    assert_eq!(
        refused(|place| place.body.cart_version = 2),
        Rejection::VersionMismatch { version: Some(1) }
    );
    assert!(matches!(
        refused(|place| place.body.expected_total = usd(1)),
        Rejection::PriceMoved { .. }
    ));
    assert_eq!(
        refused(|place| {
            place.body.expected_total =
                crate::money::Money::new(place.priced.totals.payable, crate::money::Ccy::EUR);
        }),
        Rejection::CurrencyMismatch
    );
    for spoil in [
        |place: &mut Place| place.priced = priced(&[("a", 1)], 1, 0),
        |place: &mut Place| place.priced = priced(&[("b", 2), ("a", 1)], 1, 0),
        |place: &mut Place| place.priced = priced(&[("a", 2), ("b", 2)], 1, 0),
        |place: &mut Place| place.priced.totals.payable += 1,
        |place: &mut Place| place.priced.totals.lines -= 1,
        |place: &mut Place| place.priced.lines[0].total = -1,
        |place: &mut Place| {
            place.priced.totals.tenders += 10;
            place.priced.totals.payable -= 10;
        },
        |place: &mut Place| place.priced.ccy = crate::money::Ccy::EUR,
    ] {
        assert_eq!(refused(spoil), Rejection::WronglyPriced);
    }
    let code = |rejection| match rejection {
        Rejection::Invalid(wrong) => wrong.code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code(refused(|place| place.body.tenders = vec![Tender::Gateway])), "differs");
    for txn_type in [TxnType::Presale, TxnType::Flash, TxnType::Auction, TxnType::Insurance] {
        assert_eq!(refused(|place| place.body.txn_type = txn_type), Rejection::NotImplemented);
    }
}

#[test]
fn amounts_are_those_that_were_agreed_to() {
    let hash = |digit: &str, other: &str| {
        CompactString::from(format!("{}{}", digit.repeat(16), other.repeat(16)))
    };
    let spoilt = |place: &mut Place| {
        place.body.quote_hash = hash("a", "1");
        place.priced.quote_hash = hash("b", "1");
    };
    assert!(matches!(refused(spoilt), Rejection::PriceMoved { .. }));
    // The same amounts, from newer versions of prices.
    let mut world = World::stocked(5);
    let key = world.cart("cart-of-ada", &[("a", 1)], &[Tender::Cod]);
    let mut place = world.place_command(&key);
    place.body.quote_hash = hash("a", "1");
    place.priced.quote_hash = hash("a", "2");
    let placed = world.ask::<Cart>(&buyer("ada"), &key, &Command::Place(Box::new(place)));
    assert!(matches!(placed, Ok(Reply::Placed { .. })), "{placed:?}");
}

#[test]
fn an_order_needs_lines_an_address_and_tenders_that_cover_it() {
    let mut world = World::stocked(5);
    let (key, ada) = (keys::cart(&tenant(), "cart-of-ada"), buyer("ada"));
    type Spoil = fn(&mut Content);
    let table: &[(&str, TxnType, Spoil)] = &[
        ("empty", TxnType::Cod, |it| it.lines.clear()),
        ("missing", TxnType::Cod, |it| it.address = None),
        ("not_cod", TxnType::Cod, |it| it.tenders = vec![Tender::Gateway]),
        ("too_little", TxnType::Fixed, |it| it.tenders = vec![Tender::Wallet { amount: usd(1) }]),
    ];
    for (code, txn_type, spoil) in table {
        let mut content = content(&[("a", 1)]);
        spoil(&mut content);
        put(&mut world, &ada, &key, content, IfVersion::Any).unwrap();
        let mut place = world.place_command(&key);
        place.body.txn_type = *txn_type;
        match world.ask::<Cart>(&ada, &key, &Command::Place(Box::new(place))) {
            Err(Rejection::Invalid(wrong)) => assert_eq!(wrong.code, *code),
            other => panic!("{code}: {other:?}"),
        }
    }
    let mut with_code = content(&[("a", 1)]);
    with_code.coupons = vec!["TEN".into()];
    put(&mut world, &ada, &key, with_code, IfVersion::Any).unwrap();
    let place = Command::Place(Box::new(world.place_command(&key)));
    let unknown = Rejection::CouponUnknown { code: "TEN".into() };
    assert_eq!(world.ask::<Cart>(&ada, &key, &place), Err(unknown));
}

#[test]
fn a_held_cart_answers_its_order_to_the_same_and_nothing_to_another() {
    let mut world = World::stocked(5);
    let ada = buyer("ada");
    let key = world.cart("cart-of-ada", &[("a", 1)], &[Tender::Cod]);
    let place = world.place_command(&key);
    let order = world.place(&key);
    for status in [Status::Frozen, Status::Ordered] {
        assert_eq!(view(&mut world, &ada, &key).status, status);
        assert_eq!(view(&mut world, &ada, &key).order, Some(order.clone()));
        let version = world.version(&key);
        let same = Command::Place(Box::new(place.clone()));
        let reply = Reply::Placed { order: order.clone(), generation: 1 };
        assert_eq!(world.ask::<Cart>(&ada, &key, &same), Ok(reply.clone()));
        // Who saw the order hears about what was seen.
        let held = Command::PlaceHeld { place: Box::new(place.clone()), order_version: 4 };
        let reply_held = Reply::Held { order: order.clone(), version: 4 };
        assert_eq!(world.ask::<Cart>(&ada, &key, &held), Ok(reply_held));
        // Another device saw the frozen cart: its content is the same.
        let mut later = place.clone();
        later.body.cart_version = version;
        assert_eq!(world.ask::<Cart>(&ada, &key, &Command::Place(Box::new(later))), Ok(reply));
        let ordered = || Rejection::CartAlreadyOrdered { order: order.clone() };
        let mut other = place.clone();
        other.body.expected_total = usd(1);
        let other = Command::Place(Box::new(other));
        assert_eq!(world.ask::<Cart>(&ada, &key, &other), Err(ordered()));
        assert_eq!(
            put(&mut world, &ada, &key, content(&[("a", 9)]), IfVersion::Any),
            Err(ordered())
        );
        assert_eq!(world.version(&key), version);
        world.run();
    }
    assert_eq!(world.units("a"), (5, 4));
}

#[test]
fn a_notice_of_another_generation_changes_nothing() {
    let mut world = World::stocked(0);
    let key = world.cart("cart-of-ada", &[("a", 1)], &[Tender::Cod]);
    let first = world.place(&key);
    world.run();
    assert_eq!(view(&mut world, &buyer("ada"), &key).generation, 2);
    world.stock("a", "main", 5);
    let second = world.place(&key);
    assert_ne!(first, second, "I12: one order per generation");
    world.run();
    let state: Order = world.state(&second);
    assert!(state.body.unwrap().confirmed);
    assert_eq!(view(&mut world, &buyer("ada"), &key).status, Status::Ordered);
}

fn merge(world: &mut World, to: &EntityKey, from: &EntityKey) -> Result<Reply, Rejection> {
    let state: Cart = world.state(from);
    let lines = state.body.map(|body| body.content.lines).unwrap_or_default();
    let merge = Command::MergeSeen { from: from.clone(), guest: "g1".into(), lines };
    world.ask::<Cart>(&buyer("ada"), to, &merge)
}

/// Ada's cart with `a` 1 and `b` 2, and the guest's with `b` 3 and `c` 4.
fn two_carts(world: &mut World) -> (EntityKey, EntityKey) {
    let (to, from) = (keys::cart(&tenant(), "cart-of-ada"), keys::cart(&tenant(), "cart-of-guest"));
    put(world, &buyer("ada"), &to, content(&[("a", 1), ("b", 2)]), IfVersion::Any).unwrap();
    put(world, &guest("g1"), &from, content(&[("b", 3), ("c", 4)]), IfVersion::Any).unwrap();
    world.run();
    (to, from)
}

#[test]
fn a_merge_adds_up_once() {
    let mut world = World::new();
    let (to, from) = two_carts(&mut world);
    assert_eq!(merge(&mut world, &to, &from), Ok(Reply::Merging));
    assert_eq!(merge(&mut world, &to, &from), Ok(Reply::Merging));
    let place = Command::Place(Box::new(world.place_command(&to)));
    assert_eq!(world.ask::<Cart>(&buyer("ada"), &to, &place), Err(Rejection::Merging));
    let merged = Query::Merged { from: from.clone() };
    assert!(!world.query::<Cart>(&buyer("ada"), &to, &merged).0);
    world.run();
    assert!(world.query::<Cart>(&buyer("ada"), &to, &merged).0);
    let wanted = [("a".to_owned(), 1), ("b".to_owned(), 5), ("c".to_owned(), 4)];
    assert_eq!(lines(&mut world, &buyer("ada"), &to), wanted);
    assert_eq!(lines(&mut world, &guest("g1"), &from), []);
    let version = world.version(&to);
    assert_eq!(merge(&mut world, &to, &from), Ok(Reply::Done));
    world.run();
    assert_eq!(lines(&mut world, &buyer("ada"), &to), wanted, "a repeat changes nothing");
    assert_eq!(world.version(&to), version);
}

#[test]
fn only_a_guests_open_cart_is_taken_over() {
    let mut world = World::new();
    let (to, from) = two_carts(&mut world);
    let foreign = Command::Merge { from: from.clone(), guest: "g2".into() };
    world.ask::<Cart>(&buyer("ada"), &to, &foreign).unwrap();
    world.run();
    assert_eq!(lines(&mut world, &buyer("ada"), &to).len(), 2, "not this guest's");
    assert_eq!(lines(&mut world, &guest("g1"), &from).len(), 2);
    // A customer's cart is not a guest's; a cart does not merge with itself.
    let bobs = keys::cart(&tenant(), "cart-of-bob");
    put(&mut world, &buyer("g1"), &bobs, content(&[("a", 1)]), IfVersion::Any).unwrap();
    assert_eq!(merge(&mut world, &to, &bobs), Ok(Reply::Merging));
    world.run();
    assert_eq!(lines(&mut world, &buyer("g1"), &bobs).len(), 1);
    assert!(matches!(merge(&mut world, &to, &to), Err(Rejection::Invalid(_))));
    let nowhere = keys::cart(&tenant(), "cart-of-nobody");
    let unseen = Command::Merge { from: nowhere, guest: "g1".into() };
    assert_eq!(world.ask::<Cart>(&buyer("ada"), &to, &unseen), Ok(Reply::Merging));
    world.run();
    assert_eq!(lines(&mut world, &buyer("ada"), &to).len(), 2);
    // None of these was a merge: the right one still is.
    assert_eq!(merge(&mut world, &to, &from), Ok(Reply::Merging));
    world.run();
    assert_eq!(lines(&mut world, &buyer("ada"), &to).len(), 3);
}

#[test]
fn a_guest_that_comes_back_brings_new_lines() {
    let mut world = World::new();
    let (to, from) = two_carts(&mut world);
    merge(&mut world, &to, &from).unwrap();
    world.run();
    put(&mut world, &guest("g1"), &from, content(&[("d", 1)]), IfVersion::Any).unwrap();
    assert_eq!(merge(&mut world, &to, &from), Ok(Reply::Merging));
    world.run();
    let wanted = [("a", 1), ("b", 5), ("c", 4), ("d", 1)].map(|(sku, n)| (sku.to_owned(), n));
    assert_eq!(lines(&mut world, &buyer("ada"), &to), wanted);
    assert_eq!(merge(&mut world, &to, &from), Ok(Reply::Done));
    let version = world.version(&to);
    world.run();
    assert_eq!(
        (lines(&mut world, &buyer("ada"), &to), world.version(&to)),
        (wanted.into(), version)
    );
}

#[test]
fn a_merge_takes_all_that_fits_or_nothing() {
    let many: Vec<String> = (0..499).map(|n| format!("s{n}")).collect();
    let many: Vec<(&str, u32)> = many.iter().map(|sku| (sku.as_str(), 1)).collect();
    for (own, code) in [(content(&many), "too_many"), (content(&[("b", 999_998)]), "too_large")] {
        // Seen before it is asked for.
        let mut world = World::new();
        let (to, from) = two_carts(&mut world);
        put(&mut world, &buyer("ada"), &to, own.clone(), IfVersion::Any).unwrap();
        match merge(&mut world, &to, &from) {
            Err(Rejection::Invalid(wrong)) => {
                assert_eq!((&*wrong.pointer, &*wrong.code), ("/guest_cart_id", code));
            }
            other => panic!("{code}: {other:?}"),
        }
        // Grown while the lines were on their way: they go back.
        let mut world = World::new();
        let (to, from) = two_carts(&mut world);
        merge(&mut world, &to, &from).unwrap();
        put(&mut world, &buyer("ada"), &to, own.clone(), IfVersion::Any).unwrap();
        world.run();
        assert_eq!(view(&mut world, &buyer("ada"), &to).content.lines, own.lines);
        let left = lines(&mut world, &guest("g1"), &from);
        assert_eq!(left, [("b".to_owned(), 3), ("c".to_owned(), 4)], "{code}");
    }
}

#[test]
fn a_merge_that_fails_loses_nothing() {
    for (kind_of_loss, n_lost) in [("the question", 1), ("the answer", 2)] {
        let mut world = World::new();
        let (to, from) = two_carts(&mut world);
        let mut n = 0;
        world.judge(move |message| {
            n += i32::from(message.to.kind == kinds::CART);
            if message.to.kind == kinds::CART && n == n_lost {
                Fate::Bounces(|| BounceReason::DeadLetter)
            } else {
                Fate::Arrives
            }
        });
        merge(&mut world, &to, &from).unwrap();
        world.run();
        let left = lines(&mut world, &guest("g1"), &from);
        assert_eq!(left, [("b".to_owned(), 3), ("c".to_owned(), 4)], "{kind_of_loss} was lost");
        assert_eq!(lines(&mut world, &buyer("ada"), &to).len(), 2);
    }
}

#[test]
fn a_customer_remembers_the_cart() {
    let mut world = World::new();
    let (to, _) = two_carts(&mut world);
    assert_eq!(world.customer_view("ada").carts, [to]);
}
