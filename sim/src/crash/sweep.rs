//! A sweep: one workload, run once without a crash and then with a crash at each boundary.

use std::fmt::Write as _;

use super::plan::Setup;
use super::run::{Crash, CrashKind, Report, run};
use super::world::Probes;
use crate::random::{Stream, below, mix, percent};

/// How a workload is swept.
#[derive(Debug, Clone, Copy)]
pub struct Sweep {
    /// What crashes.
    pub kind: CrashKind,
    /// Every how many boundaries; 1 = at each.
    pub stride: u64,
    /// In how many of a hundred runs a second crash follows.
    pub second_percent: u64,
}

/// What a sweep showed.
#[derive(Debug, Clone)]
pub struct Row {
    /// The workload.
    pub setup: Setup,
    /// What crashed.
    pub kind: CrashKind,
    /// Runs.
    pub n_runs: u64,
    /// Boundaries of the run without a crash.
    pub n_boundaries: u64,
    /// Crashes that happened.
    pub n_crashes: u64,
    /// Runs with a violation: the crashes, and what was wrong.
    pub failures: Vec<(Vec<Crash>, Vec<String>)>,
    /// What happened on the way.
    pub probes: Probes,
}

/// Sweeps a workload. Stops after three runs with violations.
#[must_use]
pub fn sweep(setup: &Setup, sweep: Sweep) -> Row {
    let calm = run(setup, &[]);
    let mut row = Row {
        setup: setup.clone(),
        kind: sweep.kind,
        n_runs: 0,
        n_boundaries: calm.boundaries,
        n_crashes: 0,
        failures: Vec::new(),
        probes: Probes::default(),
    };
    row.add(&[], calm);
    let phase = mix(setup.seed, Stream::Crash, sweep.stride, 7) % sweep.stride;
    let mut at = phase;
    while at < row.n_boundaries && row.failures.len() < 3 {
        let mut crashes = vec![Crash { at, kind: sweep.kind }];
        let bits = mix(setup.seed, Stream::Crash, at, 8);
        if percent(bits, sweep.second_percent) {
            let kind =
                if percent(bits.rotate_left(9), 50) { CrashKind::Node } else { CrashKind::Host };
            let later = at + 1 + below(bits.rotate_left(18), 60);
            crashes.push(Crash { at: later, kind });
        }
        let report = run(setup, &crashes);
        row.add(&crashes, report);
        at += sweep.stride;
    }
    row
}

impl Row {
    fn add(&mut self, crashes: &[Crash], report: Report) {
        self.n_runs += 1;
        self.n_crashes += report.n_crashes;
        self.probes.add(&report.probes);
        if !report.violations.is_empty() {
            self.failures.push((crashes.to_vec(), report.violations));
        }
    }
}

/// Rows as a table for people, with the violations below.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut text = String::from("seed  chaining  crash   runs  boundaries  crashes  violations\n");
    for row in rows {
        let (seed, chaining, kind) = (row.setup.seed, row.setup.chaining, row.kind);
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{seed:>4}  {chaining:<8}  {kind:<5?}  {:>5}  {:>10}  {:>7}  {:>10}",
            row.n_runs,
            row.n_boundaries,
            row.n_crashes,
            row.failures.len(),
            kind = kind
        );
    }
    for row in rows {
        for (crashes, violations) in &row.failures {
            let (seed, chaining) = (row.setup.seed, row.setup.chaining);
            let _ = writeln!(text, "seed {seed} chaining {chaining} {crashes:?}:");
            for violation in violations {
                let _ = writeln!(text, "    {violation}");
            }
        }
    }
    text
}
