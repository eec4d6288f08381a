//! The documents of the interface: OpenAPI, and a page that shows it.
//!
//! The page is ours, small, and needs no network but this node.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header;
use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::input::NoBody;
use crate::openapi::{self, Content};
use crate::operation::{Caching, Operation};
use crate::reply::VARY;
use crate::route::{Call, Route, raw_route};

const GET_OPENAPI: Operation = Operation::get("getOpenApi", "/openapi.json")
    .about("Documents", "This document")
    .public()
    .caching(Caching::Document);

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
    bytes: Vec<u8>,
    tag: String,
}

impl Document {
    fn new(bytes: Vec<u8>) -> Self {
        let tag = format!("\"{}\"", HEXLOWER.encode(&Sha256::digest(&bytes)[..12]));
        Self { bytes, tag }
    }
}

/// The document of all routes, as it is checked in: sorted, indented, with a last line feed.
#[must_use]
pub fn openapi_json() -> Vec<u8> {
    let document: Value = openapi::document(&super::all());
    let mut bytes = serde_json::to_vec_pretty(&document).expect("the document is plain data");
    bytes.push(b'\n');
    bytes
}

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
    document: &'static Document,
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
    response.content_type(media_type).body(document.bytes.as_slice())
}
