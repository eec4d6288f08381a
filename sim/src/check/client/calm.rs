//! While nothing is wrong, everybody gets an answer (I11): a request that was sent in calm times is
//! answered within its client's patience, and not with "nobody knows" (504).
//!
//! Calm is what no fault disturbs: from its beginning until some time after its end, for what it
//! left behind. Shards that move as planned are no excuse; a node that is restarted excuses
//! itself only. Faults of the bus disturb nobody who waits. `looked_at`: requests in calm times.

use crate::check::Findings;
use crate::history::{History, Op};
use crate::plan::{Fault, FaultKind, Plan};

/// How long after a fault its traces excuse, in us: takeovers, back-offs, queues.
const AFTER_US: u64 = 20_000_000;
/// How long a node may take to leave its cluster before it is restarted, in us.
const LEAVE_US: u64 = 30_000_000;

/// Times at which requests may stay without an answer.
#[derive(Debug, Clone, Default)]
pub struct Calm {
    patience_us: u64,
    disturbed: Vec<Disturbed>,
}

#[derive(Debug, Clone)]
struct Disturbed {
    from_us: u64,
    to_us: u64,
    /// Only who asks this node.
    node: Option<u16>,
}

impl Calm {
    /// What the faults of a plan leave, for its clients.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let patience_us = u64::from(plan.setup.client.timeout_ms) * 1_000;
        let disturbed = plan.faults.iter().filter_map(disturbed).collect();
        Self { patience_us, disturbed }
    }

    /// Judges every request that no fault touches.
    #[must_use]
    pub fn check(&self, history: &History) -> Findings {
        let mut findings = Findings::default();
        for op in history.ops.iter().filter(|op| !self.is_disturbed(op)) {
            findings.looked_at += 1;
            let status = op.answer.as_ref().map(|answer| answer.status);
            if matches!(status, None | Some(504)) {
                let (ask, node, at) = (&op.ask, op.node, op.sent_us);
                let end = status.map_or_else(|| "no answer".to_owned(), |it| it.to_string());
                let what = format!("{ask:?} to node {node} at {at} us, in calm times: {end}");
                findings.report("I11", at + self.patience_us, what);
            }
        }
        findings
    }

    /// Whether something is wrong, or was, that a request may feel.
    pub(super) fn is_disturbed(&self, op: &Op) -> bool {
        let end_us = op.sent_us + self.patience_us;
        self.disturbed.iter().any(|it| {
            it.from_us <= end_us
                && op.sent_us <= it.to_us
                && it.node.is_none_or(|node| node == op.node)
        })
    }
}

fn disturbed(fault: &Fault) -> Option<Disturbed> {
    let mut after_us = AFTER_US;
    let node = match &fault.kind {
        FaultKind::BusDown
        | FaultKind::BusTwice { .. }
        | FaultKind::BusLostAcks { .. }
        | FaultKind::BusWiped => return None,
        FaultKind::Roll { node, .. } => {
            after_us += LEAVE_US;
            Some(*node)
        }
        FaultKind::Crash { .. }
        | FaultKind::Pause { .. }
        | FaultKind::Loss { .. }
        | FaultKind::Duplicate { .. }
        | FaultKind::Delay { .. }
        | FaultKind::Partition { .. }
        | FaultKind::ClientLoss { .. }
        | FaultKind::StoreSlow { .. }
        | FaultKind::StoreUnknown { .. }
        | FaultKind::StoreDown { .. }
        | FaultKind::StaleReads { .. }
        | FaultKind::SyncFails { .. }
        | FaultKind::ClockStep { .. }
        | FaultKind::ClockDrift { .. } => None,
    };
    let to_us = fault.at_us + u64::from(fault.for_ms) * 1_000 + after_us;
    Some(Disturbed { from_us: fault.at_us, to_us, node })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Answer, Ask};
    use crate::scenario::Scenario;

    fn op(node: u16, sent_us: u64, status: Option<u16>) -> Op {
        let answer = status.map(|status| Answer { status, ..Answer::default() });
        let answered_us = answer.as_ref().map(|_| sent_us + 5);
        let (intended_us, key, ask) = (sent_us, None, Ask::Other);
        Op { visit: 1, intended_us, sent_us, answered_us, node, key, ask, answer }
    }

    /// How many of these the checker objects to, with node 1 restarted at 40 s.
    fn objections(ops: Vec<Op>) -> usize {
        let mut plan = Scenario::built_in("moves").unwrap().plan(1);
        let kind = FaultKind::Roll { node: 1, new_version: false };
        plan.faults = vec![
            Fault { id: 1, at_us: 40_000_000, for_ms: 500, kind },
            Fault { id: 2, at_us: 1_000_000, for_ms: 0, kind: FaultKind::BusWiped },
        ];
        let history = History { ops, ..History::default() };
        Calm::of(&plan).check(&history).violations.len()
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
