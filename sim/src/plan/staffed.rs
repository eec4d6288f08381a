//! What staff does with an order beside its buyer: parcels that leave one by one, and freezes.

use serde::{Deserialize, Serialize};

/// An order that leaves parcel by parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shipping {
    /// How long after placing the first one leaves, in ms.
    pub after_ms: u32,
    /// Between two steps: one leaves, one arrives; in ms.
    pub apart_ms: u32,
    /// How much older scans are than their coming, in ms.
    pub late_ms: u32,
    /// One leaves only when the one before has arrived.
    pub in_turn: bool,
    /// What becomes of the last one.
    pub last: Fate,
}

/// What becomes of a parcel that left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It arrives, and its cash is paid.
    Arrives,
    /// Its buyer refuses it at the door, if it is to be paid there; else it arrives.
    Refused,
    /// Nobody sees it again.
    Lost,
}

/// An order that staff puts on hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// How long after placing, in ms.
    pub after_ms: u32,
    /// For how long, in ms.
    pub for_ms: u32,
    /// It is to be cancelled then, and does not go on.
    pub cancels: bool,
}
