//! The log: what of it is written, read and changed while the node runs.
//!
//! A change holds until the next start, which begins with what the environment says.

use std::sync::Arc;

use entity::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::input::NoBody;
use crate::json::Text;
use crate::operation::Operation;
use crate::operator::Operator;
use crate::problem::Problem;
use crate::reply::{Json, Reply};
use crate::route::{Call, Route, route};
use crate::routes::common;

const GET: Operation = Operation::get("getLog", "/admin/log")
    .about("Admin", "What of the log is written")
    .operator(Scope::Node);

const PUT: Operation = Operation::put("putLog", "/admin/log")
    .about("Admin", "Changes what of the log is written, until the next start")
    .operator(Scope::Node);

/// The operations of this file.
pub(super) fn routes(operator: &Arc<Operator>) -> Vec<Route> {
    let (of_get, of_put) = (Arc::clone(operator), Arc::clone(operator));
    vec![
        route(&GET, move |call| get(Arc::clone(&of_get), call)),
        route(&PUT, move |call| put(Arc::clone(&of_put), call)),
    ]
}

common::object_word!(LogWord = "log");

/// The log.
#[derive(Debug, Serialize, ToSchema)]
struct Log {
    #[schema(inline)]
    object: LogWord,
    /// Levels, for all of the program or by part: `info,cluster=debug`.
    filter: String,
}

impl Log {
    fn of(operator: &Operator) -> Self {
        Self { object: LogWord::Word, filter: operator.log.filter() }
    }
}

/// What is to be written.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LogBody {
    /// Levels, for all of the program or by part.
    filter: Text<1, 500>,
}

async fn get(operator: Arc<Operator>, _: Call<NoBody>) -> Result<Reply<Json<Log>>, Problem> {
    std::future::ready(Ok(Reply::ok(Log::of(&operator)))).await
}

async fn put(
    operator: Arc<Operator>,
    call: Call<Json<LogBody>>,
) -> Result<Reply<Json<Log>>, Problem> {
    let filter = &*call.body.0.filter;
    let by = call.principal().subject;
    // Said before and after: one of the two filters may let it through and the other not.
    let was = operator.log.filter();
    tracing::info!(filter, was, by = by.as_str(), "log filter is to change");
    let set = operator.log.set(filter).map_err(|why| Problem::failed("/filter", "bad_form", &why));
    std::future::ready(set).await?;
    tracing::info!(filter, was, by = by.as_str(), "log filter changed");
    Ok(Reply::ok(Log::of(&operator)))
}
