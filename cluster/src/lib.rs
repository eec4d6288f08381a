//! The runtime: shards of entities over a log, streams between them, and a region in front.
//!
//! Pure state machines (`shard::core`, `log::staging`, streams, timers, residents) inside thin
//! ractor shells (`shard::host`, `log::committer`, `node`). Knows entities and ports, no commerce
//! and no driver. Everything nondeterministic comes through [`ctx::NodeCtx`].

pub mod admission;
pub mod clock;
pub mod ctx;
mod gateway;
pub mod latest;
pub mod limits;
pub mod log;
pub mod membership;
pub mod node;
pub mod outbox;
pub mod ownership;
pub mod projection;
pub mod region;
pub mod relay;
pub mod shard;
mod shard_map;
pub mod wire;

pub use node::{Directory, Loss, Node, NodeOptions, OpenError, Owner, StartError, Vitals};
pub use region::{
    AsOf, Ask, AskError, HistoryError, Look, Region, Replayed, Reply, Seen, gathered,
};
