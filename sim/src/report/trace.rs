//! A run for trace viewers: Chrome's trace events as JSON, for Perfetto and chrome://tracing.
//!
//! Faults and nodes are spans, violations are instants, load, latency, stock and queues are
//! counters. Times are virtual, in us. Spans of one track never overlap, since viewers nest those
//! that do.

use serde_json::{Value, json};

use super::series::{gaps, maxima, stack};
use super::text::clipped;
use super::view::View;
use crate::record::RunRecord;

/// Samples of one counter; a viewer draws no more of them.
const SAMPLES_MAX: usize = 2_000;
/// Shards with a counter of their own: those with the deepest queues.
const SHARDS_MAX: usize = 16;

const FAULTS: u32 = 1;
const NODES: u32 = 2;
const COUNTERS: u32 = 3;

/// The run as Chrome trace JSON (an object with `traceEvents`).
#[must_use]
pub fn chrome_trace(record: &RunRecord) -> String {
    let view = View::of(record);
    let mut events = Vec::new();
    for (pid, name) in [(FAULTS, "faults"), (NODES, "nodes"), (COUNTERS, "clients and queues")] {
        events.push(named("process_name", pid, 0, name));
    }
    faults(record, &mut events);
    nodes(record, &view, &mut events);
    counters(record, &view, &mut events);
    let instant = |violation: &crate::record::Violation| {
        json!({
            "ph": "i", "s": "g", "pid": FAULTS, "tid": 0, "ts": violation.at_us,
            "name": format!("violation {}", violation.invariant), "cat": "violation",
            "args": { "what": clipped(&violation.what, 2_000) },
        })
    };
    events.extend(record.violations.iter().take(SAMPLES_MAX).map(instant));
    json!({
        "displayTimeUnit": "ms",
        "otherData": {
            "scenario": record.scenario, "seed": record.seed.to_string(),
            "verdict": record.verdict, "trace_hash": record.trace_hash, "command": record.command,
        },
        "traceEvents": events,
    })
    .to_string()
}

fn named(what: &str, pid: u32, tid: u64, name: &str) -> Value {
    json!({ "ph": "M", "pid": pid, "tid": tid, "name": what, "args": { "name": name } })
}

fn span(pid: u32, tid: u64, name: &str, (from_ms, to_ms): (u64, u64), args: &Value) -> Value {
    json!({
        "ph": "X", "pid": pid, "tid": tid, "name": name, "args": args,
        "ts": from_ms.saturating_mul(1000),
        "dur": to_ms.saturating_sub(from_ms).saturating_mul(1000),
    })
}

fn faults(record: &RunRecord, events: &mut Vec<Value>) {
    let faults = &record.timeline.faults;
    let spans: Vec<_> =
        faults.iter().map(|fault| (fault.from_ms, fault.to_ms.max(fault.from_ms))).collect();
    let lanes = stack(&spans, 1);
    for lane in 0..lanes.iter().max().map_or(0, |lane| lane + 1) {
        events.push(named("thread_name", FAULTS, lane as u64 + 1, &format!("faults {}", lane + 1)));
    }
    for ((fault, time), lane) in faults.iter().zip(spans).zip(lanes) {
        let args = json!({
            "id": fault.id, "detail": fault.detail, "effective": fault.effective,
        });
        events.push(span(FAULTS, lane as u64 + 1, &fault.family, time, &args));
    }
}

fn nodes(record: &RunRecord, view: &View, events: &mut Vec<Value>) {
    for (node, up) in &record.timeline.nodes {
        let tid = u64::from(*node) + 1;
        events.push(named("thread_name", NODES, tid, &format!("node {node}")));
        let down = gaps(up, view.axis.length_ms);
        let states = [("up", up.as_slice()), ("down", down.as_slice())];
        for (state, spans) in states {
            let real = spans.iter().filter(|(from, to)| from < to);
            events.extend(real.map(|time| span(NODES, tid, state, *time, &json!({}))));
        }
    }
}

fn counters(record: &RunRecord, view: &View, events: &mut Vec<Value>) {
    let timeline = &record.timeline;
    let group = view.n_buckets.div_ceil(SAMPLES_MAX).max(1);
    let width_us = view.bucket_ms.saturating_mul(group as u64).saturating_mul(1000);
    let mut counter = |name: &str, index: usize, args: Value| {
        events.push(json!({
            "ph": "C", "pid": COUNTERS, "tid": 0, "name": name, "args": args,
            "ts": width_us.saturating_mul(index as u64),
        }));
    };
    let load = [
        ("offered per s", &timeline.offered),
        ("admitted per s", &timeline.admitted),
        ("confirmed per s", &timeline.confirmed),
        ("refused per s", &timeline.refused),
    ];
    for (name, counts) in load {
        for (index, n) in maxima(counts, group).into_iter().enumerate() {
            counter(name, index, json!({ "orders": view.per_second(n) }));
        }
    }
    for (position, name) in ["p50 ms", "p90 ms", "p99 ms", "max ms"].into_iter().enumerate() {
        let column: Vec<u64> = timeline.latency.iter().map(|sample| sample[position]).collect();
        for (index, us) in maxima(&column, group).into_iter().enumerate() {
            counter(name, index, json!({ "latency": us as f64 / 1000.0 }));
        }
    }
    for (sku, units) in &timeline.stock {
        for (index, chunk) in units.chunks(group).enumerate() {
            let low = chunk.iter().min().copied().unwrap_or(0);
            counter(&format!("stock of SKU {sku}"), index, json!({ "units": low }));
        }
    }
    let mut deepest: Vec<_> = timeline.queues.iter().collect();
    deepest.sort_by_key(|(_, depths)| std::cmp::Reverse(depths.iter().copied().max()));
    for (shard, depths) in deepest.into_iter().take(SHARDS_MAX) {
        for (index, depth) in maxima(depths, group).into_iter().enumerate() {
            counter(&format!("queue of shard {shard}"), index, json!({ "depth": depth }));
        }
    }
}
