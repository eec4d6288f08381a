//! The strict reader: bytes to a tree.
//!
//! Refuses (400) what lenient readers let through: duplicate members, more than
//! [`JSON_DEPTH_MAX`] levels, anything behind the value. Keeps the place it is at, so that every
//! refusal has a pointer. Numbers keep what fits i64, u64 or f64.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{Step, pointer};
use crate::limits::JSON_DEPTH_MAX;
use crate::problem::Problem;

/// Reads a body. O(n), with one lookup per member.
pub fn parse(body: &[u8]) -> Result<Value, Problem> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::invalid("", "missing_body", "a JSON body is required"));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let mut place = Place { steps: Vec::new(), fault: None };
    let read = Tree(&mut place).deserialize(&mut reader).and_then(|tree| {
        reader.end()?;
        Ok(tree)
    });
    read.map_err(|error| {
        let (code, detail) = match place.fault {
            Some(Refused::Duplicate) => ("duplicate_member", "a member stands twice".to_owned()),
            Some(Refused::TooDeep) => {
                ("too_deep", format!("more than {JSON_DEPTH_MAX} levels of nesting"))
            }
            None => ("syntax", format!("not JSON: {error}")),
        };
        Problem::invalid(&pointer(&place.steps), code, detail)
    })
}

struct Place {
    /// Where the reader is; left as it was when a read fails.
    steps: Vec<Step>,
    fault: Option<Refused>,
}

enum Refused {
    Duplicate,
    TooDeep,
}

struct Tree<'a>(&'a mut Place);

impl Tree<'_> {
    fn enter<E: serde::de::Error>(&mut self) -> Result<(), E> {
        // The steps to a container inside n others are n long.
        if self.0.steps.len() >= JSON_DEPTH_MAX {
            self.0.fault = Some(Refused::TooDeep);
            return Err(E::custom("too deep"));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        serde_json::Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("a number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        self.enter()?;
        let mut values = Vec::new();
        loop {
            self.0.steps.push(Step::Index(values.len()));
            let Some(value) = items.next_element_seed(Tree(&mut *self.0))? else {
                self.0.steps.pop();
                return Ok(Value::Array(values));
            };
            self.0.steps.pop();
            values.push(value);
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Value, A::Error> {
        self.enter()?;
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            self.0.steps.push(Step::Member(name.clone()));
            if map.contains_key(&name) {
                self.0.fault = Some(Refused::Duplicate);
                return Err(A::Error::custom("duplicate member"));
            }
            let value = members.next_value_seed(Tree(&mut *self.0))?;
            self.0.steps.pop();
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}
