//! The checkpoint of a shard: from where recovery starts, and the stream state there.

use codec::{Stored, TypeId};
use entity::{DeadLetter, EntityKey, Mark, ShardId, StreamSend, Timestamp};
use serde::{Deserialize, Serialize};

/// The outgoing stream to one shard, as of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutStreamState {
    /// The receiving shard.
    pub to_shard: ShardId,
    /// Number of the last message sent.
    pub last: u64,
    /// Messages that were not acknowledged, in order.
    pub unacked: Vec<StreamSend>,
}

/// A shard at a commit: every entity changed at or before it has a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The commit; recovery reads the journal after it. 0 = from the start.
    pub commit_no: u64,
    /// The latest time in any record up to it.
    pub time: Timestamp,
    /// Outgoing streams.
    pub out: Vec<OutStreamState>,
    /// How far the incoming streams were taken.
    pub marks: Vec<Mark>,
    /// Dead letters not yet dealt with, by number.
    pub dead_letters: Vec<(u64, DeadLetter)>,
    /// Number of the last dead letter.
    pub last_dead_letter: u64,
    /// Entities in quarantine, with the reason.
    pub quarantined: Vec<(EntityKey, String)>,
}

impl Stored for Checkpoint {
    const TYPE: TypeId = 4;
}

/// A deadline that outlives a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TimerRow {
    /// When to wake it.
    pub at: Timestamp,
    /// Whom to wake.
    pub key: EntityKey,
}
