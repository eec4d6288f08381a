//! Conditional writes (interfaces.md 1): a write names the version that it replaces, and is done
//! over no other.
//!
//! - None is done once a newer version had been seen, and nothing is made that was seen to be
//!   there. This holds for orders and addresses, too; what follows, for carts and prices.
//! - Over one version one write is done, and one that is done shows the version that it named,
//!   if it changed nothing, or the next one, which it made: never what another one made of that.
//! - Who is refused (412) is told another version than the one that he named.
//! - A version of a cart holds one content.
//!
//! `looked_at`: conditional writes that were answered, and contents.

use std::collections::BTreeMap;

use super::facts::is_done;
use crate::check::Findings;
use crate::history::{Answer, Ask, History, Look, Op, Over};

const NAME: &str = "conditions";

/// What is written under conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Thing<'a> {
    Cart(&'a str),
    Price(u32),
    Order(&'a str),
    Address(&'a str),
}

impl Thing<'_> {
    /// Whether each write makes the next version, and shows what it made.
    const fn counts_writes(self) -> bool {
        matches!(self, Self::Cart(_) | Self::Price(_))
    }
}

/// A conditional write that was done.
struct Done {
    sent_us: u64,
    answered_us: u64,
    over: Over,
    version: u64,
}

#[derive(Default)]
struct Facts {
    /// Versions that answers showed, with the times at which they came.
    seen: Vec<(u64, u64)>,
    done: Vec<Done>,
}

/// Judges every conditional write.
#[must_use]
pub fn check(history: &History) -> Findings {
    let mut findings = Findings::default();
    let mut things: BTreeMap<Thing<'_>, Facts> = BTreeMap::new();
    let mut contents: BTreeMap<(&str, u64), &[(u32, u32)]> = BTreeMap::new();
    for op in &history.ops {
        let (Some(answer), Some(answered_us)) = (&op.answer, op.answered_us) else { continue };
        for (thing, version) in shown(op, answer) {
            things.entry(thing).or_default().seen.push((answered_us, version));
        }
        if let Some((cart, version)) = cart_of(op, answer).zip(answer.version) {
            findings.looked_at += 1;
            let first = *contents.entry((cart, version)).or_insert(&answer.lines);
            if first != answer.lines {
                let what = format!("{cart} at {version}: {first:?} and {:?}", answer.lines);
                findings.report(NAME, answered_us, what);
            }
        }
        let (Some(thing), Some(over)) = (written(op), op.over) else { continue };
        findings.looked_at += 1;
        let is_own = over == Over::Version(answer.version.unwrap_or(0));
        if answer.status == 412 && is_own {
            let what = format!("{thing:?}: {over:?} is refused, and it is {over:?}");
            findings.report(NAME, answered_us, what);
        }
        // A repeat was decided on when it was first asked.
        if let Some(version) = answer.version.filter(|_| is_done(answer) && !answer.replayed) {
            let done = Done { sent_us: op.sent_us, answered_us, over, version };
            things.entry(thing).or_default().done.push(done);
        }
    }
    for (thing, facts) in &things {
        facts.judge(*thing, &mut findings);
    }
    findings
}

impl Facts {
    fn judge(&self, thing: Thing<'_>, findings: &mut Findings) {
        for done in &self.done {
            let over = match done.over {
                Over::Nothing => 0,
                Over::Version(version) => version,
            };
            let newer = self.seen.iter().find(|(at, seen)| *at < done.sent_us && *seen > over);
            if let Some((seen_us, seen)) = newer {
                let what = format!(
                    "{thing:?}: a write over {:?}, sent at {} us, is done; {seen} was seen at \
                     {seen_us} us",
                    done.over, done.sent_us
                );
                findings.report(NAME, done.answered_us, what);
            }
            let is_next = (over..=over + 1).contains(&done.version);
            if thing.counts_writes() && matches!(done.over, Over::Version(_)) && !is_next {
                let what = format!("{thing:?}: a write over {over} shows {}", done.version);
                findings.report(NAME, done.answered_us, what);
            }
        }
        if !thing.counts_writes() {
            return;
        }
        let mut moved: BTreeMap<Over, u64> = BTreeMap::new();
        for done in self.done.iter().filter(|done| done.over != Over::Version(done.version)) {
            let n = moved.entry(done.over).or_default();
            *n += 1;
            if *n == 2 {
                let what = format!("{thing:?}: two writes over {:?} are done", done.over);
                findings.report(NAME, done.answered_us, what);
            }
        }
    }
}

/// What a request writes.
fn written(op: &Op) -> Option<Thing<'_>> {
    match &op.ask {
        Ask::PutCart { cart } => Some(Thing::Cart(cart)),
        Ask::SetPrice { sku, .. } => Some(Thing::Price(*sku)),
        Ask::Cancel { order } => Some(Thing::Order(order)),
        Ask::PutAddress { id, .. } => Some(Thing::Address(id)),
        _ => None,
    }
}

/// The cart whose content an answer shows.
fn cart_of<'a>(op: &'a Op, answer: &Answer) -> Option<&'a str> {
    match &op.ask {
        Ask::PutCart { cart } | Ask::Merge { cart, .. } | Ask::Look(Look::Cart { cart })
            if is_done(answer) =>
        {
            Some(cart.as_str()).filter(|_| !answer.lines.is_empty())
        }
        _ => None,
    }
}

/// Versions of what is written that an answer shows.
fn shown<'a>(op: &'a Op, answer: &'a Answer) -> Vec<(Thing<'a>, u64)> {
    let version = answer.version.filter(|_| is_done(answer));
    let one = |thing| version.map(|version| (thing, version)).into_iter().collect();
    match &op.ask {
        Ask::PutCart { cart }
        | Ask::Merge { cart, .. }
        | Ask::Quote { cart }
        | Ask::Look(Look::Cart { cart }) => one(Thing::Cart(cart)),
        Ask::SetPrice { sku, .. } => one(Thing::Price(*sku)),
        Ask::GetOrder { order } => one(Thing::Order(order)),
        Ask::PutAddress { .. } | Ask::Look(Look::Addresses { .. }) => {
            let saved = answer.addresses.iter();
            saved.map(|saved| (Thing::Address(&saved.id), saved.version)).collect()
        }
        Ask::Look(Look::Goods { .. }) => {
            let price =
                |goods: &crate::history::Goods| (Thing::Price(goods.sku), goods.price_version);
            answer.goods.iter().map(price).collect()
        }
        _ => Vec::new(),
    }
}
