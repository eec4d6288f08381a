//! What can happen to a cart. Carts are not published.

use std::num::NonZeroU32;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::command::{CartPatch, PlaceBody};
use super::state::{CartLine, Content, Merging};
use crate::order::Owner;

/// What the order that holds a cart was placed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// What the client asked for, with its tenders made explicit.
    pub body: PlaceBody,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// It was made.
    Created {
        /// Whose it is.
        owner: Owner,
        /// What is in it.
        content: Content,
    },
    /// It has other content.
    Replaced(Content),
    /// Parts of it changed.
    Updated(CartPatch),
    /// The units of a SKU were set.
    LinePut {
        /// The SKU.
        sku: CompactString,
        /// Units.
        qty: NonZeroU32,
    },
    /// A SKU was taken out.
    LineDeleted {
        /// The SKU.
        sku: CompactString,
    },
    /// A guest's cart was asked for its lines.
    MergeAsked(Merging),
    /// They came: added to what was there.
    Merged {
        /// The lines.
        lines: Vec<CartLine>,
    },
    /// All lines went to another cart.
    LinesGiven,
    /// An order is on its way.
    Frozen(Placed),
    /// It is free again.
    Thawed {
        /// Which order comes next.
        generation: u32,
    },
    /// It became an order.
    Ordered,
    /// Lines that were given came back: no merge took them.
    LinesReturned {
        /// The lines.
        lines: Vec<CartLine>,
    },
}
