//! Once faults have stopped and time was given, everything has come to rest (I11).
//!
//! Every order that anybody was told of is read again after that, its last such read is answered,
//! and shows a state in which an order may stay: none is still being placed or cancelled.
//! Placements that nobody got an order for are judged with the journal. Nor are units on their way
//! from a guest's cart to another one ([`merges`]). `looked_at`: orders and such carts.

use super::facts::is_done;
use super::index::Index;
use super::merges;
use crate::check::{Check, Findings};
use crate::history::History;

/// States in which an order may stay: final, sold, or waiting for its buyer.
const RESTING: [&str; 6] =
    ["awaiting_payment", "confirmed", "in_fulfilment", "fulfilled", "completed", "cancelled"];

/// Whether an order may stay in a state, in the words of the interface.
pub(crate) fn rests(word: &str) -> bool {
    RESTING.contains(&word)
}

/// When and how everything must have settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settle {
    /// From when on, in us: the end of faults and the time for settling.
    pub healed_us: u64,
    /// States in which an order may stay, in the words of the interface.
    pub resting: Vec<String>,
}

impl Settle {
    /// Everything in a state of rest from `healed_us` on: final, sold, or waiting for its buyer.
    #[must_use]
    pub fn by(healed_us: u64) -> Self {
        Self { healed_us, resting: RESTING.map(str::to_owned).to_vec() }
    }
}

impl Check for Settle {
    fn name(&self) -> &'static str {
        "liveness"
    }

    fn check(&self, history: &History) -> Findings {
        self.judge(history, &Index::new(history))
    }
}

impl Settle {
    pub(super) fn judge(&self, history: &History, index: &Index<'_>) -> Findings {
        let mut findings = Findings::default();
        merges::at_rest(history, self.healed_us, &mut findings);
        for (order, facts) in &index.orders {
            if facts.shown.is_empty() {
                continue;
            }
            findings.looked_at += 1;
            let Some(read) = facts.reads.iter().rfind(|read| read.sent_us >= self.healed_us) else {
                let what = format!("order {order} was not read after {} us", self.healed_us);
                findings.report("I11", self.healed_us, what);
                continue;
            };
            let answer = read.answer.as_ref().filter(|answer| is_done(answer));
            let state = answer.and_then(|answer| answer.state.as_deref());
            let at_us = read.answered_us.unwrap_or(read.sent_us);
            match state {
                Some(state) if self.resting.iter().any(|word| word == state) => {}
                Some(state) => {
                    let what = format!("order {order} is {state} at the end");
                    findings.report("I11", at_us, what);
                }
                None => {
                    let status = read.answer.as_ref().map(|answer| answer.status);
                    let what = format!("order {order} cannot be read at the end: {status:?}");
                    findings.report("I11", at_us, what);
                }
            }
        }
        findings
    }
}
