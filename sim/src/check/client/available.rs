//! No answer shows fewer than no units for sale (I6). `looked_at`: answers that show units.

use crate::check::Findings;
use crate::history::History;

/// Judges what is shown as available.
#[must_use]
pub fn check(history: &History) -> Findings {
    let mut findings = Findings::default();
    for op in &history.ops {
        let Some(available) = op.answer.as_ref().and_then(|answer| answer.available) else {
            continue;
        };
        findings.looked_at += 1;
        if available < 0 {
            let what = format!("{:?} shows {available} units", op.ask);
            findings.report("I6", op.answered_us.unwrap_or(op.sent_us), what);
        }
    }
    findings
}
