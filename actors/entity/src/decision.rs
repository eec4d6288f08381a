//! What a decision yields: events, effects as data, a reply. Nothing is performed here.

use codec::{Packed, Stored, pack};
use serde::{Deserialize, Serialize};

use crate::{Entity, EntityKey};

/// A command to another entity, journaled with the events that caused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// Whom to tell.
    pub to: EntityKey,
    /// The target's command.
    pub command: Packed,
    /// Time that the command has, from now; past it the target does not process it but bounces
    /// it. `None`: it must be processed however late.
    pub ttl_ms: Option<u64>,
}

impl Effect {
    /// Tells `to` the command `command` of target entity `T`, however late.
    #[must_use]
    pub fn tell<T: Entity>(to: EntityKey, command: &T::Command) -> Self {
        debug_assert_eq!(to.kind, T::KIND, "a command goes to an entity of its kind");
        Self { to, command: packed(command), ttl_ms: None }
    }

    /// The same with a limit: bounced as [`BounceReason::Expired`] when it arrives later.
    #[must_use]
    pub const fn within_ms(mut self, ttl_ms: u64) -> Self {
        self.ttl_ms = Some(ttl_ms);
        self
    }
}

/// Why a message comes back to its sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BounceReason {
    /// Its time ran out before it was processed.
    Expired,
    /// The target is quarantined.
    Quarantined,
    /// The target failed on it; it is kept as a dead letter.
    DeadLetter,
    /// The target cannot read it (a kind or version that it does not know).
    Unreadable,
    /// The target said no; the bytes are its rejection.
    Rejected(Packed),
}

/// A message of ours that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounce<'a> {
    /// Who would not take it.
    pub from: &'a EntityKey,
    /// The command as it was sent.
    pub command: &'a Packed,
    /// Why.
    pub reason: &'a BounceReason,
}

/// The outcome of a decision that was not refused.
#[derive(Debug, Clone)]
pub struct Decision<E: Entity> {
    /// What happened, in order. Each makes one version.
    pub events: Vec<E::Event>,
    /// What is asked of others.
    pub effects: Vec<Effect>,
    /// The answer to a caller; ignored for messages and timers.
    pub reply: Option<E::Reply>,
}

impl<E: Entity> Decision<E> {
    /// Nothing to do, nothing to say: right for a repeated message or a stale timer.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { events: Vec::new(), effects: Vec::new(), reply: None }
    }

    /// One event.
    #[must_use]
    pub fn event(event: E::Event) -> Self {
        Self { events: vec![event], effects: Vec::new(), reply: None }
    }

    /// Several events.
    #[must_use]
    pub const fn events(events: Vec<E::Event>) -> Self {
        Self { events, effects: Vec::new(), reply: None }
    }

    /// An answer without an event: a repeat, or a command that changes nothing.
    #[must_use]
    pub const fn reply(reply: E::Reply) -> Self {
        Self { events: Vec::new(), effects: Vec::new(), reply: Some(reply) }
    }

    /// Adds an effect.
    #[must_use]
    pub fn and(mut self, effect: Effect) -> Self {
        if self.effects.is_empty() {
            // Nearly always the only one.
            self.effects.reserve_exact(1);
        }
        self.effects.push(effect);
        self
    }

    /// Adds effects.
    #[must_use]
    pub fn and_all(mut self, effects: impl IntoIterator<Item = Effect>) -> Self {
        self.effects.extend(effects);
        self
    }

    /// Sets the answer.
    #[must_use]
    pub fn replying(mut self, reply: E::Reply) -> Self {
        self.reply = Some(reply);
        self
    }
}

/// The answer to a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<V, R> {
    /// What was asked for.
    Ready(V),
    /// Not what was waited for; what is known so far. The runtime asks again after each change
    /// of the entity, and answers this when the caller's time is up.
    NotYet(V),
    /// Refused: not there, or not for this principal.
    Rejected(R),
}

/// The public face of an event, as it goes to the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// CloudEvents type: `order.placed`.
    pub event_type: &'static str,
    /// First token of the subject: `orders`.
    pub domain: &'static str,
    /// Text id of the entity, a subject token and the CloudEvents subject.
    pub subject: String,
    /// The part of the id that keeps an order's things together.
    pub partition_key: String,
    /// Version of the data's schema.
    pub data_version: u16,
    /// The data as JSON bytes. A function of the event alone, so a repeat has the same bytes.
    pub data: Vec<u8>,
}

pub(crate) fn packed<T: Stored>(value: &T) -> Packed {
    pack(value).expect("domain values are far smaller than the codec's limit")
}
