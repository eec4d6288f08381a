//! All operations, one file per resource.

pub mod board;
pub mod carts;
pub(crate) mod common;
pub mod documents;
pub mod identity;
pub mod orders;
pub mod stock;
pub mod streams;

use crate::route::Route;

/// Every route of the public listener, those of `--demo` included.
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
        documents::routes(),
    ]
    .concat()
}
