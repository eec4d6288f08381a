//! Several nodes in one process: a store that they share, a network that loses, repeats and
//! reorders frames, and time that only passes when everybody waits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use entity::{Cause, Principal, ShardId, Tenant, Timestamp};
use parking_lot::Mutex;
use ports::MemoryStore;
use tokio::time::Instant;

use super::purse::{self, Purse, Say};
use crate::ctx::{BoxFuture, Clock, NodeCtx, NodeId, Parcel, Random, Transport};
use crate::region::{Ask, AskError, Reply};
use crate::shard::inbox::ShardInbox;
use crate::{Node, NodeOptions};

/// Time of the paused runtime.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PausedClock(Instant);

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_000_000 + u64::try_from(self.0.elapsed().as_millis()).unwrap())
    }

    fn steady(&self) -> Timestamp {
        self.now()
    }

    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(Duration::from_millis(ms)))
    }
}

/// A counted stream of bits.
#[derive(Debug)]
pub(crate) struct Draws(AtomicU64);

impl Random for Draws {
    fn bits(&self) -> u64 {
        let mut z = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// Frames that came for a name without a node.
type Heard = Arc<Mutex<Vec<Vec<u8>>>>;

/// The network.
pub(crate) struct Network {
    nodes: Mutex<BTreeMap<NodeId, Arc<Node>>>,
    cut: Mutex<BTreeSet<NodeId>>,
    heard: Mutex<BTreeMap<NodeId, Heard>>,
    draws: Draws,
    /// Sender, receiver and version of the frames that were sent.
    pub(crate) versions: Mutex<BTreeSet<(String, String, u16)>>,
    pub(crate) loss_percent: AtomicU64,
    pub(crate) n_frames: AtomicU64,
}

struct Wire {
    me: NodeId,
    network: Arc<Network>,
}

impl Network {
    fn loses(&self) -> bool {
        self.draws.bits() % 100 < self.loss_percent.load(Ordering::Relaxed)
    }

    fn is_cut(&self, node: &NodeId) -> bool {
        self.cut.lock().contains(node)
    }
}

impl Transport for Wire {
    fn send(&self, to: &NodeId, frame: Vec<u8>) {
        let network = &self.network;
        network.n_frames.fetch_add(1, Ordering::Relaxed);
        let version = codec::version(&frame);
        network.versions.lock().insert((self.me.to_string(), to.to_string(), version));
        let n_copies = if network.draws.bits().is_multiple_of(10) { 2 } else { 1 };
        for _ in 0..n_copies {
            if network.loses() || network.is_cut(&self.me) || network.is_cut(to) {
                continue;
            }
            let delay = Duration::from_millis(1 + network.draws.bits() % 20);
            let (network, me, to) = (Arc::clone(network), self.me.clone(), to.clone());
            let frame = frame.clone();
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                let node = network.nodes.lock().get(&to).cloned();
                if let Some(node) = node {
                    node.deliver(&me, &frame);
                } else if let Some(heard) = network.heard.lock().get(&to) {
                    heard.lock().push(frame);
                }
            });
        }
    }

    fn local(&self, _to: ShardId, parcel: Parcel, inbox: &ShardInbox) {
        let (network, inbox) = (Arc::clone(&self.network), inbox.clone());
        if network.loses() {
            return;
        }
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(network.draws.bits() % 3)).await;
            inbox.deliver(parcel);
        });
    }
}

/// Nodes over one store.
pub(crate) struct Rig {
    pub(crate) store: MemoryStore,
    pub(crate) network: Arc<Network>,
    clock: PausedClock,
}

impl Rig {
    pub(crate) fn new(n_shards: u16, seed: u64) -> Self {
        let network = Network {
            nodes: Mutex::default(),
            cut: Mutex::default(),
            heard: Mutex::default(),
            draws: Draws(seed.into()),
            versions: Mutex::default(),
            loss_percent: 0.into(),
            n_frames: 0.into(),
        };
        Self {
            store: MemoryStore::with_shard_logs(n_shards),
            network: Arc::new(network),
            clock: PausedClock(Instant::now()),
        }
    }

    pub(crate) async fn node(&self, name: &str) -> Arc<Node> {
        self.build(name, crate::wire::FRAMES).await
    }

    /// A node of a build that reads these versions of frames.
    pub(crate) async fn build(&self, name: &str, frames: ports::Versions) -> Arc<Node> {
        let node = NodeId::new(name);
        let ctx = NodeCtx {
            node: node.clone(),
            transport: Arc::new(Wire { me: node.clone(), network: Arc::clone(&self.network) }),
            clock: Arc::new(self.clock),
            random: Arc::new(Draws(self.network.draws.bits().into())),
            store: Arc::new(self.store.clone()),
            types: purse::types(),
        };
        let options = NodeOptions { frames, ..NodeOptions::default() };
        let started = Node::start_empty(ctx, options).await.unwrap();
        let started = Arc::new(started);
        self.network.nodes.lock().insert(node, Arc::clone(&started));
        started
    }

    /// Collects the frames that are sent to a name that no node has.
    pub(crate) fn listen(&self, name: &str) -> Heard {
        let heard = Heard::default();
        self.network.heard.lock().insert(NodeId::new(name), Arc::clone(&heard));
        heard
    }

    /// Takes a node from the network.
    pub(crate) fn forget(&self, name: &str) {
        self.network.nodes.lock().remove(&NodeId::new(name));
    }

    /// Cuts a node from all others, or mends that.
    pub(crate) fn cut(&self, name: &str, is_cut: bool) {
        let mut cut = self.network.cut.lock();
        if is_cut {
            cut.insert(NodeId::new(name));
        } else {
            cut.remove(&NodeId::new(name));
        }
    }

    /// Lets time pass until something holds; panics after `ms`.
    pub(crate) async fn until(&self, what: &str, ms: u64, mut holds: impl FnMut() -> bool) {
        let end = self.clock.now().plus_ms(ms);
        while !holds() {
            assert!(self.clock.now() < end, "not within {ms} ms: {what}");
            self.clock.sleep(10).await;
        }
    }

    pub(crate) async fn pass(&self, ms: u64) {
        self.clock.sleep(ms).await;
    }
}

/// Shards that a node serves.
pub(crate) fn served(node: &Node) -> Vec<u16> {
    let n_shards = node.ctx().store.n_shards();
    (0..n_shards).filter(|shard| node.serves(ShardId(*shard)).is_some()).collect()
}

pub(crate) fn ask(wait_ms: u64) -> Ask {
    let principal = Principal::system(Tenant::new("acme"));
    Ask { principal, cause: Cause::default(), idempotency: None, wait_ms }
}

/// Order `n`: 5 from one of ten purses to the next.
pub(crate) async fn pay(node: &Node, n: usize) -> Result<Reply<Purse>, AskError<Purse>> {
    let (from, to) = (format!("purse{}", n % 10), format!("purse{}", (n + 1) % 10));
    let order = purse::key(&format!("order{n}"));
    node.region().ask(&order, &Say::Pay { from, to, amount: 5 }, ask(1_000)).await
}

/// What an entity shows, asked until there is an answer.
pub(crate) async fn look(node: &Node, name: &str) -> Purse {
    for _ in 0..200 {
        let seen = node.region().query::<Purse>(&purse::key(name), &Say::Moved, ask(0)).await;
        match seen {
            Ok(seen) => return seen.view,
            Err(AskError::Unavailable | AskError::TimedOut) => {
                node.ctx().clock.sleep(100).await;
            }
            Err(error) => panic!("{name}: {error:?}"),
        }
    }
    panic!("{name} does not answer")
}

/// Waits until orders `0..n` are done, and checks that each moved its amount once.
pub(crate) async fn settle_up(node: &Node, n: usize) {
    for order in 0..n {
        let name = format!("order{order}");
        let mut n_looks = 0;
        while look(node, &name).await.stage < 3 {
            n_looks += 1;
            assert!(n_looks < 300, "{name} does not end: {:?}", look(node, &name).await);
            node.ctx().clock.sleep(100).await;
        }
        assert_eq!(look(node, &name).await.stage, 3, "{name}");
    }
    for purse in 0..10_usize {
        let gave = (0..n).filter(|order| order % 10 == purse).count();
        let got = (0..n).filter(|order| (order + 1) % 10 == purse).count();
        let wanted = 5 * (i64::try_from(got).unwrap() - i64::try_from(gave).unwrap());
        assert_eq!(look(node, &format!("purse{purse}")).await.balance, wanted, "purse{purse}");
    }
}
