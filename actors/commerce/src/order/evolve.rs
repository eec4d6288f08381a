//! How facts change a placed order. Infallible: an index that does not exist changes nothing.
//!
//! What follows from a fact by rule (the phases of the other lines, the compensations of a
//! cancellation) is computed here, so that facts stay small; all of it is a function of the state.

mod cancel;
mod parcels;
mod stock;

use entity::EventContext;

use super::body::{Body, Unsent};
use super::event::{Fact, Undelivered};
use super::parts::{HoldPhase, OnHold, ParcelPhase, WalletPhase};
use super::stage::{HoldReason, Stage};

impl Body {
    /// Applies a fact and notes it.
    pub(super) fn evolve(&mut self, ctx: &EventContext<'_>, fact: &Fact) {
        match fact {
            // Only the first event is one; `Order::evolve` makes the body of it.
            Fact::Placed(_) => {}
            Fact::Held(ack) => self.held(ack),
            Fact::NotHeld { line, why, available } => self.not_held(*line, why, *available),
            Fact::HoldsRetried => self.start_second_round(),
            Fact::WalletHeld => self.set_wallet(WalletPhase::Held),
            Fact::WalletRefused { available } => self.wallet_refused(*available),
            Fact::Reserved { last } => self.reserved(ctx, last.as_ref()),
            Fact::Committed { line } => self.set_phase(*line, HoldPhase::Committed),
            Fact::CommitRefused { line, why: _ } => self.set_phase(*line, HoldPhase::CommitRefused),
            Fact::HeldAgain { line } => self.held_again(*line),
            Fact::WalletPosting => self.set_wallet(WalletPhase::Posting),
            Fact::WalletPosted => self.set_wallet(WalletPhase::Posted),
            Fact::Confirmed { last } => self.confirm(ctx, *last),
            Fact::Numbered { number } => self.number = Some(*number),
            Fact::CancelRequested { reason } => self.cancel_later(*reason),
            Fact::StopAsked(stop) => self.stop(stop),
            Fact::ParcelStopped { parcel } => self.move_parcel(*parcel, ParcelPhase::Stopped),
            Fact::StopDropped { parcel: _ } => self.drop_stop(),
            Fact::LinesCancelled { cuts } => self.cut(cuts),
            Fact::DispatchReleased { parcel, carrier, tracking_number } => {
                self.release(*parcel, carrier, tracking_number);
            }
            Fact::BookedOut { parcel, line } => self.book_out(*parcel, *line),
            Fact::BookingRefused { parcel, line } => self.refuse_booking(*parcel, *line),
            Fact::Dispatched { parcel, last } => self.dispatch(*parcel, *last),
            Fact::DispatchRefused { parcel } => self.take_back_release(*parcel),
            Fact::InTransit { parcel, at: _ } => self.track(*parcel, ParcelPhase::InTransit),
            Fact::Delivered { parcel, at: _ } => self.track(*parcel, ParcelPhase::Delivered),
            Fact::AutoReceived { parcel } => self.track(*parcel, ParcelPhase::AutoReceived),
            Fact::ReceiptConfirmed => self.receive_all(),
            Fact::CodCollected { parcel, amount, paid: _ } => self.collect(*parcel, *amount),
            Fact::CashCollected { parcel, amount, paid: _ } => self.collect(*parcel, amount.minor),
            Fact::CodRefused { parcel } => self.refuse_parcel(*parcel),
            Fact::CodOverdue { parcel } => self.overdue(*parcel),
            Fact::Fulfilled => self.fulfil(ctx),
            Fact::Completed => self.close(ctx, Stage::Completed),
            Fact::Cancelling { reason } => self.start_cancelling(*reason),
            Fact::Compensated { n }
            | Fact::Refunded { n, amount: _ }
            | Fact::MoneyReturned { n, amount: _ } => self.settle(*n),
            Fact::Cancelled { last } | Fact::CancelledFor { last, reason: _ } => {
                self.cancelled(ctx, *last);
            }
            Fact::PutOnHold { reason, note: _ } => self.freeze(ctx, *reason),
            Fact::Resumed { note: _ } => self.thaw(ctx),
            Fact::HoldAlarm => self.alarmed(ctx),
            Fact::Undelivered(what) => self.undelivered(ctx, *what),
            Fact::Retried => self.retried(),
            Fact::LateHold(ack) => self.held_late(ack),
            Fact::LatePost => self.posted_late(),
        }
        self.note(ctx, fact);
    }

    fn fulfil(&mut self, ctx: &EventContext<'_>) {
        self.stage = Stage::Fulfilled;
        self.timer = Some(ctx.at.plus_ms(self.terms.timers.return_window_ms));
    }

    pub(super) fn close(&mut self, ctx: &EventContext<'_>, stage: Stage) {
        self.stage = stage;
        self.timer = None;
        self.closed_at = Some(ctx.at);
    }

    fn freeze(&mut self, ctx: &EventContext<'_>, reason: HoldReason) {
        self.on_hold = Some(OnHold {
            reason,
            left_ms: self.timer.map(|timer| timer.since_ms(ctx.at)),
            alarm_at: ctx.at.plus_ms(self.terms.timers.on_hold_ms.max(1)),
        });
        self.timer = None;
        self.retry_at = None;
    }

    fn thaw(&mut self, ctx: &EventContext<'_>) {
        self.nothing_lost();
        if let Some(on_hold) = self.on_hold.take() {
            self.timer = on_hold.left_ms.map(|left_ms| ctx.at.plus_ms(left_ms.max(1)));
            // Whoever resumes it wants another try.
            self.held_again = false;
        }
    }

    fn undelivered(&mut self, ctx: &EventContext<'_>, what: Undelivered) {
        match what {
            Undelivered::Cart => self.unsent.cart = true,
            Undelivered::Customer => self.unsent.customer = true,
            Undelivered::Numbers => self.unsent.numbers = true,
            Undelivered::Compensation { n } => {
                if let Some(step) = self.open.iter_mut().find(|step| step.n == n) {
                    step.is_lost = true;
                }
            }
            Undelivered::Shipment { parcel } => {
                if let Some(parcel) = self.parcel_mut(parcel) {
                    parcel.is_lost = true;
                }
            }
        }
        let at = ctx.at.plus_ms(self.backoff_ms());
        self.retry_at = Some(self.retry_at.map_or(at, |earlier| earlier.min(at)));
    }

    fn alarmed(&mut self, ctx: &EventContext<'_>) {
        let alarm_at = ctx.at.plus_ms(self.terms.timers.on_hold_ms.max(1));
        self.on_hold = self.on_hold.map(|on_hold| OnHold { alarm_at, ..on_hold });
    }

    fn retried(&mut self) {
        self.retries = self.retries.saturating_add(1);
        self.retry_at = None;
        self.nothing_lost();
    }

    /// Whatever was not taken is sent again.
    fn nothing_lost(&mut self) {
        self.unsent = Unsent::default();
        for step in &mut self.open {
            step.is_lost = false;
        }
        for parcel in &mut self.parcels {
            parcel.is_lost = false;
        }
    }
}
