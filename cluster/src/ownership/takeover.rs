//! A takeover of one shard: raise the epoch in the owner row, claim the journal at it.
//!
//! ```text
//!            row e names another's ended life, or nobody, or a failed host of one's own
//! Owner(e) --applied, or the row is ours already--> Claim(e+1) --applied--> Open(e+1)
//!    |  ^                                              |
//!    |  `------- the journal is at a newer epoch ------'
//!    `--- another row: lost
//! ```
//! Step 0, ending the old owner's life, comes before and is per node (`lease::Watch::end`). An
//! unknown outcome is answered by the same write again: what it finds tells what had happened.
//! It is never given up half way, so that no late write of ours names an owner that nobody is.

use entity::ShardId;
use ports::{Cas, Life, OwnerRow, OwnerWrite, Tail};

use super::io::{Answer, StoreCall};

/// A takeover under way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Takeover {
    /// Steps 1: the owner row.
    Owner(OwnerWrite),
    /// Steps 2 and 3: the journal.
    Claim(OwnerRow),
}

/// What an answer means.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Make the call of this state: now, or after a pause where the outcome is unknown.
    Go(Takeover),
    /// Not known what happened: make the same call again.
    Again(Takeover),
    /// The journal is ours.
    Open(OwnerRow, Tail),
    /// Another one was faster; its row.
    Lost(Option<OwnerRow>),
}

impl Takeover {
    /// Takes a shard whose owner row is at `epoch` (0: there is none).
    #[must_use]
    pub const fn begin(shard: ShardId, epoch: u64, me: Life) -> Self {
        Self::Owner(OwnerWrite { shard, epoch, owner: me })
    }

    /// The call to make.
    #[must_use]
    pub fn call(&self) -> StoreCall {
        match self {
            Self::Owner(write) => StoreCall::Owner(write.clone()),
            Self::Claim(row) => StoreCall::Claim { shard: row.shard, epoch: row.epoch },
        }
    }

    /// Takes the answer to [`Self::call`].
    #[must_use]
    pub fn answer(self, answer: Answer) -> Step {
        match (self, answer) {
            (Self::Owner(write), Answer::Owner(Cas::Applied(row) | Cas::Refused(Some(row))))
                if row == write.row() =>
            {
                Step::Go(Self::Claim(row))
            }
            (Self::Owner(_), Answer::Owner(Cas::Applied(row))) => Step::Lost(Some(row)),
            (Self::Owner(_), Answer::Owner(Cas::Refused(row))) => Step::Lost(row),
            (Self::Claim(row), Answer::Claim(Cas::Applied(tail))) => {
                assert_eq!(tail.epoch, row.epoch, "I1: claimed at the epoch asked for");
                Step::Open(row, tail)
            }
            // The row tells whether a newer owner or another way of claiming was there.
            (Self::Claim(row), Answer::Claim(Cas::Refused(_))) => {
                sites::hit("owner.journal_ahead");
                Step::Go(Self::begin(row.shard, row.epoch, row.owner))
            }
            (takeover, Answer::Unknown) => {
                sites::hit("owner.unknown_outcome");
                Step::Again(takeover)
            }
            (
                takeover @ (Self::Owner(_) | Self::Claim(_)),
                Answer::Leases(_)
                | Answer::Owners(_)
                | Answer::Lease(_)
                | Answer::Owner(_)
                | Answer::Claim(_),
            ) => unreachable!("{takeover:?} was answered by another call's answer"),
        }
    }
}

#[cfg(test)]
mod tests;
