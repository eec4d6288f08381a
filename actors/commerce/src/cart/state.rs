//! A cart: what is in it, and which order holds it.

use std::num::NonZeroU32;

use compact_str::CompactString;
use entity::{EntityKey, EventContext, Timestamp};
use serde::{Deserialize, Serialize};

use super::command::{CartPatch, Patch, PlaceBody};
use super::event::{Event, Placed};
use crate::customer::Address;
use crate::keys;
use crate::money::Ccy;
use crate::order::{Owner, Tender};

/// Units of a line at the most (interfaces.md 0.9).
pub const QTY_MAX: u32 = 1_000_000;

/// Merged carts that are remembered against repeats: the newest.
pub const MERGED_KEPT: usize = 16;

/// The shipping option of a cart that names none.
pub const DEFAULT_SHIPPING: &str = "standard";

/// Units of a SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartLine {
    /// The SKU; each stands in one line only.
    pub sku: CompactString,
    /// Units.
    pub qty: NonZeroU32,
}

/// What is in a cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Where it is sold.
    pub channel: CompactString,
    /// The one currency.
    pub currency: Ccy,
    /// Lines, in the order in which they were put in.
    pub lines: Vec<CartLine>,
    /// Where it goes.
    pub address: Option<Address>,
    /// How it goes.
    pub shipping_option: CompactString,
    /// Coupon codes.
    pub coupons: Vec<CompactString>,
    /// How it is paid; nothing means a gateway.
    pub tenders: Vec<Tender>,
}

impl Content {
    /// Applies a merge patch.
    pub(super) fn patch(&mut self, patch: &CartPatch) {
        fn apply<T: Clone>(field: &mut T, patch: &Patch<T>, cleared: impl FnOnce() -> T) {
            match patch {
                Patch::Keep => {}
                Patch::Clear => *field = cleared(),
                Patch::Set(value) => field.clone_from(value),
            }
        }
        match &patch.address {
            Patch::Keep => {}
            Patch::Clear => self.address = None,
            Patch::Set(address) => self.address = Some(address.clone()),
        }
        apply(&mut self.shipping_option, &patch.shipping_option, || DEFAULT_SHIPPING.into());
        apply(&mut self.coupons, &patch.coupons, Vec::new);
        apply(&mut self.tenders, &patch.tenders, Vec::new);
        apply(&mut self.lines, &patch.lines, Vec::new);
    }
}

/// Where a cart stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// It can be changed.
    Open,
    /// An order is on its way.
    Frozen,
    /// It became an order, for ever.
    Ordered,
}

impl Status {
    /// The word of the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Frozen => "frozen",
            Self::Ordered => "ordered",
        }
    }
}

/// A merge that waits for the guest's lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merging {
    /// The guest's cart.
    pub from: EntityKey,
    /// The guest.
    pub guest: CompactString,
}

/// A cart after it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// Whose it is.
    pub owner: Owner,
    /// When it was made.
    pub created_at: Timestamp,
    /// What is in it.
    pub content: Content,
    /// Where it stands.
    pub status: Status,
    /// Which order comes next, or holds it: from 1.
    pub generation: u32,
    /// What that order was placed with, while it holds the cart.
    pub placed: Option<Placed>,
    /// A merge under way.
    pub merging: Option<Merging>,
    /// Carts that brought lines into this one.
    pub merged: Vec<EntityKey>,
}

impl Body {
    /// The cart after its first event.
    pub(super) fn created(ctx: &EventContext<'_>, owner: &Owner, content: &Content) -> Self {
        Self {
            owner: owner.clone(),
            created_at: ctx.at,
            content: content.clone(),
            status: Status::Open,
            generation: 1,
            placed: None,
            merging: None,
            merged: Vec::new(),
        }
    }

    /// The order that holds it, or the next one.
    pub(super) fn order(&self, key: &EntityKey) -> EntityKey {
        keys::order(key, self.generation)
    }

    /// Applies an event.
    pub(super) fn evolve(&mut self, event: &Event) {
        match event {
            // Only the first event is one.
            Event::Created { .. } => {}
            Event::Replaced(content) => self.content.clone_from(content),
            Event::Updated(patch) => self.content.patch(patch),
            Event::LinePut { sku, qty } => self.put(sku, *qty),
            Event::LineDeleted { sku } => self.content.lines.retain(|line| line.sku != *sku),
            Event::MergeAsked(merging) => self.merging = Some(merging.clone()),
            Event::Merged { lines } => self.merge(lines),
            Event::LinesGiven => self.content.lines.clear(),
            Event::Frozen(placed) => {
                self.status = Status::Frozen;
                self.placed = Some(placed.clone());
            }
            Event::Thawed { generation } => {
                self.status = Status::Open;
                self.generation = *generation;
                self.placed = None;
            }
            Event::Ordered => self.status = Status::Ordered,
            Event::LinesReturned { lines } => self.add(lines),
        }
    }

    fn put(&mut self, sku: &CompactString, qty: NonZeroU32) {
        match self.content.lines.iter_mut().find(|line| line.sku == *sku) {
            Some(line) => line.qty = qty,
            None => self.content.lines.push(CartLine { sku: sku.clone(), qty }),
        }
    }

    /// Adds lines; the merge that brought them is over. One that brought none was none: it is
    /// not remembered.
    fn merge(&mut self, lines: &[CartLine]) {
        self.add(lines);
        if let Some(merging) = self.merging.take().filter(|_| !lines.is_empty()) {
            if self.merged.len() >= MERGED_KEPT {
                self.merged.remove(0);
            }
            self.merged.push(merging.from);
        }
    }

    /// Adds lines unit by unit.
    fn add(&mut self, lines: &[CartLine]) {
        for line in lines {
            let have = self.content.lines.iter_mut().find(|have| have.sku == line.sku);
            match have {
                Some(have) => {
                    let qty = have.qty.saturating_add(line.qty.get()).get().min(QTY_MAX);
                    have.qty = NonZeroU32::new(qty).unwrap_or(NonZeroU32::MIN);
                }
                None => self.content.lines.push(line.clone()),
            }
        }
    }

    /// Whether a placing says what the order that holds the cart was placed with. A frozen cart
    /// cannot be edited, so every version since then has the same content.
    pub(super) fn is_same_placing(&self, body: &PlaceBody) -> bool {
        self.placed.as_ref().is_some_and(|placed| {
            placed.body.quote_hash == body.quote_hash
                && placed.body.expected_total == body.expected_total
                && placed.body.txn_type == body.txn_type
                && placed.body.tenders == body.tenders
                && body.cart_version >= placed.body.cart_version
        })
    }

    /// Bytes on the heap, roughly.
    pub(super) fn heap_bytes(&self) -> usize {
        let content = &self.content;
        let lines = content.lines.capacity().saturating_mul(size_of::<CartLine>());
        let address = content.address.as_ref().map_or(0, Address::heap_bytes);
        let tenders = content.tenders.capacity().saturating_mul(size_of::<Tender>());
        let coupons = content.coupons.capacity().saturating_mul(size_of::<CompactString>());
        let merged = self.merged.capacity().saturating_mul(size_of::<EntityKey>());
        [size_of::<Self>(), lines, address, tenders, coupons, merged]
            .into_iter()
            .fold(0, usize::saturating_add)
    }
}
