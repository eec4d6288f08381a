//! Shrinking: from a failing plan to a small one that still fails.
//!
//! First comes what the checkers point at: the visits that a violation names, with fewer or more
//! beside them ([`guesses`]). One guess that fails saves most of the work, one that does not costs
//! a run of a small plan. Then elements are taken out, in chunks that get smaller (delta
//! debugging, Zeller and Hildebrandt, here with complements only). Then what is left is made
//! simpler: journeys, lengths and amounts of faults, the system, times. Both repeat until nothing
//! helps, so at the end no single element can be left out. It works because every draw is keyed:
//! what stays does the same as before. It is deterministic, runs one plan at a time, knows no
//! clock and does not judge:
//! `fails` says whether a plan fails in the same way.

mod guesses;
mod rules;

use std::collections::BTreeSet;

use xxhash_rust::xxh3::xxh3_64;

use crate::plan::{Fault, Plan, Visit};

pub use guesses::guesses;

#[cfg(test)]
mod tests;

/// How much may be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Plans that are run, the first one included.
    pub runs_max: u32,
}

impl Default for Budget {
    /// 2,000 runs: a minute at 30 ms each. Plans of a few needed elements take some hundred.
    fn default() -> Self {
        Self { runs_max: 2_000 }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shrunk {
    /// The smallest plan that was seen to fail; the given one, if it does not.
    pub plan: Plan,
    /// Plans that were run.
    pub runs: u32,
    /// Whether the given plan fails at all.
    pub fails: bool,
    /// Whether nothing more helps; `false`: the budget was spent first.
    pub is_minimal: bool,
    /// Elements of the given plan.
    pub n_before: usize,
}

/// Looks for a smaller plan that still `fails`. `guesses` are plans that may be such, the smallest
/// first; the first that is one is gone on with.
///
/// `fails` is asked for each plan at most once; it may answer `false` to all from some moment on
/// to end early. Cost: about 2 k log2(n) runs for k needed elements of n, and as many again for
/// what is made simpler.
pub fn shrink(
    plan: Plan,
    guesses: Vec<Plan>,
    budget: Budget,
    fails: &mut dyn FnMut(&Plan) -> bool,
) -> Shrunk {
    let n_before = plan.len();
    let mut search =
        Search { best: plan, runs: 1, runs_max: budget.runs_max, tried: BTreeSet::new(), fails };
    let does_fail = (search.fails)(&search.best);
    if does_fail {
        search.tried.insert(hash(&search.best));
        let _ = guesses.into_iter().any(|guess| search.attempt(guess));
        while search.remove_elements() | search.simplify() {}
    }
    let is_minimal = does_fail && search.runs < search.runs_max;
    Shrunk { plan: search.best, runs: search.runs, fails: does_fail, is_minimal, n_before }
}

struct Search<'a> {
    /// It fails.
    best: Plan,
    runs: u32,
    runs_max: u32,
    /// Hashes of all plans that were run.
    tried: BTreeSet<u64>,
    fails: &'a mut dyn FnMut(&Plan) -> bool,
}

impl Search<'_> {
    /// Runs `candidate` unless that is known to be of no use; it is the best one if it fails.
    fn attempt(&mut self, mut candidate: Plan) -> bool {
        candidate.traffic.sort_by_key(|visit| (visit.at_us, visit.id));
        candidate.faults.sort_by_key(|fault| (fault.at_us, fault.id));
        if self.runs >= self.runs_max
            || candidate.check().is_err()
            || !self.tried.insert(hash(&candidate))
        {
            return false;
        }
        self.runs += 1;
        let does_fail = (self.fails)(&candidate);
        if does_fail {
            self.best = candidate;
        }
        does_fail
    }

    /// Takes elements out until no single one can be. Whether one was.
    fn remove_elements(&mut self) -> bool {
        let before = self.best.len();
        let mut without = self.best.clone();
        without.faults.clear();
        self.attempt(without);
        let mut size = self.best.len().div_ceil(2).max(1);
        loop {
            let is_smaller = self.remove_chunks(size);
            if size > 1 {
                size = size.div_ceil(2).min(self.best.len().max(1));
            } else if !is_smaller {
                break;
            }
        }
        self.best.len() < before
    }

    /// Tries to leave out each chunk of this size. Elements are traffic, then faults.
    fn remove_chunks(&mut self, size: usize) -> bool {
        let before = self.best.len();
        let mut from = 0;
        while from < self.best.len() {
            let chunk = from..from + size;
            let n_visits = self.best.traffic.len();
            let mut candidate = self.best.clone();
            candidate.traffic = kept(&self.best.traffic, 0, &chunk);
            candidate.faults = kept(&self.best.faults, n_visits, &chunk);
            if !self.attempt(candidate) {
                from += size;
            }
        }
        self.best.len() < before
    }

    /// Makes what is there simpler, rule by rule. Whether one helped.
    fn simplify(&mut self) -> bool {
        let mut helped = false;
        for rule in rules::VISITS {
            helped |= self.over_visits(*rule, 0, self.best.traffic.len());
        }
        for rule in rules::FAULTS {
            helped |= self.over_faults(*rule, 0, self.best.faults.len());
        }
        for rule in rules::PLANS {
            let candidates = rule(&self.best);
            helped |= candidates.into_iter().any(|candidate| self.attempt(candidate));
        }
        helped
    }

    /// Applies a rule to all visits from `from` up to `to` at once; where that does not fail, to
    /// each half.
    fn over_visits(&mut self, rule: fn(&mut Visit) -> bool, from: usize, to: usize) -> bool {
        let mut candidate = self.best.clone();
        let changed = change(&mut candidate.traffic[from..to], rule);
        if changed == 0 {
            return false;
        }
        if self.attempt(candidate) {
            return true;
        }
        let middle = from.midpoint(to);
        // A change of times may have sorted the others anew: then this pass misses some, and the
        // next one finds them.
        changed > 1 && (self.over_visits(rule, from, middle) | self.over_visits(rule, middle, to))
    }

    /// The same over faults.
    fn over_faults(&mut self, rule: fn(&mut Fault) -> bool, from: usize, to: usize) -> bool {
        let mut candidate = self.best.clone();
        let changed = change(&mut candidate.faults[from..to], rule);
        if changed == 0 {
            return false;
        }
        if self.attempt(candidate) {
            return true;
        }
        let middle = from.midpoint(to);
        changed > 1 && (self.over_faults(rule, from, middle) | self.over_faults(rule, middle, to))
    }
}

/// How many elements a rule changed.
fn change<T>(elements: &mut [T], rule: fn(&mut T) -> bool) -> usize {
    elements.iter_mut().map(rule).filter(|changed| *changed).count()
}

/// The elements whose place, counted from `first`, lies outside the chunk.
fn kept<T: Clone>(elements: &[T], first: usize, chunk: &std::ops::Range<usize>) -> Vec<T> {
    let outside = (first..).zip(elements).filter(|(place, _)| !chunk.contains(place));
    outside.map(|(_, element)| element.clone()).collect()
}

fn hash(plan: &Plan) -> u64 {
    xxh3_64(&serde_json::to_vec(plan).expect("a plan has no map with other keys than text"))
}
