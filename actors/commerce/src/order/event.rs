//! What can happen to an order, and the public name of each fact.
//!
//! Every event carries the public words after it, so that a topic or a read model needs no state.
//! A fact holds what replay cannot know, and no more: a cash order of one line makes four events.

use std::sync::Arc;

use compact_str::CompactString;
use entity::Timestamp;
use serde::{Deserialize, Serialize};

use super::parts::{Ack, Cut, LineIndex, NotHeld, ParcelIndex, Stop};
use super::stage::{After, HoldReason, Reason, Status};
use super::terms::Terms;
use crate::money::Money;
use crate::protocol::CommitRefusal;

/// A message of ours that was not taken and is sent again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Undelivered {
    /// To the cart.
    Cart,
    /// To the customer.
    Customer,
    /// To the number allocator.
    Numbers,
    /// A step of compensation.
    Compensation {
        /// Its number.
        n: u32,
    },
    /// To a shipment.
    Shipment {
        /// Which.
        parcel: ParcelIndex,
    },
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// Placed; holds are asked for.
    Placed(Arc<Terms>),
    /// A line is held, others are not yet.
    Held(Ack),
    /// A line is not held.
    NotHeld {
        /// The line.
        line: LineIndex,
        /// Why.
        why: NotHeld,
        /// What could have been held.
        available: u32,
    },
    /// All holds were given up; the second round asks SKU by SKU.
    HoldsRetried,
    /// The wallet set its part aside.
    WalletHeld,
    /// The wallet did not.
    WalletRefused {
        /// What there is, in minor units.
        available: i64,
    },
    /// Everything is held.
    Reserved {
        /// The last hold, if that completed it.
        last: Option<Ack>,
    },
    /// A line is sold, others are not yet.
    Committed {
        /// The line.
        line: LineIndex,
    },
    /// A line could not be sold.
    CommitRefused {
        /// The line.
        line: LineIndex,
        /// Why.
        why: CommitRefusal,
    },
    /// It is held again, once, and committed at once.
    HeldAgain {
        /// The line.
        line: LineIndex,
    },
    /// The wallet was asked to take its part.
    WalletPosting,
    /// The wallet took it.
    WalletPosted,
    /// Sold.
    Confirmed {
        /// The last line, if that completed it.
        last: Option<LineIndex>,
    },
    /// It has a number.
    Numbered {
        /// The number; shown with a letter before it.
        number: u64,
    },
    /// To be cancelled as soon as the present step is over.
    CancelRequested {
        /// Why.
        reason: Reason,
    },
    /// Parcels were asked to stop.
    StopAsked(Stop),
    /// A parcel stopped.
    ParcelStopped {
        /// Which.
        parcel: ParcelIndex,
    },
    /// A parcel could not stop: nothing is cancelled, the others go on.
    StopDropped {
        /// Which could not.
        parcel: ParcelIndex,
    },
    /// Units are cancelled.
    LinesCancelled {
        /// Which.
        cuts: Vec<Cut>,
    },
    /// A parcel may leave.
    DispatchReleased {
        /// Which.
        parcel: ParcelIndex,
        /// Who carries it.
        carrier: CompactString,
        /// Its number there.
        tracking_number: CompactString,
    },
    /// A line of a parcel was booked out, others are not yet.
    BookedOut {
        /// The parcel.
        parcel: ParcelIndex,
        /// The line.
        line: LineIndex,
    },
    /// A line of a parcel could not be booked out.
    BookingRefused {
        /// The parcel.
        parcel: ParcelIndex,
        /// The line.
        line: LineIndex,
    },
    /// A parcel left.
    Dispatched {
        /// Which.
        parcel: ParcelIndex,
        /// The last line, if that completed it.
        last: Option<LineIndex>,
    },
    /// A parcel does not leave: too little is on hand.
    DispatchRefused {
        /// Which.
        parcel: ParcelIndex,
    },
    /// The carrier moved a parcel.
    InTransit {
        /// Which.
        parcel: ParcelIndex,
        /// When, by the carrier.
        at: Timestamp,
    },
    /// A parcel arrived.
    Delivered {
        /// Which.
        parcel: ParcelIndex,
        /// When, by the carrier.
        at: Timestamp,
    },
    /// A parcel counts as arrived.
    AutoReceived {
        /// Which.
        parcel: ParcelIndex,
    },
    /// The buyer said that everything dispatched arrived.
    ReceiptConfirmed,
    /// Cash was collected, in words of before [`Fact::CashCollected`]: read, not written.
    CodCollected {
        /// With which parcel.
        parcel: ParcelIndex,
        /// How much, in minor units.
        amount: i64,
        /// Whether it was the last that was due.
        paid: bool,
    },
    /// A parcel was refused at the door; its units are cancelled.
    CodRefused {
        /// Which.
        parcel: ParcelIndex,
    },
    /// Cash is due for too long.
    CodOverdue {
        /// With which parcel.
        parcel: ParcelIndex,
    },
    /// Everything was received and collected.
    Fulfilled,
    /// The return window passed.
    Completed,
    /// What was taken is being given back.
    Cancelling {
        /// Why.
        reason: Reason,
    },
    /// A step of compensation is done, others are not yet.
    Compensated {
        /// Its number.
        n: u32,
    },
    /// Nothing is held or owed any more, in words of before [`Fact::CancelledFor`].
    Cancelled {
        /// The last step, if that completed it.
        last: Option<u32>,
    },
    /// Frozen.
    PutOnHold {
        /// Why.
        reason: HoldReason,
        /// What staff noted.
        note: CompactString,
    },
    /// Goes on.
    Resumed {
        /// What staff noted.
        note: CompactString,
    },
    /// It is on hold for too long.
    HoldAlarm,
    /// A message of ours was not taken; it is sent again later.
    Undelivered(Undelivered),
    /// Everything unanswered was asked again.
    Retried,
    /// A hold answered after all was given back; it is given back again.
    LateHold(Ack),
    /// The wallet took its part after it was to be set free; it is credited.
    LatePost,
    /// The wallet got money back, in words of before [`Fact::MoneyReturned`]: read, not written.
    Refunded {
        /// Number of the step of compensation.
        n: u32,
        /// How much, in minor units.
        amount: i64,
    },
    /// Cash was collected.
    CashCollected {
        /// With which parcel.
        parcel: ParcelIndex,
        /// How much.
        amount: Money,
        /// Whether it was the last that was due.
        paid: bool,
    },
    /// The wallet got money back.
    MoneyReturned {
        /// Number of the step of compensation.
        n: u32,
        /// How much.
        amount: Money,
    },
    /// Nothing is held or owed any more.
    CancelledFor {
        /// The last step, if that completed it.
        last: Option<u32>,
        /// Why it was cancelled.
        reason: Reason,
    },
}

/// The public name of a fact (interfaces.md 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EventName {
    /// On the bus only.
    Step,
    /// Placed.
    Placed,
    /// Everything is held.
    Reserved,
    /// Money was taken.
    Paid,
    /// Sold.
    Confirmed,
    /// A parcel left, or moves.
    Shipped,
    /// A parcel arrived.
    Delivered,
    /// The return window passed.
    Completed,
    /// Is being cancelled.
    Cancelling,
    /// Is cancelled.
    Cancelled,
    /// Was put on hold.
    Held,
    /// Goes on.
    Released,
    /// Units were cancelled.
    Amended,
    /// Money was given back.
    Refunded,
}

impl EventName {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Step,
        Self::Placed,
        Self::Reserved,
        Self::Paid,
        Self::Confirmed,
        Self::Shipped,
        Self::Delivered,
        Self::Completed,
        Self::Cancelling,
        Self::Cancelled,
        Self::Held,
        Self::Released,
        Self::Amended,
        Self::Refunded,
    ];

    /// The word of timeline, webhook and bus.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Step => "order.step",
            Self::Placed => "order.placed",
            Self::Reserved => "order.reserved",
            Self::Paid => "order.paid",
            Self::Confirmed => "order.confirmed",
            Self::Shipped => "order.shipped",
            Self::Delivered => "order.delivered",
            Self::Completed => "order.completed",
            Self::Cancelling => "order.cancelling",
            Self::Cancelled => "order.cancelled",
            Self::Held => "order.held",
            Self::Released => "order.released",
            Self::Amended => "order.amended",
            Self::Refunded => "order.refunded",
        }
    }
}

impl Fact {
    /// Its public name.
    #[must_use]
    pub const fn name(&self) -> EventName {
        match self {
            Self::Placed(_) => EventName::Placed,
            Self::Reserved { .. } => EventName::Reserved,
            Self::WalletPosted
            | Self::CodCollected { paid: true, .. }
            | Self::CashCollected { paid: true, .. } => EventName::Paid,
            Self::Confirmed { .. } => EventName::Confirmed,
            Self::Dispatched { .. } | Self::InTransit { .. } => EventName::Shipped,
            Self::Delivered { .. } | Self::AutoReceived { .. } | Self::ReceiptConfirmed => {
                EventName::Delivered
            }
            Self::Completed => EventName::Completed,
            Self::Cancelling { .. } => EventName::Cancelling,
            Self::Cancelled { .. } | Self::CancelledFor { .. } => EventName::Cancelled,
            Self::PutOnHold { .. } => EventName::Held,
            Self::Resumed { .. } => EventName::Released,
            Self::LinesCancelled { .. } => EventName::Amended,
            Self::Refunded { .. } | Self::MoneyReturned { .. } => EventName::Refunded,
            Self::Held(_)
            | Self::NotHeld { .. }
            | Self::HoldsRetried
            | Self::WalletHeld
            | Self::WalletRefused { .. }
            | Self::Committed { .. }
            | Self::CommitRefused { .. }
            | Self::HeldAgain { .. }
            | Self::WalletPosting
            | Self::Numbered { .. }
            | Self::CancelRequested { .. }
            | Self::StopAsked(_)
            | Self::ParcelStopped { .. }
            | Self::StopDropped { .. }
            | Self::DispatchReleased { .. }
            | Self::BookedOut { .. }
            | Self::BookingRefused { .. }
            | Self::DispatchRefused { .. }
            | Self::CodCollected { paid: false, .. }
            | Self::CashCollected { paid: false, .. }
            | Self::CodRefused { .. }
            | Self::CodOverdue { .. }
            | Self::Fulfilled
            | Self::Compensated { .. }
            | Self::HoldAlarm
            | Self::Undelivered(_)
            | Self::Retried
            | Self::LateHold(_)
            | Self::LatePost => EventName::Step,
        }
    }
}

/// A fact and the public words after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The words after it.
    pub after: After,
    /// What happened.
    pub fact: Fact,
}

impl Event {
    /// The public status after it.
    #[must_use]
    pub const fn status_after(&self) -> Status {
        self.after.status
    }

    /// Its public name.
    #[must_use]
    pub const fn name(&self) -> EventName {
        self.fact.name()
    }
}
