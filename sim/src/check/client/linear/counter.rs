//! The model of a SKU's stock: units are taken if there are as many, given back once, put on the
//! shelf and counted.
//!
//! Taking and giving back are calls of the order and not of a client, so their times are what the
//! ledger proves of them. A count sets what is on the shelf; what was taken and not shipped lies
//! there too, so that less than nothing may be for sale afterwards, and nothing is shown.

use std::collections::BTreeSet;

use super::search::{Call, Model};
use crate::check::client::stock::ledger::{Ledger, Take};

/// What happened to the stock, or was said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CounterOp {
    /// Units were taken for an order; `order` is named if they may be given back or shipped.
    Take {
        /// Place in the ledger.
        order: Option<usize>,
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
    /// Orders that have units on the shelf, of those that may give them back or ship them.
    having: BTreeSet<usize>,
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
            over: BTreeSet::new(),
        }
    }

    fn step(&self, state: &CounterState, op: &CounterOp) -> Vec<CounterState> {
        // Most calls that are tried are not possible: those cost no copy.
        let is_possible = match *op {
            CounterOp::Take { order, units } => {
                let is_over = order.is_some_and(|order| state.over.contains(&order));
                state.free >= i64::from(units) && !is_over
            }
            CounterOp::Release { order, .. } => !state.over.contains(&order),
            CounterOp::Ship { order, .. } => state.having.contains(&order),
            CounterOp::Refuse { units } => state.free < i64::from(units),
            CounterOp::Read { units } => state.free.max(0) == units,
            CounterOp::Restock { .. } | CounterOp::Count { .. } => true,
        };
        if !is_possible {
            return Vec::new();
        }
        let mut next = state.clone();
        match *op {
            CounterOp::Take { order, units } => {
                next.free -= i64::from(units);
                next.unshipped += i64::from(units);
                next.having.extend(order);
            }
            CounterOp::Release { order, units } => {
                if next.having.remove(&order) {
                    next.free += i64::from(units);
                    next.unshipped -= i64::from(units);
                }
                next.over.insert(order);
            }
            CounterOp::Ship { order, units } => {
                next.unshipped -= i64::from(units);
                next.having.remove(&order);
            }
            CounterOp::Restock { units } => next.free += i64::from(units),
            CounterOp::Count { units } => next.free = i64::from(units) - state.unshipped,
            CounterOp::Refuse { .. } | CounterOp::Read { .. } => {}
        }
        vec![next]
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
    let units = take.units;
    let ship_us = take.ship_us.filter(|_| is_counted);
    let named = (take.released_from_us.is_some() || ship_us.is_some()).then_some(order);
    let op = CounterOp::Take { order: named, units };
    let taken = Call { op, from_us: take.from_us, to_us: take.held_us };
    let released = take.released_from_us.map(|from_us| {
        let op = CounterOp::Release { order, units };
        Call { op, from_us, to_us: take.gone_us }
    });
    let shipped = ship_us.map(|from_us| {
        let op = CounterOp::Ship { order, units };
        Call { op, from_us, to_us: None }
    });
    [Some(taken), released, shipped].into_iter().flatten()
}
