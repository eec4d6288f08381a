//! What a run knows beside store and bus: who owned shards, how deep queues were, what clients
//! saw, and whether faults are over so that everything must have settled.
//!
//! Plain values; a field that the run cannot know is left empty and then judges nothing.

use std::collections::BTreeMap;

use entity::{ShardId, Tenant, Timestamp};

use super::restarts::Written;
use crate::calm::Calm;
use crate::history::History;

/// Who claimed a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owned {
    /// The shard.
    pub shard: ShardId,
    /// The epoch that the claim gave.
    pub epoch: u64,
    /// Number of the node.
    pub node: u16,
}

/// An append that the store took although a newer owner had claimed its shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LetIn {
    /// The shard.
    pub shard: ShardId,
    /// The commit.
    pub commit: u64,
    /// Its epoch.
    pub epoch: u64,
    /// The newest epoch that the store had given by then.
    pub newest: u64,
}

/// A node that might have answered for a shard although another one had claimed it since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beside {
    /// What it served.
    pub old: Owned,
    /// The newest claim.
    pub new: Owned,
    /// When that was seen, in us of the run.
    pub at_us: u64,
}

/// A shard said to another one that it has taken its messages, up to a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acked {
    /// Who took them.
    pub by: ShardId,
    /// Who sent them.
    pub to: ShardId,
    /// Number of the last.
    pub through: u64,
    /// When that was said, in us of the run.
    pub at_us: u64,
}

/// A shard handed messages of its stream to another one out, up to a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Who sends them.
    pub by: ShardId,
    /// Whom they are for.
    pub to: ShardId,
    /// Number of the last.
    pub through: u64,
    /// When they left, in us of the run.
    pub at_us: u64,
}

/// How full a queue became, in the unit of its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// The most that was ever in it.
    pub max_seen: u64,
    /// The most that may be.
    pub limit: u64,
}

/// What a run knows.
#[derive(Debug, Clone)]
pub struct Given {
    /// When the run ended, in virtual us.
    pub end_us: u64,
    /// What the clocks of all nodes had reached then; `None`: unknown.
    pub clock: Option<Timestamp>,
    /// When all was at rest before clocks leapt, in us of the run, and what the clocks of all nodes
    /// had reached then; `None`: unknown.
    pub rested: Option<(u64, Timestamp)>,
    /// When nothing disturbed it; `None`: unknown.
    pub calm: Option<Calm>,
    /// Faults are over and everything had its time to settle (I11).
    pub is_healed: bool,
    /// Every claim of a shard, as far as known; empty: unknown.
    pub owners: Vec<Owned>,
    /// Appends that passed the fence, as far as known.
    pub let_in: Vec<LetIn>,
    /// Nodes that might have answered beside a newer owner, as far as known.
    pub beside: Vec<Beside>,
    /// When the store took each commit, in us of the run: by shard, from commit 1 on. Empty:
    /// unknown.
    pub durable_us: BTreeMap<ShardId, Vec<u64>>,
    /// Acknowledgements between shards, as far as known.
    pub acks: Vec<Acked>,
    /// Messages between shards that are logs of their own, as far as known; of shards that share
    /// a log none, since a message may be handled there before its cause is durable.
    pub sent: Vec<Sent>,
    /// Writes of snapshots to a shared store, in order, as far as known.
    pub written: Vec<Written>,
    /// Unacknowledged messages from a shard to a shard at which the first takes no command.
    pub stream_window: Option<u64>,
    /// Queues by name.
    pub depths: BTreeMap<String, Depth>,
    /// Quarantines and dead letters that the plan asked for.
    pub n_planted: u64,
    /// So many of the first published events stood in streams that lost some of them since.
    pub n_lost: usize,
    /// The shop that clients used.
    pub tenant: Tenant,
    /// Codes of the SKUs, by their place in the plan's setup.
    pub skus: Vec<String>,
    /// What clients saw.
    pub history: History,
}

impl Given {
    /// A run of the shop `tenant` of which nothing else is known.
    #[must_use]
    pub fn of(tenant: Tenant) -> Self {
        Self {
            end_us: 0,
            clock: None,
            rested: None,
            calm: None,
            is_healed: false,
            owners: Vec::new(),
            let_in: Vec::new(),
            beside: Vec::new(),
            durable_us: BTreeMap::new(),
            acks: Vec::new(),
            sent: Vec::new(),
            written: Vec::new(),
            stream_window: None,
            depths: BTreeMap::new(),
            n_planted: 0,
            n_lost: 0,
            tenant,
            skus: Vec::new(),
            history: History::default(),
        }
    }
}
