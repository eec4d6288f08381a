//! The links of a node: where a parcel for a shard goes, and what came for its shards.
//!
//! A shard that is served here gets it over the transport's local path, one that is owned
//! elsewhere gets it in a frame. What has no owner that we know is dropped: its stream sends it
//! again. Nothing here waits.

use std::sync::Arc;

use entity::ShardId;
use parking_lot::Mutex;

use crate::ctx::{NodeId, Parcel, Transport};
use crate::shard::inbox::{Inbox, ShardInbox};
use crate::wire::{self, PeerMessage};

/// Who owns which shard, as far as this node knows. It may be wrong: then the owner named here
/// says so, and the store refuses what a wrong owner writes.
#[derive(Debug, Default)]
pub struct Directory {
    owners: Mutex<Vec<Option<NodeId>>>,
}

impl Directory {
    /// The owner of a shard, if one is known.
    #[must_use]
    pub fn owner(&self, shard: ShardId) -> Option<NodeId> {
        self.owners.lock().get(usize::from(shard.0)).cloned().flatten()
    }

    /// Learns the owner of a shard; `None`: nobody known.
    pub fn set(&self, shard: ShardId, owner: Option<NodeId>) {
        let mut owners = self.owners.lock();
        let index = usize::from(shard.0);
        if owners.len() <= index {
            owners.resize(index + 1, None);
        }
        owners[index] = owner;
    }
}

/// The links of a node.
pub(crate) struct Links {
    pub(crate) node: NodeId,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) inboxes: Arc<Vec<Arc<Inbox>>>,
}

impl Links {
    /// Sends a parcel on its way to a shard, wherever that is.
    pub(crate) fn parcel(&self, to: ShardId, parcel: Parcel) {
        let Some(inbox) = self.inboxes.get(usize::from(to.0)) else { return };
        if inbox.is_open() {
            return self.transport.local(to, parcel, &ShardInbox(Arc::clone(inbox)));
        }
        match self.directory.owner(to).filter(|owner| *owner != self.node) {
            Some(owner) => self.send(&owner, &PeerMessage::Parcel { to, parcel }),
            None => metrics::counter!("mercato_parcels_dropped_total").increment(1),
        }
    }

    /// A parcel came from another node.
    pub(crate) fn parcel_came(&self, to: ShardId, parcel: Parcel) {
        match self.inboxes.get(usize::from(to.0)) {
            Some(inbox) if inbox.is_open() => ShardInbox(Arc::clone(inbox)).deliver(parcel),
            Some(_) | None => metrics::counter!("mercato_parcels_dropped_total").increment(1),
        }
    }

    /// Sends a message to a node.
    pub(crate) fn send(&self, to: &NodeId, message: &PeerMessage) {
        match wire::seal(message) {
            Ok(frame) => self.transport.send(to, frame),
            Err(error) => {
                metrics::counter!("mercato_frames_unsent_total").increment(1);
                tracing::error!(%to, %error, "a frame could not be encoded");
            }
        }
    }
}
