//! `mercato serve`: a node from its configuration to its drain.
//!
//! Start: store, node, demo shop, edge, one line of JSON on stdout. End: a signal drains, a second
//! one ends at once (`signals.rs`), a failed sync ends with exit code 4 before anything else
//! is said.

use std::io::Write;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use cluster::clock::SystemClock;
use cluster::ctx::{Clock, NoPeers, NodeCtx, NodeId};
use cluster::{Node, NodeOptions, Region};
use edge::health::{Check, Phase};
use edge::identity::issuer::{Families, Issuer};
use edge::identity::{Authority, AuthorityParts, EdgeKeys, Revocations, Tenants, TokenVerifier};
use edge::settings::{self, Settings};
use edge::{
    Configuration, DemoClock, EdgeLimits, EdgeParts, EdgeState, Health, LogFilter, Operator,
    Server, ServerHandle, ServerOptions, Shop, Terms, Views, routes,
};
use embedded::{EmbeddedStore, OpenError, Options};
use entity::Timestamp;
use metrics_exporter_prometheus::PrometheusHandle;
use ports::{Meta, SharedStore};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::demo;
use crate::events::Events;
use crate::exit::{Exit, chain};
use crate::random::{self, SystemRandom};
use crate::room::Room;
use crate::scrape;
use crate::signals::Signals;

/// Runs a node until it is told to end.
pub fn run(config: Config, log: LogFilter) -> Result<(), Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Exit::Other(format!("runtime not started: {error}")))?;
    let ended = runtime.block_on(serve(config, log));
    // Threads of the store end with it; nothing that was acknowledged waits for them.
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}

async fn serve(config: Config, log: LogFilter) -> Result<(), Exit> {
    let mut signals = Signals::new()?;
    let starting = signals.end_at_once();
    let metrics =
        scrape::install().map_err(|error| Exit::Other(format!("metrics not started: {error}")))?;
    let store = open(&config)?;
    let mut serving = Serving::start(&config, &store, metrics, log).await?;
    drop(starting);
    let vitals = serving.node.vitals();
    let log = serving.node.failed();
    let mut failed = pin!(async {
        tokio::select! {
            biased;
            reason = log.wait_for(Option::is_some) => reason.flatten().unwrap_or_default(),
            // Of snapshots and marks, which nobody may have asked for yet.
            () = store.failed() => "a sync failed".to_owned(),
        }
    });
    let sync = |reason: String| Err(Exit::Sync(format!("the log has failed: {reason}")));
    tokio::select! {
        biased;
        reason = &mut failed => return sync(reason),
        // Nothing is mended in a process that has lost these: the next start recovers everything.
        () = vitals.ended() => return Err(Exit::Other("the node's supervisor has ended".into())),
        ended = &mut serving.listeners => {
            return Err(Exit::Other(format!("the listeners have ended: {ended:?}")));
        }
        () = signals.next() => {}
        () = serving.told_to_drain.notified() => signals.drain_began(),
    }
    tracing::info!("draining");
    let drain =
        tokio::time::timeout(Duration::from_millis(config.drain_timeout_ms), serving.drain());
    tokio::select! {
        biased;
        reason = &mut failed => return sync(reason),
        () = signals.next() => tracing::warn!("a second signal: ending at once"),
        // However long one of its parts hangs: whoever sent the signal kills soon after.
        done = drain => if done != Ok(true) {
            tracing::warn!("the drain took too long; the rest is recovered at the next start");
        }
    }
    serving.listeners.abort();
    Ok(())
}

/// A node that serves.
struct Serving {
    node: Arc<Node>,
    events: Events,
    views: Views,
    /// Told by an operator.
    told_to_drain: Arc<Notify>,
    handle: ServerHandle,
    shares: Shares,
    listeners: JoinHandle<std::io::Result<()>>,
}

impl Serving {
    /// Starts everything, from the entities outwards, and says so on stdout.
    async fn start(
        config: &Config,
        store: &Arc<EmbeddedStore>,
        metrics: PrometheusHandle,
        log: LogFilter,
    ) -> Result<Self, Exit> {
        let configuration = configuration(config, store).await?;
        let (clock, demo_clock) = demo_clock(config, store).await?;
        let node = Arc::new(node(config, store, clock).await?);
        let events = Events::start(config, &node).await?;
        let views = Views::start(&node)
            .await
            .map_err(|error| Exit::Store(format!("views not started: {}", chain(&error))))?;
        let room = Room::of(config.data.clone(), config.reserve_bytes);
        room.watch(node.region().admission().clone()).await;
        let parts = Parts { config, node: &node, store, events: &events, room: &room };
        let settings = configuration.settings().clone();
        let edge = edge_state(parts, settings, views.clone(), metrics.clone()).await?;
        let told_to_drain = Arc::new(Notify::new());
        let operator = Arc::new(Operator {
            node: config.node.clone(),
            configuration,
            relay: events.relay().clone(),
            drain: Arc::clone(&told_to_drain),
            clock: demo_clock,
            log,
        });
        let shares = Shares::of(config.drain_timeout_ms - config.drain_notice_ms);
        let mut options = ServerOptions::new(config.http, config.admin);
        options.notice_ms = config.drain_notice_ms;
        options.bye_ms = shares.bye_ms;
        options.finish_ms = shares.finish_ms;
        options.admin_routes = routes::admin::routes(&operator);
        let server = Server::bind(edge.clone(), options)
            .map_err(|error| Exit::Other(format!("listeners not bound: {error}")))?;
        edge.health().enter(Phase::Serving);
        say_ready(config, &server)?;
        tokio::spawn(scrape::keep_up(metrics, Arc::downgrade(&node)));
        let handle = server.handle();
        let listeners = tokio::spawn(server.run());
        Ok(Self { node, events, views, told_to_drain, handle, shares, listeners })
    }

    /// Ends everything, from the listeners inwards. Returns whether all was done in time.
    async fn drain(&self) -> bool {
        self.handle.drain().await;
        let is_drained = self.node.drain(self.shares.node_ms).await;
        // After the node: what its last commands said is durable now, and is to be told too.
        let relay_ms = self.shares.relay_ms;
        let (is_published, _) = tokio::join!(self.events.stop(relay_ms), self.views.stop(relay_ms));
        is_drained && is_published
    }
}

/// The entities, with the demo shop if it is to be.
async fn node(
    config: &Config,
    store: &Arc<EmbeddedStore>,
    clock: Arc<dyn Clock>,
) -> Result<Node, Exit> {
    let ctx = NodeCtx {
        node: NodeId::new(&config.node),
        transport: Arc::new(NoPeers),
        clock,
        random: Arc::new(SystemRandom),
        store: Arc::clone(store) as SharedStore,
        types: Arc::new(commerce::hosting::entity_types()),
    };
    let options = NodeOptions {
        chaining: config.chaining,
        resident_bytes: config.resident_bytes,
        ..NodeOptions::default()
    };
    let node = Node::start(ctx, options)
        .await
        .map_err(|error| Exit::Store(format!("node not started: {}", chain(&error))))?;
    if config.demo {
        demo::make(node.region()).await.map_err(|error| Exit::Other(error.to_string()))?;
    }
    Ok(node)
}

fn open(config: &Config) -> Result<Arc<EmbeddedStore>, Exit> {
    let options = Options { segment_bytes: config.segment_bytes, ..Options::default() };
    match EmbeddedStore::open(&config.data, options) {
        Ok(store) => Ok(Arc::new(store)),
        Err(error @ OpenError::Io { .. }) => {
            Err(Exit::Other(format!("data = {}: {}", config.data.display(), chain(&error))))
        }
        Err(error) => {
            Err(Exit::Store(format!("data = {}: {}", config.data.display(), chain(&error))))
        }
    }
}

/// The clock: a demo's can be moved, and stays where it was left.
async fn demo_clock(
    config: &Config,
    store: &Arc<EmbeddedStore>,
) -> Result<(Arc<dyn Clock>, Option<DemoClock>), Exit> {
    if !config.demo {
        return Ok((Arc::new(SystemClock::default()), None));
    }
    let demo = DemoClock::load(Arc::clone(store) as Arc<dyn Meta>)
        .await
        .map_err(|error| Exit::Store(chain(&error)))?;
    Ok((demo.clock(), Some(demo)))
}

/// What the file sets, under what was put at run time. A demo has no limit of requests.
async fn configuration(config: &Config, store: &Arc<EmbeddedStore>) -> Result<Configuration, Exit> {
    let mut file = config.settings.clone();
    if config.demo {
        file.set.entry(settings::RATE_LIMIT.key.to_owned()).or_insert(0);
    }
    Configuration::load(&file, Arc::clone(store) as Arc<dyn Meta>)
        .await
        .map_err(|error| Exit::Store(chain(&error)))
}

/// What of the node its edge is made of.
#[derive(Clone, Copy)]
struct Parts<'a> {
    config: &'a Config,
    node: &'a Node,
    store: &'a Arc<EmbeddedStore>,
    events: &'a Events,
    room: &'a Arc<Room>,
}

async fn edge_state(
    parts: Parts<'_>,
    settings: Settings,
    views: Views,
    metrics: PrometheusHandle,
) -> Result<EdgeState, Exit> {
    let Parts { config, node, store, events, room } = parts;
    let other = |what: &str, error: String| Exit::Other(format!("{what}: {error}"));
    let meta: Arc<dyn Meta> = Arc::clone(store) as Arc<dyn Meta>;
    let keys = EdgeKeys::load(&*meta)
        .await
        .map_err(|error| other("signing keys not loaded", error.to_string()))?;
    let wall = || Timestamp(SystemClock::default().now().0);
    let issuers = config.shops.as_ref().map(|shops| shops.issuers.clone()).unwrap_or_default();
    let verifier = TokenVerifier::new(keys.clone(), config.demo.then_some(None), issuers)
        .map_err(|error| other("identity not started", error.to_string()))?;
    let revocations = Revocations::load(Arc::clone(&meta), wall())
        .await
        .map_err(|error| other("revocations not loaded", error.to_string()))?;
    let (tenants, terms) = tenants_and_terms(config);
    let authority = Authority::new(AuthorityParts {
        keys,
        verifier,
        revocations,
        tenants,
        secure_cookies: !config.demo,
    });
    let shared: SharedStore = Arc::clone(store) as SharedStore;
    let values = settings.values();
    let shop = Shop::new(node.region().clone(), shared, settings, terms, views);
    let (failed, disk, room) = (node.failed(), Arc::clone(store), Arc::clone(room));
    let bus = events.check();
    let vitals = node.vitals();
    let checks = Arc::new(move || {
        let has_failed = failed.get().is_some() || disk.is_fatal();
        let store = room.check(has_failed);
        let given_up = vitals.given_up();
        let shards = Check::shards(vitals.is_supervised(), &given_up, vitals.n_shards());
        vec![store, shards, bus()]
    });
    let edge = EdgeState::new(EdgeParts {
        authority,
        issuer: config.demo.then(|| issuer(node.region().clone(), meta)),
        limits: EdgeLimits::from(&*values),
        // Tokens expire by wall time, whatever a demo's clock says.
        clock: Arc::new(wall),
        entropy: Arc::new(random::fill),
        health: Health::new(checks),
        scrape: Arc::new(move || metrics.render()),
        shop: Some(shop),
    });
    edge.apply(&values);
    Ok(edge)
}

/// Whom the edge serves, and on what terms. Without a demo and without shops that is nobody.
fn tenants_and_terms(config: &Config) -> (Tenants, Terms) {
    match &config.shops {
        Some(shops) => (shops.tenants.clone(), shops.terms.clone()),
        None if config.demo => (Tenants::demo(), demo::terms()),
        None => {
            tracing::warn!("no [[shop]] is configured and this is no demo: nobody is served");
            (Tenants::default(), Terms { wallet_grant: 0, ..demo::terms() })
        }
    }
}

fn issuer(region: Region, meta: Arc<dyn Meta>) -> Issuer {
    let register = Arc::new(move |tenant, subject| {
        let region = region.clone();
        Box::pin(async move { demo::register(&region, tenant, subject).await }) as _
    });
    Issuer::new(Families::new(meta), register, None)
}

/// Parts of the time that a drain may take: streams, requests, entities, events, one after the
/// other.
#[derive(Debug, Clone, Copy)]
struct Shares {
    bye_ms: u64,
    finish_ms: u64,
    node_ms: u64,
    relay_ms: u64,
}

impl Shares {
    /// A tenth stays free for what ends in between.
    const fn of(drain_timeout_ms: u64) -> Self {
        let tenth = drain_timeout_ms / 10;
        Self { bye_ms: tenth, finish_ms: 3 * tenth, node_ms: 3 * tenth, relay_ms: 2 * tenth }
    }
}

/// The one line that a program waits for.
fn say_ready(config: &Config, server: &Server) -> Result<(), Exit> {
    let line = serde_json::json!({
        "ready": true,
        "version": env!("CARGO_PKG_VERSION"),
        "node": config.node,
        "http": format!("http://{}", server.http_addr()),
        "admin": format!("http://{}", server.admin_addr()),
        "data": config.data.display().to_string(),
    });
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")
        .and_then(|()| stdout.flush())
        .map_err(|error| Exit::Other(format!("stdout: {error}")))
}
