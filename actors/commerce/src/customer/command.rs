//! What a customer can be told: by the buyer, and by carts and orders that report themselves.

use compact_str::CompactString;
use entity::{EntityKey, Timestamp};
use serde::{Deserialize, Serialize};

use super::address::Address;
use super::day::Day;
use super::invalid::Invalid;
use super::points::Grant;
use super::state::OrderRef;
use crate::protocol::IfVersion;

/// A command of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// The buyer has a profile from now on. A repeat changes nothing.
    Register {
        /// Name.
        name: CompactString,
        /// Email address.
        email: CompactString,
        /// How far the buyer's clocks are ahead of UTC, in minutes; it decides the day.
        utc_offset_min: i16,
    },
    /// Changes the profile; none: as it is.
    Update {
        /// Name.
        name: Option<CompactString>,
        /// Email address.
        email: Option<CompactString>,
        /// The version that the caller saw.
        if_version: IfVersion,
    },
    /// Adds or replaces an address.
    PutAddress {
        /// Its id, chosen by the client.
        id: CompactString,
        /// The address.
        address: Address,
        /// Whether it becomes the default. The first one does in any case.
        as_default: bool,
        /// The address's version that the caller saw.
        if_version: IfVersion,
    },
    /// Removes an address.
    DeleteAddress {
        /// Its id.
        id: CompactString,
        /// The address's version that the caller saw.
        if_version: IfVersion,
    },
    /// Signs in for today's points. A repeat answers the same grant.
    SignIn {
        /// The day that the client means; none: today.
        date: Option<Day>,
    },
    /// From an order: it was placed.
    RecordOrder {
        /// The order.
        order: OrderRef,
        /// When.
        at: Timestamp,
    },
    /// From a cart: it was made.
    CartOpened {
        /// The cart.
        cart: EntityKey,
    },
}

/// What a caller hears.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Done; the views show it.
    Done,
    /// There is a profile.
    Registered {
        /// Whether it is new.
        created: bool,
    },
    /// There is an address.
    AddressPut {
        /// Whether it is new.
        created: bool,
    },
    /// The day's points.
    SignedIn {
        /// What was granted.
        grant: Grant,
        /// Whether it had been granted before.
        replayed: bool,
    },
}

/// How a customer says no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rejection {
    /// Not there, or another's (404).
    NotFound,
    /// Callers may not send this, only entities may; or the other way round.
    WrongSource,
    /// Another version (412); none: it is not there.
    VersionMismatch {
        /// Which.
        version: Option<u64>,
    },
    /// A field cannot be taken (422).
    Invalid(Invalid),
    /// The address book is full (422).
    AddressBookFull,
    /// The date is not today, or a later day was granted already (409 `invalid_state`).
    NotToday {
        /// The customer's day.
        today: Day,
    },
}
