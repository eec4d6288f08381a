//! Path and query parameters, checked against the table of the operation.
//!
//! A parameter that the operation does not declare is 400, as is one that stands twice or does not
//! have its form. The same table writes the OpenAPI document. A malformed path parameter is 404,
//! since nothing has such a name, and the detail says which form it must have.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::problem::{Code, Problem};

/// What a parameter may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamKind {
    /// An integer within bounds.
    Integer {
        /// The least.
        min: u64,
        /// The greatest.
        max: u64,
    },
    /// A text of 1 to `max` characters without control characters.
    Text {
        /// The greatest number of characters.
        max: usize,
    },
    /// `[A-Za-z0-9_-]`, within a length.
    Name {
        /// The fewest characters.
        min: usize,
        /// The most characters.
        max: usize,
    },
    /// An id with a prefix: `ord_...`.
    Id {
        /// The prefix, without the underscore.
        prefix: &'static str,
    },
    /// One of some words.
    Word(&'static [&'static str]),
    /// Some of some words, separated by commas.
    Words(&'static [&'static str]),
    /// Some of some words, one a parameter: `expand[]=lines.sku`. It may stand several times.
    Each(&'static [&'static str]),
    /// An instant, RFC 3339.
    Instant,
}

/// A declared parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Param {
    /// Its name; in a query as it is written, `created[gte]`.
    pub name: &'static str,
    /// What it may hold.
    pub kind: ParamKind,
    /// What it means.
    pub about: &'static str,
}

impl Param {
    /// A parameter.
    #[must_use]
    pub const fn new(name: &'static str, kind: ParamKind, about: &'static str) -> Self {
        Self { name, kind, about }
    }

    /// The JSON Schema of its values.
    #[must_use]
    pub fn schema(&self) -> Value {
        match self.kind {
            ParamKind::Integer { min, max } => {
                json!({"type": "integer", "minimum": min, "maximum": max})
            }
            ParamKind::Text { max } => {
                let plain = "^[^\\x00-\\x1f\\x7f-\\x9f]*$";
                json!({"type": "string", "minLength": 1, "maxLength": max, "pattern": plain})
            }
            ParamKind::Name { min, max } => {
                json!({"type": "string", "pattern": format!("^[A-Za-z0-9_-]{{{min},{max}}}$")})
            }
            ParamKind::Id { prefix } => {
                json!({"type": "string", "pattern": format!("^{prefix}_[0-9a-v]{{32}}$")})
            }
            // One of each is enough to write down, as long as there are so few.
            ParamKind::Word(words) | ParamKind::Each(words) => {
                json!({"type": "string", "enum": words})
            }
            ParamKind::Words(words) => {
                let any = words.join("|");
                json!({"type": "string", "pattern": format!("^({any})(,({any}))*$")})
            }
            ParamKind::Instant => json!({"type": "string", "format": "date-time"}),
        }
    }

    /// Whether a value has the parameter's form.
    fn accepts(&self, value: &str) -> bool {
        match self.kind {
            ParamKind::Integer { min, max } => {
                let plain = value.bytes().all(|b| b.is_ascii_digit());
                plain && value.parse().is_ok_and(|n: u64| (min..=max).contains(&n))
            }
            ParamKind::Text { max } => {
                (1..=max).contains(&value.chars().count()) && !value.chars().any(char::is_control)
            }
            ParamKind::Name { min, max } => {
                (min..=max).contains(&value.len())
                    && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
            }
            ParamKind::Id { prefix } => entity::parse_public_id(prefix, value).is_ok(),
            ParamKind::Word(words) | ParamKind::Each(words) => words.contains(&value),
            ParamKind::Words(words) => value.split(',').all(|word| words.contains(&word)),
            ParamKind::Instant => crate::dto::Instant::parse(value).is_some(),
        }
    }

    fn expected(&self) -> String {
        match self.kind {
            ParamKind::Integer { min, max } => format!("must be an integer from {min} to {max}"),
            ParamKind::Text { max } => format!("must have 1 to {max} characters"),
            ParamKind::Name { min, max } => {
                format!("must be {min} to {max} characters of A-Z a-z 0-9 _ -")
            }
            ParamKind::Id { prefix } => format!("must be an id, {prefix}_.."),
            ParamKind::Word(words) | ParamKind::Each(words) => {
                format!("must be one of {}", words.join(", "))
            }
            ParamKind::Words(words) => format!("must be some of {}", words.join(", ")),
            ParamKind::Instant => "must be an instant, 2026-11-20T08:15:30.000Z".to_owned(),
        }
    }
}

/// Checked parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params(BTreeMap<&'static str, String>);

impl Params {
    /// Path parameters by name. A malformed one is 404.
    pub fn of_path<'a>(
        declared: &'static [Param],
        get: impl Fn(&'static str) -> Option<&'a str>,
    ) -> Result<Self, Problem> {
        let mut found = BTreeMap::new();
        for param in declared {
            let value = get(param.name).filter(|value| param.accepts(value)).ok_or_else(|| {
                Problem::new(Code::NotFound).detail(format!("{} {}", param.name, param.expected()))
            })?;
            found.insert(param.name, value.to_owned());
        }
        Ok(Self(found))
    }

    /// The value, if it was given.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of a parameter that is always there (a path parameter).
    ///
    /// # Panics
    /// When the operation does not declare it.
    #[must_use]
    pub fn expect(&self, name: &str) -> &str {
        self.get(name).expect("the operation declares its path parameters")
    }

    /// The value as a number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// The words of a list.
    #[must_use]
    pub fn words(&self, name: &str) -> Option<Vec<&str>> {
        Some(self.get(name)?.split(',').collect())
    }
}

/// Reads a query string.
pub fn read_query(declared: &'static [Param], query: &str) -> Result<Params, Problem> {
    let mut found = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (written, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(written)
            .ok_or_else(|| Problem::bad_parameter(written, "bad_form", "is not UTF-8"))?;
        let value = decode(value)
            .ok_or_else(|| Problem::bad_parameter(&name, "bad_form", "the value is not UTF-8"))?;
        let param = declared.iter().find(|param| param.name == name).ok_or_else(|| {
            Problem::bad_parameter(&name, "unknown_parameter", "no such parameter")
        })?;
        if !param.accepts(&value) {
            return Err(Problem::bad_parameter(&name, "out_of_range", param.expected()));
        }
        let value = match (param.kind, found.get(param.name)) {
            (ParamKind::Each(_), Some(before)) => format!("{before},{value}"),
            _ => value.into_owned(),
        };
        let is_list = matches!(param.kind, ParamKind::Each(_));
        if found.insert(param.name, value).is_some() && !is_list {
            return Err(Problem::bad_parameter(&name, "duplicate", "the parameter stands twice"));
        }
    }
    Ok(Params(found))
}

/// Reads a form or a query into pairs, in their order. `None`: not UTF-8.
#[must_use]
pub fn read_form(text: &str) -> Option<Vec<(String, String)>> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name)?.into_owned(), decode(value)?.into_owned()))
        })
        .collect()
}

/// Percent-decodes one part of a form-encoded query; `None`: not UTF-8.
fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.bytes().any(|b| b == b'%' || b == b'+') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).expect("two hexadecimal digits are a byte")
            }
            other => other,
        });
    }
    String::from_utf8(out).ok().map(Cow::Owned)
}
