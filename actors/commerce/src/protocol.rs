//! What entities answer each other: the words of the two-phase protocols (domain.md 3, 4).
//!
//! A SKU and an account answer whoever owns the hold. Each message takes effect once and arrives
//! in stream order, so an answer needs no number of its own beside the hold and its generation.

use compact_str::CompactString;
use entity::Timestamp;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use uuid::Uuid;

use crate::money::Money;

/// Name of a stock location.
pub type Location = CompactString;

/// Units per location, ordered by location, without zeros. Nearly always of one location.
pub type Split = SmallVec<[(Location, u32); 1]>;

/// What a writer expects of the thing that it changes (RFC 9110 `If-Match`, `If-None-Match: *`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum IfVersion {
    /// Whatever is there, or nothing.
    #[default]
    Any,
    /// It is there, with this version.
    Exact(u64),
    /// It is not there yet.
    Absent,
    /// It is there, whatever its version (`If-Match: *`).
    Exists,
}

impl IfVersion {
    /// Whether the expectation holds; `version` is that of the present thing, `None`: absent.
    #[must_use]
    pub const fn holds(self, version: Option<u64>) -> bool {
        match (self, version) {
            (Self::Any, _) | (Self::Absent, None) | (Self::Exists, Some(_)) => true,
            (Self::Exact(wanted), Some(have)) => wanted == have,
            (Self::Exact(_) | Self::Exists, None) | (Self::Absent, Some(_)) => false,
        }
    }
}

/// Why a hold was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HoldRefusal {
    /// Fewer units are sellable than were asked for.
    OutOfStock,
    /// The order was priced with an older price version.
    PriceMoved {
        /// The SKU's price version now.
        price_version: u64,
    },
    /// The SKU does not exist or is not for sale.
    NotForSale,
    /// The SKU holds as many open holds as it may.
    TooManyHolds,
}

/// Why a commit was refused. Never silent (domain.md 2, Confirming).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommitRefusal {
    /// The hold had expired.
    Expired,
    /// There is no such hold.
    NoSuchHold,
}

/// What a SKU answers the owner of a hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StockReply {
    /// Held (and committed, when the hold asked for it at once).
    HoldAcked {
        /// The hold.
        hold_id: Uuid,
        /// Its generation.
        generation: u32,
        /// Where the units are.
        split: Split,
        /// When it expires; `None`: pinned or committed.
        expires_at: Option<Timestamp>,
        /// Whether it is committed already.
        committed: bool,
    },
    /// Not held; nothing changed.
    HoldRejected {
        /// The hold.
        hold_id: Uuid,
        /// Its generation.
        generation: u32,
        /// Why.
        refusal: HoldRefusal,
        /// Units that could be held: max(0, sellable).
        available: u32,
    },
    /// An older generation than the hold has; nothing changed.
    Stale {
        /// The hold.
        hold_id: Uuid,
        /// The generation that was asked for.
        generation: u32,
    },
    /// Pinned: it does not expire any more.
    Pinned {
        /// The hold.
        hold_id: Uuid,
        /// Its generation.
        generation: u32,
    },
    /// There was nothing to pin.
    Gone {
        /// The hold.
        hold_id: Uuid,
        /// The generation that was asked for.
        generation: u32,
    },
    /// It expires again.
    Unpinned {
        /// The hold.
        hold_id: Uuid,
    },
    /// Sold.
    Committed {
        /// The hold.
        hold_id: Uuid,
    },
    /// Not sold.
    CommitRefused {
        /// The hold.
        hold_id: Uuid,
        /// Why.
        refusal: CommitRefusal,
    },
    /// Given back (or never held).
    Released {
        /// The hold.
        hold_id: Uuid,
        /// The generation that was released.
        generation: u32,
    },
    /// Belongs to another owner now.
    Transferred {
        /// The hold.
        hold_id: Uuid,
    },
    /// Units left the location.
    Shipped {
        /// The hold.
        hold_id: Uuid,
        /// The shipment.
        shipment_id: Uuid,
    },
    /// Units could not leave: more than on hand.
    ShipRefused {
        /// The hold.
        hold_id: Uuid,
        /// The shipment.
        shipment_id: Uuid,
    },
    /// Units came back.
    Restocked {
        /// The hold.
        hold_id: Uuid,
        /// The movement that asked for it, `(return or cancel id, n)`.
        movement: (Uuid, u32),
    },
    /// Is the owner of this old pinned hold still there? Answer with `sku::Command::OwnerStatus`.
    OwnerStatusAsked {
        /// The hold.
        hold_id: Uuid,
    },
}

/// What an account answers the owner of a pending entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountReply {
    /// Pending: the amount is set aside.
    Held {
        /// The entry.
        entry_id: Uuid,
        /// How much.
        amount: Money,
    },
    /// Not enough.
    Refused {
        /// The entry.
        entry_id: Uuid,
        /// What could be held.
        available: Money,
    },
    /// Posted: the amount is gone.
    Posted {
        /// The entry.
        entry_id: Uuid,
    },
    /// Voided (or never held).
    Voided {
        /// The entry.
        entry_id: Uuid,
    },
    /// Paid back to the account.
    Credited {
        /// The entry of the credit.
        entry_id: Uuid,
    },
}
