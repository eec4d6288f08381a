//! The relay's task: turns of reading, publishing and saving, and the waits between them.
//!
//! All waiting is here, all state is in the lanes. Nothing is cut off in the middle of a turn.

mod comparing;
mod saving;
mod tenure;
mod turn;

use std::sync::Arc;

use entity::{ShardId, Timestamp};
use ports::{Meta, SharedStore};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

use super::cursor::{Ends, PublishCursor};
use super::handle::Order;
use super::lane::Lane;
use super::replay::{Replay, ReplayError, ReplayRequest};
use super::{Parts, StartError, limits};
use crate::outbox::Reader;
use crate::outbox::task::Task;

/// Name of the cursors.
const CURSOR: &str = "publish";

/// Name of the value whose writing makes cursors durable after a way back.
const REWOUND: &str = "publish.rewound_at";

/// How a turn went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// There was nothing to publish.
    Idle,
    /// What was read is not public; there may be more.
    Passed,
    /// So many events are acknowledged.
    Moved(usize),
    /// The bus did not take what there was.
    Failed,
}

/// Somebody who waits until these commits are published, of each shard under its epoch.
struct Flush {
    targets: Vec<(Option<u64>, u64)>,
    /// A shard waits to go elsewhere; it goes at once when the bus does not answer.
    is_handover: bool,
    done: oneshot::Sender<()>,
}

/// The relay's state.
pub(super) struct Worker {
    parts: Parts,
    journal: Reader,
    lanes: Vec<Lane>,
    /// The lane that has the first turn.
    first: usize,
    /// Lanes that had something to do when they were last looked at, in turn.
    busy: Vec<usize>,
    /// How each stream ended when it was last heard of.
    ends: Ends,
    /// The connection on which the streams were compared.
    connection: Option<u64>,
    /// Whether lanes went back and that is not durable yet.
    is_rewound: bool,
    n_failures: u32,
    n_unsaved: u64,
    saved_at: Timestamp,
    measured_at: Timestamp,
    flushes: Vec<Flush>,
    replay: Option<Replay>,
}

impl Task for Worker {
    type Parts = Parts;
    type Order = Order;
    type Error = StartError;

    async fn load(parts: &Parts) -> Result<Self, StartError> {
        let mut lanes = Vec::with_capacity(usize::from(parts.ctx.store.n_shards()));
        for shard in (0..parts.ctx.store.n_shards()).map(ShardId) {
            let lane = match parts.durable.epoch(shard) {
                Some(epoch) => tenure::lane_of(parts, shard, epoch).await?,
                None => Lane::unowned(shard),
            };
            lanes.push(lane);
        }
        let now = parts.ctx.clock.now();
        Ok(Self {
            parts: parts.clone(),
            journal: parts.durable.reader(),
            lanes,
            first: 0,
            busy: Vec::new(),
            ends: Ends::new(),
            connection: None,
            is_rewound: false,
            n_failures: 0,
            n_unsaved: 0,
            saved_at: now,
            measured_at: Timestamp(0),
            flushes: Vec::new(),
            replay: None,
        })
    }

    async fn run(mut self, orders: &mut mpsc::Receiver<Order>) {
        let durable = Arc::clone(&self.parts.durable);
        loop {
            // Made before looking: a commit from here on ends the wait below at once.
            let changed = durable.changed();
            let turn = self.turn().await;
            self.after(turn).await;
            let order = match turn {
                Turn::Moved(n) if n < limits::SMALL_BATCH_EVENTS => {
                    self.pause(orders, limits::PACE_MS).await
                }
                Turn::Passed if !self.parts.bus.has_readers() => {
                    self.pause(orders, limits::PACE_MS).await
                }
                Turn::Moved(_) | Turn::Passed => {
                    // Others have their turn too when there is much to do.
                    tokio::task::yield_now().await;
                    match orders.try_recv() {
                        Ok(order) => Some(order),
                        Err(TryRecvError::Empty) => None,
                        Err(TryRecvError::Disconnected) => Some(gone()),
                    }
                }
                Turn::Failed => self.back_off(orders).await,
                Turn::Idle => {
                    let idle_ms = self.idle_ms();
                    tokio::select! {
                        biased;
                        order = orders.recv() => Some(order.unwrap_or_else(gone)),
                        () = changed => None,
                        () = self.parts.ctx.clock.sleep(idle_ms) => None,
                    }
                }
            };
            if let Some(order) = order
                && let Some(done) = self.take(order)
            {
                self.save().await;
                self.parts.durable.relay_is_late();
                // An error means that nobody waits for the end.
                let _ = done.send(());
                return;
            }
        }
    }
}

impl Worker {
    fn now(&self) -> Timestamp {
        self.parts.ctx.clock.now()
    }

    fn store(&self) -> &SharedStore {
        &self.parts.ctx.store
    }

    async fn pause(&self, orders: &mut mpsc::Receiver<Order>, ms: u64) -> Option<Order> {
        tokio::select! {
            biased;
            order = orders.recv() => Some(order.unwrap_or_else(gone)),
            () = self.parts.ctx.clock.sleep(ms) => None,
        }
    }

    /// Waits longer after each failure, with jitter so that relays do not come back together;
    /// ends early when the bus is another connection.
    async fn back_off(&self, orders: &mut mpsc::Receiver<Order>) -> Option<Order> {
        let doubled = limits::BACKOFF_MIN_MS << self.n_failures.min(10).saturating_sub(1);
        let most = doubled.min(limits::BACKOFF_MAX_MS);
        let mut left = most - self.parts.ctx.random.bits() % (most / 2 + 1);
        let connection = self.parts.bus.connection();
        while left > 0 && self.parts.bus.connection() == connection {
            let slice = left.min(limits::IDLE_POLL_MS);
            let order = self.pause(orders, slice).await;
            if order.is_some() {
                return order;
            }
            left -= slice;
        }
        None
    }

    /// How long an idle relay may sleep: until it looks at the bus, or saves.
    fn idle_ms(&self) -> u64 {
        let since_save = self.now().since_ms(self.saved_at);
        match self.n_unsaved {
            0 => limits::IDLE_POLL_MS,
            1.. => limits::SAVE_EVERY_MS.saturating_sub(since_save).max(1),
        }
    }

    /// Takes an order; the sender of a stop is told when all is saved.
    fn take(&mut self, order: Order) -> Option<oneshot::Sender<()>> {
        match order {
            Order::Stop(done) => return Some(done),
            Order::Flush(done) => self.flush(done),
            Order::Replay(request, done) => {
                // An error means that the caller went away; the replay goes on without him.
                let _ = done.send(self.begin(request));
            }
        }
        None
    }

    fn flush(&mut self, done: oneshot::Sender<()>) {
        if self.flushes.len() < limits::FLUSHES_MAX {
            let durable = &self.parts.durable;
            let target = |lane: &Lane| (durable.epoch(lane.shard), durable.of(lane.shard));
            let targets = self.lanes.iter().map(target).collect();
            self.flushes.push(Flush { targets, is_handover: false, done });
        } // Else the sender is dropped, and the caller hears at once that it was not done.
    }

    fn begin(&mut self, request: ReplayRequest) -> Result<(), ReplayError> {
        if self.replay.is_some() {
            return Err(ReplayError::Busy);
        }
        let replay = Replay::begin(request, &self.lanes)?;
        self.parts.state.lock().replay = Some(replay.progress());
        self.replay = Some(replay);
        Ok(())
    }
}

/// Nobody holds the handle: stop, and nobody hears of it.
fn gone() -> Order {
    Order::Stop(oneshot::channel().0)
}

/// The saved cursor of a shard. One that cannot be read counts as none: publishing again is safe,
/// skipping is not.
async fn cursor_of(parts: &Parts, shard: ShardId) -> Result<PublishCursor, StartError> {
    let bus = parts.options.bus;
    let store: &dyn Meta = &*parts.ctx.store;
    let Some(saved) = store.cursor(shard, CURSOR).await? else {
        return Ok(PublishCursor::beginning(bus));
    };
    Ok(codec::open::<PublishCursor>(&saved).map_or_else(
        |error| {
            tracing::error!(shard = shard.0, %error, "publish cursor unreadable; from the start");
            PublishCursor::beginning(bus)
        },
        |cursor| cursor.on(bus),
    ))
}

#[cfg(test)]
mod tests;
