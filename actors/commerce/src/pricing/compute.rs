//! `quote`: the stages in their order, from base prices to what each tender pays.
//!
//! Guarantees: the input is checked before anything is computed; every amount of the output
//! passes the edge limit; the sums of the output agree with its lines.

use compact_str::{CompactString, ToCompactString};

use super::promotion::{Line, Promotion};
use super::{
    Adjustment, LINES_MAX, PriceError, Quote, QuoteInput, QuotedLine, QuotedShipping, RULES_MAX,
    Rule, SHIPPING_OPTIONS_MAX, ShippingOption, TENDERS_MAX, Totals, book, hash, tender,
};
use crate::money::{Ccy, Money, MoneyError, TaxKind, Taxable, taxes};

/// Prices a cart. See [`super`] for the stages and what is guaranteed.
///
/// Errors: [`PriceError`]; the same input always fails the same way.
pub fn quote(input: &QuoteInput) -> Result<Quote, PriceError> {
    check(input)?;
    let rules = sorted(&input.rules)?;
    let promotion = Promotion::new(input.ccy, input.rounding, base_prices(input)?);
    let (lines, adjustments) = promotion.apply(&rules)?;
    let option = chosen_shipping(input)?;
    let taxes = stage_taxes(input, &lines, option)?;
    let (lines, shipping) = with_taxes(input.ccy, lines, option, &taxes);
    let mut quote = assemble(input, lines, shipping, adjustments)?;
    quote.hash = hash::of(input, &rules, &quote);
    Ok(quote)
}

fn check(input: &QuoteInput) -> Result<(), PriceError> {
    let limits = [
        ("lines", input.lines.len(), LINES_MAX),
        ("rules", input.rules.len(), RULES_MAX),
        ("shipping options", input.shipping_options.len(), SHIPPING_OPTIONS_MAX),
        ("tenders", input.tenders.len(), TENDERS_MAX),
    ];
    for (what, n, max) in limits {
        if n > max {
            return Err(PriceError::TooMany { what, max });
        }
    }
    if input.tax.rate.0 < 0 {
        return Err(PriceError::NegativeTaxRate);
    }
    for line in &input.lines {
        not_negative("unit price", line.unit_price, input.ccy)?;
    }
    for option in &input.shipping_options {
        not_negative("shipping amount", option.amount, input.ccy)?;
    }
    Ok(())
}

/// The minor units of an amount that the input gives. Errors: of another currency, below zero,
/// beyond the edge.
pub(super) fn not_negative(what: &'static str, of: Money, ccy: Ccy) -> Result<i64, PriceError> {
    let minor = of.within_edge()?.minor_of(ccy)?;
    if minor < 0 { Err(PriceError::Negative { what }) } else { Ok(minor) }
}

/// The rules by stage and priority, whatever their order in the input.
fn sorted(rules: &[Rule]) -> Result<Vec<&Rule>, PriceError> {
    let mut rules: Vec<&Rule> = rules.iter().collect();
    rules.sort_by_key(|rule| (rule.stage(), rule.priority));
    book::check_order(rules.iter().copied())?;
    Ok(rules)
}

/// Stage 1. Also holds that all lines together pass the edge, so that no later sum overflows.
fn base_prices(input: &QuoteInput) -> Result<Vec<Line<'_>>, PriceError> {
    let mut all = Money::zero(input.ccy);
    let mut lines = Vec::with_capacity(input.lines.len());
    for (number, of) in (1u32..).zip(&input.lines) {
        let gross = of.unit_price.mul_qty(of.qty.get())?;
        all = all.try_add(gross)?.within_edge()?;
        lines.push(Line {
            id: number.to_compact_string(),
            of,
            gross: gross.minor,
            total: gross.minor,
            discounts: Vec::new(),
        });
    }
    Ok(lines)
}

/// Stage 5. An empty cart ships nothing, but its option is checked all the same.
fn chosen_shipping(input: &QuoteInput) -> Result<Option<&ShippingOption>, PriceError> {
    let Some(id) = &input.shipping_option else { return Ok(None) };
    let option = input.shipping_options.iter().find(|option| option.id == *id);
    let option = option.ok_or_else(|| PriceError::UnknownShippingOption { id: id.clone() })?;
    Ok(Some(option).filter(|_| !input.lines.is_empty()))
}

/// Stage 6: the tax of each line, and after them of the shipping.
fn stage_taxes(
    input: &QuoteInput,
    lines: &[Line<'_>],
    shipping: Option<&ShippingOption>,
) -> Result<Vec<i64>, MoneyError> {
    let of_line = |line: &Line<'_>| Taxable { total: line.total, qty: line.of.qty };
    let of_shipping = |option: &ShippingOption| Taxable {
        total: option.amount.minor,
        qty: std::num::NonZeroU32::MIN,
    };
    let taxable: Vec<Taxable> =
        lines.iter().map(of_line).chain(shipping.map(of_shipping)).collect();
    taxes(&taxable, &input.tax)
}

fn with_taxes(
    ccy: Ccy,
    lines: Vec<Line<'_>>,
    option: Option<&ShippingOption>,
    taxes: &[i64],
) -> (Vec<QuotedLine>, Option<QuotedShipping>) {
    let expected = lines.len().saturating_add(usize::from(option.is_some()));
    assert!(taxes.len() == expected, "one tax for each line and the shipping");
    let money = |minor| Money::new(minor, ccy);
    let mut taxes = taxes.iter().copied().map(money);
    let mut next_tax = || taxes.next().expect("counted above");
    let lines = lines
        .into_iter()
        .map(|line| QuotedLine {
            line_id: line.id,
            sku: line.of.sku.clone(),
            title: line.of.title.clone(),
            qty: line.of.qty,
            unit_price: line.of.unit_price,
            price_version: line.of.price_version,
            gross: money(line.gross),
            discounts: line.discounts,
            line_total: money(line.total),
            tax: next_tax(),
        })
        .collect();
    let shipping = option.map(|option| QuotedShipping {
        id: option.id.clone(),
        amount: option.amount,
        tax: next_tax(),
    });
    (lines, shipping)
}

/// Stage 7 and the sums. The hash is still empty.
fn assemble(
    input: &QuoteInput,
    lines: Vec<QuotedLine>,
    shipping: Option<QuotedShipping>,
    adjustments: Vec<Adjustment>,
) -> Result<Quote, PriceError> {
    let ccy = input.ccy;
    let line_totals = Money::sum(ccy, lines.iter().map(|line| line.line_total))?;
    let shipping_amount =
        shipping.as_ref().map_or_else(|| Money::zero(ccy), |shipping| shipping.amount);
    let shipping_tax = shipping.as_ref().map(|shipping| shipping.tax);
    let tax = Money::sum(ccy, lines.iter().map(|line| line.tax).chain(shipping_tax))?;
    let goods = line_totals.try_add(shipping_amount)?;
    let (tax_included, due) = match input.tax.kind {
        TaxKind::Exclusive => (false, goods.try_add(tax)?),
        TaxKind::Inclusive => (true, goods),
    };
    match input.tax.kind {
        TaxKind::Exclusive if tax.minor > 0 => sites::hit("price.tax_on_top"),
        TaxKind::Inclusive if tax.minor > 0 => sites::hit("price.tax_inside"),
        TaxKind::Exclusive | TaxKind::Inclusive => {}
    }
    let paid = tender::pay(ccy, due.within_edge()?.minor, &input.tenders)?;
    assert!(paid.payable >= 0, "a quote never pays the customer");
    let totals = Totals {
        lines: line_totals,
        shipping: shipping_amount,
        // Part of what is due (or of the goods, when inclusive), hence within the edge too.
        tax,
        tax_included,
        tenders: Money::new(paid.internal, ccy),
        payable: Money::new(paid.payable, ccy),
        due_now: Money::new(paid.due_now, ccy),
    };
    let hash = CompactString::default();
    Ok(Quote { ccy, lines, adjustments, shipping, tenders: paid.shares, totals, hash })
}
