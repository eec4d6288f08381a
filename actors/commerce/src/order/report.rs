//! What the shipments of an order report: asked dispatches, stops, tracking, cash.
//!
//! The order is the one that lets a parcel leave: a stop and a dispatch meet here, and the first
//! wins. Tracking and cash are observations: recorded in any stage, and each scan is an entry of
//! the history, whether or not it moves anything.

use compact_str::CompactString;

use super::advance::advance;
use super::command::ShipmentReport;
use super::draft::Draft;
use super::event::Fact;
use super::parts::{CodPhase, Parcel, ParcelIndex, ParcelPhase};
use super::stage::Stage;
use crate::money::Money;

/// A shipment reported.
pub(super) fn report(draft: &mut Draft<'_>, index: ParcelIndex, report: ShipmentReport) {
    match report {
        ShipmentReport::DispatchAsked { carrier, tracking_number } => {
            dispatch_asked(draft, index, carrier, tracking_number);
        }
        ShipmentReport::Stopped => stopped(draft, index),
        ShipmentReport::StopRefused => stop_refused(draft, index),
        ShipmentReport::InTransit { at } => {
            if draft.body.parcel(index).is_some() {
                observed(draft, Fact::InTransit { parcel: index, at });
            }
        }
        ShipmentReport::Delivered { at } => {
            if draft.body.parcel(index).is_some() {
                let is_out =
                    |(at, it): (ParcelIndex, &Parcel)| at != index && !it.phase.has_arrived();
                if draft.body.each_parcel().any(is_out) {
                    sites::hit("order.partly_delivered");
                }
                observed(draft, Fact::Delivered { parcel: index, at });
            }
        }
        ShipmentReport::AutoReceived => auto_received(draft, index),
        ShipmentReport::CodCollected { amount } => {
            // A parcel is collected in the order's currency: the shipment checked it.
            collected(draft, index, amount);
        }
        ShipmentReport::CodRefused => {
            let may_be = |it: &Parcel| it.phase.has_left() && it.phase != ParcelPhase::Refused;
            if draft.body.parcel(index).is_some_and(may_be) {
                observed(draft, Fact::CodRefused { parcel: index });
            }
        }
        ShipmentReport::CodOverdue => {
            if draft.body.parcel(index).is_some_and(|it| it.cod == CodPhase::Due) {
                observed(draft, Fact::CodOverdue { parcel: index });
            }
        }
    }
}

fn observed(draft: &mut Draft<'_>, fact: Fact) {
    draft.push(fact);
    advance(draft);
}

fn dispatch_asked(
    draft: &mut Draft<'_>,
    index: ParcelIndex,
    carrier: CompactString,
    tracking_number: CompactString,
) {
    let body = &draft.body;
    let is_open = matches!(body.stage, Stage::Confirmed | Stage::InFulfilment)
        && body.on_hold.is_none()
        && body.stop.is_none()
        && body.cancel_requested.is_none();
    let is_pending = body.parcel(index).is_some_and(|it| it.phase == ParcelPhase::Pending);
    if is_open && is_pending {
        draft.push(Fact::DispatchReleased { parcel: index, carrier, tracking_number });
        draft.tell(|voice, out| {
            if let Some(parcel) = voice.body.parcel(index) {
                out.push(voice.tell_released(parcel));
                out.extend(voice.book_out(parcel));
            }
        });
        // A parcel whose lines were all booked out before leaves without asking again.
        advance(draft);
    } else {
        draft.tell(|voice, out| {
            out.extend(voice.body.parcel(index).map(|it| voice.tell_dispatch_refused(it)));
        });
    }
}

fn stopped(draft: &mut Draft<'_>, index: ParcelIndex) {
    if draft.body.parcel(index).is_some_and(|it| it.phase == ParcelPhase::Stopping) {
        observed(draft, Fact::ParcelStopped { parcel: index });
    }
}

/// The request is dropped and the others go on (domain.md 2, Confirmed + Cancel).
fn stop_refused(draft: &mut Draft<'_>, index: ParcelIndex) {
    if draft.body.parcel(index).is_none_or(|it| it.phase != ParcelPhase::Stopping) {
        return;
    }
    draft.push(Fact::StopDropped { parcel: index });
    draft.tell(|voice, out| {
        let waits = |parcel: &&Parcel| parcel.phase == ParcelPhase::Pending;
        out.extend(voice.body.parcels.iter().filter(waits).map(|it| voice.reopen(it)));
    });
    advance(draft);
}

fn auto_received(draft: &mut Draft<'_>, index: ParcelIndex) {
    if draft.body.parcel(index).is_some_and(|it| !it.phase.has_arrived()) {
        observed(draft, Fact::AutoReceived { parcel: index });
    }
}

fn collected(draft: &mut Draft<'_>, index: ParcelIndex, amount: Money) {
    // Paid with the collection after which no parcel lacks anything, and with that one only.
    let is_short = |more: i64| {
        draft.body.each_parcel().any(|(at, parcel)| {
            let more = if at == index { more } else { 0 };
            parcel.phase.is_live() && parcel.collected.saturating_add(more) < parcel.due
        })
    };
    let paid = is_short(0) && !is_short(amount.minor);
    observed(draft, Fact::CashCollected { parcel: index, amount, paid });
}
