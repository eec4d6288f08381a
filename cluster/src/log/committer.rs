//! The committer: takes one group at a time to the journal and says what is durable.
//!
//! One commit is in flight per log; while it flies the next group gathers, so groups grow with
//! the load and an idle log commits at once. An append of unknown outcome is tried again with the
//! identical frames; one that failed for good closes the log, and nothing staged after it is ever
//! answered (architecture 3).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use entity::{ShardId, StepRecord};
use parking_lot::Mutex;
use ports::{AppendError, Frame, SharedStore};
use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::staging::{Lsn, Placed, Stage, StageError, Staging};
use crate::ctx::Clock;
use crate::latest;
use crate::limits;
use crate::node::Life;
use crate::shard::following::{self, First};

/// A log as its shards share it.
pub struct Log {
    staging: Mutex<Staging>,
    kicked: AtomicBool,
    committer: Mutex<Option<ActorRef<Kick>>>,
    failed: latest::Sender<Option<String>>,
    commits: AtomicU64,
}

/// Wakes the committer.
#[derive(Debug)]
pub struct Kick;

impl Default for Log {
    fn default() -> Self {
        Self {
            staging: Mutex::default(),
            kicked: AtomicBool::new(false),
            committer: Mutex::default(),
            failed: latest::channel(None).0,
            commits: AtomicU64::new(0),
        }
    }
}

impl Log {
    /// Looks at or changes the staging buffer. Short: all shards of the log wait for it.
    pub fn with<T>(&self, f: impl FnOnce(&mut Staging) -> T) -> T {
        f(&mut self.staging.lock())
    }

    /// Lets the committer know that something was staged.
    pub fn kick(&self) {
        if !self.kicked.swap(true, Ordering::AcqRel)
            && let Some(committer) = self.committer.lock().as_ref()
        {
            // A stopped committer means a stopping node; what is staged is not acknowledged.
            let _ = committer.cast(Kick);
        }
    }

    /// Why the log failed for good, once it has.
    #[must_use]
    pub fn failed(&self) -> latest::Receiver<Option<String>> {
        self.failed.subscribe()
    }

    /// Group commits made so far; each is one sync.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    fn fail(&self, reason: String) {
        self.staging.lock().close();
        self.failed.set(Some(reason));
    }
}

impl Stage for &Log {
    fn stage(
        &mut self,
        shard: ShardId,
        epoch: u64,
        encoded: &[u8],
        record: StepRecord,
    ) -> Result<Placed, StageError> {
        self.staging.lock().stage(shard, epoch, encoded, record)
    }
}

/// Called with the watermark, the group that reached it and what stands in each of its frames.
pub type OnDurable = Box<dyn Fn(Lsn, &Arc<Vec<Frame>>, Vec<Vec<StepRecord>>) + Send + Sync>;

/// Called once, when the log has failed for good.
pub type OnFailed = Box<dyn Fn(&AppendError) + Send + Sync>;

/// The committer actor.
pub struct Committer;

/// What the committer works on.
pub struct CommitterState {
    log: Arc<Log>,
    store: SharedStore,
    clock: Arc<dyn Clock>,
    on_durable: OnDurable,
    on_failed: OnFailed,
    life: Arc<Life>,
}

impl CommitterState {
    /// A committer's state.
    #[must_use]
    pub(crate) fn new(
        log: Arc<Log>,
        store: SharedStore,
        clock: Arc<dyn Clock>,
        on_durable: OnDurable,
        on_failed: OnFailed,
        life: Arc<Life>,
    ) -> Self {
        Self { log, store, clock, on_durable, on_failed, life }
    }

    async fn append(&self, frames: Arc<Vec<Frame>>) -> Result<(), AppendError> {
        let mut attempt = 0;
        loop {
            if self.life.is_over() {
                return Err(AppendError::Unknown("the node has ended".into()));
            }
            match self.store.append(Arc::clone(&frames)).await {
                Err(AppendError::Unknown(reason)) if attempt < limits::APPEND_ATTEMPTS_MAX => {
                    sites::hit("log.unknown_outcome");
                    tracing::warn!(attempt, reason, "append of unknown outcome is tried again");
                    self.clock.sleep(20 << attempt.min(5)).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn commit_all(&self) {
        self.log.kicked.store(false, Ordering::Release);
        loop {
            // Whoever can run now stages first: a commit costs the same for one record as for
            // all of them, and this actor is woken by the first one.
            tokio::task::yield_now().await;
            if sites::fires("extra_yield", u64::MAX) {
                tokio::task::yield_now().await;
            }
            // Asked before each group: a node that has ended writes nothing more.
            if self.life.is_over() {
                return;
            }
            let Some(taken) = self.log.with(Staging::take) else { return };
            let group = Arc::new(taken.frames);
            if let Err(error) = self.append(Arc::clone(&group)).await {
                match &error {
                    AppendError::Fenced { .. } => sites::hit("log.fenced"),
                    AppendError::Unknown(_) => sites::hit("log.unknown_for_good"),
                    AppendError::Broken { .. } | AppendError::Fatal(_) => sites::hit("log.failed"),
                }
                tracing::error!(%error, "the log has failed; nothing is acknowledged any more");
                self.log.fail(error.to_string());
                return (self.on_failed)(&error);
            }
            let durable = self.log.with(|staging| staging.committed(taken.last_lsn));
            self.log.commits.fetch_add(1, Ordering::Relaxed);
            // The hosts let go here what waited: to wake each of them costs more than its turn.
            let first = following::begin();
            (self.on_durable)(durable, &group, taken.records);
            first.into_iter().for_each(First::run);
        }
    }
}

impl Actor for Committer {
    type Msg = Kick;
    type State = CommitterState;
    type Arguments = CommitterState;

    async fn pre_start(
        &self,
        myself: ActorRef<Kick>,
        state: CommitterState,
    ) -> Result<CommitterState, ActorProcessingErr> {
        *state.log.committer.lock() = Some(myself);
        Ok(state)
    }

    async fn handle(
        &self,
        _myself: ActorRef<Kick>,
        _kick: Kick,
        state: &mut CommitterState,
    ) -> Result<(), ActorProcessingErr> {
        state.commit_all().await;
        Ok(())
    }
}
