//! No SKU is sold oftener than it was there (I6, I8), over the whole history.
//!
//! The units of orders that were seen sold and whose cancelling nobody asked for are at most those
//! at the start and those that came. A count may find more than was there: then the greatest
//! number that any count allows stands for the start. When it was sold oftener at some time, but
//! not in the end, the bounds of [`super::stock`] tell. `looked_at`: orders that were sold.

use super::stock::ledger::Ledger;
use crate::check::Findings;
use crate::history::History;

/// Judges what was sold in all.
#[must_use]
pub fn check(history: &History) -> Findings {
    judge(history, &Ledger::all(history))
}

pub(super) fn judge(history: &History, ledgers: &[Ledger]) -> Findings {
    let mut findings = Findings::default();
    let end_us = history.ops.iter().filter_map(|op| op.answered_us).max().unwrap_or(0);
    for ledger in ledgers {
        let sold = ledger
            .takes
            .iter()
            .filter(|take| take.held_us.is_some() && take.released_from_us.is_none());
        let (mut sold_units, mut n_sold) = (0_i64, 0_u64);
        for take in sold {
            sold_units += i64::from(take.units);
            n_sold += 1;
        }
        findings.looked_at += n_sold;
        let shipped = ledger.takes.iter().filter(|take| take.ship_us.is_some());
        let shipped: i64 = shipped.map(|take| i64::from(take.units)).sum();
        let counts = ledger.counts.iter().map(|count| i64::from(count.units) + shipped);
        let start = counts.chain([i64::from(ledger.start)]).max().unwrap_or(0);
        let came: i64 = ledger.restocks.iter().map(|supply| i64::from(supply.units)).sum();
        if sold_units > start + came {
            let what = format!(
                "SKU {}: {n_sold} orders have {sold_units} units, of {start} and {came} that came",
                ledger.sku
            );
            findings.report("I6", end_us, what);
        }
    }
    findings
}
