//! What can happen to a product.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// Whether it is sold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// On sale.
    #[default]
    Active,
    /// Off sale.
    Archived,
}

/// What staff say about a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Its title.
    pub title: CompactString,
    /// Whether it is sold.
    pub status: Status,
    /// Its category.
    pub category: CompactString,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Created, or described anew.
    Put(About),
    /// A SKU belongs to it.
    SkuLinked {
        /// The SKU's code.
        sku: CompactString,
    },
    /// A SKU does not belong to it any more.
    SkuUnlinked {
        /// The SKU's code.
        sku: CompactString,
    },
}
