//! What an event of a SKU owes to the one before: the word for how many there are turns when it
//! has to, a hold lapses when its time is over and is revoked when its units are gone, and places
//! are emptied by name.

use std::collections::BTreeMap;

use commerce::protocol::Location;
use commerce::sku::{Availability, Condition, Event, Left, Origin, Parts};
use entity::Timestamp;
use uuid::Uuid;

/// When each hold that is open may lapse.
#[derive(Debug, Default)]
pub(super) struct Lapses(BTreeMap<Uuid, Timestamp>);

impl Lapses {
    /// What an event at this time breaks.
    pub(super) fn event(&mut self, at: Timestamp, event: &Event) -> Option<String> {
        match event {
            Event::Held { hold_id, terms, .. }
            | Event::Resized { hold_id, terms, .. }
            | Event::Grown { hold_id, terms, .. } => {
                self.0.insert(*hold_id, at.plus_ms(terms.ttl_ms.into()));
                None
            }
            Event::Unpinned { hold_id, ttl_ms } => {
                self.0.insert(*hold_id, at.plus_ms((*ttl_ms).into()));
                None
            }
            Event::Expired { hold_ids, .. } => hold_ids.iter().find_map(|id| {
                let due = self.0.get(id).copied().unwrap_or(Timestamp::MAX);
                (due > at).then(|| format!("hold {id} lapses at {at:?}, before {due:?}"))
            }),
            Event::Put { .. }
            | Event::ArchivedSet { .. }
            | Event::PriceSet { .. }
            | Event::PolicySet { .. }
            | Event::Adjusted { .. }
            | Event::Pinned { .. }
            | Event::Committed { .. }
            | Event::Released { .. }
            | Event::Revoked { .. }
            | Event::Transferred { .. }
            | Event::Shipped { .. }
            | Event::Restocked { .. }
            | Event::OwnersAsked { .. } => None,
        }
    }

    /// When this hold may lapse.
    pub(super) fn due(&self, hold: &Uuid) -> Option<Timestamp> {
        self.0.get(hold).copied()
    }
}

/// How an event that leaves this says another word for it than the units do.
pub(super) fn turned(left: Left, before: u64) -> Option<String> {
    let (was, is) = (Availability::of(before), Availability::of(left.units));
    let wanted = (was != is).then_some(is);
    (left.turned != wanted).then(|| {
        format!(
            "says that the word turns to {:?}, from {before} to {} left",
            left.turned, left.units
        )
    })
}

/// The hold that a count revoked last.
pub(super) fn revoked_last(event: &Event) -> Option<Uuid> {
    match event {
        Event::Revoked { hold_ids, .. } => hold_ids.last().copied(),
        _ => None,
    }
}

/// Whether a hold of these parts could have stayed, with so much to sell at each shelf once it is
/// gone.
pub(super) fn could_stay(parts: &Parts, sellable: impl Fn(u16) -> Option<i64>) -> bool {
    parts.iter().all(|(shelf, qty)| sellable(shelf).is_some_and(|left| left >= i64::from(qty)))
}

/// By how many units an event changes what is on hand, if it is a movement.
pub(super) fn moved(event: &Event) -> Option<i64> {
    match event {
        Event::Adjusted { delta, .. } => Some(*delta),
        Event::Shipped { qty, .. } => Some(-i64::from(*qty)),
        Event::Restocked { qty, origin: Origin::Shipped, condition, .. } => {
            (*condition == Condition::BackInStock).then(|| i64::from(*qty))
        }
        _ => None,
    }
}

/// The place that a hold passed over: no order asks for one, so all are served by name, and from
/// the next place comes only what the one before does not have. `last`: where units were taken.
pub(super) fn passed_over<'a>(
    last: &Location,
    mut left: impl Iterator<Item = (&'a Location, i64)>,
) -> Option<String> {
    let (name, units) = left.find(|(name, units)| *name < last && *units > 0)?;
    Some(format!("takes units at {last}, and {units} are left at {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_emptied_by_name() {
        let [annex, main] = ["annex", "main"].map(Location::from);
        let passed = |last, at_annex, at_main| {
            passed_over(last, [(&main, at_main), (&annex, at_annex)].into_iter()).is_some()
        };
        assert!(!passed(&annex, 3, 5) && !passed(&main, 0, 5) && !passed(&main, -2, 0));
        assert!(passed(&main, 1, 0));
    }
}
