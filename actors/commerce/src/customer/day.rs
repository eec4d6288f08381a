//! Calendar days without a clock or a time zone database: day numbers and their dates.
//!
//! A day is counted from 1970-01-01 in the proleptic Gregorian calendar. An account's zone is a
//! fixed offset; daylight saving would let a day be signed in twice or not at all.

use entity::Timestamp;
use serde::{Deserialize, Serialize};

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A day, counted from 1970-01-01.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Day(pub i32);

/// A calendar date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Date {
    /// The year.
    pub year: i32,
    /// From 1 to 12.
    pub month: u8,
    /// From 1 to 31.
    pub day: u8,
}

impl Day {
    /// The day of an instant where clocks are `offset_min` minutes ahead of UTC.
    #[must_use]
    pub fn of(at: Timestamp, offset_min: i16) -> Self {
        let ms = i64::try_from(at.0).unwrap_or(i64::MAX);
        let local = ms.saturating_add(i64::from(offset_min).saturating_mul(60_000));
        Self(i32::try_from(local.div_euclid(DAY_MS)).unwrap_or(i32::MAX))
    }

    /// The day before.
    #[must_use]
    pub const fn yesterday(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// Its date. By eras of 400 years of 146,097 days, years beginning in March.
    #[must_use]
    #[expect(clippy::arithmetic_side_effects, reason = "64 bits hold 32-bit days with much room")]
    pub fn date(self) -> Date {
        // 719,468 days lie between 0000-03-01 and 1970-01-01.
        let days = i64::from(self.0) + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let small = |value: i64| u8::try_from(value).unwrap_or(u8::MAX);
        Date { year: i32::try_from(year).unwrap_or(i32::MAX), month: small(month), day: small(day) }
    }
}
