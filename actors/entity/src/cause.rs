//! Why something happened: the request that caused it, carried through every message.
//!
//! It stands in each step record (audit: any value is traced to its command, principal and
//! reason) and in each public event (`traceparent`). It decides nothing.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::PrincipalKind;

/// A W3C trace context, as bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The trace id.
    pub trace_id: [u8; 16],
    /// The id of the span that caused this.
    pub span_id: [u8; 8],
    /// Trace flags; bit 0 = sampled.
    pub flags: u8,
}

/// The origin of a step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The trace of the first request.
    pub trace: Trace,
    /// Number of the first request, shown as `Request-Id`.
    pub request: u64,
    /// Kind of the principal that asked first.
    pub kind: PrincipalKind,
    /// Who asked first.
    pub subject: CompactString,
}
