//! Randomness by key: a draw is a function of seed, stream, subject and attempt, of nothing else.
//!
//! There is no generator with a state. Two runs of one seed that differ in one decision still
//! agree in every draw that does not belong to it: the precondition for shrinking, and for
//! running the same workload again with a crash in it.

/// What a draw is for. Each purpose is a stream of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u64)]
pub enum Stream {
    /// What the clients want.
    Plan = 1,
    /// Which of the possible steps comes next.
    Schedule = 2,
    /// What goes wrong without a crash: a write, an append, a parcel.
    Fault = 3,
    /// Where and how it crashes.
    Crash = 4,
    /// How far the clock moves.
    Clock = 5,
    /// Ids and nonces that nodes draw.
    Ids = 6,
    /// How long a message takes.
    Latency = 7,
    /// What clients decide while they run.
    Client = 8,
    /// When clients arrive.
    Arrivals = 20,
    /// What a visit does: its steps, its basket, its pauses; the shape of load and shop.
    Shape = 21,
    /// Which SKUs are wanted, and by whom.
    Keys = 22,
    /// When faults of a plan begin, whom they befall and how much.
    PlanFaults = 23,
    /// What a seed turns on at all: families of faults, sites, variants of a scenario.
    Swarm = 24,
    /// Whether a buggify site fires.
    Buggify = 25,
}

/// 64 bits for (seed, stream, subject, attempt). SplitMix64's finaliser over a running state.
#[must_use]
pub const fn mix(seed: u64, stream: Stream, subject: u64, attempt: u64) -> u64 {
    let mut state = seed;
    state = scramble(state ^ scramble(stream as u64));
    state = scramble(state ^ scramble(subject.wrapping_add(0x51_7C_C1_B7)));
    scramble(state ^ scramble(attempt.wrapping_add(0x2545_F491)))
}

/// A number below `n` (at least 1).
#[must_use]
pub const fn below(bits: u64, n: u64) -> u64 {
    assert!(n > 0, "there is no number below 0");
    // The bias is 2^-32 at the sizes that are used here.
    ((bits >> 32) * n) >> 32
}

/// Whether something happens that happens `percent` times in a hundred.
#[must_use]
pub const fn percent(bits: u64, percent: u64) -> bool {
    below(bits, 100) < percent
}

const fn scramble(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_depends_on_each_part_of_its_key_and_on_nothing_else() {
        let base = mix(1, Stream::Plan, 2, 3);
        assert_eq!(base, mix(1, Stream::Plan, 2, 3));
        for other in [
            mix(2, Stream::Plan, 2, 3),
            mix(1, Stream::Fault, 2, 3),
            mix(1, Stream::Plan, 3, 3),
            mix(1, Stream::Plan, 2, 4),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn draws_are_spread() {
        let mut counts = [0_u32; 10];
        for attempt in 0..10_000 {
            let draw = below(mix(7, Stream::Schedule, 0, attempt), 10);
            counts[usize::try_from(draw).expect("below 10")] += 1;
        }
        assert!(counts.iter().all(|n| (850..1150).contains(n)), "{counts:?}");
        assert!(!percent(u64::MAX, 0) && percent(0, 1));
    }
}
