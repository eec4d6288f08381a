//! What goes into a shard and what comes out of it, as data.
//!
//! `R` is whatever the shell needs to answer a caller: a channel in a node, a number in a test.

use codec::{Carried, Packed};
use entity::{
    Cause, DeadLetter, EntityKey, Keyed, Outcome, Principal, QueryOutcome, RecordSource, Sends,
    ShardId, Snapshot, StepRecord, Timestamp,
};
use ports::{SnapshotWrite, TimerRow};
use serde::{Deserialize, Serialize};

use crate::log::Lsn;

/// Where an answer goes, and with it who waits for it.
pub trait Caller {
    /// Whether nobody waits for the answer any more.
    fn has_left(&self) -> bool;
}

/// A caller known by a number, who stays.
impl Caller for u64 {
    fn has_left(&self) -> bool {
        false
    }
}

/// What a caller wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AskBody {
    /// A command, with the key under which its outcome is kept.
    Command(Packed, Option<Keyed>),
    /// A query; while it is answered `NotYet`, it waits until the deadline.
    Query(Carried),
    /// Where the entity's last record stands.
    Locate,
    /// Lifts a quarantine.
    Lift,
    /// Sends a dead letter again.
    ReplayDeadLetter(u64),
    /// What waits for an operator in the shard.
    Troubles,
}

/// A caller's input.
#[derive(Debug)]
pub struct Ask<R> {
    /// Where the answer goes.
    pub reply_to: R,
    /// Whom it is for.
    pub key: EntityKey,
    /// Who asks.
    pub principal: Principal,
    /// Why.
    pub cause: Cause,
    /// After this a command is dropped, and a waiting query gets what is known.
    pub deadline: Timestamp,
    /// What is wanted.
    pub body: AskBody,
}

/// Why an input was not taken; nothing was done, but see [`Self::Unavailable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// Too much is under way.
    Overloaded,
    /// The entity is quarantined.
    Quarantined,
    /// The deadline passed before it was its turn.
    TimedOut,
    /// The shard is not served here, or its log has failed. A caller whose shard was lost before
    /// it answered hears this too: then it may have been done.
    Unavailable,
    /// The bytes are not of the entity's kind.
    Unreadable,
    /// There is no such dead letter or quarantine.
    NotFound,
    /// The entity failed on it and is quarantined now.
    Failed,
}

/// What a caller hears.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// A command's outcome.
    Outcome(Outcome),
    /// A query's.
    Query(QueryOutcome),
    /// The entity's version and the commit of its last record; 0 = none. In quarantine the version
    /// is not known, and no commit means the one that its snapshot names.
    Located {
        /// Events so far.
        version: u64,
        /// Commit number of the last record.
        last_commit: u64,
    },
    /// Done (an operator's request).
    Done,
    /// What waits for an operator.
    Troubles(Box<Troubles>),
    /// Not taken.
    Refused(Refusal),
}

/// What waits for an operator in a shard.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Troubles {
    /// Entities in quarantine, with the reason.
    pub quarantined: Vec<(EntityKey, String)>,
    /// Dead letters by number.
    pub dead_letters: Vec<(u64, DeadLetter)>,
}

/// An entity as read from the store.
#[derive(Debug)]
pub struct Loaded {
    /// Its snapshot, if any.
    pub snapshot: Option<Snapshot>,
    /// Its records since the commit of the snapshot's last one, in order, with their commits.
    pub records: Vec<(u64, StepRecord)>,
}

impl Loaded {
    /// The entity's own records that the snapshot does not hold.
    ///
    /// A snapshot may be taken between two records of one commit. Then the version tells them
    /// apart; a record without events may come again, and keeping an outcome twice is keeping it.
    pub fn after_snapshot(&self) -> impl Iterator<Item = &(u64, StepRecord)> {
        let (commit, version) = self
            .snapshot
            .as_ref()
            .map_or((0, 0), |snapshot| (snapshot.last_commit, snapshot.version));
        self.records.iter().filter(move |(at, record)| {
            record.source != RecordSource::Runtime
                && (*at > commit || (*at == commit && record.version >= version))
        })
    }
}

/// An input of a shard.
#[derive(Debug)]
pub enum Input<R> {
    /// A caller asks.
    Ask(Box<Ask<R>>),
    /// Messages of the stream from another shard (or from this one), in order.
    Stream {
        /// The sending shard.
        from: ShardId,
        /// The messages.
        sends: Sends,
    },
    /// The other shard has durably taken our stream up to this number.
    Acked {
        /// The receiving shard.
        by: ShardId,
        /// Cumulative.
        through: u64,
    },
    /// The other shard lost what was on its way: send again what it has not acknowledged.
    Resend {
        /// The receiving shard.
        to: ShardId,
    },
    /// The log is durable up to here.
    Durable(Lsn),
    /// What [`Output::Load`] asked for. `Err`: why it cannot be read.
    Loaded(EntityKey, Result<Loaded, String>),
    /// What [`Output::LoadTimers`] asked for.
    Timers {
        /// In order.
        rows: Vec<TimerRow>,
        /// Everything at or before this was read.
        until: Timestamp,
    },
    /// The last [`Output::WriteSnapshots`] was written.
    SnapshotsWritten,
    /// The last [`Output::WriteSnapshots`] failed; it is tried again later.
    SnapshotsFailed,
    /// Time passed.
    Tick,
    /// Snapshot everything; the node is about to stop.
    Drain,
}

impl<R> Input<R> {
    /// Whether it can help to end what is under way, and begins nothing new.
    pub(crate) const fn ends_work(&self) -> bool {
        match self {
            Self::Durable(_)
            | Self::Loaded(..)
            | Self::Timers { .. }
            | Self::SnapshotsWritten
            | Self::SnapshotsFailed
            | Self::Acked { .. }
            | Self::Tick
            | Self::Drain => true,
            Self::Ask(_) | Self::Stream { .. } | Self::Resend { .. } => false,
        }
    }

    /// Whether it is what a read or write brings for the core that asked for it.
    #[must_use]
    pub const fn is_brought(&self) -> bool {
        match self {
            Self::Loaded(..)
            | Self::Timers { .. }
            | Self::SnapshotsWritten
            | Self::SnapshotsFailed => true,
            Self::Ask(_)
            | Self::Stream { .. }
            | Self::Acked { .. }
            | Self::Resend { .. }
            | Self::Durable(_)
            | Self::Tick
            | Self::Drain => false,
        }
    }
}

/// An output of a shard.
#[derive(Debug)]
pub enum Output<R> {
    /// Answers a caller.
    Reply(R, Answer),
    /// Hands messages to another shard.
    Send {
        /// The receiving shard.
        to: ShardId,
        /// In order.
        sends: Sends,
    },
    /// Acknowledges a stream, cumulatively and durably.
    Ack {
        /// The sending shard.
        to: ShardId,
        /// Up to this number.
        through: u64,
    },
    /// Asks another shard to send again what we have not acknowledged.
    AskResend {
        /// The sending shard.
        of: ShardId,
    },
    /// Reads an entity: its snapshot and its records in these commits.
    Load {
        /// Which.
        key: EntityKey,
        /// Commits that hold records of it, ascending.
        commits: Vec<u64>,
    },
    /// Reads timers up to `until`.
    LoadTimers {
        /// Strictly after this row.
        after: Option<TimerRow>,
        /// At or before this time.
        until: Timestamp,
    },
    /// Writes snapshots, timers and perhaps a checkpoint.
    WriteSnapshots(Box<SnapshotWrite>),
    /// Something for an operator to know.
    Alarm(Alarm),
}

/// Something for an operator to know.
#[derive(Debug, Clone)]
pub enum Alarm {
    /// An entity failed and takes nothing until it is lifted.
    Quarantined {
        /// Which.
        key: EntityKey,
        /// What failed.
        reason: String,
    },
    /// A message was given up.
    DeadLetter(Box<DeadLetter>),
    /// An entity could not be read.
    LoadFailed {
        /// Which.
        key: EntityKey,
        /// Why.
        reason: String,
    },
}
