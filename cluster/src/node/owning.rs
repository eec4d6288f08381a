//! How a node comes to serve a shard that is a log of its own, and how it stops.
//!
//! Guarantees: a shard is served under the epoch of a claim; nothing unacknowledged is answered
//! once it was dropped; after a clean close its journal holds everything that was answered. It
//! does not decide who owns what, and claims nothing itself.

use std::sync::Arc;

use entity::{ShardId, Timestamp};
use ports::Tail;
use tokio::sync::oneshot;

use super::links::Directory;
use super::seats::Loss;
use super::supervisor::{Serve, SupervisorMsg};
use super::{Life, Node, StartError, recover};
use crate::ctx::NodeId;
use crate::gateway::Gateway;
use crate::limits;
use crate::log::Log;
use crate::ownership::Peer;
use crate::wire::PeerMessage;

/// Why a shard was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is served already.
    #[error("the shard is served already")]
    Open,
    /// It could not be recovered or hosted.
    #[error("the shard could not be recovered")]
    Start(#[from] StartError),
}

impl From<OpenError> for StartError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Open => Self::Spawn(error.to_string()),
            OpenError::Start(error) => error,
        }
    }
}

/// One closing of a shard: a reopening ends it, and what comes after that is another one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Closing {
    epoch: u64,
    tenure: u64,
    number: u64,
}

impl Node {
    /// Serves a shard that was claimed: recovers it and hosts it with a log of its own.
    ///
    /// `tail` is what the claim returned. Cost: reads the journal after the checkpoint. When it
    /// is dropped on the way, the shard is either served or not; ask [`Self::serves`].
    pub async fn open(&self, shard: ShardId, tail: Tail) -> Result<(), OpenError> {
        assert!(!self.ctx.store.one_log(), "shards of one log are opened at the start");
        if self.serves(shard).is_some() {
            return Err(OpenError::Open);
        }
        let log = Arc::new(Log::default());
        let core = recover(&self.ctx, &log, shard, &self.options, tail).await?;
        let (done, opened) = oneshot::channel();
        let gone = || OpenError::from(StartError::Spawn("the node has stopped".into()));
        self.supervisor
            .cast(SupervisorMsg::Serve(Box::new(Serve { core, log, done })))
            .map_err(|_| gone())?;
        opened.await.map_err(|_| match self.serves(shard) {
            Some(_) => OpenError::Open,
            None => gone(),
        })
    }

    /// Stops to serve a shard for a planned move: [`Self::settle`], then lets go.
    ///
    /// Returns whether all of that was done within `timeout_ms`. Otherwise the shard was dropped
    /// as by [`Self::drop_shard`], or lost meanwhile.
    pub async fn close(&self, shard: ShardId, timeout_ms: u64) -> bool {
        let Some(epoch) = self.serves(shard) else { return false };
        let settled = tokio::select! {
            biased;
            settled = self.settle(shard, epoch) => settled,
            () = self.ctx.clock.sleep(timeout_ms) => false,
        };
        self.drop_shard(shard) && settled
    }

    /// Takes nothing new for a shard, and waits until all that was taken is durable and answered.
    ///
    /// Returns false when the shard was dropped, lost or reopened meanwhile. Queries that wait for
    /// a change are not waited for: their callers ask again, elsewhere. Cancel safe: the shard
    /// stays as it is until [`Self::reopen`] or [`Self::drop_shard`].
    pub async fn settle(&self, shard: ShardId, epoch: u64) -> bool {
        match self.begin_to_settle(shard, epoch) {
            Some(closing) => self.settled(shard, closing).await,
            None => false,
        }
    }

    /// Takes nothing new for a shard from now on. `None`: it is not served under this epoch.
    pub(crate) fn begin_to_settle(&self, shard: ShardId, epoch: u64) -> Option<Closing> {
        let inbox = self.seats.inbox(shard);
        let tenure = inbox.tenure();
        let is_ours = inbox.epoch() == epoch && inbox.is_served(tenure);
        is_ours.then(|| Closing { epoch, tenure, number: inbox.settle() })
    }

    /// The second half of [`Self::settle`]: also lets the relay publish what is durable, for a
    /// short time. A reopening in between ends it.
    pub(crate) async fn settled(&self, shard: ShardId, closing: Closing) -> bool {
        let inbox = self.seats.inbox(shard);
        let mut is_published = false;
        loop {
            if !inbox.is_served(closing.tenure) || !inbox.is_settling(closing.number) {
                return false;
            }
            if !(inbox.is_settled() && self.seats.is_log_idle(shard)) {
                self.ctx.clock.sleep(limits::DRAIN_POLL_MS).await;
            } else if is_published {
                return true;
            } else {
                tokio::select! {
                    biased;
                    () = self.commits.hand_over(shard, closing.epoch) => {}
                    () = self.ctx.clock.sleep(limits::HANDOVER_PUBLISH_MS) => {
                        // The next shard does not wait as long for the same publish.
                        self.commits.relay_is_late();
                    }
                }
                // A deadline may have come meanwhile; what it did is waited for, too.
                is_published = true;
            }
        }
    }

    /// Takes work again for a shard that was settled.
    pub fn reopen(&self, shard: ShardId) {
        self.seats.inbox(shard).reopen();
    }

    /// Stops to serve a shard at once: its lease is over, or another node owns it.
    ///
    /// What was not durable is not answered by this node any more: its callers get `Unavailable`,
    /// and whether it was done is known to the journal only. Returns whether it was served.
    pub fn drop_shard(&self, shard: ShardId) -> bool {
        self.seats.leave(shard, self.seats.inbox(shard).tenure())
    }

    /// The epoch that a shard is served under, if it takes work here.
    #[must_use]
    pub fn serves(&self, shard: ShardId) -> Option<u64> {
        let inbox = self.seats.inbox(shard);
        inbox.is_open().then(|| inbox.epoch())
    }

    /// Whether the shard takes no new work here, and is not let go yet: it is being moved away. The
    /// number tells this closing from those before it.
    #[must_use]
    pub fn settles(&self, shard: ShardId) -> Option<u64> {
        self.seats.inbox(shard).settles()
    }

    /// Whether its lease lets it answer now. Another node may serve its shards when it does not.
    #[must_use]
    pub fn may_answer(&self) -> bool {
        self.seats.may_answer(self.ctx.clock.steady())
    }

    /// Until when it takes its lease to last, in steady time of its clock.
    #[must_use]
    pub fn lease(&self) -> Timestamp {
        self.seats.lease()
    }

    /// The epoch that a shard is, or was last, served under; 0: never here.
    pub(crate) fn epoch_of(&self, shard: ShardId) -> u64 {
        self.seats.inbox(shard).epoch()
    }

    pub(crate) const fn life(&self) -> &Arc<Life> {
        &self.life
    }

    pub(crate) const fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// The next shard that was lost without being told to, with the epoch that it was served
    /// under: it is dropped already. Cancel safe.
    pub async fn next_loss(&self) -> (ShardId, u64, Loss) {
        self.seats.next_loss().await
    }

    /// Lets answers be given until `until`, in steady time of the node's clock, which no setting of
    /// it moves; without a call: for ever.
    ///
    /// The fence of the store keeps writes safe; this keeps a node that was paused, and does not
    /// know yet that it lost its shards, from answering with an old state.
    pub fn set_lease(&self, until: Timestamp) {
        self.seats.set_lease(until);
    }

    /// Who owns which shard, as far as this node knows.
    #[must_use]
    pub fn directory(&self) -> &Arc<Directory> {
        &self.links.directory
    }

    /// The versions of frames between nodes that it reads and writes.
    pub(crate) fn frames(&self) -> ports::Versions {
        self.links.frames()
    }

    /// Takes rows of members: they say which frames members read.
    pub(crate) fn learn_members(&self, rows: &[ports::LeaseRow]) {
        self.links.learn_members(rows);
    }

    /// Sends a message to the ownership agent of another node.
    pub(crate) fn send_ownership(&self, to: &NodeId, message: Peer) {
        self.links.send(to, &PeerMessage::Ownership(message));
    }

    /// The next message of another node's agent. Cancel safe.
    pub(crate) async fn next_ownership(&self) -> (NodeId, Peer) {
        self.links.next_ownership().await
    }
}
