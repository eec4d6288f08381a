//! Splitting an amount so that the parts sum to it exactly.
//!
//! `allocate` is the largest remainder method (Hamilton's, used for seats in parliaments);
//! `EvenSplit` is its closed form for equal weights, so that a line of a million units costs no
//! more than one of two.
//! Guarantees: parts sum to the total, a part differs from its exact share by less than 1, a
//! weight of 0 among others gets nothing, the order of equal claims is their index.

use std::num::NonZeroU32;
use std::ops::Range;

use super::MoneyError;

/// Splits `total` in proportion to `weights`, by largest remainder; ties go to the lower index.
///
/// Weights that are all 0 count as equal. A negative total is split as its opposite.
/// Cost: linear in the number of weights. Errors: `Undefined` for a negative weight, and for a
/// total other than 0 without any weight.
pub fn allocate(total: i64, weights: &[i64]) -> Result<Vec<i64>, MoneyError> {
    let mut claims = weights
        .iter()
        .map(|weight| u128::try_from(*weight).map_err(|_| MoneyError::Undefined))
        .collect::<Result<Vec<_>, _>>()?;
    if claims.is_empty() {
        return if total == 0 { Ok(Vec::new()) } else { Err(MoneyError::Undefined) };
    }
    if claims.iter().all(|claim| *claim == 0) {
        claims.fill(1);
    }
    let parts = largest_remainder(u128::from(total.unsigned_abs()), &claims)?;
    parts.into_iter().map(|part| signed(part, total < 0)).collect()
}

/// The parts of `total`, for claims of which at least one is above 0.
fn largest_remainder(total: u128, claims: &[u128]) -> Result<Vec<u128>, MoneyError> {
    let all = claims
        .iter()
        .try_fold(0u128, |sum, claim| sum.checked_add(*claim))
        .ok_or(MoneyError::Overflow)?;
    let mut parts = Vec::with_capacity(claims.len());
    let mut rests = Vec::with_capacity(claims.len());
    let mut left = total;
    for (index, claim) in claims.iter().enumerate() {
        let exact = total.checked_mul(*claim).ok_or(MoneyError::Overflow)?;
        let part = exact.checked_div(all).ok_or(MoneyError::Undefined)?;
        let rest = exact.checked_rem(all).ok_or(MoneyError::Undefined)?;
        left = left.checked_sub(part).ok_or(MoneyError::Overflow)?;
        parts.push(part);
        rests.push((std::cmp::Reverse(rest), index));
    }
    // The rests sum to left * all and each is below all, so fewer than all of them get one more.
    let n_more = usize::try_from(left).map_err(|_| MoneyError::Overflow)?;
    assert!(n_more < claims.len(), "less than one unit is left for each part");
    if let Some(last) = n_more.checked_sub(1) {
        // A selection, not a sort: which indices come first matters, their order does not.
        rests.select_nth_unstable(last);
        for (_, index) in rests.iter().take(n_more) {
            let part = parts.get_mut(*index).ok_or(MoneyError::Undefined)?;
            *part = part.checked_add(1).ok_or(MoneyError::Overflow)?;
        }
    }
    Ok(parts)
}

fn signed(magnitude: u128, negative: bool) -> Result<i64, MoneyError> {
    let signed = if negative {
        0i128.checked_sub_unsigned(magnitude)
    } else {
        0i128.checked_add_unsigned(magnitude)
    };
    signed.and_then(|value| i64::try_from(value).ok()).ok_or(MoneyError::Overflow)
}

/// `allocate(total, [1; n])` without the list: the first units get one more than the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvenSplit {
    /// What every unit gets.
    pub low: i64,
    /// What the first units get: one further from zero, equal to `low` when nothing is left over.
    pub high: i64,
    /// How many units, from index 0, get `high`.
    pub n_high: u32,
}

impl EvenSplit {
    /// Splits `total` over `n` units.
    #[must_use]
    pub fn new(total: i64, n: NonZeroU32) -> Self {
        let units = u64::from(n.get());
        let magnitude = total.unsigned_abs();
        let low = magnitude.checked_div(units).expect("the divisor is not zero");
        let rest = magnitude.checked_rem(units).expect("the divisor is not zero");
        let with_sign = |part: u64| {
            signed(u128::from(part), total < 0).expect("a part is no larger than the total")
        };
        Self {
            low: with_sign(low),
            high: with_sign(low.saturating_add(u64::from(rest > 0))),
            n_high: u32::try_from(rest).expect("a remainder is below its divisor"),
        }
    }

    /// The sum of the units with these indices. Errors: `Overflow`, only beyond the `n` given.
    pub fn sum(&self, units: Range<u32>) -> Result<i64, MoneyError> {
        let n_high = units.end.min(self.n_high).saturating_sub(units.start);
        let n_low = units.end.saturating_sub(units.start).saturating_sub(n_high);
        let part = |unit: i64, n: u32| i128::from(unit).checked_mul(i128::from(n));
        part(self.high, n_high)
            .zip(part(self.low, n_low))
            .and_then(|(high, low)| high.checked_add(low))
            .and_then(|sum| i64::try_from(sum).ok())
            .ok_or(MoneyError::Overflow)
    }
}

/// Why a refund cannot be split over the tenders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// More than the tenders can still give back (`not_refundable`).
    #[error("the refund exceeds what is refundable")]
    Exceeds {
        /// What can be refunded, in minor units.
        refundable: i64,
    },
    /// The amount or a remainder is negative, or their sum does not fit.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// Splits a refund over the tenders that paid, by what each can still give back.
///
/// No part exceeds its tender's remainder. Errors: [`SplitError`].
pub fn split_refund(amount: i64, remaining: &[i64]) -> Result<Vec<i64>, SplitError> {
    if amount < 0 || remaining.iter().any(|left| *left < 0) {
        return Err(MoneyError::Undefined.into());
    }
    let refundable = remaining
        .iter()
        .try_fold(0i64, |sum, left| sum.checked_add(*left))
        .ok_or(MoneyError::Overflow)?;
    if amount > refundable {
        return Err(SplitError::Exceeds { refundable });
    }
    let parts = allocate(amount, remaining)?;
    let fits = parts.iter().zip(remaining).all(|(part, left)| part <= left);
    assert!(fits, "a tender never gives back more than it has left");
    Ok(parts)
}
