//! Units of an order that are cancelled for themselves (interfaces.md, cancelOrder with `lines`).
//!
//! - A request takes its units once, however often it is repeated: of each line as many are
//!   cancelled as requests that are known to be done took, and no more than all that may be.
//! - What a wallet paid for them, and no more, comes back with them; nothing else does.
//! - Nobody is refused at an order that was seen confirmed and that nobody moved or cancelled
//!   since.
//!
//! An order that is cancelled as a whole, or is about to be, is left to others. `looked_at`:
//! answers that show what is cancelled of orders, and refusals.

use std::collections::BTreeMap;

use super::facts::{Effect, Word, effect, is_done, is_refused};
use super::index::{Index, OrderFacts};
use crate::check::Findings;
use crate::history::{Answer, Ask, Bill, Charge, History, Op};

const NAME: &str = "cuts";

/// One request to cancel units, however often it was tried.
struct Cut<'a> {
    units: &'a [(u32, u32)],
    /// Not before this, in us.
    sent_us: u64,
    /// By this, in us; `None`: perhaps never.
    done_us: Option<u64>,
}

/// Judges what every answer shows of an order's units and its money.
#[must_use]
pub fn check(history: &History) -> Findings {
    judge(history, &Index::new(history))
}

pub(super) fn judge(history: &History, index: &Index<'_>) -> Findings {
    let mut findings = Findings::default();
    let cuts: BTreeMap<&str, Vec<Cut<'_>>> =
        index.orders.iter().map(|(order, facts)| (*order, cuts(facts))).collect();
    for op in &history.ops {
        let Some((order, answer, is_fresh)) = shown(op) else { continue };
        let Some(bill) = answer.bill.as_deref().filter(|_| is_alive(answer)) else { continue };
        // A parcel that is refused at the door cancels what is in it.
        if index.orders.get(order).is_some_and(OrderFacts::is_refused) {
            continue;
        }
        let cuts = cuts.get(order).map(Vec::as_slice).unwrap_or_default();
        let to_us = op.answered_us.unwrap_or(op.sent_us);
        // A kept answer is as old as the first one.
        let from_us = if is_fresh { op.sent_us } else { 0 };
        findings.looked_at += 1;
        for line in &bill.lines {
            let (least, most) = bounds(cuts, line.sku, (from_us, to_us));
            if !(least..=most).contains(&line.cancelled) || line.cancelled > line.units {
                let what = format!(
                    "{order}: {} of {} units of SKU {} are cancelled, and {least} to {most} were \
                     to be",
                    line.cancelled, line.units, line.sku
                );
                findings.report(NAME, to_us, what);
            }
        }
        refunded(order, bill, to_us, &mut findings);
    }
    for (order, facts) in &index.orders {
        refused(order, facts, &mut findings);
    }
    findings
}

/// The order that an answer shows, and whether as it stood then.
fn shown(op: &Op) -> Option<(&str, &Answer, bool)> {
    let answer = op.answer.as_ref().filter(|answer| is_done(answer))?;
    let (order, is_fresh) = match &op.ask {
        Ask::GetOrder { order } => (order.as_str(), true),
        Ask::CancelPart { order, .. } => (order.as_str(), !answer.replayed),
        Ask::Place { .. } => (answer.order.as_deref()?, false),
        _ => return None,
    };
    Some((order, answer, is_fresh))
}

fn is_alive(answer: &Answer) -> bool {
    answer.state.as_deref().is_some_and(|state| Word::of(state).is_alive())
}

/// The requests, tries of one key as one; those that were refused are none.
fn cuts<'a>(facts: &OrderFacts<'a>) -> Vec<Cut<'a>> {
    let mut by_key: BTreeMap<Option<&str>, Cut<'_>> = BTreeMap::new();
    for op in facts.cuts.iter().filter(|op| effect(op) != Effect::None) {
        let Ask::CancelPart { units, .. } = &op.ask else { continue };
        let first = || Cut { units, sent_us: op.sent_us, done_us: None };
        let cut = by_key.entry(op.key.as_deref()).or_insert_with(first);
        // 202: asked for, and perhaps in vain.
        let is_sure = op.answer.as_ref().is_some_and(|answer| answer.status == 200);
        cut.sent_us = cut.sent_us.min(op.sent_us);
        cut.done_us = cut.done_us.into_iter().chain(op.answered_us.filter(|_| is_sure)).min();
    }
    by_key.into_values().collect()
}

/// Units of the SKU that are cancelled at the least, and at the most, when asked for in this time.
fn bounds(cuts: &[Cut<'_>], sku: u32, (from_us, to_us): (u64, u64)) -> (u32, u32) {
    let of_sku = |cut: &Cut<'_>| -> u32 {
        cut.units.iter().filter(|(other, _)| *other == sku).map(|(_, units)| *units).sum()
    };
    let is_sure = |cut: &&Cut<'_>| cut.done_us.is_some_and(|done_us| done_us < from_us);
    let sure = cuts.iter().filter(is_sure).map(of_sku).sum();
    let possible = cuts.iter().filter(|cut| cut.sent_us <= to_us).map(of_sku).sum();
    (sure, possible)
}

/// The wallet has back what it paid for the units that are cancelled: each unit's share of its
/// line, which is split in minor units.
fn refunded(order: &str, bill: &Bill, at_us: u64, findings: &mut Findings) {
    let of_line = |line: &Charge| {
        let paid = if bill.tax_included { line.total } else { line.total + line.tax };
        let (units, cancelled) = (i64::from(line.units.max(1)), i64::from(line.cancelled));
        let (least, rest) = (paid / units, paid % units);
        if cancelled == units {
            return (paid, paid);
        }
        let least = least * cancelled;
        (least, least + cancelled.min(rest))
    };
    let sums = bill.lines.iter().map(of_line).fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
    let (least, most) = if bill.tenders == 0 { (0, 0) } else { sums };
    if !(least..=most).contains(&bill.refunded) {
        let what = format!(
            "{order}: {} is given back for what is cancelled, and {least} to {most} should be",
            bill.refunded
        );
        findings.report(NAME, at_us, what);
    }
}

/// Refusals at an order that stays confirmed as far as anybody knows.
fn refused(order: &str, facts: &OrderFacts<'_>, findings: &mut Findings) {
    let is_confirmed = |word: Option<Word>| word == Some(Word::Confirmed);
    let seen = facts.shown.iter().filter(|shown| is_confirmed(shown.word));
    let Some(seen_us) = seen.map(|shown| shown.answered_us).min() else { return };
    for op in &facts.cuts {
        let (Some(answer), Some(answered_us)) = (&op.answer, op.answered_us) else { continue };
        let code = answer.code.as_deref().unwrap_or_default();
        if !is_refused(answer) || code == "idempotency_in_progress" || op.sent_us <= seen_us {
            continue;
        }
        findings.looked_at += 1;
        let others = facts.cancels.iter().chain(&facts.advances).chain(&facts.cuts);
        let mut others = others.chain(&facts.freezes);
        let is_other = |other: &&&Op| {
            other.key != op.key && effect(other) != Effect::None && other.sent_us <= answered_us
        };
        if !others.any(|other| is_other(&other)) {
            let what = format!("{order} was confirmed, and units of it are not cancelled: {code}");
            findings.report(NAME, answered_us, what);
        }
    }
}
