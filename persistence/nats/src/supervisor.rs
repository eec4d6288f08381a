//! The supervisor: keeps one link, makes a new one when it is lost.
//!
//! Pauses between attempts double up to their limit and are jittered, so that the nodes of a
//! cluster do not come back all at once. A server that is refused is asked again too: an
//! operator may have set it right.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use ports::BusSignal;
use tokio::sync::broadcast;

use crate::limits::BACKOFF;
use crate::link::Link;
use crate::{ConnectError, NatsOptions};

/// What the bus and its supervisor share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: NatsOptions,
    pub(crate) watchers: broadcast::Sender<BusSignal>,
    connection: AtomicU64,
    state: Mutex<State>,
    /// Why the last batch was not stored whole; `None`: it was.
    refused: Mutex<Option<String>>,
}

#[derive(Debug)]
enum State {
    Up(Arc<Link>),
    Down { why: String },
}

impl Shared {
    pub(crate) fn new(options: NatsOptions) -> Self {
        let (watchers, _) = broadcast::channel(ports::limits::WATCH_EVENTS_MAX);
        let state = Mutex::new(State::Down { why: "not connected yet".into() });
        let (connection, refused) = (AtomicU64::new(0), Mutex::default());
        Self { options, watchers, connection, state, refused }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the lock")
    }

    /// Notes what became of a batch: why it was not stored whole, if it was not.
    pub(crate) fn note(&self, refused: Option<&str>) {
        let mut last = self.refused.lock().expect("nothing panics while it holds the lock");
        *last = refused.map(str::to_owned);
    }

    /// Why the last batch was not stored whole; `None`: it was.
    pub(crate) fn refused(&self) -> Option<String> {
        self.refused.lock().expect("nothing panics while it holds the lock").clone()
    }

    /// The link, or why there is none.
    pub(crate) fn link(&self) -> Result<Arc<Link>, String> {
        match &*self.state() {
            State::Up(link) if link.is_up() => Ok(Arc::clone(link)),
            State::Up(_) => Err("the connection was lost".into()),
            State::Down { why } => Err(why.clone()),
        }
    }

    /// Connections made so far.
    pub(crate) fn connection(&self) -> u64 {
        self.connection.load(Ordering::Acquire)
    }

    pub(crate) fn tell(&self, signal: BusSignal) {
        if self.watchers.receiver_count() > 0 {
            // An error means that the last watcher went away just now.
            drop(self.watchers.send(signal));
        }
    }

    /// From now on this link is used; watchers must read everything again.
    pub(crate) fn set_up(&self, link: Link) -> Arc<Link> {
        let link = Arc::new(link);
        // Counted first: who sees the new link also sees the new number.
        let connection = self.connection.fetch_add(1, Ordering::AcqRel) + 1;
        *self.state() = State::Up(Arc::clone(&link));
        self.tell(BusSignal::Resync);
        tracing::info!(connection, "nats connected");
        link
    }

    /// Notes why there is no link; says whether that is news.
    pub(crate) fn set_down(&self, why: String) -> bool {
        let mut state = self.state();
        let is_news = !matches!(&*state, State::Down { why: before } if *before == why);
        *state = State::Down { why };
        is_news
    }
}

/// Keeps a link for as long as it runs. `first`: the one that is there already. A server that
/// lets in and takes nothing is met as rarely as one that is not there.
pub(crate) async fn run(shared: Arc<Shared>, first: Option<Arc<Link>>) {
    let mut link = first;
    let mut pause = BACKOFF.0;
    loop {
        if let Some(link) = link.take() {
            link.lost().await;
            shared.set_down("the connection was lost".into());
            tracing::warn!("nats connection lost");
            link.close().await;
        }
        // What it took meanwhile counts, not how it began.
        pause = match shared.refused() {
            Some(_) => (pause * 2).min(BACKOFF.1),
            None => BACKOFF.0,
        };
        link = Some(shared.set_up(reopen(&shared, pause).await));
    }
}

/// Tries until there is a link again. `pause`: before the first attempt.
async fn reopen(shared: &Shared, mut pause: Duration) -> Link {
    loop {
        tokio::time::sleep(jittered(pause)).await;
        match Link::open(&shared.options).await {
            Ok(link) => return link,
            Err(error) => report(shared, &error),
        }
        pause = (pause * 2).min(BACKOFF.1);
    }
}

pub(crate) fn report(shared: &Shared, error: &ConnectError) {
    if shared.set_down(error.to_string()) {
        if error.is_retryable() {
            tracing::warn!(%error, "events wait in the journal");
        } else {
            tracing::error!(%error, "events wait in the journal");
        }
    }
}

/// Between half and the whole of a pause.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::random_range(0.5..1.0))
}
