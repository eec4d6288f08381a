//! One connection, from its making to its loss.
//!
//! It never reconnects. The client's own reconnect would send what stood in its queue although
//! what stood in its write buffer is lost, so that a later event could be stored before an
//! earlier one. Here each connection carries the events from some place on, in order and without
//! a gap, and dies with its queue; the next one begins at the first event that was not
//! acknowledged. Two such sequences may even overlap at a server that was frozen: the duplicate
//! window keeps the first of each event, which leaves them in order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::context::{ContextBuilder, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use bytes::Bytes;
use futures_util::future::try_join_all;
use ports::{Ack, CloudEvent, StreamState};
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use crate::limits::{
    CLIENT_QUEUE_MAX, CONNECT_TIMEOUT, IN_FLIGHT_MAX, PING_INTERVAL, PLACES_IN_FLIGHT_MAX,
    REQUEST_TIMEOUT, SERVER_VERSION_MIN,
};
use crate::{ConnectError, NatsOptions, headers, streams};

/// Where the client is sent when it wants to reconnect: nobody can listen there.
const NOWHERE: &str = "nats://127.0.0.1:0";

/// A connection with all streams in place.
#[derive(Debug)]
pub(crate) struct Link {
    client: Client,
    /// For publishes: their acknowledgements are waited for under the caller's deadline.
    context: Context,
    /// Taken for a whole window before its first event: callers that each hold a part of what
    /// they need would wait for one another.
    in_flight: Semaphore,
    /// The streams as they were when the connection was made. One that is made again under it
    /// shows by its places, when its state is asked for, or with the next connection.
    streams: BTreeMap<String, StreamState>,
    lost: Arc<Lost>,
}

/// Set once, when the connection is of no more use.
#[derive(Debug, Default)]
struct Lost {
    is_set: AtomicBool,
    notify: Notify,
    /// What the server complained of last.
    complaint: Mutex<Option<String>>,
}

impl Lost {
    fn set(&self) {
        self.is_set.store(true, Ordering::Release);
        self.notify.notify_waiters();
    }

    /// Keeps what the server says; whether it is news on this connection.
    fn complain(&self, said: String) -> bool {
        let mut complaint = self.complaint.lock().expect("nothing panics while it holds the lock");
        let is_news = complaint.as_ref() != Some(&said);
        *complaint = Some(said);
        is_news
    }

    /// Adds what the server complained of.
    fn explain(&self, reason: &mut String) {
        let complaint = self.complaint.lock().expect("nothing panics while it holds the lock");
        if let Some(said) = &*complaint {
            reason.push_str("; the server says: ");
            reason.push_str(said);
        }
    }
}

/// Why a batch was not stored whole.
pub(crate) struct Stopped {
    pub(crate) reason: String,
    /// The connection is as good as before: the event itself was refused.
    pub(crate) is_event: bool,
}

impl Link {
    /// Connects, checks the server, makes and compares the streams.
    pub(crate) async fn open(options: &NatsOptions) -> Result<Self, ConnectError> {
        let (servers, login) = options.servers()?;
        let lost = Arc::new(Lost::default());
        let told = Arc::clone(&lost);
        // A password goes to nobody in clear where TLS is wanted of one server or of all.
        let is_safe = options.ca_file.is_some() || servers.iter().any(ServerAddr::tls_required);
        let mut connecting = login.apply(ConnectOptions::new()).require_tls(is_safe);
        if let Some(file) = &options.ca_file {
            connecting = connecting.add_root_certificates(file.clone());
        }
        let client = connecting
            .name(&options.name)
            .connection_timeout(CONNECT_TIMEOUT)
            .request_timeout(Some(REQUEST_TIMEOUT))
            .ping_interval(PING_INTERVAL)
            .client_capacity(CLIENT_QUEUE_MAX)
            .ignore_discovered_servers()
            .max_reconnects(servers.len())
            .event_callback(move |event| {
                let told = Arc::clone(&told);
                async move { on_event(&told, &event) }
            })
            .connect(servers)
            .await
            .map_err(|error| ConnectError::Unreachable(error.to_string()))?;
        client
            .set_server_pool(NOWHERE)
            .await
            .map_err(|error| ConnectError::Unreachable(error.to_string()))?;
        check_version(&client.server_info().version)?;
        let context = ContextBuilder::new()
            .timeout(options.publish_timeout())
            .ack_timeout(options.publish_timeout())
            .max_ack_inflight(4 * IN_FLIGHT_MAX)
            .build(client.clone());
        let in_flight = Semaphore::new(IN_FLIGHT_MAX);
        let mut link = Self { client, context, in_flight, streams: BTreeMap::new(), lost };
        match streams::ensure(&link.api(), options).await {
            Ok(streams) => link.streams = streams,
            Err(error) => {
                link.close().await;
                return Err(link.explained(error));
            }
        }
        Ok(link)
    }

    /// The context for questions to the server.
    fn api(&self) -> Context {
        let mut context = self.context.clone();
        context.set_timeout(REQUEST_TIMEOUT);
        context
    }

    /// Whether it may still be used.
    pub(crate) fn is_up(&self) -> bool {
        !self.lost.is_set.load(Ordering::Acquire)
    }

    /// Gives the connection up: something on it was not answered as it should be.
    pub(crate) fn give_up(&self) {
        self.lost.set();
    }

    /// Waits until the connection is lost or given up.
    pub(crate) async fn lost(&self) {
        let notified = self.lost.notify.notified();
        if self.is_up() {
            notified.await;
        }
    }

    /// Ends the connection, and with it what stands in its queue.
    pub(crate) async fn close(&self) {
        self.lost.set();
        // "Reconnect" closes the socket and finds nobody. If even that command does not get
        // through, the client ends by its own pings; its queue still leads nowhere else.
        drop(timeout(Duration::from_millis(100), self.client.force_reconnect()).await);
    }

    /// Publishes at most [`IN_FLIGHT_MAX`] events and appends the acknowledgements of the first
    /// ones, up to the first failure.
    pub(crate) async fn publish(
        &self,
        events: &[Arc<CloudEvent>],
        wait: Duration,
        acked: &mut Vec<Ack>,
    ) -> Result<(), Stopped> {
        assert!(events.len() <= IN_FLIGHT_MAX, "I10: one window at a time");
        let n_events = u32::try_from(events.len()).expect("a window is small");
        let permits = self.in_flight.acquire_many(n_events);
        let Ok(Ok(_permits)) = timeout(wait, permits).await else {
            return Err(self.not_answered());
        };
        let deadline = Instant::now() + wait;
        let mut sent = Vec::with_capacity(events.len());
        let mut result = Ok(());
        for event in events {
            let message = PublishMessage::build()
                .headers(headers::of(event))
                .payload(Bytes::copy_from_slice(&event.data));
            match timeout_at(deadline, self.context.send_publish(event.topic(), message)).await {
                Ok(Ok(ack)) => sent.push(ack),
                Ok(Err(error)) => {
                    result = Err(Stopped {
                        is_event: error.kind() == PublishErrorKind::MaxPayloadExceeded,
                        reason: format!("{}: {error}", event.id),
                    });
                    break;
                }
                Err(_) => {
                    result = Err(self.not_answered());
                    break;
                }
            }
        }
        for (ack, event) in sent.into_iter().zip(events) {
            let ack = match timeout_at(deadline, ack.into_future()).await {
                Ok(Ok(ack)) => ack,
                Ok(Err(error)) => return Err(self.stopped(format!("{}: {error}", event.id))),
                Err(_) => return Err(self.not_answered()),
            };
            acked.push(Ack {
                incarnation: self.streams.get(&ack.stream).map_or(0, |state| state.incarnation),
                stream: ack.stream,
                sequence: ack.sequence,
                duplicate: ack.duplicate,
            });
        }
        result
    }

    fn not_answered(&self) -> Stopped {
        self.stopped("not acknowledged in time".into())
    }

    /// A server that refuses a message says so aside, and never acknowledges it.
    fn stopped(&self, mut reason: String) -> Stopped {
        self.lost.explain(&mut reason);
        Stopped { reason, is_event: false }
    }

    /// The error, with what the server said aside.
    fn explained(&self, mut error: ConnectError) -> ConnectError {
        if let ConnectError::Unreachable(why) | ConnectError::Refused(why) = &mut error {
            self.lost.explain(why);
        }
        error
    }

    /// The state of all streams.
    ///
    /// Errors: also when a stream is another one than when the connection was made. Its
    /// acknowledgements would name the old one, so the connection is of no more use.
    pub(crate) async fn streams(
        &self,
        options: &NatsOptions,
    ) -> Result<BTreeMap<String, StreamState>, ConnectError> {
        let states = streams::states(&self.api(), options).await;
        let states = states.map_err(|error| self.explained(error))?;
        let is_other = |(name, state): &(&String, &StreamState)| {
            self.streams.get(*name).map(|known| known.incarnation) != Some(state.incarnation)
        };
        match states.iter().find(is_other) {
            None => Ok(states),
            Some((name, _)) => {
                Err(ConnectError::Unreachable(format!("stream {name} was made anew")))
            }
        }
    }

    /// The ids of the events in places of streams, in order; `None`: nothing stands there.
    pub(crate) async fn ids(
        &self,
        places: &[(String, u64)],
    ) -> Result<Vec<Option<String>>, ConnectError> {
        let api = self.api();
        let mut ids = Vec::with_capacity(places.len());
        for some in places.chunks(PLACES_IN_FLIGHT_MAX) {
            let asked = some.iter().map(|(name, place)| streams::id_at(&api, name, *place));
            ids.extend(try_join_all(asked).await.map_err(|error| self.explained(error))?);
        }
        Ok(ids)
    }
}

fn on_event(lost: &Lost, event: &Event) {
    match event {
        Event::Disconnected | Event::Closed | Event::LameDuckMode => lost.set(),
        Event::Connected | Event::Draining => {}
        Event::SlowConsumer(_) | Event::ServerError(_) | Event::ClientError(_) => {
            // Of each refused message, so once.
            if lost.complain(event.to_string()) {
                tracing::warn!(%event, "nats");
            }
        }
    }
}

fn check_version(version: &str) -> Result<(), ConnectError> {
    let mut parts = version.split(['.', '-']).map(|part| part.parse::<u64>().ok());
    let found = parts.next().flatten().zip(parts.next().flatten());
    if found.is_some_and(|found| found >= SERVER_VERSION_MIN) {
        return Ok(());
    }
    let (major, minor) = SERVER_VERSION_MIN;
    Err(ConnectError::Refused(format!("server {version} is older than {major}.{minor}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for fit in ["2.10.0", "2.15.1", "2.10.0-beta.3", "3.0.0"] {
            assert!(check_version(fit).is_ok(), "{fit}");
        }
        for unfit in ["2.9.10", "2.9", "1.99.0", "", "x.y"] {
            assert!(matches!(check_version(unfit), Err(ConnectError::Refused(_))), "{unfit}");
        }
    }
}
