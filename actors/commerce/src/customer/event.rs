//! What can happen to a customer.

use compact_str::CompactString;
use entity::{EntityKey, PrincipalKind, Timestamp};
use serde::{Deserialize, Serialize};

use super::address::Address;
use super::points::Grant;
use super::state::OrderRef;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// There is a profile.
    Registered {
        /// What kind of party.
        kind: PrincipalKind,
        /// Who, by the token.
        subject: CompactString,
        /// Name.
        name: CompactString,
        /// Email address.
        email: CompactString,
        /// How far the buyer's clocks are ahead of UTC, in minutes.
        utc_offset_min: i16,
    },
    /// The profile changed.
    Updated {
        /// Name.
        name: CompactString,
        /// Email address.
        email: CompactString,
    },
    /// An address was added or replaced.
    AddressPut {
        /// Its id.
        id: CompactString,
        /// The address.
        address: Address,
        /// Whether it became the default.
        as_default: bool,
    },
    /// An address was removed.
    AddressDeleted {
        /// Its id.
        id: CompactString,
    },
    /// The day's points were granted.
    SignedIn(Grant),
    /// An order was placed.
    OrderRecorded {
        /// The order.
        order: OrderRef,
        /// When.
        at: Timestamp,
    },
    /// A cart was made.
    CartOpened {
        /// The cart.
        cart: EntityKey,
    },
}

impl Event {
    /// The names that [`Self::name`] gives.
    pub const NAMES: [&str; 7] = [
        "customer.registered",
        "customer.updated",
        "customer.address_put",
        "customer.address_deleted",
        "customer.signed_in",
        "customer.ordered",
        "customer.cart_opened",
    ];

    /// The public name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Registered { .. } => "customer.registered",
            Self::Updated { .. } => "customer.updated",
            Self::AddressPut { .. } => "customer.address_put",
            Self::AddressDeleted { .. } => "customer.address_deleted",
            Self::SignedIn(_) => "customer.signed_in",
            Self::OrderRecorded { .. } => "customer.ordered",
            Self::CartOpened { .. } => "customer.cart_opened",
        }
    }
}
