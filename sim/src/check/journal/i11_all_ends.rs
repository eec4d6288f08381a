//! I11: every saga ends, completed or compensated, once faults stop.
//!
//! Where all clocks leapt before the end, nothing waits for a deadline that is over by then, and
//! nothing waited for one when all was at rest before: it may not be late by minutes either.
//! Judged in healed runs only: nothing may wait for an answer any more. An order may rest where
//! only people or a later deadline move it: awaiting its payment, confirmed, on its way, over.

use std::collections::{BTreeMap, BTreeSet};

use commerce::cart;
use commerce::order::{self, HoldPhase, HoldReason, ParcelPhase, Stage, WalletPhase};
use commerce::sku::Phase;
use commerce::{keys, shipment};
use entity::{DeadLetterChange, EntityKey, Quarantine, Timestamp};

use super::decoded::Rec;
use super::money::Settled;
use super::{Findings, World};

/// How long after its time a deadline may come: a clock that was set back, a retry.
const OVERDUE_MS: u64 = 120_000;

/// How late it may be when all is at rest and no clock has leapt.
const LATE_MS: u64 = 30_000;

/// Judges everything that could still wait for something.
#[must_use]
pub fn check(world: &World) -> Findings {
    let mut found = world.findings("I11");
    if !world.given.is_healed {
        return found;
    }
    let now = world.last_time();
    for (key, order) in &world.shop.orders {
        let Some(body) = &order.body else { continue };
        let waits = order_waits(body, now).or_else(|| parcels_wait(world, key, body));
        found.judge(waits.is_none(), || {
            let stage = body.stage;
            format!("{key} in {stage:?} waits: {}", waits.unwrap_or_default())
        });
    }
    for (key, cart) in &world.shop.carts {
        let Some(body) = &cart.body else { continue };
        let waits = cart_waits(world, key, body);
        found.judge(!waits, || format!("{key} waits: {:?}, {:?}", body.status, body.merging));
    }
    deadlines(world, &mut found);
    late(world, &mut found);
    over_time(world, &mut found);
    wallets(world, &mut found);
    troubles(world, &mut found);
    found
}

/// What an order waits for although nobody has to answer any more.
pub(super) fn order_waits(body: &order::Body, now: Timestamp) -> Option<String> {
    let is_at_rest = match body.stage {
        Stage::AwaitingPayment => body.timer.is_some_and(|timer| timer > now),
        Stage::Confirmed
        | Stage::InFulfilment
        | Stage::Fulfilled
        | Stage::Completed
        | Stage::Cancelled => true,
        Stage::Reserving | Stage::Confirming | Stage::Cancelling => false,
    };
    // Staff alone ends what staff began.
    if body.on_hold.is_some_and(|on_hold| on_hold.reason == HoldReason::Risk) {
        return None;
    }
    let is_asking = |phase| {
        matches!(
            phase,
            HoldPhase::Waiting
                | HoldPhase::Asked
                | HoldPhase::AskedToCommit
                | HoldPhase::Committing
        )
    };
    let money = body.wallet.as_ref().map(|wallet| wallet.phase);
    let waits = [
        (!is_at_rest, "a stage that passes"),
        (body.on_hold.is_some(), "an operator"),
        (body.lines.iter().any(|line| is_asking(line.phase)), "a hold"),
        (matches!(money, Some(WalletPhase::Asked | WalletPhase::Posting)), "the wallet"),
        (!body.open.is_empty(), "a compensation"),
        (body.number_asked && body.number.is_none(), "its number"),
        (body.stop.is_some() || body.retry_at.is_some(), "a stop, or a retry"),
        (body.unsent.cart || body.unsent.customer || body.unsent.numbers, "a notice"),
    ];
    let waits: Vec<_> = waits.iter().filter(|(waits, _)| *waits).map(|(_, what)| *what).collect();
    (!waits.is_empty()).then(|| waits.join(", "))
}

/// A parcel that is between two steps, or whose shipment stands elsewhere than the order thinks.
fn parcels_wait(world: &World, key: &EntityKey, body: &order::Body) -> Option<String> {
    body.parcels.iter().find_map(|parcel| {
        let shipment = keys::shipment(key, &parcel.location);
        let other = world.shop.shipments.get(&shipment).and_then(|body| body.as_ref());
        let phase = other.map(|body| body.phase);
        let fits = match (parcel.phase, phase) {
            (ParcelPhase::Stopping | ParcelPhase::Released, _) | (_, None) => false,
            (ParcelPhase::Pending, Some(phase)) => phase == shipment::Phase::Pending,
            (ParcelPhase::Stopped, Some(phase)) => phase == shipment::Phase::Stopped,
            (
                ParcelPhase::Dispatched
                | ParcelPhase::InTransit
                | ParcelPhase::Delivered
                | ParcelPhase::AutoReceived
                | ParcelPhase::Refused,
                Some(phase),
            ) => phase.has_left(),
        };
        let is_told = other.is_none_or(|body| body.lost.is_empty());
        let (at, is) = (&parcel.location, parcel.phase);
        (!fits || !is_told).then(|| format!("the parcel at {at}: {is:?}, shipment {phase:?}"))
    })
}

/// A cart that is still being placed, or whose order ended without telling it.
fn cart_waits(world: &World, key: &EntityKey, body: &cart::Body) -> bool {
    let order = world.shop.orders.get(&keys::order(key, body.generation));
    let stage = order.and_then(|order| order.body.as_ref()).map(|body| (body.stage, body));
    let is_placing = match (body.status, stage) {
        (cart::Status::Open, _) => false,
        (cart::Status::Ordered, stage) => !stage.is_some_and(|(_, body)| body.confirmed),
        (cart::Status::Frozen, Some((stage, body))) => {
            stage != Stage::AwaitingPayment && body.on_hold.is_none()
        }
        (cart::Status::Frozen, None) => true,
    };
    is_placing || body.merging.is_some()
}

/// Nothing waits for a deadline that is over: its timer was lost.
fn deadlines(world: &World, found: &mut Findings) {
    let Some(clock) = world.given.clock else { return };
    let quarantined = quarantined(world);
    for (key, rows) in &world.decoded.entities {
        let Some(last) = rows.last().map(|row| &world.decoded.records[*row].record) else {
            continue;
        };
        let Some(deadline) = last.deadline else { continue };
        let is_over = deadline.plus_ms(OVERDUE_MS) < clock;
        found.judge(!is_over || quarantined.contains_key(key), || {
            format!("{key} was to be woken at {deadline:?}, and it is {clock:?}")
        });
    }
}

/// No deadline was over for long when all was at rest.
fn late(world: &World, found: &mut Findings) {
    let Some((rested_us, clock)) = world.given.rested else { return };
    let quarantined = quarantined(world);
    for (key, rows) in &world.decoded.entities {
        let records = rows.iter().map(|row| &world.decoded.records[*row]);
        let was_there = |rec: &&Rec| world.taken_us(rec).is_some_and(|us| us < rested_us);
        let Some(last) = records.take_while(was_there).last() else { continue };
        let Some(deadline) = last.record.deadline else { continue };
        let is_late = deadline.plus_ms(LATE_MS) < clock;
        found.judge(!is_late || quarantined.contains_key(key), || {
            format!("{key} was to be woken at {deadline:?}, and was not when it was {clock:?}")
        });
    }
}

/// Nothing is still as it may be for a time only, by whatever deadline it may have forgotten: a
/// parcel on its way, an order that may be returned, units that are held.
pub(super) fn over_time(world: &World, found: &mut Findings) {
    let Some(now) = world.given.clock else { return };
    let is_over = |since: Timestamp, ms: u64| since.plus_ms(ms).plus_ms(OVERDUE_MS) < now;
    for (key, shipment) in &world.shop.shipments {
        let Some(body) = shipment else { continue };
        let is_away =
            matches!(body.phase, shipment::Phase::Dispatched | shipment::Phase::InTransit);
        let left = world.shop.left_at.get(key).copied().filter(|_| is_away);
        let late = left.filter(|left| is_over(*left, body.content.auto_receipt_ms));
        found.judge(late.is_none(), || format!("{key} is {:?} since {late:?}", body.phase));
    }
    for (key, order) in &world.shop.orders {
        let fulfilled = order.body.as_ref().filter(|body| body.stage == Stage::Fulfilled);
        let Some(body) = fulfilled.filter(|body| body.on_hold.is_none()) else { continue };
        let last = world.decoded.entities.get(key).and_then(|rows| rows.last());
        let since = last.map_or(now, |row| world.decoded.records[*row].record.at);
        let is_late = is_over(since, body.terms.timers.return_window_ms);
        found.judge(!is_late, || format!("{key} is fulfilled since {since:?}, it is {now:?}"));
    }
    for (key, ledger) in &world.shop.skus {
        for (id, hold) in ledger.holds.iter().filter(|(_, hold)| hold.phase == Phase::Held) {
            let due = ledger.lapses.due(id).filter(|_| !hold.open.is_empty());
            let late = due.filter(|due| is_over(*due, 0));
            found.judge(late.is_none(), || format!("{key}: {hold:?} was to lapse at {late:?}"));
        }
    }
}

/// Money that is set aside belongs to an order that has not been settled.
fn wallets(world: &World, found: &mut Findings) {
    for (key, wallet) in &world.shop.wallets {
        for entry in wallet.entries.values() {
            let order = world.shop.orders.get(&entry.owner).and_then(|it| it.body.as_ref());
            let may_wait = order
                .is_some_and(|body| body.stage == Stage::AwaitingPayment || body.on_hold.is_some());
            found.judge(entry.settled != Settled::No || may_wait, || {
                format!("{key} still sets {} aside for {}", entry.amount, entry.owner)
            });
        }
    }
}

/// No quarantine and no dead letter but those that were planted.
fn troubles(world: &World, found: &mut Findings) {
    let quarantined = quarantined(world);
    let mut letters = BTreeSet::new();
    for rec in world.records() {
        match rec.record.dead_letter.as_deref() {
            Some(DeadLetterChange::Kept(number, _)) => {
                letters.insert((rec.shard, *number));
            }
            Some(DeadLetterChange::Replayed(number)) => {
                letters.remove(&(rec.shard, *number));
            }
            None => {}
        }
    }
    let n = (quarantined.len() + letters.len()) as u64;
    let planted = world.given.n_planted;
    found.judge(n <= planted, || {
        format!("{n} troubles, {planted} planted: {quarantined:?}, dead letters {letters:?}")
    });
}

/// Entities that take nothing any more, with the reason.
fn quarantined(world: &World) -> BTreeMap<&EntityKey, &str> {
    let mut quarantined: BTreeMap<&EntityKey, &str> = BTreeMap::new();
    for rec in world.records() {
        match rec.record.quarantine.as_deref() {
            Some(Quarantine::Imposed { reason }) => {
                quarantined.insert(&rec.record.key, reason);
            }
            Some(Quarantine::Lifted { .. }) => {
                quarantined.remove(&rec.record.key);
            }
            None => {}
        }
    }
    quarantined
}
