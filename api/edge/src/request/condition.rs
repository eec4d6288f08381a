//! Conditions on versions: `If-Match`, `If-None-Match` (RFC 9110), and the tags they compare.
//!
//! The tag of a plain form is `"v17"`: strong, the entity's version. A compressed form is weak. An
//! expanded one is weak too, `W/"v17-.."`: the version, and a hash of those of the things inside.
//! A condition is read, not decided, here: the entity compares its version in the same step as it
//! changes, so that two writers cannot both pass.

use actix_web::http::header::{HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH};

use crate::problem::{Code, Problem};

/// What must be true of the version for a command to take effect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Condition {
    /// Nothing was asked.
    #[default]
    Any,
    /// `If-Match: "v17"`: the version is 17.
    Version(u64),
    /// `If-Match: *`: it exists.
    Exists,
    /// `If-None-Match: *`: it does not exist yet.
    Absent,
    /// `If-Match` with a tag that is no version of ours, or weak and not taken: never true.
    Never,
}

/// The strong tag of a version: `"v17"`.
#[must_use]
pub fn entity_tag(version: u64) -> String {
    format!("\"v{version}\"")
}

/// How a command takes conditions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Matching {
    /// 428 without one.
    pub required: bool,
    /// Whether `If-None-Match: *` can come true.
    pub creates: bool,
    /// The thing is read with others inside only, and a command changes none of those: a weak tag
    /// of such a read means the version in it.
    pub weak: bool,
}

/// Reads the condition of a command.
///
/// Several tags in one `If-Match` are refused (400): one of them would have to be chosen.
pub fn read_if_match(headers: &HeaderMap, matching: Matching) -> Result<Condition, Problem> {
    let Matching { required, creates, weak } = matching;
    match (text(headers, &IF_MATCH)?, text(headers, &IF_NONE_MATCH)?) {
        (Some(_), Some(_)) => Err(Problem::bad_parameter(
            "If-Match",
            "conflict",
            "If-Match and If-None-Match exclude each other",
        )),
        (Some(value), None) => parse_if_match(value, weak),
        (None, Some("*")) => Ok(Condition::Absent),
        (None, Some(_)) => {
            Err(Problem::bad_parameter("If-None-Match", "bad_form", "a command takes `*` only"))
        }
        (None, None) if required => {
            let detail = match creates {
                true => "send If-Match with the version's tag, or If-None-Match: * to create",
                false => "send If-Match with the version's tag",
            };
            Err(Problem::new(Code::PreconditionRequired).detail(detail))
        }
        (None, None) => Ok(Condition::Any),
    }
}

/// The versions that the reader has already: of `If-None-Match` on a read. `None`: no such header.
///
/// Weak comparison: `W/"v17"` counts as 17, a tag that is not ours matches nothing.
pub fn read_if_none_match(headers: &HeaderMap) -> Result<Option<Vec<String>>, Problem> {
    let Some(value) = text(headers, &IF_NONE_MATCH)? else { return Ok(None) };
    if value == "*" {
        return Ok(Some(vec!["*".to_owned()]));
    }
    if value.is_empty() {
        // An empty list of tags: none is known.
        return Ok(None);
    }
    let tags = tags(value)
        .ok_or_else(|| Problem::bad_parameter("If-None-Match", "bad_form", "not a list of tags"))?;
    Ok(Some(tags.into_iter().map(|(_, tag)| tag.to_owned()).collect()))
}

fn parse_if_match(value: &str, takes_weak: bool) -> Result<Condition, Problem> {
    if value == "*" {
        return Ok(Condition::Exists);
    }
    let tags = tags(value)
        .ok_or_else(|| Problem::bad_parameter("If-Match", "bad_form", "send one tag: \"v17\""))?;
    match tags.as_slice() {
        [(false, tag)] => Ok(version_of(tag).map_or(Condition::Never, Condition::Version)),
        // RFC 9110 13.1.1 compares strongly: two forms of one version may differ. What is compared
        // here is no form but the version, and what else the form shows is not written over.
        [(true, tag)] if takes_weak => {
            Ok(version_in_tag(tag).map_or(Condition::Never, Condition::Version))
        }
        [(true, _)] => Ok(Condition::Never),
        _ => Err(Problem::bad_parameter("If-Match", "bad_form", "send one tag: \"v17\"")),
    }
}

/// The version of a tag without its quotes: `v17`.
/// The version in a tag without its quotes: `v17`, or `v17-` and more.
#[must_use]
pub fn version_in_tag(tag: &str) -> Option<u64> {
    version_of(tag.split_once('-').map_or(tag, |(version, _)| version))
}

fn version_of(tag: &str) -> Option<u64> {
    let digits = tag.strip_prefix('v')?;
    let version: u64 = digits.parse().ok()?;
    // One spelling per version: `v017` and `v+17` are not ours.
    (digits == version.to_string()).then_some(version)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Problem::bad_parameter(name.as_str(), "duplicate", "the header stands twice"));
    }
    value
        .to_str()
        .map(|text| Some(text.trim()))
        .map_err(|_| Problem::bad_parameter(name.as_str(), "bad_form", "not ASCII"))
}

/// Splits a list of entity tags into (weak, text without quotes).
fn tags(value: &str) -> Option<Vec<(bool, &str)>> {
    let mut rest = value.trim();
    let mut found = Vec::new();
    loop {
        let (weak, quoted) = match rest.strip_prefix("W/") {
            Some(quoted) => (true, quoted),
            None => (false, rest),
        };
        let (tag, after) = quoted.strip_prefix('"')?.split_once('"')?;
        found.push((weak, tag));
        rest = after.trim_start();
        if rest.is_empty() {
            return Some(found);
        }
        rest = rest.strip_prefix(',')?.trim_start();
    }
}
