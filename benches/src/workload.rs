//! The canonical workload: which order comes as the n-th, and what it asks for.
//!
//! Guarantees: an order is a function of its number alone, so that the sum of all orders does not
//! depend on who placed which when, and every peer and the reference see the same ones.
//! Stock is ample: each order can be confirmed whatever came before it.

/// Units of each SKU at the beginning.
pub const UNITS: u32 = 100_000_000;

/// Customers that the orders are spread over.
pub const N_CUSTOMERS: u64 = 5_000;

/// Orders on one hot SKU before the next one is hot.
///
/// A SKU keeps at most 20,000 holds that were not shipped yet (`commerce::sku::limits`), and
/// nothing is shipped here.
pub const ORDERS_PER_HOT_SKU: u64 = 15_000;

/// What an order costs to send, in minor units.
pub const SHIPPING: i64 = 500;

/// Tax on lines and shipping, in percent.
const TAX_PERCENT: i64 = 8;

/// How orders are spread over SKUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One to three lines over many SKUs, all alike.
    Uniform,
    /// One line on the one SKU that everybody wants.
    Hot,
}

/// A line of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedLine {
    /// Number of the SKU, from 0.
    pub sku: u32,
    /// Units.
    pub qty: u32,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Which order, from 0.
    pub number: u64,
    /// Whose.
    pub customer: u64,
    /// Lines on different SKUs.
    pub lines: Vec<PlannedLine>,
}

/// A workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workload {
    /// How orders are spread over SKUs.
    pub shape: Shape,
    /// How many SKUs there are.
    pub n_skus: u32,
}

impl Workload {
    /// Orders of one to three lines over `n_skus` SKUs (at least 3).
    #[must_use]
    pub fn uniform(n_skus: u32) -> Self {
        assert!(n_skus >= 3, "three lines need three SKUs");
        Self { shape: Shape::Uniform, n_skus }
    }

    /// Orders of one line on one SKU; after [`ORDERS_PER_HOT_SKU`] of them on the next one.
    #[must_use]
    pub const fn hot(n_skus: u32) -> Self {
        Self { shape: Shape::Hot, n_skus }
    }

    /// The n-th order.
    #[must_use]
    pub fn plan(&self, number: u64) -> Plan {
        let customer = mix(number) % N_CUSTOMERS;
        let lines = match self.shape {
            Shape::Uniform => self.uniform_lines(number),
            Shape::Hot => vec![PlannedLine { sku: self.hot_sku(number), qty: 1 }],
        };
        Plan { number, customer, lines }
    }

    /// Orders that it can give; a hot one ends with its last SKU.
    #[must_use]
    pub const fn n_orders_max(&self) -> u64 {
        match self.shape {
            Shape::Uniform => u64::MAX,
            Shape::Hot => self.n_skus as u64 * ORDERS_PER_HOT_SKU,
        }
    }

    fn uniform_lines(&self, number: u64) -> Vec<PlannedLine> {
        let n_lines = 1 + number % 3;
        let mut lines: Vec<PlannedLine> = Vec::new();
        let mut draw = mix(number ^ 0x5EED);
        while (lines.len() as u64) < n_lines {
            draw = mix(draw);
            let sku = u32::try_from(draw % u64::from(self.n_skus)).expect("below a u32");
            let qty = 1 + u32::from((draw >> 40) & 1 == 1);
            if lines.iter().all(|line| line.sku != sku) {
                lines.push(PlannedLine { sku, qty });
            }
        }
        lines
    }

    fn hot_sku(&self, number: u64) -> u32 {
        let sku = u32::try_from(number / ORDERS_PER_HOT_SKU).expect("few hot SKUs");
        assert!(sku < self.n_skus, "more orders than the hot SKUs hold");
        sku
    }
}

impl Plan {
    /// Units of all lines.
    #[must_use]
    pub fn n_units(&self) -> u64 {
        self.lines.iter().map(|line| u64::from(line.qty)).sum()
    }

    /// What is paid at the door, in minor units.
    #[must_use]
    pub fn payable(&self) -> i64 {
        let lines: i64 = self.lines.iter().map(|line| gross(line) + tax(gross(line))).sum();
        lines + SHIPPING + tax(SHIPPING)
    }
}

/// Price of one unit of a SKU, in minor units.
#[must_use]
pub fn price(sku: u32) -> i64 {
    995 + i64::from(sku % 97) * 105
}

/// What a line costs before tax.
#[must_use]
pub fn gross(line: &PlannedLine) -> i64 {
    price(line.sku) * i64::from(line.qty)
}

/// The tax on an amount.
#[must_use]
pub const fn tax(amount: i64) -> i64 {
    amount * TAX_PERCENT / 100
}

/// Spreads numbers over 64 bits (splitmix64, Steele et al. 2014).
#[must_use]
pub const fn mix(number: u64) -> u64 {
    let z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
