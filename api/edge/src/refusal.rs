//! How each entity's "no" reads over HTTP: its rejection as a problem.

use commerce::{account, product, sku};

use crate::problem::{Code, Fault, Problem};

/// A rejection that can be shown.
pub trait Refused {
    /// The problem that a client sees.
    fn problem(self) -> Problem;
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
        "required", "too_long", "too_short", "too_many", "out_of_range", "control_character",
        "bad_form", "unknown", "duplicate", "empty", "negative", "not_allowed",
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
