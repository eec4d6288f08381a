//! How long each thing lasts, in milliseconds of a node's own monotonic clock.
//!
//! The values are those of persistence 1.6 and architecture 11. Nodes of one cluster use
//! the same ones; the time to live stands in the lease row itself. No value here is needed for
//! safety of writes; reads under a lease rely on `margin_ms` only.

/// Durations of leases, takeovers and handoffs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Timing {
    /// How often the shell ticks, at the least.
    pub tick_ms: u64,
    /// How long one renewal lasts.
    pub ttl_ms: u32,
    /// From one renewal to the next.
    pub renew_ms: u64,
    /// The holder stops that much before its lease ends, a watcher waits that much longer.
    pub margin_ms: u64,
    /// From one reading of the lists to the next.
    pub poll_ms: u64,
    /// From a call without an answer to its repetition.
    pub retry_ms: u64,
    /// How long a node that has joined waits for others before it takes free shards.
    pub settle_ms: u64,
    /// How long a shard stays before a planned move.
    pub residence_ms: u64,
    /// How long a target may take to answer an offer.
    pub offer_ms: u64,
    /// How long the snapshots before a move may take; the shard serves meanwhile.
    pub snapshot_ms: u64,
    /// How long closing and draining may take; callers wait in the target's buffer meanwhile.
    pub drain_ms: u64,
    /// How long the owner row may be tried to be written to the target's name.
    pub release_ms: u64,
    /// How long a node that leaves may take to hand its shards over.
    pub leave_ms: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            tick_ms: 50,
            ttl_ms: 3_000,
            renew_ms: 750,
            margin_ms: 600,
            poll_ms: 500,
            retry_ms: 100,
            settle_ms: 1_000,
            residence_ms: 30_000,
            offer_ms: 1_000,
            snapshot_ms: 10_000,
            drain_ms: 2_000,
            release_ms: 2_000,
            leave_ms: 30_000,
        }
    }
}

impl Timing {
    /// Holds the values against each other; panics where they make no sense.
    pub fn check(&self) {
        let ttl_ms = u64::from(self.ttl_ms);
        assert!(self.margin_ms < ttl_ms, "a lease is longer than its margin");
        let usable_ms = ttl_ms - self.margin_ms;
        assert!(self.renew_ms < usable_ms, "a lease is renewed before its holder stops");
    }

    /// How long a target keeps its buffer for a shard that it has accepted.
    #[must_use]
    pub const fn buffer_ms(&self) -> u64 {
        self.snapshot_ms + self.drain_ms + self.release_ms + self.poll_ms
    }
}
