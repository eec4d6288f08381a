//! What a SKU can be told: by staff at the edge, by its product, by the owners of holds.

use compact_str::CompactString;
use entity::EntityKey;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::money::Money;
use crate::protocol::{IfVersion, Location};

/// How a stock count or a receipt changes what is on hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// By so many units, signed.
    Delta(i64),
    /// To so many units: what was counted.
    Count(u32),
}

/// What became of units that came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// As good as new.
    BackInStock,
    /// Not to be sold again. Units that never left are sellable whatever is said here.
    Unusable,
}

/// A command. Those of staff come from a caller, all others in messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Staff (`catalogue:write`): creates or describes the SKU.
    PutSku {
        /// The product that it belongs to.
        product_id: CompactString,
        /// Its title.
        title: CompactString,
        /// Expected version of the SKU.
        if_version: IfVersion,
    },
    /// Staff (`catalogue:write`): its price in a book. A new amount makes a new price version.
    SetPrice {
        /// The book.
        book: CompactString,
        /// The price of one unit, not negative.
        amount: Money,
        /// Expected price version; `Absent`: there is no price in this book yet.
        if_version: IfVersion,
    },
    /// Staff (`stock:write`): what is kept back and what may be oversold at a location.
    SetPolicy {
        /// The location; made if there is none.
        location: Location,
        /// Units that are not sold.
        safety: u32,
        /// Units that are sold beyond those on hand.
        oversell_limit: u32,
        /// Expected version of the SKU; `Absent`: the location is not known yet, `Exists`: it is.
        if_version: IfVersion,
    },
    /// Staff (`stock:write`): receipt, correction or count.
    Adjust {
        /// The location; made if there is none.
        location: Location,
        /// By or to how much.
        change: Change,
        /// Why. A positive delta for `receipt` or `received` is a receipt.
        reason: CompactString,
    },

    /// The SKU's product: whether it is off sale.
    SetArchived {
        /// Off sale: holds are refused.
        archived: bool,
    },

    /// Owner: take units and keep them. Answer: `HoldAcked`, `HoldRejected` or `Stale`.
    ///
    /// On a committed hold `qty` is the growth, not the new total.
    Hold {
        /// [`crate::keys::hold_id`] of the first owner.
        hold_id: Uuid,
        /// 1, 2, ..: a higher one sets another size or starts anew.
        generation: u32,
        /// Units, 1 to [`super::limits::QTY_MAX`]; all or nothing.
        qty: u32,
        /// Time to live, in milliseconds.
        ttl_ms: u64,
        /// The price version that the owner was priced with.
        price_version: u64,
        /// Locations to take from first, in this order; the others follow by name.
        prefer: Vec<Location>,
        /// Commit in the same step: nothing else has to succeed first.
        commit: bool,
    },
    /// Owner: stop the clock, money may move. Answer: `Pinned` or `Gone`.
    Pin {
        /// The hold.
        hold_id: Uuid,
        /// Its generation.
        generation: u32,
    },
    /// Owner: start the clock again. Answer: `Unpinned` or `Gone`.
    Unpin {
        /// The hold.
        hold_id: Uuid,
        /// Time to live from now, in milliseconds.
        ttl_ms: u64,
    },
    /// Owner: sold. Answer: `Committed` or `CommitRefused`.
    Commit {
        /// The hold.
        hold_id: Uuid,
    },
    /// Owner: give back what is held or pinned. Answer: `Released`, `Stale` for an older
    /// generation. Rejected while it is committed: sold units are restocked.
    Release {
        /// The hold.
        hold_id: Uuid,
        /// The newest generation that was asked for.
        generation: u32,
    },
    /// Owner: hand over to another owner of the same affinity. Answer: `Transferred` or `Gone`.
    Transfer {
        /// The hold.
        hold_id: Uuid,
        /// The owner to be.
        new_owner: EntityKey,
    },
    /// Owner: committed units leave. Answer: `Shipped` or `ShipRefused`.
    Ship {
        /// The hold.
        hold_id: Uuid,
        /// The shipment. It may take from a location once; a repeat changes nothing.
        shipment_id: Uuid,
        /// From where.
        location: Location,
        /// How many.
        qty: u32,
    },
    /// Owner: committed units are not wanted any more, or shipped ones came back. Answer:
    /// `Restocked`; a rejection when there are not that many.
    Restock {
        /// The hold.
        hold_id: Uuid,
        /// `(return or cancel id, n)`; a repeat changes nothing.
        movement: (Uuid, u32),
        /// Committed units: where they are. Shipped units: where they came in.
        location: Location,
        /// How many.
        qty: u32,
        /// What became of shipped units.
        condition: Condition,
    },
    /// Owner: answer to `OwnerStatusAsked`.
    OwnerStatus {
        /// The hold.
        hold_id: Uuid,
        /// Whether the owner still wants it; `false`: it is released.
        keep: bool,
    },
}
