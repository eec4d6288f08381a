//! What one request and its answer prove: whether it took effect, and what it shows of an order.
//!
//! The words are those of the interface; one that is not known here proves nothing.
//! A 5xx proves nothing either: 503 may be said after a command was taken, while waiting for what
//! it came to.

use crate::history::{Answer, Ask, Op};

/// Public status of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Word {
    Processing,
    AwaitingPayment,
    Confirmed,
    InFulfilment,
    Fulfilled,
    Completed,
    Cancelling,
    Cancelled,
    /// One that this program does not know.
    Other,
}

impl Word {
    pub(super) fn of(text: &str) -> Self {
        match text {
            "processing" => Self::Processing,
            "awaiting_payment" => Self::AwaitingPayment,
            "confirmed" => Self::Confirmed,
            "in_fulfilment" => Self::InFulfilment,
            "fulfilled" => Self::Fulfilled,
            "completed" => Self::Completed,
            "cancelling" => Self::Cancelling,
            "cancelled" => Self::Cancelled,
            _ => Self::Other,
        }
    }

    /// Sold: its units are taken until somebody cancels it.
    pub(super) const fn is_sold(self) -> bool {
        match self {
            Self::Confirmed | Self::InFulfilment | Self::Fulfilled | Self::Completed => true,
            Self::Processing
            | Self::AwaitingPayment
            | Self::Cancelling
            | Self::Cancelled
            | Self::Other => false,
        }
    }

    /// Not on its way out: an order that can still be delivered.
    pub(super) const fn is_alive(self) -> bool {
        match self {
            Self::Processing | Self::AwaitingPayment => true,
            Self::Confirmed | Self::InFulfilment | Self::Fulfilled | Self::Completed => true,
            Self::Cancelling | Self::Cancelled | Self::Other => false,
        }
    }
}

/// Whether a request changed what it asked to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It did, at some time between sending and answer.
    Done,
    /// It did not and will not.
    None,
    /// Nobody knows: it may have, it may yet.
    Open,
}

/// Refusals of placing that say that an order was made and could not be sold.
const ENDED: [&str; 5] =
    ["out_of_stock", "price_changed", "reservation_timeout", "insufficient_funds", "invalid_state"];

/// Whether the answer says that the placed order ended cancelled.
pub(super) fn ended(answer: &Answer) -> bool {
    let code = answer.code.as_deref().unwrap_or_default();
    answer.order.is_some()
        && ((answer.status == 409 && ENDED.contains(&code))
            || (answer.status == 410 && code == "reservation_expired"))
}

/// Whether the answer is a success.
pub(super) const fn is_done(answer: &Answer) -> bool {
    answer.status >= 200 && answer.status < 300
}

/// Whether it is refused for good, in a way that has to do with what was asked.
pub(super) const fn is_refused(answer: &Answer) -> bool {
    answer.status >= 400 && answer.status < 500 && !matches!(answer.status, 401 | 408 | 429)
}

/// What became of a request that changes something.
pub(super) fn effect(op: &Op) -> Effect {
    let Some(answer) = &op.answer else { return Effect::Open };
    let in_progress = answer.code.as_deref() == Some("idempotency_in_progress");
    if is_done(answer) || (matches!(op.ask, Ask::Place { .. }) && ended(answer)) {
        Effect::Done
    } else if answer.status >= 500 || in_progress {
        Effect::Open
    } else {
        Effect::None
    }
}

/// What an answer shows of an order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) order: &'a str,
    pub(super) version: Option<u64>,
    pub(super) word: Option<Word>,
    /// It is how the order stood between sending and answer, and not how it was at some earlier
    /// time: placing shows what it came to first, a repeat what was answered then.
    pub(super) fresh: bool,
    pub(super) sent_us: u64,
    pub(super) answered_us: u64,
}

/// What the answer to a request shows of an order, if it does.
///
/// Moving an order on is answered with the shipment or payment that moved, so its version and
/// state are not the order's.
pub(super) fn shown(op: &Op) -> Option<Shown<'_>> {
    let (answer, answered_us) = (op.answer.as_ref()?, op.answered_us?);
    let word = answer.state.as_deref().map(Word::of);
    let (order, word, fresh) = match &op.ask {
        Ask::Place { .. } if is_done(answer) => (answer.order.as_deref()?, word, false),
        Ask::Place { .. } if ended(answer) => {
            (answer.order.as_deref()?, Some(Word::Cancelled), false)
        }
        Ask::GetOrder { order } if is_done(answer) => (order.as_str(), word, true),
        Ask::Cancel { order } | Ask::CancelPart { order, .. } if is_done(answer) => {
            (order.as_str(), word, !answer.replayed)
        }
        Ask::Place { .. }
        | Ask::GetOrder { .. }
        | Ask::Cancel { .. }
        | Ask::CancelPart { .. }
        | Ask::PutCart { .. }
        | Ask::Quote { .. }
        | Ask::Advance { .. }
        | Ask::Freeze { .. }
        | Ask::GetStock { .. }
        | Ask::Restock { .. }
        | Ask::Count { .. }
        | Ask::SetPrice { .. }
        | Ask::ListMine { .. }
        | Ask::Reuse { .. }
        | Ask::Merge { .. }
        | Ask::SignIn { .. }
        | Ask::PutAddress { .. }
        | Ask::DeleteAddress { .. }
        | Ask::Look(_)
        | Ask::Other => return None,
    };
    Some(Shown { order, version: answer.version, word, fresh, sent_us: op.sent_us, answered_us })
}
