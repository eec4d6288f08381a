//! The search against the definition: every order of small histories of a register.

use super::search::{Call, Model, Verdict, linearize};
use crate::random::{Stream, below, mix};

/// A register that may be written and read, and bumped by one or two without anybody seeing which.
struct Register;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Write(u64),
    Read(u64),
    Bump,
}

impl Model for Register {
    type State = u64;
    type Op = Access;

    fn begin(&self) -> u64 {
        0
    }

    fn step(&self, state: &u64, op: &Access) -> Vec<u64> {
        match *op {
            Access::Write(value) => vec![value],
            Access::Read(value) if value == *state => vec![value],
            Access::Read(_) => Vec::new(),
            Access::Bump => vec![state + 1, state + 2],
        }
    }
}

/// Whether the calls that are left can be put in an order from this state: by trying all.
fn exists(calls: &[Call<Access>], left: &[usize], state: u64) -> bool {
    if left.iter().all(|call| calls[*call].to_us.is_none()) {
        return true;
    }
    left.iter().any(|&first| {
        let call = &calls[first];
        let precedes = |other: &&usize| calls[**other].to_us.is_some_and(|to| to < call.from_us);
        if left.iter().any(|other| precedes(&other)) {
            return false;
        }
        let rest: Vec<_> = left.iter().copied().filter(|other| *other != first).collect();
        Register.step(&state, &call.op).into_iter().any(|next| exists(calls, &rest, next))
    })
}

#[test]
fn the_search_agrees_with_trying_every_order() {
    let mut n_good = 0;
    for seed in 0..3_000 {
        let n_calls = 1 + below(mix(seed, Stream::Plan, 0, 0), 7);
        let calls: Vec<_> = (1..=n_calls)
            .map(|call| {
                let draw = |what: u64, n: u64| below(mix(seed, Stream::Plan, call, what), n);
                let op = match draw(0, 5) {
                    0 => Access::Bump,
                    1 | 2 => Access::Write(draw(1, 3)),
                    _ => Access::Read(draw(1, 4)),
                };
                let from_us = draw(2, 20);
                let to_us = (draw(3, 5) > 0).then_some(from_us + draw(4, 8));
                Call { op, from_us, to_us }
            })
            .collect();
        let all: Vec<_> = (0..calls.len()).collect();
        let is_good = exists(&calls, &all, 0);
        let verdict = linearize(&Register, &calls, 100_000);
        assert_eq!(verdict == Verdict::Linearizable, is_good, "seed {seed}: {calls:#?}");
        assert_ne!(verdict, Verdict::Inconclusive);
        n_good += u32::from(is_good);
    }
    assert!((600..2_400).contains(&n_good), "{n_good} of 3000 are good: the test has no teeth");
}

#[test]
fn it_says_when_it_gives_up() {
    let writes = (0..30).map(|value| Call { op: Access::Write(value), from_us: 0, to_us: Some(9) });
    let mut calls: Vec<_> = writes.collect();
    calls.push(Call { op: Access::Read(99), from_us: 10, to_us: Some(11) });
    assert_eq!(linearize(&Register, &calls, 1_000), Verdict::Inconclusive);
}

#[test]
fn it_names_the_call_that_cannot_be() {
    let calls = [
        Call { op: Access::Read(7), from_us: 40, to_us: Some(50) },
        Call { op: Access::Write(1), from_us: 0, to_us: Some(10) },
        Call { op: Access::Read(1), from_us: 20, to_us: Some(30) },
    ];
    assert_eq!(linearize(&Register, &calls, 1_000), Verdict::Impossible { stuck: 0 });
    assert_eq!(linearize(&Register, &calls[1..], 1_000), Verdict::Linearizable);
    assert_eq!(linearize(&Register, &[], 1_000), Verdict::Linearizable);
}

#[test]
fn a_long_history_without_overlap_takes_one_step_a_call() {
    let calls: Vec<_> = (0..20_000)
        .map(|step: u64| {
            let op =
                if step.is_multiple_of(2) { Access::Write(step) } else { Access::Read(step - 1) };
            Call { op, from_us: step * 10, to_us: Some(step * 10 + 5) }
        })
        .collect();
    assert_eq!(linearize(&Register, &calls, calls.len()), Verdict::Linearizable);
}
