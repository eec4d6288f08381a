//! The plots with lines: load, latency, stock.

use super::axis::Scale;
use super::draw::{Panel, Values, area, end_labels, line, nothing, stretched, value_axis};
use super::series::{Point, maxima, thin};
use super::text::{amount, duration, latency as latency_text, rate};
use super::view::View;
use crate::record::{RunRecord, Timeline};

/// Groups into which a line is thinned out: two points each, more than a screen shows.
const GROUPS_MAX: usize = 400;
/// Units on a shelf are told in percent where the fullest shelf has so many times as much as the
/// emptiest one: on one scale the small ones would lie on the base line.
const STOCK_RATIO_MAX: f64 = 20.0;

/// Orders per second: offered, admitted, confirmed, refused.
pub(super) fn load(record: &RunRecord, view: &View) -> Panel {
    const HEIGHT: f64 = 190.0;
    let timeline = &record.timeline;
    let lines: [(&str, &str, &Vec<u64>); 4] = [
        ("offered", "s-offered", &timeline.offered),
        ("admitted", "s-admitted", &timeline.admitted),
        ("confirmed", "s-confirmed", &timeline.confirmed),
        ("refused", "s-refused", &timeline.refused),
    ];
    let top = lines.iter().flat_map(|line| line.2.iter()).copied().max().unwrap_or(0);
    let scale = Scale::linear(0.0, view.per_second(top));
    let mut body =
        value_axis(&scale, HEIGHT, |value| if value == 0.0 { "0".to_owned() } else { rate(value) });
    let mut paths = Vec::new();
    let mut ends = Vec::new();
    for (name, class, counts) in lines {
        let values: Vec<_> = counts.iter().map(|n| Some(view.per_second(*n))).collect();
        let points = thin(&values, GROUPS_MAX);
        if name == "offered" {
            paths.push(("a-offered".to_owned(), area(&points, &scale, HEIGHT, view)));
        }
        paths.push((format!("l {class}"), line(&points, &scale, HEIGHT, view)));
        if let Some(y) = end_y(&points, &scale, HEIGHT) {
            ends.push((name.to_owned(), format!("l {class}"), y));
        }
    }
    body.push_str(&stretched(&paths, HEIGHT));
    body.push_str(&end_labels(&ends, HEIGHT));
    if ends.is_empty() {
        body.push_str(&nothing(HEIGHT, "no orders were offered"));
    }
    let rows = lines.into_iter().filter(|line| !line.2.is_empty()).map(|(name, class, counts)| {
        let shown = maxima(counts, group(view));
        let texts = shown.into_iter().map(|n| rate(view.per_second(n))).collect();
        (name.to_owned(), class.to_owned(), texts)
    });
    Panel {
        id: "load",
        title: "Load",
        note: format!("orders per second, in buckets of {}", grouping(view)),
        height: HEIGHT,
        body,
        guides_over: false,
        values: Values::Columns { column_ms: column_ms(view), rows: rows.collect() },
    }
}

/// Latency of placing from the intended start, on a logarithmic scale.
pub(super) fn latency(record: &RunRecord, view: &View) -> Panel {
    const HEIGHT: f64 = 190.0;
    const NAMES: [(&str, &str); 4] =
        [("p50", "s-p50"), ("p90", "s-p90"), ("p99", "s-p99"), ("max", "s-max")];
    let samples = &record.timeline.latency;
    let present = || samples.iter().flatten().copied().filter(|us| *us > 0);
    let low = present().min().unwrap_or(1_000) as f64;
    let high = present().max().unwrap_or(1_000_000) as f64;
    let scale = Scale::log(low, high);
    let mut body = value_axis(&scale, HEIGHT, latency_text);
    let mut paths = Vec::new();
    let mut ends = Vec::new();
    let mut rows = Vec::new();
    for (index, (name, class)) in NAMES.into_iter().enumerate() {
        let column: Vec<u64> = samples.iter().map(|sample| sample[index]).collect();
        let values: Vec<_> = column.iter().map(|us| (*us > 0).then_some(*us as f64)).collect();
        let points = thin(&values, GROUPS_MAX);
        paths.push((format!("l {class}"), line(&points, &scale, HEIGHT, view)));
        let Some(y) = end_y(&points, &scale, HEIGHT) else { continue };
        ends.push((name.to_owned(), format!("l {class}"), y));
        let shown = maxima(&column, group(view)).into_iter();
        let texts = shown.map(|us| match us {
            0 => "–".to_owned(),
            us => latency_text(us as f64),
        });
        rows.push((name.to_owned(), class.to_owned(), texts.collect()));
    }
    // Where lines lie on each other, p50 is drawn last and the labels stand as on the scale.
    paths.reverse();
    ends.reverse();
    body.push_str(&stretched(&paths, HEIGHT));
    body.push_str(&end_labels(&ends, HEIGHT));
    if ends.is_empty() {
        body.push_str(&nothing(HEIGHT, "no order was placed"));
    }
    Panel {
        id: "latency",
        title: "Latency of placing",
        note: "from the intended start to the answer; logarithmic".to_owned(),
        height: HEIGHT,
        body,
        guides_over: false,
        values: Values::Columns { column_ms: column_ms(view), rows },
    }
}

/// Units for sale of the SKUs with most demand.
pub(super) fn stock(record: &RunRecord, view: &View) -> Panel {
    const HEIGHT: f64 = 190.0;
    let shelves = Shelves::of(&record.timeline);
    let scale = Scale::linear(shelves.low, shelves.high);
    let mut body = match shelves.in_percent {
        true => value_axis(&scale, HEIGHT, |value| format!("{} %", amount(value))),
        false => value_axis(&scale, HEIGHT, amount),
    };
    if shelves.low < 0.0 {
        body.push_str(&format!(
            "<rect class=\"below\" x=\"0%\" width=\"100%\" y=\"{zero:.1}\" height=\"{:.1}\"/>",
            HEIGHT - scale.y(0.0, HEIGHT),
            zero = scale.y(0.0, HEIGHT),
        ));
    }
    let mut paths = Vec::new();
    let mut ends = Vec::new();
    let mut rows = Vec::new();
    for (index, (sku, units)) in record.timeline.stock.iter().enumerate() {
        let peak = peak(units);
        let shown = |n: &i64| if shelves.in_percent { *n as f64 / peak * 100.0 } else { *n as f64 };
        let values: Vec<_> = units.iter().map(|n| Some(shown(n))).collect();
        let points = thin(&values, GROUPS_MAX);
        let class = format!("l k{}", index % 10);
        paths.push((class.clone(), line(&points, &scale, HEIGHT, view)));
        let name = format!("SKU {sku}");
        if let Some(y) = end_y(&points, &scale, HEIGHT) {
            ends.push((name.clone(), class, y));
        }
        // The lowest of a group: what is short matters here.
        let lowest: Vec<i64> = units.iter().map(|n| n.saturating_neg()).collect();
        let texts =
            maxima(&lowest, group(view)).into_iter().map(|n| n.saturating_neg().to_string());
        rows.push((name, format!("k{}", index % 10), texts.collect()));
    }
    body.push_str(&stretched(&paths, HEIGHT));
    body.push_str(&end_labels(&ends, HEIGHT));
    if ends.is_empty() {
        body.push_str(&nothing(HEIGHT, "no stock was watched"));
    }
    let unit = if shelves.in_percent { "percent of the fullest shelf of each" } else { "units" };
    let below =
        if shelves.low < 0.0 { ", <strong class=\"bad\">oversold below zero</strong>" } else { "" };
    Panel {
        id: "stock",
        title: "Stock for sale",
        note: format!("{unit}; SKUs with most demand{below}"),
        height: HEIGHT,
        body,
        guides_over: false,
        values: Values::Columns { column_ms: column_ms(view), rows },
    }
}

/// The range of the stock plot.
struct Shelves {
    in_percent: bool,
    low: f64,
    high: f64,
}

impl Shelves {
    fn of(timeline: &Timeline) -> Self {
        let shelves = || timeline.stock.values().filter(|units| !units.is_empty());
        let peaks = || shelves().map(|units| peak(units));
        let highest = peaks().fold(1.0, f64::max);
        let lowest_peak = peaks().fold(highest, f64::min);
        let in_percent = highest / lowest_peak > STOCK_RATIO_MAX;
        let low = shelves().map(|units| {
            let low = units.iter().copied().min().unwrap_or(0) as f64;
            if in_percent { low / peak(units) * 100.0 } else { low }
        });
        let low = low.fold(0.0, f64::min);
        Self { in_percent, low, high: if in_percent { 100.0 } else { highest } }
    }
}

/// The most that was on a shelf, at least 1.
fn peak(units: &[i64]) -> f64 {
    units.iter().copied().max().unwrap_or(1).max(1) as f64
}

/// Width of what the crosshair shows as one, in ms.
pub(super) fn column_ms(view: &View) -> u64 {
    view.bucket_ms.saturating_mul(group(view) as u64)
}

/// Buckets that the crosshair shows as one.
pub(super) fn group(view: &View) -> usize {
    view.n_buckets.div_ceil(GROUPS_MAX).max(1)
}

fn grouping(view: &View) -> String {
    let group = group(view);
    let width = duration(view.bucket_ms);
    if group <= 1 { width } else { format!("{width} (lowest and highest of each {group} drawn)") }
}

/// Where the last value of a line lies.
fn end_y(points: &[Point], scale: &Scale, height: f64) -> Option<f64> {
    points.iter().rev().find_map(|(_, value)| *value).map(|value| scale.y(value, height))
}
