//! Small entities that show faults of the runtime in their own numbers.
//!
//! [`account`]: money that may neither appear nor vanish, counters per sender, poison.
//! [`stock`] and [`order`]: hold, commit or undo with deadlines, and the saga over them.
//! Every event of a caller's command carries the caller's number `op`, so that an effect can be
//! counted in the journal. They are toys: no ownership checks, no limits.

pub mod account;
pub mod order;
pub mod stock;

use codec::{Packed, Stored, unpack};
use compact_str::CompactString;
use entity::{Entity, EntityKey, EntityType, EntityTypes, Tenant};
use serde::{Deserialize, Serialize};

pub use account::Account;
pub use order::Order;
pub use stock::Stock;

/// What a toy shows when asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The version that was looked at.
    pub version: u64,
    /// The whole state, packed.
    pub state: Packed,
}

impl Stored for View {
    const TYPE: u16 = 60_001;
}

/// What a toy can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// The state, at once.
    Dump,
    /// The state, once it has this version.
    AtLeast(u64),
    /// Panics.
    Panic,
}

impl Stored for Query {
    const TYPE: u16 = 60_002;
}

/// How a toy says no, and what it had seen when it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The version that decided.
    pub version: u64,
    /// Why.
    pub reason: CompactString,
}

impl Stored for Refused {
    const TYPE: u16 = 60_003;
}

/// How a toy says yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The caller's number.
    pub op: u64,
    /// A number of the entity after it: balance, goods on hand, lines.
    pub amount: i64,
}

impl Stored for Done {
    const TYPE: u16 = 60_004;
}

/// The tenant of all toys.
#[must_use]
pub fn tenant() -> Tenant {
    Tenant::new("toys")
}

/// The key of toy `E` with this name.
#[must_use]
pub fn key<E: Entity>(name: &str) -> EntityKey {
    EntityKey::named(&tenant(), E::KIND, name)
}

/// All toys, as a node hosts them.
#[must_use]
pub fn types() -> EntityTypes {
    EntityTypes::new()
        .with(EntityType::of::<Account>(show::<Account>))
        .with(EntityType::of::<Stock>(show::<Stock>))
        .with(EntityType::of::<Order>(show::<Order>))
}

fn show<E>(packed: &Packed) -> Option<String>
where
    E: Entity + std::fmt::Debug,
    E::Event: std::fmt::Debug,
{
    let event = unpack::<E::Event>(packed).map(|event| format!("{event:?}"));
    event.or_else(|_| unpack::<E>(packed).map(|state| format!("{state:?}"))).ok()
}

/// The answer of any toy to a query.
fn answer<E: Entity>(state: &E, version: u64, query: &Query) -> entity::Answer<View, Refused> {
    let state = codec::pack(state).expect("a toy is small");
    let view = View { version, state };
    match query {
        Query::Dump => entity::Answer::Ready(view),
        Query::AtLeast(wanted) if version >= *wanted => entity::Answer::Ready(view),
        Query::AtLeast(_) => entity::Answer::NotYet(view),
        Query::Panic => panic!("asked to panic"),
    }
}

#[cfg(test)]
mod tests;
