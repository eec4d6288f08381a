//! I6: per SKU and location, at every version, `received + adjusted + restocked - shipped =
//! on_hand` and `sellable = on_hand + oversell_limit - safety - held - pinned - committed`; no
//! hold makes sellable negative. Counted by a second ledger (`ledger.rs`). Who is refused for want
//! of stock is told what there is (`refused_units.rs`).

use super::{Findings, World, refused_units};

/// Judges every version of every SKU.
#[must_use]
pub fn check(world: &World) -> Findings {
    let mut found = world.findings("I6");
    for ledger in world.shop.skus.values() {
        found.look(ledger.n_versions);
        for what in &ledger.stock_faults {
            found.fail(what.as_str());
        }
    }
    refused_units::check(world, &mut found);
    found
}
