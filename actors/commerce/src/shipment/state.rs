//! Where a shipment stands, and how facts change it.

use compact_str::CompactString;
use entity::{EntityId, EventContext, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::command::{Content, TrackingStatus};
use super::event::Fact;
use super::said::{Known, Said, Scan};
use crate::money::Money;
use crate::order::ShipmentReport;

/// Event ids that a shipment remembers against repeats: the newest, and cash before tracking.
pub const EVENT_IDS_KEPT: usize = 256;

/// Where a shipment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Phase {
    /// Waits for its dispatch.
    Pending,
    /// The order was asked whether it may leave.
    Asked,
    /// It may; its units are being booked out.
    Released,
    /// It left.
    Dispatched,
    /// It moves.
    InTransit,
    /// It arrived.
    Delivered,
    /// It counts as arrived.
    AutoReceived,
    /// The buyer refused it at the door.
    Refused,
    /// It does not leave.
    Stopped,
}

impl Phase {
    /// Every phase, for tables.
    pub const ALL: [Self; 9] = [
        Self::Pending,
        Self::Asked,
        Self::Released,
        Self::Dispatched,
        Self::InTransit,
        Self::Delivered,
        Self::AutoReceived,
        Self::Refused,
        Self::Stopped,
    ];

    /// The word of the API. Asking is a step between two entities and has none of its own.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending | Self::Asked => "pending",
            Self::Released => "released",
            Self::Dispatched => "dispatched",
            Self::InTransit => "in_transit",
            Self::Delivered => "delivered",
            Self::AutoReceived => "auto_received",
            Self::Refused => "refused",
            Self::Stopped => "stopped",
        }
    }

    /// Whether it left, whatever became of it.
    #[must_use]
    pub const fn has_left(self) -> bool {
        match self {
            Self::Dispatched
            | Self::InTransit
            | Self::Delivered
            | Self::AutoReceived
            | Self::Refused => true,
            Self::Pending | Self::Asked | Self::Released | Self::Stopped => false,
        }
    }

    /// Whether it is on its way.
    #[must_use]
    pub const fn is_under_way(self) -> bool {
        match self {
            Self::Dispatched | Self::InTransit => true,
            Self::Pending
            | Self::Asked
            | Self::Released
            | Self::Delivered
            | Self::AutoReceived
            | Self::Refused
            | Self::Stopped => false,
        }
    }
}

/// Where the cash of a shipment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CodStatus {
    /// Due at the door.
    Due,
    /// Collected, all of it.
    Collected,
    /// Refused with the parcel.
    Refused,
    /// Due for too long.
    Overdue,
}

impl CodStatus {
    /// The word of the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Collected => "collected",
            Self::Refused => "refused",
            Self::Overdue => "overdue",
        }
    }

    /// Whether it may still be collected.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Due | Self::Overdue => true,
            Self::Collected | Self::Refused => false,
        }
    }
}

/// The cash of a shipment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cod {
    /// What is due.
    pub due: Money,
    /// Where it stands.
    pub status: CodStatus,
    /// What was collected, all of it.
    pub collected: Option<Money>,
    /// The courier's newest receipt.
    pub receipt: Option<CompactString>,
}

impl Cod {
    fn of(due: Option<Money>) -> Option<Self> {
        due.map(|due| Self { due, status: CodStatus::Due, collected: None, receipt: None })
    }

    /// Too little leaves the rest due. What comes after a refusal is kept and changes no word.
    fn collect(&mut self, amount: Money, receipt: Option<&CompactString>) {
        let before = self.collected.map_or(0, |collected| collected.minor);
        let minor = before.saturating_add(amount.minor);
        self.collected = Some(Money { minor, ..amount });
        self.receipt = receipt.cloned();
        self.settle();
    }

    fn settle(&mut self) {
        let is_enough = self.collected.is_some_and(|it| it.minor >= self.due.minor);
        if self.status.is_open() && is_enough {
            self.status = CodStatus::Collected;
        }
    }

    /// The same cash, with another sum due: what was collected before it left stays so.
    fn reopened(before: Option<&Self>, due: Option<Money>) -> Option<Self> {
        let taken = before.filter(|cod| cod.collected.is_some());
        let nothing = taken.and_then(|cod| cod.collected).map(|it| Money { minor: 0, ..it });
        let mut cod = Self::of(due.or(nothing))?;
        if let Some(taken) = taken {
            cod.collected = taken.collected;
            cod.receipt.clone_from(&taken.receipt);
            cod.settle();
        }
        Some(cod)
    }
}

/// What a shipment waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    /// It counts as arrived.
    AutoReceipt,
    /// Its cash is overdue.
    Overdue,
    /// Lost reports are told again.
    Retry,
}

/// A shipment after it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// What it was made of; lines and due as they are now.
    pub content: Content,
    /// Where it stands.
    pub phase: Phase,
    /// Who carries it; empty until its dispatch is asked for.
    pub carrier: CompactString,
    /// Its number there.
    pub tracking_number: CompactString,
    /// Its cash.
    pub cod: Option<Cod>,
    /// Whether the last dispatch was refused.
    pub dispatch_refused: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it left.
    pub dispatched_at: Option<Timestamp>,
    /// When it arrived, by whoever said so first.
    pub arrived_at: Option<Timestamp>,
    /// Events that were recorded: kind, id and words of each; of older ones the id.
    pub event_ids: Vec<CompactString>,
    /// Reports that the order did not take, oldest first.
    pub lost: Vec<ShipmentReport>,
    /// When they are told again.
    pub retry_at: Option<Timestamp>,
    /// How often that was done.
    pub retries: u32,
}

impl Body {
    pub(super) fn created(ctx: &EventContext<'_>, content: &Content) -> Self {
        Self {
            content: content.clone(),
            phase: Phase::Pending,
            carrier: CompactString::default(),
            tracking_number: CompactString::default(),
            cod: Cod::of(content.due),
            dispatch_refused: false,
            created_at: ctx.at,
            dispatched_at: None,
            arrived_at: None,
            event_ids: Vec::new(),
            lost: Vec::new(),
            retry_at: None,
            retries: 0,
        }
    }

    /// The order's uuid.
    pub(super) const fn order_id(&self) -> Uuid {
        match &self.content.order.id {
            EntityId::Uuid(uuid) => *uuid,
            EntityId::Name(_) => Uuid::nil(),
        }
    }

    /// Whether this event was recorded.
    pub(super) fn known(&self, said: &Said<'_>) -> Known {
        let mut known = self.event_ids.iter().map(|entry| said.compare(entry));
        known.find(|known| *known != Known::New).unwrap_or(Known::New)
    }

    /// The id of a refusal that was recorded.
    pub(super) fn noted_refusal(&self) -> Option<CompactString> {
        self.event_ids.iter().find_map(|entry| Said::refusal_in(entry)).map(Into::into)
    }

    /// The scan that says most, of those that were recorded: an arrival before a move, and of
    /// several the first that is remembered.
    pub(super) fn noted_scan(&self) -> Option<Scan> {
        let scans = || self.event_ids.iter().filter_map(|entry| Said::scan_in(entry));
        let arrived = scans().find(|scan| scan.status == TrackingStatus::Delivered);
        arrived.or_else(|| scans().next())
    }

    /// When it counts as arrived, while it is under way.
    fn auto_receipt_at(&self) -> Option<Timestamp> {
        self.dispatched_at
            .filter(|_| self.phase.is_under_way())
            .map(|at| at.plus_ms(self.content.auto_receipt_ms))
    }

    /// When its cash is overdue, while it is due.
    fn overdue_at(&self) -> Option<Timestamp> {
        let is_due = self.cod.as_ref().is_some_and(|cod| cod.status == CodStatus::Due);
        self.dispatched_at.filter(|_| is_due).map(|at| at.plus_ms(self.content.cod_overdue_ms))
    }

    /// The earliest timer, and what is due then.
    pub(super) fn next_timer(&self) -> Option<(Timestamp, Timer)> {
        let auto = self.auto_receipt_at().map(|at| (at, Timer::AutoReceipt));
        let overdue = self.overdue_at().map(|at| (at, Timer::Overdue));
        let retry = self.retry_at.map(|at| (at, Timer::Retry));
        auto.into_iter().chain(overdue).chain(retry).min_by_key(|(at, _)| *at)
    }

    /// Applies a fact.
    pub(super) fn evolve(&mut self, ctx: &EventContext<'_>, fact: &Fact) {
        if let Some(said) = Said::of(fact) {
            self.remember(&said);
        }
        match fact {
            // Only the first event is one.
            Fact::Created(_) => {}
            Fact::DispatchAsked { carrier, tracking_number } => {
                self.phase = Phase::Asked;
                self.carrier.clone_from(carrier);
                self.tracking_number.clone_from(tracking_number);
                self.dispatch_refused = false;
            }
            Fact::Released => self.phase = Phase::Released,
            Fact::DispatchRefused => {
                self.phase = Phase::Pending;
                self.dispatch_refused = true;
            }
            Fact::Dispatched => {
                self.phase = Phase::Dispatched;
                self.dispatched_at = Some(ctx.at);
            }
            Fact::Stopped => self.phase = Phase::Stopped,
            Fact::Reopened { lines, due } => {
                if self.phase == Phase::Stopped && !lines.is_empty() {
                    self.phase = Phase::Pending;
                }
                self.content.lines.clone_from(lines);
                self.content.due = *due;
                self.cod = Cod::reopened(self.cod.as_ref(), *due);
            }
            Fact::InTransit { event_id: _, at: _ } => {
                if self.phase == Phase::Dispatched {
                    self.phase = Phase::InTransit;
                }
            }
            Fact::Delivered { event_id: _, at } => self.arrive(*at),
            Fact::Received => self.arrive(ctx.at),
            Fact::AutoReceived => {
                self.phase = Phase::AutoReceived;
                self.arrived_at = Some(ctx.at);
            }
            Fact::CodCollected { event_id: _, amount, receipt } => {
                if let Some(cod) = &mut self.cod {
                    cod.collect(*amount, receipt.as_ref());
                }
            }
            Fact::Refused { event_id: _ } => {
                self.phase = Phase::Refused;
                self.set_cod(CodStatus::Refused);
            }
            Fact::CodOverdue => self.set_cod(CodStatus::Overdue),
            Fact::ReportLost(report) => {
                self.lost.push(report.clone());
                self.retry_at = self.retry_at.or_else(|| Some(ctx.at.plus_ms(self.backoff_ms())));
            }
            Fact::ReportsRepeated => {
                self.lost.clear();
                self.retry_at = None;
                self.retries = self.retries.saturating_add(1);
            }
            Fact::Noted(_) => {}
        }
    }

    /// How long to wait before reports are told again: doubling from a second, to an hour.
    fn backoff_ms(&self) -> u64 {
        const MAX_MS: u64 = 60 * 60 * 1000;
        1000u64.saturating_mul(1u64.wrapping_shl(self.retries.min(16))).min(MAX_MS)
    }

    fn arrive(&mut self, at: Timestamp) {
        // A carrier's word after an auto-receipt is the better one.
        if self.phase.is_under_way() || self.phase == Phase::AutoReceived {
            self.phase = Phase::Delivered;
            self.arrived_at = Some(at);
        }
    }

    fn set_cod(&mut self, status: CodStatus) {
        if let Some(cod) = &mut self.cod {
            cod.status = status;
        }
    }

    fn remember(&mut self, said: &Said<'_>) {
        // What was noted counts later, under the same id.
        if self.known(said) == Known::Same {
            return;
        }
        if self.event_ids.len() >= EVENT_IDS_KEPT {
            // Carriers scan often, and a scan that is taken twice says nothing new; cash does.
            let oldest = self.event_ids.iter().position(|entry| Said::is_tracking(entry));
            if oldest.is_none() && Said::is_tracking(&said.entry()) {
                return;
            }
            self.event_ids.remove(oldest.unwrap_or_default());
        }
        self.event_ids.push(said.entry());
    }

    /// Bytes on the heap, roughly.
    pub(super) const fn heap_bytes(&self) -> usize {
        size_of::<Self>()
            .saturating_add(self.content.lines.len().saturating_mul(8))
            .saturating_add(self.event_ids.len().saturating_mul(128))
            .saturating_add(128)
    }
}
