//! Model check: real agents against a small store, every interleaving up to a bound.
//!
//! Three nodes, two shards; crash, pause, slow, lost, unanswered and late requests, stale lists,
//! lost and doubled messages. Breadth first over hashed states, and random walks for depth. Held:
//! one host an epoch, no append under an old epoch, no acknowledged append lost, no lease read
//! that misses another owner's acknowledged write, and every shard owned again once faults stop.
//! Each check is shown to fail with its safeguard taken out (`Rules`).

mod bucket;
mod search;
mod store;
mod streams;
mod tests;
mod world;
