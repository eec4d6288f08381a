//! Answers keep to the interface: a server error is one of those that may be tried again, and
//! every refusal says why by a code.
//!
//! 504 is what a proxy or a client's own deadline makes of silence, so it may have no code.
//! `looked_at`: answers.

use crate::check::Findings;
use crate::history::History;

/// Server errors that are declared; each may be tried again.
pub const RETRYABLE: [u16; 2] = [503, 504];

/// Judges status and code of every answer.
#[must_use]
pub fn check(history: &History) -> Findings {
    let mut findings = Findings::default();
    for op in &history.ops {
        let Some(answer) = &op.answer else { continue };
        findings.looked_at += 1;
        let at_us = op.answered_us.unwrap_or(op.sent_us);
        let (status, code) = (answer.status, answer.code.as_deref().unwrap_or_default());
        let is_declared = match status {
            200..=299 | 304 | 400..=499 => true,
            other => RETRYABLE.contains(&other),
        };
        if !is_declared {
            let what = format!("{:?} was answered {status} {code:?}", op.ask);
            findings.report("answers", at_us, what);
        } else if status >= 400 && status != 504 && code.is_empty() {
            let what = format!("{:?} was refused with {status} and no code", op.ask);
            findings.report("answers", at_us, what);
        }
        if op.answered_us.is_none_or(|at_us| at_us < op.sent_us) {
            let what = format!("{:?} was answered before it was sent at {} us", op.ask, op.sent_us);
            findings.report("answers", at_us, what);
        }
    }
    findings
}
