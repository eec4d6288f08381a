//! The catalogue and the shelf agree once all is quiet: the word for how many there are is that of
//! the units, in a SKU's own answer and among those of its product; and a price that was set last,
//! for certain, is the one that is shown.
//!
//! Judged is what was asked for after the stock had been read, when nothing moves any more.
//! `looked_at`: SKUs that were shown then.

use std::collections::BTreeMap;

use commerce::sku::Availability;

use super::facts::{Effect, effect, is_done};
use crate::check::Findings;
use crate::history::{Ask, Goods, History, Look};

const NAME: &str = "goods";

/// Judges what the catalogue shows.
#[must_use]
pub fn check(history: &History) -> Findings {
    let mut findings = Findings::default();
    let (units, prices) = (units(history), prices(history));
    for op in &history.ops {
        let (Ask::Look(Look::Goods { .. }), Some(answer)) = (&op.ask, &op.answer) else {
            continue;
        };
        let at_us = op.answered_us.unwrap_or(op.sent_us);
        for goods in &answer.goods {
            let Goods { sku, word: shown, price, price_version } = goods;
            let Some((_, left)) = units.get(sku).filter(|(read_us, _)| *read_us < op.sent_us)
            else {
                continue;
            };
            findings.looked_at += 1;
            if word(*left) != shown {
                let what = format!("SKU {sku} is {shown} where it is shown, and has {left} units");
                findings.report(NAME, at_us, what);
            }
            let wanted = prices.get(sku).copied().flatten();
            if let Some((version, wanted)) = wanted.filter(|it| *it != (*price_version, *price)) {
                let what = format!(
                    "SKU {sku} is shown at {price:?}, version {price_version}; it was set to \
                     {wanted:?}, version {version}"
                );
                findings.report(NAME, at_us, what);
            }
        }
    }
    findings
}

/// The word of the interface for so many units.
fn word(units: i64) -> &'static str {
    match Availability::of(units.max(0).unsigned_abs()) {
        Availability::Out => "out",
        Availability::Low => "low",
        Availability::InStock => "in_stock",
    }
}

/// Units of each SKU as they were read last, with the time of the answer.
fn units(history: &History) -> BTreeMap<u32, (u64, i64)> {
    let mut last: BTreeMap<u32, (u64, i64)> = BTreeMap::new();
    for op in &history.ops {
        let (Ask::GetStock { sku }, Some(answer)) = (&op.ask, &op.answer) else { continue };
        if let Some(units) = answer.available.filter(|_| is_done(answer)) {
            let newest = last.entry(*sku).or_default();
            *newest = (*newest).max((op.answered_us.unwrap_or(u64::MAX), units));
        }
    }
    last
}

/// Version and price of each SKU that was set last; `None`: a change is open.
fn prices(history: &History) -> BTreeMap<u32, Option<(u64, Option<i64>)>> {
    let mut last: BTreeMap<u32, Option<(u64, Option<i64>)>> = BTreeMap::new();
    for op in &history.ops {
        let Ask::SetPrice { sku, price } = op.ask else { continue };
        let version = op.answer.as_ref().and_then(|answer| answer.version);
        match (effect(op), version) {
            (Effect::Done, Some(version)) => {
                let newest = last.entry(sku).or_insert(Some((0, None)));
                *newest = newest.map(|newest| newest.max((version, Some(price))));
            }
            (Effect::None, _) => {}
            (Effect::Done | Effect::Open, _) => drop(last.insert(sku, None)),
        }
    }
    last
}
