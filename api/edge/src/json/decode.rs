//! The decoder: a tree to a type, with the pointer of the first fault.
//!
//! A wrong shape (type, missing or unknown field) is 400 `invalid_request`; a value that the type
//! refuses is 422 `validation_failed`, or the code that the type names through [`refuse`].

use std::cell::RefCell;
use std::fmt;

use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Unexpected};
use serde_json::Value;

use super::{Step, pointer};
use crate::problem::{Code, Fault, Problem};

/// Decodes a tree.
pub fn decode<T: DeserializeOwned>(tree: &Value) -> Result<T, Problem> {
    let steps = RefCell::new(Vec::new());
    T::deserialize(Node { value: tree, steps: &steps }).map_err(|error| {
        let at = error.at.unwrap_or_default();
        let code = match error.kind {
            Kind::Shape(_) => Code::InvalidRequest,
            Kind::Value(name) => Code::ALL
                .iter()
                .copied()
                .find(|code| code.as_str() == name)
                .unwrap_or(Code::ValidationFailed),
        };
        let name = match error.kind {
            Kind::Shape(name) | Kind::Value(name) => name,
        };
        Problem::new(code).fault(Fault::new(pointer(&at), name, error.text))
    })
}

/// A member that may be left out, but not be `null`.
pub(crate) fn given<'de, D, T>(reader: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    T::deserialize(reader).map(Some)
}

/// What a type's `Deserialize` says about a value of the right JSON type that it does not take:
/// 422 with the fault's `code`. A code of [`Code`] becomes the problem's own.
pub fn refuse<E: de::Error>(code: &'static str, detail: impl fmt::Display) -> E {
    // serde's errors are text, whatever format they pass through; the mark tells ours.
    E::custom(format_args!("{MARK}{code}{MARK}{detail}"))
}

const MARK: char = '\u{1}';

/// Fault codes that types of this crate refuse with.
const CODES: [&str; 7] = [
    "out_of_range",
    "bad_length",
    "bad_form",
    "unknown_value",
    "money_overflow",
    "currency_mismatch",
    "conflict",
];

#[derive(Debug, Clone, Copy)]
enum Kind {
    Shape(&'static str),
    Value(&'static str),
}

#[derive(Debug)]
struct Error {
    kind: Kind,
    at: Option<Vec<Step>>,
    field: Option<String>,
    text: String,
}

impl Error {
    fn new(kind: Kind, text: String) -> Self {
        Self { kind, at: None, field: None, text }
    }

    /// Says where it happened, unless that is known more exactly already.
    fn locate(mut self, steps: &RefCell<Vec<Step>>) -> Self {
        if self.at.is_none() {
            let mut at = steps.borrow().clone();
            at.extend(self.field.take().map(Step::Member));
            self.at = Some(at);
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let text = message.to_string();
        let mut parts = text.splitn(3, MARK);
        if let (Some(""), Some(code), Some(detail)) = (parts.next(), parts.next(), parts.next())
            && let Some(code) = CODES.into_iter().find(|known| *known == code)
        {
            return Self::new(Kind::Value(code), detail.to_owned());
        }
        Self::new(Kind::Value("bad_form"), text)
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let text = format!("{}, expected {}", plain(found), wanted(&expected.to_string()));
        Self::new(Kind::Shape("wrong_type"), text)
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let text = format!("{}, expected {}", plain(found), wanted(&expected.to_string()));
        Self::new(Kind::Value("out_of_range"), text)
    }

    fn invalid_length(len: usize, expected: &dyn de::Expected) -> Self {
        let text = format!("length {len}, expected {}", wanted(&expected.to_string()));
        Self::new(Kind::Value("bad_length"), text)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let text = format!("`{variant}` is not one of {}", expected.join(", "));
        Self::new(Kind::Value("unknown_value"), text)
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        let mut error = Self::new(Kind::Shape("unknown_field"), "no such field".to_owned());
        error.field = Some(field.to_owned());
        error
    }

    fn missing_field(field: &'static str) -> Self {
        let mut error = Self::new(Kind::Shape("missing_field"), "is required".to_owned());
        error.field = Some(field.to_owned());
        error
    }
}

/// What was found, without the value: problems do not echo bodies.
fn plain(found: Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "found a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "found an integer",
        Unexpected::Float(_) => "found a number with a fraction or exponent",
        Unexpected::Str(_) | Unexpected::Char(_) => "found a text",
        Unexpected::Unit | Unexpected::Option => "found null",
        Unexpected::Seq => "found an array",
        Unexpected::Map => "found an object",
        _ => "found another type",
    }
}

/// What was expected, in the words of JSON: derived visitors name types of this program.
fn wanted(expected: &str) -> &str {
    let first = expected.trim_start_matches("a ").trim_start_matches("an ");
    let first = first.split([' ', '`']).next().unwrap_or_default();
    match first {
        "struct" | "map" | "internally" | "adjacently" | "unit" => "an object",
        "sequence" | "tuple" | "array" => "an array",
        "string" | "str" | "borrowed" => "a text",
        "enum" | "variant" => "one of its words",
        "bool" | "boolean" => "a boolean",
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" => "an integer",
        _ => expected,
    }
}

#[derive(Clone, Copy)]
struct Node<'a> {
    value: &'a Value,
    steps: &'a RefCell<Vec<Step>>,
}

impl<'a> Node<'a> {
    fn child<'de, S: DeserializeSeed<'de>>(
        self,
        step: Step,
        value: &'a Value,
        seed: S,
    ) -> Result<S::Value, Error>
    where
        'a: 'de,
    {
        self.steps.borrow_mut().push(step);
        let read = seed
            .deserialize(Node { value, steps: self.steps })
            .map_err(|error| error.locate(self.steps));
        self.steps.borrow_mut().pop();
        read
    }
}

impl<'de> de::Deserializer<'de> for Node<'de> {
    type Error = Error;

    fn deserialize_any<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let read = match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => {
                if let Some(value) = number.as_u64() {
                    visitor.visit_u64(value)
                } else if let Some(value) = number.as_i64() {
                    visitor.visit_i64(value)
                } else {
                    visitor.visit_f64(number.as_f64().unwrap_or(f64::MAX))
                }
            }
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => visitor.visit_seq(Items { node: self, items, next: 0 }),
            Value::Object(members) => {
                visitor.visit_map(Members { node: self, rest: members.iter(), value: None })
            }
        };
        read.map_err(|error| error.locate(self.steps))
    }

    fn deserialize_option<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        // Our enums are words; one with content is written by hand where it is needed.
        let read = match self.value {
            Value::String(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            _ => return self.deserialize_any(visitor),
        };
        read.map_err(|error: Error| error.locate(self.steps))
    }

    fn deserialize_struct<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        // Derived visitors would take an array of the fields in their order.
        if self.value.is_array() {
            let error: Error = de::Error::invalid_type(Unexpected::Seq, &visitor);
            return Err(error.locate(self.steps));
        }
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

struct Items<'a> {
    node: Node<'a>,
    items: &'a [Value],
    next: usize,
}

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let Some(value) = self.items.get(self.next) else { return Ok(None) };
        let step = Step::Index(self.next);
        self.next += 1;
        self.node.child(step, value, seed).map(Some)
    }
}

struct Members<'a> {
    node: Node<'a>,
    rest: serde_json::map::Iter<'a>,
    value: Option<(&'a str, &'a Value)>,
}

impl<'de> de::MapAccess<'de> for Members<'de> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let Some((name, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some((name, value));
        seed.deserialize(de::value::BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let (name, value) = self.value.take().expect("serde asks for a key before its value");
        self.node.child(Step::Member(name.to_owned()), value, seed)
    }
}
