//! How each entity's "no" reads over HTTP: its rejection as a problem.

use commerce::customer::Invalid;
use commerce::{account, cart, customer, order, product, shipment, sku};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dto::{order_id, phase_word};
use crate::limits::OFFER_BYTES_MAX;
use crate::problem::{Code, Fault, Problem};

/// A rejection that can be shown.
pub trait Refused {
    /// The problem that a client sees.
    fn problem(self) -> Problem;
}

/// What a cart that was refused for its price is offered instead. It is kept with the refusal, as
/// text, so that a repeat with the same key says the same whatever things cost by then.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Offer {
    /// The quote that can be accepted: 409 `price_changed`.
    Quote(Value),
    /// The lines that cannot be had: 409 `out_of_stock`.
    Lines(Value),
    /// Nothing.
    Nothing,
}

impl Offer {
    /// The text to keep. `None`: nothing, or a quote that is longer than what is kept with a key.
    pub(crate) fn text(&self) -> Option<Box<str>> {
        if *self == Self::Nothing {
            return None;
        }
        let text = serde_json::to_string(self).expect("JSON values only");
        let is_kept = matches!(self, Self::Lines(_)) || text.len() <= OFFER_BYTES_MAX;
        is_kept.then(|| text.into())
    }

    fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or(Self::Nothing)
    }

    fn problem(self) -> Problem {
        match self {
            Self::Quote(quote) => Problem::new(Code::PriceChanged).with("quote", quote),
            Self::Lines(lines) => Problem::new(Code::OutOfStock).with("lines", lines),
            Self::Nothing => Problem::new(Code::PriceChanged),
        }
    }
}

fn mismatch(version: u64) -> Problem {
    Problem::new(Code::VersionMismatch).with("version", version)
}

/// A field that cannot be taken: 422 with its place.
pub(crate) fn field(pointer: &str, code: &str, detail: &str) -> Problem {
    Problem::new(Code::ValidationFailed).fault(Fault::new(pointer, known(code), detail))
}

/// The codes of faults are a closed list, because clients branch on them.
fn known(code: &str) -> &'static str {
    const CODES: &[&str] = &[
        "required",
        "too_long",
        "too_short",
        "too_many",
        "out_of_range",
        "control_character",
        "bad_form",
        "unknown",
        "duplicate",
        "empty",
        "negative",
        "not_positive",
        "too_large",
        "reused",
        "not_allowed",
    ];
    CODES.iter().find(|known| **known == code).copied().unwrap_or("invalid")
}

impl Refused for sku::Rejection {
    fn problem(self) -> Problem {
        match self {
            Self::NotFound => Problem::new(Code::NotFound),
            Self::Forbidden => Problem::new(Code::InsufficientScope),
            Self::VersionMismatch { version } => mismatch(version),
            Self::NegativeOnHand { on_hand } => {
                field("/delta", "negative", "fewer than no units would be on hand")
                    .with("on_hand", on_hand)
            }
            Self::Validation { pointer, code, detail } => field(&pointer, &code, &detail),
            Self::MoneyOverflow => Problem::new(Code::MoneyOverflow),
            Self::AlreadyCommitted { .. } | Self::NotThatMany { .. } => {
                Problem::new(Code::InvalidState).with("state", "committed")
            }
        }
    }
}

impl Refused for product::Rejection {
    fn problem(self) -> Problem {
        match self {
            Self::NotFound => Problem::new(Code::NotFound),
            Self::Forbidden => Problem::new(Code::InsufficientScope),
            Self::VersionMismatch { version } => mismatch(version),
            Self::Validation { pointer, code, detail } => field(&pointer, &code, &detail),
            Self::TooManySkus => field("/product_id", "too_many", "the product has too many SKUs"),
        }
    }
}

fn invalid(Invalid { pointer, code, detail }: &Invalid) -> Problem {
    field(pointer, code, detail)
}

impl Refused for cart::Rejection {
    fn problem(self) -> Problem {
        match self {
            Self::NotFound => Problem::new(Code::NotFound),
            Self::WrongSource => Problem::new(Code::Internal),
            Self::VersionMismatch { version } => mismatch(version.unwrap_or(0)),
            Self::CartAlreadyOrdered { order } => {
                Problem::new(Code::CartAlreadyOrdered).with("order_id", order_id(&order))
            }
            Self::PriceChanged | Self::PriceMoved { .. } | Self::WronglyPriced => {
                Problem::new(Code::PriceChanged)
            }
            Self::PriceRefused { offer } => Offer::read(&offer).problem(),
            Self::Merging => Problem::new(Code::InvalidState).with("state", "merging"),
            Self::CouponUnknown { code } => Problem::new(Code::CouponNotApplicable)
                .with("reason", "unknown")
                .with("coupon", code.as_str()),
            Self::CurrencyMismatch => Problem::new(Code::CurrencyMismatch),
            Self::Invalid(fault) => invalid(&fault),
            Self::NotImplemented => {
                field("/txn_type", "unknown_value", "this transaction type is not implemented yet")
            }
        }
    }
}

impl Refused for order::Rejection {
    fn problem(self) -> Problem {
        match self {
            Self::NotFound => Problem::new(Code::NotFound),
            Self::Forbidden => Problem::new(Code::InsufficientScope),
            Self::WrongSource => Problem::new(Code::Internal),
            Self::VersionMismatch { version } => mismatch(version),
            Self::InvalidState { status, on_hold } => Problem::new(Code::InvalidState)
                .with("state", status.word())
                .with("on_hold", on_hold),
            Self::Invalid(fault) => invalid(&fault),
            Self::NotImplemented => {
                Problem::new(Code::InvalidState).detail("this is not implemented yet")
            }
        }
    }
}

impl Refused for customer::Rejection {
    fn problem(self) -> Problem {
        match self {
            Self::NotFound => Problem::new(Code::NotFound),
            Self::WrongSource => Problem::new(Code::Internal),
            Self::VersionMismatch { version } => mismatch(version.unwrap_or(0)),
            Self::Invalid(fault) => invalid(&fault),
            Self::AddressBookFull => field("", "too_many", "the address book is full"),
            Self::NotToday { today } => {
                let date = today.date();
                let text = format!("{:04}-{:02}-{:02}", date.year, date.month, date.day);
                Problem::new(Code::InvalidState).with("state", "signed_in").with("today", text)
            }
        }
    }
}

impl Refused for shipment::Rejection {
    fn problem(self) -> Problem {
        match self {
            Self::NotFound => Problem::new(Code::NotFound),
            Self::Forbidden => Problem::new(Code::InsufficientScope),
            Self::WrongSource => Problem::new(Code::Internal),
            Self::InvalidState { phase } => {
                Problem::new(Code::InvalidState).with("state", phase_word(phase))
            }
            Self::Invalid(fault) => invalid(&fault),
            Self::CurrencyMismatch => Problem::new(Code::CurrencyMismatch),
        }
    }
}

impl Refused for account::Rejection {
    fn problem(self) -> Problem {
        match self {
            Self::NotFound => Problem::new(Code::NotFound),
            Self::Forbidden => Problem::new(Code::InsufficientScope),
            Self::CurrencyMismatch => Problem::new(Code::CurrencyMismatch),
            Self::BadAmount => field("/amount", "out_of_range", "an amount is above zero"),
            Self::EntryTaken { .. } => Problem::new(Code::InvalidState),
            Self::TooManyPending => Problem::new(Code::RateLimited),
        }
    }
}
