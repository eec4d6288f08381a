//! Those who are no people at leisure: bots that start together, staff at the shelf.
//!
//! Bots are a closed loop without think time, one account each; they ignore 429 and 503. Staff
//! fills and counts shelves and changes prices at random times.

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

/// Those who fill and count the shelf, and set prices.
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
    /// How often a price is changed.
    #[serde(default = "never")]
    pub n_reprices: Span,
    /// What the SKU costs then, in percent of its price at the start.
    #[serde(default = "as_before")]
    pub reprice_percent: Span,
}

const fn never() -> Span {
    Span::new(0, 0)
}

const fn as_before() -> Span {
    Span::new(100, 100)
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
    /// Their visits: all that fill before all that count, then those that set prices, by number.
    #[must_use]
    pub fn visits(&self, seed: u64, skus: &[SkuSetup], duration_ms: u64) -> Vec<Visit> {
        let how_many = Draws::of(seed, Stream::Shape, u64::from(STAFF_FROM));
        let restocks = 0..how_many.amount(0, self.n_restocks);
        // A thousand of each kind at the most: numbers are the same whatever others there are.
        let counts = 1_000..1_000 + how_many.amount(1, self.n_counts);
        let reprices = 2_000..2_000 + how_many.amount(2, self.n_reprices);
        let places = restocks.chain(counts).chain(reprices);
        places.map(|place| self.visit(place, seed, skus, duration_ms)).collect()
    }

    fn visit(&self, place: u32, seed: u64, skus: &[SkuSetup], duration_ms: u64) -> Visit {
        let id = STAFF_FROM + 1 + place;
        let draws = Draws::of(seed, Stream::Shape, u64::from(id));
        let at_us = draws.below(0, duration_ms) * 1_000;
        let index = usize::try_from(draws.below(1, skus.len() as u64)).expect("a place");
        let sku = u32::try_from(index).expect("a place among the SKUs");
        let at_places = skus[index].at_places();
        let at = usize::try_from(draws.below(3, at_places.len() as u64)).expect("a place");
        let (there, shelf) = (at_places[at], u32::try_from(at).expect("of a few"));
        let journey = match place {
            0..1_000 => {
                let units = draws.amount(2, self.restock_units);
                Journey::Restock { sku, units, place: shelf }
            }
            1_000..2_000 => {
                let percent = u64::from(draws.amount(2, self.counted_percent));
                let units = u32::try_from(percent * u64::from(there) / 100).unwrap_or(u32::MAX);
                Journey::Count { sku, units, place: shelf }
            }
            2_000.. => {
                let price = skus[index].price * draws.within(2, self.reprice_percent) / 100;
                Journey::Reprice { sku, price: price.max(1) }
            }
        };
        Visit { id, at_us, user: 0, journey }
    }
}
