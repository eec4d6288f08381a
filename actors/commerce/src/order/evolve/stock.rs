//! Holds, the wallet and the confirmation, as facts change them.

use compact_str::CompactString;
use entity::{EntityId, EntityKey, EventContext};
use uuid::Uuid;

use super::super::body::Body;
use super::super::parts::{
    Ack, Booking, CodPhase, GiveBack, HoldPhase, Line, LineIndex, NotHeld, Parcel, ParcelIndex,
    ParcelLine, ParcelPhase, WalletPhase,
};
use super::super::stage::{Reason, Stage};
use crate::keys;

impl Body {
    pub(in crate::order) fn line_mut(&mut self, index: LineIndex) -> Option<&mut Line> {
        self.lines.get_mut(usize::from(index))
    }

    pub(in crate::order) fn parcel_mut(&mut self, index: ParcelIndex) -> Option<&mut Parcel> {
        self.parcels.get_mut(usize::from(index))
    }

    pub(super) fn set_phase(&mut self, index: LineIndex, phase: HoldPhase) {
        if let Some(line) = self.line_mut(index) {
            line.phase = phase;
        }
    }

    pub(in crate::order) fn set_wallet(&mut self, phase: WalletPhase) {
        if let Some(wallet) = &mut self.wallet {
            wallet.phase = phase;
        }
    }

    pub(super) fn hold(&mut self, ack: &Ack) {
        if let Some(line) = self.line_mut(ack.line) {
            line.phase = if ack.committed { HoldPhase::Committed } else { HoldPhase::Held };
            line.split.clone_from(&ack.split);
            line.available = None;
        }
    }

    pub(super) fn not_held(&mut self, index: LineIndex, why: &NotHeld, available: u32) {
        self.rivalry = (self.rivalry || self.failure.is_none()) && why.is_rivalry();
        self.failure = self.failure.or_else(|| Some(why.reason()));
        if let Some(line) = self.line_mut(index) {
            line.phase = HoldPhase::Refused;
            // Of what failed for another reason there may be plenty.
            line.available = Some(available).filter(|_| why.reason() == Reason::OutOfStock);
        }
    }

    /// All lines give up their holds; the first SKU in id order is asked, then the next. What the
    /// first round found lacking stays known of those that are not reached in this one.
    pub(super) fn start_second_round(&mut self) {
        self.second_round = true;
        self.failure = None;
        self.rivalry = false;
        for line in &mut self.lines {
            line.generation = line.generation.saturating_add(1);
            line.phase = HoldPhase::Waiting;
            line.split.clear();
        }
        self.ask_next();
    }

    /// In the second round: asks the first waiting line in SKU order, when none is being asked.
    pub(super) fn ask_next(&mut self) {
        if !self.second_round || self.any_line(HoldPhase::Asked) {
            return;
        }
        let waiting = self.each_line().filter(|(_, line)| line.phase == HoldPhase::Waiting);
        let next = waiting
            .filter_map(|(index, _)| self.priced(index).map(|priced| (&priced.sku, index)))
            .min()
            .map(|(_, index)| index);
        if let Some(index) = next {
            self.set_phase(index, HoldPhase::Asked);
        }
    }

    pub(super) fn reserved(&mut self, ctx: &EventContext<'_>, last: Option<&Ack>) {
        if let Some(ack) = last {
            self.hold(ack);
        }
        if self.terms.needs_payment() {
            self.stage = Stage::AwaitingPayment;
            self.timer = Some(ctx.at.plus_ms(self.terms.timers.pay_ms));
            self.number_asked = true;
            return;
        }
        self.stage = Stage::Confirming;
        self.timer = None;
        for line in &mut self.lines {
            if line.phase == HoldPhase::Held {
                line.phase = HoldPhase::Committing;
            }
        }
    }

    pub(super) fn confirm(&mut self, ctx: &EventContext<'_>, last: Option<LineIndex>) {
        if let Some(line) = last {
            self.set_phase(line, HoldPhase::Committed);
        }
        self.stage = Stage::Confirmed;
        self.confirmed = true;
        self.number_asked = true;
        self.parcels = self.packed(ctx);
    }

    /// One parcel per location, in the order of their names; shipping is paid with the first.
    pub(super) fn packed(&self, ctx: &EventContext<'_>) -> Vec<Parcel> {
        // Most orders are one parcel.
        let mut parcels: Vec<Parcel> = Vec::with_capacity(1);
        for (index, line) in self.each_line() {
            let mut from = 0u32;
            for (location, qty) in &line.split {
                let packed = ParcelLine { line: index, from, qty: *qty, booking: Booking::No };
                from = from.saturating_add(*qty);
                match parcels.binary_search_by(|parcel| parcel.location.cmp(location)) {
                    Ok(at) => parcels[at].lines.push(packed),
                    Err(at) => parcels.insert(at, Parcel::new(ctx.key, location, packed)),
                }
            }
        }
        if let Some(first) = parcels.first_mut() {
            first.shipping = self.terms.priced.beside_lines();
        }
        if self.terms.is_cod() {
            for parcel in &mut parcels {
                parcel.due = self.due_of(parcel);
                parcel.cod = if parcel.due > 0 { CodPhase::Due } else { CodPhase::None };
            }
        }
        parcels
    }

    /// What is collected with a parcel.
    pub(in crate::order) fn due_of(&self, parcel: &Parcel) -> i64 {
        parcel.lines.iter().fold(parcel.shipping, |sum, packed| {
            sum.saturating_add(self.share(packed.line, packed.from, packed.qty))
        })
    }

    pub(super) fn wallet_refused(&mut self, available: i64) {
        self.set_wallet(WalletPhase::Refused);
        if let Some(wallet) = &mut self.wallet {
            wallet.available = Some(available);
        }
        self.failure = self.failure.or(Some(Reason::InsufficientFunds));
    }

    pub(super) fn held(&mut self, ack: &Ack) {
        self.hold(ack);
        self.ask_next();
    }

    pub(super) fn held_again(&mut self, index: LineIndex) {
        self.held_again = true;
        if let Some(line) = self.line_mut(index) {
            line.generation = line.generation.saturating_add(1);
            line.phase = HoldPhase::AskedToCommit;
            line.split.clear();
        }
    }

    /// The wallet took its part although it was to be set free.
    pub(super) fn posted_late(&mut self) {
        self.open.retain(|step| step.what != GiveBack::Void);
        self.set_wallet(WalletPhase::Posted);
        self.credit_rest();
    }
}

impl Parcel {
    fn new(order: &EntityKey, location: &str, line: ParcelLine) -> Self {
        let shipment = keys::shipment(order, location);
        let id = match shipment.id {
            EntityId::Uuid(uuid) => uuid,
            EntityId::Name(_) => Uuid::nil(),
        };
        Self {
            id,
            location: location.into(),
            lines: vec![line],
            phase: ParcelPhase::Pending,
            carrier: CompactString::default(),
            tracking_number: CompactString::default(),
            shipping: 0,
            due: 0,
            collected: 0,
            cod: CodPhase::None,
            is_lost: false,
        }
    }
}
