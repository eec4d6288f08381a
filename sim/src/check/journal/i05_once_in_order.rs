//! I5: events and messages commit together; each message takes effect once, in stream order; each
//! public event is published at least once, and in order when repeats are dropped.
//!
//! The streams are read off the records: a send and a mark stand where they took effect.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use commerce::hosting::entity_types;
use entity::{
    DeadLetterChange, EntityKey, EventContext, Kind, Message, RecordSource, ShardId, StepRecord,
};

use super::i04_nothing_early::place;
use super::{Findings, World, restarts};

/// Sender and receiver.
type Stream = (ShardId, ShardId);

/// Judges every message and every published event.
#[must_use]
pub fn check(world: &World) -> Findings {
    let mut found = world.findings("I5");
    let sent = sends(world, &mut found);
    marks(world, &sent, &mut found);
    dead_letters(world, &sent, &mut found);
    checkpoints(world, &sent, &mut found);
    restarts::streams(world, &mut found);
    if world.journals.published.is_some() {
        published(world, &mut found);
    }
    found
}

/// Every stream, by number; a send that breaks its stream's numbers is reported.
fn sends<'a>(world: &'a World, found: &mut Findings) -> BTreeMap<Stream, Vec<&'a Arc<Message>>> {
    let mut sent: BTreeMap<Stream, Vec<&Arc<Message>>> = BTreeMap::new();
    for rec in world.records() {
        for send in &rec.record.sends {
            let stream = sent.entry((rec.shard, send.to_shard)).or_default();
            let next = stream.len() as u64 + 1;
            let is_home = send.message.to.shard(world.journals.n_shards()) == send.to_shard;
            found.judge(send.number == next && is_home, || {
                let (from, to, number) = (rec.shard.0, send.to_shard.0, send.number);
                format!("stream {from} -> {to}: sent {number} instead of {next}")
            });
            stream.push(&send.message);
        }
    }
    sent
}

fn marks(world: &World, sent: &BTreeMap<Stream, Vec<&Arc<Message>>>, found: &mut Findings) {
    let mut taken: BTreeMap<Stream, u64> = BTreeMap::new();
    let mut own_sent: BTreeMap<ShardId, u64> = BTreeMap::new();
    for rec in world.records() {
        let record = &rec.record;
        let Some(mark) = record.mark else {
            found.judge(record.source != RecordSource::Message, || {
                format!("{} took a message without a mark", record.key)
            });
            count_own(&mut own_sent, rec.shard, record);
            continue;
        };
        let stream = (mark.from_shard, rec.shard);
        let next = taken.get(&stream).copied().unwrap_or(0) + 1;
        taken.insert(stream, mark.number);
        let message = sent.get(&stream).and_then(|all| nth(all, mark.number));
        let is_for = message.is_some_and(|message| message.to == record.key);
        let has_source = matches!(record.source, RecordSource::Message | RecordSource::Runtime);
        found.judge(mark.number == next && is_for && has_source, || {
            let (from, to, number) = (stream.0.0, stream.1.0, mark.number);
            let key = &record.key;
            format!("stream {from} -> {to}: {key} took {number} instead of {next}: {message:?}")
        });
        if mark.from_shard == rec.shard {
            let so_far = own_sent.get(&rec.shard).copied().unwrap_or(0);
            found.judge(mark.number <= so_far, || {
                format!("{} took {} of {so_far} sent before it", record.key, mark.number)
            });
        }
        count_own(&mut own_sent, rec.shard, record);
    }
    if world.given.is_healed {
        for (stream, all) in sent {
            let taken = taken.get(stream).copied().unwrap_or(0);
            found.judge(taken == all.len() as u64, || {
                let ((from, to), n) = (stream, all.len());
                format!("stream {} -> {}: {taken} of {n} taken in the end", from.0, to.0)
            });
        }
    }
}

/// Counts what a shard has sent to itself: there, cause stands before effect.
fn count_own(own_sent: &mut BTreeMap<ShardId, u64>, shard: ShardId, record: &StepRecord) {
    let n = record.sends.iter().filter(|send| send.to_shard == shard).count() as u64;
    *own_sent.entry(shard).or_insert(0) += n;
}

fn nth<'a>(all: &[&'a Arc<Message>], number: u64) -> Option<&'a Arc<Message>> {
    let index = usize::try_from(number.checked_sub(1)?).ok()?;
    all.get(index).copied()
}

/// Dead letters are numbered without gaps, hold the message that was taken, and go back once.
fn dead_letters(world: &World, sent: &BTreeMap<Stream, Vec<&Arc<Message>>>, found: &mut Findings) {
    let mut kept: BTreeMap<ShardId, (u64, BTreeSet<u64>)> = BTreeMap::new();
    for rec in world.records() {
        let Some(change) = rec.record.dead_letter.as_deref() else { continue };
        let (last, open) = kept.entry(rec.shard).or_default();
        let fits = match change {
            DeadLetterChange::Kept(number, letter) => {
                *last += 1;
                open.insert(*number);
                let taken = rec
                    .record
                    .mark
                    .and_then(|mark| nth(sent.get(&(mark.from_shard, rec.shard))?, mark.number));
                *number == *last && taken.is_some_and(|taken| **taken == *letter.message)
            }
            DeadLetterChange::Replayed(number) => open.remove(number),
        };
        found.judge(fits, || format!("dead letter of {:?} after {last}: {change:?}", rec.shard));
    }
}

/// What a checkpoint says of streams lies within what the journal says of them.
fn checkpoints(world: &World, sent: &BTreeMap<Stream, Vec<&Arc<Message>>>, found: &mut Findings) {
    let n_sent = |stream: Stream| sent.get(&stream).map_or(0, |all| all.len() as u64);
    for (shard, checkpoint) in &world.journals.checkpoints {
        for out in &checkpoint.out {
            let n = n_sent((*shard, out.to_shard));
            found.judge(out.last <= n, || {
                format!("checkpoint of {shard:?} has sent {} of {n}", out.last)
            });
        }
        for mark in &checkpoint.marks {
            let n = n_sent((mark.from_shard, *shard));
            found.judge(mark.number <= n, || {
                format!("checkpoint of {shard:?} took {} of {n}", mark.number)
            });
        }
    }
}

fn published(world: &World, found: &mut Findings) {
    let mut n_seen: Vec<Vec<bool>> =
        world.decoded.events.iter().map(|events| vec![false; events.len()]).collect();
    let mut places: BTreeMap<&str, u64> = BTreeMap::new();
    let mut versions: BTreeMap<&EntityKey, u64> = BTreeMap::new();
    for (index, published) in world.journals.published.iter().flatten().enumerate() {
        let (stream, at, event) = published;
        let last = places.entry(stream).or_insert(0);
        // A bus that lost its streams begins them anew.
        found.judge(*at > *last || *at == 1, || format!("{stream}: {at} after {last}"));
        *last = *at;
        let version = versions.entry(&event.key).or_insert(0);
        found.judge(event.version <= *version + 1, || {
            format!("{stream} {at}: {} at {} after {version}", event.key, event.version)
        });
        *version = event.version.max(*version);
        let place = place(&world.journals.history.0, &event.id);
        let seen = place.and_then(|(shard, seq)| {
            let seq = usize::try_from(seq.checked_sub(1)?).ok()?;
            n_seen.get_mut(usize::from(shard.0))?.get_mut(seq)
        });
        if let Some(seen) = seen {
            // What stood in a stream that lost it has to stand in what there is now.
            *seen = index >= world.given.n_lost;
        }
    }
    if world.given.is_healed {
        all_published(world, &n_seen, found);
    }
}

fn all_published(world: &World, n_seen: &[Vec<bool>], found: &mut Findings) {
    let types = entity_types();
    let mut is_public: BTreeMap<Kind, bool> = BTreeMap::new();
    for (events, seen) in world.decoded.events.iter().zip(n_seen) {
        for ((row, index), seen) in events.iter().zip(seen) {
            let record = &world.decoded.records[*row].record;
            let version = record.version + *index as u64 + 1;
            // All events of a kind are public, or none of them is.
            let is_public = *is_public.entry(record.key.kind).or_insert_with(|| {
                let ctx = EventContext { key: &record.key, version, at: record.at };
                let kind = types.get(record.key.kind);
                kind.is_some_and(|kind| {
                    (kind.publication)(&ctx, &record.events[*index]).is_ok_and(|it| it.is_some())
                })
            });
            found.judge(*seen || !is_public, || {
                format!("{} at {version} was never published", record.key)
            });
        }
    }
}
