//! A placed order: its terms, its moving parts, its history; and what can be read off them.
//!
//! Questions only. What changes it stands in `evolve`, what follows from it in `advance`.

use std::sync::Arc;

use entity::{EntityKey, EventContext, Timestamp};
use serde::{Deserialize, Serialize};

use super::event::{Event, EventName, Fact};
use super::parts::{
    CodPhase, Compensation, HoldPhase, Line, LineIndex, OnHold, Parcel, ParcelIndex, ParcelLine,
    ParcelPhase, Stop, Wallet, WalletPhase, share,
};
use super::stage::{After, FulfilmentStatus, PaymentStatus, Reason, Stage, Status};
use super::terms::{PricedLine, Terms};
use crate::money::EDGE_MAX;
use crate::protocol::Split;
use crate::{keys, kinds};

/// Timeline entries that an order keeps: the newest. All others are in its journal.
pub const TIMELINE_KEPT: usize = 200;

/// The longest pause before a message is sent again: 1 h.
const RETRY_MS_MAX: u64 = 60 * 60 * 1000;

/// A fact that the buyer may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The version that it made.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub name: EventName,
    /// Public status after it.
    pub status: Status,
}

impl Entry {
    /// The entry of an event, as the order notes it; none: the buyer does not see it.
    #[must_use]
    pub fn of(seq: u64, at: Timestamp, event: &Event) -> Option<Self> {
        let (name, status) = (event.name(), event.status_after());
        (name != EventName::Step).then_some(Self { seq, at, name, status })
    }
}

/// Notices that were not taken and are sent again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsent {
    /// To the cart.
    pub cart: bool,
    /// To the customer.
    pub customer: bool,
    /// To the number allocator.
    pub numbers: bool,
}

/// An order after it was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// What was fixed when it was placed.
    pub terms: Arc<Terms>,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// Where it stands.
    pub stage: Stage,
    /// Frozen beside it.
    pub on_hold: Option<OnHold>,
    /// Its lines, in the order of the terms.
    pub lines: Vec<Line>,
    /// Whether the second round of holds runs, SKU by SKU.
    pub second_round: bool,
    /// Whether a refused commit was held again: once only.
    pub held_again: bool,
    /// The part that the wallet pays.
    pub wallet: Option<Wallet>,
    /// Its parcels, by location; made when it is confirmed.
    pub parcels: Vec<Parcel>,
    /// What waits for parcels to stop.
    pub stop: Option<Stop>,
    /// A cancellation that waits for the present step.
    pub cancel_requested: Option<Reason>,
    /// Why holds failed, before that is acted on.
    pub failure: Option<Reason>,
    /// Whether holds failed because others were faster: worth a second round.
    pub rivalry: bool,
    /// Why it is (being) cancelled.
    pub reason: Option<Reason>,
    /// Whether it ever was confirmed: its cart stays ordered.
    pub confirmed: bool,
    /// Compensations that are not acknowledged.
    pub open: Vec<Compensation>,
    /// Number of the next compensation.
    pub next_n: u32,
    /// Its number.
    pub number: Option<u64>,
    /// Whether a number was asked for.
    pub number_asked: bool,
    /// The stage's timer: T_reserve, T_pay, T_return_window.
    pub timer: Option<Timestamp>,
    /// When what was not taken is sent again.
    pub retry_at: Option<Timestamp>,
    /// How often that was done.
    pub retries: u32,
    /// Notices to send again.
    pub unsent: Unsent,
    /// When nothing more was to happen.
    pub closed_at: Option<Timestamp>,
    /// The newest facts.
    pub timeline: Vec<Entry>,
    /// Whether older facts were dropped from the timeline.
    pub timeline_trimmed: bool,
    /// Bytes of the terms and lines, counted once.
    pub fixed_bytes: usize,
}

impl Body {
    /// The order of `key` after it was placed with `terms`.
    pub(super) fn placed(ctx: &EventContext<'_>, terms: &Arc<Terms>) -> Self {
        let amount = terms.from_wallet();
        let wallet = (amount > 0).then(|| Wallet {
            entry_id: entity::uuid5(kinds::ACCOUNT, &[b"order", keys::id_bytes(&ctx.key.id)]),
            amount,
            phase: WalletPhase::Asked,
            available: None,
            refunded: 0,
        });
        // One SKU and nothing else to set aside: it may sell in the step in which it holds.
        let at_once = terms.priced.lines.len() == 1 && wallet.is_none() && !terms.needs_payment();
        let phase = if at_once { HoldPhase::AskedToCommit } else { HoldPhase::Asked };
        let line = |line: &PricedLine| Line {
            hold_id: keys::hold_id(ctx.key, &line.sku),
            generation: 1,
            phase,
            split: Split::new(),
            cancelled: 0,
            shipped: 0,
            available: None,
        };
        let lines: Vec<Line> = terms.priced.lines.iter().map(line).collect();
        let fixed_bytes = terms
            .heap_bytes()
            .saturating_add(lines.len().saturating_mul(size_of::<Line>().saturating_add(48)));
        Self {
            terms: Arc::clone(terms),
            placed_at: ctx.at,
            stage: Stage::Reserving,
            on_hold: None,
            lines,
            second_round: false,
            held_again: false,
            wallet,
            parcels: Vec::new(),
            stop: None,
            cancel_requested: None,
            failure: None,
            rivalry: false,
            reason: None,
            confirmed: false,
            open: Vec::new(),
            next_n: 0,
            number: None,
            number_asked: false,
            timer: Some(ctx.at.plus_ms(terms.timers.reserve_ms)),
            retry_at: None,
            retries: 0,
            unsent: Unsent::default(),
            closed_at: None,
            timeline: Vec::with_capacity(8),
            timeline_trimmed: false,
            fixed_bytes,
        }
    }

    /// Index of the line of a SKU. Linear: the lines of an order are few.
    #[must_use]
    pub fn line_of(&self, sku: &str) -> Option<LineIndex> {
        let index = self.terms.priced.lines.iter().position(|line| line.sku == sku)?;
        LineIndex::try_from(index).ok()
    }

    /// A line on its way.
    #[must_use]
    pub fn line(&self, index: LineIndex) -> Option<&Line> {
        self.lines.get(usize::from(index))
    }

    /// A line as it was priced.
    #[must_use]
    pub fn priced(&self, index: LineIndex) -> Option<&PricedLine> {
        self.terms.priced.lines.get(usize::from(index))
    }

    /// A parcel.
    #[must_use]
    pub fn parcel(&self, index: ParcelIndex) -> Option<&Parcel> {
        self.parcels.get(usize::from(index))
    }

    /// Index of the parcel whose shipment has this key.
    #[must_use]
    pub fn parcel_of(&self, shipment: &EntityKey) -> Option<ParcelIndex> {
        let index = self.parcels.iter().position(|parcel| match &shipment.id {
            entity::EntityId::Uuid(uuid) => *uuid == parcel.id,
            entity::EntityId::Name(_) => false,
        })?;
        ParcelIndex::try_from(index).ok()
    }

    /// Lines with their indices.
    pub(super) fn each_line(&self) -> impl Iterator<Item = (LineIndex, &Line)> {
        (0..).zip(&self.lines)
    }

    /// Parcels with their indices.
    pub(super) fn each_parcel(&self) -> impl Iterator<Item = (ParcelIndex, &Parcel)> {
        (0..).zip(&self.parcels)
    }

    /// Whether every line but `except` is in `phase`.
    pub(super) fn others_are(&self, phase: HoldPhase, except: Option<LineIndex>) -> bool {
        self.each_line().all(|(index, line)| line.phase == phase || Some(index) == except)
    }

    /// Whether any line is in `phase`.
    pub(super) fn any_line(&self, phase: HoldPhase) -> bool {
        self.lines.iter().any(|line| line.phase == phase)
    }

    /// Whether the wallet has nothing to give or has set it aside (or given it).
    pub(super) fn wallet_is_held(&self) -> bool {
        match self.wallet.as_ref().map(|wallet| wallet.phase) {
            None | Some(WalletPhase::Held | WalletPhase::Posting | WalletPhase::Posted) => true,
            Some(WalletPhase::Asked | WalletPhase::Refused | WalletPhase::Voided) => false,
        }
    }

    /// Whether the wallet has nothing to give or has given it.
    pub(super) fn wallet_is_settled(&self) -> bool {
        self.wallet.as_ref().is_none_or(|wallet| wallet.phase == WalletPhase::Posted)
    }

    /// Units of a line that are neither cancelled nor refused.
    #[must_use]
    pub fn live_qty(&self, index: LineIndex) -> u32 {
        match (self.priced(index), self.line(index)) {
            (Some(priced), Some(line)) => priced.qty.get().saturating_sub(line.cancelled),
            (Some(_) | None, Some(_) | None) => 0,
        }
    }

    /// Whether no unit is left that the buyer will get.
    pub(super) fn is_empty(&self) -> bool {
        self.each_line().all(|(index, _)| self.live_qty(index) == 0)
    }

    /// The money of `qty` units of a line, from unit `from` on.
    #[must_use]
    pub fn share(&self, index: LineIndex, from: u32, qty: u32) -> i64 {
        self.priced(index)
            .map_or(0, |line| share(self.terms.priced.line_paid(line), line.qty, from, qty))
    }

    /// The earliest deadline: of the stage, of the freeze, of a retry.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        match self.on_hold {
            Some(on_hold) => Some(on_hold.alarm_at),
            None => self.timer.into_iter().chain(self.retry_at).min(),
        }
    }

    /// How long to wait before the next retry: doubling from a second.
    pub(super) fn backoff_ms(&self) -> u64 {
        1000u64.saturating_mul(1u64.wrapping_shl(self.retries.min(16))).min(RETRY_MS_MAX)
    }

    /// Cash collected at the door so far, as far as it can be shown.
    #[must_use]
    pub fn collected(&self) -> i64 {
        let all = self.parcels.iter().fold(0i64, |sum, it| sum.saturating_add(it.collected));
        all.min(EDGE_MAX)
    }

    /// What was really taken: from the wallet and at the door.
    #[must_use]
    pub fn captured(&self) -> i64 {
        let posted = match &self.wallet {
            Some(wallet) if wallet.phase == WalletPhase::Posted => wallet.amount,
            Some(_) | None => 0,
        };
        self.collected().saturating_add(posted).min(EDGE_MAX)
    }

    /// What was given back.
    #[must_use]
    pub fn refunded(&self) -> i64 {
        self.wallet.as_ref().map_or(0, |wallet| wallet.refunded)
    }

    /// The public words.
    #[must_use]
    pub fn after(&self) -> After {
        After {
            status: self.stage.status(),
            on_hold: self.on_hold.is_some(),
            payment: self.payment_status(),
            fulfilment: self.fulfilment_status(),
        }
    }

    fn payment_status(&self) -> PaymentStatus {
        match &self.wallet {
            Some(wallet) => match wallet.phase {
                WalletPhase::Asked | WalletPhase::Refused => PaymentStatus::None,
                WalletPhase::Held | WalletPhase::Posting => PaymentStatus::Authorised,
                WalletPhase::Voided => PaymentStatus::Voided,
                WalletPhase::Posted if wallet.refunded == 0 => PaymentStatus::Paid,
                WalletPhase::Posted if wallet.refunded < wallet.amount => {
                    PaymentStatus::PartiallyRefunded
                }
                WalletPhase::Posted => PaymentStatus::Refunded,
            },
            None if !self.confirmed => PaymentStatus::None,
            None if self.terms.is_cod() => self.cod_status(),
            None => PaymentStatus::Paid,
        }
    }

    /// Cash on delivery of a confirmed order.
    fn cod_status(&self) -> PaymentStatus {
        // Also when a part of it has come, and while a parcel stands still for a cancellation: it
        // may wait again, and what is not due any more is said together with what is cancelled.
        let is_due = |parcel: &Parcel| {
            matches!(parcel.cod, CodPhase::Due | CodPhase::Overdue)
                && (parcel.phase.is_live() || self.stop.is_some())
        };
        if self.parcels.iter().any(is_due) {
            return PaymentStatus::CodDue;
        }
        let taken = self.parcels.iter().filter(|parcel| parcel.cod == CodPhase::Collected);
        let due = taken.fold(0i64, |sum, parcel| sum.saturating_add(parcel.due));
        match self.collected().cmp(&due) {
            std::cmp::Ordering::Less => PaymentStatus::PartiallyPaid,
            std::cmp::Ordering::Greater => PaymentStatus::Overpaid,
            std::cmp::Ordering::Equal if due > 0 => PaymentStatus::Paid,
            // Nothing was ever due (all is free), or nothing is due any more.
            std::cmp::Ordering::Equal if self.terms.priced.totals.payable == 0 => {
                PaymentStatus::Paid
            }
            std::cmp::Ordering::Equal => PaymentStatus::None,
        }
    }

    fn fulfilment_status(&self) -> FulfilmentStatus {
        let (mut n_live, mut n_left, mut n_arrived, mut n_refused) = (0u32, 0u32, 0u32, 0u32);
        for parcel in &self.parcels {
            n_refused = n_refused.saturating_add(u32::from(parcel.phase == ParcelPhase::Refused));
            if parcel.phase.is_live() {
                n_live = n_live.saturating_add(1);
                n_left = n_left.saturating_add(u32::from(parcel.phase.has_left()));
                n_arrived = n_arrived.saturating_add(u32::from(parcel.phase.has_arrived()));
            }
        }
        match (n_live, n_left, n_arrived) {
            (0, _, _) if n_refused > 0 => FulfilmentStatus::Shipped,
            (0, _, _) | (_, 0, _) => FulfilmentStatus::Unfulfilled,
            (live, _, arrived) if arrived == live => FulfilmentStatus::Delivered,
            (live, left, _) if left == live => FulfilmentStatus::Shipped,
            (_, _, _) => FulfilmentStatus::Partial,
        }
    }

    /// Writes a public fact into the timeline.
    pub(super) fn note(&mut self, ctx: &EventContext<'_>, fact: &Fact) {
        let name = fact.name();
        if name == EventName::Step {
            return;
        }
        if self.timeline.len() >= TIMELINE_KEPT {
            self.timeline.remove(0);
            self.timeline_trimmed = true;
        }
        let status = self.stage.status();
        self.timeline.push(Entry { seq: ctx.version, at: ctx.at, name, status });
    }

    /// Bytes on the heap, roughly. Not linear in anything: the lines were counted once.
    #[must_use]
    pub const fn heap_bytes(&self) -> usize {
        // A parcel has about as many lines as the order has; locations are few.
        let parcel_bytes = size_of::<Parcel>().saturating_add(64);
        let packed_bytes = size_of::<ParcelLine>().saturating_mul(self.lines.len());
        let n_parcels = self.parcels.len();
        size_of::<Self>()
            .saturating_add(self.fixed_bytes)
            .saturating_add(n_parcels.saturating_mul(parcel_bytes.saturating_add(packed_bytes)))
            .saturating_add(self.open.capacity().saturating_mul(size_of::<Compensation>()))
            .saturating_add(self.timeline.capacity().saturating_mul(size_of::<Entry>()))
    }
}
