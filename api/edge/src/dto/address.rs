//! A postal address in requests and replies, and a merge patch of one.

use commerce::customer::Address;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::json::Patch;
use crate::problem::Problem;
use crate::refusal::field;

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

/// A change of some members of an address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressPatch {
    /// Who receives.
    #[serde(default)]
    name: Patch<String>,
    /// Street and number.
    #[serde(default)]
    line1: Patch<String>,
    /// Further line.
    #[serde(default)]
    line2: Patch<String>,
    /// City.
    #[serde(default)]
    city: Patch<String>,
    /// ISO 3166-2 code: `US-CA`.
    #[serde(default)]
    region: Patch<String>,
    /// Postal code.
    #[serde(default)]
    postal_code: Patch<String>,
    /// ISO 3166-1 alpha-2 code: `US`.
    #[serde(default)]
    country: Patch<String>,
    /// Telephone.
    #[serde(default)]
    phone: Patch<String>,
}

impl AddressPatch {
    /// The address after the change; without one before it, every required member has to come.
    ///
    /// Errors: 422 for a required member that is cleared or not there, below `pointer`.
    pub fn merge(&self, before: Option<&Address>, pointer: &str) -> Result<AddressBody, Problem> {
        let before = before.map(AddressBody::from);
        let optional =
            |patch: &Patch<String>, kept: fn(&AddressBody) -> Option<&String>| match patch {
                Patch::Keep => before.as_ref().and_then(kept).cloned(),
                Patch::Clear => None,
                Patch::Set(text) => Some(text.clone()),
            };
        let required = |name: &str, patch: &Patch<String>, kept: fn(&AddressBody) -> &String| {
            let merged = match patch {
                Patch::Keep => before.as_ref().map(kept).cloned(),
                Patch::Clear => None,
                Patch::Set(text) => Some(text.clone()),
            };
            let refused = || field(&format!("{pointer}/{name}"), "required", "is required");
            merged.ok_or_else(refused)
        };
        Ok(AddressBody {
            name: required("name", &self.name, |address| &address.name)?,
            line1: required("line1", &self.line1, |address| &address.line1)?,
            line2: optional(&self.line2, |address| address.line2.as_ref()),
            city: required("city", &self.city, |address| &address.city)?,
            region: optional(&self.region, |address| address.region.as_ref()),
            postal_code: required("postal_code", &self.postal_code, |address| {
                &address.postal_code
            })?,
            country: required("country", &self.country, |address| &address.country)?,
            phone: optional(&self.phone, |address| address.phone.as_ref()),
        })
    }
}
