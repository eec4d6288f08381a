//! What can happen to an account. Each event is one or two ledger entries; none ever changes.

use entity::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::money::Money;
use crate::sku::Owner;

/// An event. Amounts are minor units of the account's currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Opened: funding -> available.
    Opened {
        /// Currency, and what it starts with.
        grant: Money,
    },
    /// Set aside: available -> pending.
    Pended {
        /// The entry.
        entry_id: Uuid,
        /// Whose it is.
        owner: Owner,
        /// How much.
        amount: i64,
        /// When it voids itself; the end of time: never.
        expires_at: Timestamp,
    },
    /// Spent: pending -> spent, the rest pending -> available.
    Posted {
        /// The entry.
        entry_id: Uuid,
        /// How much was spent.
        amount: i64,
    },
    /// Not spent: pending -> available.
    Voided {
        /// The entry.
        entry_id: Uuid,
    },
    /// Not spent in time: pending -> available.
    Expired {
        /// The entries.
        entry_ids: Vec<Uuid>,
    },
    /// Paid back: spent -> available.
    Credited {
        /// The entry.
        entry_id: Uuid,
        /// How much.
        amount: i64,
    },
}
