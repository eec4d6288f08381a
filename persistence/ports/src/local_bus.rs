//! The bus inside one process: what an embedded node publishes to when no server is configured.
//!
//! Guarantees: order and sequence per stream, watchers told of every event, an id that is still
//! in the window stored once. Bounded: a tail and a window of a fixed number of events a stream,
//! a watch channel of fixed length; with nobody watching, an event costs one map entry and one
//! pointer, and without a tail nothing, since none is made. Events are not kept beyond the tail and
//! not at all over a restart: the journal is.
//! The faults are those of a real bus, asked for by tests and the simulator.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use tokio::sync::broadcast;

use crate::limits::{LOCAL_TAIL_EVENTS_MAX, WATCH_EVENTS_MAX};
use crate::{Ack, BusSignal, CloudEvent, EventBus, PublishError, StreamState};

/// How much a [`LocalBus`] keeps.
#[derive(Debug, Clone, Copy)]
pub struct LocalBusOptions {
    /// Events a stream remembers, to read them again and to know a repeat. 0: the bus has no
    /// readers but those that watch.
    pub tail_events_max: usize,
    /// Events a watcher may lag behind before it has to read everything again.
    pub watch_events_max: usize,
}

impl Default for LocalBusOptions {
    fn default() -> Self {
        Self { tail_events_max: LOCAL_TAIL_EVENTS_MAX, watch_events_max: WATCH_EVENTS_MAX }
    }
}

/// A fault of the next publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishFault {
    /// All is stored, but only the first `n_acked` acknowledgements arrive.
    LostAcks {
        /// Acknowledgements that arrive.
        n_acked: usize,
    },
    /// The first `n_stored` events are stored and acknowledged, the others are not stored.
    Cut {
        /// Events that are stored.
        n_stored: usize,
    },
    /// Every event is stored twice, as after the end of the duplicate window.
    Twice,
}

/// A bus in memory, shared by cloning.
#[derive(Debug, Clone)]
pub struct LocalBus {
    options: LocalBusOptions,
    watchers: broadcast::Sender<BusSignal>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    streams: BTreeMap<String, Stream>,
    /// Streams ever made.
    n_made: u64,
    connection: u64,
    is_down: bool,
    fault: Option<PublishFault>,
}

#[derive(Debug, Default)]
struct Stream {
    incarnation: u64,
    last_sequence: u64,
    tail: VecDeque<(u64, Arc<CloudEvent>)>,
    /// Sequence by event id, for what is in the tail. Never iterated.
    window: HashMap<ById, u64>,
}

/// An event as a key: its id, without another copy of it.
#[derive(Debug)]
struct ById(Arc<CloudEvent>);

impl Borrow<str> for ById {
    fn borrow(&self) -> &str {
        &self.0.id
    }
}

impl Hash for ById {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.0.id.as_str().hash(hasher);
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for ById {}

impl Stream {
    /// Stores an event and says where; `again`: as if the window had forgotten it.
    fn store(&mut self, event: &Arc<CloudEvent>, again: bool, tail_max: usize) -> (u64, bool) {
        if !again && let Some(sequence) = self.window.get(event.id.as_str()) {
            return (*sequence, true);
        }
        self.last_sequence += 1;
        let sequence = self.last_sequence;
        self.tail.push_back((sequence, Arc::clone(event)));
        self.window.insert(ById(Arc::clone(event)), sequence);
        while self.tail.len() > tail_max {
            let (oldest, event) = self.tail.pop_front().expect("longer than its limit");
            // A repeat may have moved the id on; then its newer place still knows it.
            if self.window.get(event.id.as_str()) == Some(&oldest) {
                self.window.remove(event.id.as_str());
            }
        }
        assert!(self.window.len() <= self.tail.len(), "I10: the window outgrew the tail");
        (sequence, false)
    }

    fn cut(&mut self, percent: u8) {
        let n_lost = (self.tail.len() * usize::from(percent)).div_ceil(100).min(self.tail.len());
        self.tail.truncate(self.tail.len() - n_lost);
        self.last_sequence -= n_lost as u64;
        // Of what stood there twice an older place may be known again.
        let known = self.tail.iter().map(|(sequence, event)| (ById(Arc::clone(event)), *sequence));
        self.window = known.collect();
    }

    fn at(&self, sequence: u64) -> Option<&CloudEvent> {
        let oldest = self.tail.front().map(|(oldest, _)| *oldest)?;
        let index = usize::try_from(sequence.checked_sub(oldest)?).ok()?;
        self.tail.get(index).map(|(_, event)| &**event)
    }
}

impl Default for LocalBus {
    fn default() -> Self {
        Self::new(LocalBusOptions::default())
    }
}

impl LocalBus {
    /// An empty bus that is up.
    #[must_use]
    pub fn new(options: LocalBusOptions) -> Self {
        assert!(options.watch_events_max > 0, "a watch channel has a length");
        let (watchers, _) = broadcast::channel(options.watch_events_max);
        let state = State {
            streams: BTreeMap::new(),
            n_made: 0,
            connection: 1,
            is_down: false,
            fault: None,
        };
        Self { options, watchers, state: Arc::new(Mutex::new(state)) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the lock")
    }

    /// The events of a stream that are still kept, with their sequence, oldest first.
    #[must_use]
    pub fn tail(&self, stream: &str) -> Vec<(u64, Arc<CloudEvent>)> {
        let state = self.lock();
        state.streams.get(stream).map_or_else(Vec::new, |s| s.tail.iter().cloned().collect())
    }

    /// The streams that hold something.
    #[must_use]
    pub fn stream_names(&self) -> Vec<String> {
        self.lock().streams.keys().cloned().collect()
    }

    /// Takes the bus down, or brings it up again as a new connection.
    pub fn set_down(&self, down: bool) {
        let mut state = self.lock();
        if state.is_down && !down {
            state.connection += 1;
            self.tell(BusSignal::Resync);
        }
        state.is_down = down;
    }

    /// Lets the next publish meet a fault.
    pub fn inject(&self, fault: PublishFault) {
        self.lock().fault = Some(fault);
    }

    /// The server loses everything and comes back empty, as a new connection.
    pub fn wipe(&self) {
        let mut state = self.lock();
        state.streams.clear();
        state.connection += 1;
        self.tell(BusSignal::Resync);
    }

    /// The server loses the newest events of each stream, so many percent of those that it keeps,
    /// rounded up, and comes back as a new connection.
    pub fn cut(&self, percent: u8) {
        let mut state = self.lock();
        for stream in state.streams.values_mut() {
            stream.cut(percent);
        }
        state.connection += 1;
        self.tell(BusSignal::Resync);
    }

    fn tell(&self, signal: BusSignal) {
        if self.watchers.receiver_count() > 0 {
            // An error means that the last watcher went away just now.
            let _ = self.watchers.send(signal);
        }
    }
}

#[async_trait]
impl EventBus for LocalBus {
    async fn publish(&self, events: &[Arc<CloudEvent>]) -> Result<Vec<Ack>, PublishError> {
        let mut state = self.lock();
        if state.is_down {
            return Err(PublishError { acked: Vec::new(), reason: "the bus is down".into() });
        }
        let (n_stored, n_acked, again) = match state.fault.take() {
            None => (events.len(), events.len(), false),
            Some(PublishFault::LostAcks { n_acked }) => (events.len(), n_acked, false),
            Some(PublishFault::Cut { n_stored }) => (n_stored, n_stored, false),
            Some(PublishFault::Twice) => (events.len(), events.len(), true),
        };
        let mut acked = Vec::with_capacity(events.len());
        for event in events.iter().take(n_stored) {
            let name = event.stream();
            let State { streams, n_made, .. } = &mut *state;
            let stream = streams.entry(name.clone()).or_insert_with(|| {
                *n_made += 1;
                Stream { incarnation: *n_made, ..Stream::default() }
            });
            let incarnation = stream.incarnation;
            let tail_max = self.options.tail_events_max;
            let (sequence, duplicate) = stream.store(event, false, tail_max);
            if again {
                stream.store(event, true, tail_max);
                self.tell(BusSignal::Event(Arc::clone(event)));
            }
            if !duplicate {
                self.tell(BusSignal::Event(Arc::clone(event)));
            }
            acked.push(Ack { stream: name, sequence, incarnation, duplicate });
        }
        if n_acked < events.len() {
            acked.truncate(n_acked);
            return Err(PublishError { acked, reason: "the connection broke".into() });
        }
        Ok(acked)
    }

    fn connection(&self) -> u64 {
        self.lock().connection
    }

    fn is_up(&self) -> bool {
        !self.lock().is_down
    }

    fn has_readers(&self) -> bool {
        self.options.tail_events_max > 0 || self.watchers.receiver_count() > 0
    }

    async fn streams(&self) -> Result<BTreeMap<String, StreamState>, PublishError> {
        let state = self.lock();
        if state.is_down {
            return Err(PublishError { acked: Vec::new(), reason: "the bus is down".into() });
        }
        let of = |stream: &Stream| StreamState {
            last_sequence: stream.last_sequence,
            incarnation: stream.incarnation,
        };
        Ok(state.streams.iter().map(|(name, stream)| (name.clone(), of(stream))).collect())
    }

    async fn ids(&self, places: &[(String, u64)]) -> Result<Vec<Option<String>>, PublishError> {
        let state = self.lock();
        if state.is_down {
            return Err(PublishError { acked: Vec::new(), reason: "the bus is down".into() });
        }
        let id = |(name, sequence): &(String, u64)| {
            state.streams.get(name)?.at(*sequence).map(|event| event.id.clone())
        };
        Ok(places.iter().map(id).collect())
    }

    fn watch(&self) -> broadcast::Receiver<BusSignal> {
        self.watchers.subscribe()
    }
}

#[cfg(test)]
mod tests;
