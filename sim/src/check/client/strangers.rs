//! Nobody sees or moves what is another's (interfaces.md 0.1): a stranger's request for an order or
//! a cart, by whatever route, is answered as if there were none, and one for what is staff's is
//! refused. `looked_at`: such requests that were answered.

use crate::check::Findings;
use crate::history::{Ask, History, Look};

/// Judges what strangers were answered.
#[must_use]
pub fn check(history: &History) -> Findings {
    let mut findings = Findings::default();
    for op in &history.ops {
        let (Ask::Look(Look::Pry { what }), Some(answer)) = (&op.ask, &op.answer) else {
            continue;
        };
        findings.looked_at += 1;
        let is_trouble = answer.status >= 500 || matches!(answer.status, 408 | 429);
        if !is_trouble && !matches!(answer.status, 403 | 404) {
            let code = answer.code.as_deref().unwrap_or_default();
            let what = format!("a stranger's {what} was answered {} {code}", answer.status);
            findings.report("strangers", op.answered_us.unwrap_or(op.sent_us), what);
        }
    }
    findings
}
