//! Currencies: the known ISO 4217 codes and the exponent of their minor unit.
//!
//! Guarantees: a `Ccy` that exists is one of the table, however it was made (parsed or decoded).
//! Codes without a minor unit (metals, testing, no currency) are not money and are not known.
//! The exponents are ISO's; a payment gateway that counts otherwise keeps its own table.

use std::fmt;
use std::str::FromStr;

use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

// Each list is sorted, and every code is followed by one blank: rows of four bytes, searched by
// halving (amounts are decoded by the thousand in a recovery). A test holds both.

/// Codes whose minor unit is the unit itself.
const EXPONENT_0: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF ";
/// Codes with a thousandth as minor unit.
const EXPONENT_3: &str = "BHD IQD JOD KWD LYD OMR TND ";
/// Codes with a ten-thousandth as minor unit.
const EXPONENT_4: &str = "CLF UYW ";
/// All other codes, in hundredths. Only ever grows: a withdrawn code (ANG, BGN) stays, because
/// stored amounts must remain readable.
const EXPONENT_2: &str = "\
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN \
    BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP \
    GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP \
    LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR \
    NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN \
    SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER \
    ZAR ZMW ZWG ";

/// All lists, the common one first.
pub(super) const TABLES: [(u32, &str); 4] =
    [(2, EXPONENT_2), (0, EXPONENT_0), (3, EXPONENT_3), (4, EXPONENT_4)];

/// A known currency, by its ISO 4217 alpha code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ccy([u8; 3]);

/// The text is not the code of a known currency (upper case, three letters).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, thiserror::Error)]
#[error("unknown currency")]
pub struct UnknownCurrency;

impl Ccy {
    /// US dollar.
    pub const USD: Self = Self(*b"USD");
    /// Euro.
    pub const EUR: Self = Self(*b"EUR");
    /// Japanese yen.
    pub const JPY: Self = Self(*b"JPY");

    /// The currency with this alpha code, in upper case. Errors: [`UnknownCurrency`].
    pub fn parse(code: &str) -> Result<Self, UnknownCurrency> {
        let bytes = code.as_bytes().try_into().map_err(|_| UnknownCurrency)?;
        Self::from_bytes(bytes)
    }

    /// The alpha code.
    #[must_use]
    pub fn code(&self) -> &str {
        str::from_utf8(&self.0).expect("every known code is three ASCII letters")
    }

    /// How many decimal digits the minor unit stands after the major one: 2 for USD, 0 for JPY.
    #[must_use]
    pub fn exponent(self) -> u32 {
        exponent_of(self.0).expect("a Ccy is made from the table only")
    }

    fn from_bytes(bytes: [u8; 3]) -> Result<Self, UnknownCurrency> {
        exponent_of(bytes).map(|_| Self(bytes)).ok_or(UnknownCurrency)
    }
}

/// The exponent of a code, none when it is unknown.
fn exponent_of(code: [u8; 3]) -> Option<u32> {
    let holds = |codes: &str| {
        let (rows, _) = codes.as_bytes().as_chunks::<4>();
        rows.binary_search_by(|[a, b, c, _]| [*a, *b, *c].cmp(&code)).is_ok()
    };
    TABLES.into_iter().find(|(_, codes)| holds(codes)).map(|(exponent, _)| exponent)
}

impl FromStr for Ccy {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, UnknownCurrency> {
        Self::parse(code)
    }
}

impl fmt::Display for Ccy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Ccy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

// By hand, because stored bytes come from outside: a derive would accept any three bytes. People
// read the text form when an operator inspects an entity; storage takes the three bytes.
impl Serialize for Ccy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(self.code())
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Ccy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let known = if deserializer.is_human_readable() {
            Self::parse(&CompactString::deserialize(deserializer)?)
        } else {
            Self::from_bytes(<[u8; 3]>::deserialize(deserializer)?)
        };
        known.map_err(de::Error::custom)
    }
}
