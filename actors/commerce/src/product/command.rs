//! What a product can be told: by staff at the edge, and by SKUs.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::event::About;
use crate::protocol::IfVersion;

/// A command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Staff (`catalogue:write`): creates or describes the product.
    Put {
        /// Title, status, category.
        about: About,
        /// Expected version.
        if_version: IfVersion,
    },
    /// A SKU: it belongs to this product. It hears whether it is on sale.
    LinkSku {
        /// Its code.
        sku: CompactString,
    },
    /// A SKU: it does not belong to this product any more.
    UnlinkSku {
        /// Its code.
        sku: CompactString,
    },
}
