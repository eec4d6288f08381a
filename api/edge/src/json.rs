//! Request bodies: read strictly, decoded with the place of every fault, and fingerprinted.
//!
//! A body is parsed once into a tree ([`parse`]: no duplicate members, a bounded depth), then
//! decoded into its type ([`decode`]: unknown fields and wrong types are 400 with a JSON Pointer,
//! values outside their range 422). The fingerprint of an idempotency key is taken of the tree, so
//! white space and the order of members do not count.

mod canonical;
mod decode;
mod scalar;
mod strict;

pub use canonical::canonical;
pub(crate) use decode::given;
pub use decode::{decode, refuse};
pub(crate) use scalar::{INLINE, Integer};
pub use scalar::{Int, Patch, Slug, Text};
pub use strict::parse;

use std::fmt::Write;

use serde_json::Value;

use crate::problem::{Fault, Problem};

/// A step from a value to one inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Member(String),
    Index(usize),
}

/// Writes steps as a JSON Pointer (RFC 6901).
pub(crate) fn pointer(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Member(name) => {
                text.push('/');
                text.push_str(&name.replace('~', "~0").replace('/', "~1"));
            }
            Step::Index(index) => {
                write!(text, "/{index}").expect("writing to a string cannot fail");
            }
        }
    }
    text
}

/// Refuses control characters in any text of a body: they are invisible in every console and log.
pub fn refuse_control_characters(tree: &Value) -> Result<(), Problem> {
    fn visit(value: &Value, at: &mut Vec<Step>, faults: &mut Vec<Fault>) {
        match value {
            Value::String(text) if text.chars().any(char::is_control) => {
                faults.push(Fault::new(
                    pointer(at),
                    "control_character",
                    "control characters are not allowed",
                ));
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    at.push(Step::Index(index));
                    visit(item, at, faults);
                    at.pop();
                }
            }
            Value::Object(members) => {
                for (name, item) in members {
                    at.push(Step::Member(name.clone()));
                    visit(item, at, faults);
                    at.pop();
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut faults = Vec::new();
    visit(tree, &mut Vec::new(), &mut faults);
    if faults.is_empty() {
        return Ok(());
    }
    let refusal = Problem::new(crate::problem::Code::ValidationFailed);
    Err(faults.into_iter().fold(refusal, Problem::fault))
}

#[cfg(test)]
mod tests;
