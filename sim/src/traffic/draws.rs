//! Draws of one subject: numbers, shares, waiting times, each by an attempt number of its own.
//!
//! A thin layer over [`mix`]: it holds no state. What a subject's attempt numbers mean is said
//! beside their use.

use serde::Deserialize;

use super::num;
use crate::random::{self, Stream, mix};

/// Both ends belong to it. Written `[least, most]` in a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(from = "[i64; 2]")]
pub struct Span {
    /// The least.
    pub least: i64,
    /// The most.
    pub most: i64,
}

impl Span {
    /// From `least` to `most`.
    #[must_use]
    pub const fn new(least: i64, most: i64) -> Self {
        Self { least, most }
    }
}

impl From<[i64; 2]> for Span {
    fn from([least, most]: [i64; 2]) -> Self {
        Self { least, most }
    }
}

/// The draws of one subject in one stream.
#[derive(Debug, Clone, Copy)]
pub struct Draws {
    seed: u64,
    stream: Stream,
    subject: u64,
}

impl Draws {
    /// Those of `subject`.
    #[must_use]
    pub const fn of(seed: u64, stream: Stream, subject: u64) -> Self {
        Self { seed, stream, subject }
    }

    /// 64 bits.
    #[must_use]
    pub const fn bits(self, attempt: u64) -> u64 {
        mix(self.seed, self.stream, self.subject, attempt)
    }

    /// A number below `n`, which is at least 1.
    #[must_use]
    pub const fn below(self, attempt: u64, n: u64) -> u64 {
        random::below(self.bits(attempt), n)
    }

    /// A number of the span, which is at most 2^32 wide.
    ///
    /// # Panics
    ///
    /// When its end is below its beginning.
    #[must_use]
    pub fn within(self, attempt: u64, span: Span) -> i64 {
        let width = span.most.checked_sub(span.least).and_then(|width| u64::try_from(width).ok());
        let width = width.expect("a span ends at or after its beginning");
        let offset = self.below(attempt, width + 1);
        span.least + i64::try_from(offset).expect("at most the width")
    }

    /// [`Draws::within`] for a span of what cannot be negative.
    #[must_use]
    pub fn amount(self, attempt: u64, span: Span) -> u32 {
        u32::try_from(self.within(attempt, span)).expect("the scenario's checks hold 0 to 2^32 - 1")
    }

    /// Whether something happens that happens `percent` times in a hundred.
    #[must_use]
    pub const fn percent(self, attempt: u64, percent: u8) -> bool {
        random::percent(self.bits(attempt), percent as u64)
    }

    /// The place of one of several, with these weights. Something must weigh more than 0.
    #[must_use]
    pub fn pick(self, attempt: u64, weights: &[u8]) -> usize {
        let total = weights.iter().map(|weight| u64::from(*weight)).sum();
        let mut left = self.below(attempt, total);
        for (place, weight) in weights.iter().enumerate() {
            let weight = u64::from(*weight);
            if left < weight {
                return place;
            }
            left -= weight;
        }
        weights.len() - 1
    }

    /// Above 0 and up to 1, in steps of 2^-53.
    #[must_use]
    pub fn unit(self, attempt: u64) -> f64 {
        unit(self.bits(attempt))
    }

    /// A waiting time with this mean.
    #[must_use]
    pub fn exponential(self, attempt: u64, mean: f64) -> f64 {
        -num::ln(self.unit(attempt)) * mean
    }

    /// A number of the standard normal distribution, but for its tails beyond 6: the sum of twelve
    /// units. Plain sums are the same on every machine.
    #[must_use]
    pub fn normal(self, attempt: u64) -> f64 {
        let seed = self.bits(attempt);
        (0..12).map(|part| unit(mix(seed, self.stream, part, 0))).sum::<f64>() - 6.0
    }

    /// A number of the lognormal distribution with this median; `sigma` is its logarithm's.
    #[must_use]
    pub fn lognormal(self, attempt: u64, median: f64, sigma: f64) -> f64 {
        median * num::exp(sigma * self.normal(attempt))
    }
}

#[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
fn unit(bits: u64) -> f64 {
    ((bits >> 11) + 1) as f64 / (1_u64 << 53) as f64
}
