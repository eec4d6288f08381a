//! What a WebSocket's client may send, as it is written.
//!
//! Sizes are bounded here; what a message means is decided where it is heard.

use std::fmt;

use serde::de::{self, IntoDeserializer, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::json::{Text, refuse};

/// What the client sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientMessage {
    pub(super) op: Text<1, 16>,
    #[serde(default)]
    pub(super) id: Option<MessageId>,
    #[serde(default)]
    pub(super) topic: Option<Text<1, 64>>,
    #[serde(default)]
    pub(super) last_seq: Option<Value>,
}

/// By what the client knows the answer to a message: a text of 1 to 64 characters or an integer of
/// 64 bits, told back as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct MessageId(Value);

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(TextOrInteger).map(Self)
    }
}

struct TextOrInteger;

impl Visitor<'_> for TextOrInteger {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or an integer")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        let text = Text::<1, 64>::deserialize(text.into_deserializer());
        text.map(|text| Value::String(text.into_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        // A literal of more than 64 bits arrives as a float, and could not be told back as it came.
        if value.abs() >= 9.2e18 {
            Err(refuse("out_of_range", "must fit 64 bits"))
        } else {
            Err(E::invalid_type(Unexpected::Float(value), &self))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{decode, parse};

    #[test]
    fn an_id_is_a_text_or_an_integer() {
        let long = format!("\"{}\"", "a".repeat(64));
        let too_long = format!("\"{}\"", "a".repeat(65));
        let table = [
            ("null", "None"),
            ("\"1\"", "\"1\""),
            (&*long, &*long),
            ("1", "1"),
            ("0", "0"),
            ("-7", "-7"),
            ("9223372036854775808", "9223372036854775808"),
            ("18446744073709551616", "validation_failed out_of_range"),
            ("1.5", "invalid_request wrong_type"),
            ("1.0", "invalid_request wrong_type"),
            ("true", "invalid_request wrong_type"),
            ("[]", "invalid_request wrong_type"),
            ("{}", "invalid_request wrong_type"),
            ("\"\"", "validation_failed bad_length"),
            (&*too_long, "validation_failed bad_length"),
        ];
        for (id, expected) in table {
            let tree = parse(format!("{{\"op\":\"ping\",\"id\":{id}}}").as_bytes()).unwrap();
            let read = match decode::<ClientMessage>(&tree) {
                Ok(ClientMessage { id: Some(MessageId(id)), .. }) => id.to_string(),
                Ok(ClientMessage { id: None, .. }) => "None".to_owned(),
                Err(problem) => {
                    let fault = &problem.faults()[0];
                    assert_eq!(fault.pointer, "/id");
                    format!("{} {}", problem.code().as_str(), fault.code)
                }
            };
            assert_eq!(read, expected, "{id}");
        }
    }
}
