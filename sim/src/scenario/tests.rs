//! The built-in scenarios over seeds, what a swarm chooses, and what is refused.

use std::collections::{BTreeMap, BTreeSet};

use xxhash_rust::xxh3::xxh3_64;

use super::*;
use crate::plan::{Fault, FaultKind, Journey, Plan};

fn mixed() -> Scenario {
    Scenario::built_in("mixed").expect("built in")
}

fn end_us(fault: &Fault) -> u64 {
    fault.end_us()
}

#[test]
fn every_built_in_scenario_makes_plans_that_can_be_read_back() {
    for (name, text) in BUILT_IN {
        let scenario = Scenario::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(scenario.name, name);
        for seed in 0..50 {
            let plan = scenario.plan(seed);
            plan.check().unwrap_or_else(|error| panic!("{name} {seed}: {error}"));
            assert!(!plan.traffic.is_empty(), "{name} {seed}");
            assert!(plan.traffic.is_sorted_by_key(|visit| (visit.at_us, visit.id)));
            let ends = plan.setup.duration_ms * 1_000;
            assert!(plan.traffic.iter().all(|visit| visit.at_us < ends));
            let calm_ms = scenario.swarm.as_ref().map_or(0, |swarm| swarm.calm_ms);
            let calm = ends - calm_ms * 1_000;
            assert!(plan.faults.iter().all(|fault| end_us(fault) < calm), "{name} {seed}");
            let visits: BTreeSet<u32> = plan.traffic.iter().map(|visit| visit.id).collect();
            let faults: BTreeSet<u32> = plan.faults.iter().map(|fault| fault.id).collect();
            assert_eq!(visits.len() + faults.len(), plan.len(), "{name} {seed}: equal numbers");
            // Text of the large ones is tens of megabytes: twice is enough.
            if plan.len() < 3_000 || seed < 2 {
                assert_eq!(Plan::read(&plan.write()).expect("as it was written"), plan);
            }
        }
    }
}

#[test]
fn the_same_seed_makes_the_same_plan_and_another_seed_another_one() {
    let plans: BTreeSet<String> = (0..20).map(|seed| mixed().plan(seed).write()).collect();
    assert_eq!(plans.len(), 20);
    for seed in 0..20 {
        assert!(plans.contains(&mixed().plan(seed).write()));
    }
}

#[test]
fn plans_are_these_on_every_machine() {
    // Frozen: a change here makes every seed that was ever named another run. That may be right
    // (a better model), but then seeds of the past are told by their plans only.
    let pinned = [
        ("mixed", 1, 0x476e_3185_fd6b_51e1),
        ("mixed", 2, 0x5a0b_7f3d_3536_b326),
        ("flash-sale", 42, 0x9895_f04c_4f98_543f),
        ("diurnal-day", 7, 0x8a3f_84e8_9e6b_2632),
        ("hot-key-burst", 3, 0x90f1_704d_412e_6394),
        ("bots", 5, 0xb328_5dd1_249f_bdad),
    ];
    let found = pinned.map(|(name, seed, _)| {
        let plan = Scenario::built_in(name).expect("built in").plan(seed);
        (name, seed, xxh3_64(plan.write().as_bytes()))
    });
    assert_eq!(found, pinned, "{found:#x?}");
}

#[test]
fn mixed_seeds_are_small_and_large_enough() {
    let (mut fewest, mut most) = (usize::MAX, 0);
    let scenario = mixed();
    for seed in 0..1_000 {
        let plan = scenario.plan(seed);
        let is_order = |journey: &Journey| matches!(journey, Journey::Buy { .. });
        let n = plan.traffic.iter().filter(|visit| is_order(&visit.journey)).count();
        fewest = fewest.min(n);
        most = most.max(n);
    }
    assert!(fewest >= 95 && most <= 260, "{fewest} to {most} orders");
}

#[test]
fn a_family_is_in_play_in_about_half_of_the_seeds_that_it_fits() {
    let mut seeds: BTreeMap<u16, u32> = BTreeMap::new();
    let mut hits: BTreeMap<(u16, &str), u32> = BTreeMap::new();
    let scenario = mixed();
    for seed in 0..2_000 {
        let plan = scenario.plan(seed);
        *seeds.entry(plan.setup.nodes).or_default() += 1;
        let families: BTreeSet<&str> =
            plan.faults.iter().map(|fault| fault.kind.family()).collect();
        for family in families {
            *hits.entry((plan.setup.nodes, family)).or_default() += 1;
        }
    }
    assert!(seeds[&1] > 400 && seeds[&3] > 850 && seeds[&5] > 400, "{seeds:?}");
    for (nodes, n_seeds) in &seeds {
        for family in Family::ALL {
            let name = format!("{family:?} of {nodes}");
            let found = hits.get(&(*nodes, faults::example(family).family()));
            let found = found.copied().unwrap_or(0);
            if family.fits(*nodes) {
                let percent = found * 100 / n_seeds;
                assert!((38..=62).contains(&percent), "{name}: {percent} %");
            } else {
                assert_eq!(found, 0, "{name}");
            }
        }
    }
}

#[test]
fn families_are_called_as_their_faults_are() {
    for (place, family) in Family::ALL.into_iter().enumerate() {
        assert_eq!(family as usize, place);
        let kind = faults::example(family);
        assert_eq!(Family::of(&kind), family);
        let text = format!("family = '{}'", kind.family());
        let read: BTreeMap<String, Family> = toml::from_str(&text).expect("a family's name");
        assert_eq!(read["family"], family);
    }
}

#[test]
fn every_mixed_seed_has_a_fault_that_has_an_effect() {
    let scenario = mixed();
    for seed in 0..3_000 {
        let plan = scenario.plan(seed);
        let last_visit = plan.traffic.last().expect("visits").at_us;
        let is_sure = |fault: &&Fault| {
            Family::of(&fault.kind).is_sure() && fault.for_ms > 0 && fault.at_us < last_visit
        };
        assert!(plan.faults.iter().any(|fault| is_sure(&fault)), "seed {seed}");
        for fault in &plan.faults {
            assert!(acts(fault, plan.setup.nodes), "seed {seed}: {fault:?}");
        }
    }
}

/// Whether a fault is more than nothing.
fn acts(fault: &Fault, nodes: u16) -> bool {
    let family = Family::of(&fault.kind);
    let has_length = fault.for_ms > 0 || !family.lasts();
    has_length
        && match fault.kind {
            FaultKind::Partition { side, .. } => side > 0 && side < (1 << nodes) - 1,
            FaultKind::Loss { percent }
            | FaultKind::Duplicate { percent }
            | FaultKind::ClientLoss { percent }
            | FaultKind::StoreUnknown { percent, .. }
            | FaultKind::StoreErrors { percent, .. }
            | FaultKind::StaleReads { percent, .. }
            | FaultKind::BusTwice { percent }
            | FaultKind::BusLostAcks { percent }
            | FaultKind::BusCut { percent } => (1..=100).contains(&percent),
            FaultKind::Delay { up_to_ms } | FaultKind::StoreSlow { up_to_ms, .. } => up_to_ms > 0,
            FaultKind::ClockStep { by_ms, .. } => by_ms != 0,
            FaultKind::ClockDrift { ppm, .. } => ppm != 0,
            FaultKind::Crash { .. }
            | FaultKind::Pause { .. }
            | FaultKind::Roll { .. }
            | FaultKind::StoreDown { .. }
            | FaultKind::SyncFails { .. }
            | FaultKind::BusDown
            | FaultKind::BusWiped => true,
        }
}

#[test]
fn a_majority_of_the_nodes_is_left_alone_at_all_times() {
    let mut together = 0;
    let scenario = mixed();
    for seed in 0..2_000 {
        let plan = scenario.plan(seed);
        let away: Vec<&Fault> =
            plan.faults.iter().filter(|fault| Family::of(&fault.kind).takes_node_away()).collect();
        for fault in &away {
            let at = |other: &&&Fault| other.at_us <= fault.at_us && fault.at_us < end_us(other);
            let nodes: Vec<_> = away.iter().filter(at).map(|other| other.kind.node()).collect();
            let different: BTreeSet<_> = nodes.iter().collect();
            assert_eq!(nodes.len(), different.len(), "seed {seed}: one node twice");
            let most = if plan.setup.nodes == 1 { 1 } else { (plan.setup.nodes - 1) / 2 };
            assert!(nodes.len() <= usize::from(most), "seed {seed}: {nodes:?}");
            together += u32::from(nodes.len() > 1);
        }
    }
    assert!(together > 50, "two nodes of five may be away: {together}");
}

#[test]
fn without_that_rule_all_nodes_may_be_away() {
    let mut scenario = mixed();
    scenario.swarm.as_mut().expect("it has one").majority_lives = false;
    scenario.system.nodes = vec![3];
    let is_dark = |seed: u64| {
        let plan = scenario.plan(seed);
        let nodes = |at: u64| -> BTreeSet<Option<u16>> {
            let away = plan.faults.iter().filter(|fault| {
                Family::of(&fault.kind).takes_node_away()
                    && (fault.at_us..end_us(fault)).contains(&at)
            });
            away.map(|fault| fault.kind.node()).collect()
        };
        plan.faults.iter().any(|fault| nodes(fault.at_us).len() == 3)
    };
    assert!((0..300).any(is_dark));
}

#[test]
fn sites_are_on_in_a_quarter_of_the_seeds() {
    let scenario = mixed();
    let n_sites = scenario.buggify.as_ref().expect("it has some").sites.len();
    let mut on = 0;
    for seed in 0..1_000 {
        let setup = scenario.plan(seed).setup;
        on += setup.buggify.len();
        assert!(setup.buggify.iter().all(|(_, chance)| *chance == 25));
    }
    let percent = on * 100 / (1_000 * n_sites);
    assert!((22..=28).contains(&percent), "{percent} %");
}

#[test]
fn a_flash_sale_is_steep_short_and_on_one_key() {
    let plan = Scenario::built_in("flash-sale").expect("built in").plan(42);
    let n = plan.traffic.len();
    let early = plan.traffic.iter().filter(|visit| visit.at_us < 7_000_000).count();
    assert!(early * 100 > n * 80, "{early} of {n} in the first five seconds");
    let hot = plan.traffic.iter().filter(|visit| visit.journey.skus().contains(&0)).count();
    assert!(hot * 100 > n * 85, "{hot} of {n} on the hot SKU");
    let ratio = hot / plan.setup.skus[0].stock as usize;
    assert!((10..=30).contains(&ratio), "demand is {ratio} times the stock");
}

#[test]
fn loads_are_those_that_scenarios_promise() {
    let count = |name: &str| {
        let plan = Scenario::built_in(name).expect("built in").plan(11);
        (plan.traffic.len() as u64, plan.setup.nodes, plan.setup.duration_ms)
    };
    let (n, nodes, ms) = count("steady");
    assert!(nodes == 5 && (1_900..2_100).contains(&(n * 1_000 / ms)), "{n} in {ms} ms");
    let (n, _, ms) = count("steady-200");
    assert!((185..215).contains(&(n * 1_000 / ms)), "{n} in {ms} ms");
    let (n, _, _) = count("double-11");
    assert!((45_000..60_000).contains(&n), "{n}");
    let (n, _, ms) = count("diurnal-day");
    assert!(ms == 86_400_000 && (10_000..30_000).contains(&n), "{n}");
}

#[test]
fn what_makes_no_sense_is_refused_with_its_key() {
    let base = BUILT_IN.iter().find(|(name, _)| *name == "mixed").expect("built in").1;
    let cases = [
        ("nodes = [1, 3, 3, 5]", "nodes = []", "system.nodes"),
        ("nodes = [1, 3, 3, 5]", "nodes = [33]", "system.nodes[0]"),
        ("shards = [4, 8, 16]", "shards = [0]", "system.shards[0]"),
        ("duration_ms = 38_000", "duration_ms = 10", "system.duration_ms"),
        ("calm_ms = 8_000", "calm_ms = 20_000", "swarm.calm_ms"),
        ("shuffle_percent = 75", "shuffle_percent = 101", "system.shuffle_percent"),
        ("shuffle_percent = 75", "shuffel_percent = 75", "shuffel_percent"),
        ("tries = 5", "tries = 0", "client[1].tries"),
        ("jitter = \"none\"", "jitter = \"some\"", "some"),
        ("n_skus = 40", "n_skus = 0", "shop[2].n_skus"),
        ("stock_units = [5, 40]", "stock_units = [40, 5]", "shop[0].stock_units"),
        ("stock_units = [5, 40]", "stock_units = [5]", "stock_units"),
        ("steady = { per_s = 6.1 }", "", "arrivals[0]"),
        ("per_s = 6.1", "per_s = -1.0", "arrivals[0].steady.per_s"),
        ("per_s = 6.1", "per_s = nan", "arrivals[0].steady.per_s"),
        ("per_s = 6.1", "per_s = 6.1, per_m = 1", "per_m"),
        ("half_life_ms = 1_300", "half_life_ms = 0", "arrivals[1].surge.half_life_ms"),
        ("every_ms = 5_000", "every_ms = 0", "keys[2].drift.every_ms"),
        ("to_ms = 16_000", "to_ms = 8_000", "keys[3].hot.to_ms"),
        ("browse_percent = 18", "browse_percent = 90", "people.browse_percent"),
        ("watch_percent = 40", "watch_percent = 70", "people.watch_percent"),
        ("lines_percent = [60, 28, 12]", "lines_percent = [60, 28]", "people.lines_percent"),
        ("n_users = 60", "n_users = 0", "people.n_users"),
        ("percent = [1, 30]", "percent = [0, 30]", "swarm.family.Loss.percent"),
        ("percent = [1, 30]", "up_to_ms = [1, 30]", "swarm.family.Loss.percent is missing"),
        ("kept_writes = [0, 6]", "ppm = [0, 6]", "swarm.family.Crash.kept_writes"),
        ("one_way_percent = 35", "", "swarm.family.Partition.one_way_percent is missing"),
        ("[swarm.family.loss]", "[swarm.family.los]", "los"),
        ("n = [1, 1]", "n = [1, 1]\nfor_ms = [1, 2]", "for_ms means nothing"),
        (
            "[staff]",
            "[[fault]]\nat_ms = 37_999\nfor_ms = 9\nkind = 'bus_down'\n[staff]",
            "fault[0]",
        ),
        (
            "[staff]",
            "[[fault]]\nat_ms = 9\nfor_ms = 9\nkind = { pause = { node = 5 } }\n[staff]",
            "node 5 of 5",
        ),
    ];
    for (from, to, key) in cases {
        assert!(base.contains(from), "{from}");
        let error = Scenario::parse(&base.replacen(from, to, 1)).expect_err(to).to_string();
        assert!(error.contains(key), "{to}: {error}");
    }
}

#[test]
fn scenarios_are_found_by_name_or_in_a_file() {
    let error = Scenario::load("flush-sale").expect_err("no such name").to_string();
    assert!(error.contains("flush-sale") && error.contains("flash-sale"), "{error}");
    assert_eq!(Scenario::load("mixed").expect("built in"), mixed());
    let error = Scenario::load("no/such/file.toml").expect_err("no such file").to_string();
    assert!(error.contains("no/such/file.toml"), "{error}");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/mixed.toml");
    assert_eq!(Scenario::load(path).expect("it is there"), mixed());
}
