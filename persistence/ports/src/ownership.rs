//! Who owns a shard: lease rows of nodes, owner rows of shards, all changed conditionally.
//!
//! A shard's owner is a node in one of its lives (its incarnation), at an epoch. A row changes
//! only by a write that names what it expects to find; the store decides, so no clock and no
//! message is needed for safety. Lists may be stale; a conditional write and what it answers
//! are not. Nothing here waits or decides: that is `cluster::ownership`.
//! Source of the idea: persistence 1.2 and 1.6 (Temporal's range ids, one lease row a node).

use async_trait::async_trait;
use compact_str::CompactString;
use entity::ShardId;
use serde::{Deserialize, Serialize};

use crate::{StoreError, Tail};

/// The name of a node: unique in its cluster, kept over restarts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub CompactString);

impl NodeId {
    /// A node by its name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(CompactString::new(name))
    }
}

impl std::fmt::Display for NodeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One life of a node: begins with a join, ends when the row no longer names it.
///
/// Ordered by node first. Of one node, the later life has the higher incarnation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Life {
    /// The node.
    pub node: NodeId,
    /// Counts the node's lives and their ends, from 1.
    pub incarnation: u64,
}

/// Versions of a form of bytes that a build reads, and can write: all of them between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Versions {
    /// The oldest.
    pub lowest: u16,
    /// The newest.
    pub highest: u16,
}

impl Versions {
    /// Whether a version is among them.
    #[must_use]
    pub const fn has(self, version: u16) -> bool {
        self.lowest <= version && version <= self.highest
    }

    /// The newest that is also among others; `None`: there is none.
    #[must_use]
    pub fn newest_common(self, others: Self) -> Option<u16> {
        let newest = self.highest.min(others.highest);
        (self.has(newest) && others.has(newest)).then_some(newest)
    }
}

/// The lease row of a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseRow {
    /// The life that holds it, or, at beat 0, the mark that the life before it has ended.
    pub life: Life,
    /// Counts renewals, from 1; 0: nobody holds it.
    pub beat: u64,
    /// How long one renewal lasts, in milliseconds, counted by each side on its own clock.
    pub ttl_ms: u32,
    /// The versions of frames between nodes that the life reads; of one that ended, those it read.
    pub frames: Versions,
}

impl LeaseRow {
    /// Whether a life holds it. It may have expired all the same.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.beat > 0
    }

    /// What a conditional write of this row expects.
    #[must_use]
    pub const fn seen(&self) -> Seen {
        Seen { incarnation: self.life.incarnation, beat: self.beat }
    }
}

/// What a conditional write expects of a lease row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seen {
    /// The incarnation in it.
    pub incarnation: u64,
    /// The beat in it.
    pub beat: u64,
}

/// A conditional write of a node's lease row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeaseWrite {
    /// Begins a life: incarnation one above `seen` (1 where there is no row), beat 1.
    ///
    /// Over a row that another life holds it ends that life: a node has one life at a time.
    Join {
        /// Who.
        node: NodeId,
        /// The row as it is; `None`: there is none.
        seen: Option<Seen>,
        /// How long a renewal will last, in milliseconds.
        ttl_ms: u32,
        /// The versions of frames between nodes that the life will read.
        frames: Versions,
    },
    /// Raises the beat by one.
    Renew {
        /// Whose.
        life: Life,
        /// The beat in the row.
        beat: u64,
    },
    /// Ends a life, one's own (release) or another's (step 0 of a takeover): incarnation one
    /// above, beat 0.
    End {
        /// Whose.
        life: Life,
        /// The beat in the row. A life that renewed since is not ended.
        beat: u64,
    },
}

impl LeaseWrite {
    /// Whose row it changes.
    #[must_use]
    pub const fn node(&self) -> &NodeId {
        match self {
            Self::Join { node, .. } => node,
            Self::Renew { life, .. } | Self::End { life, .. } => &life.node,
        }
    }

    /// The row after it, or `None` where its condition does not hold: what each adapter asks.
    #[must_use]
    pub fn apply(&self, row: Option<&LeaseRow>) -> Option<LeaseRow> {
        let found = row.map(LeaseRow::seen);
        match self {
            Self::Join { node, seen, ttl_ms, frames } => (found == *seen).then(|| {
                let incarnation = seen.map_or(0, |seen| seen.incarnation) + 1;
                let life = Life { node: node.clone(), incarnation };
                LeaseRow { life, beat: 1, ttl_ms: *ttl_ms, frames: *frames }
            }),
            Self::Renew { life, beat } | Self::End { life, beat } => {
                let expected = Seen { incarnation: life.incarnation, beat: *beat };
                let row = row.filter(|row| row.is_held() && row.seen() == expected)?;
                let (incarnation, beat) = match self {
                    Self::End { .. } => (life.incarnation + 1, 0),
                    Self::Join { .. } | Self::Renew { .. } => (life.incarnation, beat + 1),
                };
                Some(LeaseRow { life: Life { incarnation, ..life.clone() }, beat, ..row.clone() })
            }
        }
    }
}

/// The owner row of a shard.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerRow {
    /// The shard.
    pub shard: ShardId,
    /// The fencing token; from 1, each one given once.
    pub epoch: u64,
    /// Who may claim the journal at this epoch. Once that life has ended, the shard is free.
    pub owner: Life,
}

/// A conditional write of a shard's owner row: the epoch rises by one.
///
/// A taker names itself; an owner that hands a shard over names the target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerWrite {
    /// The shard.
    pub shard: ShardId,
    /// The epoch in the row; 0: there is no row.
    pub epoch: u64,
    /// The owner at `epoch + 1`.
    pub owner: Life,
}

impl OwnerWrite {
    /// The row after it, or `None` where its condition does not hold: what each adapter asks.
    #[must_use]
    pub fn apply(&self, row: Option<&OwnerRow>) -> Option<OwnerRow> {
        let found = row.map_or(0, |row| row.epoch);
        (found == self.epoch).then(|| self.row())
    }

    /// The row that it writes.
    #[must_use]
    pub fn row(&self) -> OwnerRow {
        OwnerRow { shard: self.shard, epoch: self.epoch + 1, owner: self.owner.clone() }
    }
}

/// The answer to a conditional write.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Cas<T> {
    /// Written: what is there now.
    Applied(T),
    /// Not written, because something else is there; `None`: nothing is there.
    Refused(Option<T>),
}

/// Why a conditional write has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CasError {
    /// Not known whether it was or will be written: it may even be applied later than now. Only
    /// a read tells, and a late one is refused by its own condition once the row has moved on.
    #[error("outcome unknown: {0}")]
    Unknown(String),
    /// Nothing was or will be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a store without a cluster answers.
const ALONE: StoreError = StoreError::Unsupported("ownership: this store serves one node only");

/// Lease rows and owner rows. The default answers `Unsupported`: a store for one node.
#[async_trait]
pub trait Ownership: Send + Sync + 'static {
    /// All lease rows, by node. May be stale: each row is one that was there at some time.
    async fn leases(&self) -> Result<Vec<LeaseRow>, StoreError> {
        Err(ALONE)
    }

    /// All owner rows, by shard; shards that never had an owner are missing. May be stale: each
    /// row is one that was there at some time.
    async fn owners(&self) -> Result<Vec<OwnerRow>, StoreError> {
        Err(ALONE)
    }

    /// Changes a lease row if it is as expected.
    async fn write_lease(&self, write: LeaseWrite) -> Result<Cas<LeaseRow>, CasError> {
        let _ = write;
        Err(ALONE.into())
    }

    /// Changes an owner row if it is as expected.
    async fn write_owner(&self, write: OwnerWrite) -> Result<Cas<OwnerRow>, CasError> {
        let _ = write;
        Err(ALONE.into())
    }

    /// Takes the journal of `shard` at `epoch`, so that no older epoch can append (I1).
    ///
    /// Applied with the tail under that epoch; once more at the same epoch is applied too. A
    /// journal of a newer epoch refuses, with its tail. Only the owner of the row at `epoch`
    /// calls this.
    async fn claim_at(&self, shard: ShardId, epoch: u64) -> Result<Cas<Tail>, CasError> {
        let _ = (shard, epoch);
        Err(ALONE.into())
    }
}
