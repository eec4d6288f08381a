//! What can happen to a shipment.

use compact_str::CompactString;
use entity::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Phase;
use super::command::{Content, ShipmentLine};
use crate::money::Money;
use crate::order::ShipmentReport;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// The order made it.
    Created(Content),
    /// The warehouse wants it to leave.
    DispatchAsked {
        /// Who carries it.
        carrier: CompactString,
        /// Its number there.
        tracking_number: CompactString,
    },
    /// The order lets it leave.
    Released,
    /// The order does not; it waits again.
    DispatchRefused,
    /// It left.
    Dispatched,
    /// It must not leave.
    Stopped,
    /// It waits, with this in it.
    Reopened {
        /// What is in it.
        lines: Vec<ShipmentLine>,
        /// What is due at the door.
        due: Option<Money>,
    },
    /// The carrier moved it.
    InTransit {
        /// The carrier's id of the event.
        event_id: CompactString,
        /// When.
        at: Timestamp,
    },
    /// It arrived.
    Delivered {
        /// The carrier's id of the event.
        event_id: CompactString,
        /// When.
        at: Timestamp,
    },
    /// The buyer said that it arrived.
    Received,
    /// Nobody said so, but it counts as arrived.
    AutoReceived,
    /// The cash was collected.
    CodCollected {
        /// The courier's id of the event.
        event_id: CompactString,
        /// How much.
        amount: Money,
        /// Its receipt.
        receipt: Option<CompactString>,
    },
    /// The buyer refused it at the door.
    Refused {
        /// The courier's id of the event.
        event_id: CompactString,
    },
    /// The cash is due for too long.
    CodOverdue,
    /// The order did not take a report; it is told again later.
    ReportLost(ShipmentReport),
    /// The order was told again.
    ReportsRepeated,
    /// Somebody outside said this where it moves nothing; it is kept.
    Noted(Box<Self>),
}

impl Fact {
    /// The names that [`Self::name`] gives.
    pub const NAMES: [&str; 14] = [
        "shipment.created",
        "shipment.dispatch_asked",
        "shipment.released",
        "shipment.dispatch_refused",
        "shipment.dispatched",
        "shipment.stopped",
        "shipment.reopened",
        "shipment.in_transit",
        "shipment.delivered",
        "shipment.auto_received",
        "shipment.cod_collected",
        "shipment.refused",
        "shipment.cod_overdue",
        "shipment.step",
    ];

    /// The public name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Created(_) => "shipment.created",
            Self::DispatchAsked { .. } => "shipment.dispatch_asked",
            Self::Released => "shipment.released",
            Self::DispatchRefused => "shipment.dispatch_refused",
            Self::Dispatched => "shipment.dispatched",
            Self::Stopped => "shipment.stopped",
            Self::Reopened { .. } => "shipment.reopened",
            Self::InTransit { .. } => "shipment.in_transit",
            Self::Delivered { .. } | Self::Received => "shipment.delivered",
            Self::AutoReceived => "shipment.auto_received",
            Self::CodCollected { .. } => "shipment.cod_collected",
            Self::Refused { .. } => "shipment.refused",
            Self::CodOverdue => "shipment.cod_overdue",
            Self::ReportLost(_) | Self::ReportsRepeated | Self::Noted(_) => "shipment.step",
        }
    }
}

/// A fact, the order that it belongs to, and where the shipment stands after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The order's uuid; its affinity is the shipment's.
    pub order: Uuid,
    /// Where the shipment stands after it.
    pub phase: Phase,
    /// What happened.
    pub fact: Fact,
}
