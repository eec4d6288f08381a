//! The whole page, trace and verdict over each sample.

use std::collections::BTreeMap;

use super::samples;
use super::xml::{Tag, commands, svgs, tags};
use crate::record::{RunRecord, Verdict, Violation};
use crate::report::{chrome_trace, html, summary};

/// With `SIM_REPORT_DIR` set the samples stay there for people to look at.
#[test]
fn samples_can_be_looked_at() {
    let Some(dir) = std::env::var_os("SIM_REPORT_DIR").map(std::path::PathBuf::from) else {
        return;
    };
    for (name, record) in samples::all() {
        std::fs::write(dir.join(format!("{name}.html")), html(&record)).unwrap();
        std::fs::write(dir.join(format!("{name}.trace.json")), chrome_trace(&record)).unwrap();
        std::fs::write(dir.join(format!("{name}.txt")), summary(&record)).unwrap();
    }
}

/// All samples, and some that no simulator writes but a file may hold.
fn records() -> Vec<(&'static str, RunRecord)> {
    let mut records = samples::all();
    let mut torn = samples::flash_sale();
    torn.timeline.bucket_ms = 0;
    torn.timeline.admitted.truncate(3);
    torn.timeline.confirmed.clear();
    torn.timeline.latency.truncate(1);
    torn.timeline.queues.insert(3, Vec::new());
    torn.timeline.stock.insert(3, Vec::new());
    torn.timeline.nodes.insert(2, vec![(9, 4), (5, 5), (50, u64::MAX), (0, 70)]);
    torn.timeline.faults[0].to_ms = 0;
    torn.timeline.faults[1].to_ms = u64::MAX;
    records.push(("torn", torn));
    let mut huge = samples::flash_sale();
    huge.virtual_ms = u64::MAX;
    huge.timeline.offered[7] = u64::MAX;
    huge.timeline.latency[9] = [u64::MAX; 4];
    huge.timeline.stock.insert(3, vec![i64::MIN, i64::MAX]);
    huge.timeline.queues.insert(1, vec![u32::MAX]);
    huge.timeline.faults[2].from_ms = u64::MAX;
    huge.orders.insert("lost".to_owned(), u64::MAX);
    huge.probes.insert("often".to_owned(), u64::MAX);
    huge.checked.insert("much".to_owned(), u64::MAX);
    records.push(("huge", huge));
    records
}

#[test]
fn every_drawing_is_well_formed_and_stays_in_its_box() {
    for (name, record) in records() {
        let page = html(&record);
        let drawings = svgs(&page);
        assert!(drawings.len() >= 6, "{name}: load, latency, stock, queues, faults, nodes");
        for drawing in drawings {
            let tags = tags(drawing);
            let height: f64 = tags[0].get("height").unwrap().parse().unwrap();
            for tag in &tags {
                inside(name, tag, height);
            }
        }
    }
}

fn inside(name: &str, tag: &Tag, height: f64) {
    let at = |key| tag.get(key).map(|value| place(name, key, value));
    for (key, value) in [("x", at("x")), ("x1", at("x1")), ("x2", at("x2"))] {
        if let Some(Place::Percent(percent)) = value {
            assert!((0.0..=100.0).contains(&percent), "{name}: {key} = {percent} %");
        }
    }
    if let (Some(Place::Percent(x)), Some(Place::Percent(width))) = (at("x"), at("width")) {
        let starts_at_end = tag.name == "svg" && tag.get("class") == Some("ends");
        assert!(starts_at_end || x + width <= 100.03, "{name}: {x} % + {width} %");
    }
    for key in ["y", "y1", "y2"] {
        if let Some(Place::Px(y)) = at(key) {
            assert!((0.0..=height).contains(&y), "{name}: {} {key} = {y}", tag.name);
        }
    }
    if let Some(Place::Px(size)) = at("height") {
        let y = if let Some(Place::Px(y)) = at("y") { y } else { 0.0 };
        assert!(size >= 0.0 && y + size <= height + 0.1, "{name}: {y} + {size} > {height}");
    }
    if let Some(d) = tag.get("d") {
        path_inside(name, d, tag.view_box.unwrap_or((1000.0, height)));
    }
}

enum Place {
    Percent(f64),
    Px(f64),
}

fn place(name: &str, key: &str, value: &str) -> Place {
    let number = |text: &str| {
        let number: f64 = text.parse().unwrap_or_else(|_| panic!("{name}: {key} = {value:?}"));
        assert!(number.is_finite(), "{name}: {key} = {value:?}");
        number
    };
    match value.strip_suffix('%') {
        Some(percent) => Place::Percent(number(percent)),
        None => Place::Px(number(value)),
    }
}

fn path_inside(name: &str, d: &str, (width, height): (f64, f64)) {
    let (mut x, mut y) = (0.0, 0.0);
    for (letter, numbers) in commands(d) {
        match (letter, numbers.as_slice()) {
            ('M' | 'L', [to_x, to_y]) => (x, y) = (*to_x, *to_y),
            ('H', [to]) => x = *to,
            ('V', [to]) => y = *to,
            ('h', [by]) => x += by,
            ('v', [by]) => y += by,
            ('z' | 'Z', []) => {}
            other => panic!("{name}: {other:?} in a path"),
        }
        assert!((0.0..=width).contains(&x) && (0.0..=height).contains(&y), "{name}: {x} {y}: {d}");
    }
}

#[test]
fn no_text_of_a_record_becomes_markup() {
    const HOSTILE: &str =
        "</script><script>alert(1)</script><img src=x onerror='a()'>\"&\u{0}\u{1b}[2J";
    let calm = "calm text".to_owned();
    let with = |text: &str| {
        let mut record = samples::failing();
        record.scenario = text.to_owned();
        record.trace_hash = text.to_owned();
        record.command = text.to_owned();
        record.violations =
            vec![Violation { invariant: text.to_owned(), at_us: 5, what: text.to_owned() }];
        let map = BTreeMap::from([(text.to_owned(), 4)]);
        record.probes = map.clone();
        record.faults = map.clone();
        record.orders = map.clone();
        record.checked = map;
        for fault in &mut record.timeline.faults {
            fault.family = text.to_owned();
            fault.detail = text.to_owned();
        }
        record
    };
    let (hostile, calm) = (with(HOSTILE), with(&calm));
    let (page, calm_page) = (html(&hostile), html(&calm));
    for tag in ["<script", "</script", "<p", "<section", "</section"] {
        assert_eq!(page.matches(tag).count(), calm_page.matches(tag).count(), "{tag}");
    }
    assert!(!page.contains("<img") && !page.contains('\u{0}') && !page.contains('\u{1b}'));
    assert!(page.contains("&lt;/script&gt;&lt;script&gt;alert(1)"));
    let text = summary(&hostile);
    assert!(text.chars().all(|char| char == '\n' || !char.is_control()));
    serde_json::from_str::<serde_json::Value>(&chrome_trace(&hostile)).unwrap();
}

#[test]
fn the_page_needs_nothing_else() {
    for (name, record) in records() {
        let page = html(&record);
        for outside in ["http:", "https:", "url(", "@import", "src=", "<link"] {
            assert!(!page.contains(outside), "{name} has {outside}");
        }
        assert!(!page.contains("NaN") && !page.contains("inf%"), "{name}");
    }
}

#[test]
fn a_long_run_makes_a_small_page_that_keeps_its_peak() {
    let record = samples::large();
    let page = html(&record);
    assert!(page.len() < 1_500_000, "{} bytes", page.len());
    assert!(chrome_trace(&record).len() < 15_000_000);
    // The one bucket with 9,999 orders reaches the highest place in the plot: 11.57 of 15 k/s.
    let load = svgs(&page).into_iter().next().unwrap();
    let d = tags(load).into_iter().find(|tag| tag.get("class") == Some("a-offered")).unwrap();
    let commands = commands(d.get("d").unwrap());
    let highest = commands.iter().filter(|(letter, _)| *letter == 'L').map(|(_, at)| at[1]);
    let wanted = 190.0 * (1.0 - 9_999.0 / 0.864 / 15_000.0);
    assert!((highest.fold(f64::MAX, f64::min) - wanted).abs() < 0.1);
}

#[test]
fn what_is_wrong_comes_first() {
    let page = html(&samples::failing());
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} is missing"));
    assert!(at("banner fail") < at("class=\"violations\""));
    assert!(at("17 units were sold twice") < at("class=\"tiles\""));
    assert!(page.contains("oversold below zero"));
    assert!(page.contains("looked at nothing"), "a checker that saw nothing stands out");
    assert!(html(&samples::empty()).contains("but nothing was checked"));
    let calm = html(&samples::flash_sale());
    assert!(calm.contains("banner pass") && !calm.contains("class=\"violations\""));
    assert!(calm.contains("7 of 8 hit, 1 never"));
    let never = calm.find("never hit").unwrap();
    assert!(never < calm.find("dedup hit").unwrap(), "a probe that was not hit comes first");
}

#[test]
fn a_million_violations_are_counted_but_not_all_shown() {
    let mut record = samples::failing();
    let violation = |n: u64| Violation {
        invariant: "I2".to_owned(),
        at_us: n,
        what: format!("a gap of {n} versions"),
    };
    record.violations = (0..100_000).map(violation).collect();
    let page = html(&record);
    assert!(page.contains("100,000 violations") && page.len() < 500_000);
    assert!(summary(&record).contains("and 99,995 more violations"));
}

#[test]
fn the_verdict_fits_a_terminal() {
    for (name, record) in records() {
        let text = summary(&record);
        assert!((15..=25).contains(&text.lines().count()), "{name}:\n{text}");
        let verdict = if record.verdict == Verdict::Pass { "PASS  " } else { "FAIL  " };
        assert!(text.starts_with(verdict));
        assert!(text.trim_end().ends_with(&record.command), "the command is whole");
        let wide = text.lines().find(|line| line.chars().count() > 110 && !line.contains('✗'));
        assert_eq!(wide, None, "{name}");
    }
}

#[test]
fn spans_of_one_track_do_not_overlap() {
    for (name, record) in records() {
        let trace: serde_json::Value = serde_json::from_str(&chrome_trace(&record)).unwrap();
        let events = trace["traceEvents"].as_array().unwrap();
        let mut ends: BTreeMap<(u64, u64), Vec<(u64, u64)>> = BTreeMap::new();
        for event in events.iter().filter(|event| event["ph"] == "X") {
            let n = |key: &str| event[key].as_u64().unwrap_or_else(|| panic!("{event}"));
            let end = n("ts").saturating_add(n("dur"));
            ends.entry((n("pid"), n("tid"))).or_default().push((n("ts"), end));
        }
        if name == "torn" {
            // Node spans that overlap in the record do so in the trace.
            continue;
        }
        for (track, mut spans) in ends {
            spans.sort_unstable();
            assert!(spans.windows(2).all(|two| two[0].1 <= two[1].0), "{name} {track:?}");
        }
        assert_eq!(
            events.iter().filter(|event| event["ph"] == "i").count(),
            record.violations.len()
        );
    }
}
