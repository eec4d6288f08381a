//! A node: claims its shards, recovers them, hosts them, drains them.
//!
//! Over a store of one log it serves all shards, from start to end. Over a store whose shards are
//! logs of their own it begins with none, and whoever decides on ownership opens and closes them.
//! The supervisor is a ractor actor; hosts and committer are its children. A host that fails is
//! rebuilt from the journal once everything it staged is durable: staged records belong to the
//! log, and the crash of a host does not retract them (architecture 3).

use std::sync::Arc;

use entity::ShardId;
use ports::Tail;
use ractor::{Actor, ActorRef};

use crate::admission::Admission;
use crate::ctx::{NodeCtx, NodeId};
use crate::gateway::Gateway;
use crate::latest;
use crate::limits;
use crate::log::Log;
use crate::outbox::Commits;
use crate::region::{Inner, Region};
use crate::shard::core::Config;
use crate::shard::inbox::{Inbox, ReplyTo};
use crate::shard::{Input, Recovery, RecoveryError, ShardCore};
use crate::wire::{self, Frame, PeerMessage};

mod life;
mod links;
mod owning;
mod peers;
mod seats;
mod supervisor;
mod ticker;
mod vitals;

pub(crate) use life::Life;
pub(crate) use links::Links;
pub use links::{Directory, Owner};
pub use owning::OpenError;
pub use seats::Loss;
pub(crate) use seats::Seats;
use supervisor::{Supervisor, SupervisorArgs, SupervisorMsg};
pub use vitals::Vitals;

/// How a node is to run.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// Whether a message to a shard of the same log may be handled before its cause is durable.
    pub chaining: bool,
    /// Bytes of entities to keep in memory, over all shards.
    pub resident_bytes: usize,
    /// Events in a shard's tail at which snapshots are taken.
    pub snapshot_tail_events: u64,
    /// Unacknowledged messages from a shard to a shard at which the first refuses new work.
    pub stream_window: usize,
    /// Versions of frames that it reads and writes: those of `wire::FRAMES`, or fewer to stand for
    /// an older build.
    pub frames: ports::Versions,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self {
            chaining: true,
            resident_bytes: limits::RESIDENT_BYTES_DEFAULT,
            snapshot_tail_events: limits::SNAPSHOT_TAIL_EVENTS,
            stream_window: limits::STREAM_WINDOW,
            frames: wire::FRAMES,
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

/// A running node.
pub struct Node {
    region: Region,
    log: Arc<Log>,
    seats: Arc<Seats>,
    commits: Arc<Commits>,
    supervisor: ActorRef<SupervisorMsg>,
    links: Arc<Links>,
    gateway: Arc<Gateway>,
    life: Arc<Life>,
    options: NodeOptions,
    ctx: NodeCtx,
}

impl Node {
    /// Starts to serve all shards of the store: claims and recovers them.
    pub async fn start(ctx: NodeCtx, options: NodeOptions) -> Result<Self, StartError> {
        let n_shards = ctx.store.n_shards();
        if !ctx.store.one_log() {
            let node = Self::start_empty(ctx, options).await?;
            for shard in (0..n_shards).map(ShardId) {
                let tail = node.ctx.store.claim(shard).await?;
                node.open(shard, tail).await.map_err(StartError::from)?;
            }
            return Ok(node);
        }
        let log = Arc::new(Log::default());
        let mut cores = Vec::with_capacity(usize::from(n_shards));
        for shard in (0..n_shards).map(ShardId) {
            let tail = ctx.store.claim(shard).await?;
            cores.push(recover(&ctx, &log, shard, &options, tail).await?);
        }
        Self::begin(ctx, options, log, Some(cores)).await
    }

    /// Starts a node that serves no shard yet: [`Self::open`] lets it serve one.
    ///
    /// Panics when the shards of the store share one log: they cannot have several owners.
    pub async fn start_empty(ctx: NodeCtx, options: NodeOptions) -> Result<Self, StartError> {
        assert!(!ctx.store.one_log(), "shards of one log belong to one node");
        Self::begin(ctx, options, Arc::new(Log::default()), None).await
    }

    async fn begin(
        ctx: NodeCtx,
        options: NodeOptions,
        log: Arc<Log>,
        cores: Option<Vec<ShardCore<ReplyTo>>>,
    ) -> Result<Self, StartError> {
        let one = cores.is_some().then(|| Arc::clone(&log));
        let commits = Arc::new(Commits::default());
        let seats = Arc::new(Seats::new(ctx.store.n_shards(), one, Arc::clone(&commits)));
        let life = Arc::new(Life::default());
        let links = Arc::new(Links::new(&ctx, options.frames, Arc::clone(&seats.inboxes)));
        let args = SupervisorArgs {
            ctx: ctx.clone(),
            seats: Arc::clone(&seats),
            commits: Arc::clone(&commits),
            options: options.clone(),
            links: Arc::clone(&links),
            life: Arc::clone(&life),
            one: cores.map(|cores| (Arc::clone(&log), cores)),
        };
        let (supervisor, _) = Actor::spawn(None, Supervisor, args)
            .await
            .map_err(|error| StartError::Spawn(error.to_string()))?;
        life.actor(supervisor.get_cell());
        let (clock, bell) = (Arc::clone(&ctx.clock), Arc::clone(&seats.bell));
        ticker::start(&life, clock, &seats.inboxes, bell);
        let gateway = Arc::new(Gateway::new(&ctx, &seats, &links, &life));
        let inner = Inner {
            ctx: ctx.clone(),
            seats: Arc::clone(&seats),
            gateway: Arc::clone(&gateway),
            admission: Admission::default(),
        };
        let region = Region { inner: Arc::new(inner) };
        Ok(Self { region, log, seats, commits, supervisor, links, gateway, life, options, ctx })
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

    /// The one log of all shards; unused where each shard is a log of its own.
    #[must_use]
    pub const fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// Group commits of the logs that are open now. O(shards).
    #[must_use]
    pub fn n_commits(&self) -> u64 {
        self.seats.commits()
    }

    /// How far its shards are committed.
    #[must_use]
    pub const fn commits(&self) -> &Arc<Commits> {
        &self.commits
    }

    /// Why the one log failed for good, once it has: the process has to end. Where each shard is
    /// a log of its own, see [`Self::next_loss`].
    #[must_use]
    pub fn failed(&self) -> latest::Receiver<Option<String>> {
        self.log.failed()
    }

    /// Inputs that wait, per shard.
    #[must_use]
    pub fn depths(&self) -> Vec<usize> {
        self.seats.inboxes.iter().map(|inbox| inbox.depth()).collect()
    }

    /// Places that asks between this node and others take; none once nobody waits for anything.
    #[must_use]
    pub fn n_forwarding(&self) -> usize {
        self.gateway.n_taken()
    }

    /// Whether messages between its shards and others may wait for their acknowledgement. After the
    /// last one came this stays true until they would have been sent again.
    #[must_use]
    pub fn may_have_unacked(&self) -> bool {
        self.served().any(|inbox| inbox.may_have_unacked())
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
                for inbox in self.served() {
                    inbox.push(Input::Drain);
                }
            }
            if asked && self.served().all(|inbox| inbox.is_drained()) {
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

    fn served(&self) -> impl Iterator<Item = &Arc<Inbox>> {
        self.seats.inboxes.iter().filter(|inbox| inbox.is_open())
    }

    /// Takes a frame that another node sent. Bad frames are counted and dropped, one of a version
    /// that is not read is answered so; never waits.
    pub fn deliver(&self, from: &NodeId, frame: &[u8]) {
        if self.life.is_over() {
            return;
        }
        let message = match self.links.open(from, frame) {
            Some(Frame::Message(message)) => message,
            Some(Frame::Unread(unread)) => return self.gateway.not_read(from, unread.frames),
            None => return,
        };
        match message {
            PeerMessage::Parcel { to, parcel } => self.links.parcel_came(to, parcel),
            PeerMessage::Ask(forwarded) => self.gateway.ask_came(*forwarded),
            PeerMessage::Answer { id, outcome, epoch } => {
                self.gateway.answer_came(from, id, outcome, epoch);
            }
            PeerMessage::Ownership(message) => self.links.ownership_came(from, message),
        }
    }

    /// Ends the node at once, as a crash of its process does: supervisor, hosts, committers,
    /// ticker and every task that it spawned. Idempotent, does not wait.
    ///
    /// After it returns, no call of the store begins and no answer is given: waiting callers get
    /// `Unavailable`, delivered frames and parcels are dropped. A call of the store that is under
    /// way is abandoned where it waits; whether the store takes it is the store's matter, as in a
    /// crash. Where the runtime has several threads, what runs on another one at this moment may
    /// end its turn. Relay and projections are not the node's own: whoever started them ends them.
    pub fn kill(&self) {
        self.region.admission().close();
        self.life.end();
        self.leave_all();
    }

    /// Stops at once. What is staged and not durable was not acknowledged.
    pub async fn stop(&self) {
        self.region.admission().close();
        self.leave_all();
        if let Err(error) = self.supervisor.stop_and_wait(None, None).await {
            tracing::debug!(%error, "supervisor had stopped before");
        }
        self.life.end();
    }

    fn leave_all(&self) {
        self.log.with(crate::log::Staging::close);
        self.gateway.close();
        for shard in (0..self.ctx.store.n_shards()).map(ShardId) {
            self.drop_shard(shard);
        }
    }
}

/// Reads a claimed shard back.
async fn recover(
    ctx: &NodeCtx,
    log: &Log,
    shard: ShardId,
    options: &NodeOptions,
    tail: Tail,
) -> Result<ShardCore<ReplyTo>, StartError> {
    let checkpoint = ctx.store.checkpoint(shard).await?.unwrap_or_default();
    let n_shards = ctx.store.n_shards();
    let config = Config {
        shard,
        n_shards,
        epoch: tail.epoch,
        chaining: options.chaining && ctx.store.one_log(),
        resident_bytes: options.resident_bytes / usize::from(n_shards),
        snapshot_tail_events: options.snapshot_tail_events,
        stream_window: options.stream_window,
    };
    let mut recovery = Recovery::new(config, checkpoint);
    while recovery.next_commit() < tail.next_commit {
        let from = recovery.next_commit();
        let is_short = sites::fires("short_page", u64::from(shard.0));
        let max_bytes = if is_short { 1 } else { limits::READ_BYTES_MAX };
        let frames = ctx.store.read(shard, from, max_bytes).await?;
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

#[cfg(test)]
mod tests;
