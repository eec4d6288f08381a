//! The model of a SKU's stock: units are taken if there are as many, given back once, put on the
//! shelf and counted.
//!
//! Taking and giving back are calls of the order and not of a client, so their times are what the
//! ledger proves of them. A count sets what is on the shelf; what was taken and not shipped lies
//! there too, so that less than nothing may be for sale afterwards, and nothing is shown.
//!
//! What is taken and not sold yet an order may lose, to a count or because it was held for too
//! long. It is not told of it, and takes its units once more when it is to be sold.

use std::collections::BTreeSet;

use super::search::{Call, Model};
use crate::check::client::stock::ledger::{Ledger, Take};

/// What happened to the stock, or was said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CounterOp {
    /// Units were taken for an order; `order` is named if they may be lost, given back or shipped.
    Take {
        /// Place in the ledger.
        order: Option<usize>,
        /// Units.
        units: u32,
        /// Whether they are sold, be it that the order had them before: they are not lost any more.
        is_sold: bool,
    },
    /// An order lost its units, and may take them once more.
    Lose {
        /// Place in the ledger.
        order: usize,
        /// Units.
        units: u32,
    },
    /// An order has no units from here on: they were given back, if it had any.
    Release {
        /// Place in the ledger.
        order: usize,
        /// Units.
        units: u32,
    },
    /// Units of an order left the shelf.
    Ship {
        /// Place in the ledger.
        order: usize,
        /// Units.
        units: u32,
    },
    /// So many were not there.
    Refuse {
        /// Units.
        units: u32,
    },
    /// Units came.
    Restock {
        /// Units.
        units: u32,
    },
    /// So many were found on the shelf.
    Count {
        /// Units.
        units: u32,
    },
    /// So many were shown for sale.
    Read {
        /// Units.
        units: i64,
    },
}

/// The stock.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CounterState {
    /// Units for sale; below 0 after a count.
    free: i64,
    /// Units taken that lie on the shelf.
    unshipped: i64,
    /// Orders that have units on the shelf, of those that may lose, give back or ship them.
    having: BTreeSet<usize>,
    /// Orders whose units were sold or shipped: they lose nothing and take nothing more.
    sold: BTreeSet<usize>,
    /// Orders that take nothing any more.
    over: BTreeSet<usize>,
}

/// The stock of a SKU that begins with so many units.
#[derive(Debug, Clone, Copy)]
pub struct CounterModel {
    /// Units at the start.
    pub start: i64,
}

impl Model for CounterModel {
    type State = CounterState;
    type Op = CounterOp;

    fn begin(&self) -> CounterState {
        CounterState {
            free: self.start,
            unshipped: 0,
            having: BTreeSet::new(),
            sold: BTreeSet::new(),
            over: BTreeSet::new(),
        }
    }

    fn step(&self, state: &CounterState, op: &CounterOp) -> Vec<CounterState> {
        // Most calls that are tried are not possible: those cost no copy.
        if !is_possible(state, op) {
            return Vec::new();
        }
        let mut next = state.clone();
        match *op {
            CounterOp::Take { order, units, is_sold } => {
                if !has(state, order) {
                    next.free -= i64::from(units);
                    next.unshipped += i64::from(units);
                    next.having.extend(order);
                }
                next.sold.extend(order.filter(|_| is_sold));
            }
            CounterOp::Lose { order, units } => give_back(&mut next, order, units),
            CounterOp::Release { order, units } => {
                give_back(&mut next, order, units);
                next.over.insert(order);
            }
            CounterOp::Ship { order, units } => {
                next.unshipped -= i64::from(units);
                next.having.remove(&order);
                next.sold.insert(order);
            }
            CounterOp::Restock { units } => next.free += i64::from(units),
            CounterOp::Count { units } => next.free = i64::from(units) - state.unshipped,
            CounterOp::Refuse { .. } | CounterOp::Read { .. } => {}
        }
        vec![next]
    }
}

fn has(state: &CounterState, order: Option<usize>) -> bool {
    order.is_some_and(|order| state.having.contains(&order))
}

fn is_possible(state: &CounterState, op: &CounterOp) -> bool {
    match *op {
        CounterOp::Take { order, is_sold, .. } if has(state, order) => is_sold,
        CounterOp::Take { order, units, .. } => {
            let takes = |order| !state.over.contains(&order) && !state.sold.contains(&order);
            state.free >= i64::from(units) && order.is_none_or(takes)
        }
        CounterOp::Lose { order, .. } => has(state, Some(order)) && !state.sold.contains(&order),
        CounterOp::Release { order, .. } => !state.over.contains(&order),
        CounterOp::Ship { order, .. } => has(state, Some(order)),
        CounterOp::Refuse { units } => state.free < i64::from(units),
        CounterOp::Read { units } => state.free.max(0) == units,
        CounterOp::Restock { .. } | CounterOp::Count { .. } => true,
    }
}

fn give_back(state: &mut CounterState, order: usize, units: u32) {
    if state.having.remove(&order) {
        state.free += i64::from(units);
        state.unshipped -= i64::from(units);
    }
}

/// The calls on a SKU.
pub(super) fn calls(ledger: &Ledger) -> Vec<Call<CounterOp>> {
    let mut calls = Vec::new();
    for (order, take) in ledger.takes.iter().enumerate() {
        calls.extend(of_take(order, take, !ledger.counts.is_empty()));
    }
    let singles = ledger.refusals.iter().filter(|refusal| refusal.n_lines == 1);
    calls.extend(singles.map(|refusal| {
        let op = CounterOp::Refuse { units: refusal.units };
        Call { op, from_us: refusal.from_us, to_us: Some(refusal.to_us) }
    }));
    calls.extend(ledger.restocks.iter().map(|supply| {
        let op = CounterOp::Restock { units: supply.units };
        Call { op, from_us: supply.from_us, to_us: supply.to_us }
    }));
    calls.extend(ledger.counts.iter().map(|count| {
        let op = CounterOp::Count { units: count.units };
        Call { op, from_us: count.from_us, to_us: count.to_us }
    }));
    calls.extend(ledger.reads.iter().map(|read| {
        let op = CounterOp::Read { units: read.available };
        Call { op, from_us: read.from_us, to_us: Some(read.to_us) }
    }));
    calls
}

fn of_take(order: usize, take: &Take, is_counted: bool) -> impl Iterator<Item = Call<CounterOp>> {
    let &Take { units, from_us, is_sold, lost_us, .. } = take;
    let ship_us = take.ship_us.filter(|_| is_counted);
    let is_named = lost_us.is_some() || take.released_from_us.is_some() || ship_us.is_some();
    let named = is_named.then_some(order);
    let op = CounterOp::Take { order: named, units, is_sold };
    let taken = Call { op, from_us, to_us: take.held_us };
    // What is lost is taken twice: before, and, if at all, after.
    let lost =
        lost_us.map(|from_us| Call { op: CounterOp::Lose { order, units }, from_us, to_us: None });
    let twice = lost_us.map(|_| {
        let op = CounterOp::Take { order: named, units, is_sold: false };
        Call { op, from_us, to_us: None }
    });
    // Of an order that nobody saw sold or over: whether it lost them or gave them back is all one.
    let is_open = !is_sold && take.gone_us.is_none();
    let released = take.released_from_us.map(|from_us| {
        let op = if is_open {
            CounterOp::Lose { order, units }
        } else {
            CounterOp::Release { order, units }
        };
        Call { op, from_us, to_us: take.gone_us }
    });
    let shipped = ship_us.map(|from_us| {
        let op = CounterOp::Ship { order, units };
        Call { op, from_us, to_us: None }
    });
    [Some(taken), lost, twice, released, shipped].into_iter().flatten()
}
