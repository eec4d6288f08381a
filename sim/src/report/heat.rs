//! Queue depth per shard over time, as a heat map.
//!
//! Depths have seven levels, even on a logarithmic scale, from 1 to the deepest queue; an empty
//! queue is not drawn. All cells of a level are one path, so a map of 64 shards over hours takes
//! some hundred kB at the most. More shards than rows, or buckets than columns, share cells: a
//! cell shows the deepest of its queues.

use std::collections::BTreeMap;

use super::draw::{Panel, Values, nothing, num, pct};
use super::plots::{column_ms, group};
use super::series::maxima;
use super::text::{amount, grouped};
use super::view::View;
use crate::record::RunRecord;

const ROWS_MAX: usize = 64;
const COLUMNS_MAX: usize = 400;
const LEVELS: usize = 7;

/// The panel.
pub(super) fn queues(record: &RunRecord, view: &View) -> Panel {
    let queues = &record.timeline.queues;
    let deepest = queues.values().flatten().copied().max().unwrap_or(0);
    let per_row = queues.len().div_ceil(ROWS_MAX).max(1);
    let rows = rows(queues, per_row);
    let row_px = (220.0 / rows.len().max(1) as f64).clamp(4.0, 16.0);
    let height = if rows.is_empty() { 60.0 } else { (rows.len() as f64 * row_px).max(32.0) };
    let mut body = String::new();
    if rows.is_empty() {
        body.push_str(&nothing(height, "no queue was watched"));
    } else {
        body.push_str(&row_labels(&rows, height));
        body.push_str(&cells(&rows, deepest, view, height));
        body.push_str(&legend(deepest));
        if deepest == 0 {
            body.push_str(&nothing(height, "every queue was empty all the time"));
        }
    }
    let shared = if per_row > 1 { format!(", {per_row} shards a row") } else { String::new() };
    Panel {
        id: "queues",
        title: "Queue depth per shard",
        note: format!("longest queue in each bucket{shared}; logarithmic colours"),
        height,
        body,
        guides_over: true,
        values: Values::Columns { column_ms: column_ms(view), rows: deepest_rows(queues, view) },
    }
}

/// The first shard of each row and the row's depths by bucket.
type Row = (u16, Vec<u32>);

fn rows(queues: &BTreeMap<u16, Vec<u32>>, per_row: usize) -> Vec<Row> {
    let shards: Vec<_> = queues.iter().collect();
    let merged = |chunk: &[(&u16, &Vec<u32>)]| {
        let length = chunk.iter().map(|(_, depths)| depths.len()).max().unwrap_or(0);
        let deepest = |at: usize| chunk.iter().filter_map(|(_, d)| d.get(at)).copied().max();
        (*chunk[0].0, (0..length).map(|at| deepest(at).unwrap_or(0)).collect())
    };
    shards.chunks(per_row).map(merged).collect()
}

/// The level of a depth, 0 to 6; `None` for an empty queue.
pub(super) fn level(depth: u32, deepest: u32) -> Option<usize> {
    if depth == 0 {
        return None;
    }
    let share = f64::from(depth).ln() / f64::from(deepest.max(2)).ln();
    Some(((share * LEVELS as f64) as usize).min(LEVELS - 1))
}

fn cells(rows: &[Row], deepest: u32, view: &View, height: f64) -> String {
    let n_buckets = view.n_buckets.max(1);
    let width = n_buckets.div_ceil(COLUMNS_MAX).max(1);
    let mut paths = vec![String::new(); LEVELS];
    for (row, (_, depths)) in rows.iter().enumerate() {
        let levels: Vec<_> =
            maxima(depths, width).into_iter().map(|depth| level(depth, deepest)).collect();
        let mut at = 0;
        while at < levels.len() {
            let same = levels[at..].iter().take_while(|other| **other == levels[at]).count();
            if let Some(level) = levels[at] {
                let (from, to) = (at * width, ((at + same) * width).min(n_buckets));
                let length = to - from;
                paths[level].push_str(&format!("M{from} {row}h{length}v1h-{length}z"));
            }
            at += same;
        }
    }
    let path = |(level, d): (usize, &String)| format!("<path class=\"h{level}\" d=\"{d}\"/>");
    let drawn = paths.iter().enumerate().filter(|(_, d)| !d.is_empty()).map(path);
    format!(
        "<svg class=\"heat\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {n_buckets} {}\" \
         preserveAspectRatio=\"none\">{}</svg>",
        pct(view.bucket_percent(n_buckets as f64)),
        num(height),
        rows.len(),
        drawn.collect::<String>(),
    )
}

fn row_labels(rows: &[Row], height: f64) -> String {
    let row_px = height / rows.len() as f64;
    let every = (14.0 / row_px).ceil() as usize;
    let mut out = String::new();
    for (index, (shard, _)) in rows.iter().enumerate().step_by(every) {
        let name = if index == 0 { format!("shard {shard}") } else { shard.to_string() };
        let y = num((index as f64 + 0.5) * row_px + 4.0);
        out.push_str(&format!(
            "<text class=\"v\" x=\"-8\" y=\"{y}\" text-anchor=\"end\">{name}</text>"
        ));
    }
    out
}

/// The colours from 1 to the deepest queue, right of the map.
fn legend(deepest: u32) -> String {
    if deepest == 0 {
        return String::new();
    }
    // A queue of 1 is the lowest level whatever the deepest one is.
    let shown = if deepest == 1 { 1 } else { LEVELS };
    let mut out = String::from("<svg x=\"100%\" class=\"ends\">");
    for index in 0..shown {
        let x = 10 + 7 * index;
        out.push_str(&format!(
            "<rect class=\"h{index}\" x=\"{x}\" y=\"0\" width=\"7\" height=\"10\"/>"
        ));
    }
    out.push_str("<text class=\"v\" x=\"10\" y=\"24\">1</text>");
    if deepest > 1 {
        let most = amount(f64::from(deepest));
        out.push_str(&format!(
            "<text class=\"v\" x=\"59\" y=\"24\" text-anchor=\"end\">{most}</text>"
        ));
    }
    out.push_str("</svg>");
    out
}

/// For the crosshair: how deep the deepest queue is, which one it is, and how many are not empty.
fn deepest_rows(
    queues: &BTreeMap<u16, Vec<u32>>,
    view: &View,
) -> Vec<(String, String, Vec<String>)> {
    let group = group(view);
    let shown: Vec<(u16, Vec<u32>)> =
        queues.iter().map(|(shard, depths)| (*shard, maxima(depths, group))).collect();
    let n_columns = shown.iter().map(|(_, depths)| depths.len()).max().unwrap_or(0);
    if n_columns == 0 {
        return Vec::new();
    }
    let at = |column: usize| {
        shown.iter().filter_map(move |(shard, depths)| depths.get(column).map(|d| (*d, *shard)))
    };
    // Of equal depths the lowest shard, as people read from the top.
    let deepest = |column| match at(column).max_by_key(|(depth, shard)| (*depth, u16::MAX - shard))
    {
        Some((depth, shard)) if depth > 0 => format!("{} (shard {shard})", grouped(depth.into())),
        Some(_) | None => "0".to_owned(),
    };
    let waiting = |column| at(column).filter(|(depth, _)| *depth > 0).count().to_string();
    vec![
        ("deepest".to_owned(), "h5".to_owned(), (0..n_columns).map(deepest).collect()),
        ("shards with a queue".to_owned(), "h2".to_owned(), (0..n_columns).map(waiting).collect()),
    ]
}
