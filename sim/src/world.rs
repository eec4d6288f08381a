//! The world of a run: nodes with their lives, a store, a bus, and what befalls them.

pub mod bus;
pub mod draw;
pub mod faults;
mod life;
mod misfortune;
pub mod net;
pub mod store;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use edge::identity::EdgeKeys;
use ports::MemoryStore;

pub use bus::SharedBus;
pub use faults::Faults;
pub use life::{Ground, Life};
pub use net::Network;

use crate::kernel::{Kernel, Skew};
use crate::plan::Plan;

/// A world. Cheap to clone; stays on its thread.
#[derive(Clone)]
pub struct World(Rc<Inner>);

struct Inner {
    ground: Ground,
    nodes: Vec<RefCell<Place>>,
    skews: Vec<Arc<Skew>>,
    /// What could not be done at all: a node that does not start again.
    broken: RefCell<Vec<String>>,
    /// When traffic and faults began, in us of the kernel.
    begun_us: Cell<u64>,
}

/// A node's place: a life runs in it, or none.
#[derive(Default)]
struct Place {
    life: Option<Rc<Life>>,
    /// Begin and end of the times at which it served, in us.
    up: Vec<(u64, Option<u64>)>,
}

impl World {
    /// The world of a plan, with no node running yet.
    ///
    /// # Panics
    /// When the system has no random bytes for signing keys (they are no part of the trace).
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
            claims: store::Claims::default(),
            bus: SharedBus::default(),
            faults,
            network,
            types: Arc::new(commerce::hosting::entity_types()),
            keys: EdgeKeys::ephemeral().expect("the system has random bytes"),
        };
        let n_nodes = usize::from(setup.nodes);
        let nodes = (0..n_nodes).map(|_| RefCell::default()).collect();
        let skews = (0..n_nodes).map(|_| Arc::default()).collect();
        Self(Rc::new(Inner {
            ground,
            nodes,
            skews,
            broken: RefCell::default(),
            begun_us: Cell::new(0),
        }))
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

    /// Starts all nodes.
    pub async fn start_all(&self) {
        for node in 0..self.n_nodes() {
            self.start(node).await;
        }
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

    /// Time since then, in us.
    #[must_use]
    pub fn since_begin_us(&self) -> u64 {
        self.kernel().now_us().saturating_sub(self.0.begun_us.get())
    }

    /// Whether all nodes are up and nothing is under way in any of them.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        (0..self.n_nodes()).all(|node| self.life(node).is_some_and(|life| life.is_quiet()))
    }

    /// Starts a node. What goes wrong is kept in [`Self::broken`].
    pub async fn start(&self, number: u16) {
        let skew = Arc::clone(&self.0.skews[usize::from(number)]);
        match Life::start(self.ground(), number, skew).await {
            Ok(life) => {
                let mut place = self.0.nodes[usize::from(number)].borrow_mut();
                place.up.push((self.kernel().now_us(), None));
                place.life = Some(Rc::new(life));
            }
            Err(why) => {
                self.0.broken.borrow_mut().push(format!("node {number} did not start: {why}"));
            }
        }
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

    /// What could not be done at all.
    #[must_use]
    pub fn broken(&self) -> Vec<String> {
        self.0.broken.borrow().clone()
    }
}
