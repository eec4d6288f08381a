//! The program itself, from outside: over HTTP, with real servers, ended and started again.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

mod admin;
mod drain;
mod events;
mod node;
mod room;
