//! What a checker found: broken invariants, and how much it looked at.
//!
//! Bounded: one broken thing often breaks thousands of others, and the first ones say it all.
//! What is beyond the limit is counted in the last violation's text.

use crate::record::Violation;

/// Violations that one checker reports at the most; a person reads the first few.
pub const VIOLATIONS_MAX: usize = 20;

/// What a checker found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// Broken invariants, at most [`VIOLATIONS_MAX`] and one that counts the others.
    pub violations: Vec<Violation>,
    /// Things that were judged.
    pub looked_at: u64,
    invariant: &'static str,
    at_us: u64,
    n_more: u64,
}

impl Findings {
    /// Nothing looked at yet; `at_us` is when the run ended.
    #[must_use]
    pub const fn of(invariant: &'static str, at_us: u64) -> Self {
        Self { violations: Vec::new(), looked_at: 0, invariant, at_us, n_more: 0 }
    }

    /// Says that `n` more things were judged.
    pub const fn look(&mut self, n: u64) {
        self.looked_at += n;
    }

    /// Reports a broken invariant.
    pub fn fail(&mut self, what: impl Into<String>) {
        let invariant = self.invariant.to_owned();
        if self.violations.len() < VIOLATIONS_MAX {
            let what = what.into();
            self.violations.push(Violation { invariant, at_us: self.at_us, what });
            return;
        }
        self.n_more += 1;
        let what = format!("and {} more", self.n_more);
        self.violations.truncate(VIOLATIONS_MAX);
        self.violations.push(Violation { invariant, at_us: self.at_us, what });
    }

    /// Judges one thing; `what` is asked only when it is broken.
    pub fn judge(&mut self, is_fine: bool, what: impl FnOnce() -> String) {
        self.looked_at += 1;
        if !is_fine {
            self.fail(what());
        }
    }
}
