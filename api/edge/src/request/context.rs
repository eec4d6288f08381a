//! The number and the trace of a request (W3C Trace Context).
//!
//! Every request gets a number of its own, shown as `Request-Id`; a caller's trace is continued
//! under a new span, anything malformed starts a new one. A replayed answer carries the number and
//! the trace of the first request: [`Origin`] is what an answer says of its request.

use actix_web::http::header::HeaderMap;
use data_encoding::{BASE32_DNSSEC, HEXLOWER};
use entity::Trace;

/// What is known of a request from its first byte on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestContext {
    /// The request's number.
    pub number: u64,
    /// The caller's trace under a span of ours, or a new trace.
    pub trace: Trace,
}

impl RequestContext {
    /// Reads `traceparent`; `number`, `trace_id` and `span_id` are random.
    #[must_use]
    pub fn read(headers: &HeaderMap, number: u64, trace_id: [u8; 16], span_id: [u8; 8]) -> Self {
        let mut values = headers.get_all("traceparent");
        let given = match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok().and_then(parse_traceparent),
            _ => None,
        };
        let trace = match given {
            Some(parent) => Trace { span_id, ..parent },
            None => Trace { trace_id, span_id, flags: 0 },
        };
        Self { number, trace }
    }

    /// The header `Traceparent` of the answer.
    #[must_use]
    pub fn traceparent(&self) -> String {
        let Trace { trace_id, span_id, flags } = self.trace;
        format!("00-{}-{}-{flags:02x}", hex(&trace_id), hex(&span_id))
    }

    /// What the answer says of this request.
    #[must_use]
    pub fn origin(&self, path: &str) -> Origin {
        Origin { number: self.number, trace_id: self.trace.trace_id, path: path.to_owned() }
    }
}

/// The request that an answer names: the present one, or the first one of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The request's number.
    pub number: u64,
    /// Its trace.
    pub trace_id: [u8; 16],
    /// Its path, without the query.
    pub path: String,
}

impl Origin {
    /// For an answer outside any request that we know of.
    #[must_use]
    pub const fn unknown() -> Self {
        Self { number: 0, trace_id: [0; 16], path: String::new() }
    }

    /// The text of the request's number.
    #[must_use]
    pub fn request_id(&self) -> String {
        request_id(self.number)
    }
}

/// `req_` and 13 lower-case base32 characters.
#[must_use]
pub fn request_id(number: u64) -> String {
    format!("req_{}", BASE32_DNSSEC.encode(&number.to_be_bytes()))
}

/// The number of a `Request-Id`, for looking a request up.
#[must_use]
pub fn parse_request_id(text: &str) -> Option<u64> {
    let raw = BASE32_DNSSEC.decode(text.strip_prefix("req_")?.as_bytes()).ok()?;
    Some(u64::from_be_bytes(raw.try_into().ok()?))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// `version-traceid-parentid-flags`, as W3C Trace Context 1 says; later versions may go on.
fn parse_traceparent(text: &str) -> Option<Trace> {
    let mut parts = text.split('-');
    let (version, trace_id, span_id, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let version: [u8; 1] = decode(version)?;
    if version[0] == 0xff || (version[0] == 0 && parts.next().is_some()) {
        return None;
    }
    let trace = Trace {
        trace_id: decode(trace_id)?,
        span_id: decode(span_id)?,
        // Only the sampled bit is known; others must not be passed on.
        flags: decode::<1>(flags)?[0] & 1,
    };
    let zero = trace.trace_id == [0; 16] || trace.span_id == [0; 8];
    (!zero).then_some(trace)
}

fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}
