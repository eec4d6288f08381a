//! What is to be there at the end: orders and stock, by a slow reference, and a hash over it.
//!
//! The reference folds the workload order by order, in one thread, over two plain maps. A node is
//! read back into the same maps, so a hash that differs can be looked into.

use std::collections::BTreeMap;

use crate::workload::{Plan, UNITS, Workload};

/// An order at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderEntry {
    /// The public word of its status.
    pub status: String,
    /// What is paid, in minor units.
    pub payable: i64,
    /// Units of all lines.
    pub n_units: u64,
}

/// A SKU at the end, in units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StockEntry {
    /// There.
    pub on_hand: i64,
    /// Sold and not shipped.
    pub committed: i64,
    /// May be sold.
    pub sellable: i64,
}

/// All orders and all SKUs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Books {
    /// By order number.
    pub orders: BTreeMap<u64, OrderEntry>,
    /// By SKU number.
    pub stock: BTreeMap<u32, StockEntry>,
}

impl Books {
    /// The reference: the first `n_orders` orders of a workload, one after the other.
    #[must_use]
    pub fn reference(workload: &Workload, n_orders: u64) -> Self {
        let mut books = Self::default();
        let full = StockEntry { on_hand: UNITS.into(), committed: 0, sellable: UNITS.into() };
        books.stock.extend((0..workload.n_skus).map(|sku| (sku, full)));
        for number in 0..n_orders {
            books.place(&workload.plan(number));
        }
        books
    }

    /// All lines are sold, or none is.
    fn place(&mut self, plan: &Plan) {
        let fits = plan
            .lines
            .iter()
            .all(|line| self.stock.get(&line.sku).is_some_and(|s| s.sellable >= line.qty.into()));
        if fits {
            for line in &plan.lines {
                if let Some(stock) = self.stock.get_mut(&line.sku) {
                    stock.committed += i64::from(line.qty);
                    stock.sellable -= i64::from(line.qty);
                }
            }
        }
        let status = if fits { "confirmed" } else { "cancelled" }.to_owned();
        let entry = OrderEntry { status, payable: plan.payable(), n_units: plan.n_units() };
        self.orders.insert(plan.number, entry);
    }

    /// The state hash: 64 bits of FNV-1a over all entries in order, numbers as little-endian.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut hash = Fnv::default();
        for (number, order) in &self.orders {
            hash.add(&number.to_le_bytes());
            hash.add(order.status.as_bytes());
            hash.add(&order.payable.to_le_bytes());
            hash.add(&order.n_units.to_le_bytes());
        }
        for (sku, stock) in &self.stock {
            hash.add(&sku.to_le_bytes());
            for units in [stock.on_hand, stock.committed, stock.sellable] {
                hash.add(&units.to_le_bytes());
            }
        }
        format!("{:016x}", hash.0)
    }
}

struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }
}
