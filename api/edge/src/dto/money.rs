//! Money in JSON: `{"amount":1099,"currency":"USD"}`, integer minor units.
//!
//! |amount| is at most 2^53-1, the largest integer that every client reads exactly; more is 422
//! `money_overflow`, in both directions. Never a float, never a decimal text.

use std::borrow::Cow;

use compact_str::CompactString;
use serde::Serialize;
use serde::de::{Deserialize, Deserializer};
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{__dev::ComposeSchema, ToSchema, openapi::RefOr};

use crate::json::{Integer, refuse};
use crate::problem::{Code, Problem};

/// The largest amount in JSON, in minor units: 2^53-1.
pub const AMOUNT_MAX: i64 = 9_007_199_254_740_991;

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Money {
    /// Minor units: cents.
    pub amount: i64,
    /// ISO 4217 alphabetic code, in capitals.
    pub currency: CompactString,
}

impl Money {
    /// An amount for a reply; `money_overflow` when clients could not read it exactly.
    pub fn new(amount: i64, currency: &str) -> Result<Self, Problem> {
        if amount.unsigned_abs() > AMOUNT_MAX.unsigned_abs() {
            return Err(Problem::new(Code::MoneyOverflow));
        }
        Ok(Self { amount, currency: currency.into() })
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    amount: Amount,
    currency: Currency,
}

struct Amount(i64);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        match reader.deserialize_i64(Integer)? {
            Some(amount) if amount.unsigned_abs() <= AMOUNT_MAX.unsigned_abs() => Ok(Self(amount)),
            Some(_) | None => {
                Err(refuse("money_overflow", "an amount is at most 2^53-1 minor units"))
            }
        }
    }
}

struct Currency(CompactString);

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let code = CompactString::deserialize(reader)?;
        if code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()) {
            Ok(Self(code))
        } else {
            Err(refuse("bad_form", "must be an ISO 4217 code in capitals"))
        }
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let Read { amount, currency } = Read::deserialize(reader)?;
        Ok(Self { amount: amount.0, currency: currency.0 })
    }
}

impl ComposeSchema for Money {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        let amount = ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::Integer))
            .minimum(Some(-AMOUNT_MAX))
            .maximum(Some(AMOUNT_MAX));
        let currency = ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .pattern(Some("^[A-Z]{3}$"));
        ObjectBuilder::new()
            .description(Some("An amount in integer minor units of an ISO 4217 currency."))
            .property("amount", amount)
            .property("currency", currency)
            .required("amount")
            .required("currency")
            .into()
    }
}

impl ToSchema for Money {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Money")
    }
}
