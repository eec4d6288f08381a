//! Live streams: server-sent events and WebSockets over questions that wait at the entities.
//!
//! Each connection is an actix actor with one slot per watched order. It asks the order for a
//! version later than the one it saw (decision 0002), keeps the newest answer in the slot, and
//! writes when the client can take it: states may be skipped, timeline entries never.
//! Guarantees: bounded memory per connection, an end with `bye` that a client understands, and
//! that a client which does not read is cut. Knows no bus; an order answers durable state only.

mod body;
mod bye;
mod cut;
mod gate;
mod live;
mod news;
mod position;
mod slot;
mod source;
mod wire;

pub(crate) use body::{LiveBody, response};
pub(crate) use bye::Reason;
pub(crate) use cut::{Cut, keep_connection};
pub use gate::{Pace, Streams};
pub(crate) use live::{Live, Opening, bounded};
pub use news::{ByeFrame, OrderFrame, PageFrame, StreamFrame};
pub(crate) use news::{News, read_id};
pub(crate) use position::Position;
pub(crate) use source::{Watcher, is_refusal};
pub(crate) use wire::Form;

#[cfg(test)]
mod tests;
