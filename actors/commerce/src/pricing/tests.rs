//! Pricing by example (`check`: a cart beside the text of its quote), by refusal and by law.
//!
//! Here stand the builders of carts and rules, and the text form of a quote.
#![allow(clippy::arithmetic_side_effects)]

mod examples;
mod laws;
mod refusals;

use std::fmt::Write;
use std::num::NonZeroU32;

use super::{
    Benefit, CartLine, Quote, QuoteInput, Rule, RuleSource, ShippingOption, Stacking, Tender,
};
use crate::money::{Ccy, Money, Ppm, Rounding, TaxPolicy};

fn usd(minor: i64) -> Money {
    Money::new(minor, Ccy::USD)
}

fn line(sku: &str, qty: u32, unit_price: i64) -> CartLine {
    CartLine {
        sku: sku.into(),
        qty: NonZeroU32::new(qty).expect("a test's quantity is not zero"),
        title: format!("the {sku}").into(),
        unit_price: usd(unit_price),
        price_version: 1,
    }
}

/// A cart with 10 % exclusive tax, no rules, no shipping.
fn cart(lines: &[CartLine]) -> QuoteInput {
    QuoteInput {
        ccy: Ccy::USD,
        lines: lines.to_vec(),
        rules: Vec::new(),
        shipping_options: Vec::new(),
        shipping_option: None,
        tax: TaxPolicy { rate: Ppm(100_000), ..TaxPolicy::default() },
        rounding: Rounding::HalfEven,
        tenders: Vec::new(),
    }
}

/// An automatic rule that stacks. Its version is its priority, to tell them apart.
fn rule(id: &str, priority: u32, benefit: Benefit) -> Rule {
    Rule {
        id: id.into(),
        version: priority.into(),
        name: format!("rule {id}").into(),
        source: RuleSource::Automatic,
        priority,
        stacking: Stacking::Stack,
        benefit,
    }
}

fn coupon(id: &str, priority: u32, benefit: Benefit) -> Rule {
    let source = RuleSource::Coupon { code: id.to_uppercase().into() };
    Rule { source, ..rule(id, priority, benefit) }
}

fn exclusive(rule: Rule, group: &str) -> Rule {
    Rule { stacking: Stacking::Exclusive { group: group.into() }, ..rule }
}

fn stop_after(rule: Rule) -> Rule {
    Rule { stacking: Stacking::StopAfter, ..rule }
}

fn sku_percent(skus: &[&str], ppm: i32) -> Benefit {
    let skus = skus.iter().map(|sku| (*sku).into()).collect();
    Benefit::SkuPercent { skus, rate: Ppm(ppm) }
}

fn sku_amount(skus: &[&str], off_each: i64) -> Benefit {
    let skus = skus.iter().map(|sku| (*sku).into()).collect();
    Benefit::SkuAmount { skus, off_each: usd(off_each) }
}

fn order_percent(ppm: i32) -> Benefit {
    Benefit::OrderPercent { rate: Ppm(ppm) }
}

fn order_amount(off: i64) -> Benefit {
    Benefit::OrderAmount { off: usd(off) }
}

fn shipped(input: QuoteInput, amount: i64) -> QuoteInput {
    let option = |id: &str, amount| ShippingOption { id: id.into(), amount: usd(amount) };
    QuoteInput {
        shipping_options: vec![option("express", amount + 900), option("standard", amount)],
        shipping_option: Some("standard".into()),
        ..input
    }
}

fn paid_by(input: QuoteInput, tenders: &[Tender]) -> QuoteInput {
    QuoteInput { tenders: tenders.to_vec(), ..input }
}

/// A quote as text: what the examples compare.
fn render(quote: &Quote) -> String {
    let mut out = String::new();
    let mut row = |text: String| writeln!(out, "{text}").expect("a string takes all");
    for line in &quote.lines {
        let off: String =
            line.discounts.iter().map(|d| format!(" -{} {}", d.amount.minor, d.rule)).collect();
        row(format!(
            "{} {} {} x {} = {}{off} = {} tax {}",
            line.line_id,
            line.sku,
            line.qty,
            line.unit_price.minor,
            line.gross.minor,
            line.line_total.minor,
            line.tax.minor,
        ));
    }
    for a in &quote.adjustments {
        let place = a.line_id.as_deref().unwrap_or("order");
        row(format!("  {} v{} on {place}: -{}", a.rule, a.rule_version, a.amount.minor));
    }
    if let Some(s) = &quote.shipping {
        row(format!("shipping {} {} tax {}", s.id, s.amount.minor, s.tax.minor));
    }
    for share in &quote.tenders {
        row(format!("{:?} pays {}", share.kind, share.amount.minor));
    }
    let t = &quote.totals;
    row(format!(
        "lines {} + shipping {} {} tax {} - tenders {} = payable {}, due now {}",
        t.lines.minor,
        t.shipping.minor,
        if t.tax_included { "with" } else { "+" },
        t.tax.minor,
        t.tenders.minor,
        t.payable.minor,
        t.due_now.minor,
    ));
    out
}
