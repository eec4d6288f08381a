//! How long the holds of a plan's orders last at the least.
//!
//! What an order holds and does not sell lapses by the clock of the node that has the SKU. Clocks
//! that step or run away may let it end sooner; each of them is taken to do so by all it can.

use commerce::order::{SHORT_HOLD_MS, Timers};

use super::Plan;

/// The site that makes holds short.
const SHORT_HOLD: &str = "short_hold";

impl Plan {
    /// No hold of an order that was not sold lapses sooner than this after it was asked for, in us.
    #[must_use]
    pub fn holds_us(&self) -> u64 {
        let is_short = self.setup.buggify.iter().any(|(site, _)| site == SHORT_HOLD);
        let Timers { pay_ms, hold_grace_ms, .. } = Timers::default();
        let whole_ms = if is_short { SHORT_HOLD_MS } else { pay_ms + hold_grace_ms };
        let moved = self.faults.iter().filter_map(|fault| fault.kind.moved_clock(fault.for_ms));
        let astray_us: u64 = moved.map(|(_, by_ms)| by_ms.unsigned_abs() * 1_000).sum();
        (whole_ms * 1_000).saturating_sub(astray_us)
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::{Fault, FaultKind};
    use crate::scenario::Scenario;

    #[test]
    fn holds_end_sooner_where_they_are_short_and_clocks_go_astray() {
        let mut plan = Scenario::built_in("calm").expect("built in").plan(1);
        plan.setup.buggify.clear();
        plan.faults.clear();
        assert_eq!(plan.holds_us(), 31 * 60 * 1_000_000);
        plan.setup.buggify.push(("short_hold".into(), 25));
        assert_eq!(plan.holds_us(), 1_000_000);
        let drift = FaultKind::ClockDrift { node: 0, ppm: -100_000 };
        plan.faults.push(Fault { id: 1, at_us: 0, for_ms: 2_000, kind: drift });
        assert_eq!(plan.holds_us(), 800_000);
        let step = FaultKind::ClockStep { node: 0, by_ms: -8_000 };
        plan.faults.push(Fault { id: 2, at_us: 0, for_ms: 0, kind: step });
        assert_eq!(plan.holds_us(), 0);
    }
}
