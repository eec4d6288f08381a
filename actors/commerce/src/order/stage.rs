//! Where an order stands: internal stage, public words, reasons.
//!
//! ```text
//!   Place -> Reserving --> AwaitingPayment (T_pay)
//!               |   \             |
//!               |    +--> Confirming --> Confirmed --> InFulfilment --> Fulfilled --> Completed
//!               v                 |          |              |
//!            Cancelling <---------+----------+--------------+ (no live line left)
//!               v
//!            Cancelled
//! ```
//! Pending is never at rest (the step that places also asks for holds), and Paying comes with the
//! gateways. On hold is not a stage but stands beside one, which it resumes.

use serde::{Deserialize, Serialize};

/// Internal stage (domain.md 2, states).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Stage {
    /// Holds were asked for.
    Reserving,
    /// Everything is held; a payment must come.
    AwaitingPayment,
    /// Holds are being committed.
    Confirming,
    /// Sold; nothing was dispatched.
    Confirmed,
    /// Something was dispatched.
    InFulfilment,
    /// Everything was received (and collected).
    Fulfilled,
    /// The return window has passed.
    Completed,
    /// What was taken is being given back.
    Cancelling,
    /// Nothing is held or owed any more.
    Cancelled,
}

impl Stage {
    /// Every stage, for tables.
    pub const ALL: [Self; 9] = [
        Self::Reserving,
        Self::AwaitingPayment,
        Self::Confirming,
        Self::Confirmed,
        Self::InFulfilment,
        Self::Fulfilled,
        Self::Completed,
        Self::Cancelling,
        Self::Cancelled,
    ];

    /// The public word for it.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Reserving | Self::Confirming => Status::Processing,
            Self::AwaitingPayment => Status::AwaitingPayment,
            Self::Confirmed => Status::Confirmed,
            Self::InFulfilment => Status::InFulfilment,
            Self::Fulfilled => Status::Fulfilled,
            Self::Completed => Status::Completed,
            Self::Cancelling => Status::Cancelling,
            Self::Cancelled => Status::Cancelled,
        }
    }

    /// Whether nothing more is going to happen to it by itself.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Completed | Self::Cancelled => true,
            Self::Reserving
            | Self::AwaitingPayment
            | Self::Confirming
            | Self::Confirmed
            | Self::InFulfilment
            | Self::Fulfilled
            | Self::Cancelling => false,
        }
    }
}

/// Public status (interfaces.md 0.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Status {
    /// The buyer waits.
    Processing,
    /// The buyer pays before `pay_by`.
    AwaitingPayment,
    /// Waits for goods.
    Confirmed,
    /// Tracks them.
    InFulfilment,
    /// May return them.
    Fulfilled,
    /// Warranty and disputes remain.
    Completed,
    /// Money is on its way back.
    Cancelling,
    /// Final.
    Cancelled,
}

impl Status {
    /// The word of the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::AwaitingPayment => "awaiting_payment",
            Self::Confirmed => "confirmed",
            Self::InFulfilment => "in_fulfilment",
            Self::Fulfilled => "fulfilled",
            Self::Completed => "completed",
            Self::Cancelling => "cancelling",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more was to happen.
    #[must_use]
    pub const fn is_over(self) -> bool {
        match self {
            Self::Completed | Self::Cancelled => true,
            Self::Processing
            | Self::AwaitingPayment
            | Self::Confirmed
            | Self::InFulfilment
            | Self::Fulfilled
            | Self::Cancelling => false,
        }
    }
}

/// What the money says (domain.md 2, derived).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PaymentStatus {
    /// Nothing was taken.
    None,
    /// Set aside, not taken.
    Authorised,
    /// Less was collected than is due.
    PartiallyPaid,
    /// Everything was taken, or nothing is due.
    Paid,
    /// To be collected at the door.
    CodDue,
    /// More was collected than is due.
    Overpaid,
    /// A part was given back.
    PartiallyRefunded,
    /// Everything was given back.
    Refunded,
    /// What was set aside is free again.
    Voided,
    /// Disputed.
    Disputed,
}

impl PaymentStatus {
    /// The word of the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Authorised => "authorised",
            Self::PartiallyPaid => "partially_paid",
            Self::Paid => "paid",
            Self::CodDue => "cod_due",
            Self::Overpaid => "overpaid",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
            Self::Voided => "voided",
            Self::Disputed => "disputed",
        }
    }
}

/// What the goods say (domain.md 2, derived).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FulfilmentStatus {
    /// Nothing was dispatched.
    Unfulfilled,
    /// Some shipments were dispatched.
    Partial,
    /// All were.
    Shipped,
    /// All arrived.
    Delivered,
    /// Waits for goods that are not there.
    Backorder,
    /// Some came back.
    ReturnedPartial,
    /// All came back.
    Returned,
}

impl FulfilmentStatus {
    /// The word of the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unfulfilled => "unfulfilled",
            Self::Partial => "partial",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Backorder => "backorder",
            Self::ReturnedPartial => "returned_partial",
            Self::Returned => "returned",
        }
    }
}

/// Why an order is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reason {
    /// The buyer asked for it.
    Customer,
    /// A SKU has too few units, or is not for sale.
    OutOfStock,
    /// A SKU has another price now.
    PriceChanged,
    /// T_pay passed.
    PaymentTimeout,
    /// T_reserve passed, or a hold could not be asked for.
    ReservationTimeout,
    /// A hold was gone when it was to be committed.
    ReservationExpired,
    /// The buyer refused at the door.
    CodRefused,
    /// Staff asked for it.
    Operator,
    /// The wallet has too little.
    InsufficientFunds,
}

impl Reason {
    /// The word of the API. A reservation that timed out and one that ran out are one word there.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::OutOfStock => "out_of_stock",
            Self::PriceChanged => "price_changed",
            Self::PaymentTimeout => "payment_timeout",
            Self::ReservationTimeout | Self::ReservationExpired => "reservation_expired",
            Self::CodRefused => "cod_refused",
            Self::Operator => "operator",
            Self::InsufficientFunds => "insufficient_funds",
        }
    }
}

/// Why an order is on hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HoldReason {
    /// A hold could not be committed.
    Stock,
    /// An account could not post.
    Payment,
    /// A message could not be taken.
    DeadLetter,
    /// Staff asked for it.
    Risk,
}

impl HoldReason {
    /// The word for people and publications.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stock => "stock",
            Self::Payment => "payment",
            Self::DeadLetter => "dead_letter",
            Self::Risk => "risk",
        }
    }
}

/// The public words after an event: all that a list or a topic needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct After {
    /// Public status.
    pub status: Status,
    /// Whether it is on hold.
    pub on_hold: bool,
    /// What the money says.
    pub payment: PaymentStatus,
    /// What the goods say.
    pub fulfilment: FulfilmentStatus,
}
