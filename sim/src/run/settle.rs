//! The end of a run: until nothing is under way, and then until what is due later has come.
//!
//! A run lasts seconds, deadlines up to weeks; all clocks leap, so that a timer that was lost shows
//! as something that nobody ended.

use commerce::order::Timers;

use crate::client::{SimWire, Staff};
use crate::plan::{Fault, FaultKind, Moment};
use crate::world::{Places, World};

/// How often a settling system is looked at, in us.
const LOOK_US: u64 = 250_000;
/// Looks in a row at which nothing waits before it counts as settled; an idle ticker looks once in
/// between.
const LOOKS: u32 = 4;
/// How far all clocks leap, one leap after the other: holds and payments, sessions of a day, carts
/// and returns of weeks. Several nodes have more to do after each: for them it is one.
const LEAPS_MS: [i64; 3] = [20 * MINUTE_MS, 26 * 60 * MINUTE_MS, 30 * 24 * 60 * MINUTE_MS];
const LEAP_OF_A_CLUSTER_MS: [i64; 1] = [31 * 24 * 60 * MINUTE_MS];
/// The first deadline that is waited for lies so far ahead then, in us.
const AHEAD_US: u64 = 3_000_000;
const LOSS_MS: u32 = 1_500;
const LOSS: FaultKind = FaultKind::Loss { percent: 30 };
const MINUTE_MS: i64 = 60_000;
/// How long a place may be taken when all is quiet, in us: a live stream's question lasts 15 s on
/// a clock that may be slow, and the node that is asked may have to notice that nobody waits.
const PLACES_US: u64 = 60_000_000;

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

/// Lets all clocks leap, and everything that was due until then happen. At the longest leap some
/// messages are lost: nothing follows that would make up for the last one of a shard.
pub(super) async fn let_deadlines_pass(
    world: &World,
    within_us: u64,
    staff: &Staff<SimWire>,
) -> Result<(), String> {
    wait_for_deadlines(world, staff).await;
    settle(world, within_us).await?;
    let leaps_ms: &[i64] = if world.n_nodes() == 1 { &LEAPS_MS } else { &LEAP_OF_A_CLUSTER_MS };
    for (place, leap_ms) in leaps_ms.iter().enumerate() {
        world.leap(*leap_ms);
        if place + 1 == leaps_ms.len() {
            let loss =
                Fault { id: u32::MAX, at_us: 0, for_ms: LOSS_MS, moment: Moment::Any, kind: LOSS };
            world.befalls_now(&loss).await;
        }
        settle(world, within_us).await?;
    }
    Ok(())
}

/// Waits until no place is taken that is given to whoever asks for anything. `Err`: one is never
/// given back; many such fill a node that has nothing to do. What happens meanwhile settles, too.
pub(super) async fn give_places_back(world: &World, within_us: u64) -> Result<(), String> {
    let until_us = world.kernel().now_us() + PLACES_US;
    let mut has_slept = false;
    while let Some(kept) = kept(&world.places()) {
        if world.kernel().now_us() > until_us {
            return Err(format!("places are never given back: {kept}"));
        }
        world.kernel().sleep_us(LOOK_US).await;
        has_slept = true;
    }
    if has_slept { settle(world, within_us).await } else { Ok(()) }
}

/// The places that are taken, if there are any.
fn kept(places: &[Places]) -> Option<String> {
    let taken = places.iter().filter(|it| it.n_principals > 0 || it.n_forwarding > 0);
    let told = taken.map(|Places { node, n_principals, n_forwarding }| {
        format!("node {node}: {n_principals} principals, {n_forwarding} asks of or for other nodes")
    });
    let told: Vec<_> = told.collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// Staff waits for orders whose time to be returned ends while it waits.
async fn wait_for_deadlines(world: &World, staff: &Staff<SimWire>) {
    let orders = staff.fulfilled_last();
    let Some((first_us, ..)) = orders.first() else { return };
    // What the last fault left behind excuses nobody any more.
    let rest_us = world.calm().felt_until_us().saturating_sub(world.since_begin_us());
    world.kernel().sleep_us(rest_us).await;
    let since_us = world.since_begin_us().saturating_sub(*first_us) + AHEAD_US;
    let leap_ms = (Timers::default().return_window_ms).saturating_sub(since_us / 1_000);
    world.leap(i64::try_from(leap_ms).unwrap_or(i64::MAX));
    staff.wait_for(&orders).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_is_kept_is_told() {
        let places = |node, n_principals, n_forwarding| Places { node, n_principals, n_forwarding };
        assert_eq!(kept(&[places(0, 0, 0), places(1, 0, 0)]), None);
        let told = kept(&[places(0, 0, 0), places(1, 2, 0), places(2, 0, 1)]).unwrap();
        assert_eq!(
            told,
            "node 1: 2 principals, 0 asks of or for other nodes; \
             node 2: 0 principals, 1 asks of or for other nodes"
        );
    }
}
