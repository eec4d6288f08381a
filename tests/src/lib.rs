//! What the integration tests in `it/` and their helper programs share: the program under test as
//! a child process, a client of its HTTP interface, buyers at work, and the book that they keep.
//!
//! Test code: it panics where something is not as it must be.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod book;
mod client;
mod load;
mod node;
pub mod work;

pub use book::{Book, Line, now_us};
pub use client::{Answer, Client, cart_of, cod, order_of};
pub use load::Load;
pub use node::{Launch, Node, binary};
