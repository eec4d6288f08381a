//! A planned move of one shard from an owner to a target that agreed.
//!
//! ```text
//! source  Offered --Accept--> Snapshotting --Snapshotted--> Draining --Drained--> Releasing
//!            |                     |                           |                     |
//!            | decline, overdue    | decline, overdue          | overdue             | overdue,
//!            v                     v                           v                     v target gone
//!          serves                serves                     reopens              takes it back
//! target  Offer -> buffers, Accept -> row names it -> claims, opens      (or its time is up: 503)
//! ```
//! From `Close` on the source answers nothing for the shard, so no read of it can be older than
//! a write of the target. Once the release was sent the source never serves at its old epoch
//! again: it only goes on at a higher one, taken by a write that the release excludes.

use entity::{ShardId, Timestamp};
use ports::{Cas, Life, NodeId, OwnerRow, OwnerWrite};

use super::Timing;
use super::io::Answer;

/// A move, on the side of the owner.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source {
    handoff: u64,
    shard: ShardId,
    epoch: u64,
    target: Life,
    phase: Phase,
    until: Timestamp,
}

/// How far a move is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The target is asked; the shard serves.
    Offered,
    /// Snapshots are written, so that the target has little to read; the shard serves.
    Snapshotting,
    /// Admission is closed, callers are forwarded; what was taken becomes durable.
    Draining,
    /// The host is gone; the owner row is being written to the target's name.
    Releasing,
}

/// How a move that comes to nothing is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    /// The shard serves anyway.
    Serve,
    /// Its admission is opened again.
    Reopen,
    /// It is taken at a higher epoch: the release may have been applied, or may be yet.
    TakeBack,
}

/// What the answer to a release means.
#[derive(Debug, PartialEq, Eq)]
pub enum Released {
    /// The row names the target.
    Done(OwnerRow),
    /// Not known: write it again.
    Again,
    /// Another row is there.
    Lost(Option<OwnerRow>),
}

impl Source {
    /// Begins a move of a shard that is open at `epoch`.
    #[must_use]
    pub const fn offer(
        handoff: u64,
        (shard, epoch): (ShardId, u64),
        target: Life,
        now: Timestamp,
        timing: &Timing,
    ) -> Self {
        let until = now.plus_ms(timing.offer_ms);
        Self { handoff, shard, epoch, target, phase: Phase::Offered, until }
    }

    /// How far it is.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Which attempt of this node it is.
    #[must_use]
    pub const fn handoff(&self) -> u64 {
        self.handoff
    }

    /// The epoch that the shard has here.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// To whom.
    #[must_use]
    pub const fn target(&self) -> &Life {
        &self.target
    }

    /// The target accepts. Returns whether snapshots are to be written now.
    pub fn accepted(&mut self, handoff: u64, life: &Life, now: Timestamp, timing: &Timing) -> bool {
        let expected = handoff == self.handoff && *life == self.target;
        expected && self.step(Phase::Offered, Phase::Snapshotting, now.plus_ms(timing.snapshot_ms))
    }

    /// The snapshots are written. Returns whether the shard is to be closed now.
    pub fn snapshotted(&mut self, now: Timestamp, timing: &Timing) -> bool {
        self.step(Phase::Snapshotting, Phase::Draining, now.plus_ms(timing.drain_ms))
    }

    /// All of it is durable and answered. Returns whether it is to be released now.
    pub fn drained(&mut self, now: Timestamp, timing: &Timing) -> bool {
        self.step(Phase::Draining, Phase::Releasing, now.plus_ms(timing.release_ms))
    }

    fn step(&mut self, from: Phase, to: Phase, until: Timestamp) -> bool {
        let steps = self.phase == from;
        if steps {
            (self.phase, self.until) = (to, until);
        }
        steps
    }

    /// The write that names the target.
    #[must_use]
    pub fn release(&self) -> OwnerWrite {
        OwnerWrite { shard: self.shard, epoch: self.epoch, owner: self.target.clone() }
    }

    /// Takes the answer to [`Self::release`].
    #[must_use]
    pub fn released(&self, answer: Answer) -> Released {
        let ours = self.release().row();
        match answer {
            Answer::Owner(Cas::Applied(row) | Cas::Refused(Some(row))) if row == ours => {
                Released::Done(row)
            }
            Answer::Owner(Cas::Applied(row)) => Released::Lost(Some(row)),
            Answer::Owner(Cas::Refused(row)) => Released::Lost(row),
            Answer::Unknown => Released::Again,
            Answer::Leases(_) | Answer::Owners(_) | Answer::Lease(_) | Answer::Claim(_) => {
                unreachable!("a release was answered by another call's answer")
            }
        }
    }

    /// Whether a refusal by the target with this number ends the move. Later than `Draining` it
    /// does not: the row decides.
    #[must_use]
    pub fn is_declined_by(&self, handoff: u64, from: &NodeId) -> bool {
        let before_release = self.phase != Phase::Releasing;
        before_release && handoff == self.handoff && *from == self.target.node
    }

    /// Whether the present phase took too long.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        now >= self.until
    }

    /// How it is undone in its present phase.
    #[must_use]
    pub const fn undo(&self) -> Undo {
        match self.phase {
            Phase::Offered | Phase::Snapshotting => Undo::Serve,
            Phase::Draining => Undo::Reopen,
            Phase::Releasing => Undo::TakeBack,
        }
    }
}

/// A move, on the side of the one who agreed to take the shard.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// Whose shard it is.
    pub from: NodeId,
    /// Which attempt of that node.
    pub handoff: u64,
    /// How long the buffer is kept.
    pub until: Timestamp,
}

#[cfg(test)]
mod tests;
