//! Sweeps over fixed seeds, and the canaries.

use super::*;

/// Poison panics by the thousand; nobody wants to read that.
fn silent() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let text = info.payload_as_str().unwrap_or_default();
            if !text.starts_with("poison") && !text.starts_with("asked to panic") {
                loud(info);
            }
        }));
    });
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

/// Not a test: sweeps as many seeds as wanted, for people. `CRASH_SEEDS=0..20 CRASH_STRIDE=3`.
#[test]
#[ignore = "a survey by hand"]
fn survey() {
    silent();
    let var = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.into());
    let seeds = var("CRASH_SEEDS", "0..4");
    let (from, to) = seeds.split_once("..").expect("from..to");
    let (from, to): (u64, u64) = (from.parse().expect("a number"), to.parse().expect("a number"));
    let stride = var("CRASH_STRIDE", "5").parse().expect("a number");
    let mut rows = Vec::new();
    let mut probes = Probes::default();
    for seed in from..to {
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
