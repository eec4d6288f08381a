//! Nothing is sold at a price that had been replaced (domain.md 2): what buyers were charged, and
//! what they were told about it.
//!
//! - A line of an order costs what its SKU cost at some moment between the placing and its first
//!   answer; a line of a quote what it cost while the quote was made.
//! - The total of an order is one that its buyer took; sums of orders and quotes add up.
//! - To send costs the same for all: clients send by one way, and nobody changes its price.
//! - The catalogue shows what a SKU costs at some moment of the time.
//! - Who is told `price_changed` had a quote that may have been older than a price of his cart.
//!
//! A change of a price is in force at some time after it was asked for, and surely once it was
//! answered with success. One without an answer may be so at any time later, and so excuses its
//! price for ever. `looked_at`: orders, quotes and refusals that were judged.

use std::collections::BTreeMap;

use super::facts::{Effect, effect, ended, is_done};
use super::index::{Index, Placement};
use crate::check::Findings;
use crate::history::{Answer, Ask, Bill, History, Look, Op};

const NAME: &str = "prices";

/// Judges what was charged and quoted, and why placings were refused.
#[must_use]
pub fn check(history: &History) -> Findings {
    judge(history, &Index::new(history))
}

pub(super) fn judge(history: &History, index: &Index<'_>) -> Findings {
    let tags = Tags::of(history);
    let offers = offers(history);
    let mut findings = Findings::default();
    sent(history, &mut findings);
    for placement in &index.placements {
        sold(&tags, placement, offers.get(placement.cart), &mut findings);
    }
    for op in &history.ops {
        match (&op.ask, &op.answer, op.answered_us) {
            (Ask::Quote { cart }, Some(answer), Some(answered_us)) => {
                let Some(bill) = &answer.bill else { continue };
                findings.looked_at += 1;
                let name = format!("the quote of {cart}");
                charged(&tags, &name, bill, (op.sent_us, answered_us), &mut findings);
            }
            (Ask::Look(Look::Goods { .. }), Some(answer), Some(answered_us)) => {
                for goods in &answer.goods {
                    let Some(price) = goods.price else { continue };
                    findings.looked_at += 1;
                    if !tags.may_cost(goods.sku, price, (op.sent_us, answered_us)) {
                        let what = format!("SKU {} is shown at {price}", goods.sku);
                        findings.report(NAME, answered_us, what);
                    }
                }
            }
            (Ask::Place { .. }, Some(answer), Some(answered_us)) => {
                moved(&tags, op, answer, answered_us, &mut findings);
            }
            _ => {}
        }
    }
    findings
}

/// Every cart is sent for the same price.
fn sent(history: &History, findings: &mut Findings) {
    let mut first = None;
    for op in &history.ops {
        let bill = op.answer.as_ref().filter(|answer| is_done(answer));
        let bill = bill.and_then(|answer| answer.bill.as_deref());
        // An empty cart sends nothing.
        let Some(bill) = bill.filter(|bill| !bill.lines.is_empty()) else { continue };
        let price = *first.get_or_insert(bill.shipping);
        if bill.shipping != price {
            let what = format!("{:?} is sent for {}, others for {price}", op.ask, bill.shipping);
            findings.report(NAME, op.answered_us.unwrap_or(op.sent_us), what);
        }
    }
}

/// A price of a SKU: the first one, or one that somebody asked for.
#[derive(Debug, Clone, Copy)]
struct Tag {
    price: i64,
    /// Not in force before this.
    from_us: u64,
    /// Put in force by this, if ever; `None`: perhaps later.
    by_us: Option<u64>,
    /// Whether it was in force for certain.
    is_sure: bool,
}

/// The prices of each SKU.
struct Tags(BTreeMap<u32, Vec<Tag>>);

impl Tags {
    fn of(history: &History) -> Self {
        let first = |price: i64| Tag { price, from_us: 0, by_us: Some(0), is_sure: true };
        let mut tags: BTreeMap<u32, Vec<Tag>> =
            history.prices.iter().map(|(sku, price)| (*sku, vec![first(*price)])).collect();
        for op in &history.ops {
            let Ask::SetPrice { sku, price } = op.ask else { continue };
            let Some(tags) = tags.get_mut(&sku) else { continue };
            let effect = effect(op);
            // Refused, but perhaps since an earlier go of the same had been taken.
            let by_us = op.answered_us.filter(|_| effect != Effect::Open);
            let is_sure = effect == Effect::Done;
            tags.push(Tag { price, from_us: op.sent_us, by_us, is_sure });
        }
        Self(tags)
    }

    /// Whether the SKU may have had this price at some moment of the time; what is not known of a
    /// SKU excuses.
    fn may_cost(&self, sku: u32, price: i64, (from_us, to_us): (u64, u64)) -> bool {
        let Some(tags) = self.0.get(&sku) else { return true };
        tags.iter().any(|tag| {
            let is_replaced = tag.by_us.is_some_and(|by_us| {
                tags.iter().any(|next| {
                    next.is_sure
                        && next.from_us > by_us
                        && next.by_us.is_some_and(|by_us| by_us < from_us)
                })
            });
            tag.price == price && tag.from_us <= to_us && !is_replaced
        })
    }

    /// Whether the price of the SKU may have changed in the time.
    fn may_change(&self, sku: u32, (from_us, to_us): (u64, u64)) -> bool {
        self.0.get(&sku).is_none_or(|tags| {
            let asked = tags.iter().filter(|tag| tag.from_us > 0 || tag.by_us != Some(0));
            let mut asked = asked.filter(|tag| tag.from_us <= to_us);
            asked.any(|tag| tag.by_us.is_none_or(|by_us| by_us >= from_us))
        })
    }
}

/// Totals that buyers took when they placed a cart, by cart; `None`: nobody knows what was taken.
fn offers(history: &History) -> BTreeMap<&str, Option<Vec<i64>>> {
    let mut offers: BTreeMap<&str, Option<Vec<i64>>> = BTreeMap::new();
    for op in &history.ops {
        let Ask::Place { cart, offer, .. } = &op.ask else { continue };
        let taken = offers.entry(cart).or_insert_with(|| Some(Vec::new()));
        match (offer, taken.as_mut()) {
            (Some(offer), Some(taken)) => taken.push(offer.payable),
            (None, _) => *taken = None,
            (Some(_), None) => {}
        }
    }
    offers
}

/// What an order costs, by the answers to its placing.
fn sold(
    tags: &Tags,
    placement: &Placement<'_>,
    offers: Option<&Option<Vec<i64>>>,
    findings: &mut Findings,
) {
    let Some(order) = placement.order else { return };
    let bills = placement.ops.iter().filter_map(|op| {
        let answer = op.answer.as_ref().filter(|answer| is_done(answer))?;
        Some((answer.bill.as_deref()?, op.answered_us?))
    });
    let Some((bill, answered_us)) = bills.min_by_key(|(_, answered_us)| *answered_us) else {
        return;
    };
    findings.looked_at += 1;
    charged(tags, order, bill, (placement.from_us, answered_us), findings);
    if let Some(Some(taken)) = offers
        && !taken.contains(&bill.payable)
    {
        let what = format!("{order} costs {}, its buyer took {taken:?}", bill.payable);
        findings.report(NAME, answered_us, what);
    }
}

/// Each line costs what its SKU cost at some moment of the time, and the sums add up.
fn charged(tags: &Tags, name: &str, bill: &Bill, time: (u64, u64), findings: &mut Findings) {
    for line in &bill.lines {
        if !tags.may_cost(line.sku, line.unit_price, time) {
            let (sku, price) = (line.sku, line.unit_price);
            let what =
                format!("{name}: SKU {sku} at {price}, which it did not cost in {time:?} us");
            findings.report(NAME, time.1, what);
        }
    }
    if !bill.adds_up() {
        findings.report(NAME, time.1, format!("{name} does not add up: {bill:?}"));
    }
}

/// Who is refused over a price has an older one.
fn moved(tags: &Tags, op: &Op, answer: &Answer, answered_us: u64, findings: &mut Findings) {
    let Ask::Place { cart, lines, offer: Some(offer) } = &op.ask else { return };
    if answer.status != 409 || answer.code.as_deref() != Some("price_changed") {
        return;
    }
    findings.looked_at += 1;
    let time = (offer.quoted_us, answered_us);
    if !lines.iter().any(|(sku, _)| tags.may_change(*sku, time)) {
        let kind = if ended(answer) { "an order" } else { "a placing" };
        let what =
            format!("{kind} of {cart} was refused as price_changed: none did in {time:?} us");
        findings.report(NAME, answered_us, what);
    }
}
