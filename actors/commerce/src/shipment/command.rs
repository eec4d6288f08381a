//! What a shipment can be told: by its order, and by the warehouse and the courier.

use compact_str::CompactString;
use entity::{EntityKey, Timestamp};
use serde::{Deserialize, Serialize};

use super::Phase;
use crate::customer::Invalid;
use crate::money::Money;
use crate::order::{LineIndex, Owner};
use crate::protocol::Location;

/// Units of an order's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipmentLine {
    /// The order's line; its public id is one more.
    pub line: LineIndex,
    /// Units, at least 1.
    pub qty: u32,
}

/// What a shipment is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The order.
    pub order: EntityKey,
    /// Whose it is.
    pub owner: Owner,
    /// Where it leaves from.
    pub location: Location,
    /// What is in it.
    pub lines: Vec<ShipmentLine>,
    /// What is due at the door.
    pub due: Option<Money>,
    /// From dispatch to auto-receipt.
    pub auto_receipt_ms: u64,
    /// From dispatch until the cash is overdue.
    pub cod_overdue_ms: u64,
}

/// What a carrier can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrackingStatus {
    /// It moves.
    InTransit,
    /// It arrived.
    Delivered,
}

/// What a courier can say about the cash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CodResult {
    /// It was collected.
    Collected,
    /// The buyer refused the parcel.
    Refused,
}

/// A command of a shipment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// From the order: it exists. A repeat changes nothing.
    Create(Content),
    /// From the order: it must not leave.
    Stop,
    /// From the order: it waits (again), with this in it.
    Reopen {
        /// What is in it; nothing: it stays stopped.
        lines: Vec<ShipmentLine>,
        /// What is due at the door.
        due: Option<Money>,
    },
    /// From the order: it may leave, its units are being booked out.
    DispatchReleased,
    /// From the order: it may not leave now.
    DispatchRefused,
    /// From the order: its units are booked out, it left.
    Dispatched,
    /// From the order: the buyer has it.
    Received,
    /// Staff: it is ready to leave.
    Dispatch {
        /// Who carries it.
        carrier: CompactString,
        /// Its number there.
        tracking_number: CompactString,
    },
    /// Staff: the carrier says something. Once per event id.
    Track {
        /// The carrier's id of the event.
        event_id: CompactString,
        /// What.
        status: TrackingStatus,
        /// When.
        at: Timestamp,
    },
    /// Staff: the courier says something about the cash. Once per event id.
    Cod {
        /// The courier's id of the event.
        event_id: CompactString,
        /// What.
        result: CodResult,
        /// How much; 0 when it was refused.
        amount: Money,
        /// Its receipt; none when it was refused.
        receipt: Option<CompactString>,
    },
}

/// What a caller hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Recorded.
    Done,
    /// The order was asked; the outcome stands in the view as soon as [`super::Query::Settled`]
    /// is ready.
    Asked,
    /// This event was recorded before: nothing changed.
    Repeated,
}

/// How a shipment says no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rejection {
    /// Not there, or another's (404).
    NotFound,
    /// Only staff with the scope may (403).
    Forbidden,
    /// Callers may not send this, only the order may; or the other way round.
    WrongSource,
    /// The phase has no row for this (409 `invalid_state`).
    InvalidState {
        /// Where it stands.
        phase: Phase,
    },
    /// A field cannot be taken (422).
    Invalid(Invalid),
    /// The amount is of another currency than what is due (422 `currency_mismatch`).
    CurrencyMismatch,
}
