//! What can happen to a SKU.
//!
//! Events carry what they leave available, because their public face is made of them alone.
//! What happens at every order (held, committed) is kept small: locations by index there, by
//! name where people and warehouses look.

use compact_str::CompactString;
use entity::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::command::Condition;
use super::hold::{Owner, Terms};
use super::{MovementView, limits};
use crate::money::Money;
use crate::protocol::Location;

/// How much there is to buy, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Availability {
    /// Nothing.
    Out,
    /// At most [`limits::LOW_AT`] units.
    Low,
    /// More.
    InStock,
}

impl Availability {
    /// The word for so many units.
    #[must_use]
    pub fn of(units: u64) -> Self {
        match units {
            0 => Self::Out,
            1.. if units <= limits::LOW_AT.into() => Self::Low,
            1.. => Self::InStock,
        }
    }
}

/// What an event leaves to buy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Units that one hold could take.
    pub units: u64,
    /// The new word for it, when the event changed the word.
    pub turned: Option<Availability>,
}

impl Left {
    /// From `before` units to `after`.
    #[must_use]
    pub fn after(before: u64, after: u64) -> Self {
        let word = Availability::of(after);
        Self { units: after, turned: (word != Availability::of(before)).then_some(word) }
    }
}

/// Why units on hand changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MovementKind {
    /// A receipt.
    Received,
    /// A correction.
    Adjusted,
    /// A stock count.
    Counted,
    /// A shipment left.
    Shipped,
    /// Shipped units came back.
    Restocked,
}

/// Where units that came back had been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// Sold, but never shipped: on hand all the time.
    Committed,
    /// Shipped.
    Shipped,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Created, or described anew.
    Put {
        /// The product.
        product_id: CompactString,
        /// The title.
        title: CompactString,
    },
    /// Put on sale or taken off.
    ArchivedSet {
        /// Off sale.
        archived: bool,
    },
    /// It costs something else.
    PriceSet {
        /// The price book.
        book: CompactString,
        /// The price of one unit.
        amount: Money,
        /// The new price version of the SKU.
        price_version: u64,
    },
    /// Another policy at a location.
    PolicySet {
        /// The location.
        location: Location,
        /// Units kept back.
        safety: u32,
        /// Units that may be oversold.
        oversell_limit: u32,
        /// What is left.
        left: Left,
    },
    /// Units on hand changed by receipt, correction or count.
    Adjusted {
        /// The location.
        location: Location,
        /// Receipt, correction or count.
        kind: MovementKind,
        /// Signed change of the units on hand.
        delta: i64,
        /// Why.
        reason: CompactString,
        /// By how much more was promised than there is; 0: everything can be kept.
        shortfall: u64,
        /// What is left.
        left: Left,
    },
    /// A hold began.
    Held {
        /// The hold.
        hold_id: Uuid,
        /// Whose it is.
        owner: Owner,
        /// What it got.
        terms: Terms,
        /// What is left.
        left: Left,
    },
    /// An open hold got another size.
    Resized {
        /// The hold.
        hold_id: Uuid,
        /// What it has now.
        terms: Terms,
        /// What is left.
        left: Left,
    },
    /// A committed hold began to grow.
    Grown {
        /// The hold.
        hold_id: Uuid,
        /// The growth.
        terms: Terms,
        /// What is left.
        left: Left,
    },
    /// It does not expire any more.
    Pinned {
        /// The hold.
        hold_id: Uuid,
    },
    /// It expires again.
    Unpinned {
        /// The hold.
        hold_id: Uuid,
        /// Time to live from now, in milliseconds.
        ttl_ms: u32,
    },
    /// Sold.
    Committed {
        /// The hold.
        hold_id: Uuid,
    },
    /// Given back.
    Released {
        /// The hold.
        hold_id: Uuid,
        /// What is left.
        left: Left,
    },
    /// Their time was over.
    Expired {
        /// The holds.
        hold_ids: Vec<Uuid>,
        /// What is left.
        left: Left,
    },
    /// Taken away because a stock count found too few units.
    Revoked {
        /// The holds.
        hold_ids: Vec<Uuid>,
        /// What is left.
        left: Left,
    },
    /// It belongs to somebody else.
    Transferred {
        /// The hold.
        hold_id: Uuid,
        /// The new owner.
        owner: Owner,
    },
    /// Units left.
    Shipped {
        /// The hold.
        hold_id: Uuid,
        /// The shipment.
        shipment_id: Uuid,
        /// From where.
        location: Location,
        /// How many.
        qty: u32,
        /// What is left to buy (a shipment does not change it).
        left: Left,
    },
    /// Units came back.
    Restocked {
        /// The hold.
        hold_id: Uuid,
        /// What brought them, `(return or cancel id, n)`.
        movement: (Uuid, u32),
        /// Where.
        location: Location,
        /// How many.
        qty: u32,
        /// Where they had been.
        origin: Origin,
        /// What became of them.
        condition: Condition,
        /// What is left.
        left: Left,
    },
    /// The owners of old pinned holds were asked whether they are still there.
    OwnersAsked {
        /// The holds.
        hold_ids: Vec<Uuid>,
    },
}

/// A change of units on hand, as an event tells it.
#[derive(Debug, Clone, Copy)]
pub struct Moved<'a> {
    kind: MovementKind,
    location: &'a Location,
    qty: i64,
}

impl Event {
    /// How it changes the units on hand; `None`: not at all. The n-th event of a SKU that does is
    /// its movement n. What leaves, leaves from a location that the SKU has: only what was sold
    /// there is shipped.
    #[must_use]
    pub fn movement(&self) -> Option<Moved<'_>> {
        match self {
            Self::Adjusted { location, kind, delta, .. } => {
                Some(Moved { kind: *kind, location, qty: *delta })
            }
            Self::Shipped { location, qty, .. } => {
                let qty = i64::from(*qty).saturating_neg();
                Some(Moved { kind: MovementKind::Shipped, location, qty })
            }
            Self::Restocked { location, qty, origin, condition, .. } => match (origin, condition) {
                (Origin::Shipped, Condition::BackInStock) => {
                    let qty = i64::from(*qty);
                    Some(Moved { kind: MovementKind::Restocked, location, qty })
                }
                (Origin::Committed, _) | (_, Condition::Unusable) => None,
            },
            Self::Put { .. }
            | Self::ArchivedSet { .. }
            | Self::PriceSet { .. }
            | Self::PolicySet { .. }
            | Self::Held { .. }
            | Self::Resized { .. }
            | Self::Grown { .. }
            | Self::Pinned { .. }
            | Self::Unpinned { .. }
            | Self::Committed { .. }
            | Self::Released { .. }
            | Self::Expired { .. }
            | Self::Revoked { .. }
            | Self::Transferred { .. }
            | Self::OwnersAsked { .. } => None,
        }
    }
}

impl Moved<'_> {
    /// The movement with its number within the SKU and its time.
    #[must_use]
    pub fn numbered(self, number: u64, at: Timestamp) -> MovementView {
        let Self { kind, location, qty } = self;
        MovementView { number, kind, location: location.clone(), qty, at }
    }
}
