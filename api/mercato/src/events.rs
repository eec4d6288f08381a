//! How events leave the node: a bus, and the relay that publishes the journal to it.
//!
//! With `--nats` the bus is JetStream, else one in this process. A server that does not answer
//! stops nothing: the node starts and says that it is degraded, and the relay publishes what
//! gathered when the server is there. A server or stream that is not what was asked for is
//! refused at the start. It keeps no events: they are in the journal.

use std::sync::Arc;

use cluster::Node;
use cluster::relay::{BusKind, Relay, RelayHandle, RelayOptions, StartError};
use edge::health::{Check, CheckStatus};
use nats::{ConnectError, NatsBus, NatsOptions};
use ports::{EventBus, LocalBus, LocalBusOptions, SharedBus};

use crate::config::Config;
use crate::exit::{Exit, chain};

/// The way out of a running node.
pub struct Events {
    relay: RelayHandle,
    nats: Option<Arc<NatsBus>>,
}

impl Events {
    /// Connects the bus and starts the relay. Waits some seconds at most for a server.
    pub async fn start(config: &Config, node: &Node) -> Result<Self, Exit> {
        let nats = match &config.nats {
            Some(options) => Some(Arc::new(connect(options).await?)),
            None => None,
        };
        let (bus, kind): (SharedBus, BusKind) = match &nats {
            Some(bus) => (Arc::clone(bus) as SharedBus, BusKind::Server),
            None => (Arc::new(LocalBus::new(in_process())), BusKind::InProcess),
        };
        let commits = Arc::clone(node.commits());
        let relay = Relay::start(node.ctx().clone(), commits, bus, RelayOptions { bus: kind })
            .await
            .map_err(|error| refused(&error))?;
        Ok(Self { relay, nats })
    }

    /// The relay, for operators.
    #[must_use]
    pub const fn relay(&self) -> &RelayHandle {
        &self.relay
    }

    /// What readiness says of it. Never `down`: orders go on without the bus.
    pub fn check(&self) -> impl Fn() -> Check + Send + Sync + 'static {
        let (relay, nats) = (self.relay.clone(), self.nats.clone());
        move || {
            let state = relay.state();
            // That it took nothing is over when nothing waits for it any more.
            let matters = |bus: &Arc<NatsBus>| !bus.is_up() || state.lag_events > 0;
            let why = nats.as_ref().filter(|bus| matters(bus)).and_then(|bus| bus.problem());
            let kind = if nats.is_some() { "nats" } else { "in process" };
            let detail = match (&why, state.stuck.first()) {
                (Some(why), _) => format!("{kind}: {why}"),
                (None, Some((shard, why))) => format!("{kind}: shard {} is stuck: {why}", shard.0),
                (None, None) => format!("{kind}: {} events behind", state.lag_events),
            };
            let is_up = why.is_none() && state.stuck.is_empty();
            let status = if is_up { CheckStatus::Up } else { CheckStatus::Degraded };
            Check { name: "bus", status, detail }
        }
    }

    /// Publishes what is durable, for at most `timeout_ms`, and ends. Returns whether all of it
    /// is out; what is not is published after the next start.
    pub async fn stop(&self, timeout_ms: u64) -> bool {
        self.relay.stop(timeout_ms).await
    }
}

/// The bus of a node without a server: nobody reads there what was published before.
fn in_process() -> LocalBusOptions {
    LocalBusOptions { tail_events_max: 0, ..LocalBusOptions::default() }
}

async fn connect(options: &NatsOptions) -> Result<NatsBus, Exit> {
    NatsBus::connect(options.clone()).await.map_err(|error| match error {
        ConnectError::Options { .. } => Exit::Usage(error.to_string()),
        ConnectError::Unreachable(_) | ConnectError::Refused(_) => Exit::Other(error.to_string()),
    })
}

fn refused(error: &StartError) -> Exit {
    Exit::Store(format!("relay not started: {}", chain(error)))
}
