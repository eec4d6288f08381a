//! Division that rounds by a named mode, and rates in parts per million.
//!
//! Guarantees: the mode works on magnitudes and the sign is put back, so that
//! `round(-x) == -round(x)`; nothing overflows silently at any argument.
//! No floats: a rate is an integer, a quotient is exact until its one rounding.

use serde::{Deserialize, Serialize};

use super::MoneyError;

/// Which neighbour a quotient between two integers becomes. All modes are symmetric about zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Rounding {
    /// The nearer one; from the middle to the even one. No drift over many roundings.
    #[default]
    HalfEven,
    /// The nearer one; from the middle away from zero.
    HalfUp,
    /// The nearer one; from the middle towards zero.
    HalfDown,
    /// Always towards zero.
    Down,
    /// Always away from zero.
    Up,
}

/// `n / d`, rounded by `mode`.
///
/// Errors: `Undefined` when `d` is 0, `Overflow` for `i128::MIN / -1`.
pub fn round_div(n: i128, d: i128, mode: Rounding) -> Result<i128, MoneyError> {
    let (n_abs, d_abs) = (n.unsigned_abs(), d.unsigned_abs());
    let floor = n_abs.checked_div(d_abs).ok_or(MoneyError::Undefined)?;
    let rest = n_abs.checked_rem(d_abs).ok_or(MoneyError::Undefined)?;
    // Compared with the way up rather than doubled: doubling could overflow.
    let half = rest.cmp(&d_abs.saturating_sub(rest));
    let up = match mode {
        Rounding::HalfEven => half.is_gt() || (half.is_eq() && floor & 1 == 1),
        Rounding::HalfUp => half.is_ge(),
        Rounding::HalfDown => half.is_gt(),
        Rounding::Down => false,
        Rounding::Up => rest > 0,
    };
    let magnitude = floor.checked_add(u128::from(up)).ok_or(MoneyError::Overflow)?;
    let signed = if (n < 0) == (d < 0) {
        0i128.checked_add_unsigned(magnitude)
    } else {
        0i128.checked_sub_unsigned(magnitude)
    };
    signed.ok_or(MoneyError::Overflow)
}

/// `amount * num / den`, multiplied in 128 bits and rounded once by `mode`.
///
/// Errors: `Undefined` when `den` is 0, `Overflow` when the result does not fit.
pub fn scale(amount: i64, num: i64, den: i64, mode: Rounding) -> Result<i64, MoneyError> {
    let product = i128::from(amount).checked_mul(i128::from(num)).ok_or(MoneyError::Overflow)?;
    let quotient = round_div(product, i128::from(den), mode)?;
    i64::try_from(quotient).map_err(|_| MoneyError::Overflow)
}

/// A rate in parts per million: 8.25 % is `Ppm(82_500)`.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Ppm(pub i32);

impl Ppm {
    /// Parts in a whole, as the divisor of every rate.
    pub const WHOLE: i64 = 1_000_000;
    /// 100 %.
    pub const ONE: Self = Self(1_000_000);

    /// This share of `amount`, rounded by `mode`. Errors: `Overflow`.
    pub fn of(self, amount: i64, mode: Rounding) -> Result<i64, MoneyError> {
        scale(amount, i64::from(self.0), Self::WHOLE, mode)
    }
}
