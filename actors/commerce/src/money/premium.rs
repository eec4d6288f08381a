//! Insurance premiums: what cover used so far has earned, and what a cancellation gives back.
//!
//! Guarantees: earned and unearned sum to the premium; of refund and owed at most one is above 0.
//! Short rate keeps a tenth of what pro rata would give back (industry usage).
//! Free-look and claims paid are the policy's business, not a formula's.

use std::num::NonZeroU32;

use super::{MoneyError, Ppm, Rounding, scale};

/// The share of the unearned premium that a short-rate cancellation gives back: 90 %.
pub const SHORT_RATE: Ppm = Ppm(900_000);

/// A premium and how much of its period has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cover {
    /// The premium of the whole period, in minor units.
    pub premium: i64,
    /// Days on risk; more than `days_total` counts as all of them.
    pub days_used: u32,
    /// Days of the period, leap days included.
    pub days_total: NonZeroU32,
}

/// A premium, divided by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earned {
    /// For the days used, rounded.
    pub earned: i64,
    /// The rest.
    pub unearned: i64,
}

/// How a cancellation divides the unearned premium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancellation {
    /// All of it is given back.
    ProRata,
    /// [`SHORT_RATE`] of it: the holder of a short-rate product cancelled.
    ShortRate,
}

/// What follows from a cancellation, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// What the insurer pays back.
    pub refund: i64,
    /// What the holder still owes.
    pub owed: i64,
}

impl Cover {
    /// Divides the premium by the days used. Errors: `Overflow`, never for a premium >= 0.
    pub fn earned(&self, mode: Rounding) -> Result<Earned, MoneyError> {
        let days_used = self.days_used.min(self.days_total.get());
        let days_total = i64::from(self.days_total.get());
        let earned = scale(self.premium, i64::from(days_used), days_total, mode)?;
        let unearned = self.premium.checked_sub(earned).ok_or(MoneyError::Overflow)?;
        Ok(Earned { earned, unearned })
    }

    /// Settles a cancellation against what was `collected`: collected less what the insurer
    /// keeps is refunded, or owed when negative. Errors: `Overflow`.
    pub fn settle(
        &self,
        collected: i64,
        cancellation: Cancellation,
        mode: Rounding,
    ) -> Result<Settlement, MoneyError> {
        let unearned = self.earned(mode)?.unearned;
        let given_back = match cancellation {
            Cancellation::ProRata => unearned,
            Cancellation::ShortRate => SHORT_RATE.of(unearned, mode)?,
        };
        let kept = self.premium.checked_sub(given_back).ok_or(MoneyError::Overflow)?;
        let balance = collected.checked_sub(kept).ok_or(MoneyError::Overflow)?;
        let owed = balance.min(0).checked_neg().ok_or(MoneyError::Overflow)?;
        Ok(Settlement { refund: balance.max(0), owed })
    }
}
