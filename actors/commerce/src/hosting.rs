//! The kinds of the shop, as a runtime hosts them.

use codec::{Packed, Stored, unpack};
use entity::{Entity, EntityType, EntityTypes};
use serde::Serialize;

use crate::account::Account;
use crate::cart::Cart;
use crate::customer::Customer;
use crate::numbers::Numbers;
use crate::order::Order;
use crate::product::Product;
use crate::shipment::Shipment;
use crate::sku::Sku;

/// Every kind of the shop.
#[must_use]
pub fn entity_types() -> EntityTypes {
    EntityTypes::new()
        .with(EntityType::of::<Account>(show::<Account>))
        .with(EntityType::of::<Cart>(show::<Cart>))
        .with(EntityType::of::<Customer>(show::<Customer>))
        .with(EntityType::of::<Numbers>(show::<Numbers>))
        .with(EntityType::of::<Order>(show::<Order>))
        .with(EntityType::of::<Product>(show::<Product>))
        .with(EntityType::of::<Shipment>(show::<Shipment>))
        .with(EntityType::of::<Sku>(show::<Sku>))
}

/// A stored state, event or command as JSON, for people.
fn show<E: Entity>(packed: &Packed) -> Option<String> {
    fn json<T: Stored + Serialize>(packed: &Packed) -> Option<String> {
        let value = unpack::<T>(packed).ok()?;
        serde_json::to_string(&value).ok()
    }
    json::<E>(packed)
        .or_else(|| json::<E::Event>(packed))
        .or_else(|| json::<E::Command>(packed))
        .or_else(|| json::<E::Reply>(packed))
        .or_else(|| json::<E::Rejection>(packed))
}
