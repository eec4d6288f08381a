//! The links of a node: where a parcel for a shard goes, and what came for its shards.
//!
//! A shard that is served here gets it over the transport's local path, one that is owned
//! elsewhere gets it in frames. What has no owner that we know is dropped: its stream sends it
//! again. Nothing here waits for a peer.

use std::collections::VecDeque;
use std::sync::Arc;

use entity::{Sends, ShardId};
use parking_lot::Mutex;
use ports::{LeaseRow, Versions};
use tokio::sync::Notify;

use super::peers::Peers;
use crate::ctx::{NodeCtx, NodeId, Parcel, Transport};
use crate::limits;
use crate::ownership::Peer;
use crate::shard::inbox::{Inbox, ShardInbox};
use crate::wire::{self, Frame, PeerMessage, Unread};

/// The owner of a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Which node.
    pub node: NodeId,
    /// Since which epoch.
    pub epoch: u64,
}

/// Who owns which shard, as far as this node knows. It may be wrong: then the owner named here
/// says so, and the store refuses what a wrong owner writes.
#[derive(Debug, Default)]
pub struct Directory {
    owners: Mutex<Vec<Option<Owner>>>,
    changed: Notify,
}

impl Directory {
    /// The owner of a shard, if one is known.
    #[must_use]
    pub fn owner(&self, shard: ShardId) -> Option<Owner> {
        self.owners.lock().get(usize::from(shard.0)).cloned().flatten()
    }

    /// Learns the owner of a shard. Older news than what is known is not taken.
    pub fn learn(&self, shard: ShardId, owner: Owner) {
        let mut owners = self.owners.lock();
        let index = usize::from(shard.0);
        if owners.len() <= index {
            owners.resize(index + 1, None);
        }
        if owners[index].as_ref().is_none_or(|known| known.epoch <= owner.epoch) {
            owners[index] = Some(owner);
        }
        drop(owners);
        self.changed.notify_waiters();
    }

    /// Waits until an owner of a shard is known that came after `epoch`. Cancel safe.
    pub(crate) async fn superseded(&self, shard: ShardId, epoch: u64) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // From here on no change is missed.
            changed.as_mut().enable();
            if self.owner(shard).is_some_and(|owner| owner.epoch > epoch) {
                return;
            }
            changed.await;
        }
    }

    /// Forgets the owner of a shard.
    pub fn forget(&self, shard: ShardId) {
        if let Some(owner) = self.owners.lock().get_mut(usize::from(shard.0)) {
            *owner = None;
        }
    }
}

/// The links of a node.
pub(crate) struct Links {
    pub(crate) node: NodeId,
    transport: Arc<dyn Transport>,
    pub(crate) directory: Arc<Directory>,
    inboxes: Arc<Vec<Arc<Inbox>>>,
    peers: Peers,
    ownership: Mutex<VecDeque<(NodeId, Peer)>>,
    ownership_came: Notify,
}

impl Links {
    pub(super) fn new(ctx: &NodeCtx, frames: Versions, inboxes: Arc<Vec<Arc<Inbox>>>) -> Self {
        Self {
            node: ctx.node.clone(),
            transport: Arc::clone(&ctx.transport),
            directory: Arc::default(),
            inboxes,
            peers: Peers::new(frames),
            ownership: Mutex::default(),
            ownership_came: Notify::new(),
        }
    }

    /// Sends a parcel on its way to a shard, wherever that is.
    pub(crate) fn parcel(&self, to: ShardId, parcel: Parcel) {
        let Some(inbox) = self.inboxes.get(usize::from(to.0)) else { return };
        if inbox.is_open() {
            return self.transport.local(to, parcel, &ShardInbox(Arc::clone(inbox)));
        }
        let Some(owner) = self.directory.owner(to).filter(|owner| owner.node != self.node) else {
            // One that opens sends whatever is not acknowledged anyway.
            if matches!(parcel, Parcel::Resend { .. }) {
                return;
            }
            return metrics::counter!("mercato_parcels_dropped_total").increment(1);
        };
        match parcel {
            Parcel::Stream { from, sends } => {
                for sends in batches(sends) {
                    let parcel = Parcel::Stream { from, sends };
                    self.send(&owner.node, &PeerMessage::Parcel { to, parcel });
                }
            }
            Parcel::Acked { .. } | Parcel::Resend { .. } => {
                self.send(&owner.node, &PeerMessage::Parcel { to, parcel });
            }
        }
    }

    /// A parcel came from another node. One that names shards which are not there is dropped.
    pub(super) fn parcel_came(&self, to: ShardId, parcel: Parcel) {
        let is_known = usize::from(parcel.sender().0) < self.inboxes.len();
        match self.inboxes.get(usize::from(to.0)) {
            Some(inbox) if inbox.is_open() && is_known => {
                ShardInbox(Arc::clone(inbox)).deliver(parcel)
            }
            Some(_) | None => metrics::counter!("mercato_parcels_dropped_total").increment(1),
        }
    }

    /// The versions of frames that are read here.
    pub(super) const fn frames(&self) -> Versions {
        self.peers.own()
    }

    /// Takes rows of members: they say what members read.
    pub(super) fn learn_members(&self, rows: &[LeaseRow]) {
        self.peers.learn(rows);
    }

    /// The version of frames to write to a node; `None`, counted: there is none that both read.
    pub(crate) fn version_for(&self, to: &NodeId) -> Option<u16> {
        let version = self.peers.version_for(to);
        if version.is_none() {
            metrics::counter!("mercato_frames_unsent_total").increment(1);
            tracing::warn!(%to, "no version of frames is read there and written here");
        }
        version
    }

    /// Reads a frame. One of a version that is not read is answered so.
    pub(super) fn open(&self, from: &NodeId, frame: &[u8]) -> Option<Frame> {
        let frames = self.frames();
        let error = match wire::open(frame, frames) {
            Ok(Frame::Message(message)) => {
                match codec::version(frame) {
                    1 => sites::hit("frame.read_1"),
                    _ => sites::hit("frame.read_2"),
                }
                return Some(Frame::Message(message));
            }
            Ok(Frame::Unread(unread)) => {
                metrics::counter!("mercato_frames_unread_total").increment(1);
                tracing::warn!(%from, version = unread.version, "a frame was not read there");
                self.peers.said(from, unread.frames);
                return Some(Frame::Unread(unread));
            }
            Err(error) => error,
        };
        metrics::counter!("mercato_frames_refused_total").increment(1);
        tracing::warn!(%from, %error, "a frame could not be read");
        if let codec::Error::Version { version, .. } = error {
            sites::hit("frame.not_read");
            let answer = codec::seal(&Unread { version, frames });
            self.transport.send(from, answer.expect("three numbers fit any frame"));
        }
        None
    }

    /// Sends a message to a node.
    pub(crate) fn send(&self, to: &NodeId, message: &PeerMessage) {
        if let Some(version) = self.version_for(to) {
            self.write(to, message, version);
        }
    }

    /// Sends a message to a node in this version.
    pub(crate) fn write(&self, to: &NodeId, message: &PeerMessage, version: u16) {
        match wire::seal(message, version) {
            Ok(frame) => self.transport.send(to, frame),
            Err(error) => {
                metrics::counter!("mercato_frames_unsent_total").increment(1);
                tracing::error!(%to, %error, "a frame could not be encoded");
            }
        }
    }

    pub(super) fn ownership_came(&self, from: &NodeId, message: Peer) {
        let mut waiting = self.ownership.lock();
        if waiting.len() >= limits::OWNERSHIP_MESSAGES_MAX {
            return metrics::counter!("mercato_frames_refused_total").increment(1);
        }
        waiting.push_back((from.clone(), message));
        drop(waiting);
        self.ownership_came.notify_one();
    }

    pub(super) async fn next_ownership(&self) -> (NodeId, Peer) {
        loop {
            if let Some(message) = self.ownership.lock().pop_front() {
                return message;
            }
            self.ownership_came.notified().await;
        }
    }
}

/// Splits messages of a stream so that each part fits a frame.
fn batches(sends: Sends) -> Vec<Sends> {
    let mut batches = Vec::with_capacity(1);
    let (mut batch, mut n_bytes) = (Sends::new(), 0);
    for send in sends {
        // Keys, cause and rejection beside the body are far below this together.
        n_bytes += send.message.body.bytes.len() + limits::MESSAGE_HEAD_BYTES;
        if n_bytes > limits::PARCEL_BYTES && !batch.is_empty() {
            n_bytes = send.message.body.bytes.len() + limits::MESSAGE_HEAD_BYTES;
            batches.push(std::mem::take(&mut batch));
        }
        batch.push(send);
    }
    batches.push(batch);
    batches
}
