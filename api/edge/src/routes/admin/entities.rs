//! An entity as its journal has it: state at any version, newest records, events as JSON.

use cluster::AsOf;
use codec::Packed;
use commerce::{hosting, keys, kinds};
use entity::{
    Cause, EntityKey, EntityTypes, Kind, RecordSource, Scope, StepRecord, parse_public_id,
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::refused;
use crate::dto::Instant;
use crate::input::NoBody;
use crate::limits;
use crate::operation::Operation;
use crate::problem::{Code, Problem};
use crate::reply::{Json, Reply};
use crate::request::{Param, ParamKind};
use crate::route::{Call, Route, route};
use crate::routes::common;

/// The longest name of an entity in a path: kind, dash, id.
pub(super) const ID_MAX: usize = 200;

const KIND: Param = Param::new("kind", ParamKind::Name { min: 1, max: 32 }, "A kind: `order`.");
const ID: Param = Param::new("id", ParamKind::Name { min: 1, max: ID_MAX }, "An entity's id.");
const VERSION: Param = Param::new(
    "version",
    ParamKind::Integer { min: 0, max: 9_007_199_254_740_991 },
    "The state as it was at this version.",
);

const INSPECT: Operation = Operation::get("inspectEntity", "/admin/entities/{kind}/{id}")
    .about("Admin", "An entity's state and newest records")
    .operator(Scope::Admin)
    .params(&[KIND, ID])
    .query(&[VERSION]);

/// The operations of this file.
pub(super) fn routes() -> Vec<Route> {
    vec![route(&INSPECT, inspect)]
}

common::object_word!(EntityWord = "entity");

/// An entity.
#[derive(Debug, Serialize, ToSchema)]
struct Entity {
    #[schema(inline)]
    object: EntityWord,
    /// Its kind.
    kind: &'static str,
    /// Its id.
    id: String,
    /// Its shard.
    shard: u16,
    /// The version of the state.
    version: u64,
    /// The state; null when it is in quarantine because it cannot be read.
    #[schema(value_type = Object)]
    state: Option<Value>,
    /// Why it is in quarantine; null: it is not.
    quarantined: Option<String>,
    /// Its newest records up to the one that made the version, newest first.
    records: Vec<Record>,
}

/// A step of an entity.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EntityRecord)]
struct Record {
    /// The version after it.
    version: u64,
    /// When.
    at: Instant,
    /// `caller`, `message`, `timer` or `runtime`.
    source: &'static str,
    /// Whose request it was at the beginning.
    by: String,
    /// Its events.
    #[schema(value_type = Vec<Object>)]
    events: Vec<Option<Value>>,
    /// Messages that it sent.
    n_sends: usize,
    /// When the entity wakes next.
    deadline: Option<Instant>,
}

impl Record {
    fn new(types: &EntityTypes, record: &StepRecord) -> Self {
        let kind = record.key.kind;
        Self {
            version: record.version_after(),
            at: record.at.into(),
            source: source_word(&record.source),
            by: record.cause.subject.to_string(),
            events: record.events.iter().map(|event| event_of(types, kind, event)).collect(),
            n_sends: record.sends.len(),
            deadline: record.deadline.map(Instant),
        }
    }
}

/// An entity by kind and id.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EntityName)]
pub(super) struct Name {
    /// Its kind.
    kind: &'static str,
    /// Its id.
    id: String,
}

impl Name {
    pub(super) fn new(types: &EntityTypes, key: &EntityKey) -> Self {
        Self { kind: kind_name(types, key.kind), id: id_of(key) }
    }
}

/// The name of a kind.
pub(super) fn kind_name(types: &EntityTypes, kind: Kind) -> &'static str {
    types.get(kind).map_or("unknown", |known| known.name)
}

/// The id of an entity as its clients know it.
pub(super) fn id_of(key: &EntityKey) -> String {
    key.public(prefix(key.kind))
}

/// Something stored by an entity of a kind, as JSON; `None`: this build cannot read it.
pub(super) fn json_of(types: &EntityTypes, kind: Kind, packed: &Packed) -> Option<Value> {
    serde_json::from_str(&(types.get(kind)?.show)(packed)?).ok()
}

/// An event by its name; one that says nothing else has nothing in it.
fn event_of(types: &EntityTypes, kind: Kind, packed: &Packed) -> Option<Value> {
    json_of(types, kind, packed).map(|event| match event {
        Value::String(name) => json!({ name: {} }),
        other => other,
    })
}

fn prefix(kind: Kind) -> &'static str {
    match kind {
        kinds::ORDER => keys::ORDER_PREFIX,
        kinds::SHIPMENT => keys::SHIPMENT_PREFIX,
        kinds::CUSTOMER => keys::CUSTOMER_PREFIX,
        kinds::ACCOUNT => "acc",
        kinds::NUMBERS => "num",
        // Other kinds have names.
        _ => "e",
    }
}

/// The key of an entity of the caller's shop.
fn key_of<B>(call: &Call<B>, types: &EntityTypes) -> Option<EntityKey> {
    let (name, id) = (call.path.expect("kind"), call.path.expect("id"));
    let kind = types.iter().find(|known| known.name == name)?.kind;
    let tenant = call.caller.tenant.clone();
    Some(match parse_public_id(prefix(kind), id) {
        Ok((affinity, uuid)) => EntityKey::derived(tenant, kind, affinity, uuid),
        Err(_) => EntityKey::named(&tenant, kind, id),
    })
}

async fn inspect(call: Call<NoBody>) -> Result<Reply<Json<Entity>>, Problem> {
    let types = hosting::entity_types();
    let key = key_of(&call, &types).ok_or_else(|| Problem::new(Code::NotFound))?;
    let region = call.edge.shop().region();
    let shard = key.shard(region.n_shards());
    let troubles = region.troubles(shard, call.principal()).await.map_err(refused)?;
    let quarantined = troubles.quarantined.into_iter().find(|(found, _)| *found == key);
    let quarantined = quarantined.map(|(_, why)| why);
    let kind = kind_name(&types, key.kind);
    let mut shown = Entity {
        object: EntityWord::Word,
        kind,
        id: id_of(&key),
        shard: shard.0,
        version: 0,
        state: None,
        quarantined,
        records: Vec::new(),
    };
    let asked = call.query.number("version");
    let wanted = asked.unwrap_or(u64::MAX);
    let AsOf { cell, records } = read(&call, &key, wanted).await?;
    if shown.quarantined.is_none() && records.is_empty() {
        return Err(Problem::new(Code::NotFound));
    }
    let newest = records.first().map_or(0, StepRecord::version_after);
    if asked.is_some_and(|asked| asked > newest) {
        let detail = format!("its newest version is {newest}");
        return Err(Problem::new(Code::NotFound).detail(detail));
    }
    shown.version = newest.min(wanted);
    shown.records = records.iter().map(|record| Record::new(&types, record)).collect();
    shown.state = match cell {
        Some(cell) => json_of(&types, key.kind, &cell.snapshot(0).state),
        None if shown.quarantined.is_some() => None,
        None => return Err(Problem::new(Code::Internal)),
    };
    let version = shown.version;
    Ok(Reply::ok(shown).version(version))
}

/// The entity at a version, and the newest records that lead to it.
async fn read<B>(call: &Call<B>, key: &EntityKey, version: u64) -> Result<AsOf, Problem> {
    let ask = cluster::Ask {
        principal: call.principal(),
        cause: Cause::default(),
        idempotency: None,
        wait_ms: limits::COMMAND_DEADLINE_MS,
    };
    let region = call.edge.shop().region();
    let read = region.as_of(key, &ask, version, limits::INSPECTED_RECORDS_MAX).await;
    read.map_err(|error| {
        tracing::warn!(%error, %key, "history not read");
        Problem::new(Code::Unavailable)
    })
}

const fn source_word(source: &RecordSource) -> &'static str {
    match source {
        RecordSource::Caller => "caller",
        RecordSource::Message => "message",
        RecordSource::Timer => "timer",
        RecordSource::Runtime => "runtime",
    }
}
