//! What a cart can be told: by its owner, by its orders, by the cart that it merges with.

use std::num::NonZeroU32;

use compact_str::CompactString;
use entity::{EntityKey, Timestamp};
use serde::{Deserialize, Serialize};

use super::state::{CartLine, Content};
use crate::customer::{Address, Invalid};
use crate::money::Money;
use crate::order::{PricedOrder, Tender, Timers, TxnType};
use crate::protocol::IfVersion;

/// A field of a merge patch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Patch<T> {
    /// Absent: as it is.
    #[default]
    Keep,
    /// `null`: nothing.
    Clear,
    /// This.
    Set(T),
}

/// A change of everything but the currency (interfaces.md 0.3, updateCart).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartPatch {
    /// Where it goes.
    pub address: Patch<Address>,
    /// How it goes; cleared: the default.
    pub shipping_option: Patch<CompactString>,
    /// Coupon codes.
    pub coupons: Patch<Vec<CompactString>>,
    /// How it is paid; cleared: by a gateway.
    pub tenders: Patch<Vec<Tender>>,
    /// The lines.
    pub lines: Patch<Vec<CartLine>>,
}

/// What a client asks for when it places an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceBody {
    /// The cart's version that was quoted.
    pub cart_version: u64,
    /// Hash of that quote.
    pub quote_hash: CompactString,
    /// Its payable total.
    pub expected_total: Money,
    /// The profile.
    pub txn_type: TxnType,
    /// How it is paid: as in the cart.
    pub tenders: Vec<Tender>,
}

/// A placing: what the client asks for, and what the edge adds from price book and configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// What the client asks for.
    pub body: PlaceBody,
    /// The cart, priced now.
    pub priced: PricedOrder,
    /// Language of notices.
    pub locale: CompactString,
    /// The order's times.
    pub timers: Timers,
}

/// A command of a cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Makes it, or replaces what is in it.
    Put {
        /// What is in it.
        content: Box<Content>,
        /// The version that the caller saw.
        if_version: IfVersion,
    },
    /// Changes parts of it.
    Update {
        /// Which.
        patch: Box<CartPatch>,
        /// The version that the caller saw.
        if_version: IfVersion,
    },
    /// Sets the units of a SKU.
    PutLine {
        /// The SKU.
        sku: CompactString,
        /// Units.
        qty: NonZeroU32,
        /// The version that the caller saw.
        if_version: IfVersion,
    },
    /// Takes a SKU out.
    DeleteLine {
        /// The SKU.
        sku: CompactString,
        /// The version that the caller saw.
        if_version: IfVersion,
    },
    /// As [`Self::MergeSeen`], without having looked into the guest's cart. No edge of this build
    /// sends it; in a rolling upgrade edges of the one before do.
    Merge {
        /// The guest's cart.
        from: EntityKey,
        /// The guest.
        guest: CompactString,
    },
    /// Places an order.
    Place(Box<Place>),
    /// From the order: it is sold.
    OrderConfirmed {
        /// Which order of the cart.
        generation: u32,
    },
    /// From the order: it ended without being sold.
    OrderCancelled {
        /// Which order of the cart.
        generation: u32,
    },
    /// From the cart that takes over: give your lines, if you are this guest's.
    GiveLines {
        /// The guest.
        guest: CompactString,
    },
    /// From the guest's cart: its lines; none when it has none to give.
    TakeLines {
        /// The lines.
        lines: Vec<CartLine>,
    },
    /// Takes over the lines of a guest's cart. The edge has seen the guest's token and the cart.
    MergeSeen {
        /// The guest's cart.
        from: EntityKey,
        /// The guest.
        guest: CompactString,
        /// What is in it; nothing: it was taken over before, or never held anything.
        lines: Vec<CartLine>,
    },
    /// From the cart that asked for them: they do not fit, take them back.
    ReturnLines {
        /// The lines.
        lines: Vec<CartLine>,
    },
    /// Places an order with a cart that an order was seen to hold, as it then was.
    PlaceHeld {
        /// The placing.
        place: Box<Place>,
        /// The order's version.
        order_version: u64,
    },
    /// Places an order though its price is another one, as far as the edge sees: if the cart
    /// refuses for the price, it keeps what was offered instead, so that a repeat says the same.
    PlaceOffered {
        /// The placing.
        place: Box<Place>,
        /// What is offered, as the edge shows it.
        offer: Box<str>,
    },
}

/// What a caller hears.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Done; the cart's view shows it.
    Done,
    /// The merge is under way; [`super::Query::Merged`] waits for it.
    Merging,
    /// The order: [`crate::order::Query::Settled`] waits for what becomes of it.
    Placed {
        /// Its key.
        order: EntityKey,
        /// Which order of the cart.
        generation: u32,
    },
    /// An order that was placed before, by another request: this is about what it was then.
    Held {
        /// Its key.
        order: EntityKey,
        /// Its version when this was asked.
        version: u64,
    },
}

/// How a cart says no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rejection {
    /// Not there, or another's (404).
    NotFound,
    /// Callers may not send this, only entities may; or the other way round.
    WrongSource,
    /// The cart has another version (412); none: it is not there.
    VersionMismatch {
        /// Which.
        version: Option<u64>,
    },
    /// It is frozen by an order, or ordered (409 `cart_already_ordered`).
    CartAlreadyOrdered {
        /// The order.
        order: EntityKey,
    },
    /// A merge is under way (409 `invalid_state`, a matter of milliseconds).
    Merging,
    /// As [`Self::PriceMoved`], at a time that nobody knows any more.
    PriceChanged,
    /// Another currency than the cart's (422 `currency_mismatch`).
    CurrencyMismatch,
    /// A field cannot be taken (422).
    Invalid(Invalid),
    /// What the edge priced is not what is in the cart, or contradicts itself: a bug there.
    WronglyPriced,
    /// Not offered yet (other transaction types).
    NotImplemented,
    /// The total is not what the client expects (409 `price_changed`).
    PriceMoved {
        /// When it was asked: the price that is shown instead is as old.
        at: Timestamp,
    },
    /// A coupon that the shop did not issue (409 `coupon_not_applicable`).
    CouponUnknown {
        /// Its code.
        code: CompactString,
    },
    /// As [`Self::PriceMoved`], with what was offered instead ([`Command::PlaceOffered`]).
    PriceRefused {
        /// What was offered, as the edge shows it.
        offer: Box<str>,
    },
}
