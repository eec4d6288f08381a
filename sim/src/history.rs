//! What clients saw: every request with its times and its outcome, and what they heard on live
//! streams.
//!
//! The same form is written by the simulator's clients and by `mercato drive` against a live
//! node, and the same checkers judge it. An answer that did not come is an open outcome: it may
//! have taken effect at any time after the request was sent, or never.

mod bill;
mod listening;
mod looking;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::plan::Tax;

pub use bill::{Bill, Charge};
pub use listening::{Listening, Told};
pub use looking::{Goods, Listed, Look, Over, Points, Row, Said, Saved, Shelf};

/// All requests of a run, by the time at which they were sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Units of each SKU at the start, by place in the plan's setup.
    pub stock: BTreeMap<u32, u32>,
    /// SKUs that lie at several places.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub spread: BTreeSet<u32>,
    /// What each SKU cost at the start, in minor units.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prices: BTreeMap<u32, i64>,
    /// Who placed, by visit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub buyers: BTreeMap<u32, String>,
    /// No hold of an order that was not sold lapses sooner than this, by any clock of the system,
    /// in us; `None`: not in such a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds_us: Option<u64>,
    /// The tax of the shop; `None`: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Tax>,
    /// The requests.
    pub ops: Vec<Op>,
    /// The live streams.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub streams: Vec<Listening>,
}

/// One request. A retry is a request of its own with the same `key`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Op {
    /// The visit that it belongs to.
    pub visit: u32,
    /// When the visit wanted to send it, in us (latency counts from here).
    pub intended_us: u64,
    /// When it was sent, in us.
    pub sent_us: u64,
    /// When its answer arrived, in us; `None`: it never did.
    pub answered_us: Option<u64>,
    /// The node that it was sent to.
    pub node: u16,
    /// Its idempotency key, if it has one; of a courier's event the shipment and the event's id.
    pub key: Option<String>,
    /// What it says that it replaces (`If-Match`, `If-None-Match: *`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Over>,
    /// What was asked.
    pub ask: Ask,
    /// What was answered; `None`: unknown.
    pub answer: Option<Answer>,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// A cart was written.
    PutCart {
        /// Its id.
        cart: String,
    },
    /// A guest's cart was merged into another one.
    Merge {
        /// That other one, the buyer's.
        cart: String,
        /// The guest's.
        from: String,
        /// What its buyer had put into it: (SKU, units).
        own: Vec<(u32, u32)>,
        /// What he had put into the guest's.
        brought: Vec<(u32, u32)>,
    },
    /// A cart was quoted.
    Quote {
        /// Its id.
        cart: String,
    },
    /// A cart was placed: (SKU, units) of its lines.
    Place {
        /// The cart.
        cart: String,
        /// What is bought.
        lines: Vec<(u32, u32)>,
        /// What the buyer takes for the price; `None`: not noted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        offer: Option<Offer>,
    },
    /// An order was read.
    GetOrder {
        /// Its id.
        order: String,
    },
    /// An order was cancelled.
    Cancel {
        /// Its id.
        order: String,
    },
    /// Some units of an order were cancelled.
    CancelPart {
        /// Its id.
        order: String,
        /// (SKU, units).
        units: Vec<(u32, u32)>,
    },
    /// Staff moved an order on (shipped, delivered, paid).
    Advance {
        /// Its id.
        order: String,
        /// What a carrier or a courier said of a parcel, if it is not that it was paid.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        said: Option<Said>,
    },
    /// Staff put an order on hold, or let it go on.
    Freeze {
        /// Its id.
        order: String,
    },
    /// A buyer's own orders were listed: one page of them.
    ListMine {
        /// Whose.
        buyer: String,
    },
    /// Availability of a SKU was read.
    GetStock {
        /// Which.
        sku: u32,
    },
    /// Units were put on the shelf.
    Restock {
        /// Which SKU.
        sku: u32,
        /// Units.
        units: u32,
        /// Where: place in [`PLACES`](crate::plan::PLACES).
        #[serde(default)]
        place: u32,
    },
    /// The shelf was counted.
    Count {
        /// Which SKU.
        sku: u32,
        /// Units found.
        units: u32,
        /// Where: place in [`PLACES`](crate::plan::PLACES).
        #[serde(default)]
        place: u32,
    },
    /// The price of a SKU was changed.
    SetPrice {
        /// Which SKU.
        sku: u32,
        /// What it shall cost, in minor units.
        price: i64,
    },
    /// A cart was placed with other words under a key whose placing had been answered for good.
    Reuse {
        /// The cart.
        cart: String,
    },
    /// A customer signed in for the points of the day.
    SignIn {
        /// Who.
        user: String,
    },
    /// An address was saved, or written anew.
    PutAddress {
        /// Its id.
        id: String,
        /// The number in its street: what this request writes.
        house: u32,
    },
    /// An address was deleted.
    DeleteAddress {
        /// Its id.
        id: String,
    },
    /// Somebody looked at something.
    Look(Look),
    /// Anything else (tokens, products).
    Other,
}

/// What a buyer takes for the price of a cart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Offer {
    /// What is left to be paid, in minor units.
    pub payable: i64,
    /// When the quote was asked for that says so, in us.
    pub quoted_us: u64,
}

/// What was answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Code of the problem document, if it is one.
    pub code: Option<String>,
    /// The order that the answer is about.
    pub order: Option<String>,
    /// Version of the entity that the answer shows (ETag or body).
    pub version: Option<u64>,
    /// State of the order, in the words of the interface.
    pub state: Option<String>,
    /// Units for sale that a stock answer shows.
    pub available: Option<i64>,
    /// What it shows of each place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shelves: Vec<Shelf>,
    /// What an order or a quote costs that the answer shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bill: Option<Box<Bill>>,
    /// Entries of an order's timeline that the answer shows, by the versions that they made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<u64>,
    /// A page of orders that the answer shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed: Option<Listed>,
    /// What lies in a cart that the answer shows: (SKU, units), by SKU.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<(u32, u32)>,
    /// SKUs of the catalogue that the answer shows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub goods: Vec<Goods>,
    /// Addresses that the answer shows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<Saved>,
    /// Points of a customer that the answer shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<Points>,
    /// The version in its ETag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<u64>,
    /// Whether it says that it repeats an earlier answer (`Idempotency-Replayed`).
    pub replayed: bool,
    /// Hash of the body without what may differ between repeats (request ids).
    pub body: u64,
}

impl Op {
    /// Whether the effect is open: no answer, or one that leaves it open (503 may be said after
    /// a command was taken, 504 says that nobody knows).
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.answer.as_ref().is_none_or(|answer| matches!(answer.status, 503 | 504))
    }
}
