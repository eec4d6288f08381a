//! Live streams tell in time (I11): of each state that any answer showed, a client with an open
//! stream of that order has heard, or of a later one, within its patience, while nothing is wrong.
//!
//! What it heard on an earlier connection counts; one that ended sooner is excused, and the next
//! one has to tell. The stream of all orders tells of each that its client has, those too that were
//! placed while it was open. But few may end by themselves in calm times other than for a drain or
//! their age, or stay without an answer. The stream of all orders leaves one that is over.
//! `looked_at`: states that had to be told, or were, and streams in calm times.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::shown;
use crate::calm::{Calm, Witness};
use crate::check::Findings;
use crate::history::{Ask, History};

/// Times in us, each with a version.
type Moments = Vec<(u64, u64)>;

/// Streams of a hundred that may fail in calm times: a shard that moves as planned is away for a
/// moment.
const SHARE_PERCENT: u64 = 5;
/// Streams that may fail however few there are.
const FREE: u64 = 2;
/// States after which the stream of all orders tells nothing more of one.
const OVER: [&str; 2] = ["cancelled", "completed"];

/// Judges every live stream against the answers, with the patience of clients in us.
#[must_use]
pub fn check(calm: &Calm, patience_us: u64, history: &History) -> Findings {
    let mut answers: BTreeMap<&str, Moments> = BTreeMap::new();
    for shown in history.ops.iter().filter_map(shown) {
        let moment = shown.version.map(|version| (shown.answered_us, version));
        answers.entry(shown.order).or_default().extend(moment);
    }
    let mut heard: BTreeMap<(u32, &str), Moments> = BTreeMap::new();
    for stream in &history.streams {
        for told in &stream.told {
            let is_over = stream.all && OVER.contains(&told.state.as_str());
            let moment = (told.at_us, if is_over { u64::MAX } else { told.version });
            heard.entry((stream.visit, &told.order)).or_default().push(moment);
        }
    }
    let mut findings = Findings::default();
    failed(calm, patience_us, history, &mut findings);
    let others = lasting(history);
    let orders = history.streams.iter().flat_map(|stream| {
        let buyer = history.buyers.get(&stream.visit).filter(|_| stream.all);
        let others = buyer.and_then(|buyer| others.get(buyer.as_str()));
        let others = others.into_iter().flatten().filter(|order| **order != stream.order);
        [stream.order.as_str()].into_iter().chain(others.copied()).map(move |order| (stream, order))
    });
    for (stream, order) in orders {
        let Some(opened_us) = stream.opened_us else { continue };
        let ended_us = stream.ended_us.unwrap_or(u64::MAX);
        let heard = heard.get(&(stream.visit, order)).map(Vec::as_slice).unwrap_or_default();
        for (seen_us, version) in answers.get(order).into_iter().flatten() {
            let from_us = opened_us.max(*seen_us);
            // Trouble excuses who is late for as long as it is felt, and not for good.
            let witness = Witness::Client(stream.node);
            let quiet_us = calm.quiet_from(witness, from_us, patience_us);
            let due_us = quiet_us.map_or(u64::MAX, |quiet_us| quiet_us + patience_us);
            let is_told = heard.iter().any(|(at_us, told)| *at_us <= due_us && told >= version);
            let is_due = due_us <= ended_us;
            findings.looked_at += u64::from(is_told || is_due);
            if is_due && !is_told {
                let what = format!(
                    "{order} at {version} was seen at {seen_us} us; the stream of visit {} that \
                     node {} opened at {opened_us} us does not tell it",
                    stream.visit, stream.node
                );
                findings.report("I11", due_us, what);
            }
        }
    }
    findings
}

/// Orders of each buyer that were made and never seen to be over.
fn lasting(history: &History) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut orders: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut over = BTreeSet::new();
    for op in &history.ops {
        let Some(answer) = &op.answer else { continue };
        let state = answer.state.as_deref().unwrap_or_default();
        let order = shown(op).map(|shown| shown.order);
        over.extend(order.filter(|_| OVER.contains(&state) || answer.status >= 400));
        if let (Ask::Place { .. }, 201) = (&op.ask, answer.status)
            && let Some(buyer) = history.buyers.get(&op.visit)
        {
            orders.entry(buyer).or_default().extend(order);
        }
    }
    orders.values_mut().for_each(|orders| orders.retain(|order| !over.contains(order)));
    orders
}

/// Streams that nothing disturbs and that are not served.
fn failed(calm: &Calm, patience_us: u64, history: &History, findings: &mut Findings) {
    let (mut n_calm, mut n_failed, mut last_us) = (0, 0, 0);
    for stream in &history.streams {
        let asked_us = stream.asked_us;
        let until_us = stream.ended_us.unwrap_or(asked_us).max(asked_us + patience_us);
        if !calm.holds(Witness::Client(stream.node), asked_us, until_us) {
            continue;
        }
        n_calm += 1;
        let is_open = stream.opened_us.is_some_and(|opened_us| opened_us <= asked_us + patience_us);
        // Its client may have left before it was answered.
        let is_unanswered =
            !is_open && stream.ended_us.is_none_or(|ended_us| ended_us > asked_us + patience_us);
        let is_ended = !matches!(stream.bye.as_deref(), None | Some("drained" | "too_old"));
        if is_unanswered || is_ended {
            (n_failed, last_us) = (n_failed + 1, until_us);
        }
    }
    findings.looked_at += n_calm;
    if n_failed > FREE && n_failed * 100 > n_calm * SHARE_PERCENT {
        let what = format!("{n_failed} of {n_calm} live streams failed in calm times");
        findings.report("I11", last_us, what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Answer, Ask, Listening, Op, Told};
    use crate::plan::{Fault, FaultKind, Moment};

    const PATIENCE_US: u64 = 10_000_000;

    /// When a stream opened and ended, and what it told when.
    type Heard<'a> = (u64, Option<u64>, &'a [(u64, u64)]);

    /// How many states the checker misses, of an order that was read at 40 s in version 4: on
    /// streams of node 1, each with the times of its life and the versions that it told.
    fn missed(streams: &[Heard<'_>], faults: &[Fault]) -> usize {
        let ops = vec![Op {
            visit: 1,
            intended_us: 0,
            sent_us: 39_000_000,
            answered_us: Some(40_000_000),
            node: 0,
            key: None,
            over: None,
            ask: Ask::GetOrder { order: "o1".into() },
            answer: Some(Answer { status: 200, version: Some(4), ..Answer::default() }),
        }];
        let one = |(opened_us, ended_us, told): &Heard<'_>| Listening {
            visit: 1,
            order: "o1".into(),
            node: 1,
            opened_us: Some(*opened_us),
            ended_us: *ended_us,
            told: told
                .iter()
                .map(|(at_us, version)| Told {
                    at_us: *at_us,
                    order: "o1".into(),
                    version: *version,
                    ..Told::default()
                })
                .collect(),
            ..Listening::default()
        };
        let streams = streams.iter().map(one).collect();
        let history = History { ops, streams, ..History::default() };
        check(&Calm::of(faults), PATIENCE_US, &history).violations.len()
    }

    #[test]
    fn what_was_seen_is_told_in_time() {
        assert_eq!(missed(&[(1, None, &[(2, 3), (41_000_000, 4)])], &[]), 0);
        assert_eq!(missed(&[(1, None, &[(2, 3), (41_000_000, 7)])], &[]), 0, "a later one");
        assert_eq!(missed(&[(1, Some(2), &[(2, 4)]), (30_000_000, None, &[])], &[]), 0, "before");
        assert_eq!(missed(&[(1, None, &[(2, 3)])], &[]), 1, "never");
        assert_eq!(missed(&[(1, None, &[(2, 3), (51_000_000, 4)])], &[]), 1, "late");
        assert_eq!(missed(&[(60_000_000, None, &[])], &[]), 1, "not when it opened");
    }

    #[test]
    fn streams_that_end_by_themselves_in_calm_times_are_few() {
        let stream = |bye: Option<&str>, opened_us, ended_us| Listening {
            order: "o1".into(),
            opened_us,
            ended_us,
            bye: bye.map(str::to_owned),
            ..Listening::default()
        };
        let n = |streams: Vec<Listening>| {
            let history = History { streams, ..History::default() };
            check(&Calm::of(&[]), PATIENCE_US, &history).violations.len()
        };
        let whole = || stream(None, Some(5), None);
        assert_eq!(n(vec![stream(Some("drained"), Some(5), Some(9)); 9]), 0);
        assert_eq!(n(vec![stream(Some("unavailable"), Some(5), Some(9)); 9]), 1);
        assert_eq!(n(vec![stream(None, None, Some(PATIENCE_US + 1)); 9]), 1, "never answered");
        assert_eq!(n(vec![stream(None, None, Some(PATIENCE_US - 1)); 9]), 0, "its client left");
        let mut streams = vec![whole(); 97];
        streams.extend(vec![stream(Some("unavailable"), Some(5), Some(9)); 3]);
        assert_eq!(n(streams), 0, "of a hundred");
    }

    #[test]
    fn the_stream_of_all_orders_tells_of_those_that_come_later() {
        let placed = |visit: u32, at_us| Op {
            visit,
            intended_us: 0,
            sent_us: at_us - 1,
            answered_us: Some(at_us),
            node: 0,
            key: None,
            over: None,
            ask: Ask::Place { cart: format!("c{visit}"), lines: vec![(0, 1)], offer: None },
            answer: Some(Answer {
                status: 201,
                order: Some(format!("o{visit}")),
                version: Some(4),
                ..Answer::default()
            }),
        };
        let told =
            |order: &str, at_us| Told { at_us, order: order.into(), version: 4, ..Told::default() };
        let stream = |told: Vec<Told>| Listening {
            visit: 1,
            order: "o1".into(),
            all: true,
            opened_us: Some(1_000),
            told,
            ..Listening::default()
        };
        let n = |told| {
            let history = History {
                buyers: [(1, "ada".to_owned()), (2, "ada".to_owned()), (3, "bob".to_owned())]
                    .into(),
                ops: vec![placed(1, 500), placed(2, 9_000), placed(3, 9_000)],
                streams: vec![stream(told)],
                ..History::default()
            };
            check(&Calm::of(&[]), PATIENCE_US, &history).violations.len()
        };
        assert_eq!(n(vec![told("o1", 1_001), told("o2", 9_001)]), 0);
        assert_eq!(n(vec![told("o1", 1_001)]), 1, "the second one");
        assert_eq!(n(vec![told("o2", 9_001)]), 1, "the first one");
    }

    #[test]
    fn who_cannot_hear_is_excused() {
        assert_eq!(missed(&[(1, Some(49_000_000), &[(2, 3)])], &[]), 0, "its client left");
        let crash = FaultKind::Crash { node: 0, kept_writes: 0 };
        let fault =
            Fault { id: 1, at_us: 45_000_000, for_ms: 10, moment: Moment::Any, kind: crash };
        let faults = [fault];
        let until = |ended_us| missed(&[(1, Some(ended_us), &[(2, 3)])], &faults);
        assert_eq!(until(75_000_000), 0, "something was wrong");
        assert_eq!(until(76_000_000), 1, "not for ever");
    }
}
