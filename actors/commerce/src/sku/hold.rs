//! One hold: whose it is, what it took, where it stands, and what its owner was answered.
//!
//! ```text
//!            Hold          Pin           Commit            Ship, Restock
//!   nothing ------> Held <------> Pinned ------> Committed -------------> ended
//!                    |     Unpin    |
//!                    +--------------+-- Release, expiry, revocation ----> ended
//! ```
//! A committed hold that grows has a base (committed) and a growth (held or pinned) at once; the
//! phase is that of the present generation, hence of the growth.

use entity::{Affinity, EntityId, EntityKey, Kind, Tenant, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::limits;
use super::parts::{Parts, ShelfIndex};
use super::shelf::Claim;

/// Whose a hold (or an entry of an account) is. The tenant is that of what it owns it in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Its kind.
    pub kind: Kind,
    /// Its affinity, hence the stream that it speaks by.
    pub affinity: Affinity,
    /// Its id.
    pub id: EntityId,
}

impl Owner {
    /// The owner with this key.
    #[must_use]
    pub fn of(key: &EntityKey) -> Self {
        Self { kind: key.kind, affinity: key.affinity, id: key.id.clone() }
    }

    /// Its key, in the shop `tenant`.
    #[must_use]
    pub fn key(&self, tenant: &Tenant) -> EntityKey {
        let Self { kind, affinity, id } = self.clone();
        EntityKey { tenant: tenant.clone(), kind, affinity, id }
    }
}

/// Where the present generation of a hold stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Phase {
    /// It expires.
    Held,
    /// It does not expire.
    Pinned,
    /// Sold.
    Committed,
    /// It expired, or a stock count revoked it.
    Expired,
    /// The owner gave it back.
    Released,
}

/// What a Hold asks for and gets: the content of one generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The generation.
    pub generation: u32,
    /// What was taken, and from where.
    pub parts: Parts,
    /// Time to live from the moment of holding, in milliseconds.
    pub ttl_ms: u32,
    /// Held, pinned (a pinned hold of another size) or committed (held and sold in one step).
    pub phase: Phase,
}

/// What few holds have: units that left or came back, and a base under a growth.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct More {
    /// Committed units of all generations that are neither shipped nor restocked.
    pub(super) sold: Parts,
    /// Units that were shipped and did not come back.
    pub(super) out: u32,
    /// Shipments that took units, with their shelves, oldest first.
    pub(super) shipped: Vec<(Uuid, ShelfIndex)>,
    /// Movements that brought units back, oldest first.
    pub(super) restocked: Vec<(Uuid, u32)>,
}

/// A hold. 80 bytes: twenty thousand of them have to fit into a SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hold {
    owner_id: EntityId,
    owner_affinity: Affinity,
    owner_kind: Kind,
    pub(super) phase: Phase,
    /// The phase in which the present generation was acknowledged.
    pub(super) acked: Phase,
    pub(super) generation: u32,
    ttl_ms: u32,
    pub(super) held_at: Timestamp,
    /// When it expires (held) or is asked about (pinned); else the end of time.
    pub(super) due: Timestamp,
    /// What the present generation took.
    pub(super) parts: Parts,
    pub(super) more: Option<Box<More>>,
}

impl Hold {
    pub(super) fn new(owner: &Owner, terms: &Terms, at: Timestamp) -> Self {
        let mut hold = Self {
            owner_id: owner.id.clone(),
            owner_affinity: owner.affinity,
            owner_kind: owner.kind,
            phase: terms.phase,
            acked: terms.phase,
            generation: 0,
            ttl_ms: 0,
            held_at: at,
            due: Timestamp::MAX,
            parts: Parts::default(),
            more: None,
        };
        hold.begin(terms, at);
        hold
    }

    /// Starts the next generation: another size, or a growth (on a hold whose base is kept).
    pub(super) fn begin(&mut self, terms: &Terms, at: Timestamp) {
        let asked_at = (self.phase == Phase::Pinned).then_some(self.due);
        self.generation = terms.generation;
        self.parts = terms.parts.clone();
        self.ttl_ms = terms.ttl_ms;
        self.held_at = at;
        self.acked = terms.phase;
        self.enter(terms.phase, at);
        if let (Phase::Pinned, Some(asked_at)) = (terms.phase, asked_at) {
            self.due = asked_at;
        }
    }

    /// Takes over what an ended hold of the same id remembers: units that were shipped under it
    /// may still come back.
    pub(super) fn inherit(&mut self, mut past: Box<More>) {
        past.sold = self.sold();
        self.more = Some(past);
    }

    /// Goes into `phase`, with the deadline that belongs to it.
    pub(super) fn enter(&mut self, phase: Phase, at: Timestamp) {
        self.phase = phase;
        self.due = match phase {
            Phase::Held => at.plus_ms(self.ttl_ms.into()),
            Phase::Pinned => at.plus_ms(limits::PINNED_QUIET_MS),
            Phase::Committed | Phase::Expired | Phase::Released => Timestamp::MAX,
        };
        if let (Phase::Committed, Some(more)) = (phase, &mut self.more) {
            more.sold = more.sold.plus(&self.parts);
        }
    }

    pub(super) fn is_owner(&self, key: &EntityKey) -> bool {
        self.owner_id == key.id
            && self.owner_affinity == key.affinity
            && self.owner_kind == key.kind
    }

    pub(super) fn owner(&self, tenant: &Tenant) -> EntityKey {
        EntityKey {
            tenant: tenant.clone(),
            kind: self.owner_kind,
            affinity: self.owner_affinity,
            id: self.owner_id.clone(),
        }
    }

    pub(super) fn transfer(&mut self, owner: &Owner) {
        self.owner_kind = owner.kind;
        self.owner_affinity = owner.affinity;
        self.owner_id = owner.id.clone();
    }

    /// The claim of the present generation while it is open.
    pub(super) const fn open_claim(&self) -> Option<Claim> {
        match self.phase {
            Phase::Held => Some(Claim::Held),
            Phase::Pinned => Some(Claim::Pinned),
            Phase::Committed | Phase::Expired | Phase::Released => None,
        }
    }

    /// What the present generation could give back.
    pub(super) fn open(&self) -> Parts {
        self.open_claim().map_or_else(Parts::default, |_| self.parts.clone())
    }

    /// Committed units that are neither shipped nor restocked.
    pub(super) fn sold(&self) -> Parts {
        match &self.more {
            Some(more) => more.sold.clone(),
            None if self.phase == Phase::Committed => self.parts.clone(),
            None => Parts::default(),
        }
    }

    /// The rarely needed part, made with the present sold units if there is none.
    pub(super) fn more(&mut self) -> &mut More {
        let sold = if self.more.is_none() { self.sold() } else { Parts::default() };
        self.more.get_or_insert_with(|| Box::new(More { sold, ..More::default() }))
    }

    /// Whether every unit has found its end.
    pub(super) fn is_over(&self) -> bool {
        self.open_claim().is_none() && self.sold().is_empty()
    }

    /// Whether it expired by its clock, be it that the timer has not come yet.
    pub(super) fn is_overdue(&self, now: Timestamp) -> bool {
        self.phase == Phase::Held && self.due <= now
    }

    /// Whether the time that it was asked for is over, wherever it stands.
    pub(super) fn is_past_ttl(&self, now: Timestamp) -> bool {
        self.held_at.plus_ms(self.ttl_ms.into()) <= now
    }

    /// When the acknowledged hold was to expire.
    pub(super) fn acked_until(&self) -> Option<Timestamp> {
        (self.acked == Phase::Held).then(|| self.held_at.plus_ms(self.ttl_ms.into()))
    }

    /// Whether any unit ever left.
    pub(super) fn has_shipped(&self) -> bool {
        self.more.as_ref().is_some_and(|more| !more.shipped.is_empty())
    }

    pub(super) fn was_shipped(&self, shipment: Uuid, shelf: Option<ShelfIndex>) -> bool {
        self.more.as_ref().is_some_and(|more| {
            more.shipped.iter().any(|(id, at)| *id == shipment && Some(*at) == shelf)
        })
    }

    pub(super) fn was_restocked(&self, movement: (Uuid, u32)) -> bool {
        self.more.as_ref().is_some_and(|more| more.restocked.contains(&movement))
    }

    /// Bytes on the heap beyond the hold itself.
    pub(super) fn boxed_bytes(&self) -> usize {
        let more = self.more.as_ref().map_or(0, |more| {
            size_of::<More>()
                .saturating_add(more.sold.heap_bytes())
                .saturating_add(more.shipped.len().saturating_mul(24))
                .saturating_add(more.restocked.len().saturating_mul(20))
        });
        self.parts.heap_bytes().saturating_add(more)
    }
}

/// Remembers `item` as the newest of at most [`limits::MOVES_PER_HOLD`].
pub(super) fn remember<T>(items: &mut Vec<T>, item: T) {
    if items.len() >= limits::MOVES_PER_HOLD {
        items.remove(0);
    }
    items.push(item);
}
