//! What an order or a quote costs, as an answer shows it.
//!
//! All amounts in minor units of one currency. Nothing is computed from the prices of a plan:
//! a bill says what clients were told.

use serde::{Deserialize, Serialize};

/// What an order or a quote costs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    /// Its lines.
    pub lines: Vec<Charge>,
    /// Sum of the lines' totals.
    pub goods: i64,
    /// Shipping.
    pub shipping: i64,
    /// Tax.
    pub tax: i64,
    /// Whether the lines' totals and shipping hold the tax.
    pub tax_included: bool,
    /// What tenders of the cart cover.
    pub tenders: i64,
    /// What is left to be paid.
    pub payable: i64,
    /// What was given back of what was paid.
    #[serde(default)]
    pub refunded: i64,
}

/// What a line costs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// The SKU, by place in the plan's setup.
    pub sku: u32,
    /// Units.
    pub units: u32,
    /// Price of one.
    pub unit_price: i64,
    /// Price of all.
    pub gross: i64,
    /// Sum of its discounts.
    pub discounts: i64,
    /// What is left of the price.
    pub total: i64,
    /// Tax on it.
    pub tax: i64,
    /// Units of them that were cancelled.
    #[serde(default)]
    pub cancelled: u32,
}

impl Bill {
    /// Whether each line and the totals are the sums of their parts (domain.md 1). Shipping has
    /// tax too, which no line shows.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        let goods: i64 = self.lines.iter().map(|line| line.total).sum();
        let tax: i64 = self.lines.iter().map(|line| line.tax).sum();
        let beside = if self.tax_included { 0 } else { self.tax };
        self.lines.iter().all(Charge::adds_up)
            && goods == self.goods
            && tax <= self.tax
            && self.goods + self.shipping + beside - self.tenders == self.payable
            && self.payable >= 0
    }
}

impl Charge {
    fn adds_up(&self) -> bool {
        self.unit_price * i64::from(self.units) == self.gross
            && self.gross - self.discounts == self.total
            && self.total >= 0
    }
}
