//! What a decision may look at besides the state: key, time, version, who asks and why.

use crate::{Cause, EntityKey, Principal, Timestamp};

/// Where an input came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// A caller at the edge, who waits for a reply.
    Caller,
    /// Another entity, by its shard stream.
    Entity(&'a EntityKey),
    /// The entity's own deadline.
    Timer,
}

/// The surroundings of one decision.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The entity.
    pub key: &'a EntityKey,
    /// Shard time: never earlier than what the shard has journaled.
    pub now: Timestamp,
    /// Version of the state that decides.
    pub version: u64,
    /// Who asks; messages between entities come from [`Principal::system`].
    pub principal: &'a Principal,
    /// Where the input came from.
    pub source: Source<'a>,
    /// The request at the beginning of the chain.
    pub cause: &'a Cause,
}

/// The surroundings of one event while it changes the state; the same live and in replay.
#[derive(Debug, Clone, Copy)]
pub struct EventContext<'a> {
    /// The entity.
    pub key: &'a EntityKey,
    /// The version that this event makes.
    pub version: u64,
    /// When the step was taken.
    pub at: Timestamp,
}
