//! Linearizability, key by key: is there an order of the requests on one entity, which keeps to
//! their times, in which a correct entity would have given these answers?
//!
//! [`search`] finds one or proves that there is none, for any [`Model`]; [`order`] and [`counter`]
//! are the models of an order and of a SKU's stock. Properties of single entities hold for all
//! together if they hold for each (Herlihy and Wing), so each key is searched alone. SKUs with
//! more than [`COUNTER_CALLS_MAX`] calls are left to the bounds of [`super::stock`].

pub mod counter;
pub mod order;
pub mod search;

pub use search::{Call, Model, STATES_MAX, Verdict, linearize};

use super::index::Index;
use super::stock::ledger::Ledger;
use crate::check::Findings;
use crate::history::History;

/// The most calls on a SKU that are searched: the cost of proving that no order exists grows
/// exponentially with what is open at once.
pub const COUNTER_CALLS_MAX: usize = 400;

/// Judges every order of the history. `looked_at`: calls of orders that were decided.
#[must_use]
pub fn check_orders(history: &History) -> Findings {
    judge_orders(history, &Index::new(history))
}

pub(super) fn judge_orders(history: &History, index: &Index<'_>) -> Findings {
    let mut findings = Findings::default();
    for (id, calls) in order::calls(index, history) {
        judge(&order::OrderModel, &calls, &format!("order {id}"), "linear_order", &mut findings);
    }
    findings
}

/// Judges the stock of every SKU that has few calls; undecided are the others and those with too
/// many possibilities. `looked_at`: calls of SKUs that were decided.
#[must_use]
pub fn check_stock(history: &History) -> Findings {
    judge_stock(&Ledger::all(history))
}

pub(super) fn judge_stock(ledgers: &[Ledger]) -> Findings {
    let mut findings = Findings::default();
    for ledger in ledgers {
        let model = counter::CounterModel { start: i64::from(ledger.start) };
        let calls = counter::calls(ledger);
        if calls.len() > COUNTER_CALLS_MAX {
            findings.undecided += 1;
            continue;
        }
        judge(&model, &calls, &format!("SKU {}", ledger.sku), "linear_stock", &mut findings);
    }
    findings
}

fn judge<M: Model>(
    model: &M,
    calls: &[Call<M::Op>],
    key: &str,
    invariant: &str,
    findings: &mut Findings,
) where
    M::Op: std::fmt::Debug,
{
    match linearize(model, calls, STATES_MAX) {
        Verdict::Linearizable => findings.looked_at += calls.len() as u64,
        Verdict::Impossible { stuck } => {
            findings.looked_at += calls.len() as u64;
            let call = &calls[stuck];
            let what = format!(
                "{key}: no order of its {} calls explains {:?}, sent {} us, answered {:?} us",
                calls.len(),
                call.op,
                call.from_us,
                call.to_us
            );
            findings.report(invariant, call.to_us.unwrap_or(call.from_us), what);
        }
        Verdict::Inconclusive => findings.undecided += 1,
    }
}

#[cfg(test)]
mod tests;
