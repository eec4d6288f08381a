//! How long the orders of a plan wait, and how long what they hold lasts at the least.
//!
//! What an order holds and does not sell lapses by the clock of the node that has the SKU. Clocks
//! that step or run away may let it end sooner; each of them is taken to do so by all it can.

use commerce::order::{SHORT_HOLD_MS, Timers};
use serde::{Deserialize, Serialize};

use super::Plan;

/// The site that makes holds short.
const SHORT_HOLD: &str = "short_hold";

/// How long orders wait (settings `orders.t_reserve_ms`, `t_pay_ms`, `hold_grace_ms`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderWaits {
    /// For their holds, in ms.
    pub reserve_ms: u32,
    /// For their payment, in ms.
    pub pay_ms: u32,
    /// How much longer than for the payment a hold lasts, in ms.
    pub hold_grace_ms: u32,
}

impl Default for OrderWaits {
    /// As in production.
    fn default() -> Self {
        let Timers { reserve_ms, pay_ms, hold_grace_ms, .. } = Timers::default();
        let [reserve_ms, pay_ms, hold_grace_ms] = [reserve_ms, pay_ms, hold_grace_ms]
            .map(|ms| u32::try_from(ms).expect("less than 49 days"));
        Self { reserve_ms, pay_ms, hold_grace_ms }
    }
}

impl OrderWaits {
    /// Whether it is as in production.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// How long a hold lasts, in ms.
    fn hold_ms(self) -> u64 {
        u64::from(self.pay_ms) + u64::from(self.hold_grace_ms)
    }
}

impl Plan {
    /// No hold of an order that was not sold lapses sooner than this after it was asked for, in us.
    #[must_use]
    pub fn holds_us(&self) -> u64 {
        let is_short = self.setup.buggify.iter().any(|(site, _)| site == SHORT_HOLD);
        let whole_ms = self.setup.order_waits.hold_ms();
        let least_ms = if is_short { SHORT_HOLD_MS.min(whole_ms) } else { whole_ms };
        let moved = self.faults.iter().filter_map(|fault| fault.kind.moved_clock(fault.for_ms));
        let astray_us: u64 = moved.map(|(_, by_ms)| by_ms.unsigned_abs() * 1_000).sum();
        (least_ms * 1_000).saturating_sub(astray_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Fault, FaultKind, Moment};
    use crate::scenario::Scenario;

    #[test]
    fn holds_end_sooner_where_they_are_short_and_clocks_go_astray() {
        let mut plan = Scenario::built_in("calm").expect("built in").plan(1);
        plan.setup.buggify.clear();
        plan.faults.clear();
        assert_eq!(plan.holds_us(), 31 * 60 * 1_000_000);
        plan.setup.order_waits.pay_ms = 400;
        plan.setup.order_waits.hold_grace_ms = 300;
        assert_eq!(plan.holds_us(), 700_000);
        plan.setup.buggify.push(("short_hold".into(), 25));
        assert_eq!(plan.holds_us(), 700_000, "the site makes nothing longer");
        plan.setup.order_waits = OrderWaits::default();
        assert_eq!(plan.holds_us(), 1_000_000);
        let drift = FaultKind::ClockDrift { node: 0, ppm: -100_000 };
        plan.faults.push(Fault {
            id: 1,
            at_us: 0,
            for_ms: 2_000,
            moment: Moment::Any,
            kind: drift,
        });
        assert_eq!(plan.holds_us(), 800_000);
        let step = FaultKind::ClockStep { node: 0, by_ms: -8_000 };
        plan.faults.push(Fault { id: 2, at_us: 0, for_ms: 0, moment: Moment::Any, kind: step });
        assert_eq!(plan.holds_us(), 0);
    }
}
