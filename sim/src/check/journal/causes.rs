//! Whatever follows from a request names it: its number, its trace and who asked stand in every
//! record and every message that it led to, over all entities. Audits and the traces of published
//! events live by it.
//!
//! `looked_at`: messages sent, and messages taken.

use std::collections::BTreeMap;

use entity::{Cause, EntityKey, ShardId};

use super::{Findings, World};

/// Judges the cause of every message, and of every record that one led to.
#[must_use]
pub fn check(world: &World) -> Findings {
    let mut found = world.findings("causes");
    let mut sent: BTreeMap<(ShardId, ShardId, u64), &Cause> = BTreeMap::new();
    for rec in world.records() {
        let record = &rec.record;
        for send in &record.sends {
            let cause = &send.message.cause;
            sent.insert((rec.shard, send.to_shard, send.number), cause);
            // What an operator has sent again, or returns, is the runtime's and not a step.
            if rec.is_own() {
                judge(&record.key, ("tells", cause), &record.cause, &mut found);
            }
        }
    }
    for rec in world.records() {
        let record = &rec.record;
        let Some(mark) = record.mark else { continue };
        let Some(cause) = sent.get(&(mark.from_shard, rec.shard, mark.number)) else { continue };
        judge(&record.key, ("was told", *cause), &record.cause, &mut found);
    }
    found
}

fn judge(key: &EntityKey, (what, one): (&str, &Cause), own: &Cause, found: &mut Findings) {
    found.judge(one == own, || {
        format!(
            "{key} {what} something for request {:x}, and its own is {:x}",
            one.request, own.request
        )
    });
}
