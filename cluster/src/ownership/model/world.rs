//! The world of the model: nodes, what is under way between them, and what may happen next.

mod acts;
mod shell;

use std::collections::BTreeMap;

use ports::NodeId;

use super::store::{Append, Appended, Rules, Store};
use crate::ownership::io::{Input, Peer, StoreCall};
use crate::ownership::{Agent, Timing};

pub(super) const N_SHARDS: u16 = 2;
pub(super) const NAMES: [&str; 3] = ["a", "b", "c"];

/// Coarse times, in units: the holder stops 3 after sending, a watcher waits 5.
pub(super) fn timing() -> Timing {
    Timing {
        tick_ms: 1,
        ttl_ms: 4,
        renew_ms: 1,
        margin_ms: 1,
        poll_ms: 1,
        retry_ms: 1,
        settle_ms: 1,
        residence_ms: 2,
        offer_ms: 2,
        snapshot_ms: 2,
        drain_ms: 2,
        release_ms: 2,
        leave_ms: 6,
    }
}

/// A request on its way to the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Request {
    Agent { call: u64, what: StoreCall },
    Append(Append),
}

/// A request with who waits for its answer. What is not held is dealt with in order, first to
/// last: other orders come from holding, so that orders that make no difference are not tried.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Flight {
    /// Slow: other things happen first.
    held: bool,
    pub(super) node: usize,
    process: u8,
    pub(super) request: Request,
}

/// What a process is told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Event {
    Agent(Input),
    Appended(Append, Appended),
}

/// The host of a shard.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Host {
    pub(super) epoch: u64,
    pub(super) n_durable: usize,
    flying: Option<u8>,
    pub(super) closed: bool,
}

/// A node: at most one process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Node {
    pub(super) agent: Option<Agent>,
    process: u8,
    pub(super) paused: bool,
    inbox: Vec<Event>,
    pub(super) serve_until: u64,
    pub(super) hosts: BTreeMap<u16, Host>,
    pub(super) buffers: Vec<u16>,
    stale_next: bool,
}

/// What may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// One unit passes.
    Time,
    Store(usize),
    LoseRequest(usize),
    LoseAnswer(usize),
    MakeLate(usize),
    HoldRequest(usize),
    ApplyLate(usize),
    Deliver(usize),
    LoseMessage(usize),
    HoldMessage(usize),
    /// A copy comes later.
    Double(usize),
    Crash(usize),
    Restart(usize),
    Pause(usize),
    Resume(usize),
    Stale(usize),
    Append(usize, u16),
    HostFails(usize, u16),
}

impl Action {
    const fn is_fault(self) -> bool {
        match self {
            Self::LoseRequest(_)
            | Self::LoseAnswer(_)
            | Self::MakeLate(_)
            | Self::HoldRequest(_)
            | Self::LoseMessage(_)
            | Self::HoldMessage(_)
            | Self::Double(_)
            | Self::Crash(_)
            | Self::Pause(_)
            | Self::Stale(_)
            | Self::HostFails(..) => true,
            Self::Time
            | Self::Store(_)
            | Self::ApplyLate(_)
            | Self::Deliver(_)
            | Self::Restart(_)
            | Self::Resume(_)
            | Self::Append(..) => false,
        }
    }
}

/// Things that have to happen somewhere, or the check checks nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Probes {
    pub(super) n_opened: u32,
    pub(super) n_closed: u32,
    pub(super) n_released: u32,
    pub(super) n_ended: u32,
    pub(super) n_lives_lost: u32,
    pub(super) n_fenced: u32,
    pub(super) n_acked: u32,
    pub(super) n_reopened: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) now: u64,
    pub(super) nodes: Vec<Node>,
    pub(super) store: Store,
    pub(super) flights: Vec<Flight>,
    pub(super) late: Vec<Request>,
    /// Held or not, from, to, what.
    pub(super) net: Vec<(bool, usize, usize, Peer)>,
    pub(super) n_faults_left: u8,
    pub(super) n_appends_left: u8,
    /// Acknowledged appends, in order of their acknowledgement.
    pub(super) acked: Vec<Append>,
    /// Who opened a shard at an epoch: node and process.
    opened: BTreeMap<(u16, u64), (usize, u8)>,
}

pub(super) fn name(node: usize) -> NodeId {
    NodeId::new(NAMES[node])
}

impl World {
    /// A world in which nobody has started.
    pub(super) fn new(n_faults: u8, n_appends: u8) -> Self {
        let node = Node {
            agent: None,
            process: 0,
            paused: false,
            inbox: Vec::new(),
            serve_until: 0,
            hosts: BTreeMap::new(),
            buffers: Vec::new(),
            stale_next: false,
        };
        Self {
            now: 100,
            nodes: vec![node; NAMES.len()],
            store: Store::new(N_SHARDS),
            flights: Vec::new(),
            late: Vec::new(),
            net: Vec::new(),
            n_faults_left: n_faults,
            n_appends_left: n_appends,
            acked: Vec::new(),
            opened: BTreeMap::new(),
        }
    }

    /// Whether something is under way that is not slow.
    fn is_busy(&self) -> bool {
        let flying = self.flights.iter().any(|flight| !flight.held);
        flying || self.net.iter().any(|message| !message.0)
    }

    /// What may happen now. Without faults left, only what happens in a good world.
    pub(super) fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::with_capacity(32);
        let faulty = self.n_faults_left > 0;
        let n_prompt = self.flights.iter().filter(|flight| !flight.held).count();
        if n_prompt > 0 {
            actions.push(Action::Store(0));
            if faulty {
                let faults = [Action::LoseRequest, Action::LoseAnswer, Action::MakeLate];
                actions.extend(faults.map(|fault| fault(0)));
                actions.push(Action::HoldRequest(0));
            }
        } else if self.is_busy() {
            actions.push(Action::Deliver(0));
            if faulty {
                let faults = [Action::LoseMessage, Action::HoldMessage, Action::Double];
                actions.extend(faults.map(|fault| fault(0)));
            }
        } else {
            actions.push(Action::Time);
        }
        actions.extend((n_prompt..self.flights.len()).map(Action::Store));
        let held = |index: &usize| self.net[*index].0;
        actions.extend((0..self.net.len()).filter(held).map(Action::Deliver));
        actions.extend((0..self.late.len()).map(Action::ApplyLate));
        for index in 0..self.nodes.len() {
            self.node_actions(index, faulty, &mut actions);
        }
        actions
    }

    fn node_actions(&self, index: usize, faulty: bool, actions: &mut Vec<Action>) {
        let node = &self.nodes[index];
        if node.agent.is_none() {
            if node.process > 0 {
                actions.push(Action::Restart(index));
            }
            return;
        }
        if node.paused {
            actions.push(Action::Resume(index));
            return;
        }
        if faulty {
            actions.extend([Action::Crash(index), Action::Pause(index)]);
        }
        // The rest makes no difference while something prompt is under way.
        if self.is_busy() {
            return;
        }
        if faulty && !node.stale_next {
            actions.push(Action::Stale(index));
        }
        for (shard, host) in &node.hosts {
            if self.n_appends_left > 0 && !host.closed && host.flying.is_none() {
                actions.push(Action::Append(index, *shard));
            }
            if faulty {
                actions.push(Action::HostFails(index, *shard));
            }
        }
    }

    /// The invariants of a state.
    fn check(&self, rules: Rules) -> Result<(), String> {
        for append in &self.acked {
            let entries = &self.store.journals[usize::from(append.shard)].entries;
            if entries.get(append.index) != Some(append) {
                return Err(format!("I4: {append:?} was acknowledged and is lost"));
            }
        }
        for journal in &self.store.journals {
            if journal.entries.windows(2).any(|pair| pair[0].epoch > pair[1].epoch) {
                return Err(format!("I1: epochs go back in {:?}", journal.entries));
            }
        }
        for node in self.nodes.iter().filter(|node| !node.paused && self.now < node.serve_until) {
            for (shard, host) in &node.hosts {
                let acked = self.acked.iter().filter(|append| append.shard == *shard);
                let n_acked = acked.map(|append| append.index + 1).max().unwrap_or(0);
                let reads = !(host.closed && rules.close_stops_reads);
                if reads && host.n_durable < n_acked {
                    return Err(format!(
                        "I4: a lease read of shard {shard} at epoch {} sees {} of {n_acked}",
                        host.epoch, host.n_durable
                    ));
                }
            }
        }
        Ok(())
    }
}
