//! Dead letters: messages between entities that were given up, looked at and sent again.

use commerce::hosting;
use entity::{DeadLetter as Letter, EntityTypes, MessageKind, Scope, ShardId, Timestamp};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::entities::{Name, json_of};
use super::{AllTroubles, page_of, refused, troubles};
use crate::cursor::CursorOf;
use crate::dto::{Instant, List, ShardsList};
use crate::input::NoBody;
use crate::limits;
use crate::operation::Operation;
use crate::problem::Problem;
use crate::reply::{Json, Reply};
use crate::request::{Param, ParamKind};
use crate::route::{Call, Route, route};
use crate::routes::common::{self, CURSOR, LIMIT};

const ID: Param = Param::new("id", ParamKind::Name { min: 3, max: 26 }, "A dead letter's id.");

const LIST: Operation = Operation::get("listDeadLetters", "/admin/dead-letters")
    .about("Admin", "Messages that were given up, by shard and number")
    .operator(Scope::Admin)
    .query(&[LIMIT, CURSOR]);

const REPLAY: Operation = Operation::post("replayDeadLetter", "/admin/dead-letters/{id}/replay")
    .about("Admin", "Sends a dead letter again; it then has no end of life")
    .operator(Scope::Admin)
    .params(&[ID]);

/// The operations of this file.
pub(super) fn routes() -> Vec<Route> {
    vec![route(&LIST, list), route(&REPLAY, replay)]
}

common::object_word!(LetterWord = "dead_letter");

/// A message that was given up.
#[derive(Debug, Serialize, ToSchema)]
struct DeadLetter {
    #[schema(inline)]
    object: LetterWord,
    /// Its id: shard and number.
    id: String,
    /// Who sent it.
    from: Name,
    /// Whom it was for.
    to: Name,
    /// `command`, or `bounce`: one that came back and was not taken either.
    kind: &'static str,
    /// What it says; null: this build cannot read it.
    #[schema(value_type = Object)]
    command: Option<Value>,
    /// Why it was given up.
    reason: String,
    /// When it would have run out; null: never.
    expires_at: Option<Instant>,
}

impl DeadLetter {
    fn new(types: &EntityTypes, (shard, number): (ShardId, u64), letter: &Letter) -> Self {
        let message = &letter.message;
        let (kind, reader) = match &message.kind {
            MessageKind::Command => ("command", &message.to),
            MessageKind::Bounce(_) => ("bounce", &message.from),
        };
        Self {
            object: LetterWord::Word,
            id: format!("{}-{number}", shard.0),
            from: Name::new(types, &message.from),
            to: Name::new(types, &message.to),
            kind,
            command: json_of(types, reader.kind, &message.body),
            reason: letter.reason.clone(),
            expires_at: (message.expires_at < Timestamp::MAX)
                .then_some(Instant(message.expires_at)),
        }
    }
}

/// The letters to entities of the caller's shop, by shard and number.
fn letters<'a, B>(call: &Call<B>, all: &'a AllTroubles) -> Vec<((ShardId, u64), &'a Letter)> {
    let all = all.found.iter().flat_map(|(shard, troubles)| {
        let placed = move |(number, letter): &'a (u64, Letter)| ((*shard, *number), letter);
        troubles.dead_letters.iter().map(placed)
    });
    all.filter(|(_, letter)| letter.message.to.tenant == call.caller.tenant).collect()
}

async fn list(call: Call<NoBody>) -> Result<Reply<Json<ShardsList<DeadLetter>>>, Problem> {
    let cursor = CursorOf::new("dead_letters", &call.caller, &call.raw_query);
    let sealer = call.edge.authority().keys().sealer();
    let after: Option<(u16, u64)> =
        call.query.get("cursor").map(|text| cursor.open(sealer, text)).transpose()?;
    let limit = common::limit(&call, limits::PAGE_DEFAULT) as usize;
    let all = troubles(&call).await;
    let mut page = letters(&call, &all);
    page.retain(|((shard, number), _)| after.is_none_or(|after| (shard.0, *number) > after));
    let has_more = page.len() > limit;
    page.truncate(limit);
    let last = page.last().filter(|_| has_more);
    let next = last.map(|((shard, number), _)| cursor.seal(sealer, (shard.0, *number)));
    let types = hosting::entity_types();
    let data = page.iter().map(|(place, letter)| DeadLetter::new(&types, *place, letter));
    let list = List::new(data.collect(), next);
    Ok(page_of(&call, list, all.missing))
}

async fn replay(call: Call<NoBody>) -> Result<Reply<Json<DeadLetter>>, Problem> {
    let types = hosting::entity_types();
    let shown = |(place, letter): (_, &Letter)| (place, DeadLetter::new(&types, place, letter));
    let id = call.path.expect("id");
    let all = troubles(&call).await;
    let found = letters(&call, &all).into_iter().map(shown).find(|(_, letter)| letter.id == id);
    let ((shard, number), letter) = found.ok_or_else(|| all.not_found())?;
    let region = call.edge.shop().region();
    region.replay_dead_letter(shard, number, call.principal()).await.map_err(refused)?;
    tracing::info!(id, by = call.principal().subject.as_str(), "dead letter sent again");
    Ok(Reply::ok(letter))
}
