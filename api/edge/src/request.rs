//! What a request says besides its body: number, trace, conditions, preferences, key, parameters.
//!
//! Pure readers of headers and query strings; each refuses what it cannot read with the problem of
//! interfaces.md 1. Who asks is the business of `identity`.

mod condition;
mod context;
mod idempotency;
mod language;
mod params;
mod prefer;

pub use condition::{
    Condition, Matching, entity_tag, read_if_match, read_if_none_match, version_in_tag,
};
pub use context::{Origin, RequestContext, parse_request_id, request_id};
pub use idempotency::{RequestKey, fingerprint, read_key, scoped_key};
pub use language::preferred_language;
pub use params::{Param, ParamKind, Params, read_form, read_query};
pub use prefer::{Prefer, WaitLimit};

pub(crate) use context::hex;

#[cfg(test)]
mod tests;
