//! Every checker passes a good journal with something to look at, and reports a tampered one.

mod cases;
mod cases_money;
mod cases_saga;
mod rig;
mod tamper;

use std::collections::BTreeMap;

use codec::unpack;
use commerce::customer::{Address, Customer, SavedAddress};
use commerce::order::{self, ActionName, Order};
use commerce::shipment::{self, Shipment};
use commerce::views::catalogue;
use commerce::{account, sku};
use entity::{EventContext, PrincipalKind, ShardId, Tenant, Timestamp};
use ports::{Checkpoint, OutStreamState, TimerRow};

use super::customers::CustomerFold;
use super::{CHECKS, Findings, Given, Journals, Rec, World, Written};

/// One way of tampering, and the checker that has to say so.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) reported_by: &'static str,
    pub(super) tamper: fn(&mut Journals, &mut Given),
}

fn check(name: &str, world: &World) -> Findings {
    let (_, check) = CHECKS.iter().find(|(it, _)| *it == name).expect("a checker of this name");
    check(world)
}

#[test]
fn a_good_journal_passes_and_every_checker_looks_at_it() {
    let (journals, given) = rig::good();
    let world = World::new(journals, given);
    for (name, found) in world.check_all() {
        assert_eq!(found.violations, [], "{name}");
        assert!(found.looked_at > 0, "{name} looked at nothing");
        assert_eq!(found, check(name, &world), "{name} is not deterministic");
    }
}

#[test]
fn a_good_journal_passes_while_faults_last() {
    let (journals, mut given) = rig::good();
    given.is_healed = false;
    for (name, found) in World::new(journals, given).check_all() {
        assert_eq!(found.violations, [], "{name}");
    }
}

#[test]
fn each_tampering_is_reported_under_its_number() {
    let (mut covered, mut missed) = (Vec::new(), Vec::new());
    for case in cases::CASES.iter().chain(cases_saga::CASES).chain(cases_money::CASES) {
        let (mut journals, mut given) = rig::good();
        (case.tamper)(&mut journals, &mut given);
        let world = World::new(journals, given);
        let found = check(case.reported_by, &world);
        let numbers = found.violations.iter().all(|it| it.invariant == case.reported_by);
        if found.violations.is_empty() || !numbers {
            missed.push((case.reported_by, case.name));
        }
        covered.push(case.reported_by);
    }
    assert_eq!(missed, []);
    for (name, _) in CHECKS {
        assert!(covered.contains(&name), "no case makes {name} fail");
    }
}

#[test]
fn parcels_that_collect_too_little_are_found() {
    let (journals, given) = rig::good();
    let mut world = World::new(journals, given);
    let mut bodies = world.shop.orders.values_mut().filter_map(|order| order.body.as_mut());
    let of_parcels = bodies.find(|body| body.terms.is_cod() && !body.parcels.is_empty());
    of_parcels.expect("one pays at the door").parcels[0].due -= 1;
    let found = check("I9", &world);
    let what: Vec<&str> = found.violations.iter().map(|it| it.what.as_str()).collect();
    assert_eq!(what.len(), 2, "the shipment collects what the order said: {what:?}");
    assert!(what[0].contains("is due at the door") && what[1].contains("carries 2"), "{what:?}");
}

#[test]
fn who_pays_for_what_was_cancelled_is_found() {
    let unpaid = |is_cod: bool| {
        let (journals, given) = rig::good();
        let mut world = World::new(journals, given);
        let mut bodies = world.shop.orders.values_mut().filter_map(|order| order.body.as_mut());
        let is_sold = |it: &order::Body| it.confirmed && it.stage != order::Stage::Cancelled;
        let sold = bodies.find(|it| it.terms.is_cod() == is_cod && is_sold(it));
        sold.expect("one of each was sold").lines[0].cancelled = 1;
        check("I9", &world).violations
    };
    for is_cod in [true, false] {
        let found = unpaid(is_cod);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].what.contains("is paid for what was not cancelled"), "{found:?}");
    }
}

#[test]
fn a_parcel_that_never_arrives_is_found_whatever_it_says_itself() {
    let (mut journals, mut given) = rig::good();
    let arrived = |event: &shipment::Event| matches!(event.fact, shipment::Fact::Delivered { .. });
    tamper::drop_event::<Shipment>(&mut journals, arrived);
    given.clock = Some(Timestamp::MAX);
    let mut world = World::new(journals, given);
    for body in world.shop.shipments.values_mut().flatten() {
        body.dispatched_at = None;
    }
    let mut found = world.findings("I11");
    super::i11_all_ends::over_time(&world, &mut found);
    let is_said = found.violations.iter().any(|it| it.what.contains("is Dispatched since"));
    assert!(is_said, "{:?}", found.violations);
}

#[test]
fn an_address_that_changes_under_its_version_is_found() {
    let address = |line1: &str, version| SavedAddress {
        id: "home".into(),
        version,
        is_default: true,
        address: Address {
            name: "Ada".into(),
            line1: line1.into(),
            line2: None,
            city: "Springfield".into(),
            region: None,
            postal_code: "90210".into(),
            country: "US".into(),
            phone: None,
        },
    };
    let key = commerce::keys::customer(&Tenant::new("demo"), PrincipalKind::Customer, "ann");
    let faults = |addresses: &[(u64, SavedAddress)]| {
        let mut fold = CustomerFold::default();
        for (version, address) in addresses {
            let ctx = EventContext { key: &key, version: *version, at: Timestamp(1) };
            fold.event(&ctx, &Customer { addresses: vec![address.clone()], ..Default::default() });
        }
        fold.faults.len()
    };
    let first = || (1, address("1 Road", 1));
    assert_eq!(faults(&[first(), (2, address("1 Road", 1)), (3, address("2 Road", 3))]), 0);
    assert_eq!(faults(&[first(), (2, address("2 Road", 1))]), 1, "it shows another house");
    let other = SavedAddress { is_default: false, ..address("1 Road", 1) };
    assert_eq!(faults(&[first(), (2, other)]), 2, "it is the default no more, and none is");
    assert_eq!(faults(&[(2, address("1 Road", 1))]), 1, "it is new");
}

#[test]
fn lists_hold_each_order_where_it_belongs() {
    let (journals, given) = rig::good();
    let world = World::new(journals, given);
    let places = (0..3).map(|shard| (ShardId(shard), u64::MAX)).collect();
    let fold = &edge::Views::FOLDS[0];
    let rows = crate::check::views::folded(&world, fold, &places).unwrap();
    let judged = |rows: &BTreeMap<Vec<u8>, Vec<u8>>, places: &BTreeMap<ShardId, u64>| {
        let mut found = world.findings("listed");
        crate::check::listed::judge_rows(rows, places, &world, &mut found).unwrap();
        found
    };
    let found = judged(&rows, &places);
    assert!(found.violations.is_empty() && found.looked_at > 20, "{found:?}");
    let mut n_found = 0;
    for key in rows.keys() {
        let mut fewer = rows.clone();
        let row = fewer.remove(key).unwrap();
        n_found += usize::from(!judged(&fewer, &places).violations.is_empty());
        assert_eq!(judged(&fewer, &BTreeMap::new()).violations, [], "nothing is shown yet");
        // Where only the row of state differs, lists do not show it.
        let others = rows.iter().filter(|(other, _)| other[0] == key[0] && **other != *key);
        for (other, _) in others.filter(|(_, other)| **other != row).take(1) {
            let mut moved = rows.clone();
            moved.insert(other.clone(), row.clone());
            n_found += usize::from(!judged(&moved, &places).violations.is_empty());
        }
    }
    assert!(n_found >= 30, "of rows that are missing or another's {n_found} are found");
}

#[test]
fn an_order_on_hold_that_does_not_stand_still_is_found() {
    let (mut journals, given) = rig::busy();
    let found = check("promised", &World::new(journals.clone(), given.clone()));
    assert_eq!(found.violations, [], "it goes on with what was left");
    tamper::drop_event::<commerce::order::Order>(&mut journals, |event| {
        matches!(event.fact, commerce::order::Fact::Resumed { .. })
    });
    let found = check("promised", &World::new(journals, given));
    assert!(found.violations.iter().any(|it| it.what.contains("is on hold: ")), "{found:?}");
}

#[test]
fn other_units_than_were_cancelled_are_found() {
    let (mut journals, given) = rig::busy();
    let found = check("words", &World::new(journals.clone(), given.clone()));
    assert_eq!(found.violations, [], "some were, and a parcel was refused");
    tamper::event::<commerce::order::Order>(&mut journals, |event| {
        let order::Fact::LinesCancelled { cuts } = &mut event.fact else { return false };
        cuts[0].qty += 100;
        true
    });
    let found = check("words", &World::new(journals, given));
    assert!(found.violations.iter().any(|it| it.what.contains("units are cancelled")));
}

#[test]
fn a_correction_that_revokes_nothing_is_found() {
    let (mut journals, given) = rig::good();
    cases_money::corrected(&mut journals);
    let found = check("I8", &World::new(journals, given));
    let is_said = |what: &str| what.contains("a correction leaves");
    assert!(found.violations.iter().any(|it| is_said(&it.what)), "{:?}", found.violations);
}

#[test]
fn a_deadline_that_was_slept_through_is_found() {
    let (journals, mut given) = rig::good();
    given.durable_us = (0..3).map(|shard| (ShardId(shard), vec![9; 1_000])).collect();
    let last = World::new(journals.clone(), given.clone()).last_time();
    let rows = [
        ((10, last), false, "none is over yet"),
        ((9, Timestamp::MAX), false, "nothing stood there when all was at rest"),
        ((10, Timestamp::MAX), true, "all are over"),
    ];
    for (rested, is_late, why) in rows {
        given.rested = Some(rested);
        let found = check("I11", &World::new(journals.clone(), given.clone()));
        assert_eq!(!found.violations.is_empty(), is_late, "{why}: {:?}", found.violations);
    }
}

#[test]
fn what_a_restart_would_miss_is_found() {
    let at = Timestamp(7);
    let key = commerce::keys::cart(&Tenant::new("demo"), "cart-0001");
    let stream = |last| OutStreamState { to_shard: ShardId(1), last, unacked: Vec::new() };
    let written = |commit_no, last, rows: &[TimerRow]| Written {
        shard: ShardId(0),
        at_us: 5,
        snapshots: vec![(key.clone(), 3, Some(at))],
        timers_delete: Vec::new(),
        timers_put: rows.to_vec(),
        checkpoint: Some(Checkpoint {
            commit_no,
            out: vec![stream(last)],
            ..Checkpoint::default()
        }),
    };
    let finds = |written| {
        let (journals, given) = rig::good();
        let world = World::new(journals, Given { written: vec![written], ..given });
        ["I3", "I5"].map(|name| !check(name, &world).violations.is_empty())
    };
    let row = [TimerRow { at, key: key.clone() }];
    assert_eq!(finds(written(0, 0, &row)), [false, false]);
    assert_eq!(finds(written(0, 0, &[])), [true, false], "nothing would wake it");
    assert_eq!(finds(written(0, 1_000_000, &row)), [false, true], "taken by nobody");
    assert!(finds(written(u64::MAX, 0, &row))[0], "records without a snapshot");
}

#[test]
fn what_was_to_end_long_ago_is_found() {
    let (journals, mut given) = rig::good();
    let last = World::new(journals.clone(), given.clone()).last_time();
    let mut over_time = |after_ms| {
        given.clock = Some(last.plus_ms(after_ms));
        let world = World::new(journals.clone(), given.clone());
        let mut found = world.findings("I11");
        super::i11_all_ends::over_time(&world, &mut found);
        found
    };
    assert_eq!(over_time(60_000).violations, []);
    let found = over_time(60 * 24 * 3_600_000);
    for what in ["is fulfilled since", "was to lapse at"] {
        assert!(found.violations.iter().any(|it| it.what.contains(what)), "{what}: {found:?}");
    }
}

#[test]
fn findings_are_bounded_and_say_how_many_more_there_were() {
    let mut found = Findings::of("I2", 7);
    for n in 0..50 {
        found.judge(n % 2 == 0, || format!("thing {n}"));
    }
    assert_eq!((found.looked_at, found.violations.len()), (50, super::VIOLATIONS_MAX + 1));
    assert_eq!(found.violations[0].what, "thing 1");
    assert_eq!(found.violations[super::VIOLATIONS_MAX].what, "and 5 more");
    assert!(found.violations.iter().all(|it| (it.invariant.as_str(), it.at_us) == ("I2", 7)));
}

#[test]
fn a_busy_shop_gives_no_finding() {
    let (journals, given) = rig::busy();
    let world = World::new(journals, given);
    for (name, found) in world.check_all() {
        assert_eq!(found.violations, [], "{name}");
    }
    // The models were tried on every way in which units end, and on money that came back.
    let seen: std::collections::BTreeSet<_> = world.records().iter().flat_map(ends).collect();
    let wanted = ["credited", "released", "restocked", "revoked", "shipped"];
    assert_eq!(Vec::from_iter(seen), wanted);
}

fn ends(rec: &Rec) -> Vec<&'static str> {
    let name = |packed| match (unpack(packed), unpack(packed)) {
        (Ok(sku::Event::Released { .. }), _) => Some("released"),
        (Ok(sku::Event::Restocked { .. }), _) => Some("restocked"),
        (Ok(sku::Event::Revoked { .. }), _) => Some("revoked"),
        (Ok(sku::Event::Shipped { .. }), _) => Some("shipped"),
        (_, Ok(account::Event::Credited { .. })) => Some("credited"),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => None,
    };
    rec.record.events.iter().filter_map(name).collect()
}

#[test]
fn another_deadline_than_the_terms_promise_is_found() {
    let (journals, given) = rig::good();
    let world = World::new(journals, given);
    let mut bodies = world.shop.orders.values().filter_map(|order| order.body.as_ref());
    let unpaid = bodies.find(|body| body.stage == order::Stage::AwaitingPayment).unwrap();
    let key = commerce::keys::order(&unpaid.terms.cart, unpaid.terms.generation);
    let pay_ms = unpaid.terms.timers.pay_ms;
    let at = unpaid.timer.unwrap().minus_ms(pay_ms);
    let differs = |later_ms| {
        let mut order = Order { body: Some(unpaid.clone()) };
        order.body.as_mut().unwrap().timer = Some(at.plus_ms(pay_ms + later_ms));
        let ctx = EventContext { key: &key, version: 9, at };
        let event = order::Event { after: unpaid.after(), fact: order::Fact::WalletHeld };
        super::promised::OfOrder::default().event(&ctx, &order, &event)
    };
    assert_eq!(differs(0), None);
    assert!(differs(1).is_some_and(|what| what.contains("is to be woken")));
}

#[test]
fn what_is_offered_and_refused_is_found() {
    let (cancel, receipt) = (ActionName::Cancel, ActionName::ConfirmReceipt);
    let fine = [(cancel, true, true), (receipt, false, false)];
    assert_eq!(super::offers::wrong(&fine), None);
    assert!(super::offers::wrong(&[(cancel, true, false)]).is_some(), "a button without effect");
    assert!(super::offers::wrong(&[fine[0], (receipt, false, true)]).is_some(), "no button");
}

#[test]
fn a_book_of_addresses_without_a_default_is_found() {
    let (journals, given) = rig::good();
    let world = World::new(journals, given);
    let key = commerce::keys::customer(&Tenant::new("demo"), PrincipalKind::Customer, "ann");
    let terms = world.shop.orders.values().find_map(|it| it.body.as_ref()).unwrap();
    let address = terms.terms.address.clone();
    let faults = |defaults: &[bool]| {
        let saved = |(id, is_default): (usize, &bool)| SavedAddress {
            id: id.to_string().into(),
            version: 1,
            is_default: *is_default,
            address: address.clone(),
        };
        let addresses = defaults.iter().enumerate().map(saved).collect();
        let mut fold = CustomerFold::default();
        let ctx = EventContext { key: &key, version: 1, at: Timestamp(1) };
        fold.event(&ctx, &Customer { addresses, ..Default::default() });
        fold.faults.len()
    };
    assert_eq!([faults(&[]), faults(&[false, true])], [0, 0]);
    assert_eq!([faults(&[false]), faults(&[true, true])], [1, 1]);
}

#[test]
fn a_row_of_the_catalogue_that_is_behind_its_sku_is_found() {
    let (journals, given) = rig::good();
    let world = World::new(journals, given);
    let mut places: BTreeMap<_, _> = (0..3).map(|shard| (ShardId(shard), u64::MAX)).collect();
    let fold = edge::Views::FOLDS.iter().find(|it| it.name == catalogue::NAME).unwrap();
    let mut rows = crate::check::views::folded(&world, fold, &places).unwrap();
    let judged = |rows: &BTreeMap<Vec<u8>, Vec<u8>>, places: &BTreeMap<ShardId, u64>| {
        let mut found = world.findings("listed");
        crate::check::listed::judge_skus(rows, places, &world, &mut found).unwrap();
        (found.looked_at, found.violations.len())
    };
    let (n_skus, n_wrong) = judged(&rows, &places);
    assert!(n_skus >= 2 && n_wrong == 0);
    for key in world.shop.skus.keys() {
        let row = rows.get_mut(&catalogue::state_key(key)).unwrap();
        let mut other: catalogue::SkuRow = codec::from_bytes(row).unwrap();
        other.prices[0].1.minor += 1;
        *row = codec::to_bytes(&other).unwrap();
    }
    assert_eq!(judged(&rows, &places), (n_skus, n_skus as usize));
    places.clear();
    assert_eq!(judged(&rows, &places), (0, 0), "nothing is shown yet");
}
