//! The record of one step: everything that the step changed, complete, in one piece.
//!
//! A record is journaled whole or not at all, so events, the messages they cause, the mark of the
//! message that caused them and the kept outcome commit together (I5, I7).

use std::sync::Arc;

use codec::{Packed, Stored, TypeId};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::{BounceReason, Cause, EntityKey, IdempotencyKey, Kept, ShardId, Timestamp};

/// How a message is to be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageKind {
    /// The body is a command of the target.
    Command,
    /// The body is a command that the target had sent; it was not taken.
    Bounce(BounceReason),
}

/// A message between entities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The sender.
    pub from: EntityKey,
    /// The target.
    pub to: EntityKey,
    /// Command or bounce.
    pub kind: MessageKind,
    /// The command.
    pub body: Packed,
    /// The request at the beginning of the chain.
    pub cause: Cause,
    /// When the message runs out, in shard time; [`Timestamp::MAX`]: never.
    pub expires_at: Timestamp,
}

/// A message with its place in the stream from the record's shard to `to_shard`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamSend {
    /// The receiving shard.
    pub to_shard: ShardId,
    /// Contiguous from 1 within (source shard, `to_shard`).
    pub number: u64,
    /// The message; shared with the outgoing stream until it is acknowledged.
    pub message: Arc<Message>,
}

/// Messages of one step or one way; nearly always one.
pub type Sends = SmallVec<[StreamSend; 1]>;

/// Events of one step; nearly always one.
pub type PackedEvents = SmallVec<[Packed; 1]>;

/// How far a shard has taken the stream from another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The sending shard.
    pub from_shard: ShardId,
    /// Number of the last message taken.
    pub number: u64,
}

/// What a step was taken for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordSource {
    /// A caller's command.
    Caller,
    /// A message; its mark is in the record.
    Message,
    /// The entity's deadline.
    Timer,
    /// The runtime's own record about the entity (a bounce, quarantine, dead letter): no step of
    /// the entity; replay of the entity passes over it.
    Runtime,
}

/// A change of an entity's quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Quarantine {
    /// The entity failed and takes nothing until an operator lifts it.
    Imposed {
        /// What failed.
        reason: String,
    },
    /// An operator lifted it.
    Lifted {
        /// Who did.
        by: String,
    },
}

/// A message that failed for good, kept for an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The message.
    pub message: Arc<Message>,
    /// Why it was given up.
    pub reason: String,
}

/// A change of a shard's list of dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeadLetterChange {
    /// A message was given up under this number, contiguous from 1 in the shard.
    Kept(u64, DeadLetter),
    /// An operator had it sent again.
    Replayed(u64),
}

/// One step of one entity. What most steps have not is boxed: records are moved a lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Whose step.
    pub key: EntityKey,
    /// Commit number, in this shard, of the entity's record before this one; 0 = none.
    pub prev: u64,
    /// The entity's version before the step.
    pub version: u64,
    /// Shard time of the step.
    pub at: Timestamp,
    /// The request at the beginning of the chain.
    pub cause: Cause,
    /// What it was taken for.
    pub source: RecordSource,
    /// What happened; each event makes one version.
    pub events: PackedEvents,
    /// Messages to other entities.
    pub sends: Sends,
    /// The message that was taken.
    pub mark: Option<Mark>,
    /// The outcome kept with a key.
    pub kept: Option<Box<(IdempotencyKey, Kept)>>,
    /// The entity's next deadline after the step.
    pub deadline: Option<Timestamp>,
    /// A change of quarantine.
    pub quarantine: Option<Box<Quarantine>>,
    /// A message given up, or sent again.
    pub dead_letter: Option<Box<DeadLetterChange>>,
}

impl Stored for StepRecord {
    const TYPE: TypeId = 1;
}

impl StepRecord {
    /// The entity's version after the step.
    #[must_use]
    pub fn version_after(&self) -> u64 {
        self.version + self.events.len() as u64
    }
}
