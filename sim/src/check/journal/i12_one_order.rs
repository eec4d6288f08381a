//! I12: one order per (cart, generation): its key is made of both, its cart asked for it, and a
//! cart that an order holds does not change.

use std::collections::BTreeSet;

use commerce::keys;

use super::{Findings, World};

/// Judges every order against its cart, and every cart's way.
#[must_use]
pub fn check(world: &World) -> Findings {
    let mut found = world.findings("I12");
    for cart in world.shop.carts.values() {
        found.look(cart.version);
        for what in &cart.faults {
            found.fail(what.as_str());
        }
    }
    let mut natural = BTreeSet::new();
    for (key, order) in &world.shop.orders {
        let Some(body) = &order.body else { continue };
        let (cart, generation) = (&body.terms.cart, body.terms.generation);
        let asked = world.shop.carts.get(cart).map(|cart| cart.frozen.as_slice());
        let was_asked = asked.is_some_and(|asked| asked.contains(&generation));
        let is_first = natural.insert((cart, generation));
        found.judge(is_first && was_asked && keys::order(cart, generation) == *key, || {
            format!("{key} is order {generation} of {cart}, which asked for {asked:?}")
        });
    }
    found
}
