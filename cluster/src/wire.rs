//! What nodes say to each other: one message a frame, in the envelope, versioned and frozen.
//!
//! Times travel as what remains of them: clocks of nodes are not compared. Bytes from a peer are
//! checked and never trusted to be well formed. It does not know how frames travel.
//!
//! Version 2 tells in an answer under which epoch the shard answered; version 1 did not. A build
//! reads and writes both, so old and new nodes talk during an upgrade: to each peer it writes the
//! newest version that both read (`node::links`). What comes in another one is answered by
//! [`Unread`], whose form never changes.

use codec::{Stored, TypeId};
use entity::{Cause, EntityKey, Principal, ShardId};
use ports::Versions;
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
        /// The epoch under which the sender serves the shard, and answered; 0: it does not serve
        /// it, or wrote version 1.
        epoch: u64,
    },
    /// For the agent that decides on ownership.
    Ownership(Peer),
}

/// The versions of frames that this build reads and writes.
pub const FRAMES: Versions = Versions { lowest: 1, highest: PeerMessage::VERSION };

impl Stored for PeerMessage {
    const TYPE: TypeId = 20;
    const VERSION: u16 = 2;

    fn upcast(version: u16, bytes: &[u8]) -> Result<Self, codec::Error> {
        match version {
            v1::VERSION => codec::from_bytes::<v1::Read>(bytes).map(Into::into),
            version => Err(codec::Error::Version { type_id: Self::TYPE, version }),
        }
    }
}

/// The answer to a frame of a version that is not read: its sender can do something about it.
///
/// All builds read it, whatever else they read: it has one version for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// The version that came.
    pub version: u16,
    /// What is read.
    pub frames: Versions,
}

impl Stored for Unread {
    const TYPE: TypeId = 21;
}

/// What a frame holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A message.
    Message(PeerMessage),
    /// A frame that this node had sent was not read.
    Unread(Unread),
}

/// Encodes a message in a version of [`FRAMES`]. Errors: another version; it is larger than a
/// frame may be.
pub(crate) fn seal(message: &PeerMessage, version: u16) -> Result<Vec<u8>, codec::Error> {
    let frame = match version {
        PeerMessage::VERSION => codec::seal(message)?,
        v1::VERSION => codec::seal_as(PeerMessage::TYPE, version, &v1::Write::from(message))?,
        version => return Err(codec::Error::Version { type_id: PeerMessage::TYPE, version }),
    };
    if frame.len() > limits::PEER_FRAME_BYTES_MAX {
        return Err(codec::Error::Encode(format!("a frame of {} bytes", frame.len())));
    }
    Ok(frame)
}

/// Decodes a frame. `frames`: the versions of messages that are taken, of those in [`FRAMES`].
/// Errors: `codec::Error::Version` for a whole message of another version; or it is not whole.
pub(crate) fn open(frame: &[u8], frames: Versions) -> Result<Frame, codec::Error> {
    let message = match codec::open::<PeerMessage>(frame) {
        Err(codec::Error::Type { found: Unread::TYPE, .. }) => {
            return codec::open(frame).map(Frame::Unread);
        }
        message => message?,
    };
    match codec::version(frame) {
        version if frames.has(version) => Ok(Frame::Message(message)),
        version => Err(codec::Error::Version { type_id: PeerMessage::TYPE, version }),
    }
}

/// Whether a sealed frame is a word of the ownership agents, most of which say that a node is
/// there. Does not decode it: for whoever carries frames and counts them.
#[must_use]
pub fn is_ownership(frame: &[u8]) -> bool {
    // The envelope with its type, then the index of the variant, which no version has changed.
    frame.get(2..4) == Some(&PeerMessage::TYPE.to_le_bytes())
        && frame.get(codec::HEADER_BYTES) == Some(&OWNERSHIP)
}

/// Index of [`PeerMessage::Ownership`].
const OWNERSHIP: u8 = 3;

mod v1;

#[cfg(test)]
mod tests;
