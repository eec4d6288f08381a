//! Quarantine: entities that failed and take nothing until an operator lets them again.

use cluster::shard::AskBody;
use commerce::hosting;
use entity::{EntityKey, Scope};
use serde::Serialize;
use utoipa::ToSchema;

use super::entities::{ID_MAX, id_of, kind_name};
use super::{AllTroubles, page_of, refused, troubles};
use crate::cursor::CursorOf;
use crate::dto::{List, ShardsList};
use crate::input::NoBody;
use crate::limits;
use crate::operation::Operation;
use crate::problem::Problem;
use crate::reply::{Json, Reply};
use crate::request::{Param, ParamKind};
use crate::route::{Call, Route, route};
use crate::routes::common::{self, CURSOR, LIMIT};

const ID: Param =
    Param::new("id", ParamKind::Name { min: 1, max: ID_MAX }, "`id` of an entry of the list.");

const LIST: Operation = Operation::get("listQuarantine", "/admin/quarantine")
    .about("Admin", "Entities in quarantine, with the reason")
    .operator(Scope::Admin)
    .query(&[LIMIT, CURSOR]);

const LIFT: Operation = Operation::post("liftQuarantine", "/admin/quarantine/{id}/lift")
    .about("Admin", "Lets an entity take commands again; it is read anew from the journal")
    .operator(Scope::Admin)
    .params(&[ID]);

/// The operations of this file.
pub(super) fn routes() -> Vec<Route> {
    vec![route(&LIST, list), route(&LIFT, lift)]
}

common::object_word!(QuarantineWord = "quarantine");

/// An entity in quarantine.
#[derive(Debug, Serialize, ToSchema)]
struct Quarantine {
    #[schema(inline)]
    object: QuarantineWord,
    /// Its name here: kind and id.
    id: String,
    /// The kind of the entity.
    kind: &'static str,
    /// Its id.
    entity_id: String,
    /// Why.
    reason: String,
}

/// The entries of the caller's shop, by id.
fn entries<B>(call: &Call<B>, all: &AllTroubles) -> Vec<(EntityKey, Quarantine)> {
    let types = hosting::entity_types();
    let all = all.found.iter().flat_map(|(_, troubles)| &troubles.quarantined);
    let mut entries: Vec<_> = all
        .filter(|(key, _)| key.tenant == call.caller.tenant)
        .map(|(key, reason)| {
            let (kind, entity_id) = (kind_name(&types, key.kind), id_of(key));
            let id = format!("{kind}-{entity_id}");
            let (object, reason) = (QuarantineWord::Word, reason.clone());
            (key.clone(), Quarantine { object, id, kind, entity_id, reason })
        })
        .collect();
    entries.sort_by(|one, other| one.1.id.cmp(&other.1.id));
    entries
}

async fn list(call: Call<NoBody>) -> Result<Reply<Json<ShardsList<Quarantine>>>, Problem> {
    let cursor = CursorOf::new("quarantine", &call.caller, &call.raw_query);
    let sealer = call.edge.authority().keys().sealer();
    let after: Option<String> =
        call.query.get("cursor").map(|text| cursor.open(sealer, text)).transpose()?;
    let limit = common::limit(&call, limits::PAGE_DEFAULT) as usize;
    let all = troubles(&call).await;
    let mut page: Vec<Quarantine> = entries(&call, &all)
        .into_iter()
        .map(|(_, entry)| entry)
        .filter(|entry| after.as_ref().is_none_or(|after| entry.id > *after))
        .collect();
    let has_more = page.len() > limit;
    page.truncate(limit);
    let last = page.last().filter(|_| has_more);
    let next = last.map(|entry| cursor.seal(sealer, entry.id.clone()));
    Ok(page_of(&call, List::new(page, next), all.missing))
}

async fn lift(call: Call<NoBody>) -> Result<Reply<Json<Quarantine>>, Problem> {
    let id = call.path.expect("id");
    let all = troubles(&call).await;
    let found = entries(&call, &all).into_iter().find(|(_, entry)| entry.id == id);
    let (key, entry) = found.ok_or_else(|| all.not_found())?;
    let region = call.edge.shop().region();
    region.operate(&key, call.principal(), AskBody::Lift).await.map_err(refused)?;
    tracing::info!(%key, by = call.principal().subject.as_str(), "quarantine lifted");
    Ok(Reply::ok(entry))
}
