//! What is wrong with a field that somebody typed, as a value that an edge can show.
//!
//! Guarantees: text that passed [`text`] has no control characters, is not blank and not too long.
//! It knows no route: a pointer starts at the thing itself, and the edge puts its own before it.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// One field that cannot be taken (`validation_failed`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invalid {
    /// JSON pointer of the field within the thing: `/country`.
    pub pointer: CompactString,
    /// Why, for programs: `blank`, `too_long`, `control_character`, ...
    pub code: CompactString,
    /// Why, for people.
    pub detail: CompactString,
}

impl Invalid {
    /// The field at `pointer` cannot be taken because of `code`.
    #[must_use]
    pub fn new(pointer: &str, code: &'static str, detail: &str) -> Self {
        Self {
            pointer: CompactString::new(pointer),
            code: CompactString::const_new(code),
            detail: CompactString::new(detail),
        }
    }
}

/// Checks a line of text of 1 to `chars_max` characters. Errors: [`Invalid`] at `pointer`.
pub fn text(pointer: &'static str, value: &str, chars_max: usize) -> Result<(), Invalid> {
    if value.trim().is_empty() {
        return Err(Invalid::new(pointer, "blank", "must not be blank"));
    }
    if value.chars().any(char::is_control) {
        return Err(Invalid::new(pointer, "control_character", "must not hold control characters"));
    }
    // Bytes first: counting characters of a long text costs its length.
    if value.len() > chars_max && value.chars().count() > chars_max {
        return Err(Invalid::new(pointer, "too_long", "has too many characters"));
    }
    Ok(())
}

/// The same for a field that may be absent.
pub fn optional_text(
    pointer: &'static str,
    value: Option<&CompactString>,
    chars_max: usize,
) -> Result<(), Invalid> {
    value.map_or(Ok(()), |value| text(pointer, value, chars_max))
}
