//! I6: what the stock of each SKU has to be, from what became of every order.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tests::Client;
use tests::work::{SKUS, sku};

use super::account::units_of;

/// Units of each SKU at the start.
const UNITS: i64 = 1_000;
/// Below this many sellable units more are received, so that buyers go on finding some.
const LOW: i64 = 300;

/// What the orders and the receipts make of the stock.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// Units that each order has committed and shipped, by order and SKU.
    orders: BTreeMap<String, Vec<(String, i64, i64)>>,
    /// Units received, by SKU.
    received: BTreeMap<String, i64>,
}

impl Expected {
    /// What an order has come to.
    pub(super) fn note(&mut self, id: &str, order: &Value) {
        self.orders.insert(id.to_owned(), units_of(order));
    }

    /// Compares all SKUs, and receives units where few are left.
    pub(super) async fn check(&mut self, staff: &Client) -> Vec<String> {
        let mut units: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        for (sku, committed, shipped) in self.orders.values().flatten() {
            let sum = units.entry(sku).or_default();
            *sum = (sum.0 + committed, sum.1 + shipped);
        }
        let mut complaints = Vec::new();
        let mut low = Vec::new();
        for sku in (0..SKUS).map(sku) {
            let stock = staff.send("GET", &format!("/v1/stock/{sku}"), &[], None).await.unwrap();
            assert_eq!(stock.status, 200, "{stock:?}");
            let at = &stock.body["locations"][0];
            let count = |name: &str| at[name].as_i64().unwrap();
            let (committed, shipped) = units.get(sku.as_str()).copied().unwrap_or_default();
            let received = self.received.get(&sku).copied().unwrap_or_default();
            for (name, expected) in [
                ("on_hand", UNITS + received - shipped),
                ("committed", committed),
                ("held", 0),
                ("pinned", 0),
                ("sellable", UNITS + received - shipped - committed),
            ] {
                if count(name) != expected {
                    complaints.push(format!("I6: {sku}: {name} is not {expected}: {at}"));
                }
            }
            if count("sellable") < LOW {
                low.push(sku);
            }
        }
        for sku in low {
            self.receive(staff, sku).await;
        }
        complaints
    }

    async fn receive(&mut self, staff: &Client, sku: String) {
        let total = self.received.entry(sku.clone()).or_default();
        *total += UNITS;
        let body = json!({"location": "main", "delta": UNITS, "reason": "receipt"});
        let path = format!("/v1/stock/{sku}/adjustments");
        let key = format!("receive-{sku}-{total}");
        let done = staff.send("POST", &path, &[("idempotency-key", &key)], Some(body)).await;
        assert_eq!(done.as_ref().map(|answer| answer.status).ok(), Some(200), "{done:?}");
    }
}
