//! What was cancelled is neither collected nor kept (I9): of an order of which units were cancelled
//! the buyer pays the rest, at the door or out of his wallet.
//!
//! Judged is an order that was sold, of which something is left and nobody is about to stop a
//! parcel. Each unit costs its share of its line; where a line does not divide evenly, nobody says
//! here which of its units are the dearer ones. The shipping price of a parcel that is empty by now
//! may go with it. Once all is quiet, parcel and shipment say the same of units and cash, too.

use commerce::keys;
use commerce::order::{self, Parcel, ParcelPhase, Stage, WalletPhase};
use entity::EntityKey;

use super::{Findings, World};

/// Judges what is left to pay, and that whoever carries the goods knows it.
pub(super) fn check(world: &World, key: &EntityKey, body: &order::Body, found: &mut Findings) {
    let is_sold = matches!(
        body.stage,
        Stage::Confirmed | Stage::InFulfilment | Stage::Fulfilled | Stage::Completed
    );
    let is_refused = body.parcels.iter().any(|parcel| parcel.phase == ParcelPhase::Refused);
    if !is_sold || is_refused || body.stop.is_some() || body.parcels.is_empty() {
        return;
    }
    the_rest(key, body, found);
    if world.given.is_healed {
        for parcel in &body.parcels {
            as_told(world, key, parcel, found);
        }
    }
}

/// What the units that are left cost, at the least and at the most.
fn left(body: &order::Body) -> (i64, i64) {
    let (mut least, mut most) = (0, 0);
    for (line, priced) in body.lines.iter().zip(&body.terms.priced.lines) {
        let (paid, of) = (body.terms.priced.line_paid(priced), i64::from(priced.qty.get()));
        let units = of - i64::from(line.cancelled);
        let (each, uneven) = (paid / of, paid % of);
        least += each * units + (uneven - i64::from(line.cancelled)).max(0);
        most += each * units + uneven.min(units);
    }
    (least, most)
}

fn the_rest(key: &EntityKey, body: &order::Body, found: &mut Findings) {
    let (mut least, mut most) = left(body);
    let is_cut = body.lines.iter().any(|line| line.cancelled > 0);
    let is_empty = |parcel: &Parcel| parcel.lines.iter().all(|line| line.qty == 0);
    if !is_cut || body.parcels.iter().all(is_empty) {
        return;
    }
    let beside = body.terms.priced.beside_lines();
    most += beside;
    least += if body.parcels.iter().any(is_empty) { 0 } else { beside };
    let paid = match &body.wallet {
        _ if body.terms.is_cod() => body.parcels.iter().map(|parcel| parcel.due).sum(),
        Some(wallet) if wallet.phase == WalletPhase::Posted => {
            let beside_wallet = body.terms.priced.to_pay() - wallet.amount;
            wallet.amount - wallet.refunded + beside_wallet
        }
        Some(_) | None => return,
    };
    found.judge((least..=most).contains(&paid), || {
        format!("{key}: {paid} is paid for what was not cancelled, which costs {least} to {most}")
    });
}

/// The shipment carries and collects what its order says.
fn as_told(world: &World, key: &EntityKey, parcel: &Parcel, found: &mut Findings) {
    let shipment = keys::shipment(key, &parcel.location);
    let Some(Some(body)) = world.shop.shipments.get(&shipment) else { return };
    let due = body.cod.as_ref().map_or(0, |cod| cod.due.minor);
    let packed: u32 = parcel.lines.iter().map(|line| line.qty).sum();
    let carried: u32 = body.content.lines.iter().map(|line| line.qty).sum();
    found.judge(
        (due, carried) == (parcel.due, packed) || parcel.phase == ParcelPhase::Stopped,
        || {
            format!(
                "{shipment} carries {carried} units for {due}, its order has {packed} for {}",
                parcel.due
            )
        },
    );
}
