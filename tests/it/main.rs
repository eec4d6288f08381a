//! Integration tests of mercato: rules of the tree, and the real binary from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

mod api;
mod authorization;
mod bad_input;
mod browser;
mod dependencies;
mod fuzz;
mod kill;
mod last_unit;
mod nats;
mod node;
mod own_shop;
mod readme;
mod sim;
mod tidy;
mod tree;
