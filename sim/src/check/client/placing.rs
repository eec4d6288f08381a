//! A cart is one order at a time (I12), as its buyer sees it.
//!
//! - Whoever places a cart that was sold already, as it was sold, is told of that order and not
//!   refused, under whatever key: two pages, two clicks.
//! - A cart that could be edited after an order of it was named is free of that order: placing it
//!   after that makes another one.
//!
//! Judged is only what holds for certain: nobody asked to cancel the sold order, and one request
//! was answered before the other was sent where their order matters. `looked_at`: placings.

use std::collections::BTreeMap;

use super::facts::is_refused;
use super::index::by_sent;
use crate::check::Findings;
use crate::history::{Answer, Ask, History, Op};

/// What clients did with a cart, by the time at which they asked.
#[derive(Default)]
struct Cart<'a> {
    placings: Vec<Placing<'a>>,
    edits: Vec<&'a Op>,
    merges: Vec<&'a Op>,
}

/// An answered placing.
struct Placing<'a> {
    op: &'a Op,
    lines: &'a [(u32, u32)],
    answer: &'a Answer,
    answered_us: u64,
}

/// Judges the placings of each cart.
#[must_use]
pub fn check(history: &History) -> Findings {
    let mut carts: BTreeMap<&str, Cart<'_>> = BTreeMap::new();
    let mut cancels: BTreeMap<&str, u64> = BTreeMap::new();
    for op in by_sent(history) {
        match &op.ask {
            Ask::Place { cart, lines, .. } => {
                if let (Some(answer), Some(answered_us)) = (&op.answer, op.answered_us) {
                    let placing = Placing { op, lines, answer, answered_us };
                    carts.entry(cart).or_default().placings.push(placing);
                }
            }
            Ask::PutCart { cart } => carts.entry(cart).or_default().edits.push(op),
            Ask::Merge { cart, .. } => carts.entry(cart).or_default().merges.push(op),
            Ask::Cancel { order } | Ask::CancelPart { order, .. } => {
                cancels.entry(order).or_insert(op.sent_us);
            }
            Ask::Quote { .. }
            | Ask::GetOrder { .. }
            | Ask::Advance { .. }
            | Ask::Freeze { .. }
            | Ask::GetStock { .. }
            | Ask::Restock { .. }
            | Ask::Count { .. }
            | Ask::SetPrice { .. }
            | Ask::ListMine { .. }
            | Ask::Reuse { .. }
            | Ask::SignIn { .. }
            | Ask::PutAddress { .. }
            | Ask::DeleteAddress { .. }
            | Ask::Look(_)
            | Ask::Other => {}
        }
    }
    let mut findings = Findings::default();
    for (name, cart) in &carts {
        findings.looked_at += cart.placings.len() as u64;
        for one in &cart.placings {
            let Some(order) = one.answer.order.as_deref() else { continue };
            if is_sold(one.answer) {
                let cancelled_us = cancels.get(order).copied().unwrap_or(u64::MAX);
                refused_beside(cart, one, (*name, order, cancelled_us), &mut findings);
            }
            named_again(cart, one, (*name, order), &mut findings);
        }
    }
    findings
}

/// Sold, so that it ends by somebody's asking only.
fn is_sold(answer: &Answer) -> bool {
    answer.status == 201 && answer.state.as_deref() == Some("confirmed")
}

/// Nobody who asks the same of a sold cart is refused.
fn refused_beside(
    cart: &Cart<'_>,
    sold: &Placing<'_>,
    (name, order, cancelled_us): (&str, &str, u64),
    findings: &mut Findings,
) {
    let since_us = sold.op.sent_us;
    for other in cart.placings.iter().filter(|other| other.lines == sold.lines) {
        let until_us = other.answered_us;
        let is_edited = cart.edits.iter().chain(&cart.merges).any(|edit| {
            let answered_us = edit.answered_us.unwrap_or(u64::MAX);
            // An edit that was over before both is part of what both placed.
            answered_us >= since_us.min(other.op.sent_us) && edit.sent_us <= until_us
        });
        // An answer that was kept for its key says what was so when it was first given.
        let is_fresh = !other.answer.replayed && other.op.sent_us >= since_us;
        let code = other.answer.code.as_deref().unwrap_or_default();
        let is_done = code != "idempotency_in_progress";
        if is_refused(other.answer) && is_done && is_fresh && !is_edited && cancelled_us > until_us
        {
            let what = format!("{name} is {order}, and the same placing was refused: {code}");
            findings.report("I12", until_us, what);
        }
    }
}

/// An order whose cart was edited after it was named is not named by a later placing.
fn named_again(
    cart: &Cart<'_>,
    one: &Placing<'_>,
    (name, order): (&str, &str),
    findings: &mut Findings,
) {
    let edited = cart.edits.iter().find(|edit| {
        let is_done = edit.answer.as_ref().is_some_and(|it| matches!(it.status, 200 | 201));
        is_done && edit.sent_us > one.answered_us
    });
    let Some(free_us) = edited.and_then(|edit| edit.answered_us) else { return };
    let again = cart.placings.iter().find(|other| {
        // A kept answer names the order of when it was first given.
        other.op.sent_us > free_us
            && !other.answer.replayed
            && other.op.key != one.op.key
            && other.answer.order.as_deref() == Some(order)
    });
    if let Some(again) = again {
        let what = format!("{name} was free of {order} at {free_us} us, and it was placed as it");
        findings.report("I12", again.answered_us, what);
    }
}
