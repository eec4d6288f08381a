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

/// Judges every list that was read to its end. O(n log n) in all that lists show.
#[must_use]
pub fn check(history: &History) -> Findings {
    let lists = lists(history);
    let mut shown: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, list) in &lists {
        list.orders.iter().for_each(|order| shown.entry(order).or_default().push(name));
    }
    let mut findings = Findings::default();
    for op in &history.ops {
        let (Ask::Place { .. }, Some(answer)) = (&op.ask, &op.answer) else { continue };
        let Some(order) = answer.order.as_deref().filter(|_| answer.status == 201) else {
            continue;
        };
        let Some(buyer) = history.buyers.get(&op.visit) else { continue };
        if let Some((list, to_us)) = lists.get(buyer.as_str()).and_then(whole)
            && op.answered_us.is_some_and(|told_us| told_us < list.from_us)
        {
            findings.looked_at += 1;
            if !list.orders.contains(order) {
                let what = format!("{order}, told of as made, is not in the list of {buyer}");
                findings.report(NAME, to_us, what);
            }
        }
        for name in shown.get(order).into_iter().flatten().filter(|name| **name != buyer) {
            if let Some((_, to_us)) = lists.get(name).and_then(whole) {
                let what = format!("{order} of {buyer} is in the list of {name}");
                findings.report(NAME, to_us, what);
            }
        }
    }
    findings
}

/// A list that was read to its end, and when that was.
fn whole<'l, 'a>(list: &'l List<'a>) -> Option<(&'l List<'a>, u64)> {
    Some((list, list.to_us?))
}

/// What buyers were shown of their orders, by buyer.
fn lists(history: &History) -> BTreeMap<&str, List<'_>> {
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
    lists
}
