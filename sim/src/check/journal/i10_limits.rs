//! I10: every queue has a named limit. The runtime asserts it; here the most that was ever seen
//! in each queue is held against its limit.

use super::{Findings, World};

/// Judges every queue that the run knows.
#[must_use]
pub fn check(world: &World) -> Findings {
    let mut found = world.findings("I10");
    for (name, depth) in &world.given.depths {
        found.judge(depth.max_seen <= depth.limit, || {
            format!("{name} held {}, its limit is {}", depth.max_seen, depth.limit)
        });
    }
    found
}
