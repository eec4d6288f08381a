//! Whole runs of small plans.

use super::{Run, run};
use crate::plan::{
    ClientPolicy, Fault, FaultKind, Jitter, Journey, Line, Link, Listen, Moment, OrderWaits, Pay,
    Plan, Setup, SkuSetup, Then, VERSION, Visit,
};
use crate::record::Verdict;

/// `n_visits` buyers over two seconds, on `nodes` nodes.
fn plan(seed: u64, nodes: u16, n_visits: u32) -> Plan {
    let buy = |id: u32| Journey::Buy {
        lines: (0..=id % 3).map(|n| Line { sku: (id + n) % 8, qty: 1 + n }).collect(),
        brings: if id % 6 == 4 { vec![Line { sku: id % 8, qty: 2 }] } else { Vec::new() },
        pay: if id % 4 == 3 { Pay::Wallet } else { Pay::Cod },
        think_ms: id % 50,
        double_click: id.is_multiple_of(5),
        no_wait: id % 7 == 6,
        listen: [None, Some(Listen::Order), Some(Listen::All)][id as usize % 3],
        then: match id % 4 {
            0 => Then::Watch,
            1 => Then::Cancel(50),
            2 => Then::Deliver(100),
            _ if id % 8 == 7 => Then::CancelPart(50),
            _ => Then::Leave,
        },
        freeze: None,
    };
    let visit = |id: u32| Visit {
        id,
        at_us: u64::from(id) * 2_000_000 / u64::from(n_visits),
        user: id % 16,
        journey: buy(id),
    };
    Plan {
        version: VERSION,
        scenario: "test".into(),
        seed,
        setup: Setup {
            nodes,
            shards: 8,
            stream_window: 1_024,
            snapshot_tail: 4_096,
            skus: (0..8)
                .map(|_| SkuSetup { stock: 60, price: 995, ..SkuSetup::default() })
                .collect(),
            duration_ms: 3_000,
            settle_ms: 120_000,
            link: Link { base_us: 100, jitter_us: 50, tail_ppm: 1_000 },
            client: ClientPolicy {
                timeout_ms: 3_000,
                tries: 5,
                backoff_ms: 100,
                backoff_max_ms: 2_000,
                jitter: Jitter::Full,
            },
            buggify: Vec::new(),
            shuffle: true,
            residence_ms: 30_000,
            tax: crate::plan::Tax::default(),
            order_waits: OrderWaits::default(),
        },
        traffic: (0..n_visits).map(visit).collect(),
        faults: Vec::new(),
        canary: None,
    }
}

fn quiet(plan: &Plan) -> Run {
    let run = run(plan, &mut |_| {});
    assert_eq!(run.record.verdict, Verdict::Pass, "{:#?}", run.record.violations);
    run
}

#[test]
fn one_node_sells_and_two_runs_are_the_same() {
    let plan = plan(1, 1, 100);
    let (one, two) = (quiet(&plan), quiet(&plan));
    let record = &one.record;
    std::eprintln!(
        "{} events, {} ms virtual, {} ms, orders {:?}",
        record.events,
        record.virtual_ms,
        record.wall_ms,
        record.orders
    );
    assert_eq!(record.trace_hash, two.record.trace_hash);
    assert!(record.orders.values().sum::<u64>() >= 90, "{:?}", record.orders);
    assert!(record.trace_bytes <= 4 * record.events);
    assert_ne!(record.trace_hash, quiet(&self::plan(2, 1, 100)).record.trace_hash);
}

#[test]
fn a_node_crashes_and_comes_back() {
    let mut plan = plan(3, 1, 100);
    plan.faults = vec![Fault {
        id: 1,
        at_us: 900_000,
        for_ms: 300,
        moment: Moment::Any,
        kind: FaultKind::Crash { node: 0, kept_writes: 1 },
    }];
    let run = quiet(&plan);
    assert_eq!(run.record.faults["crash"], 1);
    assert!(run.record.orders.values().sum::<u64>() >= 90, "{:?}", run.record.orders);
}

/// Nodes of both builds, each asked by clients: what they say to each other goes in both forms.
#[test]
fn old_and_new_builds_serve_together_during_an_upgrade() {
    let mut plan = plan(6, 3, 150);
    let roll = |id: u32, node: u16, new_version| Fault {
        id,
        at_us: 300_000 + u64::from(id) * 700_000,
        for_ms: 100,
        moment: Moment::Any,
        kind: FaultKind::Roll { node, new_version },
    };
    // The second comes back as what it was.
    plan.faults = vec![roll(0, 0, true), roll(1, 1, false)];
    let run = quiet(&plan);
    let n = |probe: &str| run.record.probes[probe];
    assert_eq!(n("frame.not_read"), 0, "nobody was misunderstood");
    assert!(n("frame.older_for_peer") > 0, "a new one writes the old form for an old one");
    assert!(n("frame.read_1") > 0);

    plan.faults = vec![roll(0, 0, true), roll(1, 1, true), roll(2, 2, false)];
    let run = quiet(&plan);
    assert!(run.record.probes["frame.read_1"] > 0 && run.record.probes["frame.read_2"] > 0);

    // Without an upgrade all are of this build.
    plan.faults = vec![roll(0, 0, false)];
    let run = quiet(&plan);
    assert_eq!(run.record.probes["frame.older_for_peer"], 0);
    assert!(run.record.probes["frame.read_2"] > run.record.probes["frame.read_1"]);
}

#[test]
fn every_checker_looks_at_something_on_an_ordinary_day() {
    let plan = crate::scenario::Scenario::built_in("calm").expect("it is built in").plan(1);
    let record = quiet(&plan).record;
    let idle: Vec<_> = record.checked.iter().filter(|(_, n)| **n == 0).collect();
    assert!(idle.is_empty(), "looked at nothing: {idle:?}");
    let client = crate::check::client::all(Some(crate::check::client::liveness::Settle::by(0)));
    for name in client.iter().map(|checker| checker.name()) {
        assert!(record.checked.contains_key(name), "{name} was not asked");
    }
    for (name, _) in crate::check::journal::CHECKS {
        assert!(record.checked.contains_key(name), "{name} was not asked");
    }
    assert_eq!(record.unknown_ppm, 0, "nothing was lost");
    assert!(!record.command.is_empty());
}

#[test]
fn outcomes_that_nobody_knows_are_counted() {
    let mut plan = plan(5, 1, 100);
    plan.setup.client.tries = 1;
    let kind = FaultKind::ClientLoss { percent: 10 };
    plan.faults = vec![Fault { id: 1, at_us: 0, for_ms: 2_000, moment: Moment::Any, kind }];
    let run = quiet(&plan);
    assert!((20_000..400_000).contains(&run.record.unknown_ppm), "{}", run.record.unknown_ppm);
}

#[test]
fn a_panic_that_somebody_catches_is_seen_on_its_own_thread_only() {
    let kernel = crate::kernel::Kernel::new(1, 1, false);
    let panics = crate::watch::Panics::watch(&kernel);
    let bug = || std::panic::catch_unwind(|| panic!("a bug of {}", 7)).is_err();
    assert!(bug());
    assert!(std::thread::spawn(bug).join().expect("it is caught"));
    let seen = panics.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(seen[0].what.starts_with("a bug of 7 at ") && seen[0].what.contains("tests.rs"));
    drop(panics);
    assert!(bug() && crate::watch::Panics::watch(&kernel).seen().is_empty());
}

/// Cheap ones; `scripts/canaries` looks for all of them.
#[cfg(feature = "canaries")]
#[test]
fn planted_defects_are_noticed() {
    for canary in ["dedup_mark_not_with_effect", "sync_removed", "view_row_dropped"] {
        let mut plan = plan(3, 1, 100);
        let kind = FaultKind::Crash { node: 0, kept_writes: 0 };
        plan.faults = vec![Fault { id: 1, at_us: 900_000, for_ms: 300, moment: Moment::Any, kind }];
        quiet(&plan);
        plan.canary = Some(canary.to_owned());
        assert_eq!(run(&plan, &mut |_| {}).record.verdict, Verdict::Fail, "{canary}");
    }
}

#[cfg(not(feature = "canaries"))]
#[test]
fn a_build_without_canaries_refuses_their_plans() {
    let mut plan = plan(3, 1, 1);
    assert!(plan.check().is_ok());
    plan.canary = Some("sync_removed".to_owned());
    let error = plan.check().expect_err("nothing is planted").to_string();
    assert!(error.contains("sync_removed"), "{error}");
}

#[test]
fn sites_fire_and_probes_are_counted_and_nothing_breaks() {
    let mut plan = plan(4, 1, 100);
    let sites = ["early_passivation", "early_snapshot", "cache_miss", "batch_of_one"];
    plan.setup.buggify = sites.iter().map(|name| ((*name).to_owned(), 25)).collect();
    let run = quiet(&plan);
    for name in sites {
        assert!(run.record.probes[&format!("buggify.{name}")] > 0, "{name}");
    }
    assert!(run.record.probes["entity.passivated"] > 0);
    assert_eq!(run.record.probes["buggify.tiny_window"], 0);
    assert_eq!(run.record.trace_hash, quiet(&plan).record.trace_hash);
}
