//! Unit shares: which part of a line's money goes with each of its units.
//!
//! ```text
//!   0        captured, live runs        next      uncaptured      end     cancelled    qty
//!   |--------[====]---[===]-------------|--------------------------|--------------------|
//!             returned units leave gaps  ^ captures from here       ^ cancels from here
//! ```
//! Guarantees: each share is given out once; any sequence of cancels and returns of the whole
//! line sums to what the line cost. Cost: linear in the runs, not in the units.
//! It counts money, not goods: which unit is shipped is the shipment's.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::{EvenSplit, MoneyError};

/// The units of one line: shares are `allocate(line_paid, [1; qty])`.
///
/// Captures take shares from the first index. Cancels take the last live one; when all live units
/// are captured, that is a captured one. A return takes the unit captured last and still live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitShares {
    line_paid: i64,
    qty: NonZeroU32,
    /// The first index that was never captured.
    next: u32,
    /// One past the last uncaptured index that is live.
    end: u32,
    /// Captured live units as half-open runs, ascending: the top of the stack was captured last.
    runs: Vec<(u32, u32)>,
}

/// Why units cannot be taken. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SharesError {
    /// Fewer units are in the state that the operation needs.
    #[error("not enough units are left")]
    NotEnough {
        /// How many could be taken.
        available: u32,
    },
    /// The stored units do not belong to their line: a share could not be computed.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// The shares of cancelled units, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CancelShare {
    /// Never captured: to be voided.
    pub uncaptured: i64,
    /// Captured: to be refunded.
    pub captured: i64,
}

impl UnitShares {
    /// The shares of a line of `qty` units that costs `line_paid` (its total and exclusive tax).
    #[must_use]
    pub const fn new(line_paid: i64, qty: NonZeroU32) -> Self {
        Self { line_paid, qty, next: 0, end: qty.get(), runs: Vec::new() }
    }

    /// How many live units can still be captured.
    #[must_use]
    pub const fn uncaptured(&self) -> u32 {
        self.end.saturating_sub(self.next)
    }

    /// How many captured units are neither cancelled nor returned.
    #[must_use]
    pub fn captured(&self) -> u32 {
        self.runs.iter().map(|(from, to)| to.saturating_sub(*from)).fold(0, u32::saturating_add)
    }

    /// How many units are neither cancelled nor returned.
    #[must_use]
    pub fn live(&self) -> u32 {
        self.uncaptured().saturating_add(self.captured())
    }

    /// Captures the first `n` uncaptured units and answers their shares. Errors:
    /// [`SharesError::NotEnough`].
    pub fn capture(&mut self, n: u32) -> Result<i64, SharesError> {
        let available = self.uncaptured();
        if n > available {
            return Err(SharesError::NotEnough { available });
        }
        let to = self.next.saturating_add(n);
        let share = self.sum(self.next, to)?;
        match self.runs.last_mut() {
            Some((_, end)) if *end == self.next => *end = to,
            Some(_) | None if n > 0 => self.runs.push((self.next, to)),
            Some(_) | None => {}
        }
        self.next = to;
        Ok(share)
    }

    /// Cancels the last `n` live units and answers their shares. Errors:
    /// [`SharesError::NotEnough`].
    pub fn cancel(&mut self, n: u32) -> Result<CancelShare, SharesError> {
        let available = self.live();
        if n > available {
            return Err(SharesError::NotEnough { available });
        }
        let n_uncaptured = n.min(self.uncaptured());
        let end = self.end.saturating_sub(n_uncaptured);
        let uncaptured = self.sum(end, self.end)?;
        let captured = self.pop(n.saturating_sub(n_uncaptured))?;
        self.end = end;
        Ok(CancelShare { uncaptured, captured })
    }

    /// Takes back the `n` live units captured last and answers their shares. Errors:
    /// [`SharesError::NotEnough`].
    pub fn take_return(&mut self, n: u32) -> Result<i64, SharesError> {
        let available = self.captured();
        if n > available {
            return Err(SharesError::NotEnough { available });
        }
        self.pop(n)
    }

    /// Takes `n` units from the top of the stack of runs. The caller saw that they are there.
    fn pop(&mut self, n: u32) -> Result<i64, SharesError> {
        let mut runs = self.runs.clone();
        let mut left = n;
        let mut share = 0i64;
        while left > 0 {
            let (from, to) = runs.pop().ok_or(SharesError::NotEnough { available: 0 })?;
            let n_taken = left.min(to.saturating_sub(from));
            let cut = to.saturating_sub(n_taken);
            let taken = self.sum(cut, to)?;
            share = share.checked_add(taken).ok_or(MoneyError::Overflow)?;
            left = left.saturating_sub(n_taken);
            if from < cut {
                runs.push((from, cut));
            }
        }
        self.runs = runs;
        Ok(share)
    }

    fn sum(&self, from: u32, to: u32) -> Result<i64, MoneyError> {
        EvenSplit::new(self.line_paid, self.qty).sum(from..to)
    }
}
