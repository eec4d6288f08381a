//! The status board: a page that shows a customer's orders live, for the demo.
//!
//! One file, no resource from elsewhere, and a policy that lets only its own script run. It signs
//! in with the demo's issuer like any other page would, and opens a plain EventSource.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header;
use data_encoding::{BASE64, HEXLOWER};
use sha2::{Digest, Sha256};

use crate::input::NoBody;
use crate::openapi::Content;
use crate::operation::{Caching, Operation};
use crate::reply::VARY;
use crate::request::{Param, ParamKind};
use crate::route::{Call, Route, raw_route};

const GET_BOARD: Operation = Operation::get("getBoard", "/board")
    .about("Documents", "A page that shows the caller's orders live")
    .public()
    .query(&[
        answer("code", "The issuer's code for the page."),
        answer("state", "What the page gave the issuer."),
        answer("iss", "The issuer."),
        answer("error", "Why the issuer refused."),
        answer("error_description", "The same in words."),
    ])
    .caching(Caching::Document);

/// What the issuer appends when it sends a browser back (RFC 6749 4.1.2, RFC 9207); the page's
/// script reads it, the node does not.
const fn answer(name: &'static str, about: &'static str) -> Param {
    Param::new(name, ParamKind::Text { max: 2_000 }, about)
}

const PAGE: &str = include_str!("../../assets/board.html");

/// The tag of the page.
static TAG: LazyLock<String> =
    LazyLock::new(|| format!("\"{}\"", HEXLOWER.encode(&Sha256::digest(PAGE)[..12])));

/// What the page may do: its own script and style by their hashes, and requests to this node.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; connect-src 'self'; script-src '{}'; style-src '{}'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash_of("<script>", "</script>"),
        hash_of("<style>", "</style>"),
    )
});

/// The operations of this file.
#[must_use]
pub fn routes() -> Vec<Route> {
    let page = || Content::Text("text/html");
    vec![raw_route(&GET_BOARD, page, |call| async move { Ok(board(&call)) })]
}

fn hash_of(open: &str, close: &str) -> String {
    let inside = PAGE.split_once(open).and_then(|(_, rest)| rest.split_once(close));
    let (inside, _) = inside.expect("the page has one such element");
    format!("sha256-{}", BASE64.encode(&Sha256::digest(inside)))
}

fn board(call: &Call<NoBody>) -> HttpResponse {
    let opaque = TAG.trim_matches('"');
    let is_known = call.known.iter().flatten().any(|tag| tag == opaque || tag == "*");
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::ETAG, TAG.as_str()))
        .insert_header((header::VARY, VARY))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY.as_str()))
        .insert_header((header::REFERRER_POLICY, "no-referrer"));
    if is_known {
        return response.finish();
    }
    response.content_type("text/html; charset=utf-8").body(PAGE)
}
