//! How long the queues of shards are, over time, and how full queues became beside their limits.
//!
//! They are looked at between events, every 20 ms: what is longer for a shorter time is not seen.
//! At each look it is noted, too, who might answer for which shard and for how long (I1), and which
//! shards take nothing where they are served (I11).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use cluster::Node;
use cluster::limits::{FORWARDED_IN_MAX, IN_FLIGHT_MAX, STREAM_WINDOW};
use entity::ShardId;

use crate::check::journal::Depth;
use crate::world::World;

/// How often they are looked at, in us.
const LOOK_US: u64 = 20_000;
/// A planned move that does not come about is undone sooner than this, in us of a node that runs:
/// `Timing::drain_ms` on a clock that is a tenth too slow, and some ticks.
const CLOSED_MAX_US: u64 = 2_500_000;

/// Inputs that may wait in the inbox of one of so many shards: all asks that a node admits or is
/// sent by others, and of every shard a window of messages and their acknowledgements.
const fn inbox_max(n_shards: usize) -> usize {
    IN_FLIGHT_MAX + FORWARDED_IN_MAX + n_shards * 2 * STREAM_WINDOW
}

/// The longest queue of each shard in each bucket.
#[derive(Debug, Default)]
pub(super) struct Queues {
    /// Looks: virtual ms, and the depth of each shard that had one.
    pub(super) looks: Vec<(u64, Vec<(u16, u32)>)>,
    /// The most that was seen in each queue.
    pub(super) depths: BTreeMap<String, Depth>,
    closed: Closings,
}

/// The closings of shards that are served and take nothing, by node and shard: the number of the
/// closing, and since when it lasts, in us; `None`: that was told.
#[derive(Debug, Default)]
struct Closings(BTreeMap<(u16, ShardId), (u64, Option<u64>)>);

impl Closings {
    /// A look at a shard; `number`: of its closing, if it is closed. Returns since when it is
    /// closed, once, when that is too long. One that was opened between two looks, for however
    /// short a time, is closed anew.
    fn look(&mut self, of: (u16, ShardId), number: Option<u64>, now_us: u64) -> Option<u64> {
        let Some(number) = number else {
            self.0.remove(&of);
            return None;
        };
        let closed = self.0.entry(of).or_insert((number, Some(now_us)));
        if closed.0 != number {
            *closed = (number, Some(now_us));
        }
        closed.1.take_if(|since_us| now_us > *since_us + CLOSED_MAX_US)
    }
}

impl Queues {
    fn see(&mut self, name: String, seen: usize, limit: usize) {
        let (max_seen, limit) = (seen as u64, limit as u64);
        let depth = self.depths.entry(name).or_insert(Depth { max_seen, limit });
        depth.max_seen = depth.max_seen.max(max_seen);
    }
}

/// Notes a node that means to answer for longer than its lease lasts (I1).
fn no_longer_than_leased(world: &World, number: u16, node: &Node) {
    let mut shards = (0..node.ctx().store.n_shards()).map(ShardId);
    // A node with a store of its own has no lease, and one that serves nothing needs none.
    if !node.ctx().store.one_log() && shards.any(|shard| node.serves(shard).is_some()) {
        let ground = world.ground();
        let (now_us, margin_ms) = (world.kernel().now_us(), ground.timing.margin_ms);
        ground.claims.trusts(number, node.lease(), margin_ms, now_us);
    }
}

/// Notes the shards that a node might answer for although another one has claimed them (I1).
fn one_writer(world: &World, number: u16, node: &Node) {
    if !node.may_answer() {
        return;
    }
    let claims = &world.ground().claims;
    for shard in (0..node.ctx().store.n_shards()).map(ShardId) {
        if let Some(epoch) = node.serves(shard) {
            claims.serves(shard, epoch, number, world.since_begin_us());
        }
    }
}

/// Notes the shards that a node has closed to hand them over, and neither hands over nor opens
/// again (I11): nobody can ask them for anything.
fn none_stays_closed(world: &World, number: u16, node: &Node, queues: &mut Queues) {
    let now_us = world.kernel().now_us();
    let is_paused = world.kernel().is_paused(number);
    for shard in (0..node.ctx().store.n_shards()).map(ShardId) {
        let closing = node.settles(shard).filter(|_| !is_paused);
        if let Some(since_us) = queues.closed.look((number, shard), closing, now_us) {
            let (of, at_us) = (shard.0, since_us.saturating_sub(world.begun_us()));
            let what = format!("node {number} closed shard {of} at {at_us} us and keeps it");
            world.ground().claims.breach("I11", now_us, what);
        }
    }
}

/// Looks until it is told to stop.
pub(super) async fn watch(world: World, queues: Rc<RefCell<Queues>>) {
    loop {
        world.kernel().sleep_us(LOOK_US).await;
        let mut deepest: BTreeMap<u16, u32> = BTreeMap::new();
        for node in 0..world.n_nodes() {
            let Some(life) = world.life(node) else {
                queues.borrow_mut().closed.0.retain(|(number, _), _| *number != node);
                continue;
            };
            let (depths, mut queues) = (life.node.depths(), queues.borrow_mut());
            one_writer(&world, node, &life.node);
            no_longer_than_leased(&world, node, &life.node);
            none_stays_closed(&world, node, &life.node, &mut queues);
            let in_flight = life.node.region().admission().in_flight();
            queues.see(format!("commands of node {node}"), in_flight, IN_FLIGHT_MAX);
            let limit = inbox_max(depths.len());
            let longest = depths.iter().copied().max().unwrap_or(0);
            queues.see(format!("an inbox of node {node}"), longest, limit);
            for (shard, depth) in (0_u16..).zip(depths) {
                if depth > 0 {
                    *deepest.entry(shard).or_default() += u32::try_from(depth).unwrap_or(u32::MAX);
                }
            }
        }
        if !deepest.is_empty() {
            let look = (world.since_begin_us() / 1_000, deepest.into_iter().collect());
            queues.borrow_mut().looks.push(look);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_that_is_opened_between_two_looks_is_closed_anew() {
        let mut closings = Closings::default();
        let of = (2, ShardId(1));
        let too_late_us = CLOSED_MAX_US + LOOK_US;
        assert_eq!(closings.look(of, Some(1), 0), None);
        assert_eq!(closings.look(of, Some(2), 2_000_000), None, "seed 10522 of mixed");
        assert_eq!(closings.look(of, Some(2), too_late_us), None);
        assert_eq!(closings.look(of, Some(2), 2_000_000 + too_late_us), Some(2_000_000));
        assert_eq!(closings.look(of, Some(2), 2_000_000 + 2 * too_late_us), None, "said once");
        assert_eq!(closings.look(of, None, 9_000_000), None);
        assert_eq!(closings.look(of, Some(3), 9_000_000 + CLOSED_MAX_US), None);
        assert_eq!(closings.look(of, Some(3), 9_000_000 + 3 * CLOSED_MAX_US), Some(11_500_000));
    }
}
