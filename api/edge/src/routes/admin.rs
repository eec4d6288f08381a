//! The admin listener: what an operator looks at and moves on a running node.
//!
//! What concerns the node, and with it every shop (configuration, drain, clock, events), needs the
//! scope `node` of staff, whatever shop the token is of. What is of a shop (entities, quarantine,
//! dead letters) needs `admin`; things of another shop are not there for an operator of this one.
//! The listener has its own port and is never public, so its operations stand in no public
//! document; it serves one of its own, at `/openapi.json`. They take no place in flight and count
//! against no quota: whoever is to help a full node has to get in.

mod clock;
mod config;
mod dead_letters;
mod entities;
mod events;
mod log;
mod quarantine;

use std::sync::Arc;

use cluster::shard::{Refusal, Troubles};
use entity::{Scope, ShardId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::dto::{List, ShardsList};
use crate::health::Phase;
use crate::input::NoBody;
use crate::operation::Operation;
use crate::operator::Operator;
use crate::problem::{Code, Problem};
use crate::reply::{Json, Reply};
use crate::request::{Param, ParamKind};
use crate::route::{Call, Route, route};
use crate::routes::{common, documents};

const NODE: Param = Param::new("node", ParamKind::Name { min: 1, max: 64 }, "A node's name.");
const SHARD: Param =
    Param::new("shard", ParamKind::Integer { min: 0, max: 65_535 }, "A shard's number.");

const CLUSTER: Operation = Operation::get("getCluster", "/admin/cluster")
    .about("Admin", "Nodes, shards, the way of events and the read models")
    .operator(Scope::Node);

const DRAIN: Operation = Operation::post("drainNode", "/admin/nodes/{node}/drain")
    .about("Admin", "Takes nothing new, ends what is under way, ends the process")
    .operator(Scope::Node)
    .params(&[NODE])
    .statuses(&[202])
    .unlocated();

const MOVE: Operation = Operation::post("moveShard", "/admin/shards/{shard}/move")
    .about("Admin", "Moves a shard to another node; a single node has none")
    .operator(Scope::Node)
    .params(&[SHARD])
    .statuses(&[202])
    .unlocated()
    .codes(&[Code::InvalidState]);

/// The operations of the admin listener.
#[must_use]
pub fn routes(operator: &Arc<Operator>) -> Vec<Route> {
    let (of_cluster, of_drain) = (Arc::clone(operator), Arc::clone(operator));
    let own = vec![
        route(&CLUSTER, move |call| cluster(Arc::clone(&of_cluster), call)),
        route(&DRAIN, move |call| drain(Arc::clone(&of_drain), call)),
        route(&MOVE, move_shard),
    ];
    let all = [
        own,
        config::routes(operator),
        dead_letters::routes(),
        entities::routes(),
        events::routes(operator),
        log::routes(operator),
        quarantine::routes(),
        clock::routes(operator),
    ]
    .concat();
    let document = documents::of_admin(&all);
    [all, vec![document]].concat()
}

common::object_word!(ClusterWord = "cluster");
common::object_word!(NodeWord = "node");

/// The cluster as this node sees it.
#[derive(Debug, Serialize, ToSchema)]
struct Cluster {
    #[schema(inline)]
    object: ClusterWord,
    /// Its nodes.
    nodes: Vec<Node>,
    /// Its shards.
    shards: Vec<Shard>,
    /// The way of events to the bus.
    events: Events,
    /// The read models.
    views: Vec<View>,
}

/// A node.
#[derive(Debug, Serialize, ToSchema)]
struct Node {
    #[schema(inline)]
    object: NodeWord,
    /// Its name.
    name: String,
    /// `starting`, `serving` or `draining`.
    status: &'static str,
    /// Shards that it hosts.
    n_shards: u16,
    /// Commands and queries under way.
    in_flight: usize,
}

/// A shard.
#[derive(Debug, Serialize, ToSchema)]
struct Shard {
    /// Its number.
    shard: u16,
    /// Where it is.
    node: String,
    /// Inputs that wait for it.
    n_waiting: usize,
    /// Whether its host was given up: nothing there is available until the next start.
    is_given_up: bool,
}

/// The way of events to the bus.
#[derive(Debug, Serialize, ToSchema)]
struct Events {
    /// Whether the bus answers.
    is_bus_up: bool,
    /// Events that the bus has not acknowledged.
    lag_events: u64,
    /// Age of the oldest of them, in ms.
    oldest_ms: u64,
    /// Acknowledged since the start; none on a bus in the process, which has no readers.
    n_published: u64,
    /// How often a shard went back because the bus had lost events.
    n_rewinds: u64,
    /// Shards that cannot go on.
    stuck: Vec<Stuck>,
}

/// A read model.
#[derive(Debug, Serialize, ToSchema)]
struct View {
    /// Its name.
    name: &'static str,
    /// Commits that it does not show yet.
    lag_commits: u64,
    /// Commits that a rebuild still has to read; null: there is none.
    rebuild_left: Option<u64>,
    /// Shards that cannot go on.
    stuck: Vec<Stuck>,
}

/// A shard whose events cannot be read.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StuckShard)]
struct Stuck {
    /// Its number.
    shard: u16,
    /// Why.
    reason: String,
}

fn stuck(shards: Vec<(ShardId, String)>) -> Vec<Stuck> {
    shards.into_iter().map(|(shard, reason)| Stuck { shard: shard.0, reason }).collect()
}

fn node<B>(operator: &Operator, call: &Call<B>) -> Node {
    let region = call.edge.shop().region();
    Node {
        object: NodeWord::Word,
        name: operator.node.clone(),
        status: match call.edge.health().phase() {
            Phase::Starting => "starting",
            Phase::Serving => "serving",
            Phase::Draining => "draining",
        },
        n_shards: region.n_shards(),
        in_flight: region.admission().in_flight(),
    }
}

async fn cluster(
    operator: Arc<Operator>,
    call: Call<NoBody>,
) -> Result<Reply<Json<Cluster>>, Problem> {
    let shop = call.edge.shop();
    let shard = |shard: u16| Shard {
        shard,
        node: operator.node.clone(),
        n_waiting: shop.region().depth(ShardId(shard)).unwrap_or(0),
        is_given_up: shop.region().is_given_up(ShardId(shard)).unwrap_or(false),
    };
    let relay = operator.relay.state();
    let view = |(name, handle): (&'static str, &cluster::projection::ProjectionHandle)| {
        let state = handle.state();
        let (lag_commits, rebuild_left) = (state.lag_commits, state.rebuild_left);
        View { name, lag_commits, rebuild_left, stuck: stuck(state.stuck) }
    };
    let shown = Cluster {
        object: ClusterWord::Word,
        nodes: vec![node(&operator, &call)],
        shards: (0..shop.region().n_shards()).map(shard).collect(),
        events: Events {
            is_bus_up: relay.is_bus_up,
            lag_events: relay.lag_events,
            oldest_ms: relay.oldest_ms,
            n_published: relay.n_published,
            n_rewinds: relay.n_rewinds,
            stuck: stuck(relay.stuck),
        },
        views: shop.views().all().into_iter().map(view).collect(),
    };
    std::future::ready(Ok(Reply::ok(shown))).await
}

async fn drain(operator: Arc<Operator>, call: Call<NoBody>) -> Result<Reply<Json<Node>>, Problem> {
    if call.path.expect("node") != operator.node {
        return Err(Problem::new(Code::NotFound));
    }
    tracing::info!(by = call.principal().subject.as_str(), "told to drain");
    operator.drain.notify_one();
    let draining = Node { status: "draining", ..node(&operator, &call) };
    std::future::ready(Ok(Reply::new(202, Json(draining)))).await
}

async fn move_shard(call: Call<NoBody>) -> Result<Reply<Json<Node>>, Problem> {
    let known = call
        .path
        .number("shard")
        .is_some_and(|shard| shard < u64::from(call.edge.shop().region().n_shards()));
    let problem = if known {
        Problem::new(Code::InvalidState).with("state", "single_node")
    } else {
        Problem::new(Code::NotFound)
    };
    std::future::ready(Err(problem)).await
}

/// What waits for an operator, of all shards that answer.
struct AllTroubles {
    found: Vec<(ShardId, Troubles)>,
    /// Shards that did not answer.
    missing: Vec<u16>,
}

impl AllTroubles {
    /// Why a thing is not among what was found.
    fn not_found(&self) -> Problem {
        match self.missing.first() {
            None => Problem::new(Code::NotFound),
            Some(_) => Problem::new(Code::Unavailable)
                .detail("it may be in a shard that does not answer")
                .with("shards_missing", self.missing.clone()),
        }
    }
}

/// What waits for an operator in every shard. One that does not answer hides no other.
async fn troubles<B>(call: &Call<B>) -> AllTroubles {
    let region = call.edge.shop().region();
    let reads = (0..region.n_shards())
        .map(ShardId)
        .map(|shard| async move { (shard, region.troubles(shard, call.principal()).await) });
    let mut all = AllTroubles { found: Vec::new(), missing: Vec::new() };
    for (shard, read) in futures_util::future::join_all(reads).await {
        match read {
            Ok(troubles) => all.found.push((shard, troubles)),
            Err(refusal) => {
                tracing::warn!(shard = shard.0, ?refusal, "a shard did not say what waits in it");
                all.missing.push(shard.0);
            }
        }
    }
    all
}

fn page_of<T: ToSchema, B>(
    call: &Call<B>,
    list: List<T>,
    shards_missing: Vec<u16>,
) -> Reply<Json<ShardsList<T>>> {
    Reply::page(list, &call.raw_path, &call.raw_query)
        .map(|list| ShardsList::new(list, shards_missing))
}

/// A shard did not do what an operator asked.
fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Overloaded => Problem::new(Code::OverCapacity),
        Refusal::NotFound => Problem::new(Code::NotFound),
        Refusal::TimedOut | Refusal::Unavailable => Problem::new(Code::Unavailable),
        Refusal::Quarantined | Refusal::Failed => {
            Problem::new(Code::InvalidState).with("state", "quarantined")
        }
        Refusal::Unreadable => Problem::new(Code::Internal),
    }
}
