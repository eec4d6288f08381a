//! The model of one order, as clients see it: it exists from its placing on, moves along its
//! states by itself, and its version grows with every move.
//!
//! Reading shows how it stands; placing and repeats show how it once stood. Once sold it is
//! cancelled only if somebody asked for that, and shipped only if somebody moved it on; what is
//! cancelled stays so. An unknown state may be any.

use std::collections::BTreeMap;

use super::search::{Call, Model};
use crate::check::client::facts::{Effect, Shown, Word, effect, shown};
use crate::check::client::index::{Index, Placement};
use crate::history::{Ask, History, Op, Said};

/// A request about an order and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderOp {
    /// It is made: placing takes effect before it is answered, if it is.
    Make,
    /// An answer that shows how the order stood at some time up to now.
    Told(Sight),
    /// A read of how it stands.
    Read(Sight),
    /// A read that did not find it.
    Missing,
    /// It was asked to be cancelled, and that was taken or may have been.
    Cancel,
    /// It was cancelled, and the answer shows how it stands.
    Cancelled(Sight),
    /// Staff moved it on, or may have.
    Advance,
}

/// What an answer shows, as far as it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    version: Option<u64>,
    word: Option<Word>,
}

/// What is known of the order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OrderState {
    exists: bool,
    /// At least this one.
    version: u64,
    word: Option<Word>,
    cancel_asked: bool,
    moved_on: bool,
}

/// One order.
#[derive(Debug, Clone, Copy)]
pub struct OrderModel;

impl Model for OrderModel {
    type State = OrderState;
    type Op = OrderOp;

    fn begin(&self) -> OrderState {
        OrderState { exists: false, version: 0, word: None, cancel_asked: false, moved_on: false }
    }

    fn step(&self, state: &OrderState, op: &OrderOp) -> Vec<OrderState> {
        match op {
            OrderOp::Make => vec![OrderState { exists: true, ..state.clone() }],
            OrderOp::Told(sight) => {
                let there = OrderState { exists: true, ..state.clone() };
                let mut next: Vec<_> = there.moved(*sight).into_iter().collect();
                next.extend(there.has_been(*sight).then_some(there));
                next
            }
            OrderOp::Read(sight) if state.exists => state.moved(*sight).into_iter().collect(),
            OrderOp::Missing if !state.exists => vec![state.clone()],
            OrderOp::Read(_) | OrderOp::Missing => Vec::new(),
            OrderOp::Cancel if state.exists => {
                vec![OrderState { cancel_asked: true, ..state.clone() }]
            }
            OrderOp::Cancelled(sight) if state.exists => {
                let asked = OrderState { cancel_asked: true, ..state.clone() };
                asked.moved(*sight).into_iter().collect()
            }
            OrderOp::Advance if state.exists => {
                vec![OrderState { moved_on: true, ..state.clone() }]
            }
            OrderOp::Cancel | OrderOp::Cancelled(_) | OrderOp::Advance => Vec::new(),
        }
    }
}

impl OrderState {
    /// The order after it moved, perhaps not at all, to what was seen.
    fn moved(&self, to: Sight) -> Option<Self> {
        let is_here = to.version == Some(self.version);
        let differs = self.word.zip(to.word).is_some_and(|(from, to)| from != to);
        // Another word is another version, also where the answer names none.
        let least = if differs { self.version.saturating_add(1) } else { self.version };
        let version = to.version.unwrap_or(least);
        if version < self.version || (is_here && differs) || !self.reaches(to.word) {
            return None;
        }
        Some(Self {
            version,
            word: to.word.or_else(|| self.word.filter(|_| is_here)),
            ..self.clone()
        })
    }

    /// Whether it may have stood like this before.
    fn has_been(&self, at: Sight) -> bool {
        let before = Self { word: at.word, ..self.clone() };
        // Without versions the word tells: if none is known, moving there says as much.
        let is_earlier = match at.version {
            Some(version) => version < self.version,
            None => self.word.is_some(),
        };
        is_earlier && before.reaches(self.word)
    }

    fn reaches(&self, to: Option<Word>) -> bool {
        use Word::{
            AwaitingPayment, Cancelled, Cancelling, Completed, Confirmed, Fulfilled, InFulfilment,
            Other, Processing,
        };
        let Some((from, to)) = self.word.zip(to) else { return true };
        match (from, to) {
            (Other, _) | (_, Other) => true,
            (Processing | AwaitingPayment, Processing | AwaitingPayment | Confirmed) => true,
            (Processing | AwaitingPayment, Cancelling | Cancelled) => true,
            (Processing | AwaitingPayment | Confirmed, InFulfilment | Fulfilled | Completed) => {
                self.moved_on
            }
            (Confirmed | InFulfilment, Cancelling | Cancelled) => self.cancel_asked,
            (InFulfilment, Fulfilled | Completed) | (Fulfilled, Completed) => true,
            (Cancelling, Cancelled) => true,
            (from, to) => from == to,
        }
    }
}

/// The calls on each order that the history tells of.
pub(super) fn calls<'a>(
    index: &Index<'a>,
    history: &History,
) -> Vec<(&'a str, Vec<Call<OrderOp>>)> {
    let start = history.ops.iter().map(|op| op.sent_us).min().unwrap_or(0);
    let mut placings = BTreeMap::new();
    for placement in &index.placements {
        if let Some(order) = placement.order {
            placings.insert(order, placement);
        }
    }
    let mut found = Vec::new();
    for (order, facts) in index.orders.iter().filter(|(_, facts)| !facts.shown.is_empty()) {
        // It is made before anybody is told; if nobody placed it, before the history begins.
        let placement = placings.get(order);
        let from_us = placement.map_or(start, |placement| placement.from_us);
        let mut calls = vec![Call { op: OrderOp::Make, from_us, to_us: None }];
        let placings = placement.iter().flat_map(|placement| &placement.ops);
        calls.extend(placings.filter_map(|op| call(op)));
        let others = facts.reads.iter().chain(&facts.cancels).chain(&facts.advances);
        calls.extend(others.filter_map(|op| call(op)));
        let may_end = placement.is_none_or(|placement| cuts_all(placement, &facts.cuts));
        let cuts = facts.cuts.iter().filter_map(|op| call(op));
        calls.extend(cuts.filter_map(|cut| if may_end { Some(cut) } else { leaving_some(cut) }));
        found.push((*order, calls));
    }
    found
}

/// Whether requests for single units may have taken all that was ordered.
fn cuts_all(placement: &Placement<'_>, cuts: &[&Op]) -> bool {
    let mut asked: BTreeMap<&Option<String>, u32> = BTreeMap::new();
    for op in cuts {
        if let Ask::CancelPart { units, .. } = &op.ask {
            asked.insert(&op.key, units.iter().map(|(_, units)| units).sum());
        }
    }
    let ordered: u32 = placement.lines.values().sum();
    asked.values().sum::<u32>() >= ordered
}

/// A cancellation that leaves units: it shows how the order stands, and does not end it.
fn leaving_some(cut: Call<OrderOp>) -> Option<Call<OrderOp>> {
    match cut.op {
        OrderOp::Cancelled(sight) => Some(Call { op: OrderOp::Read(sight), ..cut }),
        _ => None,
    }
}

/// A request as a call; `None`: it says nothing.
fn call(op: &Op) -> Option<Call<OrderOp>> {
    let known = |shown: Shown<'_>| {
        let word = shown.word.filter(|word| *word != Word::Other);
        (Sight { version: shown.version, word }, shown.fresh)
    };
    let sight = shown(op).map(known);
    let is_missing = op.answer.as_ref().is_some_and(|answer| answer.status == 404);
    let is_done = match effect(op) {
        Effect::Done => true,
        Effect::Open => false,
        Effect::None if matches!(op.ask, Ask::GetOrder { .. }) => false,
        Effect::None => return None,
    };
    let (told, is_answered) = match (&op.ask, sight) {
        (Ask::Place { .. }, Some((sight, _))) => (OrderOp::Told(sight), true),
        (Ask::Place { .. }, None) => return None,
        (Ask::GetOrder { .. }, Some((sight, _))) => (OrderOp::Read(sight), true),
        (Ask::GetOrder { .. }, None) => (OrderOp::Missing, is_missing.then_some(true)?),
        // Without a line that is left the order is cancelled.
        (Ask::Cancel { .. } | Ask::CancelPart { .. }, Some((sight, true))) => {
            (OrderOp::Cancelled(sight), true)
        }
        // What a repeat shows was so when it was first answered; that it was asked for is sure.
        (Ask::Cancel { .. } | Ask::CancelPart { .. }, Some((_, false)) | None) => {
            (OrderOp::Cancel, is_done)
        }
        // Refused at the door: it left, and is cancelled if no other parcel arrived.
        (Ask::Advance { said: Some(Said::Refused), .. }, _) => (OrderOp::Cancel, is_done),
        (Ask::Advance { .. }, _) => (OrderOp::Advance, is_done),
        (
            Ask::PutCart { .. }
            | Ask::Quote { .. }
            | Ask::Freeze { .. }
            | Ask::GetStock { .. }
            | Ask::Restock { .. }
            | Ask::Count { .. }
            | Ask::SetPrice { .. }
            | Ask::ListMine { .. }
            | Ask::Reuse { .. }
            | Ask::Merge { .. }
            | Ask::SignIn { .. }
            | Ask::PutAddress { .. }
            | Ask::DeleteAddress { .. }
            | Ask::Look(_)
            | Ask::Other,
            _,
        ) => return None,
    };
    Some(Call { op: told, from_us: op.sent_us, to_us: op.answered_us.filter(|_| is_answered) })
}
