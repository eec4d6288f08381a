//! Tax on lines: on top of a price or inside it, rounded per line, per unit or per rate.
//!
//! Guarantees: one rounding per line (or unit, or rate group) and none after it; the tax of a
//! rate group sums to the group's one rounded amount.
//! A slice of lines is one group: one jurisdiction and one rate. Who has several calls several
//! times. Which rate applies where is data and not decided here.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::{EvenSplit, MoneyError, Ppm, Rounding, allocate, scale};

/// Whether prices contain the tax.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TaxKind {
    /// The tax comes on top.
    #[default]
    Exclusive,
    /// The price contains it; the tax is information.
    Inclusive,
}

/// What is taxed and rounded when rounding is per line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TaxBasis {
    /// The line's total.
    #[default]
    Line,
    /// Each unit's share of it, then summed.
    Unit,
}

/// How often tax is rounded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TaxRounding {
    /// Once a line, or a unit of it, as [`TaxBasis`] says.
    #[default]
    Line,
    /// Once for all lines of one jurisdiction and rate, then allocated to them by total. The
    /// basis plays no part.
    RateGroup,
}

/// One rate and how it is applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TaxPolicy {
    /// The rate.
    pub rate: Ppm,
    /// On top or inside.
    pub kind: TaxKind,
    /// Line or unit.
    pub basis: TaxBasis,
    /// Per line or per rate group.
    pub rounding: TaxRounding,
    /// How a tax between two minor units is rounded.
    pub mode: Rounding,
}

/// A line to be taxed; shipping is one of quantity 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taxable {
    /// What it costs after discounts, in minor units.
    pub total: i64,
    /// How many units it has.
    pub qty: NonZeroU32,
}

/// The tax on `total`, rounded once. Exclusive: `round(total * rate)`. Inclusive: total less
/// `round(total / (1 + rate))`.
///
/// Errors: `Overflow`; `Undefined` for an inclusive rate of -100 % or below.
pub fn tax_of(total: i64, policy: &TaxPolicy) -> Result<i64, MoneyError> {
    match policy.kind {
        TaxKind::Exclusive => policy.rate.of(total, policy.mode),
        TaxKind::Inclusive => {
            let with_tax = Ppm::WHOLE.saturating_add(i64::from(policy.rate.0));
            if with_tax <= 0 {
                return Err(MoneyError::Undefined);
            }
            let net = scale(total, Ppm::WHOLE, with_tax, policy.mode)?;
            total.checked_sub(net).ok_or(MoneyError::Overflow)
        }
    }
}

/// The tax of each line, in their order. Cost: linear in the lines, whatever their quantities.
///
/// Errors: as [`tax_of`]; `Undefined` for a negative total in a rate group.
pub fn taxes(lines: &[Taxable], policy: &TaxPolicy) -> Result<Vec<i64>, MoneyError> {
    match (policy.rounding, policy.basis) {
        (TaxRounding::RateGroup, TaxBasis::Line | TaxBasis::Unit) => group_taxes(lines, policy),
        (TaxRounding::Line, TaxBasis::Line) => {
            lines.iter().map(|line| tax_of(line.total, policy)).collect()
        }
        (TaxRounding::Line, TaxBasis::Unit) => {
            lines.iter().map(|line| unit_tax(*line, policy)).collect()
        }
    }
}

fn group_taxes(lines: &[Taxable], policy: &TaxPolicy) -> Result<Vec<i64>, MoneyError> {
    let totals: Vec<i64> = lines.iter().map(|line| line.total).collect();
    let all = totals
        .iter()
        .try_fold(0i64, |sum, total| sum.checked_add(*total))
        .ok_or(MoneyError::Overflow)?;
    allocate(tax_of(all, policy)?, &totals)
}

/// Units of one line have at most two different prices, so two roundings do for all of them.
fn unit_tax(line: Taxable, policy: &TaxPolicy) -> Result<i64, MoneyError> {
    let split = EvenSplit::new(line.total, line.qty);
    let n_low = i64::from(line.qty.get().saturating_sub(split.n_high));
    let times = |tax: i64, n: i64| tax.checked_mul(n).ok_or(MoneyError::Overflow);
    let high = times(tax_of(split.high, policy)?, i64::from(split.n_high))?;
    let low = times(tax_of(split.low, policy)?, n_low)?;
    high.checked_add(low).ok_or(MoneyError::Overflow)
}
