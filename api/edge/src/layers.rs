//! Layers around every route: context, metrics; and CORS around them all.
//!
//! CORS is outermost, or refusals would lack its headers and a browser could not read them. Metrics
//! count by route template, never by path. Load is shed by the routes: which of them are let in
//! when the node is full is a matter of each (`operation::Gate`).

mod context;
mod cors;

pub(crate) use context::{Template, context};
pub(crate) use cors::cors;
