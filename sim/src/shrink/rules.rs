//! What is simpler: rules over visits, faults and whole plans, the boldest first.
//!
//! A rule over an element changes it and says whether it did. Each one lowers a number or a rank
//! and none raises another's, so that shrinking ends. A rule over plans gives candidates,
//! of which the first that fails is taken.

use std::collections::BTreeSet;

use crate::plan::{
    Fault, FaultKind, Journey, Line, Moment, OrderWaits, Pay, Plan, Shipping, Then, Visit,
};
use crate::scenario::Family;

type Rule<T> = fn(&mut T) -> bool;

/// Over visits.
pub(super) const VISITS: &[Rule<Visit>] = &[
    |visit| plain(&mut visit.journey),
    |visit| one_click(&mut visit.journey),
    |visit| waits(&mut visit.journey),
    |visit| no_stream(&mut visit.journey),
    |visit| brings_nothing(&mut visit.journey),
    |visit| brings_less(&mut visit.journey),
    |visit| leave(&mut visit.journey),
    |visit| watch(&mut visit.journey),
    |visit| first_line(&mut visit.journey),
    |visit| last_line(&mut visit.journey),
    |visit| fewer_lines(&mut visit.journey),
    |visit| one_unit(&mut visit.journey),
    |visit| fewer_units(&mut visit.journey),
    |visit| no_freeze(&mut visit.journey),
    |visit| pay_on_delivery(&mut visit.journey),
    |visit| no_pause(&mut visit.journey),
    |visit| shorter_pause(&mut visit.journey),
    |visit| fewer_tries(&mut visit.journey),
    |visit| floor(&mut visit.at_us, 1_000_000),
    |visit| floor(&mut visit.at_us, 100_000),
    |visit| floor(&mut visit.at_us, 10_000),
    |visit| floor(&mut visit.at_us, 1_000),
];

/// Over faults.
pub(super) const FAULTS: &[Rule<Fault>] = &[
    |fault| lower(&mut fault.for_ms, |ms| ms / 2),
    |fault| std::mem::take(&mut fault.moment) != Moment::Any,
    |fault| nothing_kept(&mut fault.kind),
    |fault| no_flag(&mut fault.kind),
    |fault| half(&mut fault.kind),
    |fault| first_node(&mut fault.kind),
    |fault| floor(&mut fault.at_us, 1_000_000),
    |fault| floor(&mut fault.at_us, 100_000),
    |fault| floor(&mut fault.at_us, 10_000),
    |fault| floor(&mut fault.at_us, 1_000),
    |fault| lower(&mut fault.for_ms, |ms| ms / 1_000 * 1_000),
    |fault| lower(&mut fault.for_ms, |ms| ms / 100 * 100),
    |fault| lower(&mut fault.for_ms, |ms| ms / 10 * 10),
];

/// Over plans.
pub(super) const PLANS: &[fn(&Plan) -> Vec<Plan>] = &[
    fewer_nodes,
    fewer_shards,
    fewer_skus,
    fewer_sites,
    in_order,
    even_links,
    one_try,
    patient,
    shorter,
];

/// Lowers a number; whether it was higher.
fn lower<N: PartialOrd + Copy>(number: &mut N, to: impl FnOnce(N) -> N) -> bool {
    let to = to(*number);
    let is_lower = to < *number;
    if is_lower {
        *number = to;
    }
    is_lower
}

fn floor(at_us: &mut u64, grain_us: u64) -> bool {
    lower(at_us, |us| us / grain_us * grain_us)
}

/// Everything at once that the next rules do one by one.
fn plain(journey: &mut Journey) -> bool {
    let click = one_click(journey);
    let then = leave(journey);
    let beside = waits(journey) | no_stream(journey) | brings_nothing(journey);
    click | then | beside | first_line(journey) | one_unit(journey) | no_pause(journey)
}

fn one_click(journey: &mut Journey) -> bool {
    match journey {
        Journey::Buy { double_click: extra, .. }
        | Journey::SignIn { two_tabs: extra, .. }
        | Journey::Address { deletes: extra, .. } => std::mem::take(extra),
        _ => false,
    }
}

fn waits(journey: &mut Journey) -> bool {
    let Journey::Buy { no_wait, .. } = journey else { return false };
    std::mem::take(no_wait)
}

fn no_stream(journey: &mut Journey) -> bool {
    let Journey::Buy { listen, .. } = journey else { return false };
    listen.take().is_some()
}

fn no_freeze(journey: &mut Journey) -> bool {
    let Journey::Buy { freeze, .. } = journey else { return false };
    freeze.take().is_some()
}

fn brings_nothing(journey: &mut Journey) -> bool {
    let Journey::Buy { brings, .. } = journey else { return false };
    !std::mem::take(brings).is_empty()
}

fn brings_less(journey: &mut Journey) -> bool {
    let Journey::Buy { brings, .. } = journey else { return false };
    let has_more = brings.len() > 1;
    brings.truncate(1);
    has_more
}

fn leave(journey: &mut Journey) -> bool {
    let Journey::Buy { then, .. } = journey else { return false };
    std::mem::replace(then, Then::Leave) != Then::Leave
}

fn watch(journey: &mut Journey) -> bool {
    let Journey::Buy { then, .. } = journey else { return false };
    if matches!(then, Then::Leave | Then::Watch) {
        return false;
    }
    *then = Then::Watch;
    true
}

fn lines(journey: &mut Journey) -> Option<&mut Vec<Line>> {
    match journey {
        Journey::Buy { lines, .. } | Journey::Abandon { lines } => Some(lines),
        Journey::Browse { .. }
        | Journey::SignIn { .. }
        | Journey::Address { .. }
        | Journey::Restock { .. }
        | Journey::Count { .. }
        | Journey::Reprice { .. }
        | Journey::Bot { .. } => None,
    }
}

fn first_line(journey: &mut Journey) -> bool {
    let Some(lines) = lines(journey).filter(|lines| lines.len() > 1) else { return false };
    lines.truncate(1);
    true
}

fn last_line(journey: &mut Journey) -> bool {
    let Some(lines) = lines(journey).filter(|lines| lines.len() > 1) else { return false };
    lines.drain(..lines.len() - 1);
    true
}

fn fewer_lines(journey: &mut Journey) -> bool {
    let Some(lines) = lines(journey).filter(|lines| lines.len() > 1) else { return false };
    lines.pop();
    true
}

fn units(journey: &mut Journey) -> Vec<&mut u32> {
    match journey {
        Journey::Buy { lines, brings, .. } => {
            lines.iter_mut().chain(brings).map(|line| &mut line.qty).collect()
        }
        Journey::Abandon { lines } => lines.iter_mut().map(|line| &mut line.qty).collect(),
        Journey::Restock { units, .. } => vec![units],
        Journey::Bot { line, .. } => vec![&mut line.qty],
        // A count of less is no smaller a thing than a count of more.
        Journey::Browse { .. }
        | Journey::SignIn { .. }
        | Journey::Address { .. }
        | Journey::Count { .. }
        | Journey::Reprice { .. } => Vec::new(),
    }
}

fn one_unit(journey: &mut Journey) -> bool {
    units(journey).into_iter().map(|units| lower(units, |_| 1)).filter(|changed| *changed).count()
        > 0
}

fn fewer_units(journey: &mut Journey) -> bool {
    let halves = units(journey).into_iter().map(|units| lower(units, |n| (n / 2).max(1)));
    halves.filter(|changed| *changed).count() > 0
}

fn pay_on_delivery(journey: &mut Journey) -> bool {
    let Journey::Buy { pay, .. } = journey else { return false };
    std::mem::replace(pay, Pay::Cod) != Pay::Cod
}

fn pauses(journey: &mut Journey) -> Vec<&mut u32> {
    match journey {
        Journey::Buy {
            think_ms,
            then: Then::Cancel(ms) | Then::CancelPart(ms) | Then::Deliver(ms),
            ..
        } => vec![think_ms, ms],
        Journey::Buy {
            think_ms, then: Then::Ship(Shipping { after_ms, apart_ms, .. }), ..
        } => {
            vec![think_ms, after_ms, apart_ms]
        }
        Journey::Buy { think_ms, then: Then::Leave | Then::Watch, .. }
        | Journey::Browse { think_ms, .. }
        | Journey::SignIn { think_ms, .. }
        | Journey::Address { think_ms, .. } => vec![think_ms],
        Journey::Abandon { .. }
        | Journey::Restock { .. }
        | Journey::Count { .. }
        | Journey::Reprice { .. }
        | Journey::Bot { .. } => Vec::new(),
    }
}

fn no_pause(journey: &mut Journey) -> bool {
    pauses(journey).into_iter().map(|ms| lower(ms, |_| 0)).filter(|changed| *changed).count() > 0
}

fn shorter_pause(journey: &mut Journey) -> bool {
    pauses(journey).into_iter().map(|ms| lower(ms, |ms| ms / 2)).filter(|changed| *changed).count()
        > 0
}

fn fewer_tries(journey: &mut Journey) -> bool {
    match journey {
        Journey::Browse { n_reads: n, .. }
        | Journey::SignIn { times: n, .. }
        | Journey::Address { writes: n, .. }
        | Journey::Bot { tries: n, .. } => lower(n, |n| (n / 2).max(1)),
        Journey::Buy { .. }
        | Journey::Abandon { .. }
        | Journey::Restock { .. }
        | Journey::Count { .. }
        | Journey::Reprice { .. } => false,
    }
}

fn nothing_kept(kind: &mut FaultKind) -> bool {
    let FaultKind::Crash { kept_writes, .. } = kind else { return false };
    lower(kept_writes, |_| 0)
}

fn no_flag(kind: &mut FaultKind) -> bool {
    if let FaultKind::Roll { new_version: flag, .. } | FaultKind::Partition { one_way: flag, .. } =
        kind
    {
        return std::mem::take(flag);
    }
    false
}

/// Half of what it is a number of; what would be no fault stays.
fn half(kind: &mut FaultKind) -> bool {
    match kind {
        FaultKind::Loss { percent }
        | FaultKind::Duplicate { percent }
        | FaultKind::ClientLoss { percent }
        | FaultKind::StoreUnknown { percent, .. }
        | FaultKind::StoreErrors { percent, .. }
        | FaultKind::StaleReads { percent, .. }
        | FaultKind::BusTwice { percent }
        | FaultKind::BusLostAcks { percent }
        | FaultKind::BusCut { percent } => lower(percent, |n| (n / 2).max(1)),
        FaultKind::Delay { up_to_ms } | FaultKind::StoreSlow { up_to_ms, .. } => {
            lower(up_to_ms, |ms| (ms / 2).max(1))
        }
        FaultKind::ClockStep { by_ms: signed, .. } | FaultKind::ClockDrift { ppm: signed, .. } => {
            let smaller = *signed / 2;
            let is_less = smaller != 0 && smaller != *signed;
            if is_less {
                *signed = smaller;
            }
            is_less
        }
        FaultKind::Crash { .. }
        | FaultKind::Pause { .. }
        | FaultKind::Roll { .. }
        | FaultKind::Partition { .. }
        | FaultKind::StoreDown { .. }
        | FaultKind::SyncFails { .. }
        | FaultKind::BusDown
        | FaultKind::BusWiped => false,
    }
}

fn first_node(kind: &mut FaultKind) -> bool {
    node(kind).is_some_and(|node| lower(node, |_| 0))
}

const fn node(kind: &mut FaultKind) -> Option<&mut u16> {
    match kind {
        FaultKind::Crash { node, .. }
        | FaultKind::Pause { node }
        | FaultKind::Roll { node, .. }
        | FaultKind::StoreSlow { node, .. }
        | FaultKind::StoreUnknown { node, .. }
        | FaultKind::StoreDown { node }
        | FaultKind::StoreErrors { node, .. }
        | FaultKind::StaleReads { node, .. }
        | FaultKind::SyncFails { node }
        | FaultKind::ClockStep { node, .. }
        | FaultKind::ClockDrift { node, .. } => Some(node),
        FaultKind::Loss { .. }
        | FaultKind::Duplicate { .. }
        | FaultKind::Delay { .. }
        | FaultKind::Partition { .. }
        | FaultKind::ClientLoss { .. }
        | FaultKind::BusDown
        | FaultKind::BusTwice { .. }
        | FaultKind::BusLostAcks { .. }
        | FaultKind::BusWiped
        | FaultKind::BusCut { .. } => None,
    }
}

/// Fewer nodes, the fewest first; nodes that are no more become others, and all faults must still
/// make sense.
fn fewer_nodes(plan: &Plan) -> Vec<Plan> {
    let smaller = |nodes: u16| {
        let mut plan = plan.clone();
        plan.setup.nodes = nodes;
        for fault in &mut plan.faults {
            if let Some(node) = node(&mut fault.kind) {
                *node %= nodes;
            }
            if let FaultKind::Partition { side, .. } = &mut fault.kind {
                *side &= (1 << nodes) - 1;
            }
        }
        plan
    };
    let makes_sense = |plan: &Plan| {
        let all = (1_u64 << plan.setup.nodes) - 1;
        plan.faults.iter().all(|fault| {
            if let FaultKind::Partition { side, .. } = fault.kind
                && (side == 0 || u64::from(side) == all)
            {
                return false;
            }
            Family::of(&fault.kind).fits(plan.setup.nodes)
        })
    };
    (1..plan.setup.nodes).map(smaller).filter(makes_sense).collect()
}

fn fewer_shards(plan: &Plan) -> Vec<Plan> {
    let mut counts = BTreeSet::from([1, plan.setup.shards.div_ceil(8)]);
    counts.insert(plan.setup.shards.div_ceil(2));
    let counts = counts.into_iter().filter(|shards| *shards < plan.setup.shards);
    counts.map(|shards| with(plan, |plan| plan.setup.shards = shards)).collect()
}

/// Only the SKUs that are wanted, numbered anew.
pub(super) fn fewer_skus(plan: &Plan) -> Vec<Plan> {
    let used: BTreeSet<u32> = plan.traffic.iter().flat_map(|visit| visit.journey.skus()).collect();
    if used.is_empty() || used.len() == plan.setup.skus.len() {
        return Vec::new();
    }
    let used: Vec<u32> = used.into_iter().collect();
    vec![with(plan, |plan| {
        plan.setup.skus = used.iter().map(|sku| plan.setup.skus[*sku as usize].clone()).collect();
        for visit in &mut plan.traffic {
            for sku in skus(&mut visit.journey) {
                let place = used.binary_search(sku).expect("all that are wanted are in it");
                *sku = u32::try_from(place).expect("a place among the SKUs");
            }
        }
    })]
}

fn skus(journey: &mut Journey) -> Vec<&mut u32> {
    match journey {
        Journey::Buy { lines, brings, .. } => {
            lines.iter_mut().chain(brings).map(|line| &mut line.sku).collect()
        }
        Journey::Abandon { lines } => lines.iter_mut().map(|line| &mut line.sku).collect(),
        Journey::Browse { sku, .. }
        | Journey::Restock { sku, .. }
        | Journey::Count { sku, .. }
        | Journey::Reprice { sku, .. } => vec![sku],
        Journey::Bot { line, .. } => vec![&mut line.sku],
        Journey::SignIn { .. } | Journey::Address { .. } => Vec::new(),
    }
}

/// No buggify sites; or one of them, or all but one.
fn fewer_sites(plan: &Plan) -> Vec<Plan> {
    let sites = &plan.setup.buggify;
    if sites.is_empty() {
        return Vec::new();
    }
    let mut sets = vec![Vec::new()];
    if sites.len() > 1 {
        sets.extend(sites.iter().map(|site| vec![site.clone()]));
        sets.extend(
            sites.iter().map(|left| sites.iter().filter(|site| *site != left).cloned().collect()),
        );
    }
    sets.into_iter().map(|set| with(plan, |plan| plan.setup.buggify = set)).collect()
}

fn in_order(plan: &Plan) -> Vec<Plan> {
    let shuffled = plan.setup.shuffle.then(|| with(plan, |plan| plan.setup.shuffle = false));
    shuffled.into_iter().collect()
}

fn even_links(plan: &Plan) -> Vec<Plan> {
    let mut even = plan.setup.link;
    even.jitter_us = 0;
    even.tail_ppm = 0;
    if even == plan.setup.link {
        return Vec::new();
    }
    vec![with(plan, |plan| plan.setup.link = even)]
}

fn one_try(plan: &Plan) -> Vec<Plan> {
    if plan.setup.client.tries == 1 {
        return Vec::new();
    }
    vec![with(plan, |plan| plan.setup.client.tries = 1)]
}

/// Orders wait as long as in production.
fn patient(plan: &Plan) -> Vec<Plan> {
    if plan.setup.order_waits == OrderWaits::default() {
        return Vec::new();
    }
    vec![with(plan, |plan| plan.setup.order_waits = OrderWaits::default())]
}

/// Over when its last element is, to the next second. Settling is left as it is: too little of it
/// would be a failure of its own.
fn shorter(plan: &Plan) -> Vec<Plan> {
    let visits = plan.traffic.iter().map(|visit| visit.at_us);
    let faults = plan.faults.iter().map(Fault::end_us);
    let last_us = visits.chain(faults).max().unwrap_or(0);
    let duration_ms = (last_us / 1_000_000 + 1) * 1_000;
    if duration_ms >= plan.setup.duration_ms {
        return Vec::new();
    }
    vec![with(plan, |plan| plan.setup.duration_ms = duration_ms)]
}

fn with(plan: &Plan, change: impl FnOnce(&mut Plan)) -> Plan {
    let mut plan = plan.clone();
    change(&mut plan);
    plan
}
