//! The stock of a SKU at each location: policy, movements, and what holds take from it.
//!
//! Guarantees (I6): `received + adjusted + restocked - shipped = on_hand`; `sellable = on_hand +
//! oversell_limit - safety - held - pinned - committed`. The three last are sums over the holds,
//! kept beside them so that a hold costs no walk. Applying a fact never fails: bounds are checked
//! when it is decided, and the arithmetic here saturates.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::parts::{Parts, ShelfIndex};
use crate::protocol::{Location, Split};

/// Stock at one location.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shelf {
    pub(super) name: Location,
    pub(super) on_hand: i64,
    pub(super) safety: i64,
    pub(super) oversell_limit: i64,
    pub(super) received: i64,
    pub(super) adjusted: i64,
    pub(super) restocked: i64,
    pub(super) shipped: i64,
    pub(super) held: i64,
    pub(super) pinned: i64,
    pub(super) committed: i64,
}

impl Shelf {
    /// Units that may be held; negative after a count that found too few.
    pub(super) const fn sellable(&self) -> i64 {
        self.on_hand
            .saturating_add(self.oversell_limit)
            .saturating_sub(self.safety)
            .saturating_sub(self.held)
            .saturating_sub(self.pinned)
            .saturating_sub(self.committed)
    }
}

/// What a unit is taken as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// Held: it expires.
    Held,
    /// Pinned: money may move.
    Pinned,
    /// Sold, not yet shipped.
    Committed,
}

/// All locations of a SKU. They are never removed: an index stays good for ever.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shelves(Vec<Shelf>);

impl Shelves {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Shelf> {
        self.0.iter()
    }

    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn find(&self, name: &str) -> Option<ShelfIndex> {
        let index = self.0.iter().position(|shelf| shelf.name == name)?;
        ShelfIndex::try_from(index).ok()
    }

    pub(super) fn get(&self, index: ShelfIndex) -> Option<&Shelf> {
        self.0.get(usize::from(index))
    }

    /// The shelf with this name, made if there is none.
    pub(super) fn open(&mut self, name: &Location) -> &mut Shelf {
        let index = self.0.iter().position(|shelf| shelf.name == *name).unwrap_or_else(|| {
            self.0.push(Shelf { name: name.clone(), ..Shelf::default() });
            self.0.len().saturating_sub(1)
        });
        &mut self.0[index]
    }

    /// Units that one hold could take: what is sellable at each location, never less than none.
    pub(super) fn available(&self) -> u64 {
        self.0
            .iter()
            .fold(0, |sum: u64, shelf| sum.saturating_add(shelf.sellable().max(0).unsigned_abs()))
    }

    /// The same after `freed` came back and `taken` went.
    pub(super) fn available_after(&self, freed: &Parts, taken: &Parts) -> u64 {
        (0..).zip(&self.0).fold(0, |sum: u64, (index, shelf)| {
            let sellable = shelf
                .sellable()
                .saturating_add(freed.at(index).into())
                .saturating_sub(taken.at(index).into());
            sum.saturating_add(sellable.max(0).unsigned_abs())
        })
    }

    /// Chooses `qty` units by preference, then by name, counting `own` as free.
    ///
    /// Errors: what could be taken at most, if that is less.
    pub(super) fn split(&self, own: &Parts, qty: u32, prefer: &[Location]) -> Result<Parts, u64> {
        let free = self.available_after(own, &Parts::default());
        if free < u64::from(qty) {
            return Err(free);
        }
        let mut left = qty;
        let mut parts = Vec::with_capacity(1);
        for index in self.by_preference(prefer) {
            let Some(shelf) = self.get(index) else { continue };
            let sellable = shelf.sellable().saturating_add(own.at(index).into()).max(0);
            let take = left.min(u32::try_from(sellable).unwrap_or(u32::MAX));
            if take > 0 {
                parts.push((index, take));
                left = left.saturating_sub(take);
            }
            if left == 0 {
                break;
            }
        }
        assert_eq!(left, 0, "I6: the shelves have what their sum has");
        Ok(Parts::of(parts))
    }

    fn by_preference(&self, prefer: &[Location]) -> SmallVec<[ShelfIndex; 8]> {
        let mut order: SmallVec<[ShelfIndex; 8]> = (0..).take(self.0.len()).collect();
        if order.len() > 1 {
            order.sort_unstable_by_key(|index| {
                let name = self.get(*index).map(|shelf| &shelf.name);
                let wish = prefer.iter().position(|wanted| Some(wanted) == name);
                (wish.unwrap_or(prefer.len()), name)
            });
        }
        order
    }

    /// Parts by the names of their locations, ordered by name.
    pub(super) fn named(&self, parts: &Parts) -> Split {
        let mut split: Split = parts
            .iter()
            .filter_map(|(index, qty)| self.get(index).map(|shelf| (shelf.name.clone(), qty)))
            .collect();
        split.sort_unstable();
        split
    }

    pub(super) fn take(&mut self, parts: &Parts, claim: Claim) {
        self.shift(parts, claim, 1);
    }

    pub(super) fn give(&mut self, parts: &Parts, claim: Claim) {
        self.shift(parts, claim, -1);
    }

    fn shift(&mut self, parts: &Parts, claim: Claim, sign: i64) {
        for (index, qty) in parts.iter() {
            let Some(shelf) = self.0.get_mut(usize::from(index)) else { continue };
            let counter = match claim {
                Claim::Held => &mut shelf.held,
                Claim::Pinned => &mut shelf.pinned,
                Claim::Committed => &mut shelf.committed,
            };
            *counter = counter.saturating_add(sign.saturating_mul(qty.into()));
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.0.capacity().saturating_mul(size_of::<Shelf>())
    }
}
