//! The default store behind the ports, for a node without other servers: a log of its own for
//! what is promised, and a fjall database for what can be made again from it.
//!
//! Guarantees: an acknowledged append is on the disk; groups are whole or absent; a journal that
//! lost or damaged what was acknowledged or published is refused at open, not shortened. A torn
//! tail of an unacknowledged commit is cut off. After a failed sync nothing is acknowledged.
//! Snapshots, cursors and views are a prefix of what was written, at most about a second old.
//! It does not retry, does not compress the commit path, and knows no runtime but its threads.

mod acked;
mod committer;
mod databases;
mod derived;
mod error;
mod frames;
mod identity;
mod journal;
mod keeper;
mod keys;
mod layout;
mod legacy;
mod limits;
mod log;
mod manifest;
mod marks;
mod meta;
mod repair;
mod scan;
mod shared;
mod store;
mod syncer;
mod values;
mod verify;

pub use error::OpenError;
pub use store::{EmbeddedStore, Options, SEGMENT_BYTES};
pub use verify::Report;

#[cfg(test)]
mod tests;
