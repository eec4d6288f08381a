//! What a cart costs: the lines, what was taken off them, and what is to be paid by whom.
//!
//! All amounts are of the quote's currency. Reductions are positive: they are subtracted.

use std::num::NonZeroU32;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::TenderKind;
use crate::money::{Ccy, Money, MoneyError};

/// A priced cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// The currency of every amount.
    pub ccy: Ccy,
    /// The cart's lines, in their order.
    pub lines: Vec<QuotedLine>,
    /// What each rule did, in the order in which the rules applied.
    pub adjustments: Vec<Adjustment>,
    /// The shipping chosen; `None` when none was, or the cart is empty.
    pub shipping: Option<QuotedShipping>,
    /// Who pays what: internal tenders in their order, then the rest. None of them is zero; they
    /// sum to `totals.tenders + totals.payable`.
    pub tenders: Vec<TenderShare>,
    /// The sums.
    pub totals: Totals,
    /// The quote hash: 16 hexadecimal digits over the amounts, 16 over the inputs' versions too.
    pub hash: CompactString,
}

/// One priced line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotedLine {
    /// `"1"` for the first line, and so on.
    pub line_id: CompactString,
    /// The SKU's code.
    pub sku: CompactString,
    /// What the customer reads.
    pub title: CompactString,
    /// How many.
    pub qty: NonZeroU32,
    /// The price of one.
    pub unit_price: Money,
    /// The version of the price-book entry.
    pub price_version: u64,
    /// `unit_price` times `qty`.
    pub gross: Money,
    /// What was taken off, each above zero.
    pub discounts: Vec<Discount>,
    /// `gross` less all discounts, >= 0.
    pub line_total: Money,
    /// The tax: on top of `line_total`, or inside it when `totals.tax_included`.
    pub tax: Money,
}

/// What one rule took off one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discount {
    /// The rule's id.
    pub rule: CompactString,
    /// The rule's version.
    pub rule_version: u64,
    /// What the customer reads.
    pub name: CompactString,
    /// How much, above zero.
    pub amount: Money,
}

/// What one rule took off one line, or off the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// The rule's id.
    pub rule: CompactString,
    /// The rule's version.
    pub rule_version: u64,
    /// The line; `None`: the order (the parts stand in the lines' discounts).
    pub line_id: Option<CompactString>,
    /// How much, above zero.
    pub amount: Money,
}

/// The shipping chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotedShipping {
    /// The option's id.
    pub id: CompactString,
    /// What it costs.
    pub amount: Money,
    /// The tax on it, on top or inside as for a line.
    pub tax: Money,
}

/// What one tender pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenderShare {
    /// Which tender.
    pub kind: TenderKind,
    /// How much, above zero.
    pub amount: Money,
}

/// The sums of a quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// All line totals.
    pub lines: Money,
    /// The shipping.
    pub shipping: Money,
    /// All tax, that of the shipping included.
    pub tax: Money,
    /// Whether `lines` and `shipping` contain `tax`.
    pub tax_included: bool,
    /// What internal tenders (wallet, points, gift card) pay.
    pub tenders: Money,
    /// What is left to be paid by gateway or at the door: lines, shipping and exclusive tax less
    /// tenders, >= 0.
    pub payable: Money,
    /// What is due before delivery: `payable`, but zero for cash on delivery.
    pub due_now: Money,
}

impl Quote {
    /// What a line costs in all: its total and, where tax comes on top, the tax. What its units
    /// share (`money::UnitShares`). Errors: `Overflow`, never for a line of this quote.
    pub fn line_paid(&self, line: &QuotedLine) -> Result<Money, MoneyError> {
        if self.totals.tax_included {
            Ok(line.line_total)
        } else {
            line.line_total.try_add(line.tax)
        }
    }
}
