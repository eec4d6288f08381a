//! The bounds of the default run, the larger ones, and the negative controls.

use super::search::{Bounds, Found, breadth_first, settle, walks};
use super::store::Rules;
use super::world::{Action, Probes, World};

const GOOD: Rules = Rules::PROTOCOL;

/// Nodes `0..n` have joined and serve.
fn steady(n_nodes: usize, n_faults: u8, n_appends: u8) -> World {
    let mut world = World::new(0, n_appends);
    (0..n_nodes).for_each(|node| world.start(node));
    settle(&mut world, GOOD, 12).unwrap();
    world.n_faults_left = n_faults;
    world
}

/// Nobody has joined; all start at once.
fn fresh(n_faults: u8) -> World {
    let mut world = World::new(n_faults, 1);
    (0..3).for_each(|node| world.start(node));
    world
}

/// Two serve, the third one starts: a shard is to move to it.
fn joining(n_faults: u8, n_appends: u8) -> World {
    let mut world = steady(2, n_faults, n_appends);
    world.start(2);
    world
}

/// An owner is told to leave.
fn leaving(n_faults: u8, n_appends: u8) -> World {
    let mut world = steady(3, n_faults, n_appends);
    let owner = world.nodes.iter().position(|node| !node.hosts.is_empty()).unwrap();
    world.leave(owner, GOOD, &mut Probes::default()).unwrap();
    world
}

/// An owner was silent for so long that others are about to end its life.
fn silent(n_faults: u8, n_appends: u8, rules: Rules) -> World {
    let mut world = steady(3, 1, n_appends);
    let owner = world.nodes.iter().position(|node| !node.hosts.is_empty()).unwrap();
    world.act(Action::Pause(owner), rules, &mut Probes::default()).unwrap();
    settle(&mut world, rules, 4).unwrap();
    world.n_faults_left = n_faults;
    world
}

fn bounds(n_states: usize, time: u64) -> Bounds {
    Bounds { n_states, time, heal_one_in: 256 }
}

/// Negative controls look for one invariant, not for what comes back.
fn unhealed(n_states: usize, time: u64) -> Bounds {
    Bounds { heal_one_in: u64::MAX, ..bounds(n_states, time) }
}

/// Prints what was seen, and holds it: no invariant broken, enough states.
#[track_caller]
fn holds(name: &str, found: &Found, n_states_min: usize) -> Probes {
    eprintln!(
        "{name}: {} states, {} steps, depth {}, complete {}, healed {}, {:?}",
        found.n_states, found.n_steps, found.depth, found.complete, found.n_healed, found.probes
    );
    if let Some((why, actions)) = &found.broken {
        panic!("{name}: {why}\n{actions:?}");
    }
    assert!(found.n_states >= n_states_min && found.n_healed > 20, "{name} saw too little");
    found.probes
}

#[track_caller]
fn breaks(name: &str, invariant: &str, found: &Found) {
    let Some((why, actions)) = &found.broken else {
        panic!("{name} was not found in {} states, {:?}", found.n_states, found.probes);
    };
    eprintln!("{name}: after {} states, {} actions: {why}", found.n_states, actions.len());
    assert!(why.starts_with(invariant), "{name}: {why}\n{actions:?}");
}

#[test]
fn a_good_world_serves_every_shard_once() {
    let world = steady(3, 0, 0);
    let hosts: Vec<_> = world.nodes.iter().map(|node| node.hosts.len()).collect();
    assert_eq!(hosts.iter().sum::<usize>(), 2, "{hosts:?}");
}

#[test]
fn nodes_join_at_once() {
    let found = breadth_first(fresh(1), GOOD, bounds(150_000, 4));
    let probes = holds("fresh", &found, 20_000);
    assert!(found.complete && probes.n_opened > 1_000, "all states with one fault");
}

#[test]
fn a_steady_cluster_under_faults() {
    let found = breadth_first(steady(3, 1, 1), GOOD, bounds(150_000, 6));
    let probes = holds("steady", &found, 25_000);
    assert!(found.complete, "all states with one fault");
    assert!(probes.n_ended > 100 && probes.n_lives_lost > 50 && probes.n_fenced > 50);
}

#[test]
fn a_node_joins_and_shards_move() {
    let found = breadth_first(joining(1, 1), GOOD, bounds(150_000, 5));
    let probes = holds("joining", &found, 25_000);
    assert!(found.complete, "all states with one fault");
    assert!(probes.n_closed > 300 && probes.n_released > 300 && probes.n_reopened > 0);
}

#[test]
fn a_node_leaves_and_shards_move() {
    let found = breadth_first(leaving(1, 1), GOOD, bounds(150_000, 3));
    let probes = holds("leaving", &found, 20_000);
    assert!(found.complete, "all states with one fault");
    assert!(probes.n_closed > 100 && probes.n_released > 100);
}

#[test]
fn a_silent_owner_is_replaced() {
    let found = breadth_first(silent(1, 1, GOOD), GOOD, bounds(150_000, 2));
    let probes = holds("silent", &found, 25_000);
    assert!(found.complete, "all states with one more fault");
    assert!(probes.n_ended > 1_000 && probes.n_lives_lost > 1_000 && probes.n_fenced > 20);
}

#[test]
fn long_walks() {
    for start in [steady(3, 12, 20), joining(12, 20)] {
        let probes = holds("walks", &walks(&start, GOOD, 100, 400), 100);
        assert!(probes.n_ended > 50 && probes.n_closed > 50 && probes.n_fenced > 5);
    }
}

#[test]
#[ignore = "minutes: two faults, 300,000 states each; run when the protocol changes"]
fn two_faults() {
    let n_states = 300_000;
    holds("fresh", &breadth_first(fresh(2), GOOD, bounds(n_states, 5)), n_states);
    holds("steady", &breadth_first(steady(3, 2, 2), GOOD, bounds(n_states, 8)), n_states);
    holds("joining", &breadth_first(joining(2, 2), GOOD, bounds(n_states, 8)), n_states);
    holds("leaving", &breadth_first(leaving(2, 2), GOOD, bounds(n_states, 8)), n_states);
    holds("silent", &breadth_first(silent(2, 2, GOOD), GOOD, bounds(n_states, 8)), n_states);
    for start in [steady(3, 40, 100), joining(40, 100), fresh(40)] {
        holds("walks", &walks(&start, GOOD, 5_000, 1_000), 5_000);
    }
}

#[test]
fn control_append_without_epoch() {
    let rules = Rules { epoch_condition: false, ..GOOD };
    let found = breadth_first(silent(1, 2, rules), rules, unhealed(60_000, 10));
    breaks("no epoch condition", "I1", &found);
}

#[test]
fn control_lease_revived_beside_a_takeover() {
    let rules = Rules { step_zero: false, ..GOOD };
    let found = breadth_first(silent(0, 2, rules), rules, unhealed(60_000, 10));
    breaks("no step 0", "I4: a lease read", &found);
}

#[test]
fn control_owner_row_without_epoch() {
    let rules = Rules { owner_condition: false, ..GOOD };
    let found = walks(&joining(12, 20), rules, 2_000, 400);
    breaks("no owner condition", "", &found);
}

#[test]
fn control_reads_after_close() {
    let rules = Rules { close_stops_reads: false, ..GOOD };
    let found = breadth_first(joining(0, 2), rules, unhealed(60_000, 10));
    breaks("reads after close", "I4: a lease read", &found);
}

#[test]
fn control_unknown_taken_for_failed() {
    let rules = Rules { identical_retry: false, ..GOOD };
    let found = breadth_first(steady(3, 2, 2), rules, unhealed(60_000, 8));
    breaks("another retry", "I4", &found);
}
