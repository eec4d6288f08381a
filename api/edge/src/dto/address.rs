//! A postal address in requests and replies.

use commerce::customer::Address;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A postal address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressBody {
    /// Who receives.
    pub name: String,
    /// Street and number.
    pub line1: String,
    /// Further line.
    pub line2: Option<String>,
    /// City.
    pub city: String,
    /// ISO 3166-2 code: `US-CA`.
    pub region: Option<String>,
    /// Postal code.
    pub postal_code: String,
    /// ISO 3166-1 alpha-2 code: `US`.
    pub country: String,
    /// Telephone.
    pub phone: Option<String>,
}

impl From<&Address> for AddressBody {
    fn from(address: &Address) -> Self {
        let text = |text: &compact_str::CompactString| text.to_string();
        Self {
            name: text(&address.name),
            line1: text(&address.line1),
            line2: address.line2.as_ref().map(text),
            city: text(&address.city),
            region: address.region.as_ref().map(text),
            postal_code: text(&address.postal_code),
            country: text(&address.country),
            phone: address.phone.as_ref().map(text),
        }
    }
}

impl From<AddressBody> for Address {
    fn from(body: AddressBody) -> Self {
        Self {
            name: body.name.into(),
            line1: body.line1.into(),
            line2: body.line2.map(Into::into),
            city: body.city.into(),
            region: body.region.map(Into::into),
            postal_code: body.postal_code.into(),
            country: body.country.into(),
            phone: body.phone.map(Into::into),
        }
    }
}
