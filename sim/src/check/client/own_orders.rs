//! Buyers find their orders: once all is quiet, a buyer's own list holds each order that he was
//! told of as made (201), and no order that somebody else was told of.
//!
//! A list counts once its last page was answered; all its pages together are judged. `looked_at`:
//! orders that had to be in a list.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::Findings;
use crate::history::{Ask, History};

const NAME: &str = "own_orders";

/// What a buyer's pages show.
#[derive(Default)]
struct List<'a> {
    orders: BTreeSet<&'a str>,
    /// When it was first asked for, in us.
    from_us: u64,
    /// When its last page was answered, in us; `None`: it never was.
    to_us: Option<u64>,
}

/// Judges every list that was read to its end.
#[must_use]
pub fn check(history: &History) -> Findings {
    let mut lists: BTreeMap<&str, List<'_>> = BTreeMap::new();
    for op in &history.ops {
        let Ask::ListMine { buyer } = &op.ask else { continue };
        let first = || List { from_us: op.sent_us, ..List::default() };
        let list = lists.entry(buyer).or_insert_with(first);
        let listed = op.answer.as_ref().and_then(|answer| answer.listed.as_ref());
        if let (Some(listed), Some(answered_us)) = (listed, op.answered_us) {
            list.orders.extend(listed.orders.iter().map(String::as_str));
            list.to_us = Some(answered_us).filter(|_| listed.is_last).or(list.to_us);
        }
    }
    let mut findings = Findings::default();
    for op in &history.ops {
        let (Ask::Place { .. }, Some(answer)) = (&op.ask, &op.answer) else { continue };
        let Some(order) = answer.order.as_deref().filter(|_| answer.status == 201) else {
            continue;
        };
        let Some(buyer) = history.buyers.get(&op.visit) else { continue };
        for (name, list) in &lists {
            let Some(to_us) = list.to_us else { continue };
            let is_own = *name == buyer.as_str();
            if is_own && op.answered_us.is_some_and(|told_us| told_us < list.from_us) {
                findings.looked_at += 1;
                if !list.orders.contains(order) {
                    let what = format!("{order}, told of as made, is not in the list of {name}");
                    findings.report(NAME, to_us, what);
                }
            } else if !is_own && list.orders.contains(order) {
                findings.report(
                    NAME,
                    to_us,
                    format!("{order} of {buyer} is in the list of {name}"),
                );
            }
        }
    }
    findings
}
