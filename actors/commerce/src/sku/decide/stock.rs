//! Staff set the policy of a location, and say what is on hand there.

use compact_str::CompactString;
use entity::{Context, Decision};
use uuid::Uuid;

use super::Decided;
use crate::protocol::{IfVersion, Location};
use crate::sku::event::Left;
use crate::sku::shelf::{Claim, Shelves};
use crate::sku::{Change, Event, MovementKind, Rejection, Reply, Sku, limits, text};

/// What is kept back and what may be oversold at a location.
pub(super) struct Policy {
    pub(super) location: Location,
    pub(super) safety: u32,
    pub(super) oversell_limit: u32,
}

pub(super) fn set_policy(
    sku: &Sku,
    ctx: &Context<'_>,
    policy: Policy,
    if_version: IfVersion,
) -> Decided {
    let Policy { location, safety, oversell_limit } = policy;
    let known = place(sku, &location)?;
    units("/safety", safety.into())?;
    units("/oversell_limit", oversell_limit.into())?;
    // The version is the SKU's, so a new location may be written with the SKU's present version.
    let expected = match if_version {
        IfVersion::Any => true,
        IfVersion::Exact(version) => version == sku.version,
        IfVersion::Absent => !known,
        IfVersion::Exists => known,
    };
    if !expected {
        // A location that is to be there, and is not, has no version.
        let version = if if_version == IfVersion::Exists { 0 } else { sku.version };
        return Err(Rejection::VersionMismatch { version });
    }
    let mut shelves = sku.shelves.clone();
    let shelf = shelves.open(&location);
    (shelf.safety, shelf.oversell_limit) = (safety.into(), oversell_limit.into());
    if known && shelves == sku.shelves {
        let view = sku.stock_view(&shelves, sku.version);
        return Ok(Decision::reply(Reply::Stock(view)));
    }
    let left = Left::after(sku.shelves.available(), shelves.available());
    let view = sku.stock_view(&shelves, ctx.version.saturating_add(1));
    let event = Event::PolicySet { location, safety, oversell_limit, left };
    Ok(Decision::event(event).replying(Reply::Stock(view)))
}

pub(super) fn adjust(
    sku: &Sku,
    ctx: &Context<'_>,
    location: Location,
    change: Change,
    reason: CompactString,
) -> Decided {
    place(sku, &location)?;
    text::words("/reason", &reason, limits::REASON_CHARS_MAX)?;
    let mut shelves = sku.shelves.clone();
    let shelf = shelves.open(&location);
    let (kind, delta) = match change {
        Change::Count(count) => {
            (MovementKind::Counted, i64::from(count).saturating_sub(shelf.on_hand))
        }
        Change::Delta(delta) if delta > 0 && is_receipt(&reason) => (MovementKind::Received, delta),
        Change::Delta(delta) => (MovementKind::Adjusted, delta),
    };
    let on_hand = shelf.on_hand.saturating_add(delta);
    if on_hand < 0 {
        return Err(Rejection::NegativeOnHand { on_hand: shelf.on_hand });
    }
    units("/delta", on_hand)?;
    shelf.on_hand = on_hand;
    let shortfall = shelf.sellable().min(0).unsigned_abs();
    let left = Left::after(sku.shelves.available(), shelves.available());
    let hold_ids = revoke(sku, &mut shelves, &location);
    let revoked = (!hold_ids.is_empty())
        .then(|| Event::Revoked { hold_ids, left: Left::after(left.units, shelves.available()) });
    let mut events = Vec::with_capacity(2);
    let adjusted = Event::Adjusted { location, kind, delta, reason, shortfall, left };
    let number = sku.movements_made.saturating_add(1);
    let movement = adjusted.movement().map(|moved| moved.numbered(number, ctx.now));
    let movement = movement.expect("an adjustment is a movement");
    events.push(adjusted);
    events.extend(revoked);
    let stock = sku.stock_view(&shelves, ctx.version.saturating_add(events.len() as u64));
    Ok(Decision::events(events).replying(Reply::Adjusted { stock, movement, shortfall }))
}

/// The newest unpinned holds that have to go until nothing is promised that is not there, or
/// none is left; `shelves` are then as they will be without them.
fn revoke(sku: &Sku, shelves: &mut Shelves, location: &Location) -> Vec<Uuid> {
    let mut revoked = Vec::new();
    let Some(index) = sku.shelves.find(location) else { return revoked };
    let short = |shelves: &Shelves| shelves.get(index).is_some_and(|shelf| shelf.sellable() < 0);
    if !short(shelves) {
        return revoked;
    }
    for (id, hold) in sku.holds.newest_held(index) {
        shelves.give(&hold.parts, Claim::Held);
        revoked.push(id);
        if !short(shelves) || sites::is_broken("count_revokes_one") {
            break;
        }
    }
    revoked
}

/// Whether the location is known. Errors: no such SKU, no such name, too many locations.
fn place(sku: &Sku, location: &Location) -> Result<bool, Rejection> {
    if sku.about.is_none() {
        return Err(Rejection::NotFound);
    }
    text::name("/location", location, limits::NAME_BYTES_MAX)?;
    let known = sku.shelves.find(location).is_some();
    if !known && sku.shelves.len() >= limits::LOCATIONS_MAX {
        return Err(Rejection::invalid(
            "/location",
            "too_many",
            "the SKU is at too many locations",
        ));
    }
    Ok(known)
}

fn units(pointer: &'static str, units: i64) -> Result<(), Rejection> {
    if units > limits::UNITS_MAX.into() {
        Err(Rejection::invalid(pointer, "too_large", "too many units"))
    } else {
        Ok(())
    }
}

fn is_receipt(reason: &str) -> bool {
    reason.eq_ignore_ascii_case("receipt") || reason.eq_ignore_ascii_case("received")
}
