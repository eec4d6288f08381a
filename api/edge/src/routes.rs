//! All operations, one file per resource.

pub mod documents;
pub mod identity;

use crate::route::Route;

/// Every route of the public listener, those of `--demo` included.
#[must_use]
pub fn all() -> Vec<Route> {
    [identity::routes(), crate::identity::issuer::routes(), documents::routes()].concat()
}
