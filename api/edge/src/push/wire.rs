//! How a stream is written: server-sent events, or text messages of a WebSocket.
//!
//! SSE: `id`, `event`, one line of `data`. WebSocket: `{"op":"event","topic","seq","type","data"}`.
//! JSON has no raw line feed, so one frame is one event.

use actix_http::ws::{CloseCode, CloseReason, OpCode, Parser};
use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

use super::Reason;
use crate::limits;

/// The form of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Server-sent events.
    Events,
    /// A WebSocket.
    Socket,
}

/// One event.
pub(crate) struct Event<'a> {
    /// The topic, for a WebSocket.
    pub(crate) topic: &'a str,
    /// `order.status` or `reset`.
    pub(crate) name: &'static str,
    /// The id from which a client goes on.
    pub(crate) id: &'a str,
    /// The order's version; none on a page of orders.
    pub(crate) seq: Option<u64>,
    /// JSON.
    pub(crate) data: String,
}

impl Form {
    /// What goes first.
    pub(crate) fn hello(self) -> Option<Bytes> {
        match self {
            Self::Events => Some(format!("retry: {}\n\n", limits::STREAM_RETRY_MS).into()),
            Self::Socket => None,
        }
    }

    /// What shows that the line lives.
    pub(crate) fn heartbeat(self) -> Bytes {
        match self {
            Self::Events => Bytes::from_static(b": hb\n\n"),
            Self::Socket => message(OpCode::Ping, b""),
        }
    }

    /// An event.
    pub(crate) fn event(self, event: &Event<'_>) -> Bytes {
        let Event { topic, name, id, seq, data } = event;
        match self {
            Self::Events => format!("id: {id}\nevent: {name}\ndata: {data}\n\n").into(),
            Self::Socket => {
                let op = if *name == "reset" { "reset" } else { "event" };
                let head = json!({"op": op, "topic": topic, "id": id, "seq": seq, "type": name});
                let mut head = head.to_string();
                // The data is JSON already: it goes in as it is, before the closing brace.
                head.pop();
                message(OpCode::Text, format!("{head},\"data\":{data}}}").as_bytes())
            }
        }
    }

    /// The end.
    pub(crate) fn bye(self, reason: Reason) -> Bytes {
        let (word, reconnect_ms) = (reason.word(), reason.reconnect_ms());
        match self {
            Self::Events => format!(
                "retry: {reconnect_ms}\nevent: bye\n\
                 data: {{\"reason\":\"{word}\",\"reconnect_ms\":{reconnect_ms}}}\n\n"
            )
            .into(),
            Self::Socket => {
                let mut bytes = BytesMut::from(
                    &text(&json!({"op": "bye", "reason": word, "reconnect_ms": reconnect_ms}))[..],
                );
                bytes.extend_from_slice(&close(reason.close_code(), word));
                bytes.freeze()
            }
        }
    }
}

/// An answer to a WebSocket's client.
pub(crate) fn answer(value: &Value) -> Bytes {
    text(value)
}

/// The answer to a ping.
pub(crate) fn pong(payload: &[u8]) -> Bytes {
    message(OpCode::Pong, payload)
}

/// A close frame.
pub(crate) fn close(code: u16, reason: &str) -> Bytes {
    let mut bytes = BytesMut::new();
    let reason = CloseReason { code: CloseCode::from(code), description: Some(reason.to_owned()) };
    Parser::write_close(&mut bytes, Some(reason), false);
    bytes.freeze()
}

fn text(value: &Value) -> Bytes {
    message(OpCode::Text, value.to_string().as_bytes())
}

fn message(code: OpCode, payload: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(payload.len() + 10);
    Parser::write_message(&mut bytes, payload, code, true, false);
    bytes.freeze()
}
