//! `Accept-Language` (RFC 9110 12.5.4): the language that a buyer reads best.
//!
//! It chooses texts, never amounts, so nothing is refused for it: a range that is no language tag
//! is passed over. Weights decide, then the order. The tag comes in the case that BCP 47 writes.

use actix_web::http::header::{ACCEPT_LANGUAGE, HeaderMap};
use compact_str::CompactString;

/// What a buyer reads who says nothing, or that anything will do.
const DEFAULT: &str = "en";

/// The longest tag that is kept, in bytes (RFC 5646 4.4.1).
const TAG_BYTES_MAX: usize = 35;

/// The preferred language tag: `de-CH`.
#[must_use]
pub fn preferred_language(headers: &HeaderMap) -> CompactString {
    let values = headers.get_all(ACCEPT_LANGUAGE).filter_map(|value| value.to_str().ok());
    let ranges = values.flat_map(|value| value.split(',')).filter_map(weighted);
    let mut best: Option<(u16, &str)> = None;
    for (weight, range) in ranges {
        // The first of several with the same weight stays.
        if weight > best.map_or(0, |(weight, _)| weight) {
            best = Some((weight, range));
        }
    }
    best.filter(|(_, range)| *range != "*")
        .map_or_else(|| CompactString::const_new(DEFAULT), |(_, tag)| canonical(tag))
}

/// A range that is a tag or `*`, with its weight in thousandths.
fn weighted(item: &str) -> Option<(u16, &str)> {
    let mut parts = item.split(';').map(str::trim);
    let range = parts.next().filter(|range| *range == "*" || is_tag(range))?;
    let weight = match parts.next() {
        None => 1000,
        Some(weight) => thousandths(weight.strip_prefix(['q', 'Q'])?.strip_prefix('=')?)?,
    };
    Some((weight, range))
}

/// `0.25` as 250: a digit, and up to three behind the point.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, behind) = text.split_once('.').unwrap_or((text, ""));
    if !matches!(whole, "0" | "1") || behind.len() > 3 {
        return None;
    }
    let digits = format!("{whole}{behind:0<3}");
    digits.parse().ok().filter(|weight| *weight <= 1000)
}

fn is_tag(text: &str) -> bool {
    let is_part = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let language = text.split('-').next().unwrap_or_default();
    text.len() <= TAG_BYTES_MAX
        && language.len() >= 2
        && language.bytes().all(|byte| byte.is_ascii_alphabetic())
        && text.split('-').all(is_part)
}

/// `zh-hant-tw` as `zh-Hant-TW`.
fn canonical(tag: &str) -> CompactString {
    let mut written = CompactString::default();
    for (index, part) in tag.split('-').enumerate() {
        let lower = part.to_ascii_lowercase();
        let is_word = part.bytes().all(|byte| byte.is_ascii_alphabetic());
        if index > 0 {
            written.push('-');
        }
        match (index, part.len()) {
            (1.., 2) if is_word => written.push_str(&part.to_ascii_uppercase()),
            (1.., 4) if is_word => {
                written.push_str(&part[..1].to_ascii_uppercase());
                written.push_str(&lower[1..]);
            }
            _ => written.push_str(&lower),
        }
    }
    written
}
