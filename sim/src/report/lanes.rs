//! Lanes of faults and of nodes, on the time axis of the plots.
//!
//! Faults of a family stand together; those that overlap in time get lanes of their own. A fault
//! without an effect is an empty, dashed bar. A node's lane is calm where it was up and loud
//! where it was down.

use std::collections::BTreeMap;

use super::draw::{Panel, Values, nothing, num, pct};
use super::series::{gaps, stack};
use super::text::{clipped, duration, escape};
use super::view::{Realm, View};
use crate::record::{FaultSpan, RunRecord};

/// Faults that are drawn; of more the first ones are, and the note tells the rest.
pub(super) const FAULTS_MAX: usize = 400;
/// Characters of a detail; a longer one would fill the page.
const DETAIL_MAX: usize = 120;
/// Width of the plot in px that labels in bars are judged by; what is narrower clips them.
const USUAL_WIDTH: f64 = 800.0;

/// The panel of faults.
pub(super) fn faults(record: &RunRecord, view: &View) -> Panel {
    let all = &record.timeline.faults;
    let shown = &all[..all.len().min(FAULTS_MAX)];
    let families = families(shown, view);
    let n_lanes: usize = families.iter().map(|family| family.n_lanes).sum();
    let pitch = match n_lanes {
        0..=30 => 18.0,
        31..=80 => 12.0,
        _ => 8.0,
    };
    let mut body = String::new();
    let mut top = 2.0;
    for family in &families {
        body.push_str(&family.svg(top, pitch, view));
        top += family.n_lanes as f64 * pitch + 4.0;
    }
    if families.is_empty() {
        top = 44.0;
        body.push_str(&nothing(
            top,
            "no fault lasted; what befell single messages is counted below",
        ));
    }
    let spans = shown.iter().map(|fault| {
        let class = format!("f-{}", Realm::of(&fault.family).name());
        (fault.from_ms, fault.to_ms.max(fault.from_ms), told(fault), class)
    });
    Panel {
        id: "faults",
        title: "Faults",
        note: note(all, view),
        height: top,
        body,
        guides_over: false,
        values: Values::Spans(spans.collect()),
    }
}

fn note(all: &[FaultSpan], view: &View) -> String {
    let idle = all.iter().filter(|fault| !fault.effective).count();
    let mut realms: Vec<_> = all.iter().map(|fault| Realm::of(&fault.family)).collect();
    realms.sort_unstable();
    realms.dedup();
    let key = |realm: &Realm| {
        format!("<span class=\"key\"><i class=\"f-{0}\"></i>{0}</span>", realm.name())
    };
    let mut out: String = realms.iter().map(key).collect();
    if idle > 0 {
        out.push_str(&format!(
            "<span class=\"key\"><i class=\"idle\"></i>without effect ({idle})</span>"
        ));
    }
    if view.guides.iter().any(|guide| guide.class == "g-violation") {
        out.push_str("<span class=\"key\"><i class=\"violation\"></i>violation</span>");
    }
    if all.len() > FAULTS_MAX {
        out.push_str(&format!(
            "<span class=\"key\">{} more not shown</span>",
            all.len() - FAULTS_MAX
        ));
    }
    out
}

/// Faults of one family with the lane of each.
struct Family<'a> {
    name: &'a str,
    n_lanes: usize,
    bars: Vec<(usize, &'a FaultSpan)>,
}

fn families<'a>(faults: &'a [FaultSpan], view: &View) -> Vec<Family<'a>> {
    let mut by_name: BTreeMap<(Realm, &str), Vec<&FaultSpan>> = BTreeMap::new();
    for fault in faults {
        by_name.entry((Realm::of(&fault.family), &fault.family)).or_default().push(fault);
    }
    // A bar of no length is still some px wide: it takes half a percent of the axis.
    let least = view.axis.length_ms / 200;
    let family = |((_, name), faults): ((Realm, &'a str), Vec<&'a FaultSpan>)| {
        let spans: Vec<_> = faults
            .iter()
            .map(|fault| {
                let from = fault.from_ms.min(view.axis.length_ms);
                (from, fault.to_ms.min(view.axis.length_ms).max(from.saturating_add(least)))
            })
            .collect();
        let lanes = stack(&spans, least / 2);
        let n_lanes = lanes.iter().max().map_or(0, |lane| lane + 1);
        Family { name, n_lanes, bars: lanes.into_iter().zip(faults).collect() }
    };
    by_name.into_iter().map(family).collect()
}

impl Family<'_> {
    fn svg(&self, top: f64, pitch: f64, view: &View) -> String {
        let middle = top + pitch / 2.0 + 3.0;
        let mut out = format!(
            "<text class=\"v lane\" x=\"-8\" y=\"{}\" text-anchor=\"end\">{}</text>",
            num(middle),
            escape(&clipped(&self.name.replace('_', " "), 14)),
        );
        for (lane, fault) in &self.bars {
            let y = top + *lane as f64 * pitch;
            let (from, to) = extent(fault, view);
            out.push_str(&bar(fault, (from, to), y, pitch));
            // Where the next bar of this lane begins.
            let next = self.bars.iter().filter(|(other, _)| other == lane);
            let next = next.map(|(_, fault)| extent(fault, view).0).filter(|x| *x > from);
            let next = next.fold(100.0, f64::min);
            if pitch > 15.0 {
                out.push_str(&label(fault, (from, to), next, y, pitch));
            }
        }
        out
    }
}

/// From where to where a bar reaches, in percent; at least so far that it is seen.
fn extent(fault: &FaultSpan, view: &View) -> (f64, f64) {
    let from = view.axis.percent(fault.from_ms as f64).min(99.8);
    (from, view.axis.percent(fault.to_ms as f64).max(from + 0.2))
}

fn bar(fault: &FaultSpan, (from, to): (f64, f64), y: f64, pitch: f64) -> String {
    let class = if fault.effective { Realm::of(&fault.family).name() } else { "idle" };
    format!(
        "<rect class=\"bar f-{class}\" x=\"{}\" width=\"{}\" y=\"{}\" height=\"{}\" rx=\"2\">\
         <title>{}</title></rect>",
        pct(from),
        pct(to - from),
        num(y),
        num(pitch - 3.0),
        escape(&told(fault)),
    )
}

/// The detail in the bar, or beside it, or nowhere if neither has room.
fn label(fault: &FaultSpan, (from, to): (f64, f64), next: f64, y: f64, pitch: f64) -> String {
    let needed = (fault.detail.chars().count() as f64 * 6.4 + 12.0) / USUAL_WIDTH * 100.0;
    let detail = escape(&fault.detail);
    if fault.detail.is_empty() {
        String::new()
    } else if needed <= to - from {
        let class = if fault.effective { "in" } else { "in idle" };
        format!(
            "<svg class=\"clip\" x=\"{}\" width=\"{}\" y=\"{}\" height=\"{}\">\
             <text class=\"{class}\" x=\"6\" y=\"11.5\">{detail}</text></svg>",
            pct(from),
            pct(to - from),
            num(y),
            num(pitch - 3.0),
        )
    } else if needed <= next - to {
        format!(
            "<text class=\"beside\" x=\"{}\" dx=\"6\" y=\"{}\">{detail}</text>",
            pct(to),
            num(y + 11.5)
        )
    } else {
        String::new()
    }
}

/// A fault in one line.
fn told(fault: &FaultSpan) -> String {
    let length = fault.to_ms.saturating_sub(fault.from_ms);
    let length = if length == 0 { String::new() } else { format!(" for {}", duration(length)) };
    let effect = if fault.effective { "" } else { " (without effect)" };
    let detail = clipped(&fault.detail, DETAIL_MAX);
    format!(
        "#{} {} {detail}{length}, from {}{effect}",
        fault.id,
        clipped(&fault.family, 40).replace('_', " "),
        duration(fault.from_ms)
    )
}

/// The panel of nodes.
pub(super) fn nodes(record: &RunRecord, view: &View) -> Panel {
    let nodes = &record.timeline.nodes;
    let pitch = if nodes.len() > 16 { 12.0 } else { 18.0 };
    let end = view.axis.length_ms;
    let mut body = String::new();
    let mut spans = Vec::new();
    for (index, (node, up)) in nodes.iter().enumerate() {
        let y = 2.0 + index as f64 * pitch;
        body.push_str(&format!(
            "<text class=\"v\" x=\"-8\" y=\"{}\" text-anchor=\"end\">node {node}</text>",
            num(y + pitch / 2.0 + 3.0)
        ));
        for (from, to) in up.iter().filter(|(from, to)| from < to) {
            body.push_str(&node_bar("up", *from, *to, y, pitch, view, ""));
        }
        for (from, to) in gaps(up, end) {
            let told = format!("node {node} down for {}", duration(to - from));
            body.push_str(&node_bar("down", from, to, y, pitch, view, &told));
            spans.push((from, to, told, "down".to_owned()));
        }
    }
    let height = if nodes.is_empty() { 44.0 } else { 2.0 + nodes.len() as f64 * pitch };
    if nodes.is_empty() {
        body.push_str(&nothing(height, "no node was watched"));
    }
    Panel {
        id: "nodes",
        title: "Nodes",
        note: "<span class=\"key\"><i class=\"up\"></i>up</span>\
               <span class=\"key\"><i class=\"down\"></i>down</span>"
            .to_owned(),
        height,
        body,
        guides_over: true,
        values: Values::Spans(spans),
    }
}

fn node_bar(
    class: &str,
    from: u64,
    to: u64,
    y: f64,
    pitch: f64,
    view: &View,
    title: &str,
) -> String {
    let x = view.axis.percent(from as f64).min(99.8);
    let width = (view.axis.percent(to as f64) - x).max(0.2);
    format!(
        "<rect class=\"{class}\" x=\"{}\" width=\"{}\" y=\"{}\" height=\"{}\">{}</rect>",
        pct(x),
        pct(width),
        num(y),
        num(pitch - 4.0),
        if title.is_empty() { String::new() } else { format!("<title>{}</title>", escape(title)) },
    )
}
