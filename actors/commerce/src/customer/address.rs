//! A postal address: what a person typed, checked for form, never for existence.
//!
//! Guarantees: a checked address has a known country (ISO 3166-1 alpha-2), a region of that
//! country in the form of ISO 3166-2 or none, and no control characters.
//! The region tree (which regions exist) is catalogue data and not known here.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, optional_text, text};

/// The longest field of an address, in characters.
pub const FIELD_CHARS_MAX: usize = 200;

/// The longest postal code or telephone number, in characters.
pub const SHORT_CHARS_MAX: usize = 32;

/// ISO 3166-1 alpha-2, sorted, each code followed by one blank.
const COUNTRIES: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR \
    BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ \
    EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW \
    GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY \
    KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV \
    MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY \
    QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG \
    TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM \
    ZW ";

/// A postal address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Who receives.
    pub name: CompactString,
    /// Street and number.
    pub line1: CompactString,
    /// Further line.
    pub line2: Option<CompactString>,
    /// City.
    pub city: CompactString,
    /// ISO 3166-2 code: `US-CA`.
    pub region: Option<CompactString>,
    /// Postal code.
    pub postal_code: CompactString,
    /// ISO 3166-1 alpha-2 code: `US`.
    pub country: CompactString,
    /// Telephone.
    pub phone: Option<CompactString>,
}

impl Address {
    /// Checks every field. Errors: the first [`Invalid`] one.
    pub fn check(&self) -> Result<(), Invalid> {
        text("/name", &self.name, FIELD_CHARS_MAX)?;
        text("/line1", &self.line1, FIELD_CHARS_MAX)?;
        optional_text("/line2", self.line2.as_ref(), FIELD_CHARS_MAX)?;
        text("/city", &self.city, FIELD_CHARS_MAX)?;
        text("/postal_code", &self.postal_code, SHORT_CHARS_MAX)?;
        optional_text("/phone", self.phone.as_ref(), SHORT_CHARS_MAX)?;
        if !is_country(&self.country) {
            return Err(Invalid::new("/country", "unknown_country", "is not an ISO 3166-1 code"));
        }
        match &self.region {
            Some(region) if !is_region_of(region, &self.country) => {
                Err(Invalid::new("/region", "unknown_region", "is not an ISO 3166-2 code"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Bytes on the heap, roughly: texts of up to 24 bytes are inline.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let texts = [&self.name, &self.line1, &self.city, &self.postal_code, &self.country];
        let optional = [&self.line2, &self.region, &self.phone];
        texts
            .into_iter()
            .chain(optional.into_iter().flatten())
            .filter(|text| text.is_heap_allocated())
            .fold(0, |sum, text| sum.saturating_add(text.capacity()))
    }
}

/// Whether `code` is an ISO 3166-1 alpha-2 code, in upper case.
#[must_use]
pub fn is_country(code: &str) -> bool {
    let (rows, _) = COUNTRIES.as_bytes().as_chunks::<3>();
    code.as_bytes()
        .try_into()
        .is_ok_and(|code: [u8; 2]| rows.binary_search_by(|[a, b, _]| [*a, *b].cmp(&code)).is_ok())
}

/// Whether `region` has the form of an ISO 3166-2 code of `country`: `US-CA`, `GB-ABE`, `JP-13`.
fn is_region_of(region: &str, country: &str) -> bool {
    let part = region.strip_prefix(country).and_then(|rest| rest.strip_prefix('-'));
    part.is_some_and(|part| {
        (1..=3).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    })
}
