//! The event bus port over the link that is up.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use ports::{Ack, BusSignal, CloudEvent, EventBus, PublishError, StreamState};
use tokio::sync::broadcast;
use tokio::task::AbortHandle;

use crate::limits::IN_FLIGHT_MAX;
use crate::link::Link;
use crate::supervisor::{self, Shared};
use crate::{ConnectError, NatsOptions};

/// JetStream as the event bus.
///
/// Watchers are told of events that this bus stored, not of those of other nodes, and to read
/// everything again after each new connection.
#[derive(Debug)]
pub struct NatsBus {
    shared: Arc<Shared>,
    supervisor: AbortHandle,
}

impl NatsBus {
    /// Connects, checks the server's version, makes and compares the streams.
    ///
    /// A server that does not answer is no error: the bus is down until it does. Takes a few
    /// seconds at most. Errors: options that cannot work, a server or a stream that is not what
    /// was asked for. Must run inside a tokio runtime.
    pub async fn connect(options: NatsOptions) -> Result<Self, ConnectError> {
        options.check()?;
        let shared = Arc::new(Shared::new(options));
        let first = match Link::open(&shared.options).await {
            Ok(link) => Some(shared.set_up(link)),
            Err(error) if error.is_retryable() => {
                supervisor::report(&shared, &error);
                None
            }
            Err(error) => return Err(error),
        };
        let task = tokio::spawn(supervisor::run(Arc::clone(&shared), first));
        Ok(Self { shared, supervisor: task.abort_handle() })
    }

    /// Why events do not get out; `None`: nothing is known against it. A server that is there and
    /// takes nothing is a problem until it has acknowledged an event.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let why = [self.shared.link().err(), self.shared.refused()];
        why.into_iter().flatten().reduce(|down, refused| format!("{down}; {refused}"))
    }
}

impl Drop for NatsBus {
    fn drop(&mut self) {
        self.supervisor.abort();
    }
}

#[async_trait]
impl EventBus for NatsBus {
    async fn publish(&self, events: &[Arc<CloudEvent>]) -> Result<Vec<Ack>, PublishError> {
        let mut acked = Vec::with_capacity(events.len());
        if events.is_empty() {
            return Ok(acked);
        }
        let link = match self.shared.link() {
            Ok(link) => link,
            Err(reason) => return Err(PublishError { acked, reason }),
        };
        let mut result = Ok(());
        for window in events.chunks(IN_FLIGHT_MAX) {
            result = link.publish(window, self.shared.options.publish_timeout(), &mut acked).await;
            if result.is_err() {
                break;
            }
        }
        for (event, ack) in events.iter().zip(&acked) {
            if !ack.duplicate {
                self.shared.tell(BusSignal::Event(Arc::clone(event)));
            }
        }
        match result {
            Ok(()) => {
                self.shared.note(None);
                Ok(acked)
            }
            Err(stopped) => {
                self.shared.note(Some(&stopped.reason));
                if !stopped.is_event {
                    link.give_up();
                }
                Err(PublishError { acked, reason: stopped.reason })
            }
        }
    }

    fn connection(&self) -> u64 {
        self.shared.connection()
    }

    fn is_up(&self) -> bool {
        self.shared.link().is_ok()
    }

    async fn streams(&self) -> Result<BTreeMap<String, StreamState>, PublishError> {
        let failed = |reason| PublishError { acked: Vec::new(), reason };
        let link = self.shared.link().map_err(failed)?;
        let states = link.streams(&self.shared.options).await;
        states.map_err(|error| {
            self.shared.note(Some(&error.to_string()));
            link.give_up();
            failed(error.to_string())
        })
    }

    async fn ids(&self, places: &[(String, u64)]) -> Result<Vec<Option<String>>, PublishError> {
        let failed = |reason| PublishError { acked: Vec::new(), reason };
        let link = self.shared.link().map_err(failed)?;
        let ids = link.ids(places).await;
        ids.map_err(|error| {
            self.shared.note(Some(&error.to_string()));
            link.give_up();
            failed(error.to_string())
        })
    }

    fn watch(&self) -> broadcast::Receiver<BusSignal> {
        self.shared.watchers.subscribe()
    }
}
