//! Checks of what people write: names, titles, reasons.
//!
//! The edge checks syntax with pointers into its body; these checks hold for every way in.

/// Why a field is not acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Invalid {
    /// Which: `/title`.
    pub(crate) pointer: &'static str,
    /// Why, for programs.
    pub(crate) code: &'static str,
    /// Why, for people.
    pub(crate) detail: &'static str,
}

/// A name that stands in keys and subjects: `[A-Za-z0-9_-]`, 1 to `max` bytes.
pub(crate) fn name(pointer: &'static str, text: &str, max: usize) -> Result<(), Invalid> {
    let fine = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if text.is_empty() || text.len() > max {
        Err(Invalid { pointer, code: "length", detail: "must not be empty or too long" })
    } else if !text.bytes().all(fine) {
        Err(Invalid { pointer, code: "format", detail: "only letters, digits, - and _" })
    } else {
        Ok(())
    }
}

/// A text for people: 1 to `max` characters, none of them a control character.
pub(crate) fn words(pointer: &'static str, text: &str, max: usize) -> Result<(), Invalid> {
    if text.trim().is_empty() || text.chars().nth(max).is_some() {
        Err(Invalid { pointer, code: "length", detail: "must not be empty or too long" })
    } else if text.chars().any(char::is_control) {
        let detail = "must not hold control characters";
        Err(Invalid { pointer, code: "control_characters", detail })
    } else {
        Ok(())
    }
}
