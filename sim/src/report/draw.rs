//! Pieces of SVG: frames with ticks, lines with gaps, labels at lines' ends.
//!
//! A plot stretches to the window while its text does not: x is in percent, or in thousandths
//! of the width inside a nested view box for paths; y is in px. Labels stand left and right of
//! the plot's box, in the margins that the style sheet gives.

use serde_json::{Value, json};

use super::axis::{Scale, spread};
use super::series::Point;
use super::text::{escape, script_json};
use super::view::View;

/// Width of the view box of paths; x in percent is a tenth of it.
const PATH_WIDTH: f64 = 1000.0;
/// Room under a plot for the labels of the time axis, in px.
const TIME_LABELS: f64 = 20.0;
/// Height of a line of labels, in px.
const LABEL_GAP: f64 = 14.0;

/// A number in a path: one decimal, no more characters than needed.
pub(super) fn num(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    if rounded.fract() == 0.0 { format!("{}", rounded as i64) } else { format!("{rounded:.1}") }
}

/// A place on the x axis: percent with two decimals.
pub(super) fn pct(percent: f64) -> String {
    let text = format!("{percent:.2}");
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// One plot of the page: heading, SVG, and the values that the crosshair shows.
pub(super) struct Panel {
    /// Id of the section.
    pub(super) id: &'static str,
    /// Heading.
    pub(super) title: &'static str,
    /// What is drawn and in which unit; HTML.
    pub(super) note: String,
    /// Height of the plot without labels, in px.
    pub(super) height: f64,
    /// What is drawn, SVG.
    pub(super) body: String,
    /// Whether guides cross what is drawn (a filled plot would hide them) or lie below it.
    pub(super) guides_over: bool,
    /// What the crosshair shows.
    pub(super) values: Values,
}

/// What the crosshair shows in a plot.
pub(super) enum Values {
    /// A text per column and line; columns are `column_ms` wide.
    Columns {
        /// Width of a column in ms.
        column_ms: u64,
        /// Name, CSS class and texts of each line.
        rows: Vec<(String, String, Vec<String>)>,
    },
    /// Texts that hold from one time to another, in ms, with their CSS class.
    Spans(Vec<(u64, u64, String, String)>),
}

impl Values {
    fn json(&self) -> Value {
        match self {
            Self::Columns { column_ms, rows } => json!({ "column_ms": column_ms, "rows": rows }),
            Self::Spans(spans) => json!({ "spans": spans }),
        }
    }
}

impl Panel {
    /// The section of the page.
    pub(super) fn html(&self, view: &View) -> String {
        let frame = frame(view, self.height);
        let guides = guides(view, self.height);
        let body = match self.guides_over {
            true => format!("{frame}{}{guides}", self.body),
            false => format!("{frame}{guides}{}", self.body),
        };
        format!(
            "<section class=\"plot\" id=\"{id}\">\n<h3>{title}</h3>\n<p class=\"note\">{note}</p>\n\
             <div class=\"pane\"><svg class=\"chart\" width=\"100%\" height=\"{full}\" role=\"img\" \
             aria-label=\"{title}\">{body}</svg></div>\n\
             <script type=\"application/json\">{values}</script>\n</section>\n",
            id = self.id,
            title = escape(self.title),
            note = self.note,
            full = num(self.height + TIME_LABELS),
            values = script_json(&self.values.json()),
        )
    }
}

/// Vertical lines and labels of the time axis, and the base line.
fn frame(view: &View, height: f64) -> String {
    let mut out = String::new();
    let bottom = num(height);
    let ticks = view.axis.ticks(10);
    for (index, ms) in ticks.iter().enumerate() {
        let x = view.axis.percent(*ms as f64);
        // Every second label goes on a narrow screen; the last one must not leave the plot.
        let class = if index % 2 == 1 { "t odd" } else { "t" };
        let anchor = if index == 0 { "start" } else { "middle" };
        let label = escape(&view.axis.tick_label(*ms));
        out.push_str(&format!(
            "<line class=\"grid\" x1=\"{x}\" x2=\"{x}\" y1=\"0\" y2=\"{bottom}\"/>\
             <text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{label}</text>",
            x = pct(x),
            y = num(height + 15.0),
        ));
    }
    out.push_str(&format!(
        "<line class=\"base\" x1=\"0%\" x2=\"100%\" y1=\"{bottom}\" y2=\"{bottom}\"/>"
    ));
    out
}

fn guides(view: &View, height: f64) -> String {
    let line = |guide: &super::view::Guide| {
        format!(
            "<line class=\"guide {}\" x1=\"{x}\" x2=\"{x}\" y1=\"0\" y2=\"{}\"/>",
            guide.class,
            num(height),
            x = pct(guide.percent),
        )
    };
    let lines: String = view.guides.iter().map(line).collect();
    let class = if view.guides.len() > 40 { "many" } else { "few" };
    format!("<g class=\"{class}\">{lines}</g>")
}

/// Horizontal lines and labels of a scale of values.
pub(super) fn value_axis(scale: &Scale, height: f64, label: impl Fn(f64) -> String) -> String {
    let mut out = String::new();
    for tick in scale.ticks() {
        let y = scale.y(tick, height);
        let class = if tick == 0.0 { "base" } else { "grid" };
        out.push_str(&format!(
            "<line class=\"{class}\" x1=\"0%\" x2=\"100%\" y1=\"{y}\" y2=\"{y}\"/>\
             <text class=\"v\" x=\"-8\" y=\"{text_y}\" text-anchor=\"end\">{label}</text>",
            y = num(y),
            text_y = num(y + 4.0),
            label = escape(&label(tick)),
        ));
    }
    out
}

/// The commands of a line through the middles of buckets; each part of it (parts are divided by
/// gaps) reaches from the begin of its first bucket to the end of its last one.
pub(super) fn line(points: &[Point], scale: &Scale, height: f64, view: &View) -> String {
    parts(points).into_iter().map(|part| open_part(&part, scale, height, view)).collect()
}

/// The commands of the area under such a line.
pub(super) fn area(points: &[Point], scale: &Scale, height: f64, view: &View) -> String {
    let base = num(scale.y(0.0, height));
    let closed = |part: Vec<(usize, f64)>| {
        let from = num(view.bucket_percent(part[0].0 as f64) * PATH_WIDTH / 100.0);
        format!("{}V{base}H{from}Z", open_part(&part, scale, height, view))
    };
    parts(points).into_iter().map(closed).collect()
}

fn parts(points: &[Point]) -> Vec<Vec<(usize, f64)>> {
    let split = points.split(|(_, value)| value.is_none());
    let part = |part: &[Point]| part.iter().filter_map(|(at, v)| v.map(|v| (*at, v))).collect();
    split.filter(|part| !part.is_empty()).map(part).collect()
}

fn open_part(part: &[(usize, f64)], scale: &Scale, height: f64, view: &View) -> String {
    let x = |bucket: f64| num(view.bucket_percent(bucket) * PATH_WIDTH / 100.0);
    let (first, last) = (part[0], part[part.len() - 1]);
    let mut out = format!("M{} {}", x(first.0 as f64), num(scale.y(first.1, height)));
    for (bucket, value) in part {
        out.push_str(&format!("L{} {}", x(*bucket as f64 + 0.5), num(scale.y(*value, height))));
    }
    out.push_str(&format!("H{}", x(last.0 as f64 + 1.0)));
    out
}

/// Paths (class, commands) stretched over the plot.
pub(super) fn stretched(paths: &[(String, String)], height: f64) -> String {
    let height = num(height);
    let path = |(class, d): &(String, String)| format!("<path class=\"{class}\" d=\"{d}\"/>");
    let drawn = paths.iter().filter(|(_, d)| !d.is_empty()).map(path);
    format!(
        "<svg width=\"100%\" height=\"{height}\" viewBox=\"0 0 1000 {height}\" \
         preserveAspectRatio=\"none\">{}</svg>",
        drawn.collect::<String>()
    )
}

/// Names of lines (name, class, y of the line's end) right of the plot, moved apart, each with a
/// stroke that leads to its line.
pub(super) fn end_labels(labels: &[(String, String, f64)], height: f64) -> String {
    let wanted: Vec<f64> = labels.iter().map(|label| label.2).collect();
    let placed = spread(&wanted, LABEL_GAP, height);
    let mut out = String::from("<svg x=\"100%\" class=\"ends\">");
    for ((name, class, y), place) in labels.iter().zip(placed) {
        out.push_str(&format!(
            "<path class=\"{class}\" d=\"M2 {y}L8 {place}H16\"/>\
             <text class=\"v\" x=\"20\" y=\"{text_y}\">{name}</text>",
            y = num(*y),
            place = num(place),
            text_y = num(place + 4.0),
            name = escape(name),
        ));
    }
    out.push_str("</svg>");
    out
}

/// What stands in a plot that has nothing to show.
pub(super) fn nothing(height: f64, why: &str) -> String {
    format!(
        "<text class=\"nothing\" x=\"50%\" y=\"{}\" text-anchor=\"middle\">{}</text>",
        num(height / 2.0 + 4.0),
        escape(why)
    )
}
