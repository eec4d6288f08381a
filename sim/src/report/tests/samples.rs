//! Records to draw: a day that went well, one that did not, degenerate and very large ones.

use std::collections::BTreeMap;

use crate::random::{Stream, below, mix};
use crate::record::{FaultSpan, RunRecord, Timeline, VERSION, Verdict, Violation};

fn draw(subject: u64, n: u64) -> u64 {
    below(mix(7, Stream::Plan, subject, 0), n)
}

fn counts(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect()
}

fn fault(id: u32, family: &str, detail: &str, from_ms: u64, to_ms: u64) -> FaultSpan {
    let (family, detail) = (family.to_owned(), detail.to_owned());
    FaultSpan { id, family, detail, from_ms, to_ms, effective: true }
}

/// A run in which nothing happened.
pub(super) fn empty() -> RunRecord {
    RunRecord {
        version: VERSION,
        scenario: "nothing".to_owned(),
        seed: 0,
        verdict: Verdict::Pass,
        trace_hash: "0000000000000000".to_owned(),
        checkpoints: Vec::new(),
        events: 0,
        virtual_ms: 0,
        wall_ms: 0,
        violations: Vec::new(),
        probes: BTreeMap::new(),
        faults: BTreeMap::new(),
        trace_bytes: 0,
        unknown_ppm: 0,
        orders: BTreeMap::new(),
        checked: BTreeMap::new(),
        command: "mercato sim run --scenario nothing --seed 0".to_owned(),
        timeline: Timeline::default(),
    }
}

/// Orders a second wanted in a flash sale, by ms.
fn wanted(ms: u64) -> u64 {
    match ms {
        0..10_000 => 60,
        10_000..12_000 => 60 + (ms - 10_000),
        _ => 60 + 2_000 * 4_000 / (4_000 + (ms - 12_000)),
    }
}

fn sale_timeline() -> Timeline {
    const N: u64 = 300;
    const WIDTH: u64 = 200;
    let mut timeline = Timeline { bucket_ms: WIDTH, ..Timeline::default() };
    let mut shelves = [(3_u32, 2_500_i64), (7, 1_200), (12, 900), (40, 400), (41, 380)];
    for bucket in 0..N {
        let ms = bucket * WIDTH;
        let down = (24_000..27_500).contains(&ms);
        let cut = (38_000..43_000).contains(&ms);
        let traffic = if ms < 55_000 { wanted(ms) } else { 0 };
        let offered = (traffic * WIDTH / 1000 * (85 + draw(bucket, 30))) / 100;
        let share = if down {
            40
        } else if cut {
            70
        } else {
            97
        };
        let room = 220 + draw(bucket + 1_000, 30);
        let admitted = (offered * share / 100).min(room);
        let confirmed = admitted * if shelves[0].1 > 0 { 95 } else { 60 } / 100;
        timeline.offered.push(offered);
        timeline.admitted.push(admitted);
        timeline.confirmed.push(confirmed);
        timeline.refused.push(offered - admitted);
        let slow = if down || cut { 30 } else { 1 + offered / 60 };
        let p50 = (900 + draw(bucket + 2_000, 300)) * slow;
        timeline.latency.push(match offered {
            0 => [0; 4],
            _ => [p50, p50 * 2, p50 * (5 + draw(bucket + 3_000, 3)), p50 * (9 + draw(bucket, 20))],
        });
        for (index, (sku, units)) in shelves.iter_mut().enumerate() {
            let sold = (confirmed as i64) / (2 + 2 * index as i64);
            *units = (*units - sold).max(0);
            timeline.stock.entry(*sku).or_default().push(*units);
        }
        for shard in 0..16_u16 {
            let hot = u64::from(shard == 5) * 40 + u64::from(shard % 4 == 1) * 4;
            let stuck = if (down && shard < 5) || (cut && shard > 10) { 200 } else { 0 };
            let depth = (offered * (hot + 1) / 20 + stuck) * draw(bucket * 16 + 99, 10) / 10;
            timeline.queues.entry(shard).or_default().push((depth / 4) as u32);
        }
    }
    timeline
}

/// A flash sale with a crash, a partition and smaller faults; it holds.
pub(super) fn flash_sale() -> RunRecord {
    let mut timeline = sale_timeline();
    timeline.faults = vec![
        fault(1, "crash", "node 1, 2 writes kept", 24_000, 27_500),
        fault(2, "partition", "{0, 2} | {1, 3, 4}", 38_000, 43_000),
        fault(3, "store_unknown", "node 0, 20 %", 14_000, 22_000),
        fault(4, "client_loss", "5 %", 5_000, 50_000),
        fault(5, "client_loss", "15 %", 12_000, 17_000),
        fault(6, "clock_step", "node 3, -800 ms", 31_000, 31_000),
        fault(7, "bus_down", "", 33_000, 36_000),
        FaultSpan { effective: false, ..fault(8, "crash", "node 1", 26_000, 29_000) },
    ];
    timeline.nodes = (0..5).map(|node| (node, vec![(0, 60_000)])).collect();
    timeline.nodes.insert(1, vec![(0, 24_000), (27_500, 60_000)]);
    RunRecord {
        scenario: "flash-sale".to_owned(),
        seed: 42,
        trace_hash: "9f2c61d07ab34e58".to_owned(),
        checkpoints: vec!["00".to_owned(); 300],
        events: 1_231_877,
        virtual_ms: 60_000,
        wall_ms: 4_870,
        probes: counts(&[
            ("takeover_beside_live_lease", 3),
            ("append_unknown_then_written", 118),
            ("handoff_buffer_replayed", 0),
            ("hold_expired", 2_214),
            ("dedup_hit", 12_401),
            ("stale_epoch_refused", 7),
            ("shard_overloaded", 843),
            ("timer_after_passivation", 56),
        ]),
        faults: counts(&[
            ("crash", 1),
            ("partition", 1),
            ("store_unknown", 1),
            ("client_loss", 2),
            ("clock_step", 1),
            ("bus_down", 1),
            ("pause", 0),
        ]),
        trace_bytes: 3_510_000,
        unknown_ppm: 4_310,
        orders: counts(&[
            ("confirmed", 17_204),
            ("rejected", 2_310),
            ("cancelled", 411),
            ("placed", 9),
        ]),
        checked: (1..=13)
            .map(|n| (format!("I{n}"), 900 * n * n))
            .chain([("linear_stock".to_owned(), 20_114), ("versions_forward".to_owned(), 88_120)])
            .collect(),
        command: "mercato sim run --scenario flash-sale --seed 42".to_owned(),
        timeline,
        ..empty()
    }
}

/// The same sale with an oversold SKU and a lost order, told with text that is hostile to HTML.
pub(super) fn failing() -> RunRecord {
    let mut record = flash_sale();
    record.verdict = Verdict::Fail;
    record.seed = 9_120_331;
    let violation = |invariant: &str, at_us: u64, what: &str| Violation {
        invariant: invariant.to_owned(),
        at_us,
        what: what.to_owned(),
    };
    record.violations = vec![
        violation(
            "I6",
            27_912_004,
            "SKU 3: on hand 2,500 but sold 2,517; 17 units were sold twice \
            after node 1 came back with epoch 4 beside epoch 5",
        ),
        violation(
            "linear_stock",
            60_000_000,
            "SKU 3: no order of these 41 requests gives what \
            clients saw: Place ord-<7f\">… & Count(2500) </script><script>alert(1)</script>",
        ),
        violation(
            "I11",
            60_000_000,
            "order ord-0192f1 is still `placing` 30 s after the last fault",
        ),
    ];
    if let Some(units) = record.timeline.stock.get_mut(&3) {
        for (at, units) in units.iter_mut().enumerate().skip(135) {
            *units -= (at as i64 - 134).min(160) * 4;
        }
    }
    record.command = "mercato sim replay ./sim-out/flash-sale-9120331/plan.json".to_owned();
    record.checked.insert("money_conserved".to_owned(), 0);
    record
}

/// One bucket, one order.
pub(super) fn one_bucket() -> RunRecord {
    RunRecord {
        scenario: "one order".to_owned(),
        virtual_ms: 40,
        wall_ms: 1,
        events: 31,
        trace_bytes: 120,
        orders: counts(&[("confirmed", 1)]),
        timeline: Timeline {
            bucket_ms: 100,
            offered: vec![1],
            admitted: vec![1],
            confirmed: vec![1],
            refused: vec![0],
            latency: vec![[2_300, 2_300, 2_300, 2_300]],
            stock: BTreeMap::from([(0, vec![4])]),
            queues: BTreeMap::from([(0, vec![1])]),
            faults: vec![fault(1, "crash", "node 0", 40, 40)],
            nodes: BTreeMap::from([(0, vec![(0, 40)])]),
        },
        ..empty()
    }
}

/// A day of 100,000 buckets on 96 shards, with 60 faults on top of each other.
pub(super) fn large() -> RunRecord {
    const N: u64 = 100_000;
    let mut timeline = Timeline { bucket_ms: 864, ..Timeline::default() };
    for at in 0..N {
        let day = (at as f64 / N as f64 * std::f64::consts::TAU).sin();
        let offered = (300.0 - 200.0 * day) as u64 + draw(at, 80);
        timeline.offered.push(if at == 61_234 { 9_999 } else { offered });
        timeline.admitted.push(offered);
        timeline.confirmed.push(offered * 9 / 10);
        timeline.refused.push(draw(at + 5, 20));
        let p50 = 800 + draw(at + N, 900);
        timeline.latency.push([p50, p50 * 3, p50 * 8, p50 * (10 + draw(at, 400))]);
    }
    for sku in 0..10_u32 {
        let start = 40_i64 << sku;
        let units = (0..N as i64).map(|at| start - start * at / N as i64);
        timeline.stock.insert(sku * 17, units.collect());
    }
    for shard in 0..96_u16 {
        let depth = |at: u64| draw(at * 96 + u64::from(shard), 1 << (shard % 12)) as u32;
        timeline.queues.insert(shard, (0..N).map(depth).collect());
    }
    let families =
        ["crash", "partition", "delay", "store_slow", "bus_lost_acks", "clock_drift", "new"];
    for id in 0..60_u32 {
        let from = draw(u64::from(id) + 77, 80_000_000);
        let family = families[id as usize % families.len()];
        let to = from + draw(u64::from(id), 9_000_000);
        timeline.faults.push(fault(id, family, &format!("of node {}", id % 9), from, to));
    }
    timeline.nodes =
        (0..32).map(|node| (node, vec![(0, 40_000_000), (41_000_000, 90_000_000)])).collect();
    RunRecord {
        scenario: "diurnal day".to_owned(),
        virtual_ms: 86_400_000,
        wall_ms: 600_000,
        events: 300_000_000,
        trace_bytes: 900_000_000,
        timeline,
        ..flash_sale()
    }
}

/// All of them by name.
pub(super) fn all() -> Vec<(&'static str, RunRecord)> {
    vec![
        ("empty", empty()),
        ("one", one_bucket()),
        ("sale", flash_sale()),
        ("fail", failing()),
        ("large", large()),
    ]
}
