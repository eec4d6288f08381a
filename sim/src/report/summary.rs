//! The verdict for the terminal: some twenty lines of plain text.

use std::collections::BTreeMap;

use super::figures::figures;
use super::series::maxima;
use super::text::{amount, clipped, duration, grouped, percent, rate};
use crate::record::{RunRecord, Verdict};

/// Width of the small plots, in characters.
const PLOT_CHARS: usize = 48;
/// Violations that are told; the others are in `run.json`.
const VIOLATIONS_MAX: usize = 5;
/// Characters of a violation; the terminal wraps it.
const VIOLATION_CHARS: usize = 300;
/// Longest of the other lines, but for the command.
const LINE_CHARS: usize = 110;

/// How the run ended, in 15 to 25 lines that each end with a line feed.
#[must_use]
pub fn summary(record: &RunRecord) -> String {
    let verdict = match record.verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
    };
    let mut lines = vec![format!(
        "{verdict}  {} · seed {} · trace {}",
        one_line(&record.scenario, 60),
        record.seed,
        one_line(&record.trace_hash, 32)
    )];
    violations(record, &mut lines);
    lines.push(String::new());
    for figure in figures(record) {
        let aside =
            if figure.aside.is_empty() { String::new() } else { format!("  {}", figure.aside) };
        lines.push(format!("  {:<17}{:>12}{aside}", figure.name, figure.value));
    }
    lines.push(String::new());
    plots(record, &mut lines);
    let total: u64 = record.orders.values().copied().fold(0, u64::saturating_add);
    lines.push(row("orders", &by_count(&record.orders, |n| percent(n as f64, total as f64))));
    lines.push(row("faults", &by_count(&record.faults, grouped)));
    lines.push(row("probes", &probes(&record.probes)));
    lines.push(row("checked", &checked(record)));
    lines.push(String::new());
    // Never cut: half a command is of no use.
    lines.push(format!("  again: {}", one_line(&record.command, usize::MAX)));
    lines.into_iter().map(|line| line + "\n").collect()
}

/// A name and what belongs to it, in one line.
fn row(name: &str, text: &str) -> String {
    format!("  {name:<10}{}", one_line(text, LINE_CHARS - 12))
}

/// `text` in one line without control characters: a record must not steer the terminal.
fn one_line(text: &str, max: usize) -> String {
    let plain: String =
        text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    clipped(&plain, max)
}

fn violations(record: &RunRecord, lines: &mut Vec<String>) {
    for violation in record.violations.iter().take(VIOLATIONS_MAX) {
        let text = format!(
            "{} at {}: {}",
            violation.invariant,
            duration(violation.at_us / 1000),
            violation.what
        );
        lines.push(format!("  ✗ {}", one_line(&text, VIOLATION_CHARS)));
    }
    if record.violations.len() > VIOLATIONS_MAX {
        let more = grouped((record.violations.len() - VIOLATIONS_MAX) as u64);
        lines.push(format!("  ✗ and {more} more violations"));
    }
}

fn plots(record: &RunRecord, lines: &mut Vec<String>) {
    let timeline = &record.timeline;
    let per_second = |n: u64| n as f64 * 1000.0 / timeline.bucket_ms.max(1) as f64;
    let top = [&timeline.offered, &timeline.confirmed, &timeline.refused];
    // One scale for all three, so that their heights can be compared.
    let top = top.into_iter().flatten().copied().max().unwrap_or(0);
    let loads = [
        ("offered", &timeline.offered),
        ("confirmed", &timeline.confirmed),
        ("refused", &timeline.refused),
    ];
    for (name, counts) in loads {
        let peak = counts.iter().copied().max().unwrap_or(0);
        lines.push(format!(
            "  {name:<10}{:<PLOT_CHARS$}  peak {}",
            blocks(counts, top),
            rate(per_second(peak))
        ));
    }
    let depths = queue_depths(record);
    let deepest = depths.iter().copied().max().unwrap_or(0);
    lines.push(format!(
        "  {:<10}{:<PLOT_CHARS$}  peak {}",
        "queues",
        blocks(&depths, deepest),
        amount(deepest as f64)
    ));
}

/// The deepest queue of any shard, by bucket.
fn queue_depths(record: &RunRecord) -> Vec<u64> {
    let queues = &record.timeline.queues;
    let length = queues.values().map(Vec::len).max().unwrap_or(0);
    let mut deepest = vec![0_u64; length];
    for depths in queues.values() {
        for (at, depth) in depths.iter().enumerate() {
            deepest[at] = deepest[at].max((*depth).into());
        }
    }
    deepest
}

/// A line of blocks, each as high as the highest of its buckets; 0 is a dot.
pub(super) fn blocks(values: &[u64], top: u64) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let group = values.len().div_ceil(PLOT_CHARS).max(1);
    let block = |value: u64| match value {
        0 => '·',
        value => BLOCKS[((value as f64 / top.max(1) as f64 * 8.0).ceil() as usize).clamp(1, 8) - 1],
    };
    maxima(values, group).into_iter().map(block).collect()
}

fn by_count(counts: &BTreeMap<String, u64>, told: impl Fn(u64) -> String) -> String {
    let mut sorted: Vec<_> = counts.iter().filter(|(_, n)| **n > 0).collect();
    if sorted.is_empty() {
        return "none".to_owned();
    }
    sorted.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let told = |(name, n): (&String, &u64)| format!("{name} {}", told(*n));
    sorted.into_iter().map(told).collect::<Vec<_>>().join(", ")
}

fn probes(probes: &BTreeMap<String, u64>) -> String {
    let missed: Vec<_> =
        probes.iter().filter(|(_, n)| **n == 0).map(|(name, _)| name.as_str()).collect();
    if probes.is_empty() {
        return "none".to_owned();
    }
    let hit = format!("{} of {} hit", probes.len() - missed.len(), probes.len());
    if missed.is_empty() { hit } else { format!("{hit}; never: {}", missed.join(", ")) }
}

fn checked(record: &RunRecord) -> String {
    let total: u64 = record.checked.values().copied().fold(0, u64::saturating_add);
    let idle: Vec<_> =
        record.checked.iter().filter(|(_, n)| **n == 0).map(|(name, _)| name.as_str()).collect();
    let all = format!("{} checkers looked at {} things", record.checked.len(), grouped(total));
    if idle.is_empty() { all } else { format!("{all}; at none: {}", idle.join(", ")) }
}
