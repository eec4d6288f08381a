//! Layers around every route: context, shedding, metrics; and CORS around them all.
//!
//! CORS is outermost, or refusals would lack its headers and a browser could not read them. Load is
//! shed before a body is read. Metrics count by route template, never by path.

mod context;
mod cors;

pub(crate) use context::{Template, context};
pub(crate) use cors::cors;
