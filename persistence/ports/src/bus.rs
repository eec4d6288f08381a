//! The event bus: where committed events go, in order, at least once.
//!
//! The bus is transport, never truth: the journal is the outbox, and a relay can publish any part
//! of it again. A repeat is the same in every attribute and byte.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use async_trait::async_trait;
use entity::{EntityKey, Tenant, Timestamp, Trace};
use tokio::sync::broadcast;

/// A public event: CloudEvents 1.0 with our extensions (interfaces.md 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudEvent {
    /// `{history}.{shard}:{seq}`; also the `Nats-Msg-Id`.
    pub id: String,
    /// The shop; `source` is `/mercato/{tenant}`.
    pub tenant: Tenant,
    /// First token of the topic: `orders`.
    pub domain: &'static str,
    /// CloudEvents type: `order.placed`.
    pub event_type: &'static str,
    /// Id of the entity as text.
    pub subject: String,
    /// The entity.
    pub key: EntityKey,
    /// The entity's version; `sequence` with 20 digits.
    pub version: u64,
    /// When the step was taken.
    pub time: Timestamp,
    /// Trace of the causing request.
    pub trace: Trace,
    /// The affinity part of the id.
    pub partition_key: String,
    /// Version of the data's schema; `dataschema` is `/schemas/{type}/{version}.json`.
    pub data_version: u16,
    /// JSON.
    pub data: Vec<u8>,
}

impl CloudEvent {
    /// The NATS subject: `{domain}.v1.{tenant}.{subject}.{type without its first part}`.
    ///
    /// In tenant and subject every byte but `[A-Za-z0-9_-]` is written as `%XX`: a dot or a
    /// wildcard in an id would otherwise name another subject.
    #[must_use]
    pub fn topic(&self) -> String {
        let event = self.event_type.split_once('.').map_or(self.event_type, |(_, rest)| rest);
        let mut topic = format!("{}.v1.", self.domain);
        push_token(&mut topic, self.tenant.as_str());
        topic.push('.');
        push_token(&mut topic, &self.subject);
        topic.push('.');
        topic.push_str(event);
        topic
    }

    /// The stream that keeps it: the domain in capitals.
    #[must_use]
    pub fn stream(&self) -> String {
        self.domain.to_ascii_uppercase()
    }
}

fn push_token(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a string takes everything");
        }
    }
}

/// What the bus says of one stored event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    /// The stream that stored it.
    pub stream: String,
    /// Its place there.
    pub sequence: u64,
    /// Which stream of that name it is, see [`StreamState::incarnation`].
    pub incarnation: u64,
    /// It was there already.
    pub duplicate: bool,
}

/// The state of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamState {
    /// Place of the last event; 0 in an empty stream.
    pub last_sequence: u64,
    /// Which stream of that name it is: another number after it was lost and made again, however
    /// long it has become since; 0 = there is none.
    pub incarnation: u64,
}

/// Publishing stopped; the first `acked.len()` events are stored, the others perhaps.
#[derive(Debug, Clone, thiserror::Error)]
#[error("publish stopped after {} events: {reason}", acked.len())]
pub struct PublishError {
    /// Acknowledgements of the first events, in order.
    pub acked: Vec<Ack>,
    /// Why it stopped.
    pub reason: String,
}

/// What a watcher of the bus is told.
#[derive(Debug, Clone)]
pub enum BusSignal {
    /// An event was published (possibly again).
    Event(Arc<CloudEvent>),
    /// Events may have been missed: read again what you watch.
    Resync,
}

/// A bus.
#[async_trait]
pub trait EventBus: Send + Sync + 'static {
    /// Publishes events in order. Ok: all are stored. Waits at most a few seconds.
    async fn publish(&self, events: &[Arc<CloudEvent>]) -> Result<Vec<Ack>, PublishError>;

    /// Counts the connections made so far. After a change, [`Self::streams`] is to be compared.
    fn connection(&self) -> u64;

    /// Whether the bus answers now.
    fn is_up(&self) -> bool;

    /// Whether anybody can read what is published now. Where nobody can, no event is made of what
    /// is committed, and the next reader begins with what is committed then.
    fn has_readers(&self) -> bool {
        true
    }

    /// The state of all streams. Errors: the bus does not answer.
    async fn streams(&self) -> Result<BTreeMap<String, StreamState>, PublishError>;

    /// The ids of the events that stand in these places of their streams (name and sequence), in
    /// the order asked for. A stream whose end was lost and that grew again shows by them. `None`:
    /// nothing stands there (any more); what the streams kept too short a time is no loss.
    ///
    /// Errors: the bus does not answer. Cost: a read a place, under way together.
    async fn ids(&self, places: &[(String, u64)]) -> Result<Vec<Option<String>>, PublishError>;

    /// Watches all events of this bus. A watcher that lags is told so by the channel and must
    /// treat it as [`BusSignal::Resync`].
    fn watch(&self) -> broadcast::Receiver<BusSignal>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::sample;

    #[test]
    fn ids_cannot_name_another_topic() {
        let mut event = (*sample::event("h", "demo-001", 1)).clone();
        assert_eq!(event.topic(), "orders.v1.acme.demo-001.placed");
        assert_eq!(event.stream(), "ORDERS");
        event.subject = "a.b *>\u{e9}".into();
        event.tenant = Tenant::new("x.y");
        event.event_type = "order";
        assert_eq!(event.topic(), "orders.v1.x%2Ey.a%2Eb%20%2A%3E%C3%A9.order");
    }
}
