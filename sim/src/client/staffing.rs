//! Staff: who counts a shelf, and who sets prices.

use serde::Deserialize;
use serde_json::json;

use super::journey::draw;
use super::{Request, Visitor, Wire, requests};
use crate::history::Ask;
use crate::plan::PLACES;

/// Of a hundred prices that staff has set, so many are set again over the version before.
const STALE_PRICE_PERCENT: u64 = 30;
/// How often staff sets a price that somebody else set meanwhile.
const REPRICES: u32 = 3;
/// Of a hundred changes of a shelf, so many are made by two clicks at once.
const TWO_CLICKS_PERCENT: u64 = 40;
/// Of a hundred counts, so many find less than is promised.
const FINDS_TOO_LITTLE_PERCENT: u64 = 60;

impl<W: Wire> Visitor<W> {
    /// Staff counts a shelf: what the plan says, or from one unit less than orders were promised
    /// down to none.
    pub(super) async fn count(&self, sku: u32, place: u32, units: u32) {
        let left = |promised: u32| {
            u32::try_from(self.bits(draw::SHORTAGE) % u64::from(promised.max(1))).unwrap_or(0)
        };
        let found = match self.draws(draw::FINDS, FINDS_TOO_LITTLE_PERCENT) {
            true => self.promised(sku, place).await.map(left),
            false => None,
        };
        let units = found.unwrap_or(units);
        let code = self.clients.names.sku(sku);
        let change = json!({"count": units});
        let request = requests::adjust(&code, place, &change, &self.key("count"));
        self.adjusts(Ask::Count { sku, units, place }, request).await;
    }

    /// Staff changes the shelf, perhaps by two clicks at once: the second is answered as the first,
    /// and no sooner than what that did is durable.
    pub(super) async fn adjusts(&self, ask: Ask, request: Request) {
        let first = self.ask_surely(ask.clone(), request.clone());
        if self.draws(draw::TWO_CLICKS, TWO_CLICKS_PERCENT) {
            tokio::join!(first, self.ask_surely(ask, request));
        } else {
            first.await;
        }
    }

    /// Units of a SKU at a place that are promised to orders, if some of them are only held.
    async fn promised(&self, sku: u32, place: u32) -> Option<u32> {
        #[derive(Deserialize)]
        struct Stock {
            locations: Vec<Shelf>,
        }
        #[derive(Deserialize)]
        struct Shelf {
            location: String,
            held: u32,
            pinned: u32,
            committed: u32,
        }
        let look = requests::get_stock(&self.clients.names.sku(sku));
        let answer = self.ask_surely(Ask::GetStock { sku }, look).await?;
        let stock = requests::read::<Stock>(&answer)?;
        let at = PLACES.get(place as usize)?;
        let shelf = stock.locations.iter().find(|shelf| shelf.location == *at)?;
        let Shelf { held, pinned, committed, .. } = shelf;
        (*held > 0).then_some(held + pinned + committed)
    }

    /// Staff sets a price over the one that it sees.
    pub(super) async fn reprice(&self, sku: u32, price: i64) {
        #[derive(Deserialize)]
        struct Sku {
            price_version: u64,
        }
        let code = self.clients.names.sku(sku);
        for _ in 0..REPRICES {
            let look = requests::request("GET", format!("/v1/skus/{code}"));
            let looked = self.ask_surely(Ask::Other, look).await;
            let Some(seen) = looked.as_ref().and_then(requests::read::<Sku>) else { return };
            let put = requests::set_price(&code, price, seen.price_version);
            let set = self.ask_surely(Ask::SetPrice { sku, price }, put).await;
            // Refused over a version: somebody else set it, or an earlier try of this one.
            if set.as_ref().is_none_or(|answer| answer.status != 412) {
                if set.is_some() && self.draws(draw::STALE_PRICE, STALE_PRICE_PERCENT) {
                    // Another page, which shows the version before.
                    let price = price + 1;
                    let put = requests::set_price(&code, price, seen.price_version);
                    self.ask(Ask::SetPrice { sku, price }, put, 1).await;
                }
                return;
            }
        }
    }
}
