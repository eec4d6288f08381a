//! What is no plot: verdict, violations, orders by state, checkers, probes, fault families.

use std::collections::BTreeMap;

use super::figures::figures;
use super::text::{clipped, duration, escape, grouped, percent};
use crate::record::{RunRecord, Verdict, Violation};

/// Violations that are open to see; the others are one click away.
const VIOLATIONS_OPEN: usize = 12;
/// Violations on the page; one bug can break an invariant a million times.
const VIOLATIONS_MAX: usize = 300;
/// Characters of one violation.
const VIOLATION_CHARS: usize = 2_000;
/// Rows of a table; no run has so many kinds of anything, but a file may.
const ROWS_MAX: usize = 500;

/// The banner at the top.
pub(super) fn banner(record: &RunRecord) -> String {
    let n = record.violations.len();
    let (class, word) = match record.verdict {
        Verdict::Pass => ("pass", "Pass"),
        Verdict::Fail => ("fail", "Fail"),
    };
    let looked = record.checked.values().copied().fold(0, u64::saturating_add);
    let told = match (record.verdict, n) {
        (Verdict::Pass, 0) if looked == 0 => "but nothing was checked".to_owned(),
        (Verdict::Pass, 0) => format!(
            "{} checkers looked at {} things and found nothing wrong",
            record.checked.len(),
            grouped(looked)
        ),
        (Verdict::Pass, n) => format!("yet {} recorded", violations_counted(n)),
        (Verdict::Fail, 0) => "without a recorded violation".to_owned(),
        (Verdict::Fail, n) => violations_counted(n),
    };
    format!(
        "<div class=\"banner {class}\" role=\"status\"><strong>{word}</strong><span>{told}</span></div>\n"
    )
}

fn violations_counted(n: usize) -> String {
    if n == 1 { "1 violation".to_owned() } else { format!("{} violations", grouped(n as u64)) }
}

/// The violations; nothing if there are none.
pub(super) fn violations(record: &RunRecord) -> String {
    let all = &record.violations;
    if all.is_empty() {
        return String::new();
    }
    let item = |violation: &Violation| {
        format!(
            "<li><b>{}</b><time>{}</time><p>{}</p></li>\n",
            escape(&clipped(&violation.invariant, 60)),
            duration(violation.at_us / 1000),
            escape(&clipped(&violation.what, VIOLATION_CHARS)),
        )
    };
    let open: String = all.iter().take(VIOLATIONS_OPEN).map(item).collect();
    let mut out =
        format!("<section class=\"violations\">\n<h2>Violations</h2>\n<ol>\n{open}</ol>\n");
    if all.len() > VIOLATIONS_OPEN {
        let rest = all[VIOLATIONS_OPEN..].iter().take(VIOLATIONS_MAX);
        out.push_str(&format!(
            "<details><summary>{} more</summary>\n<ol>\n{}</ol>\n",
            grouped((all.len() - VIOLATIONS_OPEN) as u64),
            rest.map(item).collect::<String>(),
        ));
        if all.len() > VIOLATIONS_OPEN + VIOLATIONS_MAX {
            out.push_str("<p class=\"note\">run.json has the others.</p>\n");
        }
        out.push_str("</details>\n");
    }
    out.push_str("</section>\n");
    out
}

/// Key figures.
pub(super) fn tiles(record: &RunRecord) -> String {
    let tile = |figure: super::figures::Figure| {
        format!(
            "<div><dt>{}</dt><dd>{}<small>{}</small></dd></div>\n",
            figure.name,
            escape(&figure.value),
            escape(&figure.aside)
        )
    };
    let tiles: String = figures(record).into_iter().map(tile).collect();
    format!("<dl class=\"tiles\">\n{tiles}</dl>\n")
}

/// The colour of a state: what goes well is green and blue, what was cancelled is grey.
fn colour(state: &str, index: usize) -> String {
    match state {
        "confirmed" => "o-done".to_owned(),
        "fulfilled" | "completed" => "o-over".to_owned(),
        "cancelled" => "o-gone".to_owned(),
        _ => format!("o{}", index % 8),
    }
}

/// Orders by their last state: a bar of shares and a table.
pub(super) fn orders(record: &RunRecord) -> String {
    let total = record.orders.values().copied().fold(0, u64::saturating_add);
    if total == 0 {
        return section("Orders by state", "", "<p class=\"empty\">no orders</p>\n");
    }
    let mut states: Vec<_> = record.orders.iter().filter(|(_, n)| **n > 0).collect();
    states.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    states.truncate(ROWS_MAX);
    let mut at = 0.0;
    let mut bar = String::new();
    let mut rows = String::new();
    for (index, (state, n)) in states.iter().enumerate() {
        let colour = colour(state, index);
        let share = **n as f64 / total as f64 * 100.0;
        let width = share.min(100.0 - at);
        bar.push_str(&format!(
            "<rect class=\"{colour}\" x=\"{at:.2}%\" width=\"{width:.2}%\" height=\"14\"/>"
        ));
        at = (at + share).min(100.0);
        rows.push_str(&format!(
            "<tr><th><i class=\"{colour}\"></i>{}</th><td>{}</td><td class=\"dim\">{}</td></tr>\n",
            escape(&clipped(state, 60).replace('_', " ")),
            grouped(**n),
            percent(**n as f64, total as f64)
        ));
    }
    let body = format!(
        "<svg class=\"shares\" width=\"100%\" height=\"14\" role=\"img\" \
         aria-label=\"orders by state\">{bar}</svg>\n<table>\n{rows}</table>\n"
    );
    section("Orders by state", &format!("{} in all", grouped(total)), &body)
}

/// Invariants and checkers with how much each looked at.
pub(super) fn checked(record: &RunRecord) -> String {
    let broken = |name: &str| record.violations.iter().filter(|v| v.invariant == name).count();
    let mut names: Vec<&String> = record.checked.keys().collect();
    names.extend(record.violations.iter().map(|v| &v.invariant));
    names.sort_by_key(|name| natural(name));
    names.dedup();
    let row = |name: &&String| {
        let looked = record.checked.get(*name).copied().unwrap_or(0);
        let (class, mark) = match (broken(name), looked) {
            (0, 0) => ("bad", "looked at nothing".to_owned()),
            (0, _) => ("good", "✓".to_owned()),
            (n, _) => ("bad", format!("✗ {}", grouped(n as u64))),
        };
        format!(
            "<tr><th>{}</th><td>{}</td><td class=\"{class}\">{mark}</td></tr>\n",
            escape(&clipped(name, 60).replace('_', " ")),
            grouped(looked)
        )
    };
    let rows: String = names.iter().take(ROWS_MAX).map(row).collect();
    let body = match rows.is_empty() {
        true => "<p class=\"bad\">nothing was checked</p>\n".to_owned(),
        false => format!("<table>\n{rows}</table>\n"),
    };
    section("Checkers", "things looked at", &body)
}

/// How often each probe was hit; those that never were come first and stand out.
pub(super) fn probes(record: &RunRecord) -> String {
    let missed = record.probes.values().filter(|n| **n == 0).count();
    let note = match (record.probes.len(), missed) {
        (0, _) => String::new(),
        (all, 0) => format!("all {all} hit"),
        (all, missed) => format!("{} of {all} hit, {missed} never", all - missed),
    };
    section("Probes", &note, &counted(&record.probes, "never hit", "this run has no probes"))
}

/// How often each family of faults had an effect.
pub(super) fn families(record: &RunRecord) -> String {
    let body = counted(&record.faults, "no effect", "no faults were planned");
    section("Faults with an effect", "by family", &body)
}

/// A table of counts with bars on a logarithmic scale, zeros first.
fn counted(counts: &BTreeMap<String, u64>, zero: &str, empty: &str) -> String {
    if counts.is_empty() {
        return format!("<p class=\"empty\">{empty}</p>\n");
    }
    let most = counts.values().copied().max().unwrap_or(1).max(2);
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by_key(|(name, n)| (**n > 0, natural(name)));
    let row = |(name, n): &(&String, &u64)| {
        let name = escape(&clipped(name, 60).replace('_', " "));
        if **n == 0 {
            return format!(
                "<tr class=\"zero\"><th>{name}</th><td>0</td><td class=\"bad\">{zero}</td></tr>\n"
            );
        }
        let share = ((**n as f64 + 1.0).ln() / (most as f64 + 1.0).ln() * 100.0).clamp(1.0, 100.0);
        format!(
            "<tr><th>{name}</th><td>{}</td><td class=\"meter\">\
             <i style=\"width:{share:.0}%\"></i></td></tr>\n",
            grouped(**n)
        )
    };
    let rows: String = sorted.iter().take(ROWS_MAX).map(row).collect();
    format!("<table>\n{rows}</table>\n")
}

fn section(title: &str, note: &str, body: &str) -> String {
    let note = escape(note);
    format!(
        "<section class=\"card\">\n<h3>{title}</h3><p class=\"note\">{note}</p>\n{body}</section>\n"
    )
}

/// Orders `I2` before `I10`: the letters, then the number, then all of it.
pub(super) fn natural(name: &str) -> (String, u64, String) {
    let letters: String = name.chars().take_while(|c| !c.is_ascii_digit()).collect();
    let digits: String = name[letters.len()..].chars().take_while(char::is_ascii_digit).collect();
    (letters, digits.parse().unwrap_or(0), name.to_owned())
}
