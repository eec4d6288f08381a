//! The HTTP edge: routes, identity, conventions, documents.
//!
//! Turns requests into commands and queries of entities and their answers into HTTP, by the
//! conventions of the interface: problems, idempotency keys, versions, preferences, cursors.
//! Guarantees that identity is checked before anything else of a request is looked at, and that the
//! OpenAPI document says what the routes do. Knows no store but its named values, and decides
//! nothing about business.

pub mod app;
pub mod asyncapi;
pub mod configuration;
pub mod cursor;
pub mod dto;
pub mod health;
pub mod identity;
pub mod in_process;
pub mod input;
pub mod json;
mod layers;
pub mod limits;
pub mod openapi;
pub mod operation;
pub mod operator;
mod paths;
pub mod problem;
pub mod push;
pub mod quoting;
pub mod rate;
pub mod refusal;
pub mod reply;
pub mod request;
pub mod route;
pub mod routes;
pub mod server;
pub mod settings;
pub mod shop;
pub mod state;
pub mod used_keys;
pub mod views;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use app::{configure, configure_routes};
pub use configuration::Configuration;
pub use health::{Check, CheckStatus, Checks, Health, Phase};
pub use in_process::InProcess;
pub use operator::{DemoClock, LogFilter, Operator};
pub use problem::{Code, Fault, Problem};
pub use server::{Server, ServerHandle, ServerOptions};
pub use shop::{Shop, Terms};
pub use state::{Clock, EdgeLimits, EdgeParts, EdgeState, Entropy, Scrape};
pub use views::Views;
