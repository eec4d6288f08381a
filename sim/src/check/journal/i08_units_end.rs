//! I8: each held unit ends exactly once: consumed, restocked, released or expired.
//!
//! Every end is judged where it happens (`ledger.rs`). Once everything has settled, what holds
//! still keep is what their orders still need: nothing for an order that ended, and the units
//! that have not left for one that was sold.

use commerce::order::{self, Booking, Stage};
use commerce::{keys, kinds};
use entity::EntityKey;

use super::ledger::{Hold, Ledger};
use super::{Findings, World};

/// Judges every end, and every hold at the end of a healed run.
#[must_use]
pub fn check(world: &World) -> Findings {
    let mut found = world.findings("I8");
    for (sku, ledger) in &world.shop.skus {
        found.look(ledger.n_ends);
        for what in ledger.end_faults.iter().cloned().chain(ledger.unfinished()) {
            found.fail(what);
        }
        if world.given.is_healed {
            for hold in ledger.holds.values() {
                kept(world, sku, hold, &mut found);
            }
        }
    }
    if world.given.is_healed {
        for (key, order) in &world.shop.orders {
            if let Some(body) = &order.body {
                lines(world, key, body, &mut found);
            }
        }
    }
    found
}

/// A hold keeps units only for an order that is there and did not end.
fn kept(world: &World, sku: &EntityKey, hold: &Hold, found: &mut Findings) {
    if hold.owner.kind != kinds::ORDER || !hold.is_live() {
        return;
    }
    let owner = hold.owner.key(&sku.tenant);
    let body = world.shop.orders.get(&owner).and_then(|order| order.body.as_ref());
    let stage = body.map(|body| body.stage);
    let may_keep = match stage {
        None | Some(Stage::Cancelled) => false,
        Some(
            Stage::Reserving
            | Stage::AwaitingPayment
            | Stage::Confirming
            | Stage::Confirmed
            | Stage::InFulfilment
            | Stage::Fulfilled
            | Stage::Completed
            | Stage::Cancelling,
        ) => true,
    };
    found.judge(may_keep, || format!("{sku} keeps units for {owner} ({stage:?}): {hold:?}"));
}

/// A sold order has exactly the units that it sold and did not give back, here or on their way.
fn lines(world: &World, key: &EntityKey, body: &order::Body, found: &mut Findings) {
    let is_sold = matches!(
        body.stage,
        Stage::Confirmed | Stage::InFulfilment | Stage::Fulfilled | Stage::Completed
    );
    if !is_sold || body.on_hold.is_some() {
        return;
    }
    for (index, (priced, line)) in (0..).zip(body.terms.priced.lines.iter().zip(&body.lines)) {
        let sku = keys::sku(&key.tenant, &priced.sku);
        let ledger = world.shop.skus.get(&sku);
        let hold = ledger.and_then(|ledger| ledger.holds.get(&line.hold_id));
        let (Some(ledger), Some(hold)) = (ledger, hold) else {
            found.fail(format!("{key} was sold {} without a hold", priced.sku));
            continue;
        };
        let fits = hold.open.is_empty()
            && hold.owner.key(&key.tenant) == *key
            && parcels(body, index, ledger, hold);
        found.judge(fits, || format!("{key}, {}: {line:?} has {hold:?}", priced.sku));
    }
}

/// Whether the units of a hold are those of the line in the order's parcels.
fn parcels(body: &order::Body, index: u16, ledger: &Ledger, hold: &Hold) -> bool {
    let (mut n_sold, mut n_out) = (0, 0);
    for parcel in &body.parcels {
        let Some(packed) = parcel.lines.iter().find(|packed| packed.line == index) else {
            continue;
        };
        if packed.booking == Booking::Done {
            n_out += packed.qty;
            continue;
        }
        n_sold += packed.qty;
        let at = ledger.find(&parcel.location).map_or(0, |shelf| hold.sold.at(shelf));
        if at != packed.qty {
            return false;
        }
    }
    hold.sold.total() == n_sold && hold.out == n_out
}
