//! The shrinker against predicates whose smallest answer is known.

use super::*;
use crate::plan::{FaultKind, Journey, Line, Listen, Moment, Pay, Then};
use crate::scenario::Scenario;

const SKU: u32 = 7;

/// A plan of 2,000 elements: many orders, and every family of faults that clusters have.
fn large(seed: u64) -> Plan {
    let mut plan = Scenario::built_in("double-11").expect("built in").plan(seed);
    plan.traffic.truncate(1_976);
    plan.traffic[1_200].journey = Journey::Buy {
        lines: vec![Line { sku: 3, qty: 2 }, Line { sku: SKU, qty: 3 }],
        brings: Vec::new(),
        pay: Pay::Wallet,
        think_ms: 250,
        double_click: true,
        no_wait: true,
        listen: Some(Listen::All),
        then: Then::Deliver(900),
        freeze: None,
    };
    let kinds = [
        FaultKind::BusLostAcks { percent: 30 },
        FaultKind::Crash { node: 2, kept_writes: 4 },
        FaultKind::Partition { side: 0b10110, one_way: true },
        FaultKind::ClockStep { node: 4, by_ms: -777 },
    ];
    for id in 0..24_u32 {
        let kind = kinds[id as usize % kinds.len()].clone();
        let at_us = 1_234_567 + u64::from(id) * 3_210_987;
        plan.faults.push(Fault { id, at_us, for_ms: 2_345, moment: Moment::Any, kind });
    }
    assert_eq!(plan.len(), 2_000);
    plan
}

fn buys(plan: &Plan, sku: u32) -> Option<u64> {
    let is_one = |visit: &&Visit| {
        matches!(&visit.journey, Journey::Buy { lines, .. }
            if lines.iter().any(|line| line.sku == sku))
    };
    plan.traffic.iter().find(is_one).map(|visit| visit.at_us)
}

fn fault(plan: &Plan, family: &str) -> Option<u64> {
    plan.faults.iter().find(|fault| fault.kind.family() == family).map(|fault| fault.at_us)
}

#[test]
fn an_order_a_lost_ack_and_a_crash_are_found_among_two_thousand_elements() {
    let mut counts = Vec::new();
    for seed in 0..20 {
        let plan = large(seed);
        let price = plan.setup.skus[SKU as usize].price;
        let mut n_runs = 0;
        // The shrinker may number SKUs anew, so the SKU is known by its price and stock.
        let wanted = plan.setup.skus[SKU as usize].clone();
        let shrunk = shrink(plan, Vec::new(), Budget::default(), &mut |plan| {
            n_runs += 1;
            let sku = plan.setup.skus.iter().position(|sku| *sku == wanted);
            let bought = sku.and_then(|sku| buys(plan, u32::try_from(sku).expect("small")));
            let (Some(bought), Some(lost), Some(crash)) =
                (bought, fault(plan, "bus_lost_acks"), fault(plan, "crash"))
            else {
                return false;
            };
            // Some order: the acknowledgement is lost before a crash, and the order is no earlier
            // than half a second before all of it.
            lost < crash && bought < crash + 100_000_000
        });
        assert!(shrunk.fails && shrunk.is_minimal);
        assert_eq!(shrunk.runs, n_runs, "runs are counted");
        assert_eq!(shrunk.n_before, 2_000);
        assert!(shrunk.plan.len() <= 5, "{} elements", shrunk.plan.len());
        assert_eq!(shrunk.plan.len(), 3, "these three are enough");
        assert_eq!(shrunk.plan.setup.skus.len(), 1);
        assert_eq!(shrunk.plan.setup.skus[0].price, price);
        counts.push(shrunk.runs);
    }
    counts.sort_unstable();
    let (median, most) = (counts[counts.len() / 2], counts[counts.len() - 1]);
    assert!(median <= 150 && most <= 200, "median {median}, most {most} runs");
}

#[test]
fn what_is_left_is_as_simple_as_the_predicate_allows() {
    let shrunk = shrink(large(1), Vec::new(), Budget::default(), &mut |plan| {
        // An order of two units that is looked after and comes late, and a crash that lasts.
        let is_wanted = |visit: &Visit| {
            let Journey::Buy { lines, then, .. } = &visit.journey else { return false };
            visit.at_us >= 5_300_000
                && *then != Then::Leave
                && lines.iter().any(|line| line.qty >= 2)
        };
        plan.traffic.iter().any(is_wanted)
            && plan
                .faults
                .iter()
                .any(|fault| matches!(fault.kind, FaultKind::Crash { .. }) && fault.for_ms >= 500)
    });
    let plan = &shrunk.plan;
    assert_eq!((plan.traffic.len(), plan.faults.len()), (1, 1));
    let Journey::Buy { lines, brings, pay, think_ms, double_click, no_wait, listen, then, freeze } =
        &plan.traffic[0].journey
    else {
        panic!("a buyer: {plan:?}");
    };
    assert_eq!((lines.len(), brings.len()), (1, 0));
    assert!((2..4).contains(&lines[0].qty), "halving to 1 no longer fails");
    assert_eq!((*pay, *think_ms, *double_click), (Pay::Cod, 0, false));
    assert_eq!((*no_wait, *listen, *freeze), (false, None, None));
    assert_eq!(*then, Then::Watch);
    assert!(plan.traffic[0].at_us.is_multiple_of(100_000), "{}", plan.traffic[0].at_us);
    assert!((500..1_000).contains(&plan.faults[0].for_ms));
    assert_eq!(plan.faults[0].at_us % 1_000_000, 0);
    assert_eq!(plan.faults[0].kind, FaultKind::Crash { node: 0, kept_writes: 0 });
    assert_eq!((plan.setup.nodes, plan.setup.shards, plan.setup.skus.len()), (1, 1, 1));
    assert!(!plan.setup.shuffle && plan.setup.buggify.is_empty());
    assert_eq!((plan.setup.link.jitter_us, plan.setup.client.tries), (0, 1));
    assert!(plan.setup.duration_ms < 30_000);
}

#[test]
fn several_needed_elements_are_all_found() {
    // Eleven orders and two partitions and a clock: elements that only count together.
    let shrunk = shrink(large(3), Vec::new(), Budget::default(), &mut |plan| {
        let n =
            |family: &str| plan.faults.iter().filter(|fault| fault.kind.family() == family).count();
        plan.traffic.len() >= 11 && n("partition") >= 2 && n("clock_step") >= 1
    });
    assert_eq!((shrunk.plan.traffic.len(), shrunk.plan.faults.len()), (11, 3));
    assert!(shrunk.is_minimal && shrunk.runs < 700, "{} runs", shrunk.runs);
}

#[test]
fn no_single_element_of_the_result_can_be_left_out() {
    // Elements whose numbers are wanted in one of two ways: not monotonic.
    let plan = large(5);
    let wanted: Vec<u32> = [3, 77, 500, 1_111, 1_900].map(|at| plan.traffic[at].id).to_vec();
    let mut predicate = |plan: &Plan| {
        let has = |id: &u32| plan.traffic.iter().any(|visit| visit.id == *id);
        let n = wanted.iter().filter(|id| has(id)).count();
        n == 5 || (n == 3 && plan.faults.len() >= 2)
    };
    let shrunk = shrink(plan, Vec::new(), Budget::default(), &mut predicate);
    assert!(predicate(&shrunk.plan));
    assert_eq!(shrunk.plan.len(), 5);
    for place in 0..shrunk.plan.traffic.len() {
        let mut less = shrunk.plan.clone();
        less.traffic.remove(place);
        assert!(!predicate(&less), "{place} can be left out");
    }
}

#[test]
fn a_plan_that_passes_stays_as_it_is_and_a_budget_is_kept() {
    let plan = large(2);
    let passed = shrink(plan.clone(), Vec::new(), Budget::default(), &mut |_| false);
    assert!(!passed.fails && !passed.is_minimal && passed.runs == 1);
    assert_eq!(passed.plan, plan);

    let mut n_runs = 0;
    let cut = shrink(plan, Vec::new(), Budget { runs_max: 12 }, &mut |plan| {
        n_runs += 1;
        fault(plan, "crash").is_some()
    });
    assert!(cut.fails && !cut.is_minimal);
    assert_eq!((cut.runs, n_runs), (12, 12));
    assert!(fault(&cut.plan, "crash").is_some());
}

#[test]
fn it_is_deterministic_asks_no_plan_twice_and_asks_for_good_plans_only() {
    let run = || {
        let mut asked = Vec::new();
        let shrunk = shrink(large(4), Vec::new(), Budget::default(), &mut |plan| {
            plan.check().expect("only what can be run");
            assert!(plan.traffic.is_sorted_by_key(|visit| (visit.at_us, visit.id)));
            asked.push(hash(plan));
            plan.traffic.iter().filter(|visit| visit.journey.skus().len() > 1).count() > 2
        });
        (shrunk, asked)
    };
    let (first, asked) = run();
    assert_eq!((first, asked.clone()), run());
    let different: BTreeSet<u64> = asked.iter().copied().collect();
    assert_eq!(different.len(), asked.len());
}

#[test]
fn fewer_nodes_are_tried_only_where_every_fault_makes_sense() {
    let mut plan = large(6);
    plan.faults.retain(|fault| fault.kind.family() == "partition");
    let shrunk =
        shrink(plan, Vec::new(), Budget::default(), &mut |plan| fault(plan, "partition").is_some());
    assert_eq!(shrunk.plan.setup.nodes, 2);
    assert!(matches!(shrunk.plan.faults[0].kind, FaultKind::Partition { side: 1 | 2, .. }));
    assert!(shrunk.plan.traffic.is_empty());
}
