//! Those who are no people at leisure: bots that start together, staff at the shelf.
//!
//! Bots are a closed loop without think time, one account each; they ignore 429 and 503. Staff
//! fills and counts shelves at random times.

use serde::Deserialize;

use super::{BOTS_FROM, Draws, STAFF_FROM, Span};
use crate::plan::{Journey, Line, SkuSetup, Visit};
use crate::random::Stream;

/// Buyers that are programs, all after the same SKU.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bots {
    /// How many, each with an account of its own.
    pub n_bots: u32,
    /// When they start.
    pub at_ms: u32,
    /// How far apart the first and the last one start.
    pub spread_ms: u32,
    /// How often each tries.
    pub tries: Span,
    /// What they are after.
    pub sku: u32,
    /// Units that each wants.
    pub qty: u32,
}

/// Those who fill and count the shelf.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Staff {
    /// How often a shelf is filled in the whole run.
    pub n_restocks: Span,
    /// Units that are put there.
    pub restock_units: Span,
    /// How often a shelf is counted.
    pub n_counts: Span,
    /// What is found there, in percent of the stock at the start.
    pub counted_percent: Span,
}

impl Bots {
    /// Their visits; users from `users_from` on are theirs.
    #[must_use]
    pub fn visits(&self, seed: u64, users_from: u32, duration_ms: u64) -> Vec<Visit> {
        let end_us = duration_ms * 1_000;
        let bots = (0..self.n_bots).map(|bot| {
            let id = BOTS_FROM + bot;
            let draws = Draws::of(seed, Stream::Shape, u64::from(id));
            let late_us = draws.below(0, u64::from(self.spread_ms) * 1_000 + 1);
            Visit {
                id,
                at_us: u64::from(self.at_ms) * 1_000 + late_us,
                user: users_from + bot,
                journey: Journey::Bot {
                    line: Line { sku: self.sku, qty: self.qty },
                    tries: draws.amount(1, self.tries),
                },
            }
        });
        bots.filter(|visit| visit.at_us < end_us).collect()
    }
}

impl Staff {
    /// Their visits: all that fill before all that count, by number.
    #[must_use]
    pub fn visits(&self, seed: u64, skus: &[SkuSetup], duration_ms: u64) -> Vec<Visit> {
        let how_many = Draws::of(seed, Stream::Shape, u64::from(STAFF_FROM));
        let n_restocks = how_many.amount(0, self.n_restocks);
        let n_counts = how_many.amount(1, self.n_counts);
        (0..n_restocks + n_counts)
            .map(|number| {
                // A thousand restocks at the most: a count's number is the same without them.
                let is_restock = number < n_restocks;
                let place = if is_restock { number } else { number - n_restocks + 1_000 };
                let id = STAFF_FROM + 1 + place;
                let draws = Draws::of(seed, Stream::Shape, u64::from(id));
                let at_us = draws.below(0, duration_ms) * 1_000;
                let index = usize::try_from(draws.below(1, skus.len() as u64)).expect("a place");
                let sku = u32::try_from(index).expect("a place among the SKUs");
                let journey = if is_restock {
                    Journey::Restock { sku, units: draws.amount(2, self.restock_units) }
                } else {
                    let found = u64::from(draws.amount(2, self.counted_percent))
                        * u64::from(skus[index].stock)
                        / 100;
                    Journey::Count { sku, units: u32::try_from(found).unwrap_or(u32::MAX) }
                };
                Visit { id, at_us, user: 0, journey }
            })
            .collect()
    }
}
