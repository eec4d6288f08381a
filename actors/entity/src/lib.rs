//! What an entity is: a key, a state, commands that decide events, events that change the state.
//!
//! An entity is a virtual actor. This crate holds all of it that is pure: no I/O, no clock, no
//! randomness, no async, no logging. Time, ids and random draws are arguments. The runtime
//! (`cluster`) hosts cells; the shop (`commerce`) writes entities. Neither is known here.

mod cause;
mod cell;
mod context;
mod decision;
mod hosted;
mod idempotency;
mod key;
pub mod limits;
mod principal;
mod record;
mod time;
mod traits;

pub use cause::{Cause, Trace};
pub use cell::EntityCell;
pub use context::{Context, EventContext, Source};
pub use decision::{Answer, Bounce, BounceReason, Decision, Effect, Publication};
pub use hosted::{Cell, CellError, EntityType, EntityTypes, Input, Outcome, Publish, QueryOutcome};
pub use hosted::{Restored, Snapshot, Step};
pub use idempotency::{Fingerprint, IdempotencyKey, IdempotencyWindow, Kept, Keyed};
pub use key::{Affinity, EntityId, EntityKey, Kind, ParseIdError, ShardId, Tenant};
pub use key::{parse_public_id, public_id, uuid5};
pub use principal::{Principal, PrincipalKind, Scope, Scopes};
pub use record::{
    DeadLetter, DeadLetterChange, Mark, Message, MessageKind, PackedEvents, Quarantine,
    RecordSource, Sends, StepRecord, StreamSend,
};
pub use time::Timestamp;
pub use traits::Entity;

#[cfg(test)]
mod tests;
