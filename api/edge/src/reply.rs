//! Replies: a status, a body, a version, and the headers that follow from them.
//!
//! Handlers say what happened; tags, 304, `Preference-Applied`, `Idempotent-Replayed`, caching and
//! `Vary` are written here, the same for every operation. A read whose handler names no tag gets a
//! weak one over its bytes, so that every read that may be kept can be asked for again with 304.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use data_encoding::HEXLOWER;
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::dto::List;
use crate::openapi::Content;
use crate::operation::{Caching, Method, Operation};
use crate::request::{Prefer, entity_tag};

/// What replies depend on beside the path: caches keep one answer per combination.
pub(crate) const VARY: &str =
    "Authorization, Cookie, Channel, Accept-Encoding, Accept-Language, Api-Key";

/// A body that a handler may answer with.
pub trait Output {
    /// What the OpenAPI document says of it.
    fn content() -> Content;
    /// The bytes and their media type; `None`: there is no body.
    fn into_bytes(self) -> Option<(Vec<u8>, &'static str)>;
}

/// A JSON body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: Serialize + ToSchema> Output for Json<T> {
    fn content() -> Content {
        Content::of::<T>("application/json")
    }

    fn into_bytes(self) -> Option<(Vec<u8>, &'static str)> {
        let bytes = serde_json::to_vec(&self.0).expect("replies are plain data with text keys");
        Some((bytes, "application/json"))
    }
}

/// No body: 204.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Empty;

impl Output for Empty {
    fn content() -> Content {
        Content::None
    }

    fn into_bytes(self) -> Option<(Vec<u8>, &'static str)> {
        None
    }
}

/// A text of another media type than JSON: a page of HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Html(pub String);

impl Output for Html {
    fn content() -> Content {
        Content::Text("text/html")
    }

    fn into_bytes(self) -> Option<(Vec<u8>, &'static str)> {
        Some((self.0.into_bytes(), "text/html; charset=utf-8"))
    }
}

/// A success.
#[derive(Debug)]
pub struct Reply<B> {
    status: StatusCode,
    body: B,
    tag: Option<String>,
    headers: Vec<(HeaderName, String)>,
    replayed: bool,
    /// The tag is to write with; it does not cover all that is shown.
    is_partly_tagged: bool,
}

impl<B> Reply<B> {
    /// A success with a status that the operation declares.
    ///
    /// # Panics
    /// When `status` is no status.
    #[must_use]
    pub fn new(status: u16, body: B) -> Self {
        let status = StatusCode::from_u16(status).expect("handlers answer statuses");
        let (tag, headers) = (None, Vec::new());
        Self { status, body, tag, headers, replayed: false, is_partly_tagged: false }
    }

    /// The version of what is shown: `ETag: "v17"`.
    #[must_use]
    pub fn version(mut self, version: u64) -> Self {
        self.tag = Some(entity_tag(version));
        self
    }

    /// As [`Self::version`], where something shown changes without it: the tag is good for
    /// `If-Match`, and a read with `If-None-Match` is answered in full.
    #[must_use]
    pub fn version_of_a_part(mut self, version: u64) -> Self {
        self.is_partly_tagged = true;
        self.version(version)
    }

    /// Another tag, in quotes: of an expanded form or a list.
    #[must_use]
    pub fn tag(mut self, tag: String) -> Self {
        self.tag = Some(tag);
        self
    }

    /// Where the thing stands.
    #[must_use]
    pub fn location(self, path: String) -> Self {
        self.header(header::LOCATION, path)
    }

    /// Another header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Whether this repeats the answer to an earlier request with the same key.
    #[must_use]
    pub const fn replayed(mut self, replayed: bool) -> Self {
        self.replayed = replayed;
        self
    }

    /// The body.
    #[must_use]
    pub const fn body(&self) -> &B {
        &self.body
    }
}

impl<T> Reply<Json<T>> {
    /// 200 with a JSON body.
    #[must_use]
    pub fn ok(body: T) -> Self {
        Self::new(200, Json(body))
    }

    /// 201 with a JSON body.
    #[must_use]
    pub fn created(body: T) -> Self {
        Self::new(201, Json(body))
    }

    /// The same with another body.
    #[must_use]
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Reply<Json<U>> {
        let Self { status, body: Json(body), tag, headers, replayed, is_partly_tagged } = self;
        Reply { status, body: Json(f(body)), tag, headers, replayed, is_partly_tagged }
    }
}

impl<T> Reply<Json<List<T>>> {
    /// A page; `path` and `query` (without a cursor) make the `Link` to the next one.
    #[must_use]
    pub fn page(list: List<T>, path: &str, query: &str) -> Self {
        let link = list.next.as_ref().map(|cursor| {
            let kept: Vec<&str> = query
                .split('&')
                .filter(|pair| !pair.is_empty() && pair.split('=').next() != Some("cursor"))
                .collect();
            let mut target = format!("{path}?");
            for pair in kept {
                target.push_str(pair);
                target.push('&');
            }
            format!("<{target}cursor={cursor}>; rel=\"next\"")
        });
        let reply = Self::ok(list);
        match link {
            Some(link) => reply.header(header::LINK, link),
            None => reply,
        }
    }
}

impl Reply<Empty> {
    /// 204.
    #[must_use]
    pub fn no_content() -> Self {
        Self::new(204, Empty)
    }
}

/// What a reply is rendered for.
pub(crate) struct Rendering<'a> {
    pub(crate) operation: &'a Operation,
    pub(crate) prefer: Prefer,
    /// Tags that the reader has, of `If-None-Match` on a read.
    pub(crate) known: Option<Vec<String>>,
}

impl<B: Output> Reply<B> {
    /// The response.
    pub(crate) fn render(self, rendering: &Rendering<'_>) -> HttpResponse {
        let operation = rendering.operation;
        let Self { mut status, body, tag, headers, replayed, is_partly_tagged } = self;
        let declared = operation.statuses.contains(&status.as_u16());
        assert!(declared, "{} answers the undeclared status {status}", operation.id);
        if matches!(status.as_u16(), 200..=202) {
            let is_located = headers.iter().any(|(name, _)| *name == header::LOCATION);
            let is_declared = operation.is_located(status.as_u16());
            assert_eq!(is_located, is_declared, "{} and its Location", operation.id);
        }
        let body = body.into_bytes();
        let bytes = body.as_ref().map(|(bytes, _)| bytes.as_slice());
        let is_read = operation.method == Method::Get && status == StatusCode::OK;
        let may_be_kept = is_read && operation.caching != Caching::Never;
        let tag = tag.or_else(|| bytes.filter(|_| may_be_kept).map(weak_tag));
        assert!(tag.is_none() || operation.is_tagged(), "{} and its ETag", operation.id);
        let known = rendering.known.as_deref().filter(|_| is_read && !is_partly_tagged);
        let is_known = tag.as_ref().is_some_and(|tag| matches_any(tag, known));
        let minimal = operation.minimal && rendering.prefer.minimal;
        if is_known {
            status = StatusCode::NOT_MODIFIED;
        } else if minimal && status == StatusCode::OK {
            status = StatusCode::NO_CONTENT;
        }
        let mut response = HttpResponse::build(status);
        response.insert_header((header::CACHE_CONTROL, operation.caching.header()));
        response.insert_header((header::VARY, VARY));
        if let Some(tag) = tag {
            response.insert_header((header::ETAG, tag));
        }
        if replayed {
            response.insert_header(("Idempotent-Replayed", "true"));
        }
        if let Some(applied) = rendering.prefer.applied() {
            response.insert_header(("Preference-Applied", applied));
        }
        for (name, value) in headers {
            // A value that is no header is a bug of ours, not of the caller.
            let value = HeaderValue::from_str(&value).expect("header values are visible ASCII");
            response.append_header((name, value));
        }
        if is_known || minimal {
            return response.finish();
        }
        match body {
            Some((bytes, media_type)) => response.content_type(media_type).body(bytes),
            None => response.finish(),
        }
    }
}

/// A tag over bytes: of a thing whose parts have versions of their own.
pub(crate) fn weak_tag(bytes: &[u8]) -> String {
    format!("W/\"{}\"", HEXLOWER.encode(&Sha256::digest(bytes)[..12]))
}

/// Weak comparison (RFC 9110 8.8.3.2) of a tag with a list of tags without quotes.
fn matches_any(tag: &str, known: Option<&[String]>) -> bool {
    let opaque = tag.trim_start_matches("W/").trim_matches('"');
    known.is_some_and(|known| known.iter().any(|known| known == "*" || known == opaque))
}
