//! What is priced: the cart, and all that the edge looked up for it.
//!
//! Plain stored values. They say what they claim and check nothing: `quote` does.

use std::num::NonZeroU32;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::Rule;
use crate::money::{Ccy, Money, Rounding, TaxPolicy};

/// Everything that a price depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteInput {
    /// The cart's currency; every amount below is of it.
    pub ccy: Ccy,
    /// What is bought, in the order of the cart. May be empty: then nothing is shipped either.
    pub lines: Vec<CartLine>,
    /// The rules that may apply, in any order; coupons only those that were presented.
    pub rules: Vec<Rule>,
    /// What shipping can be chosen.
    pub shipping_options: Vec<ShippingOption>,
    /// The id of the option chosen; `None`: nothing is charged for shipping.
    pub shipping_option: Option<CompactString>,
    /// The tax on lines and shipping.
    pub tax: TaxPolicy,
    /// How percentages of discounts are rounded.
    pub rounding: Rounding,
    /// How it is paid. What internal tenders leave is paid by the one tender for the rest: the
    /// gateway, unless it says cash on delivery.
    pub tenders: Vec<Tender>,
}

/// One line of a cart, with the price-book entry that it is sold at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartLine {
    /// The SKU's code.
    pub sku: CompactString,
    /// How many.
    pub qty: NonZeroU32,
    /// What the customer reads. Not part of the hash.
    pub title: CompactString,
    /// The price of one, >= 0.
    pub unit_price: Money,
    /// The version of the price-book entry.
    pub price_version: u64,
}

/// A way of shipping and its price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippingOption {
    /// Its id (`standard`).
    pub id: CompactString,
    /// What it costs for this cart, >= 0.
    pub amount: Money,
}

/// One means of payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tender {
    /// So much from the wallet, at the most.
    Wallet {
        /// The most that is taken.
        amount: Money,
    },
    /// So much in points, at the most.
    Points {
        /// The most that is taken.
        amount: Money,
    },
    /// So much from a gift card, at the most.
    GiftCard {
        /// The most that is taken.
        amount: Money,
    },
    /// The rest is paid at the door.
    Cod,
    /// The rest is paid by a payment gateway.
    Gateway,
}

/// The kind of a tender, without its amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TenderKind {
    /// The customer's wallet.
    Wallet,
    /// The customer's points.
    Points,
    /// A gift card.
    GiftCard,
    /// Cash on delivery.
    Cod,
    /// A payment gateway.
    Gateway,
}
