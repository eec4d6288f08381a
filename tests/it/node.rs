//! A real node as a child process and a client of it; see the library of this crate.

pub(crate) use tests::{Client, Node, binary};
