//! Request bodies as handlers take them: nothing, JSON, a form, raw bytes.
//!
//! Bounded in size and in time before anything is parsed; a wrong media type is 415 whatever the
//! body holds. A body that may be left out is left out when it has no bytes, whatever media type
//! was announced for them.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, TRANSFER_ENCODING,
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::ToSchema;

use crate::json;
use crate::limits;
use crate::openapi::Content;
use crate::problem::{Code, Problem};
use crate::reply::Json;
use crate::state::EdgeState;

/// A request body.
pub trait Input: Sized {
    /// What the OpenAPI document says of it.
    fn content() -> Content;

    /// Reads it. The tree, if there is one, goes into the fingerprint of an idempotency key.
    fn read(
        headers: &HeaderMap,
        payload: Payload,
        edge: &EdgeState,
    ) -> impl Future<Output = Result<(Self, Option<Value>), Problem>>;
}

/// No body. An empty object is as good; anything else was meant for something, and is refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NoBody;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EmptyObject {}

impl Input for NoBody {
    fn content() -> Content {
        Content::None
    }

    async fn read(
        headers: &HeaderMap,
        payload: Payload,
        _: &EdgeState,
    ) -> Result<(Self, Option<Value>), Problem> {
        if headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING) {
            let bytes = collect(headers, payload, limits::BODY_BYTES_MAX).await?;
            if !bytes.is_empty() {
                json::decode::<EmptyObject>(&json::parse(&bytes)?)?;
            }
        }
        Ok((Self, None))
    }
}

/// A body that nobody reads: of an operation that refuses whatever it is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unread;

impl Input for Unread {
    fn content() -> Content {
        Content::None
    }

    fn read(
        _: &HeaderMap,
        _: Payload,
        _: &EdgeState,
    ) -> impl Future<Output = Result<(Self, Option<Value>), Problem>> {
        std::future::ready(Ok((Self, None)))
    }
}

impl<T: DeserializeOwned + ToSchema> Input for Json<T> {
    fn content() -> Content {
        Content::of::<T>("application/json")
    }

    async fn read(
        headers: &HeaderMap,
        payload: Payload,
        _: &EdgeState,
    ) -> Result<(Self, Option<Value>), Problem> {
        expect_media_type(headers, JSON)?;
        let bytes = collect(headers, payload, limits::BODY_BYTES_MAX).await?;
        let (body, tree) = read_json(&bytes)?;
        Ok((Self(body), Some(tree)))
    }
}

/// Media types of JSON bodies.
const JSON: &[&str] = &["application/json", "application/merge-patch+json"];

fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, Value), Problem> {
    let tree = json::parse(bytes)?;
    let body = json::decode(&tree)?;
    json::refuse_control_characters(&tree)?;
    Ok((body, tree))
}

/// A JSON body that may be left out: an absent one is the type's default, which is what the type
/// makes of `null` and of an empty object, if it takes one. They are one request for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionalJson<T>(pub T);

impl<T: DeserializeOwned + ToSchema + Default> Input for OptionalJson<T> {
    fn content() -> Content {
        Content::optional::<T>("application/json")
    }

    async fn read(
        headers: &HeaderMap,
        payload: Payload,
        _: &EdgeState,
    ) -> Result<(Self, Option<Value>), Problem> {
        let bytes = collect(headers, payload, limits::BODY_BYTES_MAX).await?;
        if bytes.is_empty() {
            return Ok((Self(T::default()), None));
        }
        expect_media_type(headers, JSON)?;
        let (body, tree) = read_json(&bytes)?;
        let is_empty = tree.is_null() || tree.as_object().is_some_and(serde_json::Map::is_empty);
        Ok((Self(body), Some(tree).filter(|_| !is_empty)))
    }
}

/// The bytes as they came: webhooks, whose signature covers them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawBody(pub Bytes);

impl Input for RawBody {
    fn content() -> Content {
        Content::Binary
    }

    async fn read(
        headers: &HeaderMap,
        payload: Payload,
        _: &EdgeState,
    ) -> Result<(Self, Option<Value>), Problem> {
        Ok((Self(collect(headers, payload, limits::BODY_BYTES_MAX).await?), None))
    }
}

/// A form (RFC 6749): name and value pairs, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form(pub Vec<(String, String)>);

impl Input for Form {
    fn content() -> Content {
        Content::Form(&[])
    }

    async fn read(
        headers: &HeaderMap,
        payload: Payload,
        _: &EdgeState,
    ) -> Result<(Self, Option<Value>), Problem> {
        expect_media_type(headers, &["application/x-www-form-urlencoded"])?;
        let bytes = collect(headers, payload, limits::BODY_BYTES_MAX).await?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| Problem::invalid("", "bad_form", "the form is not UTF-8"))?;
        let pairs = crate::request::read_form(text)
            .ok_or_else(|| Problem::invalid("", "bad_form", "the form is not UTF-8"))?;
        Ok((Self(pairs), None))
    }
}

/// Reads a body to its end, within the limits of size and time.
async fn collect(
    headers: &HeaderMap,
    mut payload: Payload,
    bytes_max: usize,
) -> Result<Bytes, Problem> {
    let too_large =
        || Problem::new(Code::TooLarge).detail(format!("a body has at most {bytes_max} bytes"));
    let announced =
        headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|n| n > bytes_max as u64) {
        return Err(too_large());
    }
    let read = async {
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk
                .map_err(|_| Problem::invalid("", "incomplete", "the body did not arrive whole"))?;
            if body.len() + chunk.len() > bytes_max {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    tokio::time::timeout(Duration::from_millis(limits::BODY_TIMEOUT_MS), read)
        .await
        .unwrap_or_else(|_| Err(Problem::new(Code::Timeout)))
}

fn expect_media_type(headers: &HeaderMap, allowed: &'static [&'static str]) -> Result<(), Problem> {
    let is_plain = |encoding: &HeaderValue| encoding.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers.get_all("content-encoding").all(is_plain) {
        let detail = "compressed bodies are not taken";
        return Err(Problem::new(Code::UnsupportedMediaType).detail(detail));
    }
    let essence = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|essence| essence.trim().to_ascii_lowercase());
    match essence {
        Some(essence) if allowed.contains(&essence.as_str()) => Ok(()),
        Some(_) | None => Err(unsupported(allowed)),
    }
}

fn unsupported(allowed: &[&str]) -> Problem {
    Problem::new(Code::UnsupportedMediaType)
        .detail(format!("the Content-Type has to be {}", allowed.join(" or ")))
}
