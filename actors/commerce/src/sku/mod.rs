//! A SKU: its prices, its stock at every location, and the holds on it (domain.md 3).
//!
//! It is the single writer of its units, and it compares its own price version when it answers a
//! hold: so nothing is sold twice, and nothing at an older price. Guarantees: I6 (no hold makes
//! sellable negative), I8 (each held unit ends exactly once), the same generation gets the same
//! answer, a pinned hold can always be committed. It never waits for anyone.
//! It does not remember refusals: a hold that was refused never was, and its owner asks again with
//! the next generation. Hot SKUs are not split here.

pub mod limits;

pub(crate) mod access;
mod answer;
mod book;
mod command;
mod decide;
mod event;
mod evolve;
mod hold;
mod parts;
mod publish;
mod query;
mod shelf;
mod stored;
pub(crate) mod text;

use std::collections::{BTreeMap, VecDeque};

use compact_str::CompactString;
use entity::{
    Answer, Bounce, Context, Decision, Entity, EntityId, EntityKey, EventContext, Kind,
    Publication, Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use command::{Change, Command, Condition};
pub use event::{Availability, Event, Left, Moved, MovementKind, Origin};
pub use hold::{Owner, Phase, Terms};
pub use parts::{Parts, ShelfIndex};
pub use publish::FACE;
pub use query::{HoldState, HoldView, LocationView, MovementView, PriceView, Query, Rejection};
pub use query::{SkuView, StockView, View};

use crate::kinds;
use crate::money::Money;
use crate::stored::stored_types;

/// The price book that the public SKU shows.
pub const DEFAULT_BOOK: &str = "default";

/// What a SKU says after a command of staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// After [`Command::PutSku`].
    Sku(SkuView),
    /// After [`Command::SetPrice`].
    Price(PriceView),
    /// After [`Command::SetPolicy`].
    Stock(StockView),
    /// After [`Command::Adjust`].
    Adjusted {
        /// The stock afterwards.
        stock: StockView,
        /// The change of units on hand.
        movement: MovementView,
        /// By how much more was promised than there is, before holds were revoked.
        shortfall: u64,
    },
}

/// What a SKU is, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct About {
    product_id: CompactString,
    title: CompactString,
}

/// The state of a SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sku {
    code: CompactString,
    version: u64,
    /// The version when staff last put it or a policy: what `If-Match` protects is as old as this.
    edited: u64,
    about: Option<About>,
    archived: bool,
    prices: BTreeMap<CompactString, Money>,
    price_version: u64,
    shelves: shelf::Shelves,
    holds: book::Book,
    /// Restocks of forgotten holds, against repeats.
    returns: VecDeque<(Uuid, u32)>,
    movements: VecDeque<MovementView>,
    movements_made: u64,
}

stored_types!(kinds::SKU, Command = 1, Event = 2, Reply = 3, Rejection = 4, Query = 5, View = 6,);

impl Entity for Sku {
    const KIND: Kind = kinds::SKU;
    const NAME: &'static str = "sku";
    const PRINCIPAL_KEYS: usize = limits::PRINCIPAL_KEYS;
    type Command = Command;
    type Event = Event;
    type Reply = Reply;
    type Rejection = Rejection;
    type Query = Query;
    type View = View;

    fn initial(key: &EntityKey) -> Self {
        let code = match &key.id {
            EntityId::Name(name) => name.clone(),
            EntityId::Uuid(_) => CompactString::default(),
        };
        Self {
            code,
            version: 0,
            edited: 0,
            about: None,
            archived: false,
            prices: BTreeMap::new(),
            price_version: 0,
            shelves: shelf::Shelves::default(),
            holds: book::Book::default(),
            returns: VecDeque::new(),
            movements: VecDeque::new(),
            movements_made: 0,
        }
    }

    fn decide(&self, ctx: &Context<'_>, command: Command) -> Result<Decision<Self>, Rejection> {
        decide::command(self, ctx, command)
    }

    fn wake(&self, ctx: &Context<'_>) -> Decision<Self> {
        decide::timer::wake(self, ctx)
    }

    fn bounced(&self, _ctx: &Context<'_>, _bounce: &Bounce<'_>) -> Decision<Self> {
        // An answer that an owner could not take: a held hold expires, about a pinned one the
        // reconciler asks again within a minute, a committed one is the operator's with its order.
        // A link that a product could not take (it is full): the SKU is sold all the same.
        Decision::nothing()
    }

    fn evolve(&mut self, ctx: &EventContext<'_>, event: &Event) {
        evolve::apply(self, ctx, event);
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.holds.next_due()
    }

    fn query(&self, ctx: &Context<'_>, query: &Query) -> Answer<View, Rejection> {
        query::answer(self, ctx, query)
    }

    fn publication(ctx: &EventContext<'_>, event: &Event) -> Option<Publication> {
        Some(publish::publication(ctx, event))
    }

    fn heap_bytes(&self) -> usize {
        let words = self
            .about
            .as_ref()
            .map_or(0, |about| about.title.len().saturating_add(about.product_id.len()));
        let memory =
            self.returns.capacity().saturating_mul(size_of::<(Uuid, u32)>()).saturating_add(
                self.movements.capacity().saturating_mul(size_of::<MovementView>()),
            );
        words
            .saturating_add(self.prices.len().saturating_mul(64))
            .saturating_add(self.shelves.heap_bytes())
            .saturating_add(self.holds.heap_bytes())
            .saturating_add(memory)
    }
}

#[cfg(test)]
mod tests;
