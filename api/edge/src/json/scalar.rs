//! Values with a range, as types: what they take is what the OpenAPI document says of them.
//!
//! `Int<1, 1_000_000>` and `Text<1, 200>` refuse with 422 where they are decoded; `Patch` tells an
//! absent member (keep) from `null` (clear), as JSON Merge Patch wants (RFC 7396).

use std::borrow::Cow;
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer, Unexpected, Visitor};
use serde::{Serialize, Serializer};
use utoipa::__dev::ComposeSchema;
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};

use super::refuse;

/// Prefix of schema names that the OpenAPI document writes in place, not as components.
pub(crate) const INLINE: &str = "inline.";

/// An integer from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Int<const MIN: i64, const MAX: i64>(pub i64);

impl<'de, const MIN: i64, const MAX: i64> Deserialize<'de> for Int<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let value = reader.deserialize_i64(Integer)?;
        match value {
            Some(value) if (MIN..=MAX).contains(&value) => Ok(Self(value)),
            Some(_) | None => {
                Err(refuse("out_of_range", format_args!("must be from {MIN} to {MAX}")))
            }
        }
    }
}

impl<const MIN: i64, const MAX: i64> Serialize for Int<MIN, MAX> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_i64(self.0)
    }
}

impl<const MIN: i64, const MAX: i64> ComposeSchema for Int<MIN, MAX> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::Integer))
            .minimum(Some(MIN))
            .maximum(Some(MAX))
            .into()
    }
}

impl<const MIN: i64, const MAX: i64> ToSchema for Int<MIN, MAX> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("{INLINE}int{MIN}to{MAX}"))
    }
}

/// Takes any integer; `None` is one that does not fit 64 bits.
pub(crate) struct Integer;

impl Visitor<'_> for Integer {
    type Value = Option<i64>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an integer")
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value).ok())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Self::Value, E> {
        // A literal of more than 64 bits arrives as a float; no float of that size has a fraction.
        if value.abs() >= 9.2e18 {
            Ok(None)
        } else {
            Err(E::invalid_type(Unexpected::Float(value), &self))
        }
    }
}

/// A text of `MIN` to `MAX` characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text<const MIN: usize, const MAX: usize>(String);

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    /// The text.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl<const MIN: usize, const MAX: usize> Deref for Text<MIN, MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de, const MIN: usize, const MAX: usize> Deserialize<'de> for Text<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let text = String::deserialize(reader)?;
        let n = text.chars().count();
        if !(MIN..=MAX).contains(&n) {
            let detail = format_args!("must have {MIN} to {MAX} characters");
            return Err(refuse("bad_length", detail));
        }
        // A name of blanks only is no name.
        if MIN > 0 && text.trim().is_empty() {
            return Err(refuse("bad_form", "must not be blank"));
        }
        Ok(Self(text))
    }
}

impl<const MIN: usize, const MAX: usize> ComposeSchema for Text<MIN, MAX> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .min_length(Some(MIN))
            .max_length(Some(MAX))
            .into()
    }
}

impl<const MIN: usize, const MAX: usize> ToSchema for Text<MIN, MAX> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("{INLINE}text{MIN}to{MAX}"))
    }
}

/// A name that may stand in a path and in a subject: `[A-Za-z0-9_-]`, 1 to `MAX` characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slug<const MAX: usize>(String);

impl<const MAX: usize> Slug<MAX> {
    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        fits.then(|| Self(text.to_owned()))
    }
}

impl<const MAX: usize> Deref for Slug<MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Slug<MAX> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let text = String::deserialize(reader)?;
        Self::parse(&text).ok_or_else(|| {
            refuse("bad_form", format_args!("must be 1 to {MAX} characters of A-Z a-z 0-9 _ -"))
        })
    }
}

impl<const MAX: usize> ComposeSchema for Slug<MAX> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .pattern(Some(format!("^[A-Za-z0-9_-]{{1,{MAX}}}$")))
            .into()
    }
}

impl<const MAX: usize> ToSchema for Slug<MAX> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("{INLINE}slug{MAX}"))
    }
}

/// A member of a merge patch. Fields need `#[serde(default)]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Absent: keep what is there.
    #[default]
    Keep,
    /// `null`: clear it.
    Clear,
    /// Set it.
    Set(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(reader)?.map_or(Self::Clear, Self::Set))
    }
}

impl<T: ComposeSchema> ComposeSchema for Patch<T> {
    fn compose(generics: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        Option::<T>::compose(generics)
    }
}

impl<T: ToSchema + ComposeSchema> ToSchema for Patch<T> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("{INLINE}patch.{}", T::name()))
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}
