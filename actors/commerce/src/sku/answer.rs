//! How a SKU speaks to others: to the owners of holds, and to its product.
//!
//! The only file that knows who may own a hold. Owners are orders so far.

use compact_str::CompactString;
use entity::{Effect, EntityKey};

use crate::order::{self, Order};
use crate::product::{self, Product};
use crate::protocol::StockReply;
use crate::{keys, kinds};

/// Whether an entity of this key may own holds of a SKU: of the same shop, and able to hear.
pub(super) fn may_own(sku: &EntityKey, owner: &EntityKey) -> bool {
    owner.tenant == sku.tenant && owner.kind == kinds::ORDER
}

/// Tells an owner.
pub(super) fn tell(owner: EntityKey, sku: &CompactString, reply: StockReply) -> Effect {
    Effect::tell::<Order>(owner, &order::Command::Stock { sku: sku.clone(), reply })
}

/// Tells a product that the SKU belongs to it.
pub(super) fn link(sku: &EntityKey, code: &CompactString, product: &str) -> Effect {
    let command = product::Command::LinkSku { sku: code.clone() };
    Effect::tell::<Product>(keys::product(&sku.tenant, product), &command)
}

/// Tells a product that the SKU does not belong to it any more.
pub(super) fn unlink(sku: &EntityKey, code: &CompactString, product: &str) -> Effect {
    let command = product::Command::UnlinkSku { sku: code.clone() };
    Effect::tell::<Product>(keys::product(&sku.tenant, product), &command)
}
