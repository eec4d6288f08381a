//! Who waits for news of an order hears of it (I11): once anybody has seen another version than
//! the one that a long poll named, that poll is answered within a moment, while nothing is wrong.
//!
//! A planned move may take the order away for a moment; its new owner is asked then.
//! `looked_at`: long polls in calm times of orders that moved on.

use std::collections::BTreeMap;

use super::facts::shown;
use crate::calm::{Calm, Witness};
use crate::check::Findings;
use crate::history::{Ask, History, Look};

/// How long news may take to a client that waits for it, in us.
const MOMENT_US: u64 = 3_000_000;

/// Judges every long poll.
#[must_use]
pub fn check(calm: &Calm, history: &History) -> Findings {
    let mut findings = Findings::default();
    let news = news(history);
    for op in &history.ops {
        let Ask::Look(Look::Wait { order, than, wait_ms }) = &op.ask else { continue };
        let seen = news.get(order.as_str()).into_iter().flatten();
        let Some(seen_us) = seen.filter(|(_, it)| it > than).map(|(at_us, _)| *at_us).min() else {
            continue;
        };
        let due_us = seen_us.max(op.sent_us) + MOMENT_US;
        // Later than that it is answered anyway: the wait is over.
        let is_due = due_us < op.sent_us + u64::from(*wait_ms) * 1_000
            && calm.holds(Witness::Client(op.node), op.sent_us, due_us);
        if !is_due {
            continue;
        }
        findings.looked_at += 1;
        if op.answered_us.is_none_or(|at_us| at_us > due_us) {
            let what = format!(
                "{order}: who asked node {} at {} us for another version than {than} heard nothing \
                 until {due_us} us, and it was seen at {seen_us} us",
                op.node, op.sent_us
            );
            findings.report("I11", due_us, what);
        }
    }
    findings
}

/// When versions of orders were seen, by anybody.
fn news(history: &History) -> BTreeMap<&str, Vec<(u64, u64)>> {
    let mut news: BTreeMap<&str, Vec<(u64, u64)>> = BTreeMap::new();
    for op in &history.ops {
        let polled = match (&op.ask, &op.answer, op.answered_us) {
            (Ask::Look(Look::Wait { order, .. }), Some(answer), Some(at_us)) => {
                Some((order.as_str(), at_us)).zip(answer.version.filter(|_| answer.status == 200))
            }
            _ => None,
        };
        let read = || {
            let shown = shown(op)?;
            Some(((shown.order, shown.answered_us), shown.version?))
        };
        if let Some(((order, at_us), version)) = polled.or_else(read) {
            news.entry(order).or_default().push((at_us, version));
        }
    }
    for told in history.streams.iter().flat_map(|stream| &stream.told) {
        news.entry(&told.order).or_default().push((told.at_us, told.version));
    }
    news
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Answer, Op};
    use crate::plan::{Fault, FaultKind, Moment};

    /// How many long polls the checker objects to: one that was asked at 30 s for another version
    /// than 3 and may wait for 6 s, of an order that was read in version 4 at `seen_us`.
    fn objections(seen_us: u64, answered_us: Option<u64>, faults: &[Fault]) -> usize {
        let op = |sent_us, answered_us: Option<u64>, ask| Op {
            visit: 1,
            intended_us: sent_us,
            sent_us,
            answered_us,
            node: 0,
            key: None,
            over: None,
            ask,
            answer: answered_us.map(|_| Answer {
                status: 200,
                version: Some(4),
                ..Answer::default()
            }),
        };
        let order = || "o1".to_owned();
        let wait = Look::Wait { order: order(), than: 3, wait_ms: 6_000 };
        let ops = vec![
            op(seen_us - 5, Some(seen_us), Ask::GetOrder { order: order() }),
            op(30_000_000, answered_us, Ask::Look(wait)),
        ];
        check(&Calm::of(faults), &History { ops, ..History::default() }).violations.len()
    }

    #[test]
    fn who_waits_hears_of_it_in_time() {
        assert_eq!(objections(31_000_000, Some(31_500_000), &[]), 0);
        assert_eq!(objections(31_000_000, Some(36_000_000), &[]), 1, "when the time is over");
        assert_eq!(objections(31_000_000, None, &[]), 1, "never");
        assert_eq!(objections(20_000_000, Some(36_000_000), &[]), 1, "it was there before");
        assert_eq!(objections(35_000_000, Some(36_000_000), &[]), 0, "too late to say");
    }

    #[test]
    fn trouble_excuses_who_is_late() {
        let kind = FaultKind::Crash { node: 0, kept_writes: 0 };
        let fault = Fault { id: 1, at_us: 32_000_000, for_ms: 10, moment: Moment::Any, kind };
        assert_eq!(objections(31_000_000, Some(36_000_000), &[fault]), 0);
    }
}
