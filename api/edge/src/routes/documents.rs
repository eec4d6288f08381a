//! The documents of the interface: OpenAPI, AsyncAPI, schemas of events, and a page.
//!
//! The page is ours, small, and needs no network but this node.

use std::sync::{Arc, LazyLock, OnceLock};

use actix_web::HttpResponse;
use actix_web::http::header;
use bytes::Bytes;
use commerce::published::FACES;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::asyncapi;
use crate::input::NoBody;
use crate::openapi::{self, Content};
use crate::operation::{Caching, Gate, Operation};
use crate::problem::{Code, Problem};
use crate::reply::VARY;
use crate::request::{Param, ParamKind};
use crate::route::{Call, Route, raw_route};

const GET_OPENAPI: Operation = Operation::get("getOpenApi", "/openapi.json")
    .about("Documents", "This document")
    .public()
    .caching(Caching::Document);

const GET_ASYNCAPI: Operation = Operation::get("getAsyncApi", "/asyncapi.json")
    .about("Documents", "Events on the bus and live streams (AsyncAPI 3.0)")
    .public()
    .caching(Caching::Document);

const GET_ADMIN_OPENAPI: Operation = Operation::get("getAdminOpenApi", "/openapi.json")
    .about("Documents", "The document of the operations for operators")
    .public()
    .gate(Gate::Operator)
    .caching(Caching::Document);

const TYPE: Param = Param::new("type", ParamKind::Word(&TYPES), "A type of event: `order.placed`.");
/// Versions that data of any kind has: each kind answers for its own.
const FILES: &[&str] = &["1.json", "2.json"];
const FILE: Param =
    Param::new("file", ParamKind::Word(FILES), "The version of its data, with `.json`.");

const GET_SCHEMA: Operation = Operation::get("getEventSchema", "/schemas/{type}/{file}")
    .about("Documents", "JSON Schema of the data of an event: its `dataschema`")
    .public()
    .params(&[TYPE, FILE])
    .caching(Caching::Document);

const N_TYPES: usize = {
    let (mut n, mut index) = (0, 0);
    while index < FACES.len() {
        n += FACES[index].types.len();
        index += 1;
    }
    n
};

/// Every type of event.
const TYPES: [&str; N_TYPES] = {
    let mut types = [""; N_TYPES];
    let (mut n, mut face) = (0, 0);
    while face < FACES.len() {
        let mut index = 0;
        while index < FACES[face].types.len() {
            types[n] = FACES[face].types[index];
            index += 1;
            n += 1;
        }
        face += 1;
    }
    types
};

const GET_DOCS: Operation = Operation::get("getDocs", "/docs")
    .about("Documents", "The document as a page")
    .public()
    .caching(Caching::Document);

/// The operations of this file.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        raw_route(
            &GET_OPENAPI,
            || Content::Text("application/json"),
            |call| async move { Ok(served(&call, &OPENAPI, "application/json", None)) },
        ),
        raw_route(
            &GET_ASYNCAPI,
            || Content::Text("application/json"),
            |call| async move { Ok(served(&call, &ASYNCAPI, "application/json", None)) },
        ),
        raw_route(&GET_SCHEMA, || Content::Text("application/schema+json"), schema),
        raw_route(
            &GET_DOCS,
            || Content::Text("text/html"),
            |call| async move {
                let policy = "default-src 'none'; connect-src 'self'; script-src 'sha256-";
                let policy = format!("{policy}{}'; style-src 'unsafe-inline'", *SCRIPT_HASH);
                Ok(served(&call, &DOCS, "text/html; charset=utf-8", Some(policy)))
            },
        ),
    ]
}

struct Document {
    bytes: Bytes,
    tag: String,
}

impl Document {
    fn new(bytes: Vec<u8>) -> Self {
        let tag = format!("\"{}\"", HEXLOWER.encode(&Sha256::digest(&bytes)[..12]));
        Self { bytes: bytes.into(), tag }
    }
}

/// The document of all routes, as it is checked in: sorted, indented, with a last line feed.
#[must_use]
pub fn openapi_json() -> Vec<u8> {
    pretty(&openapi::document(&super::all()))
}

/// The same of the admin listener's routes: another address, so another document.
fn admin_json(routes: &[Route]) -> Vec<u8> {
    let mut document = openapi::document(routes);
    document["info"]["title"] = json!("mercato admin");
    document["info"]["description"] = json!(
        "What an operator looks at and moves on a running node, and the clock of a demo. Served \
         by the admin listener only. Errors are RFC 9457 problems."
    );
    pretty(&document)
}

/// Serves the document of the admin listener's routes there. It is written when it is first asked
/// for.
pub(crate) fn of_admin(routes: &[Route]) -> Route {
    let (routes, document) = (Arc::new(routes.to_vec()), Arc::new(OnceLock::new()));
    raw_route(
        &GET_ADMIN_OPENAPI,
        || Content::Text("application/json"),
        move |call| {
            let (routes, document) = (Arc::clone(&routes), Arc::clone(&document));
            async move {
                let document = document.get_or_init(|| Document::new(admin_json(&routes)));
                Ok(served(&call, document, "application/json", None))
            }
        },
    )
}

/// The document of all events, in the same form.
#[must_use]
pub fn asyncapi_json() -> Vec<u8> {
    pretty(&asyncapi::document())
}

fn pretty(document: &Value) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(document).expect("the document is plain data");
    bytes.push(b'\n');
    bytes
}

async fn schema(call: Call<NoBody>) -> Result<HttpResponse, Problem> {
    let (event_type, file) = (call.path.expect("type"), call.path.expect("file"));
    let version = file.strip_suffix(".json").and_then(|version| version.parse().ok());
    let schema = version.and_then(|version| asyncapi::data_schema(event_type, version));
    let schema = schema.ok_or_else(|| Problem::new(Code::NotFound))?;
    let document = Document::new(pretty(&schema));
    std::future::ready(Ok(served(&call, &document, "application/schema+json", None))).await
}

static ASYNCAPI: LazyLock<Document> = LazyLock::new(|| Document::new(asyncapi_json()));
static OPENAPI: LazyLock<Document> = LazyLock::new(|| Document::new(openapi_json()));

const PAGE: &str = include_str!("documents/docs.html");
static DOCS: LazyLock<Document> = LazyLock::new(|| Document::new(PAGE.as_bytes().to_vec()));

/// Only the page's own script runs on it.
static SCRIPT_HASH: LazyLock<String> = LazyLock::new(|| {
    let script = PAGE
        .split_once("<script>")
        .and_then(|(_, rest)| rest.split_once("</script>"))
        .map(|(script, _)| script)
        .expect("the page has one script");
    data_encoding::BASE64.encode(&Sha256::digest(script.as_bytes()))
});

fn served(
    call: &Call<NoBody>,
    document: &Document,
    media_type: &str,
    policy: Option<String>,
) -> HttpResponse {
    let opaque = document.tag.trim_matches('"');
    let known = call.known.as_ref().is_some_and(|known| known.iter().any(|tag| tag == opaque));
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::CACHE_CONTROL, Caching::Document.header()));
    response.insert_header((header::VARY, VARY));
    response.insert_header((header::ETAG, document.tag.clone()));
    if let Some(policy) = policy {
        response.insert_header((header::CONTENT_SECURITY_POLICY, policy));
    }
    if known {
        return response.finish();
    }
    response.content_type(media_type).body(document.bytes.clone())
}
