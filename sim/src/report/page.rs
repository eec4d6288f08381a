//! The page: everything in one file, in the order in which a person wants to know it.
//!
//! Verdict, violations, figures, the command; then all that has a time axis, aligned; then the
//! tables. The page is whole without its script and without a network.

use super::tables::{banner, checked, families, orders, probes, tiles, violations};
use super::text::{clipped, escape};
use super::view::View;
use super::{heat, lanes, plots};
use crate::record::RunRecord;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The report of a run: one HTML file that needs nothing else. Its size has a bound that does
/// not depend on how long the run was: about 1.5 MB.
#[must_use]
pub fn html(record: &RunRecord) -> String {
    let view = View::of(record);
    let panels = [
        plots::load(record, &view),
        plots::latency(record, &view),
        plots::stock(record, &view),
        heat::queues(record, &view),
        lanes::faults(record, &view),
        lanes::nodes(record, &view),
    ];
    let stack: String = panels.iter().map(|panel| panel.html(&view)).collect();
    let scenario = escape(&clipped(&record.scenario, 100));
    let seed = record.seed;
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{scenario} · seed {seed} · mercato sim</title>\n\
         <style>\n{STYLE}</style>\n</head>\n\
         <body>\n<main>\n<header class=\"top\"><p>mercato sim</p>\n\
         <h1>{scenario} <span>seed {seed}</span></h1></header>\n\
         {banner}{violations}{tiles}{command}\
         <div class=\"stack\" data-length-ms=\"{length}\">\n{stack}</div>\n\
         <div class=\"cards\">\n{orders}{probes}{families}{checked}</div>\n\
         <footer>trace hash <code>{hash}</code> · {n_checkpoints} checkpoints · record version \
         {version}</footer>\n</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        banner = banner(record),
        violations = violations(record),
        tiles = tiles(record),
        command = command(record),
        length = view.axis.length_ms,
        orders = orders(record),
        checked = checked(record),
        probes = probes(record),
        families = families(record),
        hash = escape(&clipped(&record.trace_hash, 64)),
        n_checkpoints = record.checkpoints.len(),
        version = record.version,
    )
}

/// The command that makes the run again. The button shows itself when the script runs.
fn command(record: &RunRecord) -> String {
    format!(
        "<div class=\"command\"><span>this run again</span><code id=\"command\">{}</code>\
         <button type=\"button\" id=\"copy\" hidden>copy</button></div>\n",
        escape(&clipped(&record.command, 4_000))
    )
}
