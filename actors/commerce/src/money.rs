//! Money: integer minor units of one currency, and everything that may be done to them.
//!
//! Guarantees: every operation is checked (an overflow is [`MoneyError::Overflow`], never a wrap
//! or a panic), products are taken in 128 bits, amounts of two currencies never meet, and what is
//! split sums exactly to what there was.
//! Functions about one currency take plain minor units (`i64`); [`Money`] stands where an amount
//! crosses a boundary. No floats, and no JSON: `{"amount","currency"}` is the edge's form.

mod allocation;
mod ccy;
mod discount;
mod fx;
mod premium;
mod rounding;
mod shares;
mod tax;

use serde::{Deserialize, Serialize};

pub use allocation::{EvenSplit, SplitError, allocate, split_refund};
pub use ccy::{Ccy, UnknownCurrency};
pub use discount::{percent_off, spread_off};
pub use fx::{FxError, FxQuote, FxRate};
pub use premium::{Cancellation, Cover, Earned, SHORT_RATE, Settlement};
pub use rounding::{Ppm, Rounding, round_div, scale};
pub use shares::{CancelShare, SharesError, UnitShares};
pub use tax::{TaxBasis, TaxKind, TaxPolicy, TaxRounding, Taxable, tax_of, taxes};

/// The largest magnitude of an amount that a client may send or be sent, in minor units: 2^53 - 1,
/// the last integer that every JSON reader keeps exact.
pub const EDGE_MAX: i64 = (1 << 53) - 1;

/// Why an amount cannot be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The result does not fit, or passes the edge limit (`money_overflow`).
    #[error("the amount is too large")]
    Overflow,
    /// Two currencies met (`currency_mismatch`).
    #[error("the currencies differ")]
    CurrencyMismatch,
    /// No result exists for these arguments: division by zero, a negative weight, a rate of
    /// -100 % or below. A caller that validated its input never sees it.
    #[error("the operation has no result for these arguments")]
    Undefined,
}

/// An amount of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units (cents of a dollar, whole yen), negative for a debt.
    pub minor: i64,
    /// What they are units of.
    pub ccy: Ccy,
}

impl Money {
    /// `minor` units of `ccy`.
    #[must_use]
    pub const fn new(minor: i64, ccy: Ccy) -> Self {
        Self { minor, ccy }
    }

    /// Nothing, in `ccy`.
    #[must_use]
    pub const fn zero(ccy: Ccy) -> Self {
        Self { minor: 0, ccy }
    }

    /// The minor units, provided that they are of `ccy`. Errors: `CurrencyMismatch`.
    pub fn minor_of(self, ccy: Ccy) -> Result<i64, MoneyError> {
        if self.ccy == ccy { Ok(self.minor) } else { Err(MoneyError::CurrencyMismatch) }
    }

    /// The sum. Errors: `CurrencyMismatch`, `Overflow`.
    pub fn try_add(self, other: Self) -> Result<Self, MoneyError> {
        let other = other.minor_of(self.ccy)?;
        self.with(self.minor.checked_add(other))
    }

    /// The difference. Errors: `CurrencyMismatch`, `Overflow`.
    pub fn try_sub(self, other: Self) -> Result<Self, MoneyError> {
        let other = other.minor_of(self.ccy)?;
        self.with(self.minor.checked_sub(other))
    }

    /// The opposite amount. Errors: `Overflow`, for `i64::MIN` only.
    pub fn try_neg(self) -> Result<Self, MoneyError> {
        self.with(self.minor.checked_neg())
    }

    /// The price of `qty` units at this unit price. Errors: `Overflow`.
    pub fn mul_qty(self, qty: u32) -> Result<Self, MoneyError> {
        self.with(self.minor.checked_mul(i64::from(qty)))
    }

    /// The sum of `amounts`, all of them in `ccy`; zero for none. Errors: `CurrencyMismatch`,
    /// `Overflow`.
    pub fn sum(ccy: Ccy, amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::zero(ccy), Self::try_add)
    }

    /// The amount itself, provided that its magnitude passes the edge. Errors: `Overflow` beyond
    /// [`EDGE_MAX`].
    pub fn within_edge(self) -> Result<Self, MoneyError> {
        if self.minor.unsigned_abs() <= EDGE_MAX.unsigned_abs() {
            Ok(self)
        } else {
            Err(MoneyError::Overflow)
        }
    }

    fn with(self, minor: Option<i64>) -> Result<Self, MoneyError> {
        minor.map(|minor| Self { minor, ..self }).ok_or(MoneyError::Overflow)
    }
}

#[cfg(test)]
mod tests;
