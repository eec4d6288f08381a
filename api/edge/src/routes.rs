//! All operations, one file per resource.

pub mod admin;
pub mod board;
pub mod carts;
pub mod catalogue;
pub(crate) mod common;
pub mod customers;
pub mod documents;
pub mod identity;
pub mod later;
pub mod my_cart;
pub mod my_orders;
pub mod order_lists;
pub mod orders;
pub mod regions;
pub mod shipments;
pub mod stock;
pub mod streams;

use crate::route::Route;

/// Every route of the public listener that can succeed, those of `--demo` included.
#[must_use]
pub fn all() -> Vec<Route> {
    [
        identity::routes(),
        crate::identity::issuer::routes(),
        carts::routes(),
        orders::routes(),
        stock::routes(),
        streams::routes(),
        board::routes(),
        catalogue::routes(),
        customers::routes(),
        my_cart::routes(),
        my_orders::routes(),
        order_lists::routes(),
        regions::routes(),
        shipments::routes(),
        documents::routes(),
    ]
    .concat()
}
