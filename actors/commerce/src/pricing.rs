//! Pricing: what a cart costs, as one pure function of what the edge looked up.
//!
//! Stages: base price, item promotions, order promotions, coupons, shipping, tax, tenders.
//! Guarantees: the same input gives the same bytes and the same hash; no line and no order falls
//! below zero; `payable` is never negative, and 100 % off is exactly 0; each adjustment names its
//! rule and the rule's version; lines keep the order of the input. Cost: linear in the lines and
//! in the rules given, of which [`RuleBook`] selects those that can match.
//! It looks nothing up: prices, rules and options come with their versions from whoever may be
//! trusted with them. It knows no time: who wants `valid_until` adds it beside the quote.

mod limits;

mod book;
mod input;
mod quoted;
mod rule;

mod compute;
mod hash;
mod promotion;
mod tender;

pub use book::RuleBook;
pub use compute::quote;
pub use hash::is_same_deal;
pub use input::{CartLine, QuoteInput, ShippingOption, Tender, TenderKind};
pub use limits::{LINES_MAX, RULES_MAX, SHIPPING_OPTIONS_MAX, TENDERS_MAX};
pub use quoted::{Adjustment, Discount, Quote, QuotedLine, QuotedShipping, TenderShare, Totals};
pub use rule::{Benefit, Rule, RuleSource, Stacking, Stage};

use compact_str::CompactString;

use crate::money::MoneyError;

/// Why a cart has no price. The input is at fault; the same input fails the same way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// An amount does not fit, passes the edge limit, or is of another currency.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// A price, a shipping amount or a tender is below zero.
    #[error("the {what} is below zero")]
    Negative {
        /// Which amount.
        what: &'static str,
    },
    /// The tax rate is below zero.
    #[error("the tax rate is below zero")]
    NegativeTaxRate,
    /// More of something than a quote takes.
    #[error("more than {max} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many are allowed.
        max: usize,
    },
    /// Two rules have one id.
    #[error("the rule {rule} is given twice")]
    DuplicateRule {
        /// The id.
        rule: CompactString,
    },
    /// Two rules of a stage have one priority, so their order is not defined.
    #[error("two rules of the {stage:?} stage have priority {priority}")]
    DuplicatePriority {
        /// Their stage.
        stage: Stage,
        /// Their priority.
        priority: u32,
    },
    /// The chosen shipping option is not among those offered.
    #[error("no shipping option {id}")]
    UnknownShippingOption {
        /// What was chosen.
        id: CompactString,
    },
    /// More than one tender would pay the rest.
    #[error("more than one tender for the rest")]
    ConflictingTenders,
}

#[cfg(test)]
mod tests;
