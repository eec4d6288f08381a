//! Stock counted a second time, from the events of a SKU alone (I6, I8).
//!
//! Units on hand are the four flows; what is promised is the sum over holds that this model keeps
//! itself. After every event the result is held against what the SKU shows and against what the
//! event says is left. Holds are never forgotten here, unlike in the SKU: an end that comes twice
//! is seen however late.

use std::collections::BTreeMap;

use commerce::protocol::Location;
use commerce::sku::{
    Condition, Event, Left, MovementKind, Origin, Owner, Parts, Phase, Query, ShelfIndex, Sku,
    SkuView, StockView, Terms, View,
};
use entity::{
    Answer, Cause, Context, Entity, EntityKey, EventContext, Principal, Source, Timestamp,
};
use uuid::Uuid;

use super::sold_prices::PriceLog;
use super::stock_rules::{Lapses, could_stay, moved, passed_over, revoked_last, turned};

/// Stock at a location: four flows, a policy, and what holds take.
#[derive(Debug, Default)]
struct Shelf {
    name: Location,
    received: i64,
    adjusted: i64,
    restocked: i64,
    shipped: i64,
    safety: i64,
    oversell: i64,
    held: i64,
    pinned: i64,
    committed: i64,
}

impl Shelf {
    const fn on_hand(&self) -> i64 {
        self.received + self.adjusted + self.restocked - self.shipped
    }

    const fn sellable(&self) -> i64 {
        self.on_hand() + self.oversell - self.safety - self.held - self.pinned - self.committed
    }
}

/// A hold, from its first event for ever.
#[derive(Debug, Clone)]
pub(super) struct Hold {
    pub(super) owner: Owner,
    pub(super) phase: Phase,
    /// Units that may still be given back.
    pub(super) open: Parts,
    /// Sold units that neither left nor came back.
    pub(super) sold: Parts,
    /// Units that left and did not come back.
    pub(super) out: u32,
    shipped: Vec<(Uuid, Location)>,
    restocked: Vec<(Uuid, u32)>,
    /// Versions of the SKU before it first began.
    pub(super) began: u64,
}

impl Hold {
    fn begin(&mut self, terms: &Terms) {
        self.phase = terms.phase;
        self.open = Parts::default();
        match terms.phase {
            Phase::Held | Phase::Pinned => self.open = terms.parts.clone(),
            Phase::Committed => self.sold = self.sold.plus(&terms.parts),
            Phase::Expired | Phase::Released => {}
        }
    }

    /// Whether units of it have not found their end.
    pub(super) fn is_live(&self) -> bool {
        !self.open.is_empty() || !self.sold.is_empty()
    }
}

/// A SKU's stock.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    shelves: Vec<Shelf>,
    pub(super) holds: BTreeMap<Uuid, Hold>,
    /// What units were held at.
    pub(super) prices: PriceLog,
    /// When holds may lapse.
    pub(super) lapses: Lapses,
    /// The shelf that the event before corrected: what it has too few, holds give back at once.
    corrected: Option<ShelfIndex>,
    /// Units for sale whenever they changed: time in ms since 1970, units.
    pub(super) for_sale: Vec<(u64, u64)>,
    /// Units for sale after each version, from 1.
    pub(super) at_version: Vec<u64>,
    /// Movements so far.
    n_moves: u64,
    /// What breaks I6.
    pub(super) stock_faults: Vec<String>,
    /// What breaks I8.
    pub(super) end_faults: Vec<String>,
    pub(super) n_versions: u64,
    pub(super) n_ends: u64,
}

impl Ledger {
    /// Counts an event; `sku` is the state after it.
    pub(super) fn event(&mut self, ctx: &EventContext<'_>, sku: &Sku, event: &Event) {
        self.n_versions += 1;
        let before = self.end_faults.len();
        let was_available = self.available();
        let revoked = revoked_last(event).and_then(|id| Some(self.holds.get(&id)?.open.clone()));
        self.end_faults.extend(self.lapses.event(ctx.at, event));
        let corrected = self.corrected.take();
        let is_revoked = matches!(event, Event::Revoked { .. });
        self.end_faults.extend(corrected.filter(|_| !is_revoked).and_then(|it| self.kept(it)));
        self.apply(event);
        self.end_faults.extend(corrected.filter(|_| is_revoked).and_then(|it| self.kept(it)));
        if let Event::Adjusted { location, .. } = event {
            self.corrected = self.find(location);
        }
        self.prices.event(event);
        let available = self.available();
        let sellable = |at: ShelfIndex| self.shelves.get(usize::from(at)).map(Shelf::sellable);
        if revoked.is_some_and(|parts| could_stay(&parts, sellable)) {
            self.end_faults.push("a hold was revoked that could have stayed".into());
        }
        if self.for_sale.last().is_none_or(|(_, last)| *last != available) {
            self.for_sale.push((ctx.at.0, available));
        }
        self.at_version.push(available);
        for fault in &mut self.end_faults[before..] {
            *fault = format!("{} at {}: {fault}", ctx.key, ctx.version);
        }
        let at = |what: String| format!("{} at {}: {what}", ctx.key, ctx.version);
        if let Some(shown) = shown(ctx, sku)
            && let Some(fault) = self.differs(&shown)
        {
            self.stock_faults.push(at(fault));
        }
        if let Some(qty) = moved(event) {
            self.n_moves += 1;
            let (is, said) = ((self.n_moves, qty), newest_movement(ctx, sku));
            if said != Some(is) {
                self.stock_faults.push(at(format!("shows {said:?} as movement, it is {is:?}")));
            }
        }
        if let Some(left) = left(event) {
            if left.units != available {
                let said = left.units;
                self.stock_faults.push(at(format!("says {said} are left, there are {available}")));
            }
            self.stock_faults.extend(turned(left, was_available).map(at));
        }
        let taken = self.taken(event);
        let taken = taken.iter().filter_map(|it| self.shelves.get(usize::from(*it)));
        let all = self.shelves.iter().map(|shelf| (&shelf.name, shelf.sellable()));
        let last = taken.clone().map(|shelf| &shelf.name).max();
        self.stock_faults.extend(last.and_then(|last| passed_over(last, all)).map(at));
        for shelf in taken {
            if shelf.sellable() < 0 {
                let (name, sellable) = (&shelf.name, shelf.sellable());
                self.stock_faults.push(at(format!("a hold leaves {sellable} at {name}")));
            }
        }
    }

    /// What the last event should have been followed by.
    pub(super) fn unfinished(&self) -> Option<String> {
        self.corrected.and_then(|corrected| self.kept(corrected))
    }

    /// The hold that keeps its units although the corrected shelf has too few.
    fn kept(&self, corrected: ShelfIndex) -> Option<String> {
        let sellable = self.shelves.get(usize::from(corrected)).map_or(0, Shelf::sellable);
        let keeps = |hold: &&Hold| hold.phase == Phase::Held && hold.open.at(corrected) > 0;
        let owner = &self.holds.values().find(keeps).filter(|_| sellable < 0)?.owner;
        Some(format!("a correction leaves {sellable}, and a hold of {owner:?} keeps its units"))
    }

    /// The shelf of a location; its index.
    pub(super) fn find(&self, location: &str) -> Option<ShelfIndex> {
        let index = self.shelves.iter().position(|shelf| shelf.name == location)?;
        ShelfIndex::try_from(index).ok()
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::Put { .. }
            | Event::ArchivedSet { .. }
            | Event::PriceSet { .. }
            | Event::OwnersAsked { .. } => {}
            Event::PolicySet { location, safety, oversell_limit, left: _ } => {
                let shelf = self.open(location);
                shelf.safety = (*safety).into();
                shelf.oversell = (*oversell_limit).into();
            }
            Event::Adjusted { location, kind, delta, .. } => {
                let shelf = self.open(location);
                match kind {
                    MovementKind::Received => shelf.received += delta,
                    MovementKind::Adjusted
                    | MovementKind::Counted
                    | MovementKind::Shipped
                    | MovementKind::Restocked => shelf.adjusted += delta,
                }
            }
            Event::Held { hold_id, owner, terms, left: _ } => self.held(*hold_id, owner, terms),
            Event::Resized { hold_id, terms, left: _ } => {
                self.change(*hold_id, "resized", |hold| {
                    let was_open = !hold.open.is_empty();
                    hold.begin(terms);
                    was_open
                });
            }
            Event::Grown { hold_id, terms, left: _ } => {
                self.change(*hold_id, "grown", |hold| {
                    let is_base = hold.open.is_empty() && !hold.sold.is_empty();
                    hold.begin(terms);
                    is_base
                });
            }
            Event::Pinned { hold_id } => self.turn(*hold_id, Phase::Held, Phase::Pinned),
            Event::Unpinned { hold_id, ttl_ms: _ } => {
                self.turn(*hold_id, Phase::Pinned, Phase::Held);
            }
            Event::Committed { hold_id } => self.sell(*hold_id),
            Event::Released { hold_id, left: _ } => self.end(*hold_id, Phase::Released),
            Event::Expired { hold_ids, left: _ } | Event::Revoked { hold_ids, left: _ } => {
                for hold_id in hold_ids {
                    self.end(*hold_id, Phase::Expired);
                }
            }
            Event::Transferred { hold_id, owner } => {
                self.change(*hold_id, "transferred", |hold| {
                    hold.owner = owner.clone();
                    hold.is_live()
                });
            }
            Event::Shipped { hold_id, shipment_id, location, qty, left: _ } => {
                self.shipped(*hold_id, *shipment_id, location, *qty);
            }
            Event::Restocked { hold_id, movement, location, qty, origin, condition, left: _ } => {
                self.restocked(*hold_id, *movement, location, *qty, (*origin, *condition));
            }
        }
    }

    fn open(&mut self, name: &Location) -> &mut Shelf {
        let index = self.shelves.iter().position(|shelf| shelf.name == *name);
        let index = index.unwrap_or_else(|| {
            self.shelves.push(Shelf { name: name.clone(), ..Shelf::default() });
            self.shelves.len() - 1
        });
        &mut self.shelves[index]
    }

    fn held(&mut self, id: Uuid, owner: &Owner, terms: &Terms) {
        let past = self.holds.get(&id);
        if past.is_some_and(Hold::is_live) {
            self.end_faults.push(format!("hold {id} begins again before it ended"));
        }
        let mut hold = Hold {
            owner: owner.clone(),
            phase: terms.phase,
            open: Parts::default(),
            sold: Parts::default(),
            out: past.map_or(0, |past| past.out),
            shipped: past.map_or_else(Vec::new, |past| past.shipped.clone()),
            restocked: past.map_or_else(Vec::new, |past| past.restocked.clone()),
            began: past.map_or(self.at_version.len() as u64, |past| past.began),
        };
        hold.begin(terms);
        self.claim(&hold, 1);
        self.holds.insert(id, hold);
    }

    /// Changes a hold and what it takes; `change` says whether it could be so.
    fn change(&mut self, id: Uuid, what: &str, change: impl FnOnce(&mut Hold) -> bool) {
        let Some(mut hold) = self.holds.remove(&id) else {
            return self.end_faults.push(format!("hold {id}, which never was, is {what}"));
        };
        self.claim(&hold, -1);
        let before = hold.clone();
        if !change(&mut hold) {
            self.end_faults.push(format!("hold is {what} as it cannot be: {before:?}"));
        }
        self.claim(&hold, 1);
        self.holds.insert(id, hold);
    }

    /// Adds (or takes away) what a hold takes from the shelves.
    fn claim(&mut self, hold: &Hold, sign: i64) {
        for (index, qty) in hold.open.iter() {
            if let Some(shelf) = self.shelves.get_mut(usize::from(index)) {
                let is_pinned = hold.phase == Phase::Pinned;
                let counter = if is_pinned { &mut shelf.pinned } else { &mut shelf.held };
                *counter += sign * i64::from(qty);
            }
        }
        for (index, qty) in hold.sold.iter() {
            if let Some(shelf) = self.shelves.get_mut(usize::from(index)) {
                shelf.committed += sign * i64::from(qty);
            }
        }
    }

    fn turn(&mut self, id: Uuid, from: Phase, to: Phase) {
        self.change(id, "turned", |hold| {
            let fits = hold.phase == from && !hold.open.is_empty();
            hold.phase = to;
            fits
        });
    }

    fn sell(&mut self, id: Uuid) {
        self.change(id, "sold", |hold| {
            let open = std::mem::take(&mut hold.open);
            hold.sold = hold.sold.plus(&open);
            hold.phase = Phase::Committed;
            !open.is_empty()
        });
    }

    fn end(&mut self, id: Uuid, phase: Phase) {
        self.n_ends += 1;
        self.change(id, "given back", |hold| {
            let open = std::mem::take(&mut hold.open);
            hold.phase = phase;
            !open.is_empty()
        });
    }

    fn shipped(&mut self, id: Uuid, shipment: Uuid, location: &Location, qty: u32) {
        self.n_ends += 1;
        self.open(location).shipped += i64::from(qty);
        let index = self.find(location).unwrap_or(ShelfIndex::MAX);
        self.change(id, "shipped", |hold| {
            let leg = (shipment, location.clone());
            let fits = hold.sold.at(index) >= qty && !hold.shipped.contains(&leg);
            hold.sold = hold.sold.minus(index, qty);
            hold.out += qty;
            hold.shipped.push(leg);
            fits
        });
    }

    fn restocked(
        &mut self,
        id: Uuid,
        movement: (Uuid, u32),
        location: &Location,
        qty: u32,
        (origin, condition): (Origin, Condition),
    ) {
        self.n_ends += 1;
        if (origin, condition) == (Origin::Shipped, Condition::BackInStock) {
            self.open(location).restocked += i64::from(qty);
        }
        let index = self.find(location).unwrap_or(ShelfIndex::MAX);
        self.change(id, "restocked", |hold| {
            let is_new = !hold.restocked.contains(&movement);
            hold.restocked.push(movement);
            let there = match origin {
                Origin::Committed => hold.sold.at(index),
                Origin::Shipped => hold.out,
            };
            match origin {
                Origin::Committed => hold.sold = hold.sold.minus(index, qty),
                Origin::Shipped => hold.out = hold.out.saturating_sub(qty),
            }
            is_new && there >= qty
        });
    }

    fn available(&self) -> u64 {
        self.shelves.iter().map(|shelf| shelf.sellable().max(0).unsigned_abs()).sum()
    }

    /// Shelves that a hold took units from in this event.
    fn taken(&self, event: &Event) -> Vec<ShelfIndex> {
        match event {
            Event::Held { terms, .. }
            | Event::Resized { terms, .. }
            | Event::Grown { terms, .. } => terms.parts.iter().map(|(index, _)| index).collect(),
            Event::Put { .. }
            | Event::ArchivedSet { .. }
            | Event::PriceSet { .. }
            | Event::PolicySet { .. }
            | Event::Adjusted { .. }
            | Event::Pinned { .. }
            | Event::Unpinned { .. }
            | Event::Committed { .. }
            | Event::Released { .. }
            | Event::Expired { .. }
            | Event::Revoked { .. }
            | Event::Transferred { .. }
            | Event::Shipped { .. }
            | Event::Restocked { .. }
            | Event::OwnersAsked { .. } => Vec::new(),
        }
    }

    /// How the SKU shows something else than was counted.
    fn differs(&self, shown: &StockView) -> Option<String> {
        if shown.available != self.available() || shown.locations.len() != self.shelves.len() {
            let (said, is) = (shown.available, self.available());
            return Some(format!("shows {said} available, counted {is}"));
        }
        shown.locations.iter().find_map(|said| {
            let shelf = self.shelves.iter().find(|shelf| shelf.name == said.location)?;
            let is = [
                shelf.on_hand(),
                shelf.safety,
                shelf.oversell,
                shelf.held,
                shelf.pinned,
                shelf.committed,
                shelf.sellable(),
            ];
            let fits = is
                == [
                    said.on_hand,
                    said.safety,
                    said.oversell_limit,
                    said.held,
                    said.pinned,
                    said.committed,
                    said.sellable,
                ];
            (!fits || shelf.on_hand() < 0).then(|| format!("shows {said:?}, counted {shelf:?}"))
        })
    }
}

/// What an event says is left.
const fn left(event: &Event) -> Option<Left> {
    match event {
        Event::PolicySet { left, .. }
        | Event::Adjusted { left, .. }
        | Event::Held { left, .. }
        | Event::Resized { left, .. }
        | Event::Grown { left, .. }
        | Event::Released { left, .. }
        | Event::Expired { left, .. }
        | Event::Revoked { left, .. }
        | Event::Shipped { left, .. }
        | Event::Restocked { left, .. } => Some(*left),
        Event::Put { .. }
        | Event::ArchivedSet { .. }
        | Event::PriceSet { .. }
        | Event::Pinned { .. }
        | Event::Unpinned { .. }
        | Event::Committed { .. }
        | Event::Transferred { .. }
        | Event::OwnersAsked { .. } => None,
    }
}

/// What the SKU shows of its stock.
fn shown(at: &EventContext<'_>, sku: &Sku) -> Option<StockView> {
    match asked(at, sku, &Query::Stock)? {
        View::Stock(stock) => Some(stock),
        _ => None,
    }
}

/// What everybody is shown of a SKU in the end.
pub(super) fn public(key: &EntityKey, sku: &Sku) -> Option<SkuView> {
    match asked(&EventContext { key, version: 0, at: Timestamp::default() }, sku, &Query::Get)? {
        View::Sku(view) => Some(view),
        _ => None,
    }
}

/// Number and units of the newest movement that the SKU shows.
fn newest_movement(at: &EventContext<'_>, sku: &Sku) -> Option<(u64, i64)> {
    match asked(at, sku, &Query::Movements { before: None, limit: 1 })? {
        View::Movements { movements, .. } => movements.first().map(|it| (it.number, it.qty)),
        _ => None,
    }
}

fn asked(at: &EventContext<'_>, sku: &Sku, query: &Query) -> Option<View> {
    let (principal, cause) = (Principal::system(at.key.tenant.clone()), Cause::default());
    let ctx = Context {
        key: at.key,
        now: at.at,
        version: at.version,
        principal: &principal,
        source: Source::Caller,
        cause: &cause,
    };
    match sku.query(&ctx, query) {
        Answer::Ready(view) => Some(view),
        Answer::NotYet(_) | Answer::Rejected(_) => None,
    }
}
