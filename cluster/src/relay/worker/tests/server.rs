//! A bus as a server keeps it, without a duplicate window, that can lose its newest events.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ports::{Ack, BusSignal, CloudEvent, EventBus, PublishError, StreamState};
use tokio::sync::broadcast;

#[derive(Debug, Default)]
struct State {
    streams: BTreeMap<String, Vec<Arc<CloudEvent>>>,
    connection: u64,
    /// The server takes connections and does not tell of its streams.
    is_silent: bool,
    /// What happens to a stream just before the next publish.
    loss: Option<Loss>,
}

/// A stream ends after `place`, and others publish these: another connection.
#[derive(Debug)]
pub(super) struct Loss {
    pub(super) stream: &'static str,
    pub(super) place: usize,
    pub(super) others: Vec<Arc<CloudEvent>>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Server(Arc<Mutex<State>>);

impl Server {
    /// The server comes back and the stream ends after `place`.
    pub(super) fn lose_after(&self, stream: &str, place: usize) {
        self.lose_unseen(stream, place);
        self.0.lock().unwrap().connection += 1;
    }

    /// The same, but the connection looks as it did.
    pub(super) fn lose_unseen(&self, stream: &str, place: usize) {
        let mut state = self.0.lock().unwrap();
        let events = state.streams.get_mut(stream).unwrap();
        assert!(events.len() > place, "nothing to lose");
        events.truncate(place);
    }

    /// The loss comes between the look at the connection and the next publish.
    pub(super) fn lose_at_publish(&self, loss: Loss) {
        self.0.lock().unwrap().loss = Some(loss);
    }

    pub(super) fn set_silent(&self, is_silent: bool) {
        self.0.lock().unwrap().is_silent = is_silent;
    }

    pub(super) fn stored(&self) -> Vec<Arc<CloudEvent>> {
        self.0.lock().unwrap().streams.values().flatten().cloned().collect()
    }
}

#[async_trait]
impl EventBus for Server {
    async fn publish(&self, events: &[Arc<CloudEvent>]) -> Result<Vec<Ack>, PublishError> {
        let mut state = self.0.lock().unwrap();
        if let Some(Loss { stream, place, others }) = state.loss.take() {
            state.connection += 1;
            let stored = state.streams.get_mut(stream).unwrap();
            stored.truncate(place);
            stored.extend(others);
        }
        let store = |event: &Arc<CloudEvent>| {
            let stream = event.stream();
            let stored = state.streams.entry(stream.clone()).or_default();
            stored.push(Arc::clone(event));
            Ack { stream, sequence: stored.len() as u64, incarnation: 1, duplicate: false }
        };
        Ok(events.iter().map(store).collect())
    }

    fn connection(&self) -> u64 {
        self.0.lock().unwrap().connection
    }

    fn is_up(&self) -> bool {
        true
    }

    async fn streams(&self) -> Result<BTreeMap<String, StreamState>, PublishError> {
        let state = self.0.lock().unwrap();
        if state.is_silent {
            return Err(PublishError { acked: Vec::new(), reason: "silent".into() });
        }
        let of =
            |events: &Vec<_>| StreamState { last_sequence: events.len() as u64, incarnation: 1 };
        Ok(state.streams.iter().map(|(name, events)| (name.clone(), of(events))).collect())
    }

    async fn ids(&self, places: &[(String, u64)]) -> Result<Vec<Option<String>>, PublishError> {
        let state = self.0.lock().unwrap();
        let id = |(stream, place): &(String, u64)| {
            let index = usize::try_from(*place).unwrap().checked_sub(1)?;
            Some(state.streams.get(stream)?.get(index)?.id.clone())
        };
        Ok(places.iter().map(id).collect())
    }

    fn watch(&self) -> broadcast::Receiver<BusSignal> {
        broadcast::channel(1).1
    }
}
