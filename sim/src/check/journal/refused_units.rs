//! Who is refused for want of stock is told how much there is (domain.md 3): what was for sale at
//! that version of the SKU, and less than was asked for.
//!
//! Of a hold that grows, or begins anew, the units that it has count as well: it is passed over.

use std::collections::BTreeMap;

use codec::unpack;
use commerce::protocol::{HoldRefusal, StockReply};
use commerce::{kinds, order, sku};
use entity::{MessageKind, ShardId, StepRecord, StreamSend};

use super::{Findings, World};

/// Judges every refusal of a hold.
pub(super) fn check(world: &World, found: &mut Findings) {
    let mut asked: BTreeMap<(ShardId, ShardId, u64), &StreamSend> = BTreeMap::new();
    for rec in world.records() {
        for send in rec.record.sends.iter().filter(|send| send.message.to.kind == kinds::SKU) {
            asked.insert((rec.shard, send.to_shard, send.number), send);
        }
    }
    for rec in world.records().iter().filter(|rec| rec.record.key.kind == kinds::SKU) {
        let record = &rec.record;
        let Some(mark) = record.mark else { continue };
        let Some(ask) = asked.get(&(mark.from_shard, rec.shard, mark.number)) else { continue };
        refusal(world, record, ask, found);
    }
}

fn refusal(world: &World, record: &StepRecord, ask: &StreamSend, found: &mut Findings) {
    let replies = record.sends.iter().filter(|send| send.message.kind == MessageKind::Command);
    let replies = replies.filter_map(|send| unpack(&send.message.body).ok());
    let mut refusals = replies.filter_map(|command| {
        let order::Command::Stock { reply, .. } = command else { return None };
        match reply {
            StockReply::HoldRejected {
                hold_id,
                refusal: HoldRefusal::OutOfStock,
                available,
                ..
            } => Some((hold_id, available)),
            _ => None,
        }
    });
    let Some((hold_id, available)) = refusals.next() else { return };
    let Some(ledger) = world.shop.skus.get(&record.key) else { return };
    let Ok(sku::Command::Hold { qty, .. }) = unpack(&ask.message.body) else { return };
    let before = record.version.checked_sub(1).and_then(|at| usize::try_from(at).ok());
    if ledger.holds.get(&hold_id).is_some_and(|hold| hold.began < record.version) {
        return;
    }
    let units = before.and_then(|at| ledger.at_version.get(at)).copied().unwrap_or(0);
    found.judge(u64::from(available) == units && available < qty, || {
        let (key, at) = (&record.key, record.version);
        format!("{key} at {at} refuses {qty} units: it says {available}, and has {units} for sale")
    });
}
