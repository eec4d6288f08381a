//! The world of a run: nodes with their lives, a store, a bus, and what befalls them.

pub mod bus;
pub mod claims;
pub mod draw;
pub mod faults;
mod life;
mod limits;
mod misfortune;
pub mod moments;
pub mod net;
pub mod store;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use cluster::ownership::Timing;
use cluster::wire::FRAMES;
use edge::identity::EdgeKeys;
use entity::ShardId;
use ports::{MemoryStore, Versions};
use tokio::sync::Notify;

pub use bus::SharedBus;
pub use faults::Faults;
pub use life::{Ground, Life};
pub use moments::Moments;
pub use net::Network;

use crate::calm::Calm;
use crate::kernel::{EPOCH_MS, Kernel, Skew};
use crate::plan::{FaultKind, Plan};
use crate::record::Violation;

/// What a build reads that speaks one version of messages less than this one.
const OLDER: Versions = Versions { highest: FRAMES.highest - 1, ..FRAMES };

/// A world. Cheap to clone; stays on its thread.
#[derive(Clone)]
pub struct World(Rc<Inner>);

struct Inner {
    ground: Ground,
    nodes: Vec<RefCell<Place>>,
    skews: Vec<Arc<Skew>>,
    /// Which versions of messages each node's build reads and writes.
    builds: Vec<Cell<Versions>>,
    /// When traffic and faults began, in us of the kernel.
    begun_us: Cell<u64>,
    /// How long they lasted, in us, once they are over.
    lasted_us: Cell<Option<u64>>,
    /// What went wrong although nothing was to disturb it.
    troubles: RefCell<Vec<Violation>>,
    /// When faults of the plan happened.
    calm: RefCell<Calm>,
}

/// What a node has given out that is to be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// Number of the node.
    pub node: u16,
    /// Principals who have anything under way.
    pub n_principals: usize,
    /// Asks for other nodes, or of them.
    pub n_forwarding: usize,
}

/// Cuts a start off.
#[derive(Default)]
struct Cut {
    asked: Notify,
    /// Unsynced writes that reached the disk all the same.
    kept_writes: Cell<u16>,
}

/// A node's place: a life runs in it, or none.
#[derive(Default)]
struct Place {
    life: Option<Rc<Life>>,
    /// Begin and end of the times at which it served, in us.
    up: Vec<(u64, Option<u64>)>,
    /// Why the last try to start it failed.
    down_because: Option<String>,
    /// A start is under way, and can be cut off.
    starting: Option<Rc<Cut>>,
}

impl World {
    /// The world of a plan, with no node running yet.
    ///
    /// # Panics
    /// When the keys of simulated edges are not taken for keys.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let setup = &plan.setup;
        let store = match setup.nodes {
            1 => MemoryStore::new(setup.shards),
            _ => MemoryStore::with_shard_logs(setup.shards),
        };
        let kernel = Kernel::new(plan.seed, setup.nodes, setup.shuffle);
        let faults = Faults::new(plan.seed);
        let (link, explore) = (setup.link, setup.shuffle);
        let network = Network::new(kernel.clone(), faults.clone(), link, explore, setup.nodes);
        let ground = Ground {
            kernel,
            store,
            claims: claims::Claims::default(),
            bus: SharedBus::default(),
            faults,
            moments: Moments::default(),
            network,
            types: Arc::new(commerce::hosting::entity_types()),
            timing: Timing { residence_ms: setup.residence_ms, ..Timing::default() },
            keys: EdgeKeys::known_to_all().expect("the pair is a pair"),
            stream_window: usize::try_from(setup.stream_window).unwrap_or(usize::MAX),
            snapshot_tail: setup.snapshot_tail.into(),
            order_waits: setup.order_waits,
            tax: setup.tax,
        };
        let n_nodes = usize::from(setup.nodes);
        let nodes = (0..n_nodes).map(|_| RefCell::default()).collect();
        let skews = (0..n_nodes).map(|_| Arc::default()).collect();
        // Who is to be upgraded begins as the older build, and so do all beside it.
        let upgrades = |kind: &FaultKind| matches!(kind, FaultKind::Roll { new_version: true, .. });
        let upgraded = plan.faults.iter().any(|fault| upgrades(&fault.kind));
        let build = if upgraded { OLDER } else { FRAMES };
        let inner = Inner {
            ground,
            nodes,
            skews,
            builds: vec![Cell::new(build); n_nodes],
            begun_us: Cell::new(0),
            lasted_us: Cell::new(None),
            troubles: RefCell::default(),
            calm: RefCell::new(Calm::of_nodes(setup.nodes)),
        };
        Self(Rc::new(inner))
    }

    /// What its nodes are made of.
    #[must_use]
    pub fn ground(&self) -> &Ground {
        &self.0.ground
    }

    /// Its kernel.
    #[must_use]
    pub fn kernel(&self) -> &Kernel {
        &self.0.ground.kernel
    }

    /// How many nodes it has, up or down.
    #[must_use]
    pub fn n_nodes(&self) -> u16 {
        u16::try_from(self.0.nodes.len()).expect("a plan has at most 32 nodes")
    }

    /// Starts all nodes, and waits until every shard is served. `Err`: not in time.
    pub async fn start_all(&self) -> Result<(), String> {
        for node in 0..self.n_nodes() {
            self.start(node).await;
        }
        let until_us = self.kernel().now_us() + limits::FIRST_SHARDS_US;
        while !self.is_served() {
            if self.kernel().now_us() > until_us {
                return Err("shards that nobody serves a minute after the start".into());
            }
            self.kernel().sleep_us(limits::LOOK_US).await;
        }
        Ok(())
    }

    /// Whether one node serves each shard.
    #[must_use]
    pub fn is_served(&self) -> bool {
        let lives: Vec<_> = (0..self.n_nodes()).filter_map(|node| self.life(node)).collect();
        let n_shards = ports::Journal::n_shards(&self.ground().store);
        (0..n_shards)
            .map(ShardId)
            .all(|shard| lives.iter().filter(|life| life.node.serves(shard).is_some()).count() == 1)
    }

    /// Whether no two nodes serve a shard under the same epoch (I1). One that does not know yet
    /// that it lost a shard serves it under an older one, and its lease keeps it silent.
    #[must_use]
    pub fn has_one_owner_each(&self) -> bool {
        let lives: Vec<_> = (0..self.n_nodes()).filter_map(|node| self.life(node)).collect();
        let n_shards = ports::Journal::n_shards(&self.ground().store);
        (0..n_shards).map(ShardId).all(|shard| {
            let mut epochs: Vec<_> =
                lives.iter().filter_map(|life| life.node.serves(shard)).collect();
            let n = epochs.len();
            epochs.sort_unstable();
            epochs.dedup();
            epochs.len() == n
        })
    }

    /// Waits until all events are out. Returns whether that was in time.
    pub async fn publish(&self) -> bool {
        let mut all = true;
        for node in 0..self.n_nodes() {
            all &= match self.life(node) {
                Some(life) => life.publish().await,
                None => false,
            };
        }
        all
    }

    /// From now on the times of the plan count.
    pub fn begin(&self) {
        self.0.begun_us.set(self.kernel().now_us());
    }

    /// When they began to count, in us of the kernel.
    #[must_use]
    pub fn begun_us(&self) -> u64 {
        self.0.begun_us.get()
    }

    /// They count no longer: what happens from now on belongs to no time of the plan.
    pub fn end(&self) {
        self.0.lasted_us.set(Some(self.since_begin_us()));
    }

    /// Time since they began to count, in us, until they ended.
    #[must_use]
    pub fn since_begin_us(&self) -> u64 {
        let now_us = || self.kernel().now_us().saturating_sub(self.0.begun_us.get());
        self.0.lasted_us.get().unwrap_or_else(now_us)
    }

    /// All clocks leap.
    pub fn leap(&self, by_ms: i64) {
        self.0.skews.iter().for_each(|skew| skew.step(by_ms));
    }

    /// The earliest time that a node's clock shows, in ms since 1970.
    #[must_use]
    pub fn clock_ms(&self) -> u64 {
        let now_us = self.kernel().now_us();
        let clocks = self.0.skews.iter().map(|skew| skew.at(now_us).0);
        clocks.min().unwrap_or(EPOCH_MS)
    }

    /// What went wrong although nothing was to disturb it.
    #[must_use]
    pub fn troubles(&self) -> Vec<Violation> {
        let mut troubles = self.0.troubles.borrow().clone();
        let breaches = self.ground().claims.breaches().into_iter();
        for mut breach in breaches.chain(self.ground().network.unleased()) {
            breach.at_us = breach.at_us.saturating_sub(self.begun_us());
            troubles.push(breach);
        }
        troubles
    }

    /// When nothing disturbed it.
    #[must_use]
    pub fn calm(&self) -> Calm {
        self.0.calm.borrow().clone()
    }

    /// Waits until the views show all events. Returns whether that was in time.
    pub async fn show(&self) -> bool {
        let mut all = true;
        for node in 0..self.n_nodes() {
            all &= match self.life(node) {
                Some(life) => life.show().await,
                None => false,
            };
        }
        all
    }

    /// Whether all nodes are up, all shards served, and nothing is under way in any node.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.is_served()
            && (0..self.n_nodes()).all(|node| self.life(node).is_some_and(|life| life.is_quiet()))
    }

    /// The places that are taken in each node that runs.
    #[must_use]
    pub fn places(&self) -> Vec<Places> {
        let lives = (0..self.n_nodes()).filter_map(|node| Some((node, self.life(node)?)));
        let places = |(node, life): (u16, Rc<Life>)| Places {
            node,
            n_principals: life.node.region().admission().n_principals(),
            n_forwarding: life.node.n_forwarding(),
        };
        lives.map(places).collect()
    }

    /// Starts a node, again and again as a process manager does, until it runs.
    pub async fn start(&self, number: u16) {
        loop {
            let skew = Arc::clone(&self.0.skews[usize::from(number)]);
            let build = self.0.builds[usize::from(number)].get();
            let cut = Rc::new(Cut::default());
            self.0.nodes[usize::from(number)].borrow_mut().starting = Some(Rc::clone(&cut));
            let started = tokio::select! {
                biased;
                () = cut.asked.notified() => None,
                started = Life::start(self.ground(), number, skew, build) => Some(started),
            };
            self.0.nodes[usize::from(number)].borrow_mut().starting = None;
            let started = started.unwrap_or_else(|| {
                self.kernel().begin_life(number);
                self.lose_unsynced(cut.kept_writes.get());
                Err("its process died while it started".into())
            });
            if self.settle_in(number, started) {
                return;
            }
            self.kernel().sleep_us(limits::RESTART_US).await;
        }
    }

    /// Puts a life that began into its place. Returns whether it did begin.
    fn settle_in(&self, number: u16, started: Result<Life, String>) -> bool {
        let mut place = self.0.nodes[usize::from(number)].borrow_mut();
        match started {
            Ok(life) => {
                place.up.push((self.kernel().now_us(), None));
                let life = Rc::new(life);
                place.life = Some(Rc::clone(&life));
                tokio::task::spawn_local(self.clone().tend(number, life));
                true
            }
            Err(why) => {
                place.down_because = Some(why);
                false
            }
        }
    }

    /// What keeps the world from being quiet: for people.
    #[must_use]
    pub fn restless(&self) -> String {
        let mut said = Vec::new();
        for number in 0..self.n_nodes() {
            match self.life(number) {
                Some(life) if life.is_quiet() => {}
                Some(life) => {
                    let asks = life.node.region().admission().in_flight();
                    let unacked = if life.node.may_have_unacked() { ", messages" } else { "" };
                    said.push(format!("node {number} has {asks} asks, inputs{unacked} under way"));
                }
                None => {
                    let place = self.0.nodes[usize::from(number)].borrow();
                    let why = place.down_because.as_deref().unwrap_or("it was not started");
                    said.push(format!("node {number} is down: {why}"));
                }
            }
        }
        if !self.is_served() {
            said.push("shards are not served by one node each".into());
        }
        said.join("; ")
    }

    /// The life that runs on a node.
    #[must_use]
    pub fn life(&self, number: u16) -> Option<Rc<Life>> {
        self.0.nodes[usize::from(number)].borrow().life.clone()
    }

    /// Takes a node's life away, however it ended.
    fn forget(&self, number: u16) -> Option<Rc<Life>> {
        let now_us = self.kernel().now_us();
        let mut place = self.0.nodes[usize::from(number)].borrow_mut();
        if let Some((_, end)) = place.up.last_mut() {
            end.get_or_insert(now_us);
        }
        place.life.take()
    }

    /// When a node served, in us.
    #[must_use]
    pub fn up(&self, number: u16) -> Vec<(u64, Option<u64>)> {
        self.0.nodes[usize::from(number)].borrow().up.clone()
    }
}
