//! The seats of a node: which shards it serves, each with its inbox, its log and its actors.
//!
//! Where all shards share one log the node has every seat from start to end. Where each shard is
//! a log of its own, seats are taken and left while the node runs; leaving one at once drops all
//! that was not durable, so nothing unacknowledged is ever answered from it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use entity::{ShardId, Timestamp};
use parking_lot::Mutex;
use ports::AppendError;
use ractor::ActorCell;
use tokio::sync::Notify;

use crate::log::{Log, Staging};
use crate::outbox::Commits;
use crate::shard::inbox::{Bell, Inbox};

/// Why a node serves a shard no longer, although nobody told it to leave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// Another owner has a newer epoch, as the store said.
    Fenced {
        /// The newer epoch.
        epoch: u64,
    },
    /// An append's outcome stayed unknown: the shard must be claimed anew to learn it.
    Unknown(String),
    /// The shard's log, committer or host failed.
    Failed(String),
}

impl From<&AppendError> for Loss {
    fn from(error: &AppendError) -> Self {
        match error {
            AppendError::Fenced { epoch, .. } => Self::Fenced { epoch: *epoch },
            AppendError::Unknown(reason) => Self::Unknown(reason.clone()),
            AppendError::Broken { .. } | AppendError::Fatal(_) => Self::Failed(error.to_string()),
        }
    }
}

/// One tenure of a shard.
pub(super) struct Seat {
    pub(super) tenure: u64,
    pub(super) epoch: u64,
    pub(super) log: Arc<Log>,
    pub(super) actors: Vec<ActorCell>,
}

/// All seats of a node.
pub(crate) struct Seats {
    pub(crate) inboxes: Arc<Vec<Arc<Inbox>>>,
    /// What they ring for a tick.
    pub(super) bell: Arc<Bell>,
    /// The one log of all shards, where there is one.
    one: Option<Arc<Log>>,
    seats: Vec<Mutex<Option<Seat>>>,
    commits: Arc<Commits>,
    losses: Mutex<BTreeMap<ShardId, (u64, Loss)>>,
    lost: Notify,
    /// Until when answers may be given, in milliseconds of the node's clock.
    lease_until: AtomicU64,
}

impl Seats {
    pub(super) fn new(n_shards: u16, one: Option<Arc<Log>>, commits: Arc<Commits>) -> Self {
        let bell = Arc::default();
        let inbox = |_| Arc::new(Inbox::with_bell(&bell));
        Self {
            inboxes: Arc::new((0..n_shards).map(inbox).collect()),
            bell,
            one,
            commits,
            seats: (0..n_shards).map(|_| Mutex::default()).collect(),
            losses: Mutex::default(),
            lost: Notify::new(),
            lease_until: AtomicU64::new(u64::MAX),
        }
    }

    /// The inbox of a shard. Panics when there is no such shard.
    pub(crate) fn inbox(&self, shard: ShardId) -> &Arc<Inbox> {
        &self.inboxes[usize::from(shard.0)]
    }

    /// Whether the log of a shard takes no new work. One that is not served here does not.
    pub(crate) fn is_full(&self, shard: ShardId) -> bool {
        match &self.one {
            Some(log) => log.with(|staging| staging.is_full()),
            None => {
                let seat = self.seats[usize::from(shard.0)].lock();
                seat.as_ref().is_none_or(|seat| seat.log.with(|staging| staging.is_full()))
            }
        }
    }

    /// Whether everything that a shard staged is durable.
    pub(super) fn is_log_idle(&self, shard: ShardId) -> bool {
        let seat = self.seats[usize::from(shard.0)].lock();
        seat.as_ref().is_none_or(|seat| seat.log.with(|staging| staging.is_idle()))
    }

    /// Group commits of the shard logs that are open now, and of the one log.
    pub(super) fn commits(&self) -> u64 {
        let own = |seat: &Mutex<Option<Seat>>| seat.lock().as_ref().map_or(0, |s| s.log.commits());
        let one = self.one.as_ref().map_or(0, |log| log.commits());
        one + self.seats.iter().map(own).sum::<u64>()
    }

    /// Takes a seat whose inbox was opened. If it was closed meanwhile, the actors end.
    pub(super) fn take(&self, shard: ShardId, seat: Seat) {
        let mut place = self.seats[usize::from(shard.0)].lock();
        if self.inbox(shard).is_served(seat.tenure) {
            *place = Some(seat);
        } else {
            self.commits.left(shard, seat.epoch);
            end(seat);
        }
    }

    /// Leaves a seat at once. Returns whether it was taken in this tenure.
    pub(super) fn leave(&self, shard: ShardId, tenure: u64) -> bool {
        let epoch = self.inbox(shard).epoch();
        if !self.inbox(shard).close(tenure) {
            return false;
        }
        // The one log's shards stay: what was answered at the end is published yet.
        if self.one.is_none() {
            self.commits.left(shard, epoch);
        }
        let seat = self.seats[usize::from(shard.0)].lock().take_if(|seat| seat.tenure == tenure);
        if let Some(seat) = seat {
            end(seat);
        }
        true
    }

    /// Leaves a seat that cannot be kept, and lets whoever decides on ownership know.
    pub(super) fn lose(&self, shard: ShardId, tenure: u64, loss: Loss) {
        if self.leave(shard, tenure) {
            metrics::counter!("mercato_shards_lost_total").increment(1);
            tracing::warn!(shard = shard.0, ?loss, "shard lost");
            self.losses.lock().insert(shard, (self.inbox(shard).epoch(), loss));
            self.lost.notify_one();
        }
    }

    /// The next shard that was lost. At most one loss a shard waits: a newer one replaces it.
    pub(super) async fn next_loss(&self) -> (ShardId, u64, Loss) {
        loop {
            if let Some((shard, (epoch, loss))) = self.losses.lock().pop_first() {
                return (shard, epoch, loss);
            }
            self.lost.notified().await;
        }
    }

    /// Lets answers be given until then, in steady time.
    pub(super) fn set_lease(&self, until: Timestamp) {
        self.lease_until.store(until.0, Ordering::Release);
    }

    /// Until when answers may be given, in steady time.
    pub(super) fn lease(&self) -> Timestamp {
        Timestamp(self.lease_until.load(Ordering::Acquire))
    }

    /// Whether answers may be given now, in steady time. What was computed before a long pause
    /// must ask again after it: another node may own the shard by then.
    pub(crate) fn may_answer(&self, now: Timestamp) -> bool {
        now < self.lease()
    }
}

fn end(seat: Seat) {
    seat.log.with(Staging::close);
    for actor in seat.actors {
        actor.kill();
    }
}
