//! Goods move: sold units leave, units come back.

use uuid::Uuid;

use super::{Asked, Decided};
use crate::protocol::{Location, StockReply};
use crate::sku::command::Condition;
use crate::sku::event::{Left, Origin};
use crate::sku::parts::{Parts, ShelfIndex};
use crate::sku::{Event, Rejection, limits, text};

/// Units that are to leave.
pub(super) struct Parcel {
    pub(super) hold_id: Uuid,
    pub(super) shipment_id: Uuid,
    pub(super) location: Location,
    pub(super) qty: u32,
}

pub(super) fn ship(asked: &Asked<'_>, parcel: Parcel) -> Decided {
    let Parcel { hold_id, shipment_id, location, qty } = parcel;
    asked.owns(hold_id)?;
    let shelf = asked.sku.shelves.find(&location);
    let known = asked.sku.holds.any(hold_id);
    if known.is_some_and(|hold| hold.was_shipped(shipment_id, shelf)) {
        return Ok(asked.say(StockReply::Shipped { hold_id, shipment_id }));
    }
    let sold = known.zip(shelf).map_or(0, |(hold, shelf)| hold.sold().at(shelf));
    let on_hand = shelf.and_then(|shelf| asked.sku.shelves.get(shelf)).map_or(0, |s| s.on_hand);
    if qty == 0 || qty > sold || i64::from(qty) > on_hand {
        return Ok(asked.say(StockReply::ShipRefused { hold_id, shipment_id }));
    }
    let units = asked.sku.shelves.available();
    let left = Left { units, turned: None };
    let event = Event::Shipped { hold_id, shipment_id, location, qty, left };
    Ok(asked.done(event, StockReply::Shipped { hold_id, shipment_id }))
}

/// Units that are to come back.
pub(super) struct Back {
    pub(super) hold_id: Uuid,
    pub(super) movement: (Uuid, u32),
    pub(super) location: Location,
    pub(super) qty: u32,
    pub(super) condition: Condition,
}

pub(super) fn restock(asked: &Asked<'_>, back: Back) -> Decided {
    let Back { hold_id, movement, location, qty, condition } = back;
    let sku = asked.sku;
    asked.owns(hold_id)?;
    let known = sku.holds.any(hold_id);
    let repeated = known.is_some_and(|hold| hold.was_restocked(movement));
    let restocked = StockReply::Restocked { hold_id, movement };
    if sku.about.is_none() {
        return Err(Rejection::NotFound);
    }
    if repeated || sku.returns.contains(&movement) {
        return Ok(asked.say(restocked));
    }
    if qty == 0 || qty > limits::QTY_MAX {
        return Err(Rejection::invalid("/qty", "range", "1 to 1,000,000"));
    }
    let shelf = sku.shelves.find(&location);
    let origin = origin(asked, hold_id, shelf, qty, condition)?;
    let before = sku.shelves.available();
    let after = match (origin, condition, shelf) {
        (Origin::Committed, _, Some(shelf))
        | (Origin::Shipped, Condition::BackInStock, Some(shelf)) => {
            fits(asked, shelf, origin, qty)?;
            sku.shelves.available_after(&Parts::One((shelf, qty)), &Parts::default())
        }
        (Origin::Shipped, Condition::BackInStock, None) => {
            new_place(asked, &location)?;
            before.saturating_add(qty.into())
        }
        (Origin::Shipped, Condition::Unusable, _) | (Origin::Committed, _, None) => before,
    };
    let left = Left::after(before, after);
    let event = Event::Restocked { hold_id, movement, location, qty, origin, condition, left };
    Ok(asked.done(event, restocked))
}

/// Which units are meant: those that never left the location, or those that were shipped.
///
/// An order ships what it took from a location in one shipment, so at most one of the two is
/// there; where both are, unusable ones can only have been shipped. Of a hold that is forgotten
/// (or whose units left long ago) the owner's word is taken: it is a new movement (domain.md 3).
fn origin(
    asked: &Asked<'_>,
    hold_id: Uuid,
    shelf: Option<ShelfIndex>,
    qty: u32,
    condition: Condition,
) -> Result<Origin, Rejection> {
    let Some(hold) = asked.sku.holds.any(hold_id) else { return Ok(Origin::Shipped) };
    let sold = shelf.map_or(0, |shelf| hold.sold().at(shelf));
    let out = hold.more.as_ref().map_or(0, |more| more.out);
    let surely_shipped = match condition {
        Condition::Unusable => out >= qty,
        Condition::BackInStock => false,
    };
    if sold >= qty && !surely_shipped {
        Ok(Origin::Committed)
    } else if out >= qty {
        Ok(Origin::Shipped)
    } else {
        Err(Rejection::NotThatMany { hold_id })
    }
}

fn fits(asked: &Asked<'_>, shelf: ShelfIndex, origin: Origin, qty: u32) -> Result<(), Rejection> {
    let on_hand = asked.sku.shelves.get(shelf).map_or(0, |shelf| shelf.on_hand);
    match origin {
        Origin::Shipped if on_hand.saturating_add(qty.into()) > limits::UNITS_MAX.into() => {
            Err(Rejection::invalid("/qty", "too_large", "too many units"))
        }
        Origin::Shipped | Origin::Committed => Ok(()),
    }
}

fn new_place(asked: &Asked<'_>, location: &Location) -> Result<(), Rejection> {
    text::name("/location", location, limits::NAME_BYTES_MAX)?;
    if asked.sku.shelves.len() >= limits::LOCATIONS_MAX {
        return Err(Rejection::invalid(
            "/location",
            "too_many",
            "the SKU is at too many locations",
        ));
    }
    Ok(())
}
