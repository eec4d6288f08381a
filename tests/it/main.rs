//! Integration tests of mercato: rules of the tree, and the real binary from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

mod dependencies;
mod tidy;
mod tree;
