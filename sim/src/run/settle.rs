//! The end of a run: until nothing is under way, and then until what is due later has come.
//!
//! A run lasts seconds, deadlines up to weeks; all clocks leap, so that a timer that was lost shows
//! as something that nobody ended.

use std::rc::Rc;

use crate::client::{SimWire, Staff, pass_on};
use crate::world::World;

/// How often a settling system is looked at, in us.
const LOOK_US: u64 = 250_000;
/// Looks in a row at which nothing waits before it counts as settled; an idle ticker looks once in
/// between.
const LOOKS: u32 = 4;
/// How far all clocks leap, one leap after the other: holds and payments, sessions of a day, carts
/// and returns of weeks. Several nodes have more to do after each: for them it is one.
const LEAPS_MS: [i64; 3] = [20 * MINUTE_MS, 26 * 60 * MINUTE_MS, 30 * 24 * 60 * MINUTE_MS];
const LEAP_OF_A_CLUSTER_MS: [i64; 1] = [31 * 24 * 60 * MINUTE_MS];
/// How long it is waited before the longest leap, in us.
const CALM_US: u64 = 15_000_000;
const MINUTE_MS: i64 = 60_000;

/// Waits until nothing is under way, all events are out and the views show all of it. `Err`: that
/// took longer than `within_us`.
pub(super) async fn settle(world: &World, within_us: u64) -> Result<(), String> {
    let until_us = world.kernel().now_us() + within_us;
    let mut quiet = 0;
    while quiet < LOOKS {
        if world.kernel().now_us() > until_us {
            return Err(format!("not quiet at the end: {}", world.restless()));
        }
        world.kernel().sleep_us(LOOK_US).await;
        quiet = if world.is_quiet() { quiet + 1 } else { 0 };
    }
    if !world.publish().await {
        return Err("events are not published at the end".into());
    }
    match world.show().await {
        true => Ok(()),
        false => Err("views lag at the end".into()),
    }
}

/// Lets all clocks leap, and everything that was due until then happen; staff waits for some of it
/// at the longest leap.
pub(super) async fn let_deadlines_pass(
    world: &World,
    within_us: u64,
    staff: &Rc<Staff<SimWire>>,
) -> Result<(), String> {
    let leaps_ms: &[i64] = if world.n_nodes() == 1 { &LEAPS_MS } else { &LEAP_OF_A_CLUSTER_MS };
    let (last_ms, first_ms) = leaps_ms.split_last().expect("there is a leap");
    for leap_ms in first_ms {
        world.leap(*leap_ms);
        settle(world, within_us).await?;
    }
    // What the last fault left behind excuses nobody any more.
    world.kernel().sleep_us(CALM_US).await;
    let waiting = tokio::task::spawn_local(Rc::clone(staff).wait_for_deadlines());
    world.kernel().sleep_us(LOOK_US).await;
    world.leap(*last_ms);
    let settled = settle(world, within_us).await;
    pass_on(waiting.await);
    settled
}
