//! The clock of a demo: looked at, and moved forward so that timers fire.

use std::sync::Arc;

use entity::{Scope, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::dto::Instant;
use crate::input::NoBody;
use crate::json::Int;
use crate::limits;
use crate::operation::Operation;
use crate::operator::{DemoClock, Operator};
use crate::problem::{Code, Problem};
use crate::refusal;
use crate::reply::{Json, Reply};
use crate::route::{Call, Route, route};
use crate::routes::common;
use crate::views::unavailable;

const GET: Operation = Operation::get("getClock", "/demo/clock")
    .about("Demo", "The node's time")
    .operator(Scope::Node)
    .demo();

const MOVE: Operation = Operation::post("moveClock", "/demo/clock")
    .about("Demo", "Moves the node's time forward; tokens go on by wall time")
    .operator(Scope::Node)
    .demo();

/// The operations of this file: none without a demo's clock.
pub(super) fn routes(operator: &Arc<Operator>) -> Vec<Route> {
    if operator.clock.is_none() {
        return Vec::new();
    }
    let (of_get, of_move) = (Arc::clone(operator), Arc::clone(operator));
    vec![
        route(&GET, move |call| get(Arc::clone(&of_get), call)),
        route(&MOVE, move |call| advance(Arc::clone(&of_move), call)),
    ]
}

common::object_word!(ClockWord = "clock");

/// The node's time.
#[derive(Debug, Serialize, ToSchema)]
struct Clock {
    #[schema(inline)]
    object: ClockWord,
    /// Now.
    now: Instant,
}

impl Clock {
    const fn new(now: Timestamp) -> Self {
        Self { object: ClockWord::Word, now: Instant(now) }
    }
}

/// How far to move.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MoveBody {
    /// Milliseconds forward.
    advance_ms: Int<0, { limits::CLOCK_AHEAD_MAX_MS.cast_signed() }>,
}

fn clock(operator: &Operator) -> &DemoClock {
    operator.clock.as_ref().expect("routed with a clock only")
}

async fn get(operator: Arc<Operator>, _: Call<NoBody>) -> Result<Reply<Json<Clock>>, Problem> {
    let now = clock(&operator).now();
    std::future::ready(Ok(Reply::ok(Clock::new(now)))).await
}

async fn advance(
    operator: Arc<Operator>,
    call: Call<Json<MoveBody>>,
) -> Result<Reply<Json<Clock>>, Problem> {
    let ms = u64::try_from(call.body.0.advance_ms.0).map_err(|_| Problem::new(Code::Internal))?;
    let moved = clock(&operator).advance(ms, limits::CLOCK_AHEAD_MAX_MS).await;
    let now = moved.map_err(|error| unavailable(&error))?;
    let now = now.ok_or_else(|| {
        refusal::field("/advance_ms", "out_of_range", "the clock is as far ahead as it may be")
    })?;
    tracing::info!(ms, by = call.principal().subject.as_str(), "the clock was moved");
    Ok(Reply::ok(Clock::new(now)))
}
