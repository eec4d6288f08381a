//! Late visitors: a few who come when all is quiet, over links that lose messages.
//!
//! Under traffic the next message shows that one before it was lost. Here nothing follows: what is
//! lost last, in any shard, comes only if its sender sends it again.
//!
//! Then, when nothing is lost any more and all has settled, somebody new comes to each shard: a
//! shard that is closed to new work is quiet, too.

use std::rc::Rc;

use entity::Tenant;
use futures_util::future::{join, join_all};

use super::judge::TENANT;
use crate::client::{Clients, SimWire, Staff, Visitor, Wire};
use crate::plan::{Fault, FaultKind, Journey, Line, Moment, Pay, Plan, Then, Visit};
use crate::world::World;

/// How many come.
const N_VISITS: u32 = 5;
/// How far apart they come, in us.
const PAUSE_US: u64 = 700_000;
/// Their visits and their users count from here.
const VISITS_FROM: u32 = 3_000_000_000;
const USERS_FROM: u32 = 200_000;
/// How many messages between nodes are lost, and how long, in ms: also those that follow when the
/// last visitor has been answered.
const LOSS: FaultKind = FaultKind::Loss { percent: 40 };
const LOSS_MS: u32 = 5_000;
/// How long a shard may take to take new work when all is quiet, in us.
const KNOCK_US: u64 = 30_000_000;

/// Lets them come, one after the other; returns when the last has left and nothing is lost any
/// more. Nobody comes to a node that is alone: it sends nothing to others.
pub(super) async fn come(plan: &Plan, world: &World, clients: &Rc<Clients<SimWire>>) {
    if world.n_nodes() == 1 {
        return;
    }
    let begun_us = world.since_begin_us();
    let loss =
        Fault { id: u32::MAX, at_us: begun_us, for_ms: LOSS_MS, moment: Moment::Any, kind: LOSS };
    let skus = &plan.setup.skus;
    let visits = (0..N_VISITS).map(|n| {
        let sku = n % u32::try_from(skus.len()).unwrap_or(u32::MAX);
        let visit = visit(n, sku, begun_us + u64::from(n) * PAUSE_US);
        let price = |sku: u32| skus.get(sku as usize).map_or(0, |sku| sku.price);
        Visitor::new(clients, visit, price).run()
    });
    join(join_all(visits), world.befalls_now(&loss)).await;
}

/// Lets somebody new come to each shard. `Err`: one takes no new work.
pub(super) async fn knock(
    plan: &Plan,
    staff: &Staff<SimWire>,
    clients: &Clients<SimWire>,
) -> Result<(), String> {
    let until_us = clients.wire.now_us() + KNOCK_US;
    let closed = staff.knock(&Tenant::new(TENANT), plan.setup.shards, until_us).await;
    closed.map_or(Ok(()), |shard| Err(format!("shard {} takes no new work at the end", shard.0)))
}

/// Somebody who buys one thing and stays until that is decided.
fn visit(n: u32, sku: u32, at_us: u64) -> Visit {
    let journey = Journey::Buy {
        lines: vec![Line { sku, qty: 1 }],
        brings: Vec::new(),
        pay: Pay::Cod,
        think_ms: 0,
        double_click: false,
        no_wait: false,
        listen: None,
        then: Then::Watch,
        freeze: None,
    };
    Visit { id: VISITS_FROM + n, at_us, user: USERS_FROM + n, journey }
}
