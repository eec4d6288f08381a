//! What happened over time, from what clients saw and what befell the nodes.

use std::collections::BTreeMap;

use super::queues::Queues;
use crate::history::{Ask, History, Op};
use crate::plan::{FaultKind, Plan};
use crate::record::{FaultSpan, Timeline};
use crate::world::World;

/// Buckets of a run at the most.
const BUCKETS_MAX: u64 = 240;
/// SKUs whose stock is shown.
const SKUS_MAX: usize = 10;

/// Every order that clients know of, with the last state that they saw.
pub(crate) fn orders(history: &History) -> BTreeMap<String, String> {
    let mut newest: BTreeMap<String, (u64, String)> = BTreeMap::new();
    for answer in history.ops.iter().filter_map(|op| op.answer.as_ref()) {
        let (Some(order), Some(state)) = (&answer.order, &answer.state) else { continue };
        let version = answer.version.unwrap_or(0);
        let kept = newest.entry(order.clone()).or_default();
        if version >= kept.0 {
            *kept = (version, state.clone());
        }
    }
    newest.into_iter().map(|(order, (_, state))| (order, state)).collect()
}

/// Of a simulated world.
pub(super) fn timeline(plan: &Plan, world: &World, history: &History, queues: &Queues) -> Timeline {
    let whole_ms = (world.since_begin_us() / 1_000).max(1);
    let mut line = of_clients(whole_ms, history);
    let n_buckets = line.offered.len();
    for (ms, depths) in &queues.looks {
        let at = usize::try_from(ms / line.bucket_ms).unwrap_or(usize::MAX).min(n_buckets - 1);
        for (shard, depth) in depths {
            let row = line.queues.entry(*shard).or_insert_with(|| vec![0; n_buckets]);
            row[at] = row[at].max(*depth);
        }
    }
    line.faults = plan.faults.iter().map(|fault| span(fault, world, whole_ms)).collect();
    for node in 0..world.n_nodes() {
        let begin = world.begun_us();
        let ms = |us: u64| us.saturating_sub(begin) / 1_000;
        let spans = world.up(node).into_iter();
        let spans = spans.map(|(from, to)| (ms(from), to.map_or(whole_ms, ms))).collect();
        line.nodes.insert(node, spans);
    }
    line
}

/// What clients saw in a run of so many ms, at least one.
pub(crate) fn of_clients(whole_ms: u64, history: &History) -> Timeline {
    let bucket_ms = [10, 20, 50, 100, 250, 500, 1_000, 5_000, 15_000, 60_000, 300_000, 900_000]
        .into_iter()
        .find(|ms| whole_ms.div_ceil(*ms) <= BUCKETS_MAX)
        .unwrap_or(3_600_000);
    let n_buckets = usize::try_from(whole_ms.div_ceil(bucket_ms)).unwrap_or(usize::MAX);
    let mut line = Timeline { bucket_ms, ..Timeline::default() };
    let bucket = |us: u64| {
        let at = usize::try_from(us / 1_000 / bucket_ms).unwrap_or(usize::MAX);
        at.min(n_buckets - 1)
    };
    for counts in [&mut line.offered, &mut line.admitted, &mut line.confirmed, &mut line.refused] {
        counts.resize(n_buckets, 0);
    }
    let mut waits: Vec<Vec<u64>> = vec![Vec::new(); n_buckets];
    let mut sold: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
    let mut offered = std::collections::BTreeSet::new();
    for op in &history.ops {
        if op.answer.as_ref().is_some_and(|answer| matches!(answer.status, 429 | 503)) {
            line.refused[bucket(op.answered_us.unwrap_or(op.sent_us))] += 1;
        }
        let Ask::Place { lines, .. } = &op.ask else { continue };
        if offered.insert((op.visit, op.key.clone())) {
            line.offered[bucket(op.intended_us)] += 1;
        }
        let Some((answered_us, state)) = placed(op) else { continue };
        line.admitted[bucket(answered_us)] += 1;
        waits[bucket(answered_us)].push(answered_us.saturating_sub(op.intended_us));
        if state != "processing" && state != "cancelled" {
            line.confirmed[bucket(answered_us)] += 1;
            for (sku, units) in lines {
                let taken = sold.entry(*sku).or_insert_with(|| vec![0; n_buckets]);
                taken[bucket(answered_us)] += i64::from(*units);
            }
        }
    }
    line.latency = waits.into_iter().map(percentiles).collect();
    line.stock = stock(history, sold, &bucket, n_buckets);
    line
}

/// When a placement was answered with an order, and in which state. Repeats are left out.
fn placed(op: &Op) -> Option<(u64, &str)> {
    let answer = op.answer.as_ref().filter(|it| it.status / 100 == 2 && !it.replayed)?;
    Some((op.answered_us?, answer.state.as_deref()?))
}

fn percentiles(mut waits: Vec<u64>) -> [u64; 4] {
    waits.sort_unstable();
    let at = |percent: usize| {
        let last = waits.len().saturating_sub(1);
        waits.get((waits.len() * percent / 100).min(last)).copied().unwrap_or(0)
    };
    [at(50), at(90), at(99), at(100)]
}

/// Units for sale of the SKUs that sold most, as clients could know.
fn stock(
    history: &History,
    sold: BTreeMap<u32, Vec<i64>>,
    bucket: &impl Fn(u64) -> usize,
    n_buckets: usize,
) -> BTreeMap<u32, Vec<i64>> {
    let mut added: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
    for op in &history.ops {
        let Ask::Restock { sku, units, .. } = op.ask else { continue };
        let Some(at) = op.answered_us.filter(|_| placed_ok(op)) else { continue };
        added.entry(sku).or_insert_with(|| vec![0; n_buckets])[bucket(at)] += i64::from(units);
    }
    let mut most: Vec<(i64, u32)> =
        sold.iter().map(|(sku, units)| (-units.iter().sum::<i64>(), *sku)).collect();
    most.sort_unstable();
    let mut lines = BTreeMap::new();
    for (_, sku) in most.into_iter().take(SKUS_MAX) {
        let mut left = i64::from(history.stock.get(&sku).copied().unwrap_or(0));
        let mut line = Vec::with_capacity(n_buckets);
        for index in 0..n_buckets {
            left += added.get(&sku).map_or(0, |units| units[index]);
            left -= sold[&sku][index];
            line.push(left);
        }
        lines.insert(sku, line);
    }
    lines
}

fn placed_ok(op: &Op) -> bool {
    op.answer.as_ref().is_some_and(|answer| answer.status / 100 == 2 && !answer.replayed)
}

fn span(fault: &crate::plan::Fault, world: &World, whole_ms: u64) -> FaultSpan {
    let from_ms = (fault.at_us / 1_000).min(whole_ms);
    let detail = match &fault.kind {
        FaultKind::Partition { side, one_way } => {
            let arrow = if *one_way { "->" } else { "|" };
            let inside = (0..world.n_nodes()).filter(|node| side >> node & 1 == 1);
            let inside: Vec<String> = inside.map(|node| format!("n{node}")).collect();
            format!("{} {arrow} others", inside.join(" "))
        }
        kind => kind.node().map_or_else(String::new, |node| format!("n{node}")),
    };
    FaultSpan {
        id: fault.id,
        family: fault.kind.family().into(),
        detail,
        from_ms,
        to_ms: (from_ms + u64::from(fault.for_ms)).min(whole_ms),
        effective: world.ground().faults.is_effective(fault.id),
    }
}
