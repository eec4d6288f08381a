//! What an account can be told: by its customer, by staff, by orders that pay from it.

use entity::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::money::Money;

/// A command. But for `Open`, all come in messages of orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Its customer, or staff with `admin`: opens it. A repeat changes nothing.
    Open {
        /// Currency of the account, and what it starts with (not negative).
        grant: Money,
    },
    /// Order: set an amount aside until it is posted or voided. Answer: `Held` or `Refused`.
    Hold {
        /// The entry, chosen by the owner.
        entry_id: Uuid,
        /// How much; more than nothing.
        amount: Money,
    },
    /// Order: the same, but it voids itself at `expires_at`; the owner is told `Voided` then.
    HoldUntil {
        /// The entry, chosen by the owner.
        entry_id: Uuid,
        /// How much; more than nothing.
        amount: Money,
        /// When.
        expires_at: Timestamp,
    },
    /// Order: the whole pending amount is spent. Answer: `Posted`, or what it was settled as.
    Post {
        /// The entry.
        entry_id: Uuid,
    },
    /// Order: a part of the pending amount is spent, the rest returns. Answers as `Post`.
    PostPart {
        /// The entry.
        entry_id: Uuid,
        /// How much; at most what is pending.
        amount: Money,
    },
    /// Order: the pending amount returns. Answer: `Voided`, or `Posted` when that was first.
    Void {
        /// The entry.
        entry_id: Uuid,
    },
    /// Order: pay back what was spent. Answer: `Credited`.
    Credit {
        /// The entry, chosen by the owner.
        entry_id: Uuid,
        /// How much; more than nothing.
        amount: Money,
    },
}
