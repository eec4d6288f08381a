//! Parcels and their cash, as facts change them.
//!
//! A parcel only moves forward: a late observation is recorded and takes nothing back.

use super::super::body::Body;
use super::super::parts::{Booking, CodPhase, LineIndex, ParcelIndex, ParcelPhase};
use super::super::stage::Stage;

impl Body {
    /// Moves a parcel forward, never back, and never out of a final phase.
    pub(super) fn move_parcel(&mut self, index: ParcelIndex, phase: ParcelPhase) {
        if let Some(parcel) = self.parcel_mut(index)
            && parcel.phase < phase
            && !parcel.phase.has_arrived()
        {
            parcel.phase = phase;
        }
    }

    /// The carrier says where a parcel is: it moves on, if it left at all.
    pub(super) fn track(&mut self, index: ParcelIndex, phase: ParcelPhase) {
        if self.parcel(index).is_some_and(|parcel| parcel.phase.has_left()) {
            self.move_parcel(index, phase);
        }
    }

    pub(super) fn release(&mut self, index: ParcelIndex, carrier: &str, tracking_number: &str) {
        if let Some(parcel) = self.parcel_mut(index) {
            parcel.phase = ParcelPhase::Released;
            parcel.carrier = carrier.into();
            parcel.tracking_number = tracking_number.into();
            for line in &mut parcel.lines {
                if line.booking != Booking::Done && line.qty > 0 {
                    line.booking = Booking::Asked;
                }
            }
        }
    }

    fn set_booking(&mut self, index: ParcelIndex, line: LineIndex, booking: Booking) {
        let Some(parcel) = self.parcel_mut(index) else { return };
        let Some(packed) = parcel.lines.iter_mut().find(|packed| packed.line == line) else {
            return;
        };
        packed.booking = booking;
        let qty = packed.qty;
        if booking == Booking::Done
            && let Some(line) = self.line_mut(line)
        {
            line.shipped = line.shipped.saturating_add(qty);
        }
    }

    pub(super) fn book_out(&mut self, index: ParcelIndex, line: LineIndex) {
        self.set_booking(index, line, Booking::Done);
    }

    pub(super) fn refuse_booking(&mut self, index: ParcelIndex, line: LineIndex) {
        self.set_booking(index, line, Booking::Refused);
    }

    pub(super) fn dispatch(&mut self, index: ParcelIndex, last: Option<LineIndex>) {
        if let Some(line) = last {
            self.book_out(index, line);
        }
        self.move_parcel(index, ParcelPhase::Dispatched);
        if self.stage == Stage::Confirmed {
            self.stage = Stage::InFulfilment;
        }
    }

    /// The parcel waits again. What was booked out stays so (see [`Booking::Done`]).
    pub(super) fn take_back_release(&mut self, index: ParcelIndex) {
        if let Some(parcel) = self.parcel_mut(index) {
            parcel.phase = ParcelPhase::Pending;
            parcel.carrier.clear();
            parcel.tracking_number.clear();
            for line in &mut parcel.lines {
                if line.booking == Booking::Refused {
                    line.booking = Booking::No;
                }
            }
        }
    }

    pub(super) fn receive_all(&mut self) {
        for parcel in &mut self.parcels {
            if matches!(parcel.phase, ParcelPhase::Dispatched | ParcelPhase::InTransit) {
                parcel.phase = ParcelPhase::Delivered;
            }
        }
    }

    /// Too little leaves the rest due; what comes after a refusal is kept.
    pub(super) fn collect(&mut self, index: ParcelIndex, amount: i64) {
        if let Some(parcel) = self.parcel_mut(index) {
            parcel.collected = parcel.collected.saturating_add(amount);
            if parcel.collected >= parcel.due && parcel.cod != CodPhase::Refused {
                parcel.cod = CodPhase::Collected;
            }
        }
    }

    /// Nothing is due for it any more, and its units are cancelled.
    pub(super) fn refuse_parcel(&mut self, index: ParcelIndex) {
        let Some(parcel) = self.parcel_mut(index) else { return };
        if parcel.phase == ParcelPhase::Refused {
            return;
        }
        parcel.phase = ParcelPhase::Refused;
        parcel.cod = CodPhase::Refused;
        let lines = parcel.lines.clone();
        for packed in lines {
            if let Some(line) = self.line_mut(packed.line) {
                line.cancelled = line.cancelled.saturating_add(packed.qty);
            }
        }
    }

    pub(super) fn overdue(&mut self, index: ParcelIndex) {
        if let Some(parcel) = self.parcel_mut(index)
            && parcel.cod == CodPhase::Due
        {
            parcel.cod = CodPhase::Overdue;
        }
    }
}
