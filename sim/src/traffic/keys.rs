//! Which SKU is wanted: Zipf's law, a hot set that wanders, one hot key.
//!
//! Rank r is wanted 1/r^alpha times as often as rank 1; which SKU has which rank may move on as
//! time passes. While a key is hot, a share of all wishes goes to the first SKU instead.

use serde::Deserialize;

use super::{Draws, num};

/// How wishes are spread over the SKUs.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Alpha times 100; 0: all are wanted alike.
    #[serde(default)]
    pub zipf_alpha_percent: u16,
    /// The ranks move on to other SKUs.
    pub drift: Option<Drift>,
    /// The first SKU is hot.
    pub hot: Option<Hot>,
}

/// How ranks wander over the SKUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    /// How often.
    pub every_ms: u32,
    /// By how many places.
    pub places: u32,
}

/// One hot SKU, the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hot {
    /// When it begins.
    pub from_ms: u32,
    /// When it ends.
    pub to_ms: u32,
    /// Its share of all wishes meanwhile.
    pub share_percent: u8,
}

/// The spread over so many SKUs, ready to draw from.
#[derive(Debug)]
pub struct Popularity<'a> {
    keys: &'a Keys,
    /// Sums of the weights up to each rank.
    sums: Vec<f64>,
}

impl Keys {
    /// Ready to draw from. Cost: linear in the number of SKUs, which is at least 1.
    #[must_use]
    pub fn popularity(&self, n_skus: usize) -> Popularity<'_> {
        assert!(n_skus > 0, "a shop sells something");
        let alpha = f64::from(self.zipf_alpha_percent) / 100.0;
        let mut sum = 0.0;
        let mut rank = 0.0;
        let sums = (0..n_skus).map(|_| {
            rank += 1.0;
            sum += num::exp(-alpha * num::ln(rank));
            sum
        });
        Popularity { keys: self, sums: sums.collect() }
    }
}

impl Popularity<'_> {
    /// The SKU that is wanted at this moment; takes the attempts `attempt` and `attempt + 1`.
    #[must_use]
    pub fn draw(&self, draws: Draws, attempt: u64, at_us: u64) -> u32 {
        let at_ms = at_us / 1_000;
        if let Some(hot) = self.keys.hot {
            let window = u64::from(hot.from_ms)..u64::from(hot.to_ms);
            if window.contains(&at_ms) && draws.percent(attempt, hot.share_percent) {
                return 0;
            }
        }
        let total = self.sums[self.sums.len() - 1];
        let wish = draws.unit(attempt + 1) * total;
        let rank = self.sums.partition_point(|sum| *sum < wish).min(self.sums.len() - 1);
        let moved = self
            .keys
            .drift
            .map_or(0, |drift| at_ms / u64::from(drift.every_ms) * u64::from(drift.places));
        let place = (rank as u64 + moved) % self.sums.len() as u64;
        u32::try_from(place).expect("below the number of SKUs")
    }

    /// How many SKUs there are.
    #[must_use]
    pub fn n_skus(&self) -> usize {
        self.sums.len()
    }
}
