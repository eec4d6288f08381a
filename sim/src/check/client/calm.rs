//! While nothing is wrong, everybody gets an answer (I11): a request that was sent in calm times is
//! answered within its client's patience, and not with "nobody knows" (504).
//!
//! Shards that move as planned are no excuse; a node that is restarted excuses itself only, and
//! faults of the bus excuse nobody who waits. `looked_at`: requests in calm times.

use crate::calm::{Calm, Witness};
use crate::check::Findings;
use crate::history::{Ask, History, Look, Op};

/// Judges every request that no fault touches while its client has patience, in us.
#[must_use]
pub fn check(calm: &Calm, patience_us: u64, history: &History) -> Findings {
    let mut findings = Findings::default();
    for op in &history.ops {
        if !is_calm(calm, patience_us, op) {
            continue;
        }
        findings.looked_at += 1;
        let status = op.answer.as_ref().map(|answer| answer.status);
        if matches!(status, None | Some(504)) {
            let (ask, node, at) = (&op.ask, op.node, op.sent_us);
            let end = status.map_or_else(|| "no answer".to_owned(), |it| it.to_string());
            let what = format!("{ask:?} to node {node} at {at} us, in calm times: {end}");
            findings.report("I11", at + patience_us, what);
        }
    }
    findings
}

/// Whether nothing is wrong, or was, that a request may feel while its client has patience.
pub(super) fn is_calm(calm: &Calm, patience_us: u64, op: &Op) -> bool {
    let waits_us = match &op.ask {
        Ask::Look(Look::Wait { wait_ms, .. }) => u64::from(*wait_ms) * 1_000,
        _ => 0,
    };
    calm.holds(Witness::Client(op.node), op.sent_us, op.sent_us + patience_us + waits_us)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Answer, Ask, Op};
    use crate::plan::{Fault, FaultKind, Moment};

    fn op(node: u16, sent_us: u64, status: Option<u16>) -> Op {
        let answer = status.map(|status| Answer { status, ..Answer::default() });
        let answered_us = answer.as_ref().map(|_| sent_us + 5);
        let (intended_us, key, over, ask) = (sent_us, None, None, Ask::Other);
        Op { visit: 1, intended_us, sent_us, answered_us, node, key, over, ask, answer }
    }

    /// How many of these the checker objects to, with node 1 restarted at 40 s.
    fn objections(ops: Vec<Op>) -> usize {
        let kind = FaultKind::Roll { node: 1, new_version: false };
        let faults = [
            Fault { id: 1, at_us: 40_000_000, for_ms: 500, moment: Moment::Any, kind },
            Fault {
                id: 2,
                at_us: 1_000_000,
                for_ms: 0,
                moment: Moment::Any,
                kind: FaultKind::BusWiped,
            },
        ];
        let history = History { ops, ..History::default() };
        check(&Calm::of(&faults), 5_000_000, &history).violations.len()
    }

    #[test]
    fn silence_is_excused_where_something_is_wrong() {
        assert_eq!(objections(vec![op(1, 41_000_000, None), op(1, 39_000_000, Some(504))]), 0);
        assert_eq!(objections(vec![op(0, 41_000_000, Some(503)), op(0, 5, Some(200))]), 0);
    }

    #[test]
    fn silence_is_no_answer_elsewhere() {
        assert_eq!(objections(vec![op(0, 41_000_000, None)]), 1, "another node is restarted");
        assert_eq!(objections(vec![op(1, 1_000_000, None)]), 1, "the bus disturbs nobody");
        assert_eq!(objections(vec![op(1, 20_000_000, Some(504))]), 1, "before anything");
        assert_eq!(objections(vec![op(1, 200_000_000, None)]), 1, "long after it");
    }
}
