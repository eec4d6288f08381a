//! What a published event says in its data, read as a consumer reads it: not by the code that
//! writes it.
//!
//! Its version is that of the event; of an order the status is the one that clients were shown at
//! that version, its other words are those of its record, parcels count from 1, and amounts are
//! those of the record. `looked_at`: published events.

use std::collections::BTreeMap;

use codec::unpack;
use commerce::order::{self, Fact};
use commerce::{keys, kinds};
use ports::CloudEvent;
use serde::Deserialize;

use super::i04_nothing_early::place;
use super::{Findings, World};
use crate::history::History;

/// The data, as far as any kind has it.
#[derive(Deserialize)]
struct Data {
    version: Option<u64>,
    status: Option<String>,
    on_hold: Option<bool>,
    payment_status: Option<String>,
    fulfilment_status: Option<String>,
    shipment: Option<u32>,
    scanned: Option<bool>,
    amount: Option<Amount>,
    placed: Option<Placed>,
}

/// An amount of money.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Amount {
    amount: i64,
    currency: String,
}

/// What a placing says of itself.
#[derive(Deserialize)]
struct Placed {
    total: Amount,
    payable: Amount,
    lines: Vec<Line>,
}

/// A line of it.
#[derive(Deserialize)]
struct Line {
    sku: String,
    qty: u32,
    unit_price: Amount,
}

/// Judges the data of everything that was published.
#[must_use]
pub fn check(world: &World) -> Findings {
    let mut found = world.findings("bus_data");
    let shown = shown(&world.given.history);
    for (_, _, event) in world.journals.published.iter().flatten() {
        let Ok(data) = serde_json::from_slice::<Data>(&event.data) else {
            found.fail(format!("{}: its data cannot be read", event.id));
            continue;
        };
        found.judge(data.version == Some(event.version), || {
            format!("{}: {:?} in the data of version {}", event.id, data.version, event.version)
        });
        let is_order = event.subject.starts_with(keys::ORDER_PREFIX);
        let wanted = shown.get(&(event.subject.as_str(), event.version));
        if let (true, Some(wanted)) = (is_order, wanted) {
            found.judge(data.status.as_deref() == Some(*wanted), || {
                let (subject, version) = (&event.subject, event.version);
                format!("{subject} at {version}: {wanted} to clients, {:?} here", data.status)
            });
        }
        if let Some(recorded) = recorded(world, event) {
            found.judge(is_told(&data, &recorded), || {
                let data = String::from_utf8_lossy(&event.data);
                format!("{} tells of {recorded:?} as {data}", event.id)
            });
        }
    }
    found
}

/// The event of an order as it was recorded.
fn recorded(world: &World, event: &CloudEvent) -> Option<order::Event> {
    let (shard, seq) = place(&world.journals.history.0, &event.id)?;
    let events = world.decoded.events.get(usize::from(shard.0))?;
    let (row, index) = events.get(usize::try_from(seq.checked_sub(1)?).ok()?)?;
    let record = &world.decoded.records[*row].record;
    let packed = record.events.get(*index).filter(|_| record.key.kind == kinds::ORDER)?;
    unpack(packed).ok()
}

/// Whether the data of an order says what was recorded.
fn is_told(data: &Data, recorded: &order::Event) -> bool {
    let after = &recorded.after;
    let has_words = data.on_hold == Some(after.on_hold)
        && data.status.as_deref() == Some(after.status.word())
        && data.payment_status.as_deref() == Some(after.payment.word())
        && data.fulfilment_status.as_deref() == Some(after.fulfilment.word());
    let is_of = |parcel: u16| data.shipment == Some(u32::from(parcel) + 1);
    let has_amount = |amount: &commerce::money::Money| {
        let told = data.amount.as_ref();
        told.is_some_and(|it| it.amount == amount.minor && it.currency == amount.ccy.code())
    };
    let is_scan = matches!(recorded.fact, Fact::InTransit { .. });
    has_words
        && data.scanned == is_scan.then_some(true)
        && match &recorded.fact {
            Fact::Placed(terms) => data.placed.as_ref().is_some_and(|it| is_placed(it, terms)),
            Fact::Dispatched { parcel, .. }
            | Fact::InTransit { parcel, .. }
            | Fact::Delivered { parcel, .. }
            | Fact::DispatchReleased { parcel, .. }
            | Fact::CodRefused { parcel } => is_of(*parcel),
            Fact::CashCollected { parcel, amount, .. } => is_of(*parcel) && has_amount(amount),
            Fact::MoneyReturned { amount, .. } => has_amount(amount),
            _ => true,
        }
}

/// Whether a placing tells of these terms: its total is what its tenders pay, and what they leave.
fn is_placed(told: &Placed, terms: &order::Terms) -> bool {
    let priced = &terms.priced;
    let lines = told.lines.iter().map(|line| (&*line.sku, line.qty, line.unit_price.amount));
    let of_terms = priced.lines.iter().map(|line| (&*line.sku, line.qty.get(), line.unit_price));
    told.total.amount == priced.totals.payable + priced.totals.tenders
        && told.payable.amount == priced.totals.payable
        && [&told.total, &told.payable].iter().all(|it| it.currency == priced.ccy.code())
        && lines.eq(of_terms)
}

/// The words that answers and streams showed, by order and version.
fn shown(history: &History) -> BTreeMap<(&str, u64), &str> {
    let answers = history.ops.iter().filter_map(|op| {
        let answer = op.answer.as_ref().filter(|answer| answer.status / 100 == 2)?;
        let key = (answer.order.as_deref()?, answer.version?);
        Some((key, answer.state.as_deref()?))
    });
    let told = history.streams.iter().flat_map(|stream| &stream.told);
    let told = told.filter(|told| !told.order.is_empty());
    let told = told.map(|told| ((told.order.as_str(), told.version), told.state.as_str()));
    answers.chain(told).collect()
}
