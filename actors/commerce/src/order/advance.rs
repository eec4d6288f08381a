//! What follows from where an order stands: the rows of the table that need no further input.
//!
//! [`advance`] is called after every observation, timer and resume, and goes on until nothing
//! follows any more. On hold nothing follows: what was observed meanwhile is acted on at resume.

use super::draft::Draft;
use super::event::Fact;
use super::parts::{
    Ack, Booking, CodPhase, HoldPhase, LineIndex, Parcel, ParcelIndex, ParcelPhase, Stop,
    WalletPhase,
};
use super::stage::{HoldReason, Reason, Stage};
use super::terms::LINES_MAX;

/// More than the steps that can follow: one for each parcel of each line, and those of the stages.
const STEPS_MAX: usize = LINES_MAX * 64 + 16;

/// Takes every step that follows.
pub(super) fn advance(draft: &mut Draft<'_>) {
    // Each step moves the order forward, so this ends; the bound turns a bug into a stop.
    for _ in 0..STEPS_MAX {
        if draft.body.on_hold.is_some() || !step(draft) {
            return;
        }
    }
    debug_assert!(false, "an order went in circles");
}

fn step(draft: &mut Draft<'_>) -> bool {
    match draft.body.stage {
        Stage::Reserving => reserving(draft),
        Stage::Confirming => confirming(draft),
        Stage::Confirmed | Stage::InFulfilment => fulfilling(draft),
        Stage::Cancelling => {
            let is_settled = draft.body.open.is_empty();
            if is_settled {
                cancelled(draft, None);
            }
            is_settled
        }
        Stage::AwaitingPayment | Stage::Fulfilled | Stage::Completed | Stage::Cancelled => false,
    }
}

fn reserving(draft: &mut Draft<'_>) -> bool {
    // A SKU that sells at once is deciding: its answer comes first, then the cancellation. A
    // release on its heels would have to undo a sale.
    if draft.body.any_line(HoldPhase::AskedToCommit) {
        return false;
    }
    if let Some(reason) = draft.body.cancel_requested {
        cancel(draft, reason);
        return true;
    }
    if let Some(reason) = draft.body.failure {
        // All answers of a round are awaited: only then it is known who else was refused, and
        // whether a second round can go better.
        if draft.body.any_line(HoldPhase::Asked) {
            return false;
        }
        let wallet = draft.body.wallet.as_ref().map(|wallet| wallet.phase);
        let may_go_better = draft.body.rivalry
            && !draft.body.second_round
            && draft.body.any_line(HoldPhase::Held)
            && wallet != Some(WalletPhase::Refused);
        if may_go_better {
            second_round(draft);
        } else {
            cancel(draft, reason);
        }
        return true;
    }
    if draft.body.others_are(HoldPhase::Held, None) && draft.body.wallet_is_held() {
        reserve(draft, None);
        return true;
    }
    false
}

/// Rivals for several SKUs try once more, in the order of SKUs (domain.md 3).
fn second_round(draft: &mut Draft<'_>) {
    let held = draft.body.each_line().filter(|(_, line)| line.phase == HoldPhase::Held);
    let given_up: Vec<_> = held.map(|(index, line)| (index, line.generation)).collect();
    draft.push(Fact::HoldsRetried);
    draft.tell(|voice, out| {
        for (index, generation) in given_up {
            out.extend(voice.release(index, generation));
        }
    });
    ask_next(draft);
}

/// In the second round: asks the SKU whose turn it is.
pub(super) fn ask_next(draft: &mut Draft<'_>) {
    let asked = draft.body.each_line().find(|(_, line)| line.phase == HoldPhase::Asked);
    if let Some((index, _)) = asked {
        draft.tell(|voice, out| out.extend(voice.hold(index)));
    }
}

/// Everything is held: to be paid, or to be sold at once.
pub(super) fn reserve(draft: &mut Draft<'_>, last: Option<Ack>) {
    draft.push(Fact::Reserved { last });
    draft.tell(|voice, out| {
        if voice.body.stage == Stage::AwaitingPayment {
            out.push(voice.ask_number());
        }
        for (index, line) in voice.body.each_line() {
            if line.phase == HoldPhase::Committing {
                out.extend(voice.commit(index));
            }
        }
    });
}

fn confirming(draft: &mut Draft<'_>) -> bool {
    let waits = |phase| {
        matches!(phase, HoldPhase::Committing | HoldPhase::Asked | HoldPhase::AskedToCommit)
    };
    if draft.body.lines.iter().any(|line| waits(line.phase)) {
        return false;
    }
    if draft.body.any_line(HoldPhase::CommitRefused) {
        hold_again(draft);
        return true;
    }
    if draft.body.any_line(HoldPhase::Refused) {
        cancel(draft, draft.body.failure.unwrap_or(Reason::ReservationExpired));
        return true;
    }
    match draft.body.wallet.as_ref().map(|wallet| wallet.phase) {
        Some(WalletPhase::Held) => {
            draft.push(Fact::WalletPosting);
            draft.tell(|voice, out| out.extend(voice.wallet_post()));
            true
        }
        None | Some(WalletPhase::Posted) => {
            confirm(draft, None);
            true
        }
        Some(
            WalletPhase::Asked | WalletPhase::Posting | WalletPhase::Refused | WalletPhase::Voided,
        ) => false,
    }
}

/// What was gone at the commit is held and sold in one step, once; then people have to look.
fn hold_again(draft: &mut Draft<'_>) {
    if draft.body.held_again {
        put_on_hold(draft, HoldReason::Stock);
        return;
    }
    let gone = draft.body.each_line().filter(|(_, line)| line.phase == HoldPhase::CommitRefused);
    let gone: Vec<_> = gone.map(|(index, _)| index).collect();
    for index in gone {
        draft.push(Fact::HeldAgain { line: index });
        draft.tell(|voice, out| out.extend(voice.hold(index)));
    }
}

/// Freezes the order because something could not be done.
pub(super) fn put_on_hold(draft: &mut Draft<'_>, reason: HoldReason) {
    draft.push(Fact::PutOnHold { reason, note: compact_str::CompactString::default() });
}

/// Sold: parcels are made, cart and numbers hear of it.
pub(super) fn confirm(draft: &mut Draft<'_>, last: Option<LineIndex>) {
    let has_asked = draft.body.number_asked;
    draft.push(Fact::Confirmed { last });
    draft.tell(|voice, out| {
        out.extend(voice.body.parcels.iter().map(|parcel| voice.create(parcel)));
        out.push(voice.tell_cart());
        if !has_asked {
            out.push(voice.ask_number());
        }
    });
}

fn fulfilling(draft: &mut Draft<'_>) -> bool {
    if let Some(stop) = &draft.body.stop {
        if draft.body.parcels.iter().any(|parcel| parcel.phase == ParcelPhase::Stopping) {
            return false;
        }
        let stop = stop.clone();
        finish_stop(draft, stop);
        return true;
    }
    if let (Some(reason), Stage::Confirmed) = (draft.body.cancel_requested, draft.body.stage) {
        ask_stop(draft, Stop::Whole { reason });
        return true;
    }
    if let Some((index, is_refused)) = answered_parcel(draft) {
        if is_refused {
            draft.push(Fact::DispatchRefused { parcel: index });
            draft.tell(|voice, out| {
                out.extend(voice.body.parcel(index).map(|it| voice.tell_dispatch_refused(it)));
            });
        } else {
            dispatch(draft, index, None);
        }
        return true;
    }
    if draft.body.is_empty() {
        cancel(draft, Reason::CodRefused);
        return true;
    }
    if draft.body.parcels.iter().all(is_done) {
        draft.push(Fact::Fulfilled);
        return true;
    }
    false
}

/// Whether nothing more is expected of a parcel.
const fn is_done(parcel: &Parcel) -> bool {
    let is_settled = match parcel.cod {
        CodPhase::None | CodPhase::Collected => true,
        CodPhase::Due | CodPhase::Overdue | CodPhase::Refused => false,
    };
    !parcel.phase.is_live() || (parcel.phase.has_arrived() && is_settled)
}

/// A released parcel of which every line was answered, and whether one was refused.
fn answered_parcel(draft: &Draft<'_>) -> Option<(ParcelIndex, bool)> {
    let mut released =
        draft.body.each_parcel().filter(|(_, parcel)| parcel.phase == ParcelPhase::Released);
    released.find_map(|(index, parcel)| {
        let any = |booking| parcel.lines.iter().any(|line| line.booking == booking);
        (!any(Booking::Asked)).then(|| (index, any(Booking::Refused)))
    })
}

/// A parcel leaves.
pub(super) fn dispatch(draft: &mut Draft<'_>, index: ParcelIndex, last: Option<LineIndex>) {
    draft.push(Fact::Dispatched { parcel: index, last });
    draft.tell(|voice, out| {
        out.extend(voice.body.parcel(index).map(|parcel| voice.tell_dispatched(parcel)));
    });
}

/// Asks parcels to stop.
pub(super) fn ask_stop(draft: &mut Draft<'_>, stop: Stop) {
    draft.push(Fact::StopAsked(stop));
    draft.tell(|voice, out| {
        let stopping = |parcel: &&Parcel| parcel.phase == ParcelPhase::Stopping;
        out.extend(voice.body.parcels.iter().filter(stopping).map(|parcel| voice.stop(parcel)));
    });
}

/// All that were asked have stopped.
fn finish_stop(draft: &mut Draft<'_>, stop: Stop) {
    let (cuts, reason) = match stop {
        Stop::Whole { reason } => return cancel(draft, reason),
        Stop::Lines { cuts, reason } => (cuts, reason),
    };
    let from = draft.body.next_n;
    draft.push(Fact::LinesCancelled { cuts });
    draft.tell(|voice, out| {
        let waits = |parcel: &&Parcel| parcel.phase == ParcelPhase::Pending;
        out.extend(voice.body.parcels.iter().filter(waits).map(|parcel| voice.reopen(parcel)));
        out.extend(voice.compensations(from));
    });
    if draft.body.is_empty() {
        cancel(draft, reason);
    }
}

/// Begins to give back what was taken.
pub(super) fn cancel(draft: &mut Draft<'_>, reason: Reason) {
    let from = draft.body.next_n;
    draft.push(Fact::Cancelling { reason });
    draft.tell(|voice, out| out.extend(voice.compensations(from)));
}

/// Nothing is held or owed any more; a cart that was never confirmed is free again.
pub(super) fn cancelled(draft: &mut Draft<'_>, last: Option<u32>) {
    // Whatever is cancelled has a reason since it is being cancelled.
    let fact = match draft.body.reason {
        Some(reason) => Fact::CancelledFor { last, reason },
        None => Fact::Cancelled { last },
    };
    draft.push(fact);
    if !draft.body.confirmed {
        draft.tell(|voice, out| out.push(voice.tell_cart()));
    }
}
