//! Events that the bus is given again: from the beginning, a place of a stream, or a time.

use std::sync::Arc;

use cluster::relay::{ReplayError, ReplayFrom, ReplayProgress, ReplayRequest};
use commerce::published::FACES;
use entity::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::dto::Instant;
use crate::input::{NoBody, OptionalJson};
use crate::json::{Int, Text};
use crate::operation::Operation;
use crate::operator::Operator;
use crate::problem::{Code, Problem};
use crate::refusal;
use crate::reply::{Json, Reply};
use crate::route::{Call, Route, route};
use crate::routes::common;

const REPLAY: Operation = Operation::post("replayEvents", "/admin/events/replay")
    .about("Admin", "Publishes a part of the history again: same ids, same bytes")
    .operator(Scope::Node)
    .statuses(&[202])
    .codes(&[Code::InvalidState]);

const GET: Operation = Operation::get("getReplay", "/admin/events/replay")
    .about("Admin", "How the last replay goes")
    .operator(Scope::Node)
    .codes(&[Code::NotFound]);

/// The operations of this file.
pub(super) fn routes(operator: &Arc<Operator>) -> Vec<Route> {
    let (of_replay, of_get) = (Arc::clone(operator), Arc::clone(operator));
    vec![
        route(&REPLAY, move |call| replay(Arc::clone(&of_replay), call)),
        route(&GET, move |call| get(Arc::clone(&of_get), call)),
    ]
}

common::object_word!(ReplayWord = "event_replay");

/// A replay under way, or the last one.
#[derive(Debug, Serialize, ToSchema)]
struct EventReplay {
    #[schema(inline)]
    object: ReplayWord,
    /// Its stream; null: all.
    stream: Option<String>,
    /// Events published again so far.
    n_published: u64,
    /// Commits that are not looked at yet.
    n_commits_left: u64,
    /// Whether it is over.
    is_over: bool,
    /// Why it ended early.
    failed: Option<String>,
}

impl From<ReplayProgress> for EventReplay {
    fn from(progress: ReplayProgress) -> Self {
        Self {
            object: ReplayWord::Word,
            stream: progress.stream,
            n_published: progress.n_published,
            n_commits_left: progress.n_commits_left,
            is_over: progress.is_over,
            failed: progress.failed,
        }
    }
}

/// From where to publish again. Neither place nor time: from the beginning.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReplayBody {
    /// The stream, `ORDERS`; absent: all.
    stream: Option<Text<1, 64>>,
    /// A place in the stream.
    from_sequence: Option<Int<1, 9_007_199_254_740_991>>,
    /// A time.
    from_time: Option<Instant>,
}

async fn replay(
    operator: Arc<Operator>,
    call: Call<OptionalJson<ReplayBody>>,
) -> Result<Reply<Json<EventReplay>>, Problem> {
    let body = call.body.0;
    let from = match (body.from_sequence, body.from_time) {
        (None, None) => ReplayFrom::Beginning,
        (Some(sequence), None) => ReplayFrom::Sequence(sequence.0.unsigned_abs()),
        (None, Some(time)) => ReplayFrom::Time(time.0),
        (Some(_), Some(_)) => {
            let detail = "send a sequence or a time, not both";
            return Err(refusal::field("/from_time", "not_allowed", detail));
        }
    };
    let stream = body.stream.map(Text::into_string);
    let names = FACES.map(|face| face.domain.to_ascii_uppercase());
    if stream.as_ref().is_some_and(|stream| !names.contains(stream)) {
        let detail = format!("is one of {}", names.join(", "));
        return Err(Problem::failed("/stream", "unknown_value", detail));
    }
    operator.relay.replay(ReplayRequest { stream: stream.clone(), from }).await.map_err(
        |error| match error {
            ReplayError::Busy => Problem::new(Code::InvalidState).with("state", "replay_under_way"),
            ReplayError::NoStream => {
                refusal::field("/stream", "required", "a sequence is one of a stream")
            }
            ReplayError::Unavailable => Problem::new(Code::Unavailable),
        },
    )?;
    let progress = operator.relay.state().replay;
    let begun = progress.unwrap_or_else(|| ReplayProgress { stream, ..ReplayProgress::default() });
    Ok(Reply::new(202, Json(begun.into())).location(GET.path.to_owned()))
}

async fn get(
    operator: Arc<Operator>,
    _: Call<NoBody>,
) -> Result<Reply<Json<EventReplay>>, Problem> {
    let progress = operator.relay.state().replay;
    let progress = progress.ok_or_else(|| Problem::new(Code::NotFound).detail("there was none"));
    std::future::ready(progress.map(|progress| Reply::ok(progress.into()))).await
}
