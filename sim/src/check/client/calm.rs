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

    fn is_disturbed(&self, op: &Op) -> bool {
        let end_us = op.sent_us + self.patience_us;
        self.disturbed.iter().any(|it| {
            it.from_us <= end_us
                && op.sent_us <= it.to_us
                && it.node.is_none_or(|node| node == op.node)
        })
    }
}

fn disturbed(fault: &Fault) -> Option<Disturbed> {
    let node = match &fault.kind {
        FaultKind::BusDown
        | FaultKind::BusTwice { .. }
        | FaultKind::BusLostAcks { .. }
        | FaultKind::BusWiped => return None,
        FaultKind::Roll { node, .. } => Some(*node),
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
    let to_us = fault.at_us + u64::from(fault.for_ms) * 1_000 + AFTER_US;
    Some(Disturbed { from_us: fault.at_us, to_us, node })
}
