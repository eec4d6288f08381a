//! Version 1 of the frames between nodes: what builds of before wrote, and still read.
//!
//! Its layout is frozen. It differs from version 2 in that an answer names no epoch. Kept until no
//! member of any cluster is older; then [`super::FRAMES`] begins at 2 and this file goes.

use entity::ShardId;
use serde::{Deserialize, Serialize};

use super::{Forwarded, Outcome, PeerMessage};
use crate::ctx::Parcel;
use crate::ownership::Peer;

/// Its number.
pub(super) const VERSION: u16 = 1;

/// A message that came.
#[derive(Deserialize)]
pub(super) enum Read {
    Parcel { to: ShardId, parcel: Parcel },
    Ask(Box<Forwarded>),
    Answer { id: u64, outcome: Outcome },
    Ownership(Peer),
}

impl From<Read> for PeerMessage {
    fn from(read: Read) -> Self {
        match read {
            Read::Parcel { to, parcel } => Self::Parcel { to, parcel },
            Read::Ask(ask) => Self::Ask(ask),
            Read::Answer { id, outcome } => Self::Answer { id, outcome, epoch: 0 },
            Read::Ownership(word) => Self::Ownership(word),
        }
    }
}

/// A message to be sent; what version 1 has no place for is left out.
#[derive(Serialize)]
pub(super) enum Write<'a> {
    Parcel { to: ShardId, parcel: &'a Parcel },
    Ask(&'a Forwarded),
    Answer { id: u64, outcome: &'a Outcome },
    Ownership(&'a Peer),
}

impl<'a> From<&'a PeerMessage> for Write<'a> {
    fn from(message: &'a PeerMessage) -> Self {
        match message {
            PeerMessage::Parcel { to, parcel } => Self::Parcel { to: *to, parcel },
            PeerMessage::Ask(ask) => Self::Ask(ask),
            PeerMessage::Answer { id, outcome, epoch: _ } => Self::Answer { id: *id, outcome },
            PeerMessage::Ownership(word) => Self::Ownership(word),
        }
    }
}
