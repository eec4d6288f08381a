//! A node: claims its shards, recovers them, hosts them, drains them.
//!
//! The supervisor is a ractor actor; hosts and committer are its children. A host that fails is
//! rebuilt from the journal once everything it staged is durable: staged records belong to the
//! log, and the crash of a host does not retract them (architecture 3).

use std::sync::Arc;

use entity::ShardId;
use parking_lot::Mutex;
use ports::Frame;
use ractor::{Actor, ActorRef};
use tokio::sync::{Notify, watch};

use crate::admission::Admission;
use crate::ctx::{NodeCtx, Parcel, Transport};
use crate::limits;
use crate::log::Log;
use crate::outbox::DurableFrame;
use crate::outbox::recent::Recent;
use crate::region::{Inner, Region};
use crate::shard::core::Config;
use crate::shard::inbox::{Inbox, ReplyTo};
use crate::shard::{Input, Recovery, RecoveryError, ShardCore};

mod supervisor;
mod ticker;

use supervisor::{Supervisor, SupervisorArgs, SupervisorMsg};

/// How a node is to run.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// Whether a message to a shard of the same log may be handled before its cause is durable.
    pub chaining: bool,
    /// Bytes of entities to keep in memory, over all shards.
    pub resident_bytes: usize,
    /// Events in a shard's tail at which snapshots are taken.
    pub snapshot_tail_events: u64,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self {
            chaining: true,
            resident_bytes: limits::RESIDENT_BYTES_DEFAULT,
            snapshot_tail_events: limits::SNAPSHOT_TAIL_EVENTS,
        }
    }
}

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store failed.
    #[error("store failed")]
    Store(#[from] ports::StoreError),
    /// A shard's journal is not whole.
    #[error("journal not whole")]
    Recovery(#[from] RecoveryError),
    /// An actor could not be started.
    #[error("actor not started: {0}")]
    Spawn(String),
}

/// How far each shard is committed, and its newest frames; what relay and projections wait on.
#[derive(Debug)]
pub struct Commits {
    committed: Mutex<Vec<u64>>,
    recent: Mutex<Recent>,
    changed: Notify,
}

impl Default for Commits {
    fn default() -> Self {
        Self::with_recent_bytes(crate::outbox::limits::RECENT_BYTES_MAX)
    }
}

impl Commits {
    /// With room for so many bytes of frames.
    pub(crate) fn with_recent_bytes(bytes_max: usize) -> Self {
        let recent = Mutex::new(Recent::new(bytes_max));
        Self { committed: Mutex::default(), recent, changed: Notify::new() }
    }

    /// A group is durable.
    pub(crate) fn reached(&self, group: &Arc<Vec<Frame>>) {
        // First the frames: who sees that a commit is durable finds it in memory.
        self.recent.lock().push(group);
        let mut committed = self.committed.lock();
        for frame in group.iter() {
            let index = usize::from(frame.header.shard.0);
            if committed.len() <= index {
                committed.resize(index + 1, 0);
            }
            committed[index] = committed[index].max(frame.header.commit_no);
        }
        drop(committed);
        self.changed.notify_waiters();
    }

    /// The last durable commit of a shard.
    #[must_use]
    pub fn of(&self, shard: ShardId) -> u64 {
        self.committed.lock().get(usize::from(shard.0)).copied().unwrap_or(0)
    }

    /// Durable frames of a shard from a commit on, if that one is still in memory.
    pub(crate) fn recent(
        &self,
        shard: ShardId,
        from: u64,
        max_bytes: usize,
    ) -> Option<Vec<Arc<DurableFrame>>> {
        self.recent.lock().read(shard, from, max_bytes)
    }

    /// Waits for the next commit of any shard. Register before looking: see `tokio::sync::Notify`.
    pub fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.changed.notified()
    }
}

/// Carries parcels to shards of the same node.
pub struct LocalTransport {
    inboxes: Arc<Vec<Arc<Inbox>>>,
}

impl Transport for LocalTransport {
    fn send(&self, to: ShardId, parcel: Parcel) {
        let Some(inbox) = self.inboxes.get(usize::from(to.0)) else { return };
        match parcel {
            Parcel::Stream { from, sends } => inbox.push(Input::Stream { from, sends }),
            Parcel::Acked { by, through } => inbox.push_quietly(Input::Acked { by, through }),
            Parcel::Resend { to } => inbox.push(Input::Resend { to }),
        }
    }
}

/// A running node.
pub struct Node {
    region: Region,
    log: Arc<Log>,
    inboxes: Arc<Vec<Arc<Inbox>>>,
    commits: Arc<Commits>,
    supervisor: ActorRef<SupervisorMsg>,
    ctx: NodeCtx,
}

impl Node {
    /// Claims and recovers all shards of the store and starts to serve them.
    pub async fn start(ctx: NodeCtx, options: NodeOptions) -> Result<Self, StartError> {
        let n_shards = ctx.store.n_shards();
        let log = Arc::new(Log::default());
        let inboxes: Arc<Vec<Arc<Inbox>>> =
            Arc::new((0..n_shards).map(|_| Arc::new(Inbox::default())).collect());
        let commits = Arc::new(Commits::default());
        let mut cores = Vec::with_capacity(usize::from(n_shards));
        for shard in (0..n_shards).map(ShardId) {
            let core = recover(&ctx, &log, shard, &options).await?;
            cores.push(core);
        }
        let args = SupervisorArgs {
            ctx: ctx.clone(),
            log: Arc::clone(&log),
            inboxes: Arc::clone(&inboxes),
            commits: Arc::clone(&commits),
            options,
            cores,
        };
        let (supervisor, _) = Actor::spawn(None, Supervisor, args)
            .await
            .map_err(|error| StartError::Spawn(error.to_string()))?;
        ticker::start(Arc::clone(&ctx.clock), &inboxes);
        let inner = Inner {
            ctx: ctx.clone(),
            log: Arc::clone(&log),
            inboxes: Arc::clone(&inboxes),
            admission: Admission::default(),
        };
        let region = Region { inner: Arc::new(inner) };
        Ok(Self { region, log, inboxes, commits, supervisor, ctx })
    }

    /// The entrance to its entities.
    #[must_use]
    pub const fn region(&self) -> &Region {
        &self.region
    }

    /// What it runs on.
    #[must_use]
    pub const fn ctx(&self) -> &NodeCtx {
        &self.ctx
    }

    /// Its log.
    #[must_use]
    pub const fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// How far its shards are committed.
    #[must_use]
    pub const fn commits(&self) -> &Arc<Commits> {
        &self.commits
    }

    /// Why its log failed for good, once it has: the process has to end.
    #[must_use]
    pub fn failed(&self) -> watch::Receiver<Option<String>> {
        self.log.failed()
    }

    /// Inputs that wait, per shard.
    #[must_use]
    pub fn depths(&self) -> Vec<usize> {
        self.inboxes.iter().map(|inbox| inbox.depth()).collect()
    }

    /// Takes nothing new, lets what is under way end, snapshots everything, stops.
    ///
    /// Returns whether all of it was done within `timeout_ms`; what was not is recovered from the
    /// journal by the next start, and nothing is lost.
    pub async fn drain(&self, timeout_ms: u64) -> bool {
        self.region.admission().close();
        let clock = &self.ctx.clock;
        let mut left = timeout_ms;
        let mut asked = false;
        let done = loop {
            if !asked && self.region.admission().in_flight() == 0 {
                asked = true;
                self.inboxes.iter().for_each(|inbox| inbox.push(Input::Drain));
            }
            if asked && self.inboxes.iter().all(|inbox| inbox.is_drained()) {
                break true;
            }
            if left < limits::DRAIN_POLL_MS {
                break false;
            }
            left -= limits::DRAIN_POLL_MS;
            clock.sleep(limits::DRAIN_POLL_MS).await;
        };
        self.stop().await;
        done
    }

    /// Stops at once. What is staged and not durable was not acknowledged.
    pub async fn stop(&self) {
        self.region.admission().close();
        self.log.with(crate::log::Staging::close);
        if let Err(error) = self.supervisor.stop_and_wait(None, None).await {
            tracing::debug!(%error, "supervisor had stopped before");
        }
    }
}

/// Claims a shard and reads it back.
async fn recover(
    ctx: &NodeCtx,
    log: &Log,
    shard: ShardId,
    options: &NodeOptions,
) -> Result<ShardCore<ReplyTo>, StartError> {
    let tail = ctx.store.claim(shard).await?;
    let checkpoint = ctx.store.checkpoint(shard).await?.unwrap_or_default();
    let n_shards = ctx.store.n_shards();
    let config = Config {
        shard,
        n_shards,
        epoch: tail.epoch,
        chaining: options.chaining && ctx.store.one_log(),
        resident_bytes: options.resident_bytes / usize::from(n_shards),
        snapshot_tail_events: options.snapshot_tail_events,
    };
    let mut recovery = Recovery::new(config, checkpoint);
    while recovery.next_commit() < tail.next_commit {
        let from = recovery.next_commit();
        let frames = ctx.store.read(shard, from, limits::READ_BYTES_MAX).await?;
        if frames.is_empty() {
            return Err(RecoveryError::Gap { shard, expected: from, found: 0 }.into());
        }
        for frame in &frames {
            recovery.frame(frame)?;
        }
    }
    let durable = log.with(|staging| {
        staging.own(shard, tail);
        staging.durable()
    });
    Ok(recovery.finish(tail, Arc::clone(&ctx.types), durable)?)
}
