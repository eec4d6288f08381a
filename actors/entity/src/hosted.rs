//! Entities without their types: what the runtime holds and calls.
//!
//! The runtime knows no commerce. It holds [`Cell`]s, made by the [`EntityType`] of their kind,
//! and passes in and out what only the entity reads.

use std::collections::BTreeMap;

use codec::{Carried, Packed, Stored, TypeId};
use serde::{Deserialize, Serialize};

use crate::{
    Context, Effect, Entity, EntityCell, EntityKey, EventContext, IdempotencyKey,
    IdempotencyWindow, Kept, Keyed, Kind, Message, PackedEvents, Publication, StepRecord,
    Timestamp,
};

/// What a cell is asked to take.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// A caller's command, with the key under which the outcome is kept, if any.
    Command(&'a Packed, Option<Keyed>),
    /// Another entity's message.
    Message(&'a Message),
    /// The deadline passed.
    Wake,
}

/// What the caller hears.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Done; the entity's version after it and its reply.
    Replied(u64, Carried),
    /// Refused by the entity.
    Rejected(Packed),
    /// The key was used before with the same fingerprint: what was answered then.
    Replayed(Kept),
    /// The key was used before for something else.
    KeyReused,
    /// The entity keeps as many keys as it may.
    KeysFull,
    /// The entity is as large as it may be.
    StateFull,
    /// A message or a timer: nobody waits.
    Taken,
}

/// One step as data: what to journal (nothing, if all is empty) and what to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What happened.
    pub events: PackedEvents,
    /// What is asked of others.
    pub effects: Vec<Effect>,
    /// A rejected message goes back with this rejection.
    pub bounce: Option<Packed>,
    /// The outcome to keep with the caller's key.
    pub kept: Option<Box<(IdempotencyKey, Kept)>>,
    /// What the caller hears.
    pub outcome: Outcome,
}

impl Step {
    /// A step that changes nothing.
    #[must_use]
    pub fn only(outcome: Outcome) -> Self {
        Self { events: PackedEvents::new(), effects: Vec::new(), bounce: None, kept: None, outcome }
    }

    /// Whether there is anything to journal (a message's mark aside).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
            && self.effects.is_empty()
            && self.bounce.is_none()
            && self.kept.is_none()
    }
}

/// The answer to a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum QueryOutcome {
    /// What was asked for, at this version.
    Ready(u64, Carried),
    /// Not what was waited for; what is known so far.
    NotYet(u64, Carried),
    /// Refused by the entity.
    Rejected(Packed),
}

/// Why a cell could not take an input or a record.
#[derive(Debug, thiserror::Error)]
pub enum CellError {
    /// The bytes are not what the kind reads.
    #[error("unreadable")]
    Unreadable(#[source] codec::Error),
    /// The step's record would be larger than allowed.
    #[error("step of {0} bytes")]
    StepTooLarge(usize),
    /// A caller's command was decided without a reply: a bug in the entity.
    #[error("no reply")]
    NoReply,
    /// A record does not follow the version (I2).
    #[error("record of version {found} at version {have}")]
    Gap {
        /// The cell's version.
        have: u64,
        /// The record's.
        found: u64,
    },
}

/// The state of an entity as stored, with what the runtime keeps about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Version of the state.
    pub version: u64,
    /// Commit number of the last record in it; 0 = none.
    pub last_commit: u64,
    /// The state, packed by the entity.
    pub state: Packed,
    /// Its keys.
    pub idempotency: IdempotencyWindow,
    /// Its next deadline.
    pub deadline: Option<Timestamp>,
}

impl Stored for Snapshot {
    const TYPE: TypeId = 2;
}

/// An entity as the runtime holds it.
pub trait Cell: Send {
    /// The version: how many events there were.
    fn version(&self) -> u64;
    /// Takes an input: decides, applies the events to itself, says what to journal.
    ///
    /// Everything that can fail comes before the first change: on an error the cell is as it was.
    /// A panic may leave it half changed; the caller must then drop it.
    fn step(&mut self, ctx: &Context<'_>, input: Input<'_>) -> Result<Step, CellError>;
    /// Answers a query.
    fn query(&self, ctx: &Context<'_>, query: &Carried) -> Result<QueryOutcome, CellError>;
    /// The answer to a query that may wait; `None`: it is not what is waited for.
    fn awaited(
        &self,
        ctx: &Context<'_>,
        query: &Carried,
    ) -> Result<Option<QueryOutcome>, CellError>;
    /// Applies a journaled record.
    fn replay(&mut self, record: &StepRecord) -> Result<(), CellError>;
    /// The next deadline.
    fn next_deadline(&self) -> Option<Timestamp>;
    /// The snapshot of this state, whose last record stands in commit `last_commit`.
    fn snapshot(&self, last_commit: u64) -> Snapshot;
    /// Bytes that the cell holds, roughly.
    fn bytes(&self) -> usize;
}

/// A cell from a snapshot. Error: a state that this build cannot read.
pub type Restored = Result<Box<dyn Cell>, CellError>;

/// Turns a packed event into its public face; errors: bytes that cannot be read.
pub type Publish = fn(&EventContext<'_>, &Packed) -> Result<Option<Publication>, codec::Error>;

/// A kind of entity, as functions.
#[derive(Debug, Clone, Copy)]
pub struct EntityType {
    /// The kind's number.
    pub kind: Kind,
    /// The kind's name.
    pub name: &'static str,
    /// A new cell.
    pub initial: fn(&EntityKey) -> Box<dyn Cell>,
    /// A cell from a snapshot.
    pub restore: fn(&EntityKey, &Snapshot) -> Restored,
    /// The public face of an event.
    pub publication: Publish,
    /// A stored state, command or event as text, for people.
    pub show: fn(&Packed) -> Option<String>,
}

impl EntityType {
    /// The functions of entity `E`.
    #[must_use]
    pub fn of<E: Entity>(show: fn(&Packed) -> Option<String>) -> Self {
        Self {
            kind: E::KIND,
            name: E::NAME,
            initial: |key| Box::new(EntityCell::<E>::initial(key)),
            restore: |key, snapshot| {
                EntityCell::<E>::restore(key, snapshot).map(|cell| Box::new(cell) as Box<dyn Cell>)
            },
            publication: |ctx, packed| {
                codec::unpack::<E::Event>(packed).map(|event| E::publication(ctx, &event))
            },
            show,
        }
    }
}

/// All kinds that a node hosts.
#[derive(Debug, Clone, Default)]
pub struct EntityTypes(BTreeMap<Kind, EntityType>);

impl EntityTypes {
    /// No kinds.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds a kind. Panics when its number is taken: that is a bug found at start.
    #[must_use]
    pub fn with(mut self, entity_type: EntityType) -> Self {
        let before = self.0.insert(entity_type.kind, entity_type);
        assert!(before.is_none(), "kind {} is taken", entity_type.kind.0);
        self
    }

    /// The kind with this number.
    #[must_use]
    pub fn get(&self, kind: Kind) -> Option<&EntityType> {
        self.0.get(&kind)
    }

    /// All kinds, by number.
    pub fn iter(&self) -> impl Iterator<Item = &EntityType> {
        self.0.values()
    }
}
