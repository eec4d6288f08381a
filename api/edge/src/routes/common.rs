//! What several resources share: parameters, conditions, pages, small conversions.

use std::fmt::Debug;

use actix_web::http::header::HeaderName;
use commerce::protocol::IfVersion;
use serde::Serialize;

use crate::cursor::CursorOf;
use crate::dto::Money;
use crate::limits;
use crate::problem::{Code, Problem};
use crate::reply;
use crate::request::{Condition, Param, ParamKind, Params};
use crate::route::Call;

/// Size of a page.
pub(crate) const LIMIT: Param = Param::new(
    "limit",
    ParamKind::Integer { min: limits::PAGE_MIN, max: limits::PAGE_MAX },
    "The most items on the page.",
);

/// Where a page begins.
pub(crate) const CURSOR: Param =
    Param::new("cursor", ParamKind::Text { max: 2_000 }, "`next` of the page before.");

/// Parts that are shown whole in place of their ids.
pub(crate) const EXPAND: Param = Param::new(
    "expand[]",
    ParamKind::Each(&["lines.sku"]),
    "`lines.sku`: each line's SKU whole, in place of its code; the tag is a weak one then.",
);

/// Whether a query wants the SKUs of lines whole.
pub(crate) fn expands_skus(query: &Params) -> bool {
    query.words(EXPAND.name).is_some_and(|paths| paths.contains(&"lines.sku"))
}

/// A SKU in a path.
pub(crate) const SKU_PARAM: Param =
    Param::new("sku", ParamKind::Name { min: 1, max: 64 }, "Code of a SKU.");

/// Names what a cached answer depends on, for purges of a CDN.
pub(crate) const SURROGATE_KEY: HeaderName = HeaderName::from_static("surrogate-key");

/// Declares the type of an `object` member: one word.
macro_rules! object_word {
    ($name:ident = $word:tt) => {
        #[derive(Debug, Clone, Copy, serde::Serialize, utoipa::ToSchema)]
        enum $name {
            #[serde(rename = $word)]
            #[allow(clippy::enum_variant_names, reason = "one word, one variant")]
            Word,
        }
    };
}
pub(crate) use object_word;

/// A tag over all that is shown: of a list, whose parts have versions of their own.
pub(crate) fn weak_tag(shown: &impl Serialize) -> String {
    let bytes = serde_json::to_vec(shown).expect("replies are plain data with text keys");
    reply::weak_tag(&bytes)
}

/// The same for a thing of a version with others inside: its version stands in front, so that a
/// reader who waits for a change can be told which one it has.
pub(crate) fn weak_tag_of(version: u64, inside: &impl Serialize) -> String {
    weak_tag(inside).replacen('"', &format!("\"v{version}-"), 1)
}

/// What a writer expects. A tag that cannot be true is an old version.
pub(crate) const fn if_version(condition: Condition) -> IfVersion {
    match condition {
        Condition::Any => IfVersion::Any,
        Condition::Version(version) => IfVersion::Exact(version),
        Condition::Exists => IfVersion::Exists,
        Condition::Absent => IfVersion::Absent,
        Condition::Never => IfVersion::Exact(u64::MAX),
    }
}

/// The page size that was asked for.
pub(crate) fn limit<B>(call: &Call<B>, default: u64) -> u32 {
    let limit = call.query.number("limit").unwrap_or(default).min(limits::PAGE_MAX);
    u32::try_from(limit).expect("a page has at most 100 items")
}

/// Where a page of a short list ends: the name of its last item, and the place where that stood.
type End = (String, usize);

/// One page of a list that is short enough to be read whole, and the cursor of the next.
///
/// It begins behind the item that the cursor names, so others that go meanwhile move nothing; if
/// that item is gone itself, it begins in its place, and misses one for each that went before it.
pub(crate) fn page_of<B, T>(
    call: &Call<B>,
    list: &'static str,
    mut items: Vec<T>,
    name: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), Problem> {
    let cursor = CursorOf::new(list, &call.caller, &call.raw_query).under(&call.raw_path);
    let sealer = call.edge.authority().keys().sealer();
    let end: Option<End> =
        call.query.get("cursor").map(|text| cursor.open(sealer, text)).transpose()?;
    let begin = end.map_or(0, |(last, place)| {
        items.iter().position(|item| name(item) == last).map_or(place, |found| found + 1)
    });
    let mut page = items.split_off(begin.min(items.len()));
    let limit = limit(call, limits::PAGE_DEFAULT) as usize;
    let has_more = page.len() > limit;
    page.truncate(limit);
    let last = page.last().filter(|_| has_more);
    let next = last.map(|last| cursor.seal(sealer, (name(last), begin + limit - 1)));
    Ok((page, next))
}

/// Units of a checked body.
pub(crate) fn units(value: i64) -> u32 {
    u32::try_from(value).expect("the body's type bounds it")
}

/// An amount of the shop, for a reply.
pub(crate) fn money(money: commerce::money::Money) -> Result<Money, Problem> {
    Money::new(money.minor, money.ccy.code())
}

/// An entity answered something else than was asked: a bug of ours.
pub(crate) fn unexpected(answer: &impl Debug) -> Problem {
    tracing::error!(?answer, "an entity answered something else than was asked");
    Problem::new(Code::Internal)
}
