//! What goes into an agent and what comes out of it: plain values.
//!
//! The shell performs outputs in the order given. It answers every [`Output::Call`] exactly
//! once, with [`Answer::Unknown`] after a time limit of its own (700 ms by persistence 1.6):
//! an agent waits for each answer. Messages between agents may be lost, doubled and reordered.

use entity::{ShardId, Timestamp};
use ports::{Cas, LeaseRow, LeaseWrite, Life, NodeId, OwnerRow, OwnerWrite, Tail};
use serde::{Deserialize, Serialize};

/// What an agent is told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Input {
    /// Time has passed: at least every `Timing::tick_ms`.
    Tick,
    /// The answer to a call.
    Answer {
        /// The call's number.
        call: u64,
        /// What came of it.
        answer: Answer,
    },
    /// A message of another node's agent.
    Peer {
        /// Who sent it.
        from: NodeId,
        /// What it says.
        message: Peer,
    },
    /// What became of a shard that this node was told to open. One of another epoch than the
    /// present one is ignored.
    Shard {
        /// The shard.
        shard: ShardId,
        /// The epoch that it was opened with.
        epoch: u64,
        /// What became of it.
        status: ShardStatus,
    },
    /// The node is to stop: hand over what can be handed over, end the life, say `Left`.
    Leave,
}

/// What a shell did for the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// To [`StoreCall::ReadLeases`].
    Leases(Vec<LeaseRow>),
    /// To [`StoreCall::ReadOwners`].
    Owners(Vec<OwnerRow>),
    /// To [`StoreCall::Lease`].
    Lease(Cas<LeaseRow>),
    /// To [`StoreCall::Owner`].
    Owner(Cas<OwnerRow>),
    /// To [`StoreCall::Claim`].
    Claim(Cas<Tail>),
    /// To any: an error, an outcome that is not known, or no answer in time.
    Unknown,
}

/// What became of a shard's host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ShardStatus {
    /// It is recovered and serves.
    Opened,
    /// The snapshots asked for by [`Output::PreSnapshot`] are written.
    Snapshotted,
    /// After [`Output::Close`]: all it had taken is durable and answered; it appends no more.
    Drained,
    /// It ended by itself: fenced, unknown outcome of an append, not recovered, given up. It
    /// appends and answers no more. The agent takes the shard anew at a higher epoch.
    Failed,
}

/// One call of the store (`ports::Ownership`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StoreCall {
    /// `leases()`.
    ReadLeases,
    /// `owners()`.
    ReadOwners,
    /// `write_lease(..)`.
    Lease(LeaseWrite),
    /// `write_owner(..)`.
    Owner(OwnerWrite),
    /// `claim_at(shard, epoch)`.
    Claim {
        /// The shard.
        shard: ShardId,
        /// The epoch.
        epoch: u64,
    },
}

/// What an agent wants done.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Output {
    /// Call the store; [`Input::Answer`] with the same number answers.
    Call {
        /// The call's number: never used twice by an agent.
        call: u64,
        /// What to call.
        what: StoreCall,
    },
    /// Send a message to another node's agent, at most once; loss is fine.
    Send {
        /// To whom.
        to: NodeId,
        /// What.
        message: Peer,
    },
    /// The node's life from here on; `None`: it has none and hosts nothing.
    Life(Option<Life>),
    /// The node cannot join: no version of frames is read by this build and by that member, too.
    /// Said at each try, one a `Timing::poll_ms`; it joins once no such member is there.
    Unfit {
        /// One of those members.
        member: LeaseRow,
    },
    /// Reads may be answered without a commit while the clock is before this; checked once more
    /// after the answer was computed. `Timestamp(0)`: not at all (freeze).
    ServeUntil(Timestamp),
    /// The journal is claimed: recover the shard and serve it, take what its buffer holds, and
    /// say `Opened` or `Failed`.
    Open {
        /// The shard.
        shard: ShardId,
        /// The epoch that its frames carry.
        epoch: u64,
        /// Where its journal ends.
        tail: Tail,
    },
    /// Write snapshots of what is dirty, while serving; say `Snapshotted`.
    PreSnapshot {
        /// The shard.
        shard: ShardId,
        /// Its epoch.
        epoch: u64,
    },
    /// Take no more commands and answer no more reads: forward them to the target, with a
    /// retryable 503 where that does not work. Let what was taken become durable and answered;
    /// say `Drained`.
    Close {
        /// The shard.
        shard: ShardId,
        /// Its epoch.
        epoch: u64,
        /// Who buffers for it.
        forward_to: NodeId,
    },
    /// The move is off: take commands again.
    Reopen {
        /// The shard.
        shard: ShardId,
        /// Its epoch.
        epoch: u64,
    },
    /// Drop the shard at once: its host ends, what it had not committed is lost unacknowledged.
    /// No status is expected. Nothing happens where it is not hosted any more.
    DropShard {
        /// The shard.
        shard: ShardId,
        /// Its epoch.
        epoch: u64,
    },
    /// Keep what others forward for a shard in a bounded buffer, until `Open` or `Unbuffer`.
    Buffer {
        /// The shard.
        shard: ShardId,
    },
    /// The shard does not come: answer what its buffer holds with a retryable 503.
    Unbuffer {
        /// The shard.
        shard: ShardId,
    },
    /// Where a shard is to be found from here on; `None`: nowhere for now (retryable 503).
    Route {
        /// The shard.
        shard: ShardId,
        /// Who serves it.
        to: Option<NodeId>,
    },
    /// The node's life has ended on purpose: nothing more comes.
    Left,
}

/// What agents tell each other. All of it is a hint: a lost or doubled one costs time only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Peer {
    /// The owner of a shard offers it.
    Offer {
        /// Which attempt of this sender.
        handoff: u64,
        /// The shard.
        shard: ShardId,
        /// The sender's view of the members ([`super::View::number`]).
        view: u64,
        /// Whether the sender leaves: the receiver counts it out of the view.
        leaving: bool,
    },
    /// The target takes it, and keeps what is forwarded from now on.
    Accept {
        /// Which attempt.
        handoff: u64,
        /// The shard.
        shard: ShardId,
        /// The target's life, to stand in the owner row.
        life: Life,
    },
    /// The target does not take it.
    Decline {
        /// Which attempt.
        handoff: u64,
        /// The shard.
        shard: ShardId,
    },
    /// The source goes on serving.
    Abort {
        /// Which attempt.
        handoff: u64,
        /// The shard.
        shard: ShardId,
    },
    /// The owner row names this life: the receiver's, or another member's that it should know of.
    Released {
        /// The shard.
        shard: ShardId,
        /// The epoch in the row.
        epoch: u64,
        /// The life in the row.
        life: Life,
    },
}
