//! Instants as RFC 3339 UTC with milliseconds, and calendar dates.
//!
//! `2026-11-20T08:15:30.000Z`. Read with any offset and any fraction, cut to milliseconds; written
//! in one form only. Nothing before 1970 or after 9999.

use std::borrow::Cow;

use entity::Timestamp;
use serde::de::{Deserialize, Deserializer};
use serde::{Serialize, Serializer};
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::{format_description, offset};
use time::{OffsetDateTime, UtcOffset};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type};
use utoipa::{__dev::ComposeSchema, ToSchema, openapi::RefOr};

use crate::json::{INLINE, refuse};

const MILLIS: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
const DATE: &[BorrowedFormatItem<'static>] = format_description!("[year]-[month]-[day]");

/// The last millisecond of the year 9999: RFC 3339 has four digits for the year.
const MS_MAX: u64 = 253_402_300_799_999;

/// An instant in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub Timestamp);

impl Instant {
    /// Reads RFC 3339; `None` for anything else and for instants outside 1970 to 9999.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let instant = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        let ms = u64::try_from(instant.unix_timestamp_nanos() / 1_000_000).ok()?;
        (instant.unix_timestamp() >= 0 && ms <= MS_MAX).then_some(Self(Timestamp(ms)))
    }

    /// The text form.
    #[must_use]
    pub fn text(self) -> String {
        utc(self.0).format(MILLIS).expect("the format holds numbers that every instant has")
    }
}

impl From<Timestamp> for Instant {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

fn utc(at: Timestamp) -> OffsetDateTime {
    let ms = i128::from(at.0.min(MS_MAX));
    OffsetDateTime::from_unix_timestamp_nanos(ms * 1_000_000)
        .expect("capped at the end of the year 9999")
        .to_offset(UtcOffset::UTC)
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let text = String::deserialize(reader)?;
        Self::parse(&text).ok_or_else(|| refuse("bad_form", "must be an RFC 3339 instant"))
    }
}

impl ComposeSchema for Instant {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .into()
    }
}

impl ToSchema for Instant {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("{INLINE}instant"))
    }
}

/// A calendar date, `YYYY-MM-DD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(pub time::Date);

impl Date {
    /// The date of an instant in UTC.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        Self(utc(at).to_offset(offset!(UTC)).date())
    }

    /// Reads a date.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        time::Date::parse(text, DATE).ok().map(Self)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let text = self.0.format(DATE).map_err(serde::ser::Error::custom)?;
        out.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let text = String::deserialize(reader)?;
        Self::parse(&text).ok_or_else(|| refuse("bad_form", "must be a date, YYYY-MM-DD"))
    }
}

impl ComposeSchema for Date {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
            .into()
    }
}

impl ToSchema for Date {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("{INLINE}date"))
    }
}
