//! Figures of a run that both the page and the terminal show.

use super::text::{amount, duration, grouped, latency, percent, rate};
use crate::record::RunRecord;

/// A name, its value, and a word on it.
pub(super) struct Figure {
    /// What it is.
    pub(super) name: &'static str,
    /// Its value.
    pub(super) value: String,
    /// What helps to read it; may be empty.
    pub(super) aside: String,
}

/// The figures, most important first.
pub(super) fn figures(record: &RunRecord) -> Vec<Figure> {
    let figure = |name, value, aside| Figure { name, value, aside };
    let timeline = &record.timeline;
    let sum = |counts: &[u64]| counts.iter().copied().fold(0, u64::saturating_add);
    let offered = sum(&timeline.offered);
    let confirmed = sum(&timeline.confirmed);
    let peak = timeline.offered.iter().copied().max().unwrap_or(0) as f64 * 1000.0
        / timeline.bucket_ms.max(1) as f64;
    let mut figures = vec![
        figure("orders offered", grouped(offered), format!("peak {}", rate(peak))),
        figure(
            "orders confirmed",
            grouped(confirmed),
            format!("{} of offered", percent(confirmed as f64, offered as f64)),
        ),
        figure("requests refused", grouped(sum(&timeline.refused)), "429 or 503".to_owned()),
        worst_latency(record),
        figure(
            "outcome unknown",
            percent(record.unknown_ppm as f64, 1e6),
            "of requests that change something".to_owned(),
        ),
        figure("events", grouped(record.events), speed(record)),
    ];
    if record.is_live() {
        figures.push(figure("time", duration(record.wall_ms), "against a live node".to_owned()));
        return figures;
    }
    figures.extend([
        figure("virtual time", duration(record.virtual_ms), times_real(record)),
        figure(
            "trace",
            format!("{}B", spaced(amount(record.trace_bytes as f64))),
            match record.events {
                0 => String::new(),
                events => format!("{:.1} B per event", record.trace_bytes as f64 / events as f64),
            },
        ),
    ]);
    figures
}

fn worst_latency(record: &RunRecord) -> Figure {
    let timeline = &record.timeline;
    // A few who come when all is over make no load, and a percentile of one is its latency.
    let least = timeline.offered.iter().copied().max().unwrap_or(0) / 100;
    let loaded = |index: &usize| timeline.offered.get(*index).is_some_and(|n| *n > least);
    let samples = || timeline.latency.iter().enumerate();
    let worst = |index: usize| {
        let samples = samples().filter(|(bucket, _)| index == 3 || loaded(bucket));
        samples.map(|(_, sample)| sample[index]).max()
    };
    let shown = |us: Option<u64>| match us {
        None | Some(0) => "–".to_owned(),
        Some(us) => latency(us as f64),
    };
    Figure {
        name: "worst p99",
        value: shown(worst(2)),
        aside: format!("of a bucket under load; slowest {}", shown(worst(3))),
    }
}

/// Virtual time per wall time.
fn times_real(record: &RunRecord) -> String {
    match record.wall_ms {
        0 => "in less than 1 ms".to_owned(),
        wall => {
            let factor = record.virtual_ms as f64 / wall as f64;
            format!("in {}: {} × real time", duration(wall), amount(factor))
        }
    }
}

fn speed(record: &RunRecord) -> String {
    match record.wall_ms {
        0 => String::new(),
        wall => rate(record.events as f64 * 1000.0 / wall as f64),
    }
}

/// `12` becomes `12 `, so that a unit can follow; `1.2 k` stays.
fn spaced(amount: String) -> String {
    if amount.contains(' ') { amount } else { format!("{amount} ") }
}
