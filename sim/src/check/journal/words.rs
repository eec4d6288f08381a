//! The public words for goods and money say what became of them (domain.md 2): read off parcels
//! and the wallet here, by no code of the order.
//!
//! Cash at the door is judged by its amounts elsewhere (`parts_paid.rs`). What an order offers next
//! (`offers.rs`) and which units it cancelled (`cancelled_units.rs`) are told under this name, too.

use commerce::order::{
    After, Body, FulfilmentStatus, Parcel, ParcelPhase, PaymentStatus, WalletPhase,
};

use super::{Findings, World};

/// Judges what orders said at each of their versions.
#[must_use]
pub fn check(world: &World) -> Findings {
    let mut found = world.findings("words");
    found.look(world.shop.orders.values().map(|order| order.after.len() as u64).sum());
    for what in &world.shop.word_faults {
        found.fail(what.as_str());
    }
    found
}

/// How the words that an event says differ from what became of the order.
pub(super) fn differ(said: After, body: &Body) -> Option<String> {
    let is = (fulfilment(&body.parcels), payment(body));
    let is_said = said.fulfilment == is.0 && is.1.is_none_or(|is| is == said.payment);
    (!is_said).then(|| format!("says {:?} and {:?}, is {is:?}", said.fulfilment, said.payment))
}

fn fulfilment(parcels: &[Parcel]) -> FulfilmentStatus {
    let is = |phases: &[ParcelPhase]| {
        parcels.iter().filter(|parcel| phases.contains(&parcel.phase)).count()
    };
    let n_waiting = is(&[ParcelPhase::Pending, ParcelPhase::Stopping, ParcelPhase::Released]);
    let n_moving = is(&[ParcelPhase::Dispatched, ParcelPhase::InTransit]);
    let n_there = is(&[ParcelPhase::Delivered, ParcelPhase::AutoReceived]);
    let n_refused = is(&[ParcelPhase::Refused]);
    match (n_waiting, n_moving, n_there) {
        (0, 0, 0) if n_refused > 0 => FulfilmentStatus::Shipped,
        (_, 0, 0) => FulfilmentStatus::Unfulfilled,
        (0, 0, _) => FulfilmentStatus::Delivered,
        (0, _, _) => FulfilmentStatus::Shipped,
        (_, _, _) => FulfilmentStatus::Partial,
    }
}

/// What the wallet paid; `None`: another tender pays.
fn payment(body: &Body) -> Option<PaymentStatus> {
    let wallet = body.wallet.as_ref()?;
    Some(match wallet.phase {
        WalletPhase::Asked | WalletPhase::Refused => PaymentStatus::None,
        WalletPhase::Held | WalletPhase::Posting => PaymentStatus::Authorised,
        WalletPhase::Voided => PaymentStatus::Voided,
        WalletPhase::Posted if wallet.refunded >= wallet.amount => PaymentStatus::Refunded,
        WalletPhase::Posted if wallet.refunded > 0 => PaymentStatus::PartiallyRefunded,
        WalletPhase::Posted => PaymentStatus::Paid,
    })
}
