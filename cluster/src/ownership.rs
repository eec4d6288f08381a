//! Who owns which shard, decided by each node for itself; the store arbitrates.
//!
//! Pure: no clock, no store, no network in here. One [`Agent`] a node takes rows, answers,
//! messages and ticks and says what to read, write, send, open and close. Safety rests on the
//! store's conditions alone (I1); time decides only how soon a shard moves, and how long reads
//! may be answered without asking the store.
//!
//! ```text
//! join -> lease -> view of members -> wanted owner of each shard (placement)
//!                     |- free shard, mine:    owner row e -> e+1, claim, open    (takeover)
//!                     |- my shard, another's: offer, snapshot, close, drain,
//!                     |                       owner row e -> e+1 names target    (handoff)
//!                     `- silent member:       end its life by a conditional write (step 0)
//! ```

pub mod agent;
pub mod handoff;
pub mod io;
pub mod lease;
pub mod placement;
pub mod takeover;
pub mod timing;

#[cfg(test)]
mod model;

pub use agent::{Agent, Config};
pub use io::{Answer, Input, Output, Peer, ShardStatus, StoreCall};
pub use placement::View;
pub use timing::Timing;
