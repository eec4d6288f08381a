//! Sweeps over fixed seeds, and the canaries.

use super::*;

/// Poison panics by the thousand; nobody wants to read that.
fn silent() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let text = info.payload_as_str().unwrap_or_default();
            if !text.starts_with("poison") && !QUIET.get() {
                loud(info);
            }
        }));
    });
}

thread_local! {
    /// Whether this thread looks for canaries: a run reports its panics by itself.
    static QUIET: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

#[test]
fn calm() {
    silent();
    let mut failed = 0;
    for seed in 0..40 {
        for chaining in [false, true] {
            let setup = Setup::of_seed(seed, chaining);
            let report = run(&setup, &[]);
            if !report.violations.is_empty() {
                failed += 1;
                std::eprintln!("{setup:?} {:#?}", report.violations);
            }
        }
    }
    assert_eq!(failed, 0);
}

/// Sweeps workloads with a canary in them until it is found. Says in which run.
fn found(
    canary: Canary,
    chaining: bool,
    kind: CrashKind,
    only_outcome: bool,
) -> Option<(u64, Vec<String>)> {
    silent();
    QUIET.set(true);
    let mut n_runs = 0;
    for seed in 0..12 {
        let setup = Setup { canary: Some(canary), only_outcome, ..Setup::of_seed(seed, chaining) };
        let row = sweep(&setup, Sweep { kind, stride: 3, second_percent: 0 });
        if let Some((_, violations)) = row.failures.into_iter().next() {
            return Some((n_runs, violations));
        }
        n_runs += row.n_runs;
    }
    None
}

/// A canary has to be found by the witness, and from outside alone.
fn is_found(canary: Canary, chaining: bool, kind: CrashKind) {
    for only_outcome in [false, true] {
        let found = found(canary, chaining, kind, only_outcome);
        let Some((n_runs, violations)) = found else {
            panic!("{canary:?} was not found (only_outcome: {only_outcome})");
        };
        let how = if only_outcome { "from outside" } else { "by the witness" };
        std::eprintln!("{canary:?}: {how}, after {n_runs} runs and more: {}", violations[0]);
    }
}

#[test]
fn canary_reply_before_commit() {
    is_found(Canary::ReplyBeforeCommit, true, CrashKind::Node);
}

#[test]
fn canary_buffer_per_shard() {
    is_found(Canary::BufferPerShard, true, CrashKind::Node);
    // Without chaining it is a log per shard, as on CQL, and right.
    assert_eq!(found(Canary::BufferPerShard, false, CrashKind::Node, false), None);
}

#[test]
fn canary_mark_apart() {
    is_found(Canary::MarkApart, false, CrashKind::Node);
}

#[test]
fn canary_snapshot_before_durable() {
    is_found(Canary::SnapshotBeforeDurable, true, CrashKind::Node);
}

#[test]
fn canary_no_resend() {
    is_found(Canary::NoResend, true, CrashKind::Node);
    is_found(Canary::NoResend, true, CrashKind::Host);
}

#[test]
fn canary_rebuild_early() {
    is_found(Canary::RebuildEarly, true, CrashKind::Host);
}

#[test]
fn canary_checkpoint_ahead() {
    is_found(Canary::CheckpointAhead, true, CrashKind::Node);
}

#[test]
fn canary_stale_tasks() {
    is_found(Canary::StaleTasks, true, CrashKind::Host);
}

#[test]
fn canary_keys_not_kept() {
    is_found(Canary::KeysNotKept, true, CrashKind::Node);
}

/// Sweeps seeds with every kind of crash, chaining off and on. Says what was found.
fn survey(seeds: std::ops::Range<u64>, stride: u64) {
    silent();
    let mut rows = Vec::new();
    let mut probes = Probes::default();
    for seed in seeds {
        for chaining in [false, true] {
            for kind in [CrashKind::Node, CrashKind::Host, CrashKind::Sync] {
                let setup = Setup::of_seed(seed, chaining);
                let row = sweep(&setup, Sweep { kind, stride, second_percent: 30 });
                probes.add(&row.probes);
                rows.push(row);
            }
        }
    }
    std::eprintln!("{}", table(&rows));
    std::eprintln!("{probes:#?}");
    assert!(rows.iter().all(|row| row.failures.is_empty()));
}

#[test]
fn every_boundary() {
    survey(0..6, 1);
}

#[test]
fn many_workloads() {
    survey(6..30, 11);
}

/// Not a test: sweeps as many seeds as wanted, for people. `CRASH_SEEDS=0..20 CRASH_STRIDE=3`.
#[test]
#[ignore = "a survey by hand"]
fn as_many_as_wanted() {
    let var = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.into());
    let seeds = var("CRASH_SEEDS", "0..4");
    let (from, to) = seeds.split_once("..").expect("from..to");
    let seeds = from.parse().expect("a number")..to.parse().expect("a number");
    survey(seeds, var("CRASH_STRIDE", "5").parse().expect("a number"));
}

/// An entity came into the slot of one that was quarantined while its snapshot was on the way,
/// and was taken for it.
#[test]
fn seed_47() {
    silent();
    let crashes =
        [Crash { at: 122, kind: CrashKind::Host }, Crash { at: 167, kind: CrashKind::Node }];
    let report = run(&Setup::of_seed(47, true), &crashes);
    assert!(report.violations.is_empty(), "{:#?}", report.violations);
}

#[test]
fn seeds_278_and_345() {
    silent();
    let cases = [
        (278, true, Crash { at: 8, kind: CrashKind::Sync }),
        (345, false, Crash { at: 117, kind: CrashKind::Node }),
    ];
    for (seed, chaining, crash) in cases {
        let report = run(&Setup::of_seed(seed, chaining), &[crash]);
        assert!(report.violations.is_empty(), "{:#?}", report.violations);
    }
}
