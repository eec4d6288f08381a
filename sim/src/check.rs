//! Checkers: what must hold of a run, each judged over what was recorded of it.
//!
//! A checker is a pure function of its record: the same record gives the same findings in the
//! same order. It says how much it looked at, so that one that looked at nothing is noticed, and
//! what it could not decide within its limits. [`client`] judges what clients saw;
//! [`journal`] looks inside: journal, snapshots, checkpoints, published events; [`views`] and
//! [`listed`] compare rows with the journal.

pub mod client;
pub mod journal;
pub mod listed;
pub mod views;

use crate::history::History;
use crate::record::Violation;

/// The most violations that one checker reports; a broken run does not need more to be found.
pub const VIOLATIONS_MAX: usize = 100;

/// What a checker found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// What is wrong, at most [`VIOLATIONS_MAX`].
    pub violations: Vec<Violation>,
    /// Things that were judged (answers, orders, keys: each checker says which).
    pub looked_at: u64,
    /// Things that could not be judged within the checker's limits.
    pub undecided: u64,
}

/// Something that judges a history.
pub trait Check {
    /// Its name in `run.json`.
    fn name(&self) -> &'static str;

    /// Judges what clients saw.
    fn check(&self, history: &History) -> Findings;
}

impl Findings {
    /// Adds a violation, unless there are [`VIOLATIONS_MAX`] already.
    pub fn report(&mut self, invariant: &str, at_us: u64, what: String) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation { invariant: invariant.to_owned(), at_us, what });
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }
}
