//! While nothing is wrong, "unavailable" (503) is the exception (I11): few requests are answered so,
//! and none is answered so however often it is tried.
//!
//! What is calm, [`Calm`] says. A shard that moves as planned may refuse for a moment; a handover
//! that is slow, or that forgets whom to ask, refuses more. Not meant is what sheds load: it has
//! other codes (`over_capacity`, 429). `looked_at`: requests in calm times.

use std::collections::BTreeMap;

use super::calm::is_calm;
use crate::calm::Calm;
use crate::check::Findings;
use crate::history::{Ask, History, Op};

/// Requests of a thousand that may be answered so.
const SHARE_PER_MILLE: u64 = 5;
/// Requests that may be answered so however few there are: of one slow move.
const FREE: u64 = 3;

/// What tries of one request have in common: the key, or who asks what.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Request<'a> {
    Keyed(&'a str),
    Read(u32, &'a Ask),
}

impl<'a> Request<'a> {
    fn of(op: &'a Op) -> Self {
        match &op.key {
            Some(key) => Self::Keyed(key),
            None => Self::Read(op.visit, &op.ask),
        }
    }
}

/// Judges what clients were refused; each has so much patience, in us.
#[must_use]
pub fn check(calm: &Calm, patience_us: u64, history: &History) -> Findings {
    let mut findings = Findings::default();
    let mut requests: BTreeMap<Request<'_>, Vec<&Op>> = BTreeMap::new();
    for op in &history.ops {
        requests.entry(Request::of(op)).or_default().push(op);
    }
    let mut refused = Vec::new();
    for op in history.ops.iter().filter(|op| is_calm(calm, patience_us, op)) {
        findings.looked_at += 1;
        refused.extend(Some(op).filter(|op| is_refused(op)));
    }
    let n_refused = u64::try_from(refused.len()).unwrap_or(u64::MAX);
    if n_refused > FREE && n_refused * 1_000 > findings.looked_at * SHARE_PER_MILLE {
        let at_us = refused.last().map_or(0, |op| op.sent_us);
        let n = findings.looked_at;
        findings.report("I11", at_us, format!("{n_refused} of {n} requests refused in calm times"));
    }
    for tries in requests.values().filter(|tries| tries.len() > 1) {
        let (first, last) = (tries[0], tries[tries.len() - 1]);
        if tries.iter().all(|op| is_refused(op) && is_calm(calm, patience_us, op)) {
            let (ask, n, from, to) = (&first.ask, tries.len(), first.sent_us, last.sent_us);
            let what = format!("{ask:?}, tried {n} times from {from} to {to} us: always refused");
            findings.report("I11", to, what);
        }
    }
    findings
}

fn is_refused(op: &Op) -> bool {
    op.answer
        .as_ref()
        .is_some_and(|answer| answer.status == 503 && answer.code.as_deref() == Some("unavailable"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Answer;
    use crate::plan::{Fault, FaultKind, Moment};

    fn op(visit: u32, key: Option<&str>, said: &str) -> Op {
        let (status, code) = said.split_once(' ').unwrap_or((said, ""));
        let code = Some(code.to_owned()).filter(|code| !code.is_empty());
        let answer = Answer { status: status.parse().unwrap(), code, ..Answer::default() };
        let (sent_us, ask) = (u64::from(visit) * 10, Ask::GetStock { sku: 1 });
        let key = key.map(str::to_owned);
        let (intended_us, answered_us) = (sent_us, Some(sent_us + 5));
        let (node, over, answer) = (0, None, Some(answer));
        Op { visit, intended_us, sent_us, answered_us, node, key, over, ask, answer }
    }

    fn check_with(faults: &[Fault], ops: Vec<Op>) -> usize {
        let history = History { ops, ..History::default() };
        check(&Calm::of(faults), 1_000, &history).violations.len()
    }

    /// Of 1,000 requests of as many visits the first `n` are answered so.
    fn some(n: u32, said: &str) -> Vec<Op> {
        (0..1_000).map(|visit| op(visit, None, if visit < n { said } else { "200" })).collect()
    }

    #[test]
    fn a_few_may_be_refused_and_many_may_not() {
        assert_eq!(check_with(&[], some(5, "503 unavailable")), 0);
        assert_eq!(check_with(&[], some(6, "503 unavailable")), 1);
        assert_eq!(check_with(&[], some(500, "503 over_capacity")), 0, "load is shed");
        let kind = FaultKind::StoreDown { node: 0 };
        let down = Fault { id: 1, at_us: 0, for_ms: 500, moment: Moment::Any, kind };
        assert_eq!(check_with(&[down], some(500, "503 unavailable")), 0, "something is wrong");
    }

    #[test]
    fn who_tries_again_is_answered_at_last() {
        let tries = |key, said: [&str; 3]| said.map(|said| op(1, key, said)).to_vec();
        let no = "503 unavailable";
        for key in [None, Some("k")] {
            assert_eq!(check_with(&[], tries(key, [no, no, no])), 1);
            assert_eq!(check_with(&[], tries(key, [no, no, "409 out_of_stock"])), 0);
            assert_eq!(check_with(&[], tries(key, [no, no, "503 over_capacity"])), 0);
        }
        assert_eq!(check_with(&[], vec![op(1, None, no)]), 0, "it was not tried again");
    }
}
