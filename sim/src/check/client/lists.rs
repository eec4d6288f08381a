//! Lists of orders are in the order that they say, hold each order once, and staff's hold all that
//! they should and nothing else.
//!
//! Judged are listings that were read to their end. Those of the shop are read once all is quiet:
//! every order that was read before belongs to the list of its status and to that of all.
//! `looked_at`: orders in lists.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::is_done;
use super::index::by_sent;
use crate::check::Findings;
use crate::history::{Ask, History, Look, Op, Row};

const NAME: &str = "lists";

/// Whose list, or which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum List<'a> {
    Mine(&'a str),
    Shop(Option<&'a str>, bool),
}

/// The pages of a listing, one after the other.
#[derive(Default)]
struct Pages<'a> {
    rows: Vec<(&'a str, &'a Row)>,
    from_us: u64,
    to_us: u64,
    is_whole: bool,
}

/// Judges every listing.
#[must_use]
pub fn check(history: &History) -> Findings {
    let mut findings = Findings::default();
    let mut lists: BTreeMap<List<'_>, Pages<'_>> = BTreeMap::new();
    for op in by_sent(history) {
        let Some(list) = list_of(op) else { continue };
        let listed = op.answer.as_ref().and_then(|answer| answer.listed.as_ref());
        let (Some(listed), Some(answered_us)) = (listed, op.answered_us) else { continue };
        let pages = lists.entry(list).or_default();
        if pages.is_whole || pages.rows.is_empty() {
            *pages = Pages { from_us: op.sent_us, ..Pages::default() };
        }
        pages.rows.extend(listed.orders.iter().map(String::as_str).zip(&listed.rows));
        (pages.to_us, pages.is_whole) = (answered_us, listed.is_last);
    }
    for (list, pages) in lists.iter().filter(|(_, pages)| pages.is_whole) {
        findings.looked_at += pages.rows.len() as u64;
        sorted(*list, pages, &mut findings);
        if let List::Shop(status, _) = list {
            whole(*list, *status, pages, history, &mut findings);
        }
    }
    findings
}

fn list_of(op: &Op) -> Option<List<'_>> {
    match &op.ask {
        Ask::ListMine { buyer } => Some(List::Mine(buyer)),
        Ask::Look(Look::Orders { status, oldest_first }) => {
            Some(List::Shop(status.as_deref(), *oldest_first))
        }
        _ => None,
    }
}

/// Each order once, the newest first unless the list says otherwise.
fn sorted(list: List<'_>, pages: &Pages<'_>, findings: &mut Findings) {
    let oldest_first = matches!(list, List::Shop(_, true));
    let mut seen = BTreeSet::new();
    for (order, _) in &pages.rows {
        if !seen.insert(*order) {
            findings.report(NAME, pages.to_us, format!("{order} is twice in {list:?}"));
        }
    }
    for two in pages.rows.windows(2) {
        let ((first, one), (second, other)) = (two[0], two[1]);
        let fits = match oldest_first {
            true => one.created <= other.created,
            false => one.created >= other.created,
        };
        if !fits {
            let what = format!(
                "{list:?}: {first} of {} stands before {second} of {}",
                one.created, other.created
            );
            findings.report(NAME, pages.to_us, what);
        }
    }
}

/// All orders with the status, as they were read last, and no others.
fn whole(
    list: List<'_>,
    status: Option<&str>,
    pages: &Pages<'_>,
    history: &History,
    findings: &mut Findings,
) {
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    for op in by_sent(history) {
        let (Ask::GetOrder { order }, Some(answer)) = (&op.ask, &op.answer) else { continue };
        let is_before = op.answered_us.is_some_and(|at_us| at_us < pages.from_us);
        if let Some(state) = answer.state.as_deref().filter(|_| is_before && is_done(answer)) {
            last.insert(order, state);
        }
    }
    let listed: BTreeSet<&str> = pages.rows.iter().map(|(order, _)| *order).collect();
    let wanted = last.iter().filter(|(_, state)| status.is_none_or(|status| status == **state));
    for (order, state) in wanted {
        if !listed.contains(order) {
            let what = format!("{order}, {state} when it was read last, is not in {list:?}");
            findings.report(NAME, pages.to_us, what);
        }
    }
    for (order, row) in &pages.rows {
        if status.is_some_and(|status| status != row.state) {
            findings.report(NAME, pages.to_us, format!("{order}, {}, is in {list:?}", row.state));
        }
    }
}
