//! Everything that is not deterministic, behind traits: clock, randomness, transport, store.
//!
//! Code that the simulator runs gets time, draws and messages from here and from nowhere else
//! (architecture 17). A node has one [`NodeCtx`]; the simulator has one for each of its nodes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use entity::{EntityTypes, Sends, ShardId, Timestamp};
pub use ports::NodeId;
use ports::SharedStore;
use serde::{Deserialize, Serialize};

use crate::shard::inbox::ShardInbox;

/// A future that a trait object gives.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
    /// Time that passes evenly, whoever sets the clock and be the machine suspended or not, from a
    /// beginning of its own: what leases are counted in. A clock that nobody sets may be both.
    fn steady(&self) -> Timestamp;
    /// Waits for `ms` milliseconds of elapsed time (moving the clock does not shorten it).
    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()>;
}

/// Where randomness comes from.
pub trait Random: Send + Sync + 'static {
    /// 64 random bits.
    fn bits(&self) -> u64;
}

/// What travels from shard to shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Parcel {
    /// Messages of the stream `from` -> receiver.
    Stream {
        /// The sending shard.
        from: ShardId,
        /// In order.
        sends: Sends,
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

impl Parcel {
    /// The shard that it comes from.
    #[must_use]
    pub const fn sender(&self) -> ShardId {
        match self {
            Self::Stream { from: shard, .. }
            | Self::Acked { by: shard, .. }
            | Self::Resend { to: shard } => *shard,
        }
    }
}

/// Carries what leaves a shard: frames to other nodes, parcels to shards of the same node.
///
/// May lose, repeat, delay and reorder both; streams, correlation ids and deadlines mend that.
pub trait Transport: Send + Sync + 'static {
    /// Sends an encoded frame to another node, where it is given to `Node::deliver`. Never waits;
    /// a full link drops.
    fn send(&self, to: &NodeId, frame: Vec<u8>);

    /// Carries a parcel to a shard of the same node. `inbox` can be kept to deliver it later.
    fn local(&self, to: ShardId, parcel: Parcel, inbox: &ShardInbox) {
        let _ = to;
        inbox.deliver(parcel);
    }
}

/// The transport of a node that is alone: there is nobody to send to.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPeers;

impl Transport for NoPeers {
    fn send(&self, to: &NodeId, _frame: Vec<u8>) {
        tracing::warn!(%to, "a node without peers was asked to send a frame");
    }
}

/// What a node runs on.
#[derive(Clone)]
pub struct NodeCtx {
    /// The node's name.
    pub node: NodeId,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// The way to other nodes, and between the shards of this one.
    pub transport: Arc<dyn Transport>,
    /// Journal, snapshots, views.
    pub store: SharedStore,
    /// The kinds of entities hosted.
    pub types: Arc<EntityTypes>,
}
