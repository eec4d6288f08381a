//! The kernel by itself: order, time, lives, pauses, and the runtime's behaviour that it needs.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{Kernel, Kind, NodeClock, Tag, Target, run};
use cluster::ctx::Clock;

fn tag(id: u64) -> Tag {
    Tag { kind: Kind::Stream, to: 1, id }
}

fn order(seed: u64, shuffle: bool) -> Vec<u64> {
    let kernel = Kernel::new(seed, 1, shuffle);
    let seen = Arc::new(Mutex::new(Vec::new()));
    run(&kernel, async {
        for id in 0..4 {
            let seen = Arc::clone(&seen);
            kernel.after_ns(Target::Outside, 500, tag(id), move || seen.lock().push(id));
        }
        kernel.sleep_us(1).await;
    });
    Arc::try_unwrap(seen).unwrap().into_inner()
}

#[test]
fn what_happens_at_one_instant_happens_in_turn_or_in_seeded_order() {
    assert_eq!(order(1, false), [0, 1, 2, 3]);
    let orders: std::collections::BTreeSet<_> = (0..500).map(|seed| order(seed, true)).collect();
    assert_eq!(orders.len(), 24, "every order of four is tried");
    assert_eq!(order(7, true), order(7, true));
}

#[test]
fn time_is_exact_and_tokio_follows_it() {
    let kernel = Kernel::new(1, 1, false);
    run(&kernel, async {
        let begun = tokio::time::Instant::now();
        for ns in [1_u64, 999, 1_000, 1_500_000, 7_000_000_000] {
            let before = kernel.0.lock().now_ns;
            kernel.sleep_ns(Target::Outside, ns).await;
            assert_eq!(kernel.0.lock().now_ns - before, ns);
        }
        assert_eq!(begun.elapsed().as_nanos(), 7_001_502_000);
        // A timer of tokio fires at the first event at or after its deadline.
        let timer = tokio::spawn(tokio::time::sleep(std::time::Duration::from_millis(5)));
        let mut waited = 0;
        while !timer.is_finished() {
            kernel.sleep_us(1_000).await;
            waited += 1;
        }
        assert!((5..8).contains(&waited), "{waited} ms");
    });
}

#[test]
fn a_sleep_that_is_dropped_leaves_nothing_behind() {
    let kernel = Kernel::new(1, 1, false);
    run(&kernel, async {
        for _ in 0..1_000 {
            tokio::select! {
                biased;
                () = kernel.sleep_us(1) => {}
                () = kernel.sleep_us(2) => {}
            }
        }
        kernel.sleep_us(10).await;
        assert!(kernel.0.lock().heap.is_empty());
    });
}

#[test]
fn a_dead_life_hears_nothing_and_a_paused_node_hears_later() {
    let kernel = Kernel::new(1, 2, false);
    let seen = Arc::new(Mutex::new(Vec::new()));
    run(&kernel, async {
        let lives = [kernel.begin_life(0), kernel.begin_life(1)];
        for node in [0_u16, 1] {
            for (id, ms) in [(1_u64, 1_u64), (2, 3), (3, 30)] {
                let (seen, at) = (Arc::clone(&seen), kernel.clone());
                let target = Target::Node { node, life: lives[usize::from(node)] };
                kernel.after_ns(target, ms * 1_000_000, tag(id), move || {
                    seen.lock().push((node, id, at.now_us() / 1_000));
                });
            }
        }
        kernel.sleep_us(2_000).await;
        kernel.pause(0, 20);
        kernel.begin_life(1);
        kernel.sleep_us(100_000).await;
    });
    assert_eq!(*seen.lock(), [(0, 1, 1), (1, 1, 1), (0, 2, 22), (0, 3, 30)]);
}

#[test]
fn a_skewed_clock_drifts_and_steps() {
    let kernel = Kernel::new(1, 1, false);
    let skew = Arc::new(super::clock::Skew::default());
    let clock = NodeClock::new(kernel.clone(), Target::Outside, Arc::clone(&skew));
    run(&kernel, async {
        let begun = clock.now().0;
        skew.drift(kernel.now_us(), 100_000);
        kernel.sleep_us(1_000_000).await;
        assert_eq!(clock.now().0 - begun, 1_100);
        skew.drift(kernel.now_us(), 0);
        kernel.sleep_us(1_000_000).await;
        assert_eq!(clock.now().0 - begun, 2_100);
        skew.step(-500);
        assert_eq!(clock.now().0 - begun, 1_600);
        assert_eq!(clock.steady().0 - begun, 2_100, "a step moves no lease");
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_deadlock_is_found() {
    let kernel = Kernel::new(1, 1, false);
    run(&kernel, std::future::pending::<()>());
}

#[test]
fn the_trace_is_small_and_depends_on_everything() {
    let hash = |id: u64| {
        let kernel = Kernel::new(1, 1, false);
        run(&kernel, async {
            for n in 0..10_000 {
                kernel.after_ns(Target::Outside, n * 40_000, tag(n * id), || {});
            }
            kernel.sleep_us(1_000_000).await;
        });
        kernel.with_trace(|trace| {
            assert_eq!((trace.n_events(), trace.checkpoints().len()), (10_000, 2));
            assert!(trace.n_bytes() <= 4 * 10_000, "{}", trace.n_bytes());
            trace.hash()
        })
    };
    assert_eq!(hash(1), hash(1));
    assert_ne!(hash(1), hash(3));
}
