//! What nodes say to each other: one message a frame, in the envelope, versioned and frozen.
//!
//! Times travel as what remains of them: clocks of nodes are not compared. Bytes from a peer are
//! checked and never trusted to be well formed. It does not know how frames travel.

use codec::{Stored, TypeId};
use entity::{Cause, EntityKey, Principal, ShardId};
use serde::{Deserialize, Serialize};

use crate::ctx::{NodeId, Parcel};
use crate::limits;
use crate::ownership::Peer;
use crate::shard::{Answer, AskBody};

/// A caller's input on its way to the owner of a shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forwarded {
    /// Chosen by `origin`, for the answer.
    pub id: u64,
    /// The node that the caller asked, and that is answered.
    pub origin: NodeId,
    /// How often it was sent on already.
    pub hops: u8,
    /// The epoch under which the shard is believed to be owned there; under another one it is not
    /// taken. So a frame that a network held back is not taken by a later owner.
    pub epoch: u64,
    /// What remains of the time that the caller gave, in milliseconds.
    pub remaining_ms: u64,
    /// Whom it is for.
    pub key: EntityKey,
    /// Who asks.
    pub principal: Principal,
    /// Why.
    pub cause: Cause,
    /// What is wanted.
    pub body: AskBody,
}

/// What became of a forwarded input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The shard answered.
    Answered(Answer),
    /// The shard is not served there under that epoch; nothing was done. Its owner and epoch, as
    /// far as that node knows.
    NotOwner(Option<(NodeId, u64)>),
    /// It was taken, and the shard was lost before it answered: it may have been done or not.
    Lost,
}

/// A message between nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PeerMessage {
    /// For a shard's stream.
    Parcel {
        /// The receiving shard.
        to: ShardId,
        /// What it gets.
        parcel: Parcel,
    },
    /// For an entity.
    Ask(Box<Forwarded>),
    /// The answer to [`PeerMessage::Ask`].
    Answer {
        /// Its number.
        id: u64,
        /// What became of it.
        outcome: Outcome,
    },
    /// For the agent that decides on ownership.
    Ownership(Peer),
}

impl Stored for PeerMessage {
    const TYPE: TypeId = 20;
}

/// Encodes a message. Errors: it is larger than a frame may be.
pub(crate) fn seal(message: &PeerMessage) -> Result<Vec<u8>, codec::Error> {
    let frame = codec::seal(message)?;
    if frame.len() > limits::PEER_FRAME_BYTES_MAX {
        return Err(codec::Error::Encode(format!("a frame of {} bytes", frame.len())));
    }
    Ok(frame)
}

/// Decodes a message. Errors: anything but a whole frame of a version that this build reads.
pub(crate) fn open(frame: &[u8]) -> Result<PeerMessage, codec::Error> {
    codec::open(frame)
}

/// Whether a sealed frame is a word of the ownership agents, most of which say that a node is
/// there. Does not decode it: for whoever carries frames and counts them.
#[must_use]
pub fn is_ownership(frame: &[u8]) -> bool {
    // The envelope, then the index of the variant.
    frame.get(codec::HEADER_BYTES) == Some(&OWNERSHIP)
}

/// Index of [`PeerMessage::Ownership`].
const OWNERSHIP: u8 = 3;

#[cfg(test)]
mod tests;
