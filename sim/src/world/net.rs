//! The network between nodes, and the way between the shards of one node.
//!
//! Every message is an event: it takes time, and faults in force may lose, repeat or delay it.
//! Draws are keyed by what a message is and when it was sent, so that no message's fate depends
//! on another's. Messages within a node are never lost, but may overtake each other.

use std::sync::Arc;

use cluster::Node;
use cluster::ctx::{NodeId, Parcel, Transport};
use cluster::shard::Answer;
use cluster::shard::inbox::ShardInbox;
use cluster::wire::{Outcome, PeerMessage};
use entity::ShardId;
use parking_lot::Mutex;
use xxhash_rust::xxh3::xxh3_64;

use super::draw;
use super::faults::Faults;
use crate::check::journal::{Acked, Sent};
use crate::kernel::{Kernel, Kind, Tag, Target};
use crate::plan::{FaultKind, Link};
use crate::record::Violation;

/// How long a message within a node takes when the order of messages is explored.
const WITHIN: Link = Link { base_us: 0, jitter_us: 4, tail_ppm: 10_000 };

/// What all nodes share. Cheap to clone.
#[derive(Clone)]
pub struct Network {
    kernel: Kernel,
    faults: Faults,
    link: Link,
    explore: bool,
    nodes: Arc<Mutex<Vec<Option<Arc<Node>>>>>,
    said: Arc<Mutex<Said>>,
}

/// What shards said to each other, whether it arrived or not. Times in us of the kernel.
#[derive(Default)]
struct Said {
    acks: Vec<Acked>,
    sent: Vec<Sent>,
    /// Answers of nodes whose lease was over.
    unleased: Vec<(u64, NodeId)>,
}

impl Network {
    /// A network whose links have this latency; `explore`: also messages within a node take time.
    #[must_use]
    pub fn new(kernel: Kernel, faults: Faults, link: Link, explore: bool, n_nodes: u16) -> Self {
        let nodes = Arc::new(Mutex::new(vec![None; usize::from(n_nodes)]));
        Self { kernel, faults, link, explore, nodes, said: Arc::default() }
    }

    /// Acknowledgements between shards, with their times in us since `begun_us`.
    #[must_use]
    pub fn acks(&self, begun_us: u64) -> Vec<Acked> {
        let since = |ack: &Acked| Acked { at_us: ack.at_us.saturating_sub(begun_us), ..*ack };
        self.said.lock().acks.iter().map(since).collect()
    }

    /// Messages between shards, with their times in us since `begun_us`.
    #[must_use]
    pub fn sent(&self, begun_us: u64) -> Vec<Sent> {
        let since = |sent: &Sent| Sent { at_us: sent.at_us.saturating_sub(begun_us), ..*sent };
        self.said.lock().sent.iter().map(since).collect()
    }

    /// Answers that nodes gave whose lease was over: somebody else may have answered since (I1).
    #[must_use]
    pub fn unleased(&self) -> Vec<Violation> {
        let told = |(at_us, node): &(u64, NodeId)| {
            let what = format!("{node} answers for a shard when its lease is over");
            Violation { invariant: "I1".into(), at_us: *at_us, what }
        };
        self.said.lock().unleased.iter().map(told).collect()
    }

    /// Notes what a frame says, when it leaves.
    fn look(&self, from: u16, frame: &[u8]) {
        if cluster::wire::is_ownership(frame) {
            return;
        }
        match codec::open(frame) {
            Ok(PeerMessage::Parcel { to, parcel }) => self.note(to, &parcel),
            // A refusal says nothing of the shard.
            Ok(PeerMessage::Answer { outcome: Outcome::Answered(Answer::Refused(_)), .. }) => {}
            Ok(PeerMessage::Answer { outcome: Outcome::Answered(_), .. }) => {
                let node = self.nodes.lock()[usize::from(from)].clone();
                if node.is_some_and(|node| !node.may_answer()) {
                    self.said.lock().unleased.push((self.kernel.now_us(), node_id(from)));
                }
            }
            // Frames of an older version are not looked into.
            Ok(_) | Err(_) => {}
        }
    }

    /// Notes what a shard says to another one, when it leaves.
    fn note(&self, to: ShardId, parcel: &Parcel) {
        let at_us = self.kernel.now_us();
        match parcel {
            Parcel::Stream { from, sends } => {
                let sent = |through| Sent { by: *from, to, through, at_us };
                self.said.lock().sent.extend(sends.last().map(|last| sent(last.number)));
            }
            Parcel::Acked { by, through } => {
                let ack = Acked { by: *by, to, through: *through, at_us };
                self.said.lock().acks.push(ack);
            }
            Parcel::Resend { .. } => {}
        }
    }

    /// From now on frames for a node are given to this one, or to nobody.
    pub fn connect(&self, number: u16, node: Option<Arc<Node>>) {
        self.nodes.lock()[usize::from(number)] = node;
    }

    /// The way out of one life of a node.
    #[must_use]
    pub fn of(&self, from: u16, target: Target) -> Arc<dyn Transport> {
        Arc::new(Wire { network: self.clone(), from, target })
    }

    fn carry(&self, from: u16, to: u16, frame: Vec<u8>, name: u64, extra_ns: u64) {
        let ns = draw::latency_ns(self.link, self.kernel.seed(), name, 0) + extra_ns;
        let (nodes, sender) = (Arc::clone(&self.nodes), node_id(from));
        let kind = match cluster::wire::is_ownership(&frame) {
            true => Kind::Heartbeat,
            false => Kind::Frame,
        };
        let tag = Tag { kind, to: u32::from(to), id: name };
        self.kernel.after_ns(Target::Machine { node: to }, ns, tag, move || {
            let node = nodes.lock()[usize::from(to)].clone();
            if let Some(node) = node {
                node.deliver(&sender, &frame);
            }
        });
    }
}

/// The name of a node with this number.
#[must_use]
pub fn node_id(number: u16) -> NodeId {
    NodeId::new(&format!("n{number}"))
}

/// The number of a node with this name.
fn number_of(node: &NodeId) -> Option<u16> {
    node.0.strip_prefix('n').and_then(|digits| digits.parse().ok())
}

struct Wire {
    network: Network,
    from: u16,
    target: Target,
}

impl Transport for Wire {
    fn send(&self, to: &NodeId, frame: Vec<u8>) {
        let Some(to) = number_of(to) else { return };
        let Network { kernel, faults, .. } = &self.network;
        self.network.look(self.from, &frame);
        let hash = xxh3_64(&frame);
        let parts = [u64::from(self.from), u64::from(to), hash, kernel.now_us()];
        let name = draw::name(&parts);
        let from = self.from;
        let lost = faults.strikes(name, |kind| match kind {
            FaultKind::Loss { percent } => Some(*percent),
            FaultKind::Partition { side, one_way } => {
                let (inside, there) = (side >> from & 1 == 1, side >> to & 1 == 1);
                let cut = inside != there && (inside || !one_way);
                cut.then_some(100)
            }
            _ => None,
        });
        if lost {
            return;
        }
        let late = faults.delay_ns(name, |kind| match kind {
            FaultKind::Delay { up_to_ms } => Some(*up_to_ms),
            _ => None,
        });
        let twice = faults.struck(name, |kind| match kind {
            FaultKind::Duplicate { percent } => Some(*percent),
            _ => None,
        });
        if let Some(bits) = twice {
            let later = bits % 50_000_000;
            self.network.carry(from, to, frame.clone(), name ^ 1, late + later);
        }
        self.network.carry(from, to, frame, name, late);
    }

    fn local(&self, to: ShardId, parcel: Parcel, inbox: &ShardInbox) {
        self.network.note(to, &parcel);
        let (kind, id, n_more) = match &parcel {
            Parcel::Stream { from, sends } => {
                let first = sends.first().map_or(0, |send| send.number);
                (Kind::Stream, draw::name(&[u64::from(from.0), first]), sends.len() - 1)
            }
            Parcel::Acked { by, through } => {
                (Kind::Ack, draw::name(&[u64::from(by.0), *through]), 0)
            }
            Parcel::Resend { to } => (Kind::Resend, u64::from(to.0), 0),
        };
        let kernel = &self.network.kernel;
        let tag = Tag { kind, to: u32::from(to.0), id };
        let ns = match self.network.explore {
            true => draw::latency_ns(WITHIN, kernel.seed(), id ^ u64::from(to.0), 1),
            false => 0,
        };
        let (inbox, counter) = (inbox.clone(), kernel.clone());
        kernel.after_ns(self.target, ns, tag, move || {
            for index in 0..n_more {
                counter.note(Tag { id: tag.id.wrapping_add(index as u64 + 1), ..tag });
            }
            inbox.deliver(parcel);
        });
    }
}
