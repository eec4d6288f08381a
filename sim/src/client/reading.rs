//! What an HTTP answer says, as far as checkers want to know it.

use std::collections::BTreeMap;

use serde::Deserialize;
use xxhash_rust::xxh3::xxh3_64;

use super::HttpAnswer;
use crate::history::{Answer, Ask};

/// The fields of all answers that are of interest.
#[derive(Default, Deserialize)]
struct Body {
    object: Option<String>,
    id: Option<String>,
    code: Option<String>,
    version: Option<u64>,
    status: Option<serde_json::Value>,
    locations: Option<Vec<At>>,
    stock: Option<Box<Self>>,
}

#[derive(Deserialize)]
struct At {
    sellable: i64,
}

/// The answer as the history keeps it.
pub(super) fn read(ask: &Ask, answer: &HttpAnswer) -> Answer {
    let body: Body = serde_json::from_slice(&answer.body).unwrap_or_default();
    let is_order = body.object.as_deref() == Some("order");
    let word = body.status.as_ref().and_then(|status| status.as_str()).map(str::to_owned);
    let stock = body.stock.as_deref().unwrap_or(&body);
    let available = stock
        .locations
        .as_ref()
        .map(|locations| locations.iter().map(|at| at.sellable).sum::<i64>());
    let asks_order = matches!(ask, Ask::Place { .. } | Ask::GetOrder { .. } | Ask::Cancel { .. });
    Answer {
        status: answer.status,
        code: body.code.clone(),
        order: body.id.clone().filter(|_| is_order),
        version: body.version.or_else(|| etag(&answer.headers)),
        state: word.filter(|_| is_order && asks_order),
        available,
        replayed: answer.headers.contains_key("idempotency-replayed"),
        body: xxh3_64(&answer.body),
    }
}

/// The version that an ETag shows: its first digits.
fn etag(headers: &BTreeMap<String, String>) -> Option<u64> {
    let text = headers.get("etag")?;
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok()
}
