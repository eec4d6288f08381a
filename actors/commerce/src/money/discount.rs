//! Reductions of lines: a percentage of one line, an amount spread over several.
//!
//! Guarantees: a reduction lies between 0 and what it reduces, so that a line never falls below
//! zero; a spread reduction sums exactly to what was taken.
//! Which rule grants a reduction, and in which order, is `pricing`'s.

use super::{MoneyError, Ppm, Rounding, allocate};

/// What `rate` takes off a line of `line_gross`: rounded, and clamped to `[0, line_gross]`.
///
/// A line that is not above zero is not reduced; a rate below 0 takes nothing, one above 100 %
/// takes all.
#[must_use]
pub fn percent_off(line_gross: i64, rate: Ppm, mode: Rounding) -> i64 {
    if line_gross <= 0 || rate.0 <= 0 {
        return 0;
    }
    // Asked first: the product of a larger rate need not fit.
    if rate >= Ppm::ONE {
        return line_gross;
    }
    let off = rate.of(line_gross, mode).expect("less than the whole of an i64 fits");
    assert!((0..=line_gross).contains(&off), "a reduction lies within its line");
    off
}

/// What `off` takes off each line: clamped to the sum of `line_totals`, allocated over them.
///
/// No line's part exceeds its total. Errors: `Undefined` for a negative total, `Overflow` when
/// the totals do not sum.
pub fn spread_off(off: i64, line_totals: &[i64]) -> Result<Vec<i64>, MoneyError> {
    let all = line_totals
        .iter()
        .try_fold(0i64, |sum, total| sum.checked_add(*total))
        .ok_or(MoneyError::Overflow)?;
    let parts = allocate(off.clamp(0, all.max(0)), line_totals)?;
    let fits = parts.iter().zip(line_totals).all(|(part, total)| part <= total);
    assert!(fits, "a line is never reduced below zero");
    Ok(parts)
}
