//! Live streams tell each state of an order once, and nothing that is not (interfaces.md 0.6).
//!
//! Over all connections of a client: versions rise, from the one that it said it has; what an
//! event adds to the timeline is what happened since the event before, neither more nor less, as a
//! read of the order shows it; nobody is told to forget what he has, since no state that was shown
//! is ever taken back; and nobody hears of an order that somebody else placed. A stream is
//! answered with 200 whatever the state of its node. `looked_at`: events of orders.

use std::collections::BTreeMap;

use super::facts::{Word, is_done};
use crate::check::Findings;
use crate::history::{Ask, History, Listening, Told};

const NAME: &str = "streams";
/// Entries that an order shows: with as many, older ones may be missing.
const ENTRIES_SHOWN: usize = 50;

/// What is known of orders beside what streams tell.
struct Known<'a> {
    /// Version and entries of the newest read that shows all entries.
    timelines: BTreeMap<&'a str, (u64, &'a [u64])>,
    /// Who was told that he placed it.
    buyers: BTreeMap<&'a str, &'a str>,
}

/// Judges every live stream.
#[must_use]
pub fn check(history: &History) -> Findings {
    let mut findings = Findings::default();
    let known = Known::of(history);
    for stream in &history.streams {
        if let Some(status) = stream.status.filter(|status| *status != 200) {
            let what = format!("the stream of {} is answered {status}", stream.order);
            findings.report(NAME, stream.opened_us.unwrap_or(stream.asked_us), what);
        }
        let buyer = history.buyers.get(&stream.visit).map(String::as_str);
        let mut has: BTreeMap<&str, u64> =
            stream.has.iter().map(|(order, version)| (order.as_str(), *version)).collect();
        for told in &stream.told {
            findings.looked_at += 1;
            let had = has.insert(&told.order, told.version).unwrap_or(0);
            if let Some(fault) = known.fault(stream, buyer, had, told) {
                let what = format!(
                    "the stream of {} that visit {} asked for at {} us: {} at {}, after {had}: {fault}",
                    stream.order, stream.visit, stream.asked_us, told.order, told.version
                );
                findings.report(NAME, told.at_us, what);
            }
        }
    }
    findings
}

impl<'a> Known<'a> {
    fn of(history: &'a History) -> Self {
        let mut known = Self { timelines: BTreeMap::new(), buyers: BTreeMap::new() };
        for op in &history.ops {
            let Some(answer) = &op.answer else { continue };
            match (&op.ask, answer.version, &answer.order) {
                (Ask::GetOrder { order }, Some(version), _)
                    if !answer.entries.is_empty() && answer.entries.len() < ENTRIES_SHOWN =>
                {
                    let newest = known.timelines.entry(order).or_insert((0, &[]));
                    *newest = (*newest).max((version, &answer.entries));
                }
                (Ask::Place { .. }, _, Some(order)) if is_done(answer) => {
                    let buyer = history.buyers.get(&op.visit);
                    known.buyers.extend(buyer.map(|buyer| (order.as_str(), buyer.as_str())));
                }
                _ => {}
            }
        }
        known
    }

    /// What is wrong with an event for a client that had a version of the order.
    fn fault(
        &self,
        stream: &Listening,
        buyer: Option<&str>,
        had: u64,
        told: &Told,
    ) -> Option<String> {
        let Told { order, version, state, entries, is_reset, .. } = told;
        if order.is_empty() || Word::of(state) == Word::Other {
            return Some(format!("it cannot be read, or has no state: {state:?}"));
        }
        if *is_reset {
            return Some("the client is to forget what it has".into());
        }
        if *version <= had {
            return Some("it was told before".into());
        }
        if !stream.all && *order != stream.order {
            return Some("it is another order".into());
        }
        let owner = self.buyers.get(order.as_str()).copied();
        if let (Some(owner), Some(buyer)) = (owner, buyer)
            && owner != buyer
        {
            return Some(format!("it is of {owner}, and told to {buyer}"));
        }
        let is_new = |seq: &u64| *seq > had && *seq <= *version;
        if !entries.iter().all(is_new) || !entries.is_sorted_by(|a, b| a < b) {
            return Some(format!("entries {entries:?} are not what is new"));
        }
        let (read, all) = *self.timelines.get(order.as_str())?;
        let missing: Vec<u64> = all.iter().copied().filter(is_new).collect();
        (*version <= read && missing != *entries)
            .then(|| format!("entries {entries:?}, where a read shows {missing:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Answer, Op};

    #[test]
    fn an_order_is_told_to_its_buyer_alone() {
        let placed = |visit| Op {
            visit,
            intended_us: 0,
            sent_us: 0,
            answered_us: Some(5),
            node: 0,
            key: None,
            over: None,
            ask: Ask::Place { cart: format!("c{visit}"), lines: vec![(0, 1)], offer: None },
            answer: Some(Answer {
                status: 201,
                order: Some(format!("o{visit}")),
                ..Answer::default()
            }),
        };
        let told = |order: &str| Told {
            order: order.into(),
            version: 3,
            state: "confirmed".into(),
            ..Told::default()
        };
        let mut history = History {
            buyers: [(1, "ada".to_owned()), (2, "bob".to_owned())].into(),
            ops: vec![placed(1), placed(2)],
            streams: vec![Listening {
                visit: 1,
                order: "o1".into(),
                all: true,
                told: vec![told("o1")],
                ..Listening::default()
            }],
            ..History::default()
        };
        assert!(check(&history).is_clean());
        history.streams[0].told.push(told("o2"));
        let findings = check(&history);
        assert_eq!((findings.looked_at, findings.violations.len()), (2, 1));
        assert!(findings.violations[0].what.ends_with("it is of bob, and told to ada"));
    }
}
