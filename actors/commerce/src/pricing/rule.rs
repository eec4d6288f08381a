//! Rules: data that say what is taken off, from what, and beside which other rules.
//!
//! A rule knows no time and no limit of use: who selects the rules of a cart applies those.

use std::collections::BTreeSet;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::money::{Ccy, Money, Ppm};

/// A promotion or a coupon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its id.
    pub id: CompactString,
    /// Its version: a changed rule has another.
    pub version: u64,
    /// What the customer reads.
    pub name: CompactString,
    /// Whether it applies by itself or by a code.
    pub source: RuleSource,
    /// Its place in its stage: lower numbers first, no number twice in a stage.
    pub priority: u32,
    /// What becomes of the other rules of its stage.
    pub stacking: Stacking,
    /// What it takes off.
    pub benefit: Benefit,
}

/// What makes a rule apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RuleSource {
    /// It applies to every cart that it matches.
    Automatic,
    /// It applies to carts with this code.
    Coupon {
        /// The code.
        code: CompactString,
    },
}

/// When rules apply: each stage sees what the one before left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// Promotions of SKUs.
    Item,
    /// Promotions of the whole order.
    Order,
    /// Coupons, for SKUs or the order.
    Coupon,
}

/// How a rule goes together with the others of its stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stacking {
    /// The rules after it apply too.
    Stack,
    /// When it took something off, no rule after it applies.
    StopAfter,
    /// Of all rules of the group only one applies, in the place of the group's first: the one
    /// that takes most off there, of equal ones the first.
    Exclusive {
        /// The group.
        group: CompactString,
    },
}

/// What a rule takes off. Never more than there is; a rate or an amount below zero takes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Benefit {
    /// A share of the gross of each line with one of these SKUs.
    SkuPercent {
        /// The SKUs' codes.
        skus: BTreeSet<CompactString>,
        /// The share.
        rate: Ppm,
    },
    /// An amount off each unit of these SKUs.
    SkuAmount {
        /// The SKUs' codes.
        skus: BTreeSet<CompactString>,
        /// For one unit.
        off_each: Money,
    },
    /// A share of what all lines cost at this point, rounded once and allocated to them.
    OrderPercent {
        /// The share.
        rate: Ppm,
    },
    /// An amount off all lines together, allocated to them.
    OrderAmount {
        /// For the order.
        off: Money,
    },
}

impl Rule {
    /// When the rule applies: it follows from what it is.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        match (&self.source, self.benefit.skus()) {
            (RuleSource::Coupon { .. }, Some(_) | None) => Stage::Coupon,
            (RuleSource::Automatic, Some(_)) => Stage::Item,
            (RuleSource::Automatic, None) => Stage::Order,
        }
    }
}

impl Benefit {
    /// The SKUs that it is for; `None`: the order.
    #[must_use]
    pub const fn skus(&self) -> Option<&BTreeSet<CompactString>> {
        match self {
            Self::SkuPercent { skus, .. } | Self::SkuAmount { skus, .. } => Some(skus),
            Self::OrderPercent { .. } | Self::OrderAmount { .. } => None,
        }
    }

    /// The currency that it is for; `None`: any.
    #[must_use]
    pub const fn ccy(&self) -> Option<Ccy> {
        match self {
            Self::SkuAmount { off_each: amount, .. } | Self::OrderAmount { off: amount } => {
                Some(amount.ccy)
            }
            Self::SkuPercent { .. } | Self::OrderPercent { .. } => None,
        }
    }
}
