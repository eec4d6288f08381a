//! What a carrier or courier said is said once (interfaces.md 0.3, natural keys): the same event
//! again is answered as a repeat, and never refused. How the parcel stands may have changed.
//!
//! Its key names the shipment and the event. `looked_at`: events that were said again.

use std::collections::BTreeMap;

use super::facts::is_done;
use super::index::by_sent;
use crate::check::Findings;
use crate::history::{Ask, History};

/// Whether a key is that of an event, and not one that a client made up.
#[must_use]
pub fn is_natural(key: &str) -> bool {
    key.starts_with('/')
}

/// Judges events that were said again after they had been taken.
#[must_use]
pub fn check(history: &History) -> Findings {
    let mut findings = Findings::default();
    let mut taken: BTreeMap<&str, u64> = BTreeMap::new();
    for op in by_sent(history) {
        let (Ask::Advance { .. }, Some(key)) = (&op.ask, op.key.as_deref()) else { continue };
        let (Some(answer), Some(answered_us)) = (&op.answer, op.answered_us) else { continue };
        if !is_natural(key) {
            continue;
        }
        let is_again = taken.get(key).is_some_and(|taken_us| *taken_us < op.sent_us);
        let is_trouble = answer.status >= 500 || matches!(answer.status, 408 | 429);
        if is_again && !is_trouble {
            findings.looked_at += 1;
            if !(is_done(answer) && answer.replayed) {
                let code = answer.code.as_deref().unwrap_or_default();
                let what =
                    format!("{key}, taken before, was answered {} {code} again", answer.status);
                findings.report("couriers", answered_us, what);
            }
        }
        if is_done(answer) {
            let first = taken.entry(key).or_insert(answered_us);
            *first = answered_us.min(*first);
        }
    }
    findings
}
