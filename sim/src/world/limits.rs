//! Times of a world.

/// How long nodes may take to share the shards out at the start: joining and settling take some
/// seconds.
pub(super) const FIRST_SHARDS_US: u64 = 60_000_000;

/// How often it is looked at.
pub(super) const LOOK_US: u64 = 50_000;

/// How long a process manager waits before it starts a node again that did not start.
pub(super) const RESTART_US: u64 = 1_000_000;
