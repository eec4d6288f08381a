//! Everything that is not deterministic, behind traits: clock, randomness, transport, store.
//!
//! Code that the simulator runs gets time, draws and messages from here and from nowhere else
//! (architecture 17). A node has one [`NodeCtx`]; the simulator has one for each of its nodes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use entity::{EntityTypes, ShardId, StreamSend, Timestamp};
use ports::SharedStore;

/// A future that a trait object gives.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
    /// Waits for `ms` milliseconds of elapsed time (moving the clock does not shorten it).
    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()>;
}

/// Where randomness comes from.
pub trait Random: Send + Sync + 'static {
    /// 64 random bits.
    fn bits(&self) -> u64;
}

/// What travels from shard to shard.
#[derive(Debug, Clone)]
pub enum Parcel {
    /// Messages of the stream `from` -> receiver.
    Stream {
        /// The sending shard.
        from: ShardId,
        /// In order.
        sends: Vec<StreamSend>,
    },
    /// `by` has durably taken the receiver's stream up to `through`.
    Acked {
        /// The shard that took the messages.
        by: ShardId,
        /// Cumulative.
        through: u64,
    },
    /// `to` lost what was on its way to it.
    Resend {
        /// The shard that asks.
        to: ShardId,
    },
}

/// Carries parcels to the owner of a shard. May lose, repeat and delay them; streams mend that.
pub trait Transport: Send + Sync + 'static {
    /// Sends a parcel. Never waits; a full link drops.
    fn send(&self, to: ShardId, parcel: Parcel);
}

/// What a node runs on.
#[derive(Clone)]
pub struct NodeCtx {
    /// The node's name.
    pub node: String,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Journal, snapshots, views.
    pub store: SharedStore,
    /// The kinds of entities hosted.
    pub types: Arc<EntityTypes>,
}
