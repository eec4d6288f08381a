//! What a guest chose is in the buyer's cart once he has signed in: each unit once (features.md
//! C3).
//!
//! - Once a merge is acknowledged, the buyer's cart holds the sum of both, by SKU, and the guest's
//!   holds nothing, however often it is asked for again and whichever node answers.
//! - Before that each of them holds what was put into it, or that; and units that the buyer's cart
//!   has are in the guest's no more.
//! - Nobody is refused who has placed nothing.
//! - Once all is quiet no units are on their way: both carts together hold what was put into them.
//!
//! A cart that its buyer writes with other lines is not judged from then on. `looked_at`: answers
//! that show either cart, and refusals.

use std::collections::BTreeMap;

use super::facts::{Effect, effect, is_done, is_refused};
use super::index::by_sent;
use crate::check::Findings;
use crate::history::{Answer, Ask, History, Look, Op};

const NAME: &str = "merges";

/// (SKU, units), as written and by SKU.
type Units<'a> = &'a [(u32, u32)];
type Lines = Vec<(u32, u32)>;

/// A guest's cart that is merged into another one.
struct Pair<'a> {
    cart: &'a str,
    from: &'a str,
    own: Lines,
    brought: Lines,
    sum: Lines,
    /// When it was first asked for, in us.
    asked_us: u64,
    /// When it was first acknowledged, in us; `None`: never.
    done_us: Option<u64>,
    /// When the buyer may have put other lines into his cart at the earliest, or placed it.
    edited_us: u64,
    placed_us: u64,
    refused: Vec<(&'a Answer, u64)>,
    sights: Vec<Sight<'a>>,
    guests: Vec<Sight<'a>>,
}

/// What an answer shows of a cart.
struct Sight<'a> {
    sent_us: u64,
    answered_us: u64,
    lines: &'a [(u32, u32)],
    is_merge: bool,
}

/// Judges every merge.
#[must_use]
pub fn check(history: &History) -> Findings {
    let mut findings = Findings::default();
    for pair in pairs(history).values() {
        pair.judge_buyer(&mut findings);
        pair.judge_guest(&mut findings);
        pair.judge_refusals(&mut findings);
    }
    findings
}

/// Judges what both carts hold by what was asked for when all was quiet.
pub(super) fn at_rest(history: &History, quiet_us: u64, findings: &mut Findings) {
    let last = |sights: &[Sight<'_>]| {
        let sight = sights.iter().rfind(|sight| sight.sent_us >= quiet_us)?;
        Some((sight.lines.to_vec(), sight.answered_us))
    };
    for pair in pairs(history).values().filter(|pair| pair.edited_us == u64::MAX) {
        let (Some((has, _)), Some((left, at_us))) = (last(&pair.sights), last(&pair.guests)) else {
            continue;
        };
        findings.looked_at += 1;
        let is_before = has == pair.own && left == pair.brought;
        let is_after = has == pair.sum && left.is_empty();
        if !is_before && !is_after {
            let (cart, from) = (pair.cart, pair.from);
            let what = format!("{cart} has {has:?} and {from} {left:?} at the end: {}", pair.put());
            findings.report(NAME, at_us, what);
        }
    }
}

/// Each merge that was asked for, with what answers show of its carts.
fn pairs(history: &History) -> BTreeMap<(&str, &str), Pair<'_>> {
    let mut pairs = BTreeMap::new();
    let ops = by_sent(history);
    for op in &ops {
        if let Ask::Merge { cart, from, own, brought } = &op.ask {
            let pair = pairs
                .entry((cart.as_str(), from.as_str()))
                .or_insert_with(|| Pair::new((cart, from), (own, brought), op.sent_us));
            let answered_us = op.answered_us.unwrap_or(u64::MAX);
            match &op.answer {
                Some(answer) if is_done(answer) => {
                    let first = pair.done_us.unwrap_or(u64::MAX).min(answered_us);
                    pair.done_us = Some(first);
                }
                Some(answer) if is_refused(answer) => pair.refused.push((answer, answered_us)),
                _ => {}
            }
        }
    }
    let mut by_cart: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for (cart, from) in pairs.keys() {
        by_cart.entry(cart).or_default().push((cart, from));
        by_cart.entry(from).or_default().push((cart, from));
    }
    for op in ops {
        let Some(cart) = cart_of(op) else { continue };
        for name in by_cart.get(cart).into_iter().flatten() {
            if let Some(pair) = pairs.get_mut(name) {
                pair.note(op, cart);
            }
        }
    }
    pairs
}

impl<'a> Pair<'a> {
    fn new(
        (cart, from): (&'a str, &'a str),
        (own, brought): (Units<'_>, Units<'_>),
        asked_us: u64,
    ) -> Self {
        Self {
            cart,
            from,
            own: summed(own.iter()),
            brought: summed(brought.iter()),
            sum: summed(own.iter().chain(brought)),
            asked_us,
            done_us: None,
            edited_us: u64::MAX,
            placed_us: u64::MAX,
            refused: Vec::new(),
            sights: Vec::new(),
            guests: Vec::new(),
        }
    }

    /// Notes a request on one of the carts.
    fn note(&mut self, op: &'a Op, cart: &str) {
        let done = op.answer.as_ref().filter(|answer| is_done(answer));
        match &op.ask {
            Ask::Place { .. } => self.placed_us = self.placed_us.min(op.sent_us),
            Ask::PutCart { .. } => {
                let is_same = done.is_some_and(|answer| answer.lines == self.sum);
                if op.sent_us > self.asked_us && effect(op) != Effect::None && !is_same {
                    self.edited_us = self.edited_us.min(op.sent_us);
                }
            }
            _ => {
                let (Some(answer), Some(answered_us)) = (done, op.answered_us) else { return };
                let is_merge = matches!(op.ask, Ask::Merge { .. });
                let (sent_us, lines) = (op.sent_us, answer.lines.as_slice());
                let sight = Sight { sent_us, answered_us, lines, is_merge };
                let sights = if cart == self.cart { &mut self.sights } else { &mut self.guests };
                sights.push(sight);
            }
        }
    }

    fn is_after(&self, sight: &Sight<'_>) -> bool {
        sight.is_merge || self.done_us.is_some_and(|done_us| done_us < sight.sent_us)
    }

    fn judge_buyer(&self, findings: &mut Findings) {
        for sight in self.sights.iter().filter(|sight| sight.answered_us < self.edited_us) {
            findings.looked_at += 1;
            let is_before = !self.is_after(sight) && sight.lines == self.own;
            if sight.lines != self.sum && !is_before {
                let (cart, lines) = (self.cart, sight.lines);
                let what = format!("{cart} is shown with {lines:?}: {}", self.put());
                findings.report(NAME, sight.answered_us, what);
            }
        }
    }

    fn judge_guest(&self, findings: &mut Findings) {
        // Units that the buyer's cart was shown with have left the guest's.
        let has_them = |sight: &&Sight<'_>| sight.lines == self.sum && self.sum != self.own;
        let had = self.sights.iter().filter(has_them).map(|sight| sight.answered_us);
        let had_us = had.chain(self.done_us).min().unwrap_or(u64::MAX);
        for sight in &self.guests {
            findings.looked_at += 1;
            let is_left = sight.lines == self.brought && sight.sent_us <= had_us;
            if !sight.lines.is_empty() && !is_left {
                let (from, lines) = (self.from, sight.lines);
                let what = format!("{from} is shown with {lines:?}: {}", self.put());
                findings.report(NAME, sight.answered_us, what);
            }
        }
    }

    fn judge_refusals(&self, findings: &mut Findings) {
        for (answer, answered_us) in &self.refused {
            findings.looked_at += 1;
            if *answered_us < self.placed_us {
                let code = answer.code.as_deref().unwrap_or_default();
                let what = format!("{} into {} is refused: {code}", self.from, self.cart);
                findings.report(NAME, *answered_us, what);
            }
        }
    }

    /// What was put into both, for people.
    fn put(&self) -> String {
        let done = match self.done_us {
            Some(done_us) => format!("merged by {done_us} us"),
            None => "not known to be merged".to_owned(),
        };
        format!("it had {:?} and {} {:?}, {done}", self.own, self.from, self.brought)
    }
}

/// The cart that a request writes, places or shows.
fn cart_of(op: &Op) -> Option<&str> {
    match &op.ask {
        Ask::PutCart { cart }
        | Ask::Place { cart, .. }
        | Ask::Merge { cart, .. }
        | Ask::Look(Look::Cart { cart }) => Some(cart),
        _ => None,
    }
}

fn summed<'a>(lines: impl Iterator<Item = &'a (u32, u32)>) -> Lines {
    let mut by_sku: BTreeMap<u32, u32> = BTreeMap::new();
    for (sku, units) in lines {
        let sum = by_sku.entry(*sku).or_default();
        *sum = sum.saturating_add(*units);
    }
    by_sku.into_iter().collect()
}
