//! I7: the same idempotency key or natural id gives the same answer and no second effect.
//!
//! Judged on the kept outcomes in the records, on the orders, and on what clients were answered.

use std::collections::BTreeMap;

use codec::unpack;
use commerce::{cart, keys, kinds};
use entity::{EntityKey, IdempotencyKey, Timestamp};

use super::{Findings, World};
use crate::history::Ask;

/// How long what was done is remembered under its key, if nobody sets another time.
const KEEP_MS: u64 = entity::limits::IDEMPOTENCY_KEEP_MS;

/// How long a refusal is (architecture: kept with its key for ten minutes).
const REFUSAL_KEEP_MS: u64 = 10 * 60 * 1000;

/// Judges every kept outcome, every order, and every placing of the history.
#[must_use]
pub fn check(world: &World) -> Findings {
    let mut found = world.findings("I7");
    kept(world, &mut found);
    orders(world, &mut found);
    clients(world, &mut found);
    found
}

/// One effect, and one order, for each key.
fn kept(world: &World, found: &mut Findings) {
    let mut until: BTreeMap<(&EntityKey, IdempotencyKey), Timestamp> = BTreeMap::new();
    let mut placed: BTreeMap<IdempotencyKey, EntityKey> = BTreeMap::new();
    for rec in world.records() {
        let record = &rec.record;
        let Some((key, kept)) = record.kept.as_deref() else { continue };
        let before = until.insert((&record.key, *key), kept.expires_at);
        let fits = before.is_none_or(|before| before <= record.at)
            && kept.version == record.version_after();
        found.judge(fits, || {
            let (who, version) = (&record.key, record.version);
            format!("{who} at {version} took effect again for a key that it keeps: {key:?}")
        });
        let keep_ms = kept.expires_at.since_ms(kept.at);
        let wanted_ms = if kept.outcome.is_ok() { KEEP_MS } else { REFUSAL_KEEP_MS };
        found.judge(keep_ms >= wanted_ms, || {
            let (who, version) = (&record.key, record.version);
            format!("{who} at {version} keeps what it answered for {keep_ms} ms only: {key:?}")
        });
        if record.key.kind != kinds::CART {
            continue;
        }
        let Ok(reply) = &kept.outcome else { continue };
        if let Ok(cart::Reply::Placed { order, generation }) = unpack(reply) {
            let derived = keys::order(&record.key, generation);
            let first = placed.entry(*key).or_insert_with(|| order.clone());
            found.judge(*first == order && derived == order, || {
                format!("{} placed {order} under the key of {first}", record.key)
            });
        }
    }
}

/// An order is placed once, for one (cart, generation), under one number.
fn orders(world: &World, found: &mut Findings) {
    let mut natural: BTreeMap<(&EntityKey, u32), &EntityKey> = BTreeMap::new();
    let mut numbers: BTreeMap<(&str, u64), &EntityKey> = BTreeMap::new();
    for (key, order) in &world.shop.orders {
        found.judge(order.n_placed <= 1, || format!("{key} was placed {} times", order.n_placed));
        let Some(body) = &order.body else { continue };
        let first = *natural.entry((&body.terms.cart, body.terms.generation)).or_insert(key);
        found.judge(first == key, || {
            format!("{key} and {first} are the same order of {}", body.terms.cart)
        });
        if let Some(number) = body.number {
            let first = *numbers.entry((key.tenant.as_str(), number)).or_insert(key);
            found.judge(first == key, || format!("{key} and {first} have number {number}"));
        }
    }
}

/// Everyone who placed under a key was told of the same order.
fn clients(world: &World, found: &mut Findings) {
    let mut told: BTreeMap<&str, &str> = BTreeMap::new();
    for op in &world.given.history.ops {
        let (Some(key), Some(answer), Ask::Place { .. }) = (&op.key, &op.answer, &op.ask) else {
            continue;
        };
        if let (200..300, Some(order)) = (answer.status, &answer.order) {
            let first = *told.entry(key).or_insert(order);
            found.judge(first == order, || format!("key {key} placed {first} and {order}"));
        }
    }
}
