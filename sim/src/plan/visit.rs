//! Traffic of a plan: who comes when, and does what.

use serde::{Deserialize, Serialize};

use super::{Freeze, Shipping};

/// What one client does: an element of traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Visit {
    /// Its own name; keys every draw that belongs to it.
    pub id: u32,
    /// The intended start, in us from the beginning of the run (open loop).
    pub at_us: u64,
    /// Who comes: visits of one user share a principal.
    pub user: u32,
    /// What it does.
    pub journey: Journey,
}

/// What a client does in a visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Journey {
    /// Cart, quote, place; then perhaps more.
    Buy {
        /// What is bought; at least one line, SKUs different.
        lines: Vec<Line>,
        /// What the buyer has put into a cart as a guest, and takes along when he signs in.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        brings: Vec<Line>,
        /// How it is paid.
        pay: Pay,
        /// Pause before each step, in ms.
        think_ms: u32,
        /// Places twice at once with the same idempotency key.
        double_click: bool,
        /// Does not wait for what placing comes to (`Prefer: respond-async`).
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        no_wait: bool,
        /// Listens to what becomes of the order.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        listen: Option<Listen>,
        /// What follows a placed order.
        then: Then,
        /// Staff puts the order on hold meanwhile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        freeze: Option<Freeze>,
    },
    /// Looks at products and availability and leaves; `n_reads` reads.
    Browse {
        /// SKU looked at.
        sku: u32,
        /// How many reads.
        n_reads: u32,
        /// Pause before each, in ms.
        think_ms: u32,
    },
    /// Fills a cart, quotes it and leaves.
    Abandon {
        /// What lies in it.
        lines: Vec<Line>,
    },
    /// Signs in for the day's points, several times, and looks at what it has.
    SignIn {
        /// How often.
        times: u32,
        /// Each time in two tabs at once.
        two_tabs: bool,
        /// Pause before each, in ms.
        think_ms: u32,
    },
    /// Saves an address, writes it anew several times, and perhaps deletes it.
    Address {
        /// How often it is written.
        writes: u32,
        /// Whether it is deleted in the end.
        deletes: bool,
        /// Pause before each, in ms.
        think_ms: u32,
    },
    /// Staff puts units on the shelf.
    Restock {
        /// Which SKU.
        sku: u32,
        /// How many units.
        units: u32,
        /// Where: one of the SKU's places.
        #[serde(default, skip_serializing_if = "is_first")]
        place: u32,
    },
    /// Staff counts the shelf: the stock becomes what is counted.
    Count {
        /// Which SKU.
        sku: u32,
        /// Units found.
        units: u32,
        /// Where: one of the SKU's places.
        #[serde(default, skip_serializing_if = "is_first")]
        place: u32,
    },
    /// Staff sets another price.
    Reprice {
        /// Which SKU.
        sku: u32,
        /// What it shall cost, in minor units of USD.
        price: i64,
    },
    /// A buyer without think time that ignores 429 and 503 and tries at once again, `tries` times.
    Bot {
        /// What it is after.
        line: Line,
        /// How often it tries.
        tries: u32,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_first(place: &u32) -> bool {
    *place == 0
}

/// Units of a SKU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Place in [`Setup::skus`](super::Setup::skus).
    pub sku: u32,
    /// Units, at least 1.
    pub qty: u32,
}

/// How an order is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pay {
    /// Cash on delivery.
    Cod,
    /// From the wallet of a demo customer.
    Wallet,
    /// By a gateway, which the shop does not have: it waits for its payment until that is too late.
    Gateway,
}

/// A live stream that a buyer opens beside all else, until it has told how the order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listen {
    /// That of the order.
    Order,
    /// That of all his orders.
    All,
}

/// What follows a placed order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// Nothing: the client goes away.
    Leave,
    /// It looks at the order until it is confirmed or rejected.
    Watch,
    /// It cancels after so many ms.
    Cancel(u32),
    /// It cancels some of its units after so many ms, once it is confirmed.
    CancelPart(u32),
    /// Staff ships and delivers it, after so many ms.
    Deliver(u32),
    /// Staff ships it parcel by parcel.
    Ship(Shipping),
}

impl Journey {
    /// The SKUs that it touches.
    #[must_use]
    pub fn skus(&self) -> Vec<u32> {
        match self {
            Self::Buy { lines, brings, .. } => {
                lines.iter().chain(brings).map(|line| line.sku).collect()
            }
            Self::Abandon { lines } => lines.iter().map(|line| line.sku).collect(),
            Self::Browse { sku, .. }
            | Self::Restock { sku, .. }
            | Self::Count { sku, .. }
            | Self::Reprice { sku, .. } => vec![*sku],
            Self::Bot { line, .. } => vec![line.sku],
            Self::SignIn { .. } | Self::Address { .. } => Vec::new(),
        }
    }
}
