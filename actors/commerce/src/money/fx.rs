//! Exchange rates: exact fractions that an order keeps with their time and source.
//!
//! Guarantees: a rate that exists is above zero, however it was made; a conversion multiplies in
//! 128 bits and rounds once, so that the same stored rate always gives the same amount.
//! It fetches no rate, and does not judge whether one is too old.

use compact_str::CompactString;
use entity::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Ccy, Money, MoneyError, Rounding, round_div};

/// What a source said: `den` major units of `from` buy `num` major units of `to`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FxQuote {
    /// The currency that is given.
    pub from: Ccy,
    /// The currency that is got.
    pub to: Ccy,
    /// The numerator, above 0.
    pub num: i64,
    /// The denominator, above 0.
    pub den: i64,
    /// When the source said so.
    pub at: Timestamp,
    /// Who said so: the rate source's id.
    pub source: CompactString,
}

/// The quote is no rate: its numerator or denominator is not above zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, thiserror::Error)]
#[error("an exchange rate must be above zero")]
pub struct FxError;

/// A usable exchange rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "FxQuote", into = "FxQuote")]
pub struct FxRate(FxQuote);

impl TryFrom<FxQuote> for FxRate {
    type Error = FxError;

    fn try_from(quote: FxQuote) -> Result<Self, FxError> {
        if quote.num > 0 && quote.den > 0 { Ok(Self(quote)) } else { Err(FxError) }
    }
}

impl From<FxRate> for FxQuote {
    fn from(rate: FxRate) -> Self {
        rate.0
    }
}

impl FxRate {
    /// The rate as its source said it.
    #[must_use]
    pub fn quote(&self) -> &FxQuote {
        &self.0
    }

    /// The worth of `amount` in the other currency, rounded once by `mode`. The currencies'
    /// exponents are taken into account: 1 USD at 150 is 150 JPY, not 15,000.
    ///
    /// Errors: `CurrencyMismatch` when the amount is not in `from`, `Overflow`.
    pub fn convert(&self, amount: Money, mode: Rounding) -> Result<Money, MoneyError> {
        let rate = &self.0;
        let minor = i128::from(amount.minor_of(rate.from)?);
        let (from, to) = (rate.from.exponent(), rate.to.exponent());
        // Only the difference of the exponents is multiplied in: it stays further from overflow.
        let up = 10i128.pow(to.saturating_sub(from));
        let down = 10i128.pow(from.saturating_sub(to));
        let n = minor
            .checked_mul(i128::from(rate.num))
            .and_then(|n| n.checked_mul(up))
            .ok_or(MoneyError::Overflow)?;
        let d = i128::from(rate.den).checked_mul(down).ok_or(MoneyError::Overflow)?;
        let converted = round_div(n, d, mode)?;
        let minor = i64::try_from(converted).map_err(|_| MoneyError::Overflow)?;
        Ok(Money::new(minor, rate.to))
    }
}
