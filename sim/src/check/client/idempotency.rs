//! The same idempotency key is the same effect and the same answer (I7); a cart has one order at
//! a time (I12).
//!
//! A key of a placing belongs to one order. Once a key was answered for good, every other answer
//! for good is the same: status, code, version, ETag and body. Not for good are trouble (5xx, 429,
//! no answer), 202 and `idempotency_in_progress`, and refusals that made no order, since those may
//! run again. Other words under such a key are refused (422), and nothing else. Of two orders of a
//! cart, one was cancelled before the other was made; and once one was sold there is no other.
//! `looked_at`: keys and carts with more than one answer, and keys with other words.

use std::collections::BTreeMap;

use super::couriers::is_natural;
use super::facts::{Word, ended, is_done};
use super::index::{Index, OrderFacts, by_sent};
use crate::check::Findings;
use crate::history::{Answer, Ask, History, Op};

/// Judges answers of one key, and orders of one cart.
#[must_use]
pub fn check(history: &History) -> Findings {
    judge(history, &Index::new(history))
}

pub(super) fn judge(history: &History, index: &Index<'_>) -> Findings {
    let mut findings = Findings::default();
    let mut by_key: BTreeMap<(&str, Scope<'_>), Vec<&Op>> = BTreeMap::new();
    let mut by_cart: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for op in by_sent(history) {
        if matches!(op.ask, Ask::Reuse { .. }) {
            reused(op, is_known(op, history), &mut findings);
        }
        if let (Some(scope), Some(key)) = (scope(op), &op.key) {
            by_key.entry((key, scope)).or_default().push(op);
        }
        if let (Ask::Place { cart, .. }, Some((answer, at_us))) = (&op.ask, told(op))
            && let Some(order) = answer.order.as_deref()
        {
            let first = by_cart.entry(cart).or_default().entry(order).or_insert(at_us);
            *first = at_us.min(*first);
        }
    }
    for ((key, _), ops) in by_key.into_iter().filter(|(_, ops)| ops.len() > 1) {
        findings.looked_at += 1;
        one_order(key, &ops, &mut findings);
        one_answer(key, &ops, &mut findings);
    }
    for (cart, orders) in by_cart.into_iter().filter(|(_, orders)| orders.len() > 1) {
        findings.looked_at += 1;
        one_at_a_time(cart, &orders, index, &mut findings);
    }
    findings
}

/// The entity that a key is known by, and what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Scope<'a> {
    Cart(&'a str),
    Order(&'a str),
    Parcel(&'a str),
    Restock(u32),
    Count(u32),
}

fn scope(op: &Op) -> Option<Scope<'_>> {
    match &op.ask {
        Ask::Place { cart, .. } => Some(Scope::Cart(cart)),
        Ask::Cancel { order } | Ask::CancelPart { order, .. } => Some(Scope::Order(order)),
        Ask::Freeze { order } => Some(Scope::Order(order)),
        // Its key names the parcel. A courier's event shows how the parcel stands by then.
        Ask::Advance { order, .. } => {
            let is_kept = op.key.as_deref().is_some_and(|key| !is_natural(key));
            is_kept.then_some(Scope::Parcel(order))
        }
        Ask::Restock { sku, .. } => Some(Scope::Restock(*sku)),
        Ask::Count { sku, .. } => Some(Scope::Count(*sku)),
        Ask::PutCart { .. }
        | Ask::Quote { .. }
        | Ask::GetOrder { .. }
        | Ask::GetStock { .. }
        | Ask::SetPrice { .. }
        | Ask::ListMine { .. }
        | Ask::Reuse { .. }
        | Ask::Merge { .. }
        | Ask::SignIn { .. }
        | Ask::PutAddress { .. }
        | Ask::DeleteAddress { .. }
        | Ask::Look(_)
        | Ask::Other => None,
    }
}

/// The answer, if it tells of an order of the cart's own.
fn told(op: &Op) -> Option<(&Answer, u64)> {
    let answer = op.answer.as_ref().filter(|answer| is_done(answer) || ended(answer))?;
    Some((answer, op.answered_us?))
}

/// Whether the cart was placed under the key of this request.
fn is_known(op: &Op, history: &History) -> bool {
    let is_placing = |other: &&Op| matches!(other.ask, Ask::Place { .. }) && other.key == op.key;
    history.ops.iter().any(|other| is_placing(&other))
}

/// A key stands for the words that it came with first. Under another key an order that costs
/// something else than its buyer says is not made, and is not the one that there is.
fn reused(op: &Op, is_known: bool, findings: &mut Findings) {
    let (Some(answer), Some(at_us)) = (&op.answer, op.answered_us) else { return };
    findings.looked_at += 1;
    let code = answer.code.as_deref().unwrap_or_default();
    let is_trouble = answer.status >= 500 || matches!(answer.status, 408 | 429);
    let is_refused = match is_known {
        true => matches!(code, "idempotency_key_reused" | "idempotency_in_progress"),
        false => !is_done(answer) && !ended(answer),
    };
    if !is_trouble && !is_refused {
        let key = op.key.as_deref().unwrap_or_default();
        let what =
            format!("key {key}: other words under it were answered {} {code}", answer.status);
        findings.report("I7", at_us, what);
    }
}

fn one_order(key: &str, ops: &[&Op], findings: &mut Findings) {
    let mut orders = ops.iter().filter(|op| matches!(op.ask, Ask::Place { .. })).filter_map(|op| {
        let (answer, at_us) = told(op)?;
        Some((answer.order.as_deref()?, at_us))
    });
    let Some((first, _)) = orders.next() else { return };
    if let Some((other, at_us)) = orders.find(|(order, _)| *order != first) {
        findings.report("I7", at_us, format!("key {key}: orders {first} and {other}"));
    }
}

/// Whether every repeat has to be answered with the same.
fn is_final(op: &Op, answer: &Answer) -> bool {
    is_done(answer) && answer.status != 202 || matches!(op.ask, Ask::Place { .. }) && ended(answer)
}

fn one_answer(key: &str, ops: &[&Op], findings: &mut Findings) {
    let mut finals = ops.iter().filter_map(|op| {
        let answer = op.answer.as_ref().filter(|answer| is_final(op, answer))?;
        Some((*op, answer))
    });
    let Some((_, first)) = finals.next() else { return };
    for (op, answer) in finals {
        let same = answer.status == first.status && answer.code == first.code;
        let same_body =
            (answer.body, answer.version, answer.tag) == (first.body, first.version, first.tag);
        if !same || !same_body {
            let what = format!(
                "key {key}: {} {:?} version {:?} body {:x}, then {} {:?} version {:?} body {:x}",
                first.status,
                first.code,
                first.version,
                first.body,
                answer.status,
                answer.code,
                answer.version,
                answer.body
            );
            findings.report("I7", op.answered_us.unwrap_or(op.sent_us), what);
            return;
        }
    }
}

fn was_sold(facts: Option<&OrderFacts<'_>>) -> bool {
    facts.is_some_and(|facts| facts.shown.iter().any(|shown| shown.word.is_some_and(Word::is_sold)))
}

/// When the order was last seen alive by a request that was sent after `after_us`.
fn alive_after(facts: Option<&OrderFacts<'_>>, after_us: u64) -> Option<u64> {
    let shown = facts?.shown.iter().filter(|shown| shown.fresh && shown.sent_us > after_us);
    shown
        .filter(|shown| shown.word.is_some_and(Word::is_alive))
        .map(|shown| shown.answered_us)
        .max()
}

fn one_at_a_time(
    cart: &str,
    orders: &BTreeMap<&str, u64>,
    index: &Index<'_>,
    findings: &mut Findings,
) {
    let orders: Vec<_> =
        orders.iter().map(|(order, told_us)| (*order, *told_us, index.orders.get(order))).collect();
    for (place, (one, one_us, one_facts)) in orders.iter().enumerate() {
        for (other, other_us, other_facts) in &orders[place + 1..] {
            let alive = alive_after(*one_facts, *other_us).zip(alive_after(*other_facts, *one_us));
            let sold =
                (was_sold(*one_facts) && was_sold(*other_facts)).then_some((*one_us, *other_us));
            if let Some((one_at, other_at)) = alive.or(sold) {
                let what = format!("cart {cart} is ordered twice: {one} and {other}");
                findings.report("I12", one_at.max(other_at), what);
            }
        }
    }
}
