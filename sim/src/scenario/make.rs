//! From a scenario and a seed to a plan: variants, setup, traffic, faults.

use super::{Buggify, Scenario, Shop, faults};
use crate::plan::{Plan, Setup, SkuSetup, VERSION};
use crate::random::Stream;
use crate::traffic::{Draws, Traffic};

// Subjects in `Stream::Swarm`; families of faults count from 1,000, sites from 2,000.
const NODES: u64 = 0;
const SHARDS: u64 = 1;
const SHUFFLE: u64 = 2;
const CLIENT: u64 = 3;
const SHOP: u64 = 4;
const ARRIVALS: u64 = 5;
const KEYS: u64 = 6;
const WINDOW: u64 = 7;
const RESIDENCE: u64 = 8;
const SNAPSHOTS: u64 = 9;
const ORDER_WAITS: u64 = 10;
const TAX: u64 = 11;
const SITE: u64 = 2_000;

/// How long a shard stays: as in production, and short enough to move for balance in a run.
const RESIDENCES_MS: [u64; 3] = [30_000, 5_000, 1_000];

/// A SKU's stock and price are drawn from these subjects of `Stream::Shape` on.
const SKUS_FROM: u64 = 1 << 40;

impl Scenario {
    /// The plan of a seed. The same scenario and seed make the same plan on every machine.
    #[must_use]
    pub fn plan(&self, seed: u64) -> Plan {
        let setup = self.setup(seed);
        let traffic = Traffic {
            arrivals: one(seed, ARRIVALS, &self.arrivals),
            keys: one(seed, KEYS, &self.keys),
            people: &self.people,
            bots: self.bots.as_ref(),
            staff: self.staff.as_ref(),
            skus: &setup.skus,
            duration_ms: setup.duration_ms,
        };
        Plan {
            version: VERSION,
            scenario: self.name.clone(),
            seed,
            traffic: traffic.visits(seed),
            faults: faults::plan(
                &self.fault,
                self.swarm.as_ref(),
                seed,
                setup.nodes,
                setup.duration_ms,
            ),
            setup,
            canary: None,
        }
    }

    fn setup(&self, seed: u64) -> Setup {
        let shuffle = Draws::of(seed, Stream::Swarm, SHUFFLE);
        Setup {
            nodes: *one(seed, NODES, &self.system.nodes),
            shards: *one(seed, SHARDS, &self.system.shards),
            stream_window: *one(seed, WINDOW, &self.system.stream_window),
            snapshot_tail: *one(seed, SNAPSHOTS, &self.system.snapshot_tail),
            skus: one(seed, SHOP, &self.shop).skus(seed),
            duration_ms: self.system.duration_ms,
            settle_ms: self.system.settle_ms,
            link: self.link,
            client: *one(seed, CLIENT, &self.client),
            buggify: self.buggify.as_ref().map_or_else(Vec::new, |buggify| buggify.on(seed)),
            shuffle: shuffle.percent(0, self.system.shuffle_percent),
            residence_ms: *one(seed, RESIDENCE, &RESIDENCES_MS),
            order_waits: *one(seed, ORDER_WAITS, &self.order_waits),
            tax: *one(seed, TAX, &self.tax),
        }
    }
}

impl Shop {
    fn skus(&self, seed: u64) -> Vec<SkuSetup> {
        let of = |sku: u32| {
            let draws = Draws::of(seed, Stream::Shape, SKUS_FROM + u64::from(sku));
            let units = self.hot_stock_units.filter(|_| sku == 0).unwrap_or(self.stock_units);
            let (stock, price) = (draws.amount(0, units), draws.within(1, self.price_minor));
            let n_places = draws.pick(2, &self.places_percent) as u64 + 1;
            // Each place but the first has up to its part of the units.
            let part = |place: u64| draws.below(2 + place, u64::from(stock) / n_places + 1);
            let elsewhere = (1..n_places).map(part);
            let elsewhere = elsewhere.map(|units| u32::try_from(units).expect("of the stock"));
            SkuSetup { stock, elsewhere: elsewhere.collect(), price }
        };
        (0..self.n_skus).map(of).collect()
    }
}

impl Buggify {
    fn on(&self, seed: u64) -> Vec<(String, u8)> {
        let is_on = |place: usize| {
            Draws::of(seed, Stream::Swarm, SITE + place as u64).percent(0, self.site_percent)
        };
        let sites = self.sites.iter().enumerate().filter(|(place, _)| is_on(*place));
        sites.map(|(_, site)| (site.clone(), self.chance_percent)).collect()
    }
}

/// One of a list that is not empty.
fn one<T>(seed: u64, subject: u64, list: &[T]) -> &T {
    let place = Draws::of(seed, Stream::Swarm, subject).below(0, list.len() as u64);
    &list[usize::try_from(place).expect("below the length")]
}
