//! What the streams hold, held against what the node says of its entities.
//!
//! Every message has an id of its own; the versions of each entity follow one another from 1; and
//! the last one is the version that the node shows: nothing is missing, repeated or out of order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::{DeliverPolicy, pull::OrderedConfig};
use async_nats::jetstream::{Context, Message};
use futures_util::StreamExt;
use tests::{Client, Line};

use super::Server;

/// Streams whose entities can be read over HTTP, and where.
const STREAMS: [(&str, &str); 3] =
    [("ORDERS", "/v1/orders/"), ("SHIPMENTS", "/v1/shipments/"), ("STOCK", "/v1/stock/")];
/// The tenant of the load.
const TENANT: &str = "demo";
/// How long the bus may lag behind the node.
const LAG: Duration = Duration::from_secs(15);
/// How long the next message of a stream may take.
const QUIET: Duration = Duration::from_secs(2);

/// What was heard of the streams until now.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// The last sequence of each stream that was read.
    read_to: BTreeMap<&'static str, u64>,
    /// The last version by the path at which the entity can be read.
    versions: BTreeMap<String, u64>,
    ids: BTreeSet<String>,
    complaints: Vec<String>,
}

impl Heard {
    /// Paths of the orders that a book acknowledges.
    pub(crate) fn known(lines: &[Line]) -> BTreeSet<String> {
        let placed = lines.iter().filter(|line| line.is_placed());
        placed.map(|line| format!("/v1/orders/{}", line.answer()["id"].as_str().unwrap())).collect()
    }

    /// Messages read until now.
    pub(crate) fn n_events(&self) -> u64 {
        self.ids.len() as u64
    }

    /// Waits until everything that is new, and the `known` entities, are as the node says. What is
    /// wrong, and what is missing after a while.
    pub(crate) async fn catch_up(
        &mut self,
        server: &Server,
        staff: &Client,
        known: &BTreeSet<String>,
    ) -> Vec<String> {
        let begun = Instant::now();
        let mut open = known.clone();
        loop {
            let context = server.jetstream().await.expect("the server answers");
            for (stream, prefix) in STREAMS {
                open.extend(self.read(&context, stream, prefix).await);
            }
            if !self.complaints.is_empty() {
                return std::mem::take(&mut self.complaints);
            }
            let mut behind = Vec::new();
            for path in &open {
                let found = staff.send("GET", path, &[], None).await.unwrap();
                let there = found.body["version"].as_u64().unwrap_or_default();
                let heard = self.versions.get(path).copied().unwrap_or_default();
                if there != heard {
                    let says = format!("the node says {there} ({})", found.status);
                    behind.push((path.clone(), format!("{path}: heard {heard}, {says}")));
                }
            }
            if behind.is_empty() || begun.elapsed() > LAG {
                return behind.into_iter().map(|(_, complaint)| complaint).collect();
            }
            open = behind.into_iter().map(|(path, _)| path).collect();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Reads what is new in a stream; the paths of its entities.
    async fn read(
        &mut self,
        context: &Context,
        stream: &'static str,
        prefix: &str,
    ) -> BTreeSet<String> {
        let mut new = BTreeSet::new();
        let Ok(found) = context.get_stream(stream).await else { return new };
        let read_to = self.read_to.entry(stream).or_default();
        let last = found.cached_info().state.last_sequence;
        if last <= *read_to {
            return new;
        }
        let start_sequence = *read_to + 1;
        let deliver_policy = DeliverPolicy::ByStartSequence { start_sequence };
        let config = OrderedConfig { deliver_policy, ..OrderedConfig::default() };
        let n = usize::try_from(last - *read_to).unwrap();
        *read_to = last;
        let consumer = found.create_consumer(config).await.unwrap();
        let mut messages = consumer.messages().await.unwrap().take(n);
        // A message that was deleted leaves a hole, and the stream then ends early.
        while let Ok(Some(message)) = tokio::time::timeout(QUIET, messages.next()).await {
            let path = self.hear(&message.unwrap(), prefix);
            new.extend(path);
        }
        new
    }

    fn hear(&mut self, message: &Message, prefix: &str) -> Option<String> {
        let subject: Vec<&str> = message.subject.split('.').collect();
        let [_, "v1", tenant, entity, ..] = subject[..] else {
            self.complaints.push(format!("a strange subject: {}", message.subject));
            return None;
        };
        let header = |name: &str| {
            let headers = message.headers.as_ref()?;
            Some(headers.get(name)?.as_str().to_owned())
        };
        let (id, again) = (header("ce-id").unwrap(), header("Nats-Msg-Id").unwrap());
        if id != again || !self.ids.insert(id.clone()) {
            self.complaints.push(format!("{}: the id {id} comes twice", message.subject));
        }
        let version: u64 = header("ce-sequence").unwrap().parse().unwrap();
        let path = format!("{prefix}{entity}");
        // Other tenants' entities are read by other people.
        let is_ours = tenant == TENANT;
        let name = if is_ours { path } else { format!("{tenant}:{path}") };
        let last = self.versions.entry(name.clone()).or_default();
        if version != *last + 1 {
            self.complaints.push(format!("{name}: version {version} after {last}"));
        }
        *last = version;
        is_ours.then_some(name)
    }
}
