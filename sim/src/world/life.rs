//! One life of a node: everything that `mercato serve` starts, over simulated ports.
//!
//! Store, bus, clock and random bits come from the kernel; region, hosts, log, relay, views and
//! the edge's handlers are those of production. A life ends in a crash by being forgotten: its
//! events are dropped, its store calls never end, so nothing of it can act any more.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cluster::ctx::{Clock, NodeCtx};
use cluster::latest;
use cluster::membership::Membership;
use cluster::ownership::Timing;
use cluster::relay::{BusKind, Relay, RelayHandle, RelayOptions};
use cluster::{Node, NodeOptions};
use commerce::money::Ccy;
use edge::identity::{Authority, AuthorityParts, EdgeKeys, Revocations, Tenants, TokenVerifier};
use edge::settings::{self, Settings};
use edge::shop::{ShippingOption, Terms};
use edge::{EdgeLimits, EdgeParts, EdgeState, Health, InProcess, Shop, Views};
use entity::EntityTypes;
use ports::{MemoryStore, Meta, SharedStore, Versions};
use tokio::sync::Notify;

use super::bus::{SharedBus, SimBus};
use super::claims::Claims;
use super::faults::Faults;
use super::moments::Moments;
use super::net::{Network, node_id};
use super::store::{SimStore, SimStoreParts, StoreLinks};
use crate::kernel::{Kernel, NodeClock, SimRandom, Skew, Target};
use crate::plan::{OrderWaits, PLACES, Tax};

/// How long the ends of a drain may take, in ms.
const DRAIN_MS: u64 = 5_000;
/// Over which time live streams are told to go, in ms.
const BYE_MS: u64 = 500;

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
    /// What some of it waits for.
    pub moments: Moments,
    /// What carries messages.
    pub network: Network,
    /// The kinds of entities.
    pub types: Arc<EntityTypes>,
    /// How nodes of a cluster share the shards out.
    pub timing: Timing,
    /// The keys of every edge.
    pub keys: EdgeKeys,
    /// Unacknowledged messages that close a stream.
    pub stream_window: usize,
    /// Events in a shard's tail at which its owner takes snapshots.
    pub snapshot_tail: u64,
    /// How long orders wait.
    pub order_waits: OrderWaits,
    /// What is taken on prices, or inside them.
    pub tax: Tax,
}

/// A node that runs.
pub struct Life {
    /// Its number among the lives of the node, and whom its events are for.
    pub target: Target,
    /// The node.
    pub node: Arc<Node>,
    /// What its edge is made of.
    pub edge: EdgeState,
    /// Its edge.
    pub app: InProcess,
    /// Its part in a cluster; a node with a store of its own has none.
    membership: Option<Membership>,
    relay: RelayHandle,
    views: Views,
    network: Network,
    alive: Arc<AtomicBool>,
    over: Notify,
    doomed: latest::Receiver<bool>,
}

/// A node whose start is under way; unless it is kept, its process has ended.
struct Begun<'a> {
    number: u16,
    ground: &'a Ground,
    node: Arc<Node>,
    alive: Arc<AtomicBool>,
    keep: Cell<bool>,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if !self.keep.get() {
            self.alive.store(false, Ordering::Relaxed);
            self.ground.network.connect(self.number, None);
            self.ground.kernel.begin_life(self.number);
            self.node.kill();
        }
    }
}

impl Life {
    /// Starts a node, as production does. `Err`: why it did not start.
    ///
    /// `frames`: the versions of messages between nodes that its build reads and writes.
    pub async fn start(
        ground: &Ground,
        number: u16,
        skew: Arc<Skew>,
        frames: Versions,
    ) -> Result<Self, String> {
        let life = ground.kernel.begin_life(number);
        let target = Target::Node { node: number, life };
        let alive = Arc::new(AtomicBool::new(true));
        let (doom, doomed) = latest::channel(false);
        let is_embedded = ports::Journal::one_log(&ground.store);
        let clock = NodeClock::new(ground.kernel.clone(), target, skew);
        let store = store(ground, number, &clock, (&alive, doom));
        let random = Arc::new(SimRandom::new(ground.kernel.seed(), number, life));
        let ctx = NodeCtx {
            node: node_id(number),
            clock: Arc::new(clock.clone()),
            random: Arc::clone(&random) as _,
            transport: ground.network.of(number, target),
            store: Arc::clone(&store),
            types: Arc::clone(&ground.types),
        };
        let (stream_window, snapshot_tail_events) = (ground.stream_window, ground.snapshot_tail);
        let options =
            NodeOptions { stream_window, snapshot_tail_events, frames, ..NodeOptions::default() };
        let node = match is_embedded {
            true => Node::start(ctx.clone(), options).await,
            false => Node::start_empty(ctx.clone(), options).await,
        };
        let node = Arc::new(node.map_err(text)?);
        let begun = Begun {
            number,
            ground,
            node: Arc::clone(&node),
            alive: Arc::clone(&alive),
            keep: Cell::new(false),
        };
        ground.network.connect(number, Some(Arc::clone(&node)));
        let membership =
            (!is_embedded).then(|| Membership::start(Arc::clone(&node), ground.timing.clone()));
        let (kernel, faults) = (ground.kernel.clone(), ground.faults.clone());
        let bus = Arc::new(SimBus::new(ground.bus.clone(), kernel, faults, target));
        let options = RelayOptions { bus: BusKind::Server };
        let commits = Arc::clone(node.commits());
        let relay = Relay::start(ctx, commits, bus, options).await.map_err(text)?;
        let views = Views::start(&node).await.map_err(text)?;
        let edge = edge(ground, &node, &store, views.clone(), clock, random).await?;
        let app = InProcess::public(edge.clone()).await;
        let network = ground.network.clone();
        begun.keep.set(true);
        Ok(Self {
            target,
            node,
            edge,
            app,
            membership,
            relay,
            views,
            network,
            alive,
            over: Notify::new(),
            doomed,
        })
    }

    /// It is over at once: nothing of it acts any more.
    pub fn crash(&self, kernel: &Kernel) {
        let Target::Node { node, .. } = self.target else { return };
        self.alive.store(false, Ordering::Relaxed);
        self.network.connect(node, None);
        kernel.begin_life(node);
        self.node.kill();
        self.over.notify_waiters();
    }

    /// Waits until it is over.
    pub async fn over(&self) {
        let over = self.over.notified();
        if self.alive.load(Ordering::Relaxed) {
            over.await;
        }
    }

    /// Whether nothing waits in it.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let depth: usize = self.node.depths().into_iter().sum();
        let in_flight = self.node.region().admission().in_flight();
        depth == 0 && in_flight == 0 && !self.node.may_have_unacked()
    }

    /// Waits until a sync has failed. `false`: none ever will, it is over.
    pub async fn doomed(&self) -> bool {
        tokio::select! {
            biased;
            () = self.over() => false,
            doomed = self.doomed.wait_for(|is_doomed| *is_doomed) => doomed.is_some(),
        }
    }

    /// Waits until all events of its shards are out. Returns whether that was in time.
    pub async fn publish(&self) -> bool {
        self.relay.flush(DRAIN_MS).await
    }

    /// Waits until its views show all events of its shards. Returns whether that was in time.
    pub async fn show(&self) -> bool {
        let mut all = true;
        for (_, projection) in self.views.all() {
            all &= projection.catch_up(DRAIN_MS).await;
        }
        all
    }

    /// Whether events of its shards wait to be published, as far as it has noticed.
    #[must_use]
    pub fn has_unpublished(&self) -> bool {
        self.relay.state().lag_events > 0
    }

    /// Ends in order, its shards with others as far as there are any. Returns whether all was
    /// done in time, and no crash came first.
    pub async fn drain(&self) -> bool {
        // Nothing that a dead node waits for comes.
        tokio::select! {
            biased;
            () = self.over() => false,
            all = self.drain_alive() => all,
        }
    }

    async fn drain_alive(&self) -> bool {
        self.edge.health().enter(edge::Phase::Draining);
        let bye = self.edge.streams().drain(Duration::from_millis(BYE_MS));
        let are_told = tokio::time::timeout(Duration::from_millis(DRAIN_MS), bye).await.is_ok();
        if let Some(membership) = &self.membership {
            membership.leave().await;
        }
        let is_drained = self.node.drain(DRAIN_MS).await;
        let is_published = self.relay.stop(DRAIN_MS).await;
        self.views.stop(DRAIN_MS).await && is_published && is_drained && are_told
    }
}

/// The store as this life sees it.
fn store(
    ground: &Ground,
    node: u16,
    clock: &NodeClock,
    (alive, doom): (&Arc<AtomicBool>, latest::Sender<bool>),
) -> SharedStore {
    let is_embedded = ports::Journal::one_log(&ground.store);
    Arc::new(SimStore::new(SimStoreParts {
        inner: ground.store.clone(),
        kernel: ground.kernel.clone(),
        faults: ground.faults.clone(),
        moments: ground.moments.clone(),
        node,
        target: clock.target(),
        links: if is_embedded { StoreLinks::EMBEDDED } else { StoreLinks::SHARED },
        alive: Arc::clone(alive),
        doom,
        claims: ground.claims.clone(),
        clock: clock.clone(),
    }))
}

/// What the shop sells on: the plan's tax and one way to send, which has its price.
fn terms(tax: Tax) -> Terms {
    Terms {
        channel: "web".into(),
        ccy: Ccy::USD,
        book: "default".into(),
        tax_ppm: i32::try_from(tax.ppm).expect("scenarios take no more than is sold"),
        tax_included: tax.included,
        shipping: vec![ShippingOption { id: "standard".into(), amount: 7 }],
        locations: PLACES.map(String::from).to_vec(),
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
    let waits = ground.order_waits;
    let changes = [
        (settings::RATE_LIMIT, 0),
        (settings::T_RESERVE_MS, waits.reserve_ms.into()),
        (settings::T_PAY_MS, waits.pay_ms.into()),
        (settings::HOLD_GRACE_MS, waits.hold_grace_ms.into()),
    ];
    let changes = changes.map(|(spec, value)| (spec.key.to_owned(), value)).into();
    settings.put(settings.values().changed(&changes).map_err(text)?);
    let values = settings.values();
    let region = node.region().clone();
    let shop = Shop::new(region, Arc::clone(store), settings, terms(ground.tax), views);
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
