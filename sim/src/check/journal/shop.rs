//! Every entity of the shop, folded once, with what the checkers want to know of its way.
//!
//! Kinds that no checker looks into are folded all the same: their snapshots are judged (I3).

use std::collections::BTreeMap;

use commerce::account::Account;
use commerce::cart::{self, Cart};
use commerce::customer::Customer;
use commerce::kinds;
use commerce::numbers::Numbers;
use commerce::order::{self, After, Fact, Order};
use commerce::product::Product;
use commerce::shipment::{self, Shipment};
use commerce::sku::{Sku, SkuView};
use entity::{EntityKey, Timestamp};

use super::arrivals::{self, Arrivals};
use super::cancelled_units::CancelledUnits;
use super::customers::CustomerFold;
use super::decoded::{Decoded, Row};
use super::fold::Folder;
use super::ledger::{self, Ledger};
use super::money::Wallet;
use super::promised::{OfOrder, OfShipment};
use super::read::Journals;
use super::{offers, prompt, words};

/// When an entity waited for answers, by its versions.
#[derive(Debug, Default)]
pub(super) struct Waits(Vec<(u64, Option<u64>)>);

impl Waits {
    /// Whether it waits after a version; versions come in order.
    fn note(&mut self, version: u64, waits: bool) {
        match self.0.last_mut().filter(|(_, end)| end.is_none()) {
            Some((_, end)) if !waits => *end = Some(version),
            None if waits => self.0.push((version, None)),
            Some(_) | None => {}
        }
    }

    /// The version that began each wait, and the one that ended it, if one did.
    pub(super) fn spans(&self) -> &[(u64, Option<u64>)] {
        &self.0
    }
}

/// An order and its way.
#[derive(Debug, Default)]
pub(super) struct OrderFold {
    /// Where it stands; none: no placing came.
    pub(super) body: Option<Box<order::Body>>,
    /// The public words after each version, from 1.
    pub(super) after: Vec<After>,
    /// Placings among its events.
    pub(super) n_placed: u64,
    /// When it waited for others.
    pub(super) waits: Waits,
    /// When carriers saw its parcels.
    pub(super) seen: Vec<Timestamp>,
}

/// A cart and its way.
#[derive(Debug, Default)]
pub(super) struct CartFold {
    pub(super) body: Option<Box<cart::Body>>,
    pub(super) version: u64,
    /// Generations that an order was asked for, in order.
    pub(super) frozen: Vec<u32>,
    /// What breaks I12.
    pub(super) faults: Vec<String>,
}

/// The folded shop.
#[derive(Debug, Default)]
pub(super) struct Shop {
    pub(super) skus: BTreeMap<EntityKey, Ledger>,
    pub(super) wallets: BTreeMap<EntityKey, Wallet>,
    pub(super) orders: BTreeMap<EntityKey, OrderFold>,
    pub(super) carts: BTreeMap<EntityKey, CartFold>,
    pub(super) shipments: BTreeMap<EntityKey, Option<Box<shipment::Body>>>,
    /// What carriers saw of them.
    pub(super) arrivals: BTreeMap<EntityKey, Arrivals>,
    /// When shipments left, by the record that says so.
    pub(super) left_at: BTreeMap<EntityKey, Timestamp>,
    pub(super) customers: BTreeMap<EntityKey, CustomerFold>,
    /// SKUs as they show themselves in the end.
    pub(super) stocked: BTreeMap<EntityKey, SkuView>,
    /// What orders say of themselves and is not so.
    pub(super) word_faults: Vec<String>,
    /// Deadlines that are not those that were promised.
    pub(super) deadline_faults: Vec<String>,
    /// What breaks I3.
    pub(super) faults: Vec<String>,
    pub(super) n_events: u64,
    pub(super) n_snapshots: u64,
}

impl Shop {
    pub(super) fn of(decoded: &Decoded, journals: &Journals) -> Self {
        let mut shop = Self::default();
        let mut folder = Folder::new(decoded, &journals.snapshots);
        for (key, rows) in &decoded.entities {
            shop.add(&mut folder, key, rows);
        }
        for (key, _) in &journals.snapshots {
            if !decoded.entities.contains_key(key) {
                folder.faults.push(format!("{key}: a snapshot of an entity without records"));
            }
        }
        shop.n_events = folder.n_events;
        shop.n_snapshots = folder.n_snapshots;
        shop.faults.append(&mut folder.faults);
        shop
    }

    fn add(&mut self, folder: &mut Folder<'_>, key: &EntityKey, rows: &[Row]) {
        match key.kind {
            kinds::SKU => {
                let mut ledger = Ledger::default();
                let sku =
                    folder.fold::<Sku>(key, rows, |ctx, sku, event| ledger.event(ctx, sku, event));
                self.stocked.extend(ledger::public(key, &sku).map(|view| (key.clone(), view)));
                self.skus.insert(key.clone(), ledger);
            }
            kinds::ACCOUNT => {
                let mut wallet = Wallet::default();
                folder.fold::<Account>(key, rows, |ctx, state, event| {
                    wallet.event(ctx, state, event);
                });
                self.wallets.insert(key.clone(), wallet);
            }
            kinds::ORDER => self.order(folder, key, rows),
            kinds::CART => self.cart(folder, key, rows),
            kinds::SHIPMENT => {
                let left_at = &mut self.left_at;
                let (faults, mut promised) = (&mut self.deadline_faults, OfShipment::default());
                let mut arrivals = Arrivals::default();
                let shipment = folder.fold::<Shipment>(key, rows, |ctx, state, event| {
                    if matches!(event.fact, shipment::Fact::Dispatched) {
                        left_at.insert(key.clone(), ctx.at);
                    }
                    arrivals.event(ctx, state, event);
                    faults.extend(promised.event(ctx, state, event));
                });
                self.arrivals.insert(key.clone(), arrivals);
                faults.extend(promised.unfinished(key));
                self.shipments.insert(key.clone(), shipment.body);
            }
            kinds::CUSTOMER => {
                let mut fold = CustomerFold::default();
                folder.fold::<Customer>(key, rows, |ctx, state, _| fold.event(ctx, state));
                self.customers.insert(key.clone(), fold);
            }
            kinds::PRODUCT => {
                folder.fold::<Product>(key, rows, |_, _, _| {});
            }
            kinds::NUMBERS => {
                folder.fold::<Numbers>(key, rows, |_, _, _| {});
            }
            _ => folder.faults.push(format!("{key}: a kind that the shop does not have")),
        }
    }

    fn order(&mut self, folder: &mut Folder<'_>, key: &EntityKey, rows: &[Row]) {
        let mut fold = OrderFold::default();
        let (faults, mut promised) = (&mut self.faults, OfOrder::default());
        let mut units = CancelledUnits::default();
        let (word_faults, deadline_faults) = (&mut self.word_faults, &mut self.deadline_faults);
        let state = folder.fold::<Order>(key, rows, |ctx, state, event| {
            fold.after.push(event.after);
            fold.n_placed += u64::from(matches!(event.fact, Fact::Placed(_)));
            let waits = state.body.as_ref().is_some_and(|body| prompt::waits(body, ctx.at));
            fold.waits.note(ctx.version, waits);
            let is = state.body.as_ref().map(|body| body.after());
            if is != Some(event.after) {
                let (version, said) = (ctx.version, event.after);
                faults.push(format!("{key} at {version}: says {said:?}, folded {is:?}"));
            }
            let body = state.body.as_ref();
            let said = body.and_then(|body| words::differ(event.after, body));
            word_faults.extend(said.map(|what| format!("{key} at {}: {what}", ctx.version)));
            word_faults.extend(offers::differ(ctx, state));
            deadline_faults.extend(promised.event(ctx, state, event));
            fold.seen.extend(arrivals::seen(event));
            units.event(state.body.as_deref(), event);
            word_faults.extend(units.differ(ctx, state.body.as_deref()));
        });
        deadline_faults.extend(promised.unfinished(key));
        fold.body = state.body;
        self.orders.insert(key.clone(), fold);
    }

    fn cart(&mut self, folder: &mut Folder<'_>, key: &EntityKey, rows: &[Row]) {
        let mut fold = CartFold::default();
        let (mut is_frozen, mut is_ordered) = (false, false);
        let state = folder.fold::<Cart>(key, rows, |ctx, state, event| {
            fold.version = ctx.version;
            let generation = state.body.as_ref().map_or(0, |body| body.generation);
            let fits = match event {
                cart::Event::Frozen(_) => {
                    fold.frozen.push(generation);
                    !std::mem::replace(&mut is_frozen, true)
                }
                cart::Event::Thawed { .. } => {
                    std::mem::replace(&mut is_frozen, false) && !is_ordered
                }
                // For ever: it stays as an order froze it.
                cart::Event::Ordered => is_frozen && !std::mem::replace(&mut is_ordered, true),
                cart::Event::Created { .. } => ctx.version == 1,
                cart::Event::Replaced(_)
                | cart::Event::Updated(_)
                | cart::Event::LinePut { .. }
                | cart::Event::LineDeleted { .. }
                | cart::Event::MergeAsked(_)
                | cart::Event::LinesGiven => !is_frozen,
                // Lines that were given may come back to whatever the cart is by then.
                cart::Event::Merged { .. } | cart::Event::LinesReturned { .. } => true,
            };
            if !fits {
                fold.faults.push(format!("{key} at {}: {event:?}", ctx.version));
            }
        });
        fold.body = state.body;
        self.carts.insert(key.clone(), fold);
    }
}
