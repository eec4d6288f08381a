//! Frozen bytes of a customer: every stored type, every variant.

use expect_test::expect_file;

use super::*;
use crate::order::tests::golden::{check, id, named};

fn order() -> OrderRef {
    OrderRef { affinity: Affinity(7), id: id(3) }
}

fn grant() -> Grant {
    Grant { day: Day(20_778), points: 15, streak: 3 }
}

#[test]
fn commands_and_events() {
    let cart = keys::cart(&tenant(), "cart-of-ada");
    let (name, email) = (CompactString::new("Ada"), CompactString::new("ada@example.org"));
    let (at, utc_offset_min, if_version) = (START, -480, IfVersion::Exact(3));
    let commands = named(vec![
        register("Ada", "ada@example.org"),
        Command::Update { name: Some(name.clone()), email: None, if_version },
        put("home", true, if_version),
        Command::DeleteAddress { id: "home".into(), if_version },
        Command::SignIn { date: Some(Day(20_778)) },
        Command::RecordOrder { order: order(), at },
        Command::CartOpened { cart: cart.clone() },
    ]);
    check(7, &commands, &expect_file!["../golden/command.hex"]);
    let (kind, subject) = (PrincipalKind::Customer, "ada".into());
    let events = named(vec![
        Event::Registered {
            kind,
            subject,
            name: name.clone(),
            email: email.clone(),
            utc_offset_min,
        },
        Event::Updated { name, email },
        Event::AddressPut { id: "home".into(), address: address(), as_default: true },
        Event::AddressDeleted { id: "home".into() },
        Event::SignedIn(grant()),
        Event::OrderRecorded { order: order(), at },
        Event::CartOpened { cart },
    ]);
    check(7, &events, &expect_file!["../golden/event.hex"]);
}

#[test]
fn answers() {
    let replies = named(vec![
        Reply::Done,
        Reply::Registered { created: true },
        Reply::AddressPut { created: false },
        Reply::SignedIn { grant: grant(), replayed: true },
    ]);
    check(4, &replies, &expect_file!["../golden/reply.hex"]);
    let rejections = named(vec![
        Rejection::NotFound,
        Rejection::WrongSource,
        Rejection::VersionMismatch { version: Some(3) },
        Rejection::Invalid(Invalid::new("/name", "blank", "must not be blank")),
        Rejection::AddressBookFull,
        Rejection::NotToday { today: Day(20_778) },
    ]);
    check(6, &rejections, &expect_file!["../golden/rejection.hex"]);
    let queries = named(vec![
        Query::Me,
        Query::Addresses,
        Query::Orders,
        Query::Carts,
        Query::Points,
        Query::Overview,
    ]);
    check(6, &queries, &expect_file!["../golden/query.hex"]);
}

#[test]
fn states_and_views() {
    let new = World::new().customer;
    let mut world = World::registered();
    world.ask(put("home", false, IfVersion::Any)).unwrap();
    world.ask(Command::SignIn { date: None }).unwrap();
    world.told(Command::RecordOrder { order: order(), at: START });
    world.told(Command::CartOpened { cart: keys::cart(&tenant(), "cart-of-ada") });
    let states = [("new".to_owned(), new), ("full".to_owned(), world.customer.clone())];
    check(2, &states, &expect_file!["../golden/state.hex"]);
    let queries =
        [Query::Me, Query::Addresses, Query::Orders, Query::Carts, Query::Points, Query::Overview];
    let views = queries.iter().map(|query| world.query_as(&buyer("ada"), query).unwrap());
    check(6, &named(views.collect()), &expect_file!["../golden/view.hex"]);
}

/// Of an earlier build: what a profile's version was is not known.
#[test]
fn an_older_state_is_read() {
    let stored = include_str!("../golden/state.v1.hex").lines().last().unwrap();
    let (_, hex) = stored.split_once("0110.1 ").unwrap();
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    let read = <Customer as codec::Stored>::decode_version(1, &bytes).unwrap();
    assert_eq!((read.profile_version, read.n_orders, read.addresses.len()), (0, 1, 1));
    assert_eq!(read.profile.unwrap().name, "Ada");
}
