//! In calm times nobody waits for long (I11): an order that waits for its holds, for money, for its
//! parcels or for whoever has to be told is answered within a moment, as long as nothing is wrong.
//!
//! What the runtime sends again comes late when it is not sent again soon; what was forgotten comes
//! by a timer that should not have been needed. At the end both are there (`I11`); here they are
//! late. Waiting for a deadline (also for that of a message that was not taken), for a payment or
//! for people counts for nothing.
//! `looked_at`: waits in calm times.

use commerce::order::{Body, ParcelPhase};
use entity::Timestamp;

use super::i11_all_ends::order_waits;
use super::{Findings, World};
use crate::calm::Witness;

/// How long a wait may take in calm times, in us: some messages one after the other, each of which
/// may meet a shard that moves.
const MOMENT_US: u64 = 3_000_000;

/// Judges the waits of all orders.
#[must_use]
pub fn check(world: &World) -> Findings {
    let mut found = world.findings("prompt");
    let Some(calm) = &world.given.calm else { return found };
    for (key, order) in &world.shop.orders {
        for (from, to) in order.waits.spans() {
            let Some(from_us) = world.durable_us(key, *from) else { continue };
            let due_us = from_us + MOMENT_US;
            let to_us = to.map(|to| world.durable_us(key, to));
            if to_us == Some(None) || !calm.holds(Witness::Saga, from_us, due_us) {
                continue;
            }
            let is_late = to_us.flatten().is_none_or(|to_us| to_us > due_us);
            found.judge(!is_late, || {
                format!("{key} waits from its version {from}, {from_us} us, to {to:?}, {to_us:?}")
            });
        }
    }
    found
}

/// Whether an order waits for somebody's answer.
pub(super) fn waits(body: &Body, now: Timestamp) -> bool {
    let is_moving = |phase| matches!(phase, ParcelPhase::Stopping | ParcelPhase::Released);
    body.on_hold.is_none()
        && body.retry_at.is_none()
        && (order_waits(body, now).is_some()
            || body.parcels.iter().any(|parcel| is_moving(parcel.phase)))
}
