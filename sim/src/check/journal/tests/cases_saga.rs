//! Tampering with messages, idempotency and sagas (I5, I7, I11, I12), and with what clients were
//! answered.

use std::sync::Arc;

use codec::{pack, unpack};
use commerce::cart::{self, Cart};
use commerce::customer::{self, Customer};
use commerce::kinds;
use commerce::order::{Fact, FulfilmentStatus, Order};
use commerce::shipment::{self, Shipment};
use entity::{DeadLetter, DeadLetterChange, Quarantine, RecordSource};

use super::Case;
use super::rig::tenant;
use super::tamper::{drop_event, event, record, rewrite};
use crate::check::journal::{Given, Journals};
use crate::history::Ask;

pub(super) const CASES: &[Case] = &[
    Case { name: "a mark twice", reported_by: "I5", tamper: mark_twice },
    Case { name: "a mark is gone", reported_by: "I5", tamper: no_mark },
    Case { name: "a message that was never sent", reported_by: "I5", tamper: no_send },
    Case { name: "another entity took it", reported_by: "I5", tamper: other_taker },
    Case { name: "the last message is not taken", reported_by: "I5", tamper: untaken },
    Case { name: "a dead letter out of count", reported_by: "I5", tamper: letter_number },
    Case { name: "an event is not published", reported_by: "I5", tamper: unpublished },
    Case { name: "a place of a stream twice", reported_by: "I5", tamper: place_twice },
    Case { name: "published out of order", reported_by: "I5", tamper: misordered },
    Case { name: "two effects for a key", reported_by: "I7", tamper: kept_twice },
    Case { name: "two orders for a key", reported_by: "I7", tamper: two_orders },
    Case { name: "placed twice", reported_by: "I7", tamper: placed_twice },
    Case { name: "a number twice", reported_by: "I7", tamper: number_twice },
    Case { name: "kept for a moment only", reported_by: "I7", tamper: kept_briefly },
    Case { name: "a refusal kept for a moment only", reported_by: "I7", tamper: refused_briefly },
    Case { name: "what a carrier saw is forgotten", reported_by: "promised", tamper: forgotten },
    Case { name: "a parcel arrived by the clock", reported_by: "arrivals", tamper: by_the_clock },
    Case { name: "an order by the clock", reported_by: "arrivals", tamper: order_by_the_clock },
    Case { name: "an event says another word", reported_by: "words", tamper: other_word },
    Case { name: "a client got two orders", reported_by: "I7", tamper: told_two },
    Case { name: "an order stays half way", reported_by: "I11", tamper: half_way },
    Case { name: "a cart stays frozen", reported_by: "I11", tamper: still_frozen },
    Case { name: "a shipment was not told", reported_by: "I11", tamper: untold_shipment },
    Case { name: "a compensation stays open", reported_by: "I11", tamper: open_step },
    Case { name: "an order waits for long", reported_by: "prompt", tamper: half_way },
    Case { name: "an order unknown to its buyer", reported_by: "customers", tamper: unknown_order },
    Case { name: "a cart unknown to its buyer", reported_by: "customers", tamper: unknown_cart },
    Case { name: "a quarantine", reported_by: "I11", tamper: quarantine },
    Case { name: "a dead letter", reported_by: "I11", tamper: dead_letter },
    Case { name: "an order of another generation", reported_by: "I12", tamper: generation },
    Case { name: "an order without its cart", reported_by: "I12", tamper: no_cart },
    Case { name: "a held cart changes", reported_by: "I12", tamper: cart_changes },
    Case { name: "shown in another state", reported_by: "conflicts", tamper: other_state },
    Case { name: "an acked order is gone", reported_by: "conflicts", tamper: lost_order },
    Case { name: "an acked order has other lines", reported_by: "conflicts", tamper: other_lines },
];

fn mark_twice(journals: &mut Journals, _: &mut Given) {
    rewrite(journals, |records| {
        let frames = records.iter_mut().flatten();
        let (frame, at) = frames
            .filter_map(|frame| {
                let at = frame.iter().position(|it| it.mark.is_some())?;
                Some((frame, at))
            })
            .next()
            .unwrap();
        let mut again = frame[at].clone();
        again.events.clear();
        again.sends.clear();
        frame.insert(at + 1, again);
    });
}

fn no_mark(journals: &mut Journals, _: &mut Given) {
    record(journals, |record| record.mark.take().is_some());
}

fn no_send(journals: &mut Journals, _: &mut Given) {
    record(journals, |record| record.sends.pop().is_some());
}

fn other_taker(journals: &mut Journals, _: &mut Given) {
    record(journals, |record| {
        let is_it = record.mark.is_some() && record.key.kind == kinds::ORDER;
        if is_it {
            record.key.kind = kinds::CART;
        }
        is_it
    });
}

fn untaken(journals: &mut Journals, _: &mut Given) {
    rewrite(journals, |records| {
        let last = records.iter_mut().flatten().rev().find_map(|frame| {
            let at = frame.iter().rposition(|record| record.mark.is_some())?;
            Some(frame.remove(at))
        });
        assert!(last.is_some());
    });
}

fn letter(journals: &mut Journals, number: u64) {
    rewrite(journals, |records| {
        let own = records.iter().flatten().flatten();
        let message = own.flat_map(|record| &record.sends).next().unwrap().message.clone();
        let mark = records.iter_mut().flatten().flatten().find(|it| it.mark.is_some()).unwrap();
        let letter = DeadLetter { message, reason: "tampered".into() };
        mark.dead_letter = Some(Box::new(DeadLetterChange::Kept(number, letter)));
    });
}

fn letter_number(journals: &mut Journals, _: &mut Given) {
    letter(journals, 2);
}

fn dead_letter(journals: &mut Journals, _: &mut Given) {
    letter(journals, 1);
}

fn unpublished(journals: &mut Journals, _: &mut Given) {
    let published = journals.published.as_mut().unwrap();
    published.remove(published.len() - 2);
}

fn place_twice(journals: &mut Journals, _: &mut Given) {
    let published = journals.published.as_mut().unwrap();
    let mut places: Vec<_> = published.iter_mut().filter(|it| it.0 == "ORDERS").collect();
    places[2].1 = 2;
}

fn misordered(journals: &mut Journals, _: &mut Given) {
    let published = journals.published.as_mut().unwrap();
    let first = published.iter().position(|(_, _, event)| event.event_type == "order.placed");
    let first = first.unwrap();
    let key = published[first].2.key.clone();
    let next = published.iter().skip(first + 1).position(|(_, _, event)| event.key == key);
    let next = first + 1 + next.unwrap();
    let (one, other) = (Arc::clone(&published[first].2), Arc::clone(&published[next].2));
    published[first].2 = other;
    published[next].2 = one;
}

fn kept_twice(journals: &mut Journals, _: &mut Given) {
    let mut first = None;
    record(journals, |record| match (&first, &record.kept) {
        (None, Some(kept)) => {
            first = Some((record.key.clone(), kept.clone()));
            false
        }
        (Some((key, kept)), None) if *key == record.key => {
            record.kept = Some(kept.clone());
            true
        }
        _ => false,
    });
}

fn two_orders(journals: &mut Journals, _: &mut Given) {
    let mut first = None;
    record(journals, |record| match (&first, record.kept.as_deref_mut()) {
        (None, Some((key, _))) => {
            first = Some(*key);
            false
        }
        (Some(first), Some((key, _))) => {
            *key = *first;
            true
        }
        _ => false,
    });
}

fn kept_briefly(journals: &mut Journals, _: &mut Given) {
    record(journals, |record| match record.kept.as_deref_mut() {
        Some((_, kept)) if kept.outcome.is_ok() => {
            kept.expires_at = kept.at.plus_ms(600_000);
            true
        }
        Some(_) | None => false,
    });
}

fn refused_briefly(journals: &mut Journals, _: &mut Given) {
    record(journals, |record| match record.kept.as_deref_mut() {
        Some((_, kept)) => {
            kept.outcome = kept.outcome.clone().and_then(Err);
            kept.expires_at = kept.at.plus_ms(60_000);
            true
        }
        None => false,
    });
}

/// It was seen to arrive before it left, and nothing says so afterwards.
fn forgotten(journals: &mut Journals, _: &mut Given) {
    untold_shipment_scans(journals);
    record(journals, |record| {
        let at = record.events.iter().position(|packed| {
            let event = unpack::<shipment::Event>(packed);
            event.is_ok_and(|it| it.fact == shipment::Fact::Dispatched)
        });
        let Some(at) = at.filter(|_| record.key.kind == kinds::SHIPMENT) else { return false };
        let left: shipment::Event = unpack(&record.events[at]).unwrap();
        let seen = shipment::Fact::Delivered { event_id: "early".into(), at: record.at };
        let fact = shipment::Fact::Noted(Box::new(seen));
        record.events.insert(at, pack(&shipment::Event { fact, ..left }).unwrap());
        true
    });
}

fn other_word(journals: &mut Journals, _: &mut Given) {
    event::<Order>(journals, |event| {
        event.after.fulfilment = FulfilmentStatus::Delivered;
        true
    });
}

fn unknown_order(journals: &mut Journals, _: &mut Given) {
    drop_event::<Customer>(journals, |event| {
        matches!(event, customer::Event::OrderRecorded { .. })
    });
}

fn unknown_cart(journals: &mut Journals, _: &mut Given) {
    drop_event::<Customer>(journals, |event| matches!(event, customer::Event::CartOpened { .. }));
}

fn placed_twice(journals: &mut Journals, _: &mut Given) {
    super::tamper::repeat_event::<Order>(journals, |event| matches!(event.fact, Fact::Placed(_)));
}

fn number_twice(journals: &mut Journals, _: &mut Given) {
    let mut first = None;
    event::<Order>(journals, |event| match (&mut event.fact, first) {
        (Fact::Numbered { number }, None) => {
            first = Some(*number);
            false
        }
        (Fact::Numbered { number }, Some(first)) => {
            *number = first;
            true
        }
        _ => false,
    });
}

fn told_two(_: &mut Journals, given: &mut Given) {
    for op in given.history.ops.iter_mut().filter(|op| op.key.is_some()) {
        op.key = Some("the same".into());
    }
}

fn half_way(journals: &mut Journals, _: &mut Given) {
    drop_event::<Order>(journals, |event| matches!(event.fact, Fact::Confirmed { .. }));
}

fn still_frozen(journals: &mut Journals, _: &mut Given) {
    drop_event::<Cart>(journals, |event| matches!(event, cart::Event::Ordered));
}

fn by_the_clock(journals: &mut Journals, _: &mut Given) {
    event::<Shipment>(journals, |event| {
        let shipment::Fact::Delivered { at, .. } = &mut event.fact else { return false };
        *at = at.plus_ms(1);
        true
    });
}

fn order_by_the_clock(journals: &mut Journals, _: &mut Given) {
    event::<Order>(journals, |event| {
        let Fact::Delivered { at, .. } = &mut event.fact else { return false };
        *at = at.plus_ms(1);
        true
    });
}

fn untold_shipment(journals: &mut Journals, _: &mut Given) {
    let is_left = |event: &shipment::Event| matches!(event.fact, shipment::Fact::Dispatched);
    drop_event::<Shipment>(journals, is_left);
    untold_shipment_scans(journals);
}

/// No scan says that a parcel moves or arrived.
fn untold_shipment_scans(journals: &mut Journals) {
    let is_there = |event: &shipment::Event| {
        matches!(event.fact, shipment::Fact::Delivered { .. } | shipment::Fact::InTransit { .. })
    };
    drop_event::<Shipment>(journals, is_there);
}

fn open_step(journals: &mut Journals, _: &mut Given) {
    drop_event::<Order>(journals, |event| matches!(event.fact, Fact::Compensated { .. }));
}

fn quarantine(journals: &mut Journals, given: &mut Given) {
    given.n_planted = 0;
    rewrite(journals, |records| {
        let frame = records.iter_mut().flatten().next().unwrap();
        let mut imposed = frame[0].clone();
        imposed.source = RecordSource::Runtime;
        imposed.events.clear();
        imposed.sends.clear();
        imposed.quarantine = Some(Box::new(Quarantine::Imposed { reason: "tampered".into() }));
        frame.push(imposed);
    });
}

fn generation(journals: &mut Journals, _: &mut Given) {
    event::<Order>(journals, |event| match &mut event.fact {
        Fact::Placed(terms) => {
            Arc::make_mut(terms).generation += 1;
            true
        }
        _ => false,
    });
}

fn no_cart(journals: &mut Journals, _: &mut Given) {
    drop_event::<Cart>(journals, |event| matches!(event, cart::Event::Frozen(_)));
}

fn cart_changes(journals: &mut Journals, _: &mut Given) {
    record(journals, |record| {
        let is_frozen = |packed| matches!(unpack(packed), Ok(cart::Event::Frozen(_)));
        let at = record.events.iter().position(is_frozen);
        if let Some(at) = at {
            let change = cart::Event::LineDeleted { sku: "a".into() };
            record.events.insert(at + 1, pack(&change).unwrap());
        }
        at.is_some()
    });
}

fn other_state(_: &mut Journals, given: &mut Given) {
    let answer = given.history.ops[0].answer.as_mut().unwrap();
    answer.state = Some("completed".into());
}

fn lost_order(_: &mut Journals, given: &mut Given) {
    let other = commerce::keys::order(&commerce::keys::cart(&tenant(), "none"), 1);
    let answer = given.history.ops[0].answer.as_mut().unwrap();
    answer.order = Some(other.public(commerce::keys::ORDER_PREFIX));
}

fn other_lines(_: &mut Journals, given: &mut Given) {
    let Ask::Place { lines, .. } = &mut given.history.ops[0].ask else { panic!("a placing") };
    lines[0].1 += 1;
}

#[test]
fn what_the_plan_planted_is_no_finding() {
    let (mut journals, mut given) = super::rig::good();
    quarantine(&mut journals, &mut given);
    given.n_planted = 1;
    let world = crate::check::journal::World::new(journals, given);
    assert_eq!(super::check("I11", &world).violations, []);
}

#[test]
fn an_order_that_was_not_placed_yet_is_no_conflict_while_faults_last() {
    let (mut journals, mut given) = super::rig::good();
    given.is_healed = false;
    given.history.ops.truncate(1);
    let answer = given.history.ops[0].answer.as_mut().unwrap();
    (answer.version, answer.state) = (None, None);
    let order = answer.order.clone().unwrap();
    let order = commerce::keys::parse_order(&tenant(), &order).unwrap();
    rewrite(&mut journals, |records| {
        for frame in records.iter_mut().flatten() {
            frame.retain(|record| record.key != order);
        }
    });
    let early = crate::check::journal::World::new(journals.clone(), given.clone());
    assert_eq!(super::check("conflicts", &early).violations, []);
    given.is_healed = true;
    let late = crate::check::journal::World::new(journals, given);
    assert_eq!(super::check("conflicts", &late).violations.len(), 1);
}
