//! A book of addresses shows what was written into it: of each address what the last write says
//! that was answered, or one that is under way.
//!
//! One visit writes an address, one request after the other, each over the version that it was
//! shown; so a write that was done leaves nothing to an earlier one that nobody answered. Versions
//! never go back, and what was deleted comes back by no earlier write. `looked_at`: addresses that
//! answers show, and those that they might have shown.

use std::collections::BTreeMap;

use super::facts::{Effect, effect, is_done};
use super::index::by_sent;
use crate::check::Findings;
use crate::history::{Ask, History, Look, Op};

const NAME: &str = "addresses";

/// A write that was done, or may be: what it leaves; `None`: nothing.
struct Write {
    sent_us: u64,
    /// `None`: nobody knows whether it was done.
    done_us: Option<u64>,
    house: Option<u32>,
}

/// What an answer shows of an address.
struct Sight {
    sent_us: u64,
    answered_us: u64,
    /// Version and house; `None`: it is not there.
    shown: Option<(u64, u32)>,
}

#[derive(Default)]
struct Address<'a> {
    user: Option<&'a str>,
    writes: Vec<Write>,
    sights: Vec<Sight>,
}

/// Judges every answer that shows addresses.
#[must_use]
pub fn check(history: &History) -> Findings {
    let mut findings = Findings::default();
    for (id, address) in &addresses(history) {
        address.judge(id, &mut findings);
    }
    findings
}

/// The addresses that somebody wrote, each with what was written and shown.
fn addresses(history: &History) -> BTreeMap<&str, Address<'_>> {
    let mut addresses: BTreeMap<&str, Address<'_>> = BTreeMap::new();
    let mut visits: BTreeMap<u32, &str> = BTreeMap::new();
    for op in by_sent(history) {
        if let Ask::Look(Look::Addresses { user }) = &op.ask {
            visits.entry(op.visit).or_insert(user);
        }
        let (id, house) = match &op.ask {
            Ask::PutAddress { id, house } => (id.as_str(), Some(*house)),
            Ask::DeleteAddress { id } => (id.as_str(), None),
            _ => continue,
        };
        let address = addresses.entry(id).or_default();
        let effect = effect(op);
        if effect != Effect::None {
            let done_us = op.answered_us.filter(|_| effect == Effect::Done);
            address.writes.push(Write { sent_us: op.sent_us, done_us, house });
        }
        address.sights.extend(sight(op, id));
    }
    let writers = history.ops.iter().filter_map(|op| match &op.ask {
        Ask::PutAddress { id, .. } => Some((id.as_str(), *visits.get(&op.visit)?)),
        _ => None,
    });
    for (id, user) in writers.collect::<Vec<_>>() {
        addresses.entry(id).or_default().user = Some(user);
    }
    for op in by_sent(history) {
        let Ask::Look(Look::Addresses { user }) = &op.ask else { continue };
        let own = addresses.iter_mut().filter(|(_, address)| address.user == Some(user));
        own.for_each(|(id, address)| address.sights.extend(sight(op, id)));
    }
    addresses
}

/// What the answer shows of the address, if it shows addresses.
fn sight(op: &Op, id: &str) -> Option<Sight> {
    let answer = op.answer.as_ref().filter(|answer| is_done(answer))?;
    let answered_us = op.answered_us?;
    let saved = answer.addresses.iter().find(|saved| saved.id == id);
    let shown = saved.map(|saved| (saved.version, saved.house));
    let is_book = matches!(op.ask, Ask::Look(_));
    (is_book || shown.is_some()).then_some(Sight { sent_us: op.sent_us, answered_us, shown })
}

impl Address<'_> {
    fn judge(&self, id: &str, findings: &mut Findings) {
        for sight in &self.sights {
            findings.looked_at += 1;
            let house = sight.shown.map(|(_, house)| house);
            if !self.possible(sight).contains(&house) {
                let what = format!(
                    "{id} is shown as {house:?} between {} and {} us, and may be {:?}",
                    sight.sent_us,
                    sight.answered_us,
                    self.possible(sight)
                );
                findings.report(NAME, sight.answered_us, what);
            }
            let version = sight.shown.map(|(version, _)| version);
            let before = self.sights.iter().filter(|it| it.answered_us < sight.sent_us);
            let newest = before.filter_map(|it| it.shown.map(|(version, _)| version)).max();
            if version.is_some() && version < newest {
                let what = format!("{id} is shown at {version:?} after it was at {newest:?}");
                findings.report(NAME, sight.answered_us, what);
            }
        }
    }

    /// What it may be while it is looked at.
    fn possible(&self, sight: &Sight) -> Vec<Option<u32>> {
        let sure = self
            .writes
            .iter()
            .filter(|write| write.done_us.is_some_and(|done_us| done_us < sight.sent_us));
        // The last one that is known to be done: none that was sent before it counts any more.
        let last = sure.max_by_key(|write| write.sent_us);
        let since_us = last.map_or(0, |write| write.sent_us);
        let first = last.and_then(|write| write.house);
        let later = self.writes.iter().filter(|write| {
            // A first write that nobody answered may arrive once there is nothing again.
            let may_be_late = last.is_none() || (first.is_none() && write.done_us.is_none());
            write.sent_us <= sight.answered_us && (write.sent_us > since_us || may_be_late)
        });
        [first].into_iter().chain(later.map(|write| write.house)).collect()
    }
}
