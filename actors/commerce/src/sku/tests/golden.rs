//! Frozen bytes: every stored type, every variant. A change of these files is a change of what is
//! on disk: it needs a new version and an upcast.

use std::fmt::Write as _;

use codec::Stored;
use expect_test::{ExpectFile, expect_file};

use super::*;

fn check<T: Stored + PartialEq + std::fmt::Debug>(samples: &[T], file: &ExpectFile) {
    let mut text = String::new();
    for sample in samples {
        let packed = pack(sample).unwrap();
        assert_eq!(unpack::<T>(&packed).unwrap(), *sample);
        let name: String =
            format!("{sample:?}").chars().take_while(|c| c.is_alphanumeric()).collect();
        let _ = write!(text, "{name} {:04x}.{} ", packed.type_id, packed.version);
        for byte in &packed.bytes {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
    }
    file.assert_eq(&text);
}

fn terms(phase: Phase) -> Terms {
    Terms { generation: 2, parts: Parts::One((0, 3)), ttl_ms: 60_000, phase }
}

const LEFT: Left = Left { units: 7, turned: None };

fn events() -> Vec<Event> {
    let (hold_id, owner) = (id("a"), Owner::of(&owner("o1")));
    let (location, left) = (CompactString::new("main"), LEFT);
    vec![
        Event::Put { product_id: "p1".into(), title: "A thing".into() },
        Event::ArchivedSet { archived: true },
        Event::PriceSet {
            book: "default".into(),
            amount: Money::new(1099, Ccy::USD),
            price_version: 3,
        },
        Event::PolicySet { location: location.clone(), safety: 1, oversell_limit: 300, left },
        Event::Adjusted {
            location: location.clone(),
            kind: MovementKind::Counted,
            delta: -3,
            reason: "counted".into(),
            shortfall: 1,
            left: Left { units: 0, turned: Some(Availability::Out) },
        },
        Event::Held { hold_id, owner: owner.clone(), terms: terms(Phase::Held), left },
        Event::Resized {
            hold_id,
            terms: Terms { parts: Parts::of(vec![(1, 2), (0, 1)]), ..terms(Phase::Pinned) },
            left,
        },
        Event::Grown { hold_id, terms: terms(Phase::Committed), left },
        Event::Pinned { hold_id },
        Event::Unpinned { hold_id, ttl_ms: 60_000 },
        Event::Committed { hold_id },
        Event::Released { hold_id, left: Left { units: 1, turned: Some(Availability::Low) } },
        Event::Expired { hold_ids: vec![hold_id, id("b")], left },
        Event::Revoked { hold_ids: vec![hold_id], left },
        Event::Transferred { hold_id, owner },
        Event::Shipped {
            hold_id,
            shipment_id: id("s1"),
            location: location.clone(),
            qty: 2,
            left: Left { units: 9, turned: Some(Availability::InStock) },
        },
        Event::Restocked {
            hold_id,
            movement: (id("r1"), 1),
            location,
            qty: 1,
            origin: Origin::Shipped,
            condition: Condition::Unusable,
            left,
        },
        Event::OwnersAsked { hold_ids: vec![hold_id] },
    ]
}

/// Place of a variant; a new one does not compile until it has one here and a sample above.
pub(super) const fn place(event: &Event) -> usize {
    match event {
        Event::Put { .. } => 0,
        Event::ArchivedSet { .. } => 1,
        Event::PriceSet { .. } => 2,
        Event::PolicySet { .. } => 3,
        Event::Adjusted { .. } => 4,
        Event::Held { .. } => 5,
        Event::Resized { .. } => 6,
        Event::Grown { .. } => 7,
        Event::Pinned { .. } => 8,
        Event::Unpinned { .. } => 9,
        Event::Committed { .. } => 10,
        Event::Released { .. } => 11,
        Event::Expired { .. } => 12,
        Event::Revoked { .. } => 13,
        Event::Transferred { .. } => 14,
        Event::Shipped { .. } => 15,
        Event::Restocked { .. } => 16,
        Event::OwnersAsked { .. } => 17,
    }
}

pub(super) const N_EVENTS: usize = 18;

#[test]
fn events_are_frozen() {
    let places: Vec<usize> = events().iter().map(place).collect();
    assert_eq!(places, (0..N_EVENTS).collect::<Vec<_>>());
    check(&events(), &expect_file!["../golden/event.hex"]);
}

#[test]
fn commands_are_frozen() {
    let sku = World::stocked(1).sku;
    let lines = [
        "put p1 if=7",
        "price 1099 if=absent",
        "policy main 1 300",
        "adjust main -3 lost",
        "count main 5",
        "archive yes",
        "hold a 2 3 ttl=60 prefer=main,east commit",
        "pin a 2",
        "unpin a 60",
        "commit a",
        "release a 2",
        "transfer a o2",
        "ship a s1 main 2",
        "restock a r1 main 1 good",
        "restock a r1 main 1 bad",
        "status a keep",
    ];
    let commands: Vec<Command> =
        lines.iter().map(|line| parse(&line.split(' ').collect::<Vec<_>>(), &sku)).collect();
    let places: Vec<usize> = commands.iter().map(place_of_command).collect();
    // Both ways to change the stock, and both conditions of units that come back.
    assert_eq!(places, [0, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 12, 13]);
    check(&commands, &expect_file!["../golden/command.hex"]);
}

/// As [`place`], of a command.
const fn place_of_command(command: &Command) -> usize {
    match command {
        Command::PutSku { .. } => 0,
        Command::SetPrice { .. } => 1,
        Command::SetPolicy { .. } => 2,
        Command::Adjust { .. } => 3,
        Command::SetArchived { .. } => 4,
        Command::Hold { .. } => 5,
        Command::Pin { .. } => 6,
        Command::Unpin { .. } => 7,
        Command::Commit { .. } => 8,
        Command::Release { .. } => 9,
        Command::Transfer { .. } => 10,
        Command::Ship { .. } => 11,
        Command::Restock { .. } => 12,
        Command::OwnerStatus { .. } => 13,
    }
}

/// A SKU that has been through everything.
pub(super) fn eventful() -> World {
    let mut world = World::stocked(10);
    for line in [
        "adjust east +4 receipt",
        "policy east 1 2",
        "price 900 book=vip",
        "hold a 1 3 commit",
        "ship a s1 east 1",
        "restock a r1 east 1 bad",
        "hold a 2 2",
        "hold b 1 9",
        "pin b 1",
        "hold c 1 1",
        "release c 1",
        "restock d r2 main 1 good",
    ] {
        let told = world.run(line);
        assert!(
            !["no:", "Rejected", "Refused"].iter().any(|no| told.contains(no)),
            "{line}: {told}"
        );
    }
    world
}

#[test]
fn states_are_frozen() {
    let states = [World::new().sku, World::stocked(10).sku, eventful().sku];
    check(&states, &expect_file!["../golden/state.hex"]);
}

/// Of an earlier build: when it was last edited is not known.
#[test]
fn an_older_state_is_read() {
    let stored = include_str!("../golden/state.v1.hex").lines().last().unwrap();
    let (_, hex) = stored.split_once("0140.1 ").unwrap();
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    let read = Sku::decode_version(1, &bytes).unwrap();
    let version = eventful().sku.version;
    assert_eq!(read, Sku { edited: version, ..eventful().sku });
}

#[test]
fn replies_rejections_queries_and_views_are_frozen() {
    let world = eventful();
    let (sku, stock) = (world.sku.view(), world.sku.stock_view(&world.sku.shelves, 12));
    let price = world.sku.price_view("vip").unwrap();
    let movement = world.sku.movements[0].clone();
    let replies = [
        Reply::Sku(sku.clone()),
        Reply::Price(price.clone()),
        Reply::Stock(stock.clone()),
        Reply::Adjusted { stock: stock.clone(), movement, shortfall: 2 },
    ];
    check(&replies, &expect_file!["../golden/reply.hex"]);

    let hold_id = id("a");
    let rejections = [
        Rejection::NotFound,
        Rejection::Forbidden,
        Rejection::VersionMismatch { version: 7 },
        Rejection::NegativeOnHand { on_hand: 3 },
        Rejection::invalid("/qty", "range", "1 to 1,000,000"),
        Rejection::MoneyOverflow,
        Rejection::AlreadyCommitted { hold_id },
        Rejection::NotThatMany { hold_id },
    ];
    check(&rejections, &expect_file!["../golden/rejection.hex"]);

    let queries = [
        Query::Get,
        Query::Price { book: "vip".into() },
        Query::Stock,
        Query::Holds { after: Some(hold_id), limit: 20 },
        Query::Movements { before: Some(9), limit: 20 },
    ];
    check(&queries, &expect_file!["../golden/query.hex"]);

    let mut views = vec![View::Sku(sku), View::Price(price), View::Stock(stock)];
    for query in &queries[3..] {
        match world.ask(&operator(), query) {
            Answer::Ready(view) => views.push(view),
            Answer::NotYet(_) | Answer::Rejected(_) => panic!("an operator may ask"),
        }
    }
    check(&views, &expect_file!["../golden/view.hex"]);
}
