//! Tampering with frames, snapshots, what clients saw and what the bus stored (I1-I4, I10).

use std::sync::Arc;

use commerce::sku::{self, Sku};
use entity::ShardId;
use ports::Frame;

use super::Case;
use super::tamper::{event, record, rewrite};
use crate::check::journal::{Acked, Beside, Depth, Given, Journals, LetIn, Owned, Sent};
use crate::history::Ask;

pub(super) const CASES: &[Case] = &[
    Case { name: "an old epoch after a newer one", reported_by: "I1", tamper: old_epoch },
    Case { name: "one epoch, two owners", reported_by: "I1", tamper: two_owners },
    Case { name: "an epoch that nobody was given", reported_by: "I1", tamper: unowned },
    Case { name: "a frame is gone", reported_by: "I2", tamper: no_frame },
    Case { name: "two frames change places", reported_by: "I2", tamper: swapped },
    Case { name: "a byte is another one", reported_by: "I2", tamper: flipped },
    Case { name: "a frame ends inside a record", reported_by: "I2", tamper: cut_short },
    Case { name: "a record is gone", reported_by: "I2", tamper: no_record },
    Case { name: "an event is gone", reported_by: "I2", tamper: no_event },
    Case { name: "another commit before it", reported_by: "I2", tamper: other_prev },
    Case { name: "time goes back", reported_by: "I2", tamper: back_in_time },
    Case { name: "a snapshot is another state", reported_by: "I3", tamper: other_snapshot },
    Case { name: "a snapshot has another version", reported_by: "I3", tamper: early_snapshot },
    Case { name: "a snapshot forgot its keys", reported_by: "I3", tamper: no_keys },
    Case { name: "a snapshot is missing", reported_by: "I3", tamper: no_snapshot },
    Case { name: "an event says something else", reported_by: "I3", tamper: other_title },
    Case { name: "another deadline", reported_by: "I3", tamper: other_deadline },
    Case { name: "an unreadable event", reported_by: "I3", tamper: unreadable },
    Case { name: "a client saw a later version", reported_by: "I4", tamper: seen_early },
    Case { name: "a published event is not there", reported_by: "I4", tamper: invented },
    Case { name: "an event of a shard that is not", reported_by: "I4", tamper: no_shard },
    Case { name: "a published event says else", reported_by: "I4", tamper: other_bytes },
    Case { name: "an event of another history", reported_by: "I4", tamper: other_history },
    Case { name: "data of another version", reported_by: "bus_data", tamper: renumbered },
    Case { name: "data with another word", reported_by: "bus_data", tamper: reworded },
    Case { name: "data with another amount", reported_by: "bus_data", tamper: other_amount },
    Case { name: "data of another parcel", reported_by: "bus_data", tamper: other_parcel },
    Case { name: "a message for nobody's request", reported_by: "causes", tamper: other_cause },
    Case { name: "a record for nobody's request", reported_by: "causes", tamper: lost_cause },
    Case { name: "a snapshot of the future", reported_by: "I4", tamper: future_snapshot },
    Case { name: "a checkpoint of the future", reported_by: "I4", tamper: future_checkpoint },
    Case { name: "a client saw it early", reported_by: "I4", tamper: seen_before_durable },
    Case { name: "acknowledged before it was taken", reported_by: "I4", tamper: acked_early },
    Case { name: "sent before its cause was taken", reported_by: "I4", tamper: sent_early },
    Case { name: "an append past the fence", reported_by: "I1", tamper: let_in },
    Case { name: "an answer beside the owner", reported_by: "I1", tamper: beside },
    Case { name: "an order that was refused", reported_by: "I12", tamper: refused },
    Case { name: "a command in a closed window", reported_by: "I10", tamper: window_closed },
    Case { name: "a queue over its limit", reported_by: "I10", tamper: deep },
];

/// A shard with a few frames.
fn frames(journals: &mut Journals) -> &mut Vec<Frame> {
    journals.shards.iter_mut().max_by_key(|frames| frames.len()).unwrap()
}

fn old_epoch(journals: &mut Journals, given: &mut Given) {
    given.owners.clear();
    frames(journals)[0].header.epoch = 2;
}

fn two_owners(_: &mut Journals, given: &mut Given) {
    given.owners.push(Owned { shard: ShardId(0), epoch: 1, node: 1 });
}

fn unowned(_: &mut Journals, given: &mut Given) {
    given.owners.iter_mut().for_each(|owned| owned.epoch = 2);
}

fn no_frame(journals: &mut Journals, _: &mut Given) {
    frames(journals).remove(1);
}

fn swapped(journals: &mut Journals, _: &mut Given) {
    frames(journals).swap(1, 2);
}

fn flipped(journals: &mut Journals, _: &mut Given) {
    let frame = frames(journals).last_mut().unwrap();
    *frame.payload.last_mut().unwrap() ^= 1;
}

fn cut_short(journals: &mut Journals, _: &mut Given) {
    let frame = frames(journals).last_mut().unwrap();
    frame.payload.pop();
    *frame = Frame::new(frame.header, frame.payload.clone());
}

fn no_record(journals: &mut Journals, _: &mut Given) {
    rewrite(journals, |records| {
        let frame = records.iter_mut().flatten().find(|frame| !frame[0].events.is_empty());
        frame.unwrap().remove(0);
    });
}

fn no_event(journals: &mut Journals, _: &mut Given) {
    record(journals, |record| record.events.pop().is_some());
}

fn other_prev(journals: &mut Journals, _: &mut Given) {
    record(journals, |record| {
        record.prev += u64::from(record.version > 0);
        record.version > 0
    });
}

fn back_in_time(journals: &mut Journals, _: &mut Given) {
    record(journals, |record| {
        let is_later = record.version > 0;
        if is_later {
            record.at = entity::Timestamp(1);
        }
        is_later
    });
}

fn other_snapshot(journals: &mut Journals, _: &mut Given) {
    let sku = |it: &&mut (entity::EntityKey, entity::Snapshot)| it.0.kind == commerce::kinds::SKU;
    let (_, snapshot) = journals.snapshots.iter_mut().find(sku).unwrap();
    *snapshot.state.bytes.last_mut().unwrap() ^= 1;
}

fn early_snapshot(journals: &mut Journals, _: &mut Given) {
    let (_, snapshot) = journals.snapshots.iter_mut().find(|it| it.1.version > 2).unwrap();
    snapshot.version -= 1;
}

fn no_keys(journals: &mut Journals, _: &mut Given) {
    let cart = |it: &&mut (entity::EntityKey, entity::Snapshot)| it.0.kind == commerce::kinds::CART;
    let (_, snapshot) = journals.snapshots.iter_mut().find(cart).unwrap();
    snapshot.idempotency = entity::IdempotencyWindow::default();
}

fn no_snapshot(journals: &mut Journals, _: &mut Given) {
    journals.snapshots.pop();
}

fn other_title(journals: &mut Journals, _: &mut Given) {
    event::<Sku>(journals, |event| match event {
        sku::Event::Put { title, .. } => {
            title.push('!');
            true
        }
        _ => false,
    });
}

fn other_deadline(journals: &mut Journals, _: &mut Given) {
    record(journals, |record| {
        let known = record.deadline.take();
        known.is_some()
    });
}

fn unreadable(journals: &mut Journals, _: &mut Given) {
    record(journals, |record| {
        record.events.first_mut().map(|event| event.bytes.truncate(1)).is_some()
    });
}

fn seen_early(_: &mut Journals, given: &mut Given) {
    let answer = given.history.ops.last_mut().unwrap().answer.as_mut().unwrap();
    answer.version = Some(1_000);
}

fn seen_before_durable(_: &mut Journals, given: &mut Given) {
    given.durable_us = (0..3).map(|shard| (ShardId(shard), vec![u64::MAX; 1_000])).collect();
}

fn acked_early(journals: &mut Journals, given: &mut Given) {
    given.durable_us = (0..3).map(|shard| (ShardId(shard), vec![9; 1_000])).collect();
    given.history.ops.clear();
    let mut marks = Vec::new();
    rewrite(journals, |records| {
        for (shard, frames) in (0..).map(ShardId).zip(records.iter()) {
            let all = frames.iter().flatten().filter_map(|record| record.mark);
            marks.extend(all.map(|mark| (shard, mark)));
        }
    });
    let acked = |(by, mark): &(ShardId, entity::Mark), at_us| Acked {
        by: *by,
        to: mark.from_shard,
        through: mark.number,
        at_us,
    };
    given.acks = marks.iter().map(|mark| acked(mark, 9)).collect();
    given.acks.push(acked(&marks[0], 8));
}

fn sent_early(journals: &mut Journals, given: &mut Given) {
    given.durable_us = (0..3).map(|shard| (ShardId(shard), vec![9; 1_000])).collect();
    given.history.ops.clear();
    let mut all = Vec::new();
    rewrite(journals, |records| {
        for (by, frames) in (0..).map(ShardId).zip(records.iter()) {
            let sends = frames.iter().flatten().flat_map(|record| &record.sends);
            all.extend(sends.map(|send| (by, send.to_shard, send.number)));
        }
    });
    let sent = |(by, to, through): &(ShardId, ShardId, u64), at_us| Sent {
        by: *by,
        to: *to,
        through: *through,
        at_us,
    };
    given.sent = all.iter().map(|it| sent(it, 9)).collect();
    given.sent.push(sent(&all[0], 8));
}

/// Commits of shard 0 in quick succession; the other shards stand still.
fn window_closed(_: &mut Journals, given: &mut Given) {
    given.stream_window = Some(1);
    let us = |shard: u16| if shard == 0 { vec![1; 1_000] } else { vec![900_000; 1_000] };
    given.durable_us = (0..3).map(|shard| (ShardId(shard), us(shard))).collect();
    // Who saw what when is not the point here.
    given.history.ops.iter_mut().for_each(|op| op.answered_us = op.answered_us.map(|_| u64::MAX));
}

fn let_in(_: &mut Journals, given: &mut Given) {
    given.let_in.push(LetIn { shard: ShardId(0), commit: 2, epoch: 1, newest: 2 });
}

fn beside(_: &mut Journals, given: &mut Given) {
    let old = Owned { shard: ShardId(0), epoch: 1, node: 0 };
    given.beside.push(Beside { old, new: Owned { epoch: 2, node: 1, ..old }, at_us: 7 });
}

fn refused(_: &mut Journals, given: &mut Given) {
    for op in &mut given.history.ops {
        if let (Ask::Place { .. }, Some(answer)) = (&op.ask, &mut op.answer) {
            (answer.status, answer.order, answer.version) = (409, None, None);
        }
    }
}

fn republish(journals: &mut Journals, change: impl FnOnce(&mut ports::CloudEvent)) {
    let (_, _, event) = journals.published.as_mut().unwrap().last_mut().unwrap();
    let mut other = (**event).clone();
    change(&mut other);
    *event = Arc::new(other);
}

fn invented(journals: &mut Journals, _: &mut Given) {
    let id = format!("{}.0:100000", journals.history.0);
    republish(journals, |event| event.id = id);
}

fn no_shard(journals: &mut Journals, _: &mut Given) {
    let id = format!("{}.9:1", journals.history.0);
    republish(journals, |event| event.id = id);
}

fn other_bytes(journals: &mut Journals, _: &mut Given) {
    republish(journals, |event| event.data.push(b' '));
}

fn renumbered(journals: &mut Journals, _: &mut Given) {
    republish(journals, |event| {
        event.data = br#"{"version":999}"#.to_vec();
    });
}

fn reworded(journals: &mut Journals, given: &mut Given) {
    let answers = given.history.ops.iter_mut().filter_map(|op| op.answer.as_mut());
    for answer in answers.filter(|answer| answer.order.is_some()) {
        answer.state = Some("cancelling".into());
    }
    assert!(journals.published.is_some());
}

/// Writes other data for the first event whose data has these words in it.
fn retell(journals: &mut Journals, from: &str, to: &str) {
    let all = journals.published.iter_mut().flatten();
    let mut texts = all.map(|(_, _, event)| {
        let text = String::from_utf8(event.data.clone()).unwrap();
        (event, text)
    });
    let (event, text) = texts.find(|(_, text)| text.contains(from)).unwrap();
    let data = text.replacen(from, to, 1).into_bytes();
    *event = Arc::new(ports::CloudEvent { data, ..(**event).clone() });
}

fn other_amount(journals: &mut Journals, _: &mut Given) {
    retell(journals, r#""total":{"amount":"#, r#""total":{"amount":1"#);
}

fn other_parcel(journals: &mut Journals, _: &mut Given) {
    retell(journals, r#""shipment":1"#, r#""shipment":0"#);
}

fn other_cause(journals: &mut Journals, _: &mut Given) {
    record(journals, |record| match record.sends.first_mut() {
        Some(send) => {
            Arc::make_mut(&mut send.message).cause.request += 1;
            true
        }
        None => false,
    });
}

fn lost_cause(journals: &mut Journals, _: &mut Given) {
    record(journals, |record| {
        let is_led_to = record.mark.is_some() && record.sends.is_empty();
        record.cause.request += u64::from(is_led_to);
        is_led_to
    });
}

fn other_history(journals: &mut Journals, _: &mut Given) {
    republish(journals, |event| event.id = "another.0:1".into());
}

fn future_snapshot(journals: &mut Journals, _: &mut Given) {
    journals.snapshots[0].1.version = 1_000;
}

fn future_checkpoint(journals: &mut Journals, _: &mut Given) {
    journals.checkpoints[0].1.commit_no = 1_000_000;
}

fn deep(_: &mut Journals, given: &mut Given) {
    given.depths.insert("outbox".into(), Depth { max_seen: 9, limit: 8 });
}
