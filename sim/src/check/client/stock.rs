//! The bounds of a SKU's stock: a check of every answer about it in O(n log n).
//!
//! At each instant so many units are surely taken and so many at the most, and so many were surely
//! supplied and so many at the most; what is for sale lies between. Each acceptance must have had
//! its units at some instant of its time, each refusal an instant with too few, each read an
//! instant with what it shows, and together no more can be taken than there ever was (I6, I8).
//! This proves less than the search of [`super::linear`], and works for 100,000 requests on one
//! SKU. `looked_at`: answers that were held against the bounds.

mod bounds;
pub mod ledger;

use std::collections::BTreeMap;

use crate::check::Findings;
use crate::history::History;
use bounds::Bounds;
use ledger::{Ledger, Refusal};

const NAME: &str = "stock_bounds";

/// Judges every answer about stock.
#[must_use]
pub fn check(history: &History) -> Findings {
    judge(&Ledger::all(history))
}

pub(super) fn judge(ledgers: &[Ledger]) -> Findings {
    let mut findings = Findings::default();
    // A refusal of several lines is right if any of its SKUs was short.
    let mut refusals: BTreeMap<usize, Vec<(u32, &Refusal, bool)>> = BTreeMap::new();
    for ledger in ledgers {
        let bounds = Bounds::new(ledger);
        taken(ledger, &bounds, &mut findings);
        reads(ledger, &bounds, &mut findings);
        for refusal in &ledger.refusals {
            let least = bounds.least(refusal.from_us, refusal.to_us);
            let may_be_short = least + i64::from(refusal.own_units) < i64::from(refusal.units);
            let of_placement = refusals.entry(refusal.placement).or_default();
            of_placement.push((ledger.sku, refusal, may_be_short));
        }
    }
    for lines in refusals.values() {
        findings.looked_at += 1;
        if lines.iter().any(|(_, _, may_be_short)| *may_be_short) {
            continue;
        }
        // A line of a SKU whose stock is not known may have been the short one.
        let known = lines.first().filter(|(_, refusal, _)| refusal.n_lines == lines.len());
        if let Some((sku, refusal, _)) = known {
            let what = format!(
                "SKU {sku}: {} units were refused between {} and {} us, but as many were free",
                refusal.units, refusal.from_us, refusal.to_us
            );
            findings.report(NAME, refusal.to_us, what);
        }
    }
    findings
}

/// What was taken was there.
fn taken(ledger: &Ledger, bounds: &Bounds, findings: &mut Findings) {
    if let Some(over) = &bounds.oversold {
        let what = format!(
            "SKU {}: {} units are taken at {} us, of {} at the most",
            ledger.sku, over.taken, over.at_us, over.supplied
        );
        findings.report(NAME, over.at_us, what);
    }
    for take in &ledger.takes {
        let Some(held_us) = take.held_us else { continue };
        findings.looked_at += 1;
        let most = bounds.most(take.from_us, held_us);
        if most < i64::from(take.units) {
            let what = format!(
                "SKU {}: {} took {} units between {} and {held_us} us, when at most {most} were free",
                ledger.sku, take.name, take.units, take.from_us
            );
            findings.report(NAME, held_us, what);
        }
    }
}

/// What was shown as for sale was for sale.
fn reads(ledger: &Ledger, bounds: &Bounds, findings: &mut Findings) {
    for read in &ledger.reads {
        findings.looked_at += 1;
        let least = bounds.least(read.from_us, read.to_us).max(0);
        let most = bounds.most(read.from_us, read.to_us).max(0);
        if !(least..=most).contains(&read.available) {
            let what = format!(
                "SKU {}: {} units were shown between {} and {} us, when {least} to {most} were free",
                ledger.sku, read.available, read.from_us, read.to_us
            );
            findings.report(NAME, read.to_us, what);
        }
    }
}
