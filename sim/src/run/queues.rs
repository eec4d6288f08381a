//! How long the queues of shards are, over time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::world::World;

/// How often they are looked at, in us.
const LOOK_US: u64 = 20_000;

/// The longest queue of each shard in each bucket.
#[derive(Debug, Default)]
pub(super) struct Queues {
    /// Looks: virtual ms, and the depth of each shard that had one.
    pub(super) looks: Vec<(u64, Vec<(u16, u32)>)>,
}

/// Looks until it is told to stop.
pub(super) async fn watch(world: World, queues: Rc<RefCell<Queues>>) {
    loop {
        world.kernel().sleep_us(LOOK_US).await;
        let mut deepest: BTreeMap<u16, u32> = BTreeMap::new();
        for node in 0..world.n_nodes() {
            let Some(life) = world.life(node) else { continue };
            for (shard, depth) in (0_u16..).zip(life.node.depths()) {
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
