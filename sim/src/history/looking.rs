//! What clients look at beside orders of their own, and what such answers show.

use serde::{Deserialize, Serialize};

/// What somebody looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// An order, once it has another version than this one (a long poll).
    Wait {
        /// Its id.
        order: String,
        /// The version that the client has.
        than: u64,
        /// How long the answer may wait for another one, in ms.
        wait_ms: u32,
    },
    /// A thing of somebody else, or of staff.
    Pry {
        /// What, as method and path.
        what: String,
    },
    /// A cart of one's own.
    Cart {
        /// Its id.
        cart: String,
    },
    /// The orders of the shop, by staff: one page of them.
    Orders {
        /// Only those with this status.
        status: Option<String>,
        /// In which order: the newest first, or the oldest.
        oldest_first: bool,
    },
    /// One's own points.
    Points {
        /// Whose.
        user: String,
    },
    /// One's own address book.
    Addresses {
        /// Whose.
        user: String,
    },
    /// The catalogue: one SKU, or all of the product.
    Goods {
        /// Which.
        sku: Option<u32>,
    },
}

/// Sign-in points, as a sign-in or a look at them shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Points {
    /// The day of the sign-in; of a look, its customer's day.
    pub date: String,
    /// What the day gave; of a look, all that there is.
    pub points: u64,
    /// Whether this very sign-in gave them; of a look, whether the day was granted.
    pub is_granted: bool,
}

/// An address of a book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: u64,
    /// The number in its street.
    pub house: u32,
}

/// What a write replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// Nothing: it makes the thing.
    Nothing,
    /// This version of the thing.
    Version(u64),
}

/// A page of a list of orders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Their ids.
    pub orders: Vec<String>,
    /// How they stand, each as the page shows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
    /// Whether there is no page after it.
    pub is_last: bool,
}

/// An order in a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// When it was placed, as text that sorts as times do.
    pub created: String,
    /// Its version.
    pub version: u64,
    /// Its state, in the words of the interface.
    pub state: String,
}

/// A SKU in the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goods {
    /// Which.
    pub sku: u32,
    /// The word for how many there are.
    pub word: String,
    /// What one costs, in minor units; `None`: it is not for sale.
    pub price: Option<i64>,
    /// How often its price has been set.
    pub price_version: u64,
}

/// Stock at a place, in units, as an answer shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelf {
    /// Its name.
    pub location: String,
    /// There.
    pub on_hand: i64,
    /// Kept back.
    pub safety: i64,
    /// May be sold beyond what is there.
    pub oversell_limit: i64,
    /// Held for a while.
    pub held: i64,
    /// Held while a payment is under way.
    pub pinned: i64,
    /// Sold, not yet shipped.
    pub committed: i64,
    /// May be held.
    pub sellable: i64,
}

/// What a carrier or a courier said of a parcel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// It was seen.
    Scan {
        /// Id of the parcel.
        parcel: String,
        /// The carrier's id of the event.
        event: String,
        /// When it was seen, in ms since 1970.
        at_ms: u64,
    },
    /// Its buyer refused it.
    Refused,
}
