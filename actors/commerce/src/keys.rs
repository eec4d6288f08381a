//! Keys of the shop's entities, and their public ids.
//!
//! Derived ids are UUIDv5 over natural keys (domain.md 2): a repeat reaches the same entity.

use entity::{
    Affinity, EntityId, EntityKey, ParseIdError, PrincipalKind, Tenant, parse_public_id, uuid5,
};
use uuid::Uuid;

use crate::kinds;

/// Prefix of public order ids.
pub const ORDER_PREFIX: &str = "ord";
/// Prefix of public shipment ids.
pub const SHIPMENT_PREFIX: &str = "shp";
/// Prefix of public customer ids.
pub const CUSTOMER_PREFIX: &str = "cus";

/// A cart by the id that its client chose.
#[must_use]
pub fn cart(tenant: &Tenant, cart_id: &str) -> EntityKey {
    EntityKey::named(tenant, kinds::CART, cart_id)
}

/// The order of a cart's generation (I12). It lives in the cart's shard.
#[must_use]
pub fn order(cart: &EntityKey, generation: u32) -> EntityKey {
    let uuid = uuid5(
        kinds::ORDER,
        &[cart.tenant.as_str().as_bytes(), id_bytes(&cart.id), &generation.to_be_bytes()],
    );
    EntityKey::derived(cart.tenant.clone(), kinds::ORDER, cart.affinity, uuid)
}

/// An order by its public id.
pub fn parse_order(tenant: &Tenant, text: &str) -> Result<EntityKey, ParseIdError> {
    parse_public_id(ORDER_PREFIX, text)
        .map(|(affinity, uuid)| EntityKey::derived(tenant.clone(), kinds::ORDER, affinity, uuid))
}

/// The shipment of an order from a location. It lives in the order's shard.
#[must_use]
pub fn shipment(order: &EntityKey, location: &str) -> EntityKey {
    let uuid = uuid5(kinds::SHIPMENT, &[id_bytes(&order.id), location.as_bytes()]);
    EntityKey::derived(order.tenant.clone(), kinds::SHIPMENT, order.affinity, uuid)
}

/// A shipment by its public id.
pub fn parse_shipment(tenant: &Tenant, text: &str) -> Result<EntityKey, ParseIdError> {
    parse_public_id(SHIPMENT_PREFIX, text)
        .map(|(affinity, uuid)| EntityKey::derived(tenant.clone(), kinds::SHIPMENT, affinity, uuid))
}

/// The customer record of a party, by the kind and the subject of its token: subjects are unique
/// within a kind only, so a guest or a service never shares one with a customer.
#[must_use]
pub fn customer(tenant: &Tenant, kind: PrincipalKind, subject: &str) -> EntityKey {
    // A word for each kind but customers: it cannot change any more, ids hold it.
    let kind: Option<&[u8]> = match kind {
        PrincipalKind::Customer => None,
        PrincipalKind::System => Some(b"system"),
        PrincipalKind::Guest => Some(b"guest"),
        PrincipalKind::Agent => Some(b"agent"),
        PrincipalKind::Seller => Some(b"seller"),
        PrincipalKind::Operator => Some(b"operator"),
        PrincipalKind::Service => Some(b"service"),
    };
    let affinity = Affinity::of_root(tenant, subject);
    let named = [tenant.as_str().as_bytes(), subject.as_bytes()];
    let uuid = match kind {
        None => uuid5(kinds::CUSTOMER, &named),
        Some(kind) => uuid5(kinds::CUSTOMER, &[named[0], named[1], kind]),
    };
    EntityKey::derived(tenant.clone(), kinds::CUSTOMER, affinity, uuid)
}

/// The wallet of a customer. It lives in the customer's shard.
#[must_use]
pub fn wallet(customer: &EntityKey) -> EntityKey {
    let uuid = uuid5(kinds::ACCOUNT, &[id_bytes(&customer.id), b"wallet"]);
    EntityKey::derived(customer.tenant.clone(), kinds::ACCOUNT, customer.affinity, uuid)
}

/// A SKU by its code.
#[must_use]
pub fn sku(tenant: &Tenant, sku: &str) -> EntityKey {
    EntityKey::named(tenant, kinds::SKU, sku)
}

/// A product by its id.
#[must_use]
pub fn product(tenant: &Tenant, id: &str) -> EntityKey {
    EntityKey::named(tenant, kinds::PRODUCT, id)
}

/// The number allocator beside an order: one of 64, in the order's shard when there are 64 shards.
#[must_use]
pub fn numbers_slot(order: &EntityKey) -> EntityKey {
    let affinity = Affinity(order.affinity.0 % 64);
    let uuid = uuid5(kinds::NUMBERS, &[b"slot", &affinity.0.to_be_bytes()]);
    EntityKey::derived(order.tenant.clone(), kinds::NUMBERS, affinity, uuid)
}

/// The allocator that hands out blocks to the slots of a tenant.
#[must_use]
pub fn numbers_root(tenant: &Tenant) -> EntityKey {
    EntityKey::named(tenant, kinds::NUMBERS, "root")
}

/// The hold of an owner on a SKU: `uuid5(first owner, sku)` (domain.md 3).
#[must_use]
pub fn hold_id(owner: &EntityKey, sku: &str) -> Uuid {
    uuid5(kinds::SKU, &[b"hold", id_bytes(&owner.id), sku.as_bytes()])
}

/// The affinity as text, 7 characters of the alphabet of ids: what keeps an order's things in one
/// partition of the bus.
#[must_use]
pub fn partition_key(key: &EntityKey) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    // 32 bits are six digits of five bits and a last one of two, as base32 pads them.
    let bits = u64::from(key.affinity.0) << 3;
    let digit = |shift| ALPHABET.get((bits.wrapping_shr(shift) & 31) as usize).copied();
    [30, 25, 20, 15, 10, 5, 0].into_iter().filter_map(digit).map(char::from).collect()
}

/// The bytes of an id, for deriving further ids.
#[must_use]
pub fn id_bytes(id: &EntityId) -> &[u8] {
    match id {
        EntityId::Uuid(uuid) => uuid.as_bytes(),
        EntityId::Name(name) => name.as_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn parties_of_different_kinds_share_no_record_and_no_wallet() {
        let tenant = Tenant::new("acme");
        let kinds = [
            PrincipalKind::System,
            PrincipalKind::Customer,
            PrincipalKind::Guest,
            PrincipalKind::Agent,
            PrincipalKind::Seller,
            PrincipalKind::Operator,
            PrincipalKind::Service,
        ];
        let records = kinds.map(|kind| customer(&tenant, kind, "ada"));
        let wallets: BTreeSet<_> = records.iter().map(wallet).collect();
        assert_eq!(BTreeSet::from(records).len(), kinds.len());
        assert_eq!(wallets.len(), kinds.len());
    }
}
