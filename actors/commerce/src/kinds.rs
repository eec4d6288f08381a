//! The kinds of entities of the shop. A number is never used again for another kind.

use entity::Kind;

/// A buyer: profile, address book, recent orders, sign-in points.
pub const CUSTOMER: Kind = Kind(1);
/// A cart; the place where an order begins.
pub const CART: Kind = Kind(2);
/// An order.
pub const ORDER: Kind = Kind(3);
/// A SKU: its price version and its stock at every location.
pub const SKU: Kind = Kind(4);
/// A shipment of an order.
pub const SHIPMENT: Kind = Kind(5);
/// A ledger account: wallet, points, gift card.
pub const ACCOUNT: Kind = Kind(6);
/// A product of the catalogue.
pub const PRODUCT: Kind = Kind(7);
/// An allocator of order numbers, in blocks.
pub const NUMBERS: Kind = Kind(8);
