//! The gate of live streams on a node: how many there are, and the word that all have to go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use cluster::latest;
use tokio::sync::Notify;

use crate::limits;

use super::Reason;

/// How patient streams are, in ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long a byte may stay unsent.
    pub unsent_ms: u64,
    /// How long a state may wait in its slot.
    pub slot_ms: u64,
    /// How often a stream looks after itself.
    pub look_ms: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            unsent_ms: limits::STREAM_UNSENT_MS,
            slot_ms: limits::STREAM_SLOT_MS,
            look_ms: limits::STREAM_LOOK_MS,
        }
    }
}

struct Inner {
    n_open: AtomicUsize,
    over: latest::Sender<Option<Duration>>,
    left: Notify,
    pace: ArcSwap<Pace>,
}

/// All live streams of a node. Cheap to clone.
#[derive(Clone)]
pub struct Streams(Arc<Inner>);

impl Default for Streams {
    fn default() -> Self {
        Self(Arc::new(Inner {
            n_open: AtomicUsize::new(0),
            over: latest::channel(None).0,
            left: Notify::new(),
            pace: ArcSwap::default(),
        }))
    }
}

impl Streams {
    /// Streams that are open now.
    #[must_use]
    pub fn n_open(&self) -> usize {
        self.0.n_open.load(Ordering::Relaxed)
    }

    /// How patient they are.
    #[must_use]
    pub fn pace(&self) -> Pace {
        **self.0.pace.load()
    }

    /// Exchanges the patience of streams.
    pub fn set_pace(&self, pace: Pace) {
        self.0.pace.store(Arc::new(pace));
    }

    /// A place for a new stream, or why there is none.
    pub(crate) fn enter(&self, max: u64) -> Result<Place, Reason> {
        let over = self.0.over.subscribe();
        if over.get().is_some() {
            return Err(Reason::Drained);
        }
        let before = self.0.n_open.fetch_add(1, Ordering::Relaxed);
        metrics::gauge!("mercato_edge_streams_open").increment(1.0);
        // Made before the comparison, so that dropping it gives the place back on every way out.
        let place = Place { streams: self.clone(), over };
        if u64::try_from(before).is_ok_and(|before| before < max) {
            metrics::counter!("mercato_edge_streams_total").increment(1);
            Ok(place)
        } else {
            Err(Reason::Shed)
        }
    }

    /// Waits until all have to go; what waits for news is to answer then, too. It may be asked
    /// again after that, and answers at once.
    pub(crate) fn end(&self) -> impl Future<Output = ()> + use<> {
        let over = self.0.over.subscribe();
        async move {
            if over.wait_for(Option::is_some).await.is_none() {
                // Nobody is left who could say so.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Tells every stream to go within `over`, each at its own moment; ends when all are gone.
    pub async fn drain(&self, over: Duration) {
        self.0.over.set(Some(over));
        loop {
            let left = self.0.left.notified();
            if self.n_open() == 0 {
                return;
            }
            left.await;
        }
    }
}

/// A stream's place, given back when dropped.
pub(crate) struct Place {
    streams: Streams,
    over: latest::Receiver<Option<Duration>>,
}

impl Place {
    /// Waits until all streams have to go; answers over which time. `None`: it never will.
    pub(crate) fn told_to_go(&self) -> impl Future<Output = Option<Duration>> + use<> {
        let over = self.over.clone();
        async move { over.wait_for(Option::is_some).await.flatten() }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.streams.0.n_open.fetch_sub(1, Ordering::Relaxed);
        metrics::gauge!("mercato_edge_streams_open").decrement(1.0);
        self.streams.0.left.notify_waiters();
    }
}
