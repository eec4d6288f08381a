//! Health as probes see it: starting, ready, degraded, draining.
//!
//! `/livez` says only that the process answers; `/readyz` looks at the phase of the node and at
//! checks of its parts. A part that is not essential (the bus) makes the node degraded, not
//! unready.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use entity::ShardId;
use serde::Serialize;

/// The phase of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Recovering.
    Starting = 0,
    /// Taking requests.
    Serving = 1,
    /// Leaving: new requests should go elsewhere.
    Draining = 2,
}

/// The state of one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The part: `store`, `bus`, `shards`.
    pub name: &'static str,
    /// `up`, `degraded`: not essential and down, `down`: essential and down.
    pub status: CheckStatus,
    /// In words.
    pub detail: String,
}

/// See [`Check::status`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// It works.
    Up,
    /// It does not work, and the node can do without it.
    Degraded,
    /// It does not work, and the node needs it.
    Down,
}

impl Check {
    /// The check of a node's `n_shards` shards. Without a supervisor nothing works for long; a
    /// shard that was given up takes with it what lives there, and the others go on, if there are
    /// any.
    #[must_use]
    pub fn shards(is_supervised: bool, given_up: &[ShardId], n_shards: usize) -> Self {
        let (status, detail) = match (is_supervised, given_up) {
            (false, _) => (CheckStatus::Down, "the supervisor has ended".to_owned()),
            (true, []) => (CheckStatus::Up, "all are served".to_owned()),
            (true, given_up) if given_up.len() >= n_shards => {
                (CheckStatus::Down, "all are given up".to_owned())
            }
            (true, given_up) => {
                let numbers: Vec<String> = given_up.iter().map(|s| s.0.to_string()).collect();
                (CheckStatus::Degraded, format!("given up: {}", numbers.join(", ")))
            }
        };
        Self { name: "shards", status, detail }
    }
}

/// Looks at the parts of the node. Must answer at once: it reads state, it does not probe.
pub type Checks = Arc<dyn Fn() -> Vec<Check> + Send + Sync>;

/// The health of a node.
#[derive(Clone)]
pub struct Health {
    phase: Arc<AtomicU8>,
    checks: Checks,
}

/// What `/readyz` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// `ready`, `degraded`, `starting` or `draining`.
    pub status: &'static str,
    /// The parts.
    pub checks: Vec<Check>,
}

impl Health {
    /// A node that starts.
    #[must_use]
    pub fn new(checks: Checks) -> Self {
        Self { phase: Arc::new(AtomicU8::new(Phase::Starting as u8)), checks }
    }

    /// Enters a phase.
    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// The phase now.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Serving,
            _ => Phase::Draining,
        }
    }

    /// Whether requests should come here, and why not.
    #[must_use]
    pub fn readiness(&self) -> (bool, Readiness) {
        let checks = (self.checks)();
        let worst = checks.iter().map(|check| check.status).max().unwrap_or(CheckStatus::Up);
        let status = match (self.phase(), worst) {
            (Phase::Draining, _) => "draining",
            // An essential part that is down is no failure for ever: it is being recovered.
            (Phase::Starting, _) | (Phase::Serving, CheckStatus::Down) => "starting",
            (Phase::Serving, CheckStatus::Degraded) => "degraded",
            (Phase::Serving, CheckStatus::Up) => "ready",
        };
        (matches!(status, "ready" | "degraded"), Readiness { status, checks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_without_its_supervisor_is_not_ready_and_one_without_a_shard_is_degraded() {
        let (given_up, all) = ([ShardId(3), ShardId(61)], [0, 1, 2, 3].map(ShardId));
        for (is_supervised, given_up, is_ready, status, detail) in [
            (true, &[][..], true, "ready", "all are served"),
            (true, &given_up[..], true, "degraded", "given up: 3, 61"),
            (true, &all[..3], true, "degraded", "given up: 0, 1, 2"),
            (true, &all[..], false, "starting", "all are given up"),
            (false, &[][..], false, "starting", "the supervisor has ended"),
            (false, &given_up[..], false, "starting", "the supervisor has ended"),
        ] {
            let given_up = given_up.to_vec();
            let checks = move || vec![Check::shards(is_supervised, &given_up, 4)];
            let health = Health::new(Arc::new(checks));
            health.enter(Phase::Serving);
            let (answer, readiness) = health.readiness();
            assert_eq!((answer, readiness.status), (is_ready, status));
            assert_eq!(readiness.checks[0].detail, detail);
        }
    }
}
