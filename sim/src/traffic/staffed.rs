//! Shares and lengths of what staff does with orders beside their buyers.

use serde::Deserialize;

use super::{Draws, Span};
use crate::plan::{Fate, Freeze, Shipping};

// Attempts of a visit in `Stream::Shape`.
const SHIPS: u64 = 30;
const APART: u64 = 31;
const LATE: u64 = 32;
const IN_TURN: u64 = 33;
const FATE: u64 = 34;
const FREEZES: u64 = 35;
const AFTER: u64 = 36;
const LASTS: u64 = 37;
const CANCELS: u64 = 38;

/// Orders that leave parcel by parcel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parcels {
    /// How many, of the orders that staff delivers.
    pub percent: u8,
    /// Between two steps.
    pub apart_ms: Span,
    /// How much older scans are than their coming.
    pub late_ms: Span,
    /// Of them, those whose parcels leave one after the other.
    pub in_turn_percent: u8,
    /// Shares of last parcels that arrive, are refused and are lost; together 100.
    pub fate_percent: Vec<u8>,
}

impl Parcels {
    pub(super) fn shipping(&self, shape: Draws, after_ms: u32) -> Option<Shipping> {
        let last = match shape.pick(FATE, &self.fate_percent) {
            0 => Fate::Arrives,
            1 => Fate::Refused,
            _ => Fate::Lost,
        };
        shape.percent(SHIPS, self.percent).then(|| Shipping {
            after_ms,
            apart_ms: shape.amount(APART, self.apart_ms),
            late_ms: shape.amount(LATE, self.late_ms),
            in_turn: shape.percent(IN_TURN, self.in_turn_percent),
            last,
        })
    }
}

/// Orders that staff puts on hold.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freezes {
    /// How many, of all that are placed.
    pub percent: u8,
    /// How long after placing.
    pub after_ms: Span,
    /// For how long.
    pub for_ms: Span,
    /// Of them, those that are cancelled then.
    pub cancel_percent: u8,
}

impl Freezes {
    pub(super) fn freeze(&self, shape: Draws) -> Option<Freeze> {
        shape.percent(FREEZES, self.percent).then(|| Freeze {
            after_ms: shape.amount(AFTER, self.after_ms),
            for_ms: shape.amount(LASTS, self.for_ms),
            cancels: shape.percent(CANCELS, self.cancel_percent),
        })
    }
}
