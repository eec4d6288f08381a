//! What clients were answered, held against the journal: each order of a 2xx answer stands there,
//! in the state that the answer showed at that version.

use std::collections::BTreeSet;

use commerce::keys;
use entity::EntityKey;

use super::{Findings, World};
use crate::history::{Answer, Ask, History, Op};

/// Judges the run's own history.
#[must_use]
pub fn check(world: &World) -> Findings {
    conflicts(&world.given.history, world)
}

/// Judges every 2xx answer about an order.
#[must_use]
pub fn conflicts(history: &History, world: &World) -> Findings {
    let mut found = world.findings("conflicts");
    let mut asked = BTreeSet::new();
    for (key, cart) in &world.shop.carts {
        asked.extend(cart.frozen.iter().map(|generation| keys::order(key, *generation)));
    }
    for op in &history.ops {
        let Some(answer) = &op.answer else { continue };
        let (200..300, Some(text)) = (answer.status, &answer.order) else { continue };
        let fault = match keys::parse_order(&world.given.tenant, text) {
            Ok(order) => conflict(world, &asked, &order, op, answer),
            Err(_) => Some("is no id of an order".into()),
        };
        found.judge(fault.is_none(), || {
            let (visit, status) = (op.visit, answer.status);
            format!("visit {visit}, {status}: {text} {}", fault.unwrap_or_default())
        });
    }
    found
}

fn conflict(
    world: &World,
    asked: &BTreeSet<EntityKey>,
    key: &EntityKey,
    op: &Op,
    answer: &Answer,
) -> Option<String> {
    let order = world.shop.orders.get(key).filter(|order| order.body.is_some());
    let Some(order) = order else {
        // It was taken, and the order follows as soon as its message is taken.
        let will_be = !world.given.is_healed && asked.contains(key) && answer.version.is_none();
        return (!will_be).then(|| "was answered and is not in the journal".into());
    };
    if let (Some(body), Ask::Place { cart, lines, .. }) = (&order.body, &op.ask) {
        let is_cart = body.terms.cart == keys::cart(&world.given.tenant, cart);
        let have: BTreeSet<_> =
            body.terms.priced.lines.iter().map(|it| (it.sku.as_str(), it.qty.get())).collect();
        let code = |sku: u32| world.given.skus.get(usize::try_from(sku).ok()?);
        let wanted: BTreeSet<_> = lines
            .iter()
            .filter_map(|(sku, qty)| code(*sku).map(|code| (code.as_str(), *qty)))
            .collect();
        if !is_cart || (!world.given.skus.is_empty() && have != wanted) {
            return Some(format!("is of {}: {have:?}, asked for {wanted:?}", body.terms.cart));
        }
    }
    let (Some(version), Some(state)) = (answer.version, &answer.state) else { return None };
    let index = usize::try_from(version.checked_sub(1)?).ok()?;
    match order.after.get(index).map(|after| after.status.word()) {
        Some(word) if word == state => None,
        was => Some(format!("was shown as {state} at {version}, the journal says {was:?}")),
    }
}
