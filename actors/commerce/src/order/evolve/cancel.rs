//! Cancellation, as facts change an order: stops, cuts, and what is given back.
//!
//! What is given back is a list of steps, each with a number within the order; a step leaves the
//! list when it is acknowledged, so the list is what is still to do (domain.md 2, compensation).

use entity::EventContext;

use super::super::body::Body;
use super::super::parts::{
    Ack, Booking, CodPhase, Compensation, Cut, GiveBack, HoldPhase, LineIndex, ParcelIndex,
    ParcelPhase, Stop, WalletPhase,
};
use super::super::stage::{Reason, Stage};

impl Body {
    /// Cancelled as soon as the present step is over; its timer has done its work.
    pub(super) fn cancel_later(&mut self, reason: Reason) {
        self.cancel_requested = self.cancel_requested.or(Some(reason));
        if self.stage == Stage::Reserving {
            self.timer = None;
        }
    }

    pub(super) fn stop(&mut self, stop: &Stop) {
        for index in 0..self.parcels.len() {
            let Ok(index) = ParcelIndex::try_from(index) else { return };
            let wanted = match stop {
                Stop::Whole { .. } => true,
                Stop::Lines { cuts, reason: _ } => cuts.iter().any(|cut| cut.parcel == index),
            };
            if let Some(parcel) = self.parcel_mut(index)
                && wanted
                && parcel.phase == ParcelPhase::Pending
            {
                parcel.phase = ParcelPhase::Stopping;
            }
        }
        if let Stop::Whole { reason } = stop {
            self.cancel_requested = Some(*reason);
        }
        self.stop = Some(stop.clone());
    }

    /// Nothing is cancelled: every parcel waits again.
    pub(super) fn drop_stop(&mut self) {
        self.stop = None;
        self.cancel_requested = None;
        for parcel in &mut self.parcels {
            let is_empty = parcel.lines.iter().all(|line| line.qty == 0);
            let stops = matches!(parcel.phase, ParcelPhase::Stopping | ParcelPhase::Stopped);
            if stops && !is_empty {
                parcel.phase = ParcelPhase::Pending;
            }
        }
    }

    /// Takes units out of stopped parcels; a parcel that keeps some waits again.
    pub(super) fn cut(&mut self, cuts: &[Cut]) {
        self.stop = None;
        let mut refund = 0i64;
        for cut in cuts {
            refund = refund.saturating_add(self.cut_one(*cut));
        }
        self.move_shipping();
        let is_cod = self.terms.is_cod();
        for index in 0..self.parcels.len() {
            let Some(parcel) = self.parcels.get(index) else { continue };
            let due = self.due_of(parcel);
            let is_empty = parcel.lines.iter().all(|line| line.qty == 0);
            let Some(parcel) = self.parcels.get_mut(index) else { continue };
            if parcel.phase == ParcelPhase::Stopped && !is_empty {
                parcel.phase = ParcelPhase::Pending;
            }
            if is_cod && matches!(parcel.phase, ParcelPhase::Pending | ParcelPhase::Stopped) {
                parcel.due = due;
                parcel.cod = match (due, parcel.collected) {
                    (0, 0) => CodPhase::None,
                    // A courier was paid before it left.
                    (due, collected) if collected >= due => CodPhase::Collected,
                    _ => CodPhase::Due,
                };
            }
        }
        self.credit(refund);
    }

    /// The last units of the parcel go; answers their share of money.
    fn cut_one(&mut self, cut: Cut) -> i64 {
        let Some(parcel) = self.parcel_mut(cut.parcel) else { return 0 };
        let location = parcel.location.clone();
        let Some(packed) = parcel.lines.iter_mut().find(|packed| packed.line == cut.line) else {
            return 0;
        };
        let qty = cut.qty.min(packed.qty);
        packed.qty = packed.qty.saturating_sub(qty);
        let from = packed.from.saturating_add(packed.qty);
        let was_booked_out = packed.booking == Booking::Done;
        if let Some(line) = self.line_mut(cut.line) {
            line.cancelled = line.cancelled.saturating_add(qty);
            if was_booked_out {
                line.shipped = line.shipped.saturating_sub(qty);
            }
        }
        self.give_back(GiveBack::Restock { line: cut.line, location, qty });
        self.share(cut.line, from, qty)
    }

    /// The shipping price of an emptied parcel is collected with the first that still waits.
    fn move_shipping(&mut self) {
        let mut moved = 0i64;
        for parcel in &mut self.parcels {
            if parcel.lines.iter().all(|line| line.qty == 0) {
                moved = moved.saturating_add(std::mem::take(&mut parcel.shipping));
            }
        }
        let waits = |phase| matches!(phase, ParcelPhase::Pending | ParcelPhase::Stopped);
        let heir = self
            .parcels
            .iter_mut()
            .find(|parcel| waits(parcel.phase) && parcel.lines.iter().any(|line| line.qty > 0));
        if let Some(heir) = heir {
            heir.shipping = heir.shipping.saturating_add(moved);
        }
    }

    /// The wallet gets back what it paid for cancelled units.
    fn credit(&mut self, amount: i64) {
        let Some(wallet) = &mut self.wallet else { return };
        let left = wallet.amount.saturating_sub(wallet.refunded);
        let amount = amount.min(left);
        if wallet.phase == WalletPhase::Posted && amount > 0 {
            wallet.refunded = wallet.refunded.saturating_add(amount);
            self.give_back(GiveBack::Credit { amount });
        }
    }

    /// What the wallet paid and did not get back is credited.
    pub(super) fn credit_rest(&mut self) {
        let rest = self.wallet.as_ref().map(|wallet| wallet.amount);
        self.credit(rest.unwrap_or(0));
    }

    /// Adds a step of compensation.
    fn give_back(&mut self, what: GiveBack) {
        self.open.push(Compensation { n: self.next_n, what, is_lost: false });
        self.next_n = self.next_n.saturating_add(1);
    }

    /// Everything that was taken is to be given back: money first, then stock.
    pub(super) fn start_cancelling(&mut self, reason: Reason) {
        self.stage = Stage::Cancelling;
        self.reason = Some(reason);
        self.timer = None;
        self.stop = None;
        match self.wallet.as_ref().map(|wallet| wallet.phase) {
            Some(WalletPhase::Asked | WalletPhase::Held | WalletPhase::Posting) => {
                self.set_wallet(WalletPhase::Voided);
                self.give_back(GiveBack::Void);
            }
            Some(WalletPhase::Posted) => self.credit_rest(),
            Some(WalletPhase::Refused | WalletPhase::Voided) | None => {}
        }
        for index in 0..self.lines.len() {
            let Ok(index) = LineIndex::try_from(index) else { return };
            self.end_line(index);
        }
        self.stop_parcels();
        for (line, priced) in self.lines.iter_mut().zip(&self.terms.priced.lines) {
            line.cancelled = priced.qty.get();
        }
    }

    /// Gives back what a line holds.
    fn end_line(&mut self, index: LineIndex) {
        let Some(line) = self.line_mut(index) else { return };
        let phase = std::mem::replace(&mut line.phase, HoldPhase::Ended);
        match phase {
            // One that waits for its second round may have been held in the first, and nobody has
            // acknowledged yet that it was let go.
            HoldPhase::Waiting
            | HoldPhase::Asked
            | HoldPhase::AskedToCommit
            | HoldPhase::Held
            | HoldPhase::Committing
            | HoldPhase::CommitRefused => self.give_back(GiveBack::Release { line: index }),
            HoldPhase::Committed => {
                self.set_phase(index, HoldPhase::Returned);
                if self.confirmed {
                    self.restock_parcels(index);
                } else {
                    self.restock_split(index);
                }
            }
            HoldPhase::Returned => self.set_phase(index, HoldPhase::Returned),
            HoldPhase::Refused | HoldPhase::Ended => {}
        }
    }

    /// Units that were sold but not packed.
    fn restock_split(&mut self, index: LineIndex) {
        let split = self.line(index).map(|line| line.split.clone()).unwrap_or_default();
        for (location, qty) in split {
            self.give_back(GiveBack::Restock { line: index, location, qty });
        }
    }

    /// Units of a line that are packed and have not left.
    fn restock_parcels(&mut self, index: LineIndex) {
        let packed: Vec<_> = self
            .parcels
            .iter()
            .filter(|parcel| !parcel.phase.has_left())
            .flat_map(|parcel| parcel.lines.iter().map(|line| (parcel.location.clone(), line)))
            .filter(|(_, line)| line.line == index && line.qty > 0)
            .map(|(location, line)| (location, line.qty, line.booking))
            .collect();
        for (location, qty, booking) in packed {
            if let Some(line) = self.line_mut(index)
                && booking == Booking::Done
            {
                // Booked out, but it never left the house.
                line.shipped = line.shipped.saturating_sub(qty);
            }
            self.give_back(GiveBack::Restock { line: index, location, qty });
        }
    }

    /// No parcel leaves a cancelled order, and nothing is due for it.
    fn stop_parcels(&mut self) {
        for parcel in &mut self.parcels {
            if !parcel.phase.has_left() {
                parcel.phase = ParcelPhase::Stopped;
                parcel.due = 0;
                if parcel.cod != CodPhase::Collected {
                    parcel.cod = CodPhase::None;
                }
            }
        }
    }

    /// A step of compensation is acknowledged.
    pub(super) fn settle(&mut self, n: u32) {
        self.open.retain(|step| step.n != n);
    }

    pub(super) fn cancelled(&mut self, ctx: &EventContext<'_>, last: Option<u32>) {
        if let Some(n) = last {
            self.settle(n);
        }
        self.close(ctx, Stage::Cancelled);
    }

    /// A hold that answered after all was given back is given back too.
    pub(super) fn held_late(&mut self, ack: &Ack) {
        if !ack.committed {
            self.give_back(GiveBack::Release { line: ack.line });
            return;
        }
        self.set_phase(ack.line, HoldPhase::Returned);
        for (location, qty) in &ack.split {
            let location = location.clone();
            self.give_back(GiveBack::Restock { line: ack.line, location, qty: *qty });
        }
    }
}
