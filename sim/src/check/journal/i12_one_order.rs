//! I12: one order per (cart, generation): its key is made of both, its cart asked for it, and a
//! cart that an order holds does not change. A cart whose every placing was refused for good has
//! no order, and one whose every writing was is not there: "no" is said of what was not done, never of what nobody knows.

use std::collections::{BTreeMap, BTreeSet};

use commerce::keys;
use entity::EntityKey;

use super::shop::OrderFold;
use super::{Findings, World};
use crate::history::Ask;

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
    refused(world, &mut found);
    found
}

/// Carts whose writings, or whose placings, were all refused for good.
fn refused(world: &World, found: &mut Findings) {
    let mut placed: BTreeMap<&str, bool> = BTreeMap::new();
    let mut written: BTreeMap<&str, bool> = BTreeMap::new();
    for op in &world.given.history.ops {
        let (carts, cart) = match &op.ask {
            Ask::Place { cart, .. } => (&mut placed, cart),
            Ask::PutCart { cart } => (&mut written, cart),
            Ask::Quote { .. }
            | Ask::GetOrder { .. }
            | Ask::Cancel { .. }
            | Ask::CancelPart { .. }
            | Ask::Advance { .. }
            | Ask::Freeze { .. }
            | Ask::GetStock { .. }
            | Ask::Restock { .. }
            | Ask::Count { .. }
            | Ask::SetPrice { .. }
            | Ask::ListMine { .. }
            | Ask::Reuse { .. }
            | Ask::Merge { .. }
            | Ask::SignIn { .. }
            | Ask::PutAddress { .. }
            | Ask::DeleteAddress { .. }
            | Ask::Look(_)
            | Ask::Other => continue,
        };
        let was_refused = op.answer.as_ref().is_some_and(|answer| {
            (400..500).contains(&answer.status)
                && !matches!(answer.status, 408 | 429)
                && answer.order.is_none()
        });
        *carts.entry(cart).or_insert(true) &= was_refused;
    }
    let of = |order: &OrderFold| order.body.as_ref().map(|body| body.terms.cart.clone());
    let ordered: BTreeSet<EntityKey> = world.shop.orders.values().filter_map(of).collect();
    let refused = |(cart, is_refused): (_, bool)| is_refused.then_some(cart);
    for cart in written.into_iter().filter_map(refused) {
        let key = keys::cart(&world.given.tenant, cart);
        found.judge(!world.shop.carts.contains_key(&key), || {
            format!("{key}: each writing was refused for good, and there it is")
        });
    }
    for cart in placed.into_iter().filter_map(refused) {
        let key = keys::cart(&world.given.tenant, cart);
        found.judge(!ordered.contains(&key), || {
            format!("{key}: each placing was refused for good, and there is an order of it")
        });
    }
}
