//! I4: nothing is seen before it is durable. What clients were shown and what the bus stored
//! stands in the journal, the events with the same content; so do snapshots and checkpoints. Where
//! the run knows when commits were taken, no client was shown one before, and no shard has
//! acknowledged what one of them brought, or sent what one of them caused.

use std::collections::BTreeMap;

use commerce::hosting::entity_types;
use commerce::keys;
use entity::{EntityKey, EntityTypes, EventContext, Publication, ShardId, Trace};
use ports::CloudEvent;

use super::{Findings, Given, World};
use crate::history::{Ask, Look, Op};

/// Judges every version that anybody was shown.
#[must_use]
pub fn check(world: &World) -> Findings {
    let mut found = world.findings("I4");
    clients(world, &mut found);
    let types = entity_types();
    for (stream, place, event) in world.journals.published.iter().flatten() {
        let fault = published(world, &types, event)
            .or_else(|| (event.stream() != *stream).then(|| "in the wrong stream".to_owned()));
        found.judge(fault.is_none(), || {
            format!("{stream} {place}, {}: {}", event.id, fault.unwrap_or_default())
        });
    }
    acks(world, &mut found);
    sent(world, &mut found);
    for (key, snapshot) in &world.journals.snapshots {
        let have = world.version_of(key);
        found.judge(snapshot.version <= have, || {
            format!("{key} has a snapshot at {}, the journal ends at {have}", snapshot.version)
        });
    }
    for (shard, checkpoint) in &world.journals.checkpoints {
        let (at, end) = (checkpoint.commit_no, world.last_commit(*shard));
        found.judge(at <= end, || format!("checkpoint {at} of {shard:?}, which ends at {end}"));
    }
    found
}

/// What a shard acknowledges it has in its journal: else a crash loses it for both.
fn acks(world: &World, found: &mut Findings) {
    if world.given.acks.is_empty() || world.given.durable_us.is_empty() {
        return;
    }
    let mut taken: BTreeMap<(ShardId, ShardId, u64), u64> = BTreeMap::new();
    for rec in world.records() {
        if let (Some(mark), Some(us)) = (rec.record.mark, world.taken_us(rec)) {
            taken.insert((rec.shard, mark.from_shard, mark.number), us);
        }
    }
    for ack in &world.given.acks {
        let taken_us = taken.get(&(ack.by, ack.to, ack.through));
        found.judge(taken_us.is_none_or(|us| *us <= ack.at_us), || {
            format!("{ack:?}, which the store took at {taken_us:?} us")
        });
    }
}

/// What a shard sends to another log stands in its own journal: else a crash takes the cause away
/// from an effect that is there.
fn sent(world: &World, found: &mut Findings) {
    if world.given.sent.is_empty() || world.given.durable_us.is_empty() {
        return;
    }
    let mut taken: BTreeMap<(ShardId, ShardId, u64), Option<u64>> = BTreeMap::new();
    for rec in world.records() {
        for send in &rec.record.sends {
            taken.insert((rec.shard, send.to_shard, send.number), world.taken_us(rec));
        }
    }
    for sent in &world.given.sent {
        let taken_us = taken.get(&(sent.by, sent.to, sent.through));
        let is_durable = taken_us.is_some_and(|us| us.is_none_or(|us| us <= sent.at_us));
        found.judge(is_durable, || {
            format!("{sent:?}, whose cause the store took at {taken_us:?} us")
        });
    }
}

fn clients(world: &World, found: &mut Findings) {
    let Given { history, tenant, .. } = &world.given;
    let answers = history.ops.iter().filter_map(|op| {
        shown(&world.given, op).map(|(key, version)| (key, version, op.answered_us))
    });
    let told = history.streams.iter().flat_map(|stream| &stream.told).filter_map(|told| {
        Some((keys::parse_order(tenant, &told.order).ok()?, told.version, Some(told.at_us)))
    });
    let mut seen: BTreeMap<EntityKey, u64> = BTreeMap::new();
    for (key, version, seen_us) in answers.chain(told) {
        found.look(1);
        if let (Some(seen_us), Some(us)) = (seen_us, world.durable_us(&key, version))
            && seen_us < us
        {
            found.fail(format!("{key} was shown at {version} {} us early", us - seen_us));
        }
        let highest = seen.entry(key).or_insert(0);
        *highest = version.max(*highest);
    }
    for (key, version) in &seen {
        let have = world.version_of(key);
        if have < *version {
            found.fail(format!("{key} was shown at {version}, the journal ends at {have}"));
        }
    }
}

/// The entity and the version that an answer shows.
fn shown(given: &Given, op: &Op) -> Option<(EntityKey, u64)> {
    let answer = op.answer.as_ref()?;
    if !(200..300).contains(&answer.status) && answer.status != 304 {
        return None;
    }
    let version = answer.version?;
    let sku = |sku: u32| {
        let code = given.skus.get(usize::try_from(sku).ok()?)?;
        Some(keys::sku(&given.tenant, code))
    };
    let key = match (&op.ask, &answer.order) {
        (
            Ask::Place { .. } | Ask::GetOrder { .. } | Ask::Cancel { .. } | Ask::CancelPart { .. },
            Some(order),
        )
        | (Ask::GetOrder { order } | Ask::Cancel { order }, None)
        | (Ask::CancelPart { order, .. }, None) => keys::parse_order(&given.tenant, order).ok()?,
        (Ask::PutCart { cart } | Ask::Merge { cart, .. } | Ask::Look(Look::Cart { cart }), _) => {
            keys::cart(&given.tenant, cart)
        }
        (Ask::Look(Look::Wait { order, .. }), _) => keys::parse_order(&given.tenant, order).ok()?,
        (Ask::GetStock { sku: at } | Ask::Restock { sku: at, .. }, _)
        | (Ask::Count { sku: at, .. }, _) => sku(*at)?,
        // A shipment's version, a quote's, a price's, or nobody's.
        (Ask::Place { .. }, None)
        | (
            Ask::Quote { .. }
            | Ask::Advance { .. }
            | Ask::Freeze { .. }
            | Ask::SetPrice { .. }
            | Ask::ListMine { .. }
            | Ask::Reuse { .. }
            | Ask::SignIn { .. }
            | Ask::PutAddress { .. }
            | Ask::DeleteAddress { .. }
            | Ask::Look(_)
            | Ask::Other,
            _,
        ) => {
            return None;
        }
    };
    Some((key, version))
}

/// How a published event differs from the journal.
fn published(world: &World, types: &EntityTypes, event: &CloudEvent) -> Option<String> {
    let Some((shard, seq)) = place(&world.journals.history.0, &event.id) else {
        return Some("has an id of another history".into());
    };
    let events = world.decoded.events.get(usize::from(shard.0));
    let index = seq.checked_sub(1).and_then(|seq| usize::try_from(seq).ok());
    let Some((row, index)) = events.zip(index).and_then(|(events, index)| events.get(index)) else {
        return Some("is not in the journal".into());
    };
    let record = &world.decoded.records[*row].record;
    let version = record.version + *index as u64 + 1;
    let ctx = EventContext { key: &record.key, version, at: record.at };
    let Some(kind) = types.get(record.key.kind) else {
        return Some("is of a kind that the shop does not have".into());
    };
    let face = match (kind.publication)(&ctx, &record.events[*index]) {
        Ok(Some(face)) => face,
        Ok(None) => return Some("is of a kind that is not published".into()),
        Err(error) => return Some(error.to_string()),
    };
    let fits = is_face(event, &face)
        && event.key == record.key
        && event.tenant == record.key.tenant
        && event.version == version
        && event.time == record.at
        && is_traced(&event.trace, &record.cause.trace);
    (!fits).then(|| format!("differs from {} at {version}: {event:?}", record.key))
}

fn is_face(event: &CloudEvent, face: &Publication) -> bool {
    event.data == face.data
        && event.data_version == face.data_version
        && event.event_type == face.event_type
        && event.domain == face.domain
        && event.subject == face.subject
        && event.partition_key == face.partition_key
}

/// Whether the trace is that of the cause; one without a trace gets a made-up one.
fn is_traced(trace: &Trace, cause: &Trace) -> bool {
    cause.trace_id == [0; 16] || trace.trace_id == cause.trace_id
}

/// Shard and number of `{history}.{shard}:{seq}`.
pub(super) fn place(history: &str, id: &str) -> Option<(ShardId, u64)> {
    let (shard, seq) = id.strip_prefix(history)?.strip_prefix('.')?.split_once(':')?;
    Some((ShardId(shard.parse().ok()?), seq.parse().ok()?))
}
