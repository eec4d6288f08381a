//! Searching the world: breadth first over hashed states, random walks, and a good world.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::store::Rules;
use super::world::{Action, N_SHARDS, Probes, World};

/// What a search came to.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) n_states: usize,
    pub(super) n_steps: usize,
    pub(super) depth: usize,
    /// Whether all states within the faults and the time were seen.
    pub(super) complete: bool,
    pub(super) n_healed: usize,
    pub(super) probes: Probes,
    /// The broken invariant, and the actions that lead there.
    pub(super) broken: Option<(String, Vec<Action>)>,
}

/// How far to search.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) n_states: usize,
    /// Units of time after the start.
    pub(super) time: u64,
    /// One state in so many is healed, to see that it comes back.
    pub(super) heal_one_in: u64,
}

fn fingerprint(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

/// All states within the bounds.
pub(super) fn breadth_first(start: World, rules: Rules, bounds: Bounds) -> Found {
    let mut found = Found { complete: true, ..Found::default() };
    let mut seen = HashSet::from([fingerprint(&start)]);
    let mut parents: Vec<(usize, Option<Action>)> = vec![(0, None)];
    let until = start.now + bounds.time;
    let mut open = VecDeque::from([(0, 0, start)]);
    while let Some((at, depth, world)) = open.pop_front() {
        found.depth = depth;
        for action in world.actions() {
            if action == Action::Time && world.now >= until {
                continue;
            }
            let mut next = world.clone();
            found.n_steps += 1;
            let mut result = next.act(action, rules, &mut found.probes);
            let print = fingerprint(&next);
            if result.is_ok() && !seen.insert(print) {
                continue;
            }
            parents.push((at, Some(action)));
            if result.is_ok() && print.is_multiple_of(bounds.heal_one_in) {
                found.n_healed += 1;
                result = heal(next.clone(), rules);
            }
            if let Err(why) = result {
                found.n_states = seen.len();
                found.broken = Some((why, trace(&parents, parents.len() - 1)));
                return found;
            }
            if seen.len() < bounds.n_states {
                open.push_back((parents.len() - 1, depth + 1, next));
            } else {
                found.complete = false;
            }
        }
    }
    found.n_states = seen.len();
    found
}

fn trace(parents: &[(usize, Option<Action>)], mut at: usize) -> Vec<Action> {
    let mut actions = Vec::new();
    while let (parent, Some(action)) = parents[at] {
        actions.push(action);
        at = parent;
    }
    actions.reverse();
    actions
}

/// Random walks: deeper than the search goes, with more faults.
pub(super) fn walks(start: &World, rules: Rules, n_walks: u64, n_steps: usize) -> Found {
    let mut found = Found::default();
    for walk in 0..n_walks {
        let mut world = start.clone();
        let mut random = walk.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut actions = Vec::new();
        for _ in 0..n_steps {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let choices = world.actions();
            let usual: Vec<Action> = choices.iter().copied().filter(|a| is_usual(*a)).collect();
            // Mostly things go their way: faults are not spent at once, and last for a while.
            let among = if random % 12 == 0 || usual.is_empty() { &choices } else { &usual };
            let index = usize::try_from((random >> 16) % among.len() as u64).expect("an index");
            let action = among[index];
            actions.push(action);
            found.n_steps += 1;
            if let Err(why) = world.act(action, rules, &mut found.probes) {
                found.broken = Some((why, actions));
                return found;
            }
        }
        found.n_states += 1;
        found.n_healed += 1;
        if let Err(why) = heal(world, rules) {
            found.broken = Some((why, actions));
            return found;
        }
    }
    found
}

const fn is_usual(action: Action) -> bool {
    match action {
        Action::Time | Action::Store(_) | Action::Deliver(_) | Action::Append(..) => true,
        Action::LoseRequest(_)
        | Action::LoseAnswer(_)
        | Action::MakeLate(_)
        | Action::HoldRequest(_)
        | Action::ApplyLate(_)
        | Action::LoseMessage(_)
        | Action::HoldMessage(_)
        | Action::Double(_)
        | Action::Crash(_)
        | Action::Restart(_)
        | Action::Pause(_)
        | Action::Resume(_)
        | Action::Stale(_)
        | Action::HostFails(..) => false,
    }
}

/// Lets `n_units` pass in a good world: all is delivered in order, nothing is lost.
pub(super) fn settle(world: &mut World, rules: Rules, n_units: usize) -> Result<(), String> {
    let probes = &mut Probes::default();
    for _ in 0..n_units {
        for _ in 0..1_000 {
            if !world.net.is_empty() {
                world.act(Action::Deliver(0), rules, probes)?;
            } else if !world.flights.is_empty() {
                world.act(Action::Store(0), rules, probes)?;
            } else {
                break;
            }
        }
        world.act(Action::Time, rules, probes)?;
    }
    Ok(())
}

/// Faults stop: every shard has to be served again, by the owner that its row names.
fn heal(mut world: World, rules: Rules) -> Result<(), String> {
    world.n_faults_left = 0;
    world.late.clear();
    for node in 0..world.nodes.len() {
        if world.nodes[node].paused {
            world.resume(node, rules, &mut Probes::default())?;
        } else if world.nodes[node].agent.is_none()
            && world.actions().contains(&Action::Restart(node))
        {
            world.start(node);
        }
    }
    settle(&mut world, rules, 40)?;
    for shard in 0..N_SHARDS {
        let row = world.store.owners.get(&entity::ShardId(shard));
        let hosts = world.nodes.iter().enumerate().filter_map(|(index, node)| {
            let host = node.hosts.get(&shard)?;
            Some((index, host.epoch, host.closed, world.now < node.serve_until))
        });
        let hosts: Vec<_> = hosts.collect();
        let named = row.map(|row| {
            let index = super::world::NAMES.iter().position(|name| row.owner.node.0 == *name);
            (index.expect("a node of the model"), row.epoch, false, true)
        });
        if hosts != named.into_iter().collect::<Vec<_>>() || hosts.is_empty() {
            return Err(format!("shard {shard} is not served again: {row:?}, hosts {hosts:?}"));
        }
    }
    if world.nodes.iter().any(|node| !node.buffers.is_empty()) {
        return Err("a buffer is kept for a shard that does not come".into());
    }
    Ok(())
}
