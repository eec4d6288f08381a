//! No version that anyone saw goes back (I4), and a version is one state.
//!
//! Per order, SKU and cart: an answer that shows how the entity stands shows a version at least as
//! new as every answer that had arrived before the request was sent. Answers that show how it
//! stood earlier (placing, repeats) only raise what later ones must show. Of an order two answers
//! with one version show one state. Events of live streams count as answers to whoever opened
//! them. `looked_at`: answers with a version.

use std::collections::BTreeMap;

use super::facts::{Word, is_done, shown};
use crate::check::Findings;
use crate::history::{Ask, History, Listening, Look, Op};

/// An entity with versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Entity<'a> {
    Order(&'a str),
    Sku(u32),
    Cart(&'a str),
}

/// What somebody saw of an entity, and the state of an order.
type Heard<'a> = (Entity<'a>, Seen, Option<(&'a str, Word)>);

struct Seen {
    sent_us: u64,
    answered_us: u64,
    version: u64,
    fresh: bool,
}

/// Judges the versions that answers show.
#[must_use]
pub fn check(history: &History) -> Findings {
    let mut findings = Findings::default();
    let mut by_entity: BTreeMap<Entity<'_>, Vec<Seen>> = BTreeMap::new();
    let mut words: BTreeMap<(&str, u64), Word> = BTreeMap::new();
    let answers = history.ops.iter().filter_map(|op| {
        let (entity, seen) = seen(op)?;
        Some((entity, seen, shown(op).and_then(|shown| Some((shown.order, shown.word?)))))
    });
    let others = history.ops.iter().flat_map(listed);
    let others = others.chain(history.streams.iter().flat_map(heard));
    for (entity, seen, told) in answers.chain(others) {
        findings.looked_at += 1;
        if let Some((order, word)) = told {
            let first = *words.entry((order, seen.version)).or_insert(word);
            if first != word {
                let what = format!(
                    "order {order}, version {}: {first:?} and {word:?} were seen",
                    seen.version
                );
                findings.report("I4", seen.answered_us, what);
            }
        }
        by_entity.entry(entity).or_default().push(seen);
    }
    for (entity, seen) in by_entity {
        judge(entity, seen, &mut findings);
    }
    findings
}

/// Each fresh answer against the newest version that had been answered when it was asked for.
fn judge(entity: Entity<'_>, mut asked: Vec<Seen>, findings: &mut Findings) {
    let mut answered: Vec<_> = asked.iter().map(|seen| (seen.answered_us, seen.version)).collect();
    answered.sort_unstable();
    asked.sort_by_key(|seen| seen.sent_us);
    let mut answered = answered.into_iter().peekable();
    let (mut newest, mut newest_us) = (0, 0);
    for seen in asked {
        while let Some((at_us, version)) = answered.next_if(|(at_us, _)| *at_us < seen.sent_us) {
            if version > newest {
                (newest, newest_us) = (version, at_us);
            }
        }
        if seen.fresh && seen.version < newest {
            let what = format!(
                "{entity:?}: version {} asked for at {} us, after {newest} was seen at {newest_us} us",
                seen.version, seen.sent_us
            );
            findings.report("I4", seen.answered_us, what);
        }
    }
}

/// What the events of a live stream show.
fn heard(stream: &Listening) -> impl Iterator<Item = Heard<'_>> {
    stream.told.iter().filter(|told| !told.order.is_empty()).map(|told| {
        let (sent_us, answered_us, version) = (stream.asked_us, told.at_us, told.version);
        let seen = Seen { sent_us, answered_us, version, fresh: true };
        let order = told.order.as_str();
        (Entity::Order(order), seen, Some((order, Word::of(&told.state))))
    })
}

/// What a page of a list shows.
fn listed(op: &Op) -> impl Iterator<Item = Heard<'_>> {
    let page = op.answer.as_ref().and_then(|answer| answer.listed.as_ref());
    let page = page.zip(op.answered_us);
    page.into_iter().flat_map(move |(page, answered_us)| {
        page.orders.iter().zip(&page.rows).filter(|(_, row)| row.version > 0).map(
            move |(order, row)| {
                let (sent_us, version) = (op.sent_us, row.version);
                let seen = Seen { sent_us, answered_us, version, fresh: true };
                (Entity::Order(order), seen, Some((order.as_str(), Word::of(&row.state))))
            },
        )
    })
}

fn seen(op: &Op) -> Option<(Entity<'_>, Seen)> {
    let (answer, answered_us) = (op.answer.as_ref()?, op.answered_us?);
    if let (Ask::Look(Look::Wait { order, than, .. }), 200 | 304) = (&op.ask, answer.status) {
        let version = if answer.status == 304 { *than } else { answer.version? };
        let seen = Seen { sent_us: op.sent_us, answered_us, version, fresh: true };
        return Some((Entity::Order(order), seen));
    }
    let version = answer.version?;
    let (entity, fresh) = match &op.ask {
        Ask::Place { .. } | Ask::GetOrder { .. } | Ask::Cancel { .. } | Ask::CancelPart { .. } => {
            let shown = shown(op)?;
            (Entity::Order(shown.order), shown.fresh)
        }
        Ask::GetStock { sku } | Ask::Restock { sku, .. } | Ask::Count { sku, .. } => {
            (Entity::Sku(*sku), !answer.replayed)
        }
        Ask::Look(Look::Goods { sku: Some(sku) }) => (Entity::Sku(*sku), true),
        Ask::PutCart { cart } | Ask::Merge { cart, .. } => (Entity::Cart(cart), !answer.replayed),
        Ask::Quote { cart } | Ask::Look(Look::Cart { cart }) => (Entity::Cart(cart), true),
        Ask::Advance { .. }
        | Ask::Freeze { .. }
        | Ask::SetPrice { .. }
        | Ask::ListMine { .. }
        | Ask::Reuse { .. }
        | Ask::SignIn { .. }
        | Ask::PutAddress { .. }
        | Ask::DeleteAddress { .. }
        | Ask::Look(_)
        | Ask::Other => return None,
    };
    is_done(answer).then_some(())?;
    Some((entity, Seen { sent_us: op.sent_us, answered_us, version, fresh }))
}
