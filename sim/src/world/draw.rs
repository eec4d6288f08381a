//! Draws of the world: how long something takes, and whether it goes wrong.

use crate::plan::Link;
use crate::random::{Stream, below, mix};

/// Names a message for its draws: the parts that make it what it is.
#[must_use]
pub fn name(parts: &[u64]) -> u64 {
    let mut bytes = Vec::with_capacity(parts.len() * 8);
    for part in parts {
        bytes.extend_from_slice(&part.to_le_bytes());
    }
    xxhash_rust::xxh3::xxh3_64(&bytes)
}

/// About an exponential draw with this mean, in whole units: a geometric number of half-lives and
/// an even part of one. Integers only, so that every machine draws the same.
#[must_use]
pub fn exponential(bits: u64, mean: u64) -> u64 {
    let half_lives = u64::from((bits >> 32).max(1).leading_zeros() - 32);
    let part = bits & 0xFFFF;
    let thousandths = half_lives * 1_000 + part * 1_000 / 0x1_0000;
    mean.saturating_mul(thousandths) * 693 / 1_000_000
}

/// Latency of one message on a link, in ns.
#[must_use]
pub fn latency_ns(link: Link, seed: u64, message: u64, attempt: u64) -> u64 {
    let bits = mix(seed, Stream::Latency, message, attempt);
    let us_1000 =
        u64::from(link.base_us) * 1_000 + exponential(bits, u64::from(link.jitter_us) * 1_000);
    let tail = below(bits.rotate_left(17), 1_000_000) < u64::from(link.tail_ppm);
    if tail { us_1000 * 10 } else { us_1000 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_the_mean() {
        let sum: u64 =
            (0..100_000).map(|n| exponential(mix(1, Stream::Latency, n, 0), 1_000_000)).sum();
        let mean = sum / 100_000;
        assert!((950_000..1_080_000).contains(&mean), "{mean}");
        let link = Link { base_us: 100, jitter_us: 50, tail_ppm: 10_000 };
        let sum: u64 = (0..100_000).map(|n| latency_ns(link, 1, n, 0)).sum();
        assert!((155_000..180_000).contains(&(sum / 100_000)), "{}", sum / 100_000);
    }
}
