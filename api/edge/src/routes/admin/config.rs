//! Dynamic configuration: read, changed as a whole, taken back.

use std::collections::BTreeMap;
use std::sync::Arc;

use entity::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::configuration::{Change, ChangeError};
use crate::input::NoBody;
use crate::json::Int;
use crate::operation::Operation;
use crate::operator::Operator;
use crate::problem::{Code, Problem};
use crate::refusal;
use crate::reply::{Json, Reply};
use crate::request::{Condition, Param, ParamKind};
use crate::route::{Call, Route, route};
use crate::routes::common;
use crate::settings::{self, Values};
use crate::views::unavailable;

/// An integer that any JSON reader takes.
type Whole = Int<0, 9_007_199_254_740_991>;

const VERSION: Param = Param::new(
    "version",
    ParamKind::Integer { min: 0, max: 9_007_199_254_740_991 },
    "The values as they were at this version.",
);

const GET: Operation = Operation::get("getConfig", "/admin/config")
    .about("Admin", "Dynamic configuration, every key with its value")
    .operator(Scope::Node)
    .query(&[VERSION])
    .codes(&[Code::NotFound]);

const PUT: Operation = Operation::put("putConfig", "/admin/config")
    .about("Admin", "Changes dynamic configuration, or goes back to an older version of it")
    .operator(Scope::Node)
    .codes(&[Code::NotFound])
    .if_match();

/// The operations of this file.
pub(super) fn routes(operator: &Arc<Operator>) -> Vec<Route> {
    let (of_get, of_put) = (Arc::clone(operator), Arc::clone(operator));
    vec![
        route(&GET, move |call| get(Arc::clone(&of_get), call)),
        route(&PUT, move |call| put(Arc::clone(&of_put), call)),
    ]
}

common::object_word!(ConfigWord = "config");

/// Dynamic configuration.
#[derive(Debug, Serialize, ToSchema)]
struct Config {
    #[schema(inline)]
    object: ConfigWord,
    /// Counts the changes.
    version: u64,
    /// Every key with its value.
    values: BTreeMap<&'static str, u64>,
}

impl Config {
    fn new(values: &Values) -> Self {
        let version = values.version;
        Self { object: ConfigWord::Word, version, values: values.all().collect() }
    }
}

/// A change: exactly one of its members.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ConfigBody {
    /// Keys to set; null: back to what the file says, else to the default.
    #[schema(value_type = Option<BTreeMap<String, i64>>)]
    values: Option<BTreeMap<String, Option<Whole>>>,
    /// The version to go back to.
    rollback_to: Option<Int<0, 9_007_199_254_740_991>>,
}

async fn get(operator: Arc<Operator>, call: Call<NoBody>) -> Result<Reply<Json<Config>>, Problem> {
    let configuration = &operator.configuration;
    let values = match call.query.number("version") {
        None => (*configuration.settings().values()).clone(),
        Some(version) => {
            let kept = configuration.at(version).await;
            kept.ok_or_else(|| Problem::new(Code::NotFound).detail("the version is not kept"))?
        }
    };
    Ok(Reply::ok(Config::new(&values)).version(values.version))
}

async fn put(
    operator: Arc<Operator>,
    call: Call<Json<ConfigBody>>,
) -> Result<Reply<Json<Config>>, Problem> {
    let unsigned = |value: Whole| value.0.unsigned_abs();
    let (edge, by) = (call.edge.clone(), call.principal().subject);
    let body = call.body.0;
    let change = match (body.values, body.rollback_to) {
        (Some(values), None) => {
            let set = values.into_iter().map(|(key, value)| (key, value.map(unsigned)));
            Change::Put(set.collect())
        }
        (None, Some(version)) => Change::RollBack(unsigned(version)),
        (None, None) | (Some(_), Some(_)) => {
            let detail = "send exactly one of values and rollback_to";
            return Err(refusal::field("/values", "required", detail));
        }
    };
    let configuration = &operator.configuration;
    let in_force = configuration.settings().values().version;
    let expected = match call.condition {
        Condition::Any | Condition::Exists => None,
        Condition::Version(version) => Some(version),
        // There is always one, and no tag of another form was ever given out.
        Condition::Absent | Condition::Never => return Err(stale(in_force)),
    };
    let then = move |values: &Values| {
        edge.apply(values);
        tracing::info!(version = values.version, by = by.as_str(), "configuration changed");
    };
    let values = configuration.change(expected, change, then).await.map_err(refused)?;
    Ok(Reply::ok(Config::new(&values)).version(values.version))
}

fn stale(version: u64) -> Problem {
    Problem::new(Code::VersionMismatch).with("version", version)
}

fn refused(error: ChangeError) -> Problem {
    match error {
        ChangeError::Stale { version } => stale(version),
        ChangeError::Refused(error) => {
            let detail = error.to_string();
            match &error {
                settings::Error::UnknownKey(key) => {
                    refusal::field(&pointer(key), "unknown", &detail)
                }
                settings::Error::OutOfRange { key, .. } => {
                    refusal::field(&pointer(key), "out_of_range", &detail)
                }
            }
        }
        ChangeError::NoVersion => Problem::new(Code::NotFound).detail("the version is not kept"),
        ChangeError::Store(error) => unavailable(&error),
    }
}

fn pointer(key: &str) -> String {
    format!("/values/{}", key.replace('~', "~0").replace('/', "~1"))
}
