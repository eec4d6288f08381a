//! What an order can be told: by its cart, SKUs, account, shipments, numbers, and by people.
//!
//! Entities report observations, and those are never refused. People ask, and hear a
//! [`Rejection`] when the stage has no row for it.

use std::sync::Arc;

use compact_str::CompactString;
use entity::{EntityKey, Timestamp};
use serde::{Deserialize, Serialize};

use super::stage::Status;
use super::terms::Terms;
use crate::customer::Invalid;
use crate::money::Money;
use crate::protocol::{AccountReply, IfVersion, StockReply};

/// Units of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineQty {
    /// Public id of the line: `1`.
    pub line_id: CompactString,
    /// Units, at least 1.
    pub qty: u32,
}

/// What staff decides about an order on hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decided {
    /// It goes on where it was.
    Resume,
    /// It is cancelled; refused once something may leave.
    Cancel,
}

/// What a shipment reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ShipmentReport {
    /// It was asked to be dispatched.
    DispatchAsked {
        /// Who carries it.
        carrier: CompactString,
        /// Its number there.
        tracking_number: CompactString,
    },
    /// It stopped, as asked.
    Stopped,
    /// It cannot stop any more.
    StopRefused,
    /// The carrier moved it.
    InTransit {
        /// When, by the carrier.
        at: Timestamp,
    },
    /// It arrived.
    Delivered {
        /// When, by the carrier.
        at: Timestamp,
    },
    /// Nobody said so, but it counts as arrived.
    AutoReceived,
    /// The courier collected the cash.
    CodCollected {
        /// How much.
        amount: Money,
    },
    /// The buyer refused it at the door.
    CodRefused,
    /// The cash is due for too long.
    CodOverdue,
}

/// A command of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// From the cart: begin. A repeat changes nothing.
    Place(Arc<Terms>),
    /// From a SKU.
    Stock {
        /// The SKU.
        sku: CompactString,
        /// Its answer.
        reply: StockReply,
    },
    /// From an account.
    Account {
        /// The account.
        account: EntityKey,
        /// Its answer.
        reply: AccountReply,
    },
    /// From the number allocator.
    Number {
        /// The order's number.
        number: u64,
    },
    /// From a shipment of this order.
    Shipment(ShipmentReport),
    /// Cancels everything (no lines), or some units that have not left.
    Cancel {
        /// Which units; empty: all.
        lines: Vec<LineQty>,
        /// The version that the caller saw.
        if_version: IfVersion,
    },
    /// The buyer has received what was dispatched.
    ConfirmReceipt {
        /// The version that the caller saw.
        if_version: IfVersion,
    },
    /// Staff: freezes the order.
    PutOnHold {
        /// Why, for the record.
        note: CompactString,
    },
    /// Staff: ends the freeze.
    Release {
        /// How.
        decided: Decided,
        /// Why, for the record.
        note: CompactString,
    },
    /// Starts a payment by a gateway.
    StartPayment {
        /// Which method.
        method: CompactString,
        /// The version that the caller saw.
        if_version: IfVersion,
    },
    /// Asks to send goods back.
    RequestReturn {
        /// The version that the caller saw.
        if_version: IfVersion,
    },
    /// Changes a confirmed order.
    Amend {
        /// The version that the caller saw.
        if_version: IfVersion,
    },
}

/// What a caller hears.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Done.
    Done,
    /// Begun: shipments are being stopped, or the order is between two steps. The outcome stands
    /// in the view as soon as [`super::Query::CancelSettled`] is ready.
    Begun,
}

/// How an order says no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rejection {
    /// Not there, or another's (404).
    NotFound,
    /// Only staff with the scope may (403).
    Forbidden,
    /// Callers may not send this, only entities may; or the other way round.
    WrongSource,
    /// The order has another version (412).
    VersionMismatch {
        /// Which.
        version: u64,
    },
    /// The order's stage has no row for this (409 `invalid_state`).
    InvalidState {
        /// Its public status.
        status: Status,
        /// Whether it is on hold.
        on_hold: bool,
    },
    /// A field cannot be taken (422).
    Invalid(Invalid),
    /// Not offered yet (gateways, returns, amendments).
    NotImplemented,
}
