//! Sign-in points: one grant a day, a streak, a month at a glance (domain.md 11).
//!
//! Guarantees: a day is granted once, whatever the retries; days only go forward.
//! The ledger is the event history; kept here is its sum. Spending comes with the points account.

use serde::{Deserialize, Serialize};

use super::day::Day;

/// Points of a streak's days; after the last day the cycle begins anew.
pub const REWARDS: [u32; 7] = [10, 10, 15, 15, 20, 20, 50];

/// What a sign-in gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Which day.
    pub day: Day,
    /// How many points.
    pub points: u32,
    /// Days in a row, this one included.
    pub streak: u32,
}

/// The points of a customer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Points {
    /// What can be spent.
    pub balance: u64,
    /// What was ever granted; it decides the level.
    pub earned: u64,
    /// The last sign-in.
    pub last: Option<Grant>,
    /// Days of the last sign-in's month on which there was one: bit 0 is the first.
    pub month: u32,
}

impl Points {
    /// What a sign-in on `today` gives. Only right when `today` is later than the last.
    #[must_use]
    pub fn grant(&self, today: Day) -> Grant {
        let streak = match self.last {
            Some(last) if last.day == today.yesterday() => last.streak.saturating_add(1),
            Some(_) | None => 1,
        };
        let before = usize::try_from(streak.saturating_sub(1)).unwrap_or(usize::MAX);
        let place = before.checked_rem(REWARDS.len()).unwrap_or(0);
        let points = REWARDS.get(place).copied();
        Grant { day: today, points: points.unwrap_or(0), streak }
    }

    /// Books a grant.
    pub(super) fn book(&mut self, grant: Grant) {
        let date = grant.day.date();
        let is_same_month = self.last.is_some_and(|last| {
            let before = last.day.date();
            (before.year, before.month) == (date.year, date.month)
        });
        if !is_same_month {
            self.month = 0;
        }
        self.month |= 1u32.wrapping_shl(u32::from(date.day.saturating_sub(1)));
        self.balance = self.balance.saturating_add(u64::from(grant.points));
        self.earned = self.earned.saturating_add(u64::from(grant.points));
        self.last = Some(grant);
    }
}

/// A membership level: by points ever earned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// From the beginning.
    Standard,
    /// From 500 points.
    Silver,
    /// From 2,000 points.
    Gold,
}

impl Level {
    /// The level of somebody who earned so many points.
    #[must_use]
    pub const fn of(earned: u64) -> Self {
        match earned {
            0..500 => Self::Standard,
            500..2_000 => Self::Silver,
            2_000.. => Self::Gold,
        }
    }

    /// The word of the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Silver => "silver",
            Self::Gold => "gold",
        }
    }
}
