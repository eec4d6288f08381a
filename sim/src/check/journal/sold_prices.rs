//! The SKU compares prices when it is asked to hold (domain.md 2): an order holds no units at a
//! price that had been replaced by then, however it came by that price.
//!
//! Units that are held for an order and the prices of their SKU stand in one journal, so it is
//! known which price was in force. What buyers were told is judged elsewhere.

use std::collections::BTreeMap;

use commerce::keys;
use commerce::sku::{DEFAULT_BOOK, Event};
use uuid::Uuid;

use super::{Findings, World};

/// The prices of a SKU, and the one in force when units of it were held.
#[derive(Debug, Default)]
pub(super) struct PriceLog {
    /// Price in minor units, by version.
    amounts: BTreeMap<u64, i64>,
    /// Version of the prices when units were last held, by hold.
    holds: BTreeMap<Uuid, u64>,
}

impl PriceLog {
    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::PriceSet { book, amount, price_version } => {
                let before = self.amounts.last_key_value().map(|(_, amount)| *amount);
                let is_sold_by = book == DEFAULT_BOOK;
                if let Some(amount) = Some(amount.minor).filter(|_| is_sold_by).or(before) {
                    self.amounts.insert(*price_version, amount);
                }
            }
            Event::Held { hold_id, .. } | Event::Resized { hold_id, .. } => {
                let version = self.amounts.last_key_value().map_or(0, |(version, _)| *version);
                self.holds.insert(*hold_id, version);
            }
            Event::Put { .. }
            | Event::ArchivedSet { .. }
            | Event::OwnersAsked { .. }
            | Event::PolicySet { .. }
            | Event::Adjusted { .. }
            | Event::Grown { .. }
            | Event::Pinned { .. }
            | Event::Unpinned { .. }
            | Event::Committed { .. }
            | Event::Released { .. }
            | Event::Expired { .. }
            | Event::Revoked { .. }
            | Event::Transferred { .. }
            | Event::Shipped { .. }
            | Event::Restocked { .. } => {}
        }
    }
}

/// Judges the price of every line of an order that units were held for.
#[must_use]
pub fn check(world: &World) -> Findings {
    let mut found = world.findings("sold_prices");
    for (key, order) in &world.shop.orders {
        let Some(body) = &order.body else { continue };
        for (priced, line) in body.terms.priced.lines.iter().zip(&body.lines) {
            let ledger = world.shop.skus.get(&keys::sku(&key.tenant, &priced.sku));
            let Some(log) = ledger.map(|ledger| &ledger.prices) else { continue };
            let Some(version) = log.holds.get(&line.hold_id) else { continue };
            let price = log.amounts.get(version).copied();
            let fits = priced.price_version == *version && price == Some(priced.unit_price);
            found.judge(fits, || {
                let (sku, at, of) = (&priced.sku, priced.unit_price, priced.price_version);
                format!("{key}: {sku} at {at} (version {of}), held at {price:?} ({version})")
            });
        }
    }
    found
}
