//! The checkers of what clients saw: used on the simulator's runs and on a live node's alike.
//!
//! Each property has a file. A violation is always real: where clients cannot know (an answer
//! that did not come, two requests at once), the checkers assume what excuses the system. So two
//! requests are ordered only if the first was answered strictly before the second was sent; a
//! client that sends in the very microsecond of an answer is not known to have read it.
//! What clients cannot see (holds, ledgers, the journal) is judged elsewhere.

pub mod acked;
pub mod addresses;
pub mod answers;
pub mod available;
pub mod calm;
pub mod conditions;
pub mod couriers;
pub mod cuts;
mod facts;
pub mod goods;
pub mod idempotency;
mod index;
pub mod linear;
pub mod lists;
pub mod liveness;
pub mod merges;
pub mod oversell;
pub mod own_orders;
pub mod placing;
pub mod prices;
pub mod refusals;
pub mod rewards;
pub mod shelves;
pub mod stock;
pub mod strangers;
pub mod streams;
pub mod taxes;
pub mod told;
pub mod unknown;
pub mod versions;
pub mod waits;

use super::{Check, Findings};
use crate::history::History;
use index::Index;
use liveness::Settle;
use stock::ledger::Ledger;

/// A checker that needs nothing but the history.
#[derive(Clone, Copy)]
struct Plain {
    name: &'static str,
    check: fn(&History) -> Findings,
}

impl Check for Plain {
    fn name(&self) -> &'static str {
        self.name
    }

    fn check(&self, history: &History) -> Findings {
        (self.check)(history)
    }
}

const PLAIN: &[Plain] = &[
    Plain { name: "versions", check: versions::check },
    Plain { name: "acked_orders", check: acked::check },
    Plain { name: "addresses", check: addresses::check },
    Plain { name: "idempotency", check: idempotency::check },
    Plain { name: "no_oversell", check: oversell::check },
    Plain { name: "placing", check: placing::check },
    Plain { name: "own_orders", check: own_orders::check },
    Plain { name: "streams", check: streams::check },
    Plain { name: "prices", check: prices::check },
    Plain { name: "available", check: available::check },
    Plain { name: "answers", check: answers::check },
    Plain { name: "conditions", check: conditions::check },
    Plain { name: "couriers", check: couriers::check },
    Plain { name: "cuts", check: cuts::check },
    Plain { name: "goods", check: goods::check },
    Plain { name: "lists", check: lists::check },
    Plain { name: "merges", check: merges::check },
    Plain { name: "rewards", check: rewards::check },
    Plain { name: "strangers", check: strangers::check },
    Plain { name: "shelves", check: shelves::check },
    Plain { name: "taxes", check: taxes::check },
    Plain { name: "stock_bounds", check: stock::check },
    Plain { name: "linear_order", check: linear::check_orders },
    Plain { name: "linear_stock", check: linear::check_stock },
];

/// Judges by all checkers, by name: the same findings as of [`all`], for less work.
#[must_use]
pub fn judge(history: &History, settle: Option<&Settle>) -> Vec<(&'static str, Findings)> {
    let index = Index::new(history);
    let ledgers = Ledger::of(history, &index);
    let mut findings = vec![
        ("versions", versions::check(history)),
        ("acked_orders", acked::judge(history, &index)),
        ("addresses", addresses::check(history)),
        ("idempotency", idempotency::judge(history, &index)),
        ("no_oversell", oversell::judge(history, &ledgers)),
        ("placing", placing::check(history)),
        ("own_orders", own_orders::check(history)),
        ("streams", streams::check(history)),
        ("prices", prices::judge(history, &index)),
        ("available", available::check(history)),
        ("answers", answers::check(history)),
        ("conditions", conditions::check(history)),
        ("couriers", couriers::check(history)),
        ("cuts", cuts::judge(history, &index)),
        ("goods", goods::check(history)),
        ("lists", lists::check(history)),
        ("merges", merges::check(history)),
        ("rewards", rewards::check(history)),
        ("strangers", strangers::check(history)),
        ("shelves", shelves::check(history)),
        ("taxes", taxes::check(history)),
        ("stock_bounds", stock::judge(&ledgers)),
        ("linear_order", linear::judge_orders(history, &index)),
        ("linear_stock", linear::judge_stock(&ledgers)),
    ];
    findings.extend(settle.map(|settle| (settle.name(), settle.judge(history, &index))));
    findings
}

/// All checkers; the one of liveness only if it is said when everything must have settled.
#[must_use]
pub fn all(settle: Option<Settle>) -> Vec<Box<dyn Check>> {
    let plain = PLAIN.iter().map(|plain| Box::new(*plain) as Box<dyn Check>);
    let settle = settle.map(|settle| Box::new(settle) as Box<dyn Check>);
    plain.chain(settle).collect()
}

#[cfg(test)]
mod tests;
