//! An order that somebody was told of is there for good.
//!
//! Every read of it that was sent after the answer finds it: success, "not modified", or a
//! refusal that does not speak of the order (credentials, rate, trouble), never 404 or another
//! order. An accepted placement names its order. That the run's last read of each order shows it
//! in a state of rest is the checker of liveness. `looked_at`: reads after an acknowledgement.

use super::facts::{is_done, shown};
use super::index::Index;
use crate::check::Findings;
use crate::history::{Answer, Ask, History};

/// Judges reads of acknowledged orders.
#[must_use]
pub fn check(history: &History) -> Findings {
    judge(history, &Index::new(history))
}

pub(super) fn judge(history: &History, index: &Index<'_>) -> Findings {
    let mut findings = Findings::default();
    for op in &history.ops {
        let Some(answer) = &op.answer else { continue };
        let is_nameless = is_done(answer) && answer.order.is_none();
        if is_nameless && matches!(op.ask, Ask::Place { .. }) {
            let what = format!("a placement was answered {} without an order", answer.status);
            findings.report("acked_orders", op.answered_us.unwrap_or(op.sent_us), what);
        }
    }
    for (order, facts) in &index.orders {
        // The first answer that told of it: also a read proves that it is there.
        let Some(acked_us) = facts.shown.iter().map(|shown| shown.answered_us).min() else {
            continue;
        };
        for read in facts.reads.iter().filter(|read| read.sent_us > acked_us) {
            let (Some(answer), Some(at_us)) = (&read.answer, read.answered_us) else { continue };
            findings.looked_at += 1;
            if is_lost(answer) {
                let what = format!(
                    "order {order}, known since {acked_us} us, was answered {} when read at {} us",
                    answer.status, read.sent_us
                );
                findings.report("acked_orders", at_us, what);
            }
            let other = answer.order.as_deref().filter(|other| other != order);
            if let Some(other) = other.filter(|_| shown(read).is_some()) {
                let what = format!("order {other} was answered when {order} was read");
                findings.report("acked_orders", at_us, what);
            }
        }
    }
    findings
}

/// Whether the answer says that there is no such order.
const fn is_lost(answer: &Answer) -> bool {
    matches!(answer.status, 400 | 403 | 404 | 405 | 409 | 410 | 412..=428)
}
