//! The moving parts of an order: lines and their holds, the wallet, parcels, compensations.
//!
//! Each part records what was asked of another entity and what it answered, so that everything
//! unanswered can be asked again. Parts are small: an order of one line takes about a kilobyte.

use std::num::NonZeroU32;

use compact_str::{CompactString, ToCompactString};
use entity::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::stage::{HoldReason, Reason};
use crate::money::EvenSplit;
use crate::protocol::{HoldRefusal, Location, Split};

/// Index of a line; [`line_id`] is its public id.
pub type LineIndex = u16;

/// The public id of a line: its place, counted from 1.
#[must_use]
pub fn line_id(index: LineIndex) -> CompactString {
    (u32::from(index) + 1).to_compact_string()
}

/// Index of a parcel.
pub type ParcelIndex = u16;

/// Where the hold of a line stands, as the order knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HoldPhase {
    /// Not asked for yet: the second round asks SKU by SKU.
    Waiting,
    /// Asked for.
    Asked,
    /// Asked for, to be committed in the same step of the SKU.
    AskedToCommit,
    /// Held.
    Held,
    /// The commit was asked for.
    Committing,
    /// Sold.
    Committed,
    /// Refused, or the message was not taken.
    Refused,
    /// The commit was refused.
    CommitRefused,
    /// Given back, or being given back by a compensation, before it was known to be sold.
    Ended,
    /// Sold, and brought back by a compensation: a repeated word of the sale is no news.
    Returned,
}

/// A line on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its hold at the SKU.
    pub hold_id: Uuid,
    /// Generation of the hold.
    pub generation: u32,
    /// Where the hold stands.
    pub phase: HoldPhase,
    /// Where its units are, once held.
    pub split: Split,
    /// Units cancelled, or refused at the door.
    pub cancelled: u32,
    /// Units that left.
    pub shipped: u32,
    /// What could have been held when it was refused.
    pub available: Option<u32>,
}

/// The answer of a SKU that a hold stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The line.
    pub line: LineIndex,
    /// Where the units are.
    pub split: Split,
    /// Whether they are sold already.
    pub committed: bool,
}

/// Why a line is not held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotHeld {
    /// The SKU said no.
    Refused(HoldRefusal),
    /// The question was not taken: its time ran out, or the SKU is not there.
    Aborted,
}

impl NotHeld {
    /// The reason that a cancelled order shows for it.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Refused(HoldRefusal::OutOfStock | HoldRefusal::NotForSale) => Reason::OutOfStock,
            Self::Refused(HoldRefusal::PriceMoved { .. }) => Reason::PriceChanged,
            Self::Refused(HoldRefusal::TooManyHolds) | Self::Aborted => Reason::ReservationTimeout,
        }
    }

    /// Whether another round, SKU by SKU, may go better.
    #[must_use]
    pub const fn is_rivalry(&self) -> bool {
        match self {
            Self::Refused(HoldRefusal::OutOfStock) => true,
            Self::Refused(
                HoldRefusal::PriceMoved { .. }
                | HoldRefusal::NotForSale
                | HoldRefusal::TooManyHolds,
            )
            | Self::Aborted => false,
        }
    }
}

/// Where the wallet's entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WalletPhase {
    /// Asked to set aside.
    Asked,
    /// Set aside.
    Held,
    /// Asked to take.
    Posting,
    /// Taken.
    Posted,
    /// Refused: too little in it.
    Refused,
    /// Set free again, or being set free.
    Voided,
}

/// The part of the price that comes from the wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wallet {
    /// The pending entry.
    pub entry_id: Uuid,
    /// How much, in minor units.
    pub amount: i64,
    /// Where it stands.
    pub phase: WalletPhase,
    /// What there was when it was refused, in minor units.
    pub available: Option<i64>,
    /// What was credited, or is being credited.
    pub refunded: i64,
}

/// Where a parcel stands, as the order knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ParcelPhase {
    /// Waits for its dispatch.
    Pending,
    /// Was asked to stop.
    Stopping,
    /// Stopped: it does not leave.
    Stopped,
    /// May leave; its units are being booked out.
    Released,
    /// Left.
    Dispatched,
    /// Is on its way.
    InTransit,
    /// Arrived.
    Delivered,
    /// Counts as arrived.
    AutoReceived,
    /// Refused at the door.
    Refused,
}

impl ParcelPhase {
    /// Whether it left, whatever became of it.
    #[must_use]
    pub const fn has_left(self) -> bool {
        match self {
            Self::Pending | Self::Stopping | Self::Stopped | Self::Released => false,
            Self::Dispatched
            | Self::InTransit
            | Self::Delivered
            | Self::AutoReceived
            | Self::Refused => true,
        }
    }

    /// Whether it arrived.
    #[must_use]
    pub const fn has_arrived(self) -> bool {
        match self {
            Self::Delivered | Self::AutoReceived => true,
            Self::Pending
            | Self::Stopping
            | Self::Stopped
            | Self::Released
            | Self::Dispatched
            | Self::InTransit
            | Self::Refused => false,
        }
    }

    /// Whether its goods are (still) meant for the buyer.
    #[must_use]
    pub const fn is_live(self) -> bool {
        match self {
            Self::Stopped | Self::Refused => false,
            Self::Pending
            | Self::Stopping
            | Self::Released
            | Self::Dispatched
            | Self::InTransit
            | Self::Delivered
            | Self::AutoReceived => true,
        }
    }
}

/// Where the cash of a parcel stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CodPhase {
    /// Nothing is collected at the door.
    None,
    /// Due at the door.
    Due,
    /// Due for too long.
    Overdue,
    /// Collected.
    Collected,
    /// Refused with the parcel.
    Refused,
}

/// Whether the SKU booked units out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Booking {
    /// Not asked.
    No,
    /// Asked.
    Asked,
    /// Booked out. It stays so when another line of the parcel could not leave: the repeat of a
    /// shipment changes nothing at the SKU.
    Done,
    /// Beyond what is on hand.
    Refused,
}

/// Units of a line in a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParcelLine {
    /// The line.
    pub line: LineIndex,
    /// Index of the first unit among the line's units: it decides the shares of money.
    pub from: u32,
    /// Units.
    pub qty: u32,
    /// Whether they were booked out.
    pub booking: Booking,
}

/// A shipment of the order, as the order knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// Id of the shipment.
    pub id: Uuid,
    /// Where it leaves from.
    pub location: Location,
    /// What is in it.
    pub lines: Vec<ParcelLine>,
    /// Where it stands.
    pub phase: ParcelPhase,
    /// Who carries it; empty until dispatched.
    pub carrier: CompactString,
    /// Its number at the carrier; empty until dispatched.
    pub tracking_number: CompactString,
    /// The part of the shipping price that is collected with it.
    pub shipping: i64,
    /// What is due at the door, in minor units.
    pub due: i64,
    /// What was collected.
    pub collected: i64,
    /// Where the cash stands.
    pub cod: CodPhase,
    /// Whether a message to the shipment was not taken, so that it is to be told again.
    pub is_lost: bool,
}

/// Units taken out of a parcel by a cancellation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// The parcel.
    pub parcel: ParcelIndex,
    /// The line.
    pub line: LineIndex,
    /// Units.
    pub qty: u32,
}

/// What waits for parcels to stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stop {
    /// The cancellation of the order.
    Whole {
        /// Why.
        reason: Reason,
    },
    /// The cancellation of some units.
    Lines {
        /// Which; at most one cut of a line in a parcel.
        cuts: Vec<Cut>,
        /// Why.
        reason: Reason,
    },
}

/// What is given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum GiveBack {
    /// A hold that is not committed.
    Release {
        /// The line.
        line: LineIndex,
    },
    /// Committed units.
    Restock {
        /// The line.
        line: LineIndex,
        /// Where they were.
        location: Location,
        /// Units.
        qty: u32,
    },
    /// What the wallet set aside.
    Void,
    /// What the wallet paid, in minor units.
    Credit {
        /// How much.
        amount: i64,
    },
}

/// A step of compensation that is not acknowledged yet. Its id is `(order, n)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compensation {
    /// Its number within the order.
    pub n: u32,
    /// What is given back.
    pub what: GiveBack,
    /// Whether the message was not taken, so that it is to be sent again.
    pub is_lost: bool,
}

/// The order is frozen beside its stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnHold {
    /// Why.
    pub reason: HoldReason,
    /// What was left of the stage's timer, in milliseconds.
    pub left_ms: Option<u64>,
    /// When the next alarm is raised.
    pub alarm_at: Timestamp,
}

/// The money of the units `[from, from + qty)` of a line that costs `line_paid` for `of` units.
///
/// Saturates where the units are not within the line: parcels are cut from it, so they are.
#[must_use]
pub(super) fn share(line_paid: i64, of: NonZeroU32, from: u32, qty: u32) -> i64 {
    let units = from..from.saturating_add(qty).min(of.get());
    EvenSplit::new(line_paid, of).sum(units).unwrap_or(line_paid)
}
