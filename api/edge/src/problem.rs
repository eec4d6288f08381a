//! Refusals as RFC 9457 problems: one shape for everything that is not a success.
//!
//! Handlers return a [`Problem`]; the request's number, trace and path are added where it is
//! rendered, so the same problem kept with an idempotency key renders to the same bytes. Extractor
//! errors and unknown routes are problems too. Nothing here logs: a problem is an answer.

mod code;

use std::collections::BTreeMap;
use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::Value;

pub use code::Code;

use crate::request::{Origin, hex, request_id};

/// One fault inside a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where in the body: JSON Pointer (RFC 6901); empty: the body as a whole, or not in the body.
    pub pointer: String,
    /// Of the query or among the headers: the name there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// What kind of fault: `unknown_field`, `out_of_range`.
    pub code: &'static str,
    /// The fault in words.
    pub detail: String,
}

impl Fault {
    /// A fault of the body.
    #[must_use]
    pub fn new(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        let (pointer, detail) = (pointer.into(), detail.into());
        Self { pointer, parameter: None, code, detail }
    }

    /// The pointer, or the name of the parameter.
    #[must_use]
    pub fn place(&self) -> &str {
        self.parameter.as_deref().unwrap_or(&self.pointer)
    }
}

/// The members that some codes add, as the documentation declares them.
pub(crate) const MEMBERS: [&str; 14] = [
    "available",
    "coupon",
    "lines",
    "on_hand",
    "on_hold",
    "order",
    "order_id",
    "quote",
    "reason",
    "shards_missing",
    "state",
    "today",
    "version",
    "violated-policies",
];

/// A refusal, as a handler gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone, PartialEq)]
struct Inner {
    code: Code,
    detail: Option<String>,
    errors: Vec<Fault>,
    members: BTreeMap<&'static str, Value>,
    retry_after_s: Option<u32>,
    headers: Vec<(header::HeaderName, String)>,
    first: Option<(u64, [u8; 16])>,
}

impl Problem {
    /// A refusal with a code.
    #[must_use]
    pub fn new(code: Code) -> Self {
        Self(Box::new(Inner {
            code,
            detail: None,
            errors: Vec::new(),
            members: BTreeMap::new(),
            retry_after_s: code.retry_after_s(),
            headers: Vec::new(),
            first: None,
        }))
    }

    /// 400 `invalid_request` for one place of the body.
    #[must_use]
    pub fn invalid(pointer: &str, code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Code::InvalidRequest).fault(Fault::new(pointer, code, detail))
    }

    /// 400 `invalid_request` for one parameter of the query or one header.
    #[must_use]
    pub fn bad_parameter(name: &str, code: &'static str, detail: impl Into<String>) -> Self {
        let fault = Fault { parameter: Some(name.to_owned()), ..Fault::new("", code, detail) };
        Self::new(Code::InvalidRequest).fault(fault)
    }

    /// 422 `validation_failed` for one place of the body.
    #[must_use]
    pub fn failed(pointer: &str, code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Code::ValidationFailed).fault(Fault::new(pointer, code, detail))
    }

    /// Why, in words, for this occurrence; the code's title when nothing is said.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds a fault; the first one is the detail too, unless there is one.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        if self.0.detail.is_none() {
            self.0.detail = Some(match fault.place() {
                "" => fault.detail.clone(),
                place => format!("{place}: {}", fault.detail),
            });
        }
        self.0.errors.push(fault);
        self
    }

    /// Adds a member of the code: `state`, `version`, `lines`.
    #[must_use]
    pub fn with(mut self, member: &'static str, value: impl Into<Value>) -> Self {
        debug_assert!(MEMBERS.contains(&member), "{member} is not declared");
        self.0.members.insert(member, value.into());
        self
    }

    /// Tells when to try again, in ms; rounded up to whole seconds, at least one.
    #[must_use]
    pub fn retry_after_ms(mut self, ms: u64) -> Self {
        let seconds = ms.div_ceil(1000).clamp(1, u64::from(u32::MAX));
        self.0.retry_after_s = Some(u32::try_from(seconds).expect("clamped to u32"));
        self
    }

    /// This repeats the answer to an earlier request: its number and trace are shown.
    #[must_use]
    pub fn replayed(mut self, request: u64, trace_id: [u8; 16]) -> Self {
        self.0.first = Some((request, trace_id));
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: header::HeaderName, value: impl Into<String>) -> Self {
        self.0.headers.push((name, value.into()));
        self
    }

    /// When to try again, in seconds; `None`: nobody knows, or never.
    #[must_use]
    pub const fn retry_after_s(&self) -> Option<u32> {
        self.0.retry_after_s
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.0.code
    }

    /// The members beyond those of every problem.
    #[must_use]
    pub const fn members(&self) -> &BTreeMap<&'static str, Value> {
        &self.0.members
    }

    /// The faults.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.0.errors
    }

    /// The body for the request `origin`.
    #[must_use]
    pub fn body(&self, origin: &Origin) -> Vec<u8> {
        let code = self.0.code;
        let (number, trace_id) = self.0.first.unwrap_or((origin.number, origin.trace_id));
        let body = Body {
            kind: code.type_uri(),
            title: code.title(),
            status: code.status().as_u16(),
            detail: self.0.detail.as_deref().unwrap_or_else(|| code.title()),
            instance: &origin.path,
            code: code.as_str(),
            request_id: request_id(number),
            trace_id: hex(&trace_id),
            retryable: code.retryable(),
            errors: &self.0.errors,
            members: &self.0.members,
        };
        serde_json::to_vec(&body).expect("a problem holds text and JSON values only")
    }

    /// The answer to the request `origin`.
    #[must_use]
    pub fn respond(&self, origin: &Origin) -> HttpResponse {
        let mut response = HttpResponse::build(self.0.code.status());
        response.content_type("application/problem+json");
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        if self.0.first.is_some() {
            response.insert_header(("Idempotent-Replayed", "true"));
        }
        if let Some(seconds) = self.0.retry_after_s {
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        for (name, value) in &self.0.headers {
            response.insert_header((name.clone(), value.as_str()));
        }
        response.body(self.body(origin))
    }
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    code: &'a str,
    request_id: String,
    trace_id: String,
    retryable: bool,
    errors: &'a [Fault],
    #[serde(flatten)]
    members: &'a BTreeMap<&'static str, Value>,
}

/// Whether the thing that was asked cannot answer (it, or its shard, is down), which says nothing
/// of others. What is overloaded or not allowed concerns whoever asks.
#[must_use]
pub(crate) fn is_of_one(problem: &Problem) -> bool {
    matches!(problem.code(), Code::Unavailable | Code::Internal)
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code.as_str())?;
        match &self.0.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.code.status()
    }

    /// Without a request at hand; the layer that knows it renders the problem anew.
    fn error_response(&self) -> HttpResponse<BoxBody> {
        self.respond(&Origin::unknown())
    }
}

#[cfg(test)]
mod tests;
