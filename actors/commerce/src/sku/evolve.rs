//! How an event changes a SKU. Never fails: what could not be was refused when it was decided.

use entity::{EventContext, Timestamp};
use uuid::Uuid;

use super::command::Condition;
use super::event::{Moved, MovementKind, Origin};
use super::hold::{Hold, Owner, Phase, Terms, remember};
use super::parts::Parts;
use super::shelf::Claim;
use super::{About, Event, Sku, limits};
use crate::protocol::Location;

pub(super) fn apply(sku: &mut Sku, ctx: &EventContext<'_>, event: &Event) {
    sku.version = ctx.version;
    let at = ctx.at;
    match event {
        Event::Put { product_id, title } => {
            sku.edited = ctx.version;
            sku.about = Some(About { product_id: product_id.clone(), title: title.clone() });
        }
        Event::ArchivedSet { archived } => sku.archived = *archived,
        Event::PriceSet { book, amount, price_version } => {
            sku.prices.insert(book.clone(), *amount);
            sku.price_version = *price_version;
        }
        Event::PolicySet { location, safety, oversell_limit, left: _ } => {
            sku.edited = ctx.version;
            let shelf = sku.shelves.open(location);
            shelf.safety = (*safety).into();
            shelf.oversell_limit = (*oversell_limit).into();
        }
        Event::Adjusted { location, kind, delta, .. } => {
            sku.adjusted(location, *kind, *delta);
        }
        Event::Held { hold_id, owner, terms, left: _ } => sku.held(*hold_id, owner, terms, at),
        Event::Resized { hold_id, terms, left: _ } => {
            sku.give_back_open(*hold_id);
            sku.shelves.take(&terms.parts, claim(terms.phase));
            sku.holds.change(*hold_id, at, |hold| hold.begin(terms, at));
        }
        Event::Grown { hold_id, terms, left: _ } => {
            sku.shelves.take(&terms.parts, claim(terms.phase));
            sku.holds.change(*hold_id, at, |hold| {
                hold.more();
                hold.begin(terms, at);
            });
        }
        Event::Pinned { hold_id } => sku.enter(*hold_id, Phase::Pinned, at),
        Event::Unpinned { hold_id, ttl_ms } => {
            sku.enter(*hold_id, Phase::Held, at);
            sku.holds.change(*hold_id, at, |hold| hold.due = at.plus_ms((*ttl_ms).into()));
        }
        Event::Committed { hold_id } => sku.enter(*hold_id, Phase::Committed, at),
        Event::Released { hold_id, left: _ } => sku.enter(*hold_id, Phase::Released, at),
        Event::Expired { hold_ids, left: _ } | Event::Revoked { hold_ids, left: _ } => {
            for hold_id in hold_ids {
                sku.enter(*hold_id, Phase::Expired, at);
            }
        }
        Event::Transferred { hold_id, owner } => {
            sku.holds.change(*hold_id, at, |hold| hold.transfer(owner));
        }
        Event::Shipped { hold_id, shipment_id, location, qty, left: _ } => {
            sku.shipped(*hold_id, *shipment_id, location, *qty, at);
        }
        Event::Restocked { hold_id, movement, location, qty, origin, condition, left: _ } => {
            let back = (*origin, *condition);
            sku.restocked(*hold_id, *movement, location, *qty, back, at);
        }
        Event::OwnersAsked { hold_ids } => sku.owners_asked(hold_ids, at),
    }
    if let Some(moved) = event.movement() {
        sku.moved(moved, at);
    }
}

const fn claim(phase: Phase) -> Claim {
    match phase {
        Phase::Pinned => Claim::Pinned,
        Phase::Committed => Claim::Committed,
        // A generation never begins ended.
        Phase::Held | Phase::Expired | Phase::Released => Claim::Held,
    }
}

impl Sku {
    fn held(&mut self, hold_id: Uuid, owner: &Owner, terms: &Terms, at: Timestamp) {
        self.shelves.take(&terms.parts, claim(terms.phase));
        self.holds.insert(hold_id, Hold::new(owner, terms, at));
    }

    fn give_back_open(&mut self, hold_id: Uuid) {
        let Some(hold) = self.holds.live(hold_id) else { return };
        if let Some(claim) = hold.open_claim() {
            self.shelves.give(&hold.parts, claim);
        }
    }

    /// Takes the open units of a hold into another phase.
    fn enter(&mut self, hold_id: Uuid, phase: Phase, at: Timestamp) {
        let Some(hold) = self.holds.live(hold_id) else { return };
        let Some(before) = hold.open_claim() else { return };
        self.shelves.give(&hold.parts, before);
        match phase {
            Phase::Held | Phase::Pinned | Phase::Committed => {
                self.shelves.take(&hold.parts, claim(phase));
            }
            Phase::Expired | Phase::Released => {}
        }
        self.holds.change(hold_id, at, |hold| hold.enter(phase, at));
    }

    fn adjusted(&mut self, location: &Location, kind: MovementKind, delta: i64) {
        let shelf = self.shelves.open(location);
        shelf.on_hand = shelf.on_hand.saturating_add(delta);
        match kind {
            MovementKind::Received => shelf.received = shelf.received.saturating_add(delta),
            MovementKind::Adjusted
            | MovementKind::Counted
            | MovementKind::Shipped
            | MovementKind::Restocked => shelf.adjusted = shelf.adjusted.saturating_add(delta),
        }
    }

    fn shipped(
        &mut self,
        hold_id: Uuid,
        shipment: Uuid,
        location: &Location,
        qty: u32,
        at: Timestamp,
    ) {
        let Some(index) = self.shelves.find(location) else { return };
        let shelf = self.shelves.open(location);
        shelf.on_hand = shelf.on_hand.saturating_sub(qty.into());
        shelf.shipped = shelf.shipped.saturating_add(qty.into());
        self.shelves.give(&Parts::One((index, qty)), Claim::Committed);
        self.holds.change(hold_id, at, |hold| {
            let more = hold.more();
            more.sold = more.sold.minus(index, qty);
            more.out = more.out.saturating_add(qty);
            remember(&mut more.shipped, (shipment, index));
        });
    }

    fn restocked(
        &mut self,
        hold_id: Uuid,
        movement: (Uuid, u32),
        location: &Location,
        qty: u32,
        (origin, condition): (Origin, Condition),
        at: Timestamp,
    ) {
        match origin {
            Origin::Committed => {
                let Some(index) = self.shelves.find(location) else { return };
                self.shelves.give(&Parts::One((index, qty)), Claim::Committed);
                self.holds.change(hold_id, at, |hold| {
                    let more = hold.more();
                    more.sold = more.sold.minus(index, qty);
                    remember(&mut more.restocked, movement);
                });
            }
            Origin::Shipped => {
                self.came_back(hold_id, movement, qty, at);
                match condition {
                    Condition::BackInStock => {
                        let shelf = self.shelves.open(location);
                        shelf.on_hand = shelf.on_hand.saturating_add(qty.into());
                        shelf.restocked = shelf.restocked.saturating_add(qty.into());
                    }
                    Condition::Unusable => {}
                }
            }
        }
    }

    fn came_back(&mut self, hold_id: Uuid, movement: (Uuid, u32), qty: u32, at: Timestamp) {
        let back = |hold: &mut Hold| {
            let more = hold.more();
            more.out = more.out.saturating_sub(qty);
            remember(&mut more.restocked, movement);
        };
        if self.holds.live(hold_id).is_some() {
            self.holds.change(hold_id, at, back);
        } else if self.holds.ended(hold_id).is_some() {
            self.holds.change_ended(hold_id, back);
        } else {
            if self.returns.len() >= limits::RETURNS_KEPT {
                self.returns.pop_front();
            }
            self.returns.push_back(movement);
        }
    }

    /// Those that were asked wait a minute; those that did not fit in, a second.
    fn owners_asked(&mut self, hold_ids: &[Uuid], at: Timestamp) {
        for hold_id in hold_ids {
            let next = at.plus_ms(limits::ASK_EVERY_MS);
            self.holds.change(*hold_id, at, |hold| hold.due = next);
        }
        let left: Vec<Uuid> = self
            .holds
            .due_at(at)
            .filter(|(_, hold)| hold.phase == Phase::Pinned)
            .map(|(id, _)| id)
            .collect();
        for hold_id in left {
            let next = at.plus_ms(limits::ASK_SPREAD_MS);
            self.holds.change(hold_id, at, |hold| hold.due = next);
        }
    }

    fn moved(&mut self, moved: Moved<'_>, at: Timestamp) {
        self.movements_made = self.movements_made.saturating_add(1);
        if self.movements.len() >= limits::MOVEMENTS_KEPT {
            self.movements.pop_front();
        }
        self.movements.push_back(moved.numbered(self.movements_made, at));
    }
}
