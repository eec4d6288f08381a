//! A history by subject: what clients did to and saw of each order, and the placements.
//!
//! Requests with the same idempotency key are one placement, and so are keys that were answered
//! with the same order. A key is known within its cart, as the system scopes it.
//! Hash maps are asked only by name: nothing depends on the order in which they lie.

use std::collections::{BTreeMap, HashMap};

use super::facts::{Effect, Shown, effect, ended, shown};
use crate::history::{Ask, History, Op, Said};

/// Names the placement that a request belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Name<'a> {
    Order(&'a str),
    Key(&'a str, &'a str),
    Op(usize),
}

/// A placement, however often it was tried.
#[derive(Debug)]
pub(super) struct Placement<'a> {
    /// The order that it became, if anybody was told.
    pub(super) order: Option<&'a str>,
    /// The cart that was placed.
    pub(super) cart: &'a str,
    /// Units by SKU.
    pub(super) lines: BTreeMap<u32, u32>,
    /// Its requests, by the time at which they were sent.
    pub(super) ops: Vec<&'a Op>,
    /// When it may have been made at the earliest: also another key of the cart whose order is not
    /// known may have made it.
    pub(super) from_us: u64,
}

/// What is known of an order.
#[derive(Debug, Default)]
pub(super) struct OrderFacts<'a> {
    /// What answers show of it, by the time at which they were asked for.
    pub(super) shown: Vec<Shown<'a>>,
    /// Requests to cancel it.
    pub(super) cancels: Vec<&'a Op>,
    /// Requests to cancel some of its units.
    pub(super) cuts: Vec<&'a Op>,
    /// Requests to put it on hold, or to let it go on.
    pub(super) freezes: Vec<&'a Op>,
    /// Requests to move it on.
    pub(super) advances: Vec<&'a Op>,
    /// Reads of it.
    pub(super) reads: Vec<&'a Op>,
}

impl OrderFacts<'_> {
    /// Whether a parcel of it was refused at the door, or may have been.
    pub(super) fn is_refused(&self) -> bool {
        let is_refusal =
            |op: &&Op| matches!(op.ask, Ask::Advance { said: Some(Said::Refused), .. });
        self.advances.iter().any(|op| is_refusal(op) && effect(op) != Effect::None)
    }
}

/// A history by subject.
#[derive(Debug)]
pub(super) struct Index<'a> {
    pub(super) orders: BTreeMap<&'a str, OrderFacts<'a>>,
    pub(super) placements: Vec<Placement<'a>>,
}

impl<'a> Index<'a> {
    pub(super) fn new(history: &'a History) -> Self {
        let mut orders: BTreeMap<&str, OrderFacts<'_>> = BTreeMap::new();
        for op in by_sent(history) {
            if let Some(shown) = shown(op) {
                orders.entry(shown.order).or_default().shown.push(shown);
            }
            match &op.ask {
                Ask::GetOrder { order } => orders.entry(order).or_default().reads.push(op),
                Ask::Cancel { order } => orders.entry(order).or_default().cancels.push(op),
                Ask::CancelPart { order, .. } => orders.entry(order).or_default().cuts.push(op),
                Ask::Freeze { order } => orders.entry(order).or_default().freezes.push(op),
                Ask::Advance { order, .. } => orders.entry(order).or_default().advances.push(op),
                Ask::Place { .. }
                | Ask::PutCart { .. }
                | Ask::Quote { .. }
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
                | Ask::Other => {}
            }
        }
        Self { orders, placements: placements(history) }
    }
}

/// The requests by the time at which they were sent; of one time in the order of the history.
pub(super) fn by_sent(history: &History) -> Vec<&Op> {
    let mut ops: Vec<_> = history.ops.iter().collect();
    ops.sort_by_key(|op| op.sent_us);
    ops
}

/// The order that the answer to a placing is about; a refused edit names the cart's other order.
fn placed(op: &Op) -> Option<&str> {
    let answer = op.answer.as_ref()?;
    let is_its_own = effect(op) == Effect::Done || ended(answer);
    answer.order.as_deref().filter(|_| is_its_own)
}

fn placements(history: &History) -> Vec<Placement<'_>> {
    let ops = by_sent(history);
    let placings = || ops.iter().enumerate().filter(|(_, op)| matches!(op.ask, Ask::Place { .. }));
    let mut by_key: HashMap<(&str, &str), &str> = HashMap::new();
    for (_, op) in placings() {
        if let (Ask::Place { cart, .. }, Some(key), Some(order)) = (&op.ask, &op.key, placed(op)) {
            by_key.entry((cart, key)).or_insert(order);
        }
    }
    let mut places: HashMap<Name<'_>, usize> = HashMap::new();
    let mut found: Vec<Placement<'_>> = Vec::new();
    // Per cart: when it was first placed by a key of which no order is known.
    let mut first: HashMap<&str, u64> = HashMap::new();
    for (index, op) in placings() {
        let Ask::Place { cart, lines, .. } = &op.ask else { continue };
        let of_key = op.key.as_deref().map(|key| (cart.as_str(), key));
        let order = placed(op).or_else(|| by_key.get(&of_key?).copied());
        let name = match (order, of_key) {
            (Some(order), _) => Name::Order(order),
            (None, Some((cart, key))) => Name::Key(cart, key),
            (None, None) => Name::Op(index),
        };
        if order.is_none() {
            first.entry(cart).or_insert(op.sent_us);
        }
        let place = *places.entry(name).or_insert(found.len());
        if place == found.len() {
            let lines = summed(lines);
            let ops = Vec::with_capacity(1);
            found.push(Placement { order, cart, lines, ops, from_us: op.sent_us });
        }
        let placement = &mut found[place];
        placement.ops.push(op);
        let other_us = first.get(cart.as_str()).copied().unwrap_or(u64::MAX);
        placement.from_us = placement.from_us.min(other_us);
    }
    found
}

fn summed(lines: &[(u32, u32)]) -> BTreeMap<u32, u32> {
    let mut by_sku = BTreeMap::new();
    for (sku, units) in lines {
        let sum: &mut u32 = by_sku.entry(*sku).or_default();
        *sum = sum.saturating_add(*units);
    }
    by_sku
}
