//! One life of a node: everything that `mercato serve` starts, over simulated ports.
//!
//! Store, bus, clock and random bits come from the kernel; region, hosts, log, relay, views and
//! the edge's handlers are those of production. A life ends in a crash by being forgotten: its
//! events are dropped, its store calls never end, so nothing of it can act any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cluster::ctx::{Clock, NodeCtx};
use cluster::relay::{BusKind, Relay, RelayHandle, RelayOptions};
use cluster::{Node, NodeOptions};
use commerce::money::Ccy;
use edge::identity::{Authority, AuthorityParts, EdgeKeys, Revocations, Tenants, TokenVerifier};
use edge::settings::{self, Settings};
use edge::shop::{ShippingOption, Terms};
use edge::{EdgeLimits, EdgeParts, EdgeState, Health, InProcess, Shop, Views};
use entity::EntityTypes;
use ports::{MemoryStore, Meta, SharedStore};

use super::bus::{SharedBus, SimBus};
use super::faults::Faults;
use super::net::{Network, node_id};
use super::store::{Claims, SimStore, SimStoreParts, StoreLinks};
use crate::kernel::{Kernel, NodeClock, SimRandom, Skew, Target};

/// How long the ends of a drain may take, in ms.
const DRAIN_MS: u64 = 5_000;

/// What all nodes of a world are made of.
#[derive(Clone)]
pub struct Ground {
    /// Time.
    pub kernel: Kernel,
    /// What is stored.
    pub store: MemoryStore,
    /// Who was given which shard.
    pub claims: Claims,
    /// The bus.
    pub bus: SharedBus,
    /// What goes wrong.
    pub faults: Faults,
    /// What carries messages.
    pub network: Network,
    /// The kinds of entities.
    pub types: Arc<EntityTypes>,
    /// The keys of every edge.
    pub keys: EdgeKeys,
}

/// A node that runs.
pub struct Life {
    /// Its number among the lives of the node, and whom its events are for.
    pub target: Target,
    /// The node.
    pub node: Arc<Node>,
    /// Its edge.
    pub app: InProcess,
    relay: RelayHandle,
    views: Views,
    network: Network,
    alive: Arc<AtomicBool>,
    doomed: Arc<AtomicBool>,
}

impl Life {
    /// Starts a node, as production does. `Err`: why it did not start.
    pub async fn start(ground: &Ground, number: u16, skew: Arc<Skew>) -> Result<Self, String> {
        let life = ground.kernel.begin_life(number);
        let target = Target::Node { node: number, life };
        let (alive, doomed) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let is_embedded = ports::Journal::one_log(&ground.store);
        let store: SharedStore = Arc::new(SimStore::new(SimStoreParts {
            inner: ground.store.clone(),
            kernel: ground.kernel.clone(),
            faults: ground.faults.clone(),
            node: number,
            target,
            links: if is_embedded { StoreLinks::EMBEDDED } else { StoreLinks::SHARED },
            alive: Arc::clone(&alive),
            doomed: Arc::clone(&doomed),
            claims: ground.claims.clone(),
        }));
        let clock = NodeClock::new(ground.kernel.clone(), target, skew);
        let random = Arc::new(SimRandom::new(ground.kernel.seed(), number, life));
        let ctx = NodeCtx {
            node: node_id(number),
            clock: Arc::new(clock.clone()),
            random: Arc::clone(&random) as _,
            transport: ground.network.of(number, target),
            store: Arc::clone(&store),
            types: Arc::clone(&ground.types),
        };
        let node = Node::start(ctx.clone(), NodeOptions::default()).await.map_err(text)?;
        let node = Arc::new(node);
        ground.network.connect(number, Some(Arc::clone(&node)));
        let (kernel, faults) = (ground.kernel.clone(), ground.faults.clone());
        let bus = Arc::new(SimBus::new(ground.bus.clone(), kernel, faults, target));
        let options = RelayOptions { bus: BusKind::Server };
        let commits = Arc::clone(node.commits());
        let relay = Relay::start(ctx, commits, bus, options).await.map_err(text)?;
        let views = Views::start(&node).await.map_err(text)?;
        let edge = edge(ground, &node, &store, views.clone(), clock, random).await?;
        let app = InProcess::public(edge).await;
        let network = ground.network.clone();
        Ok(Self { target, node, app, relay, views, network, alive, doomed })
    }

    /// It is over at once: nothing of it acts any more.
    pub fn crash(&self, kernel: &Kernel) {
        let Target::Node { node, .. } = self.target else { return };
        self.alive.store(false, Ordering::Relaxed);
        self.network.connect(node, None);
        kernel.begin_life(node);
        self.node.kill();
    }

    /// Whether nothing waits in it and all its events are out.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let depth: usize = self.node.depths().into_iter().sum();
        depth == 0 && self.node.region().admission().in_flight() == 0
    }

    /// Whether a sync failed: the process has to end.
    #[must_use]
    pub fn is_doomed(&self) -> bool {
        self.doomed.load(Ordering::Relaxed)
    }

    /// Ends in order. Returns whether all was done in time.
    pub async fn drain(&self) -> bool {
        let is_drained = self.node.drain(DRAIN_MS).await;
        let is_published = self.relay.stop(DRAIN_MS).await;
        self.views.stop(DRAIN_MS).await && is_published && is_drained
    }
}

/// What the shop sells on: no tax and one way to send, so that totals are plain.
fn terms() -> Terms {
    Terms {
        channel: "web".into(),
        ccy: Ccy::USD,
        book: "default".into(),
        tax_ppm: 0,
        tax_included: false,
        shipping: vec![ShippingOption { id: "standard".into(), amount: 0 }],
        locations: vec!["main".into()],
        wallet_grant: 100_000,
    }
}

async fn edge(
    ground: &Ground,
    node: &Node,
    store: &SharedStore,
    views: Views,
    clock: NodeClock,
    random: Arc<SimRandom>,
) -> Result<EdgeState, String> {
    let meta: Arc<dyn Meta> = Arc::clone(store) as _;
    let wall = clock.now();
    let authority = Authority::new(AuthorityParts {
        verifier: TokenVerifier::new(ground.keys.clone(), None, Vec::new()).map_err(text)?,
        revocations: Revocations::load(meta, wall).await.map_err(text)?,
        tenants: Tenants::demo(),
        secure_cookies: false,
        keys: ground.keys.clone(),
    });
    let settings = Settings::default();
    let unlimited = [(settings::RATE_LIMIT.key.to_owned(), 0)].into();
    settings.put(settings.values().changed(&unlimited).map_err(text)?);
    let values = settings.values();
    let region = node.region().clone();
    let shop = Shop::new(region, Arc::clone(store), settings, terms(), views);
    let health = Health::new(Arc::new(Vec::new));
    health.enter(edge::Phase::Serving);
    let state = EdgeState::new(EdgeParts {
        authority,
        issuer: None,
        limits: EdgeLimits::from(&*values),
        clock: Arc::new(move || clock.now()),
        entropy: Arc::new(move |bytes| random.fill(bytes)),
        health,
        scrape: Arc::new(String::new),
        shop: Some(shop),
    });
    state.apply(&values);
    Ok(state)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
