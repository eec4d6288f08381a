//! A product: title, status, category, and the SKUs that belong to it.
//!
//! SKUs link themselves (staff put a SKU with its product's id, in any order with the product), and
//! the product tells them whether they are on sale. It has no price and no stock: those are the
//! SKU's. Its events are not published: no stream of the bus is made for them.

mod command;
mod decide;
mod event;
mod query;

use std::collections::BTreeSet;

use compact_str::CompactString;
use entity::{
    Answer, Bounce, Context, Decision, Entity, EntityId, EntityKey, EventContext, Kind,
    Publication, Timestamp,
};
use serde::{Deserialize, Serialize};

pub use command::Command;
pub use event::{About, Event, Status};
pub use query::{ProductView, Query, Rejection, View};

use crate::kinds;
use crate::stored::stored_types;

/// SKUs of one product. Each hears when the product goes off sale: one step sends to all of them.
pub const SKUS_MAX: usize = 512;

const _: () = assert!(SKUS_MAX <= entity::limits::SENDS_PER_STEP_MAX);

/// What a product says after a command of staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// After [`Command::Put`].
    Product(ProductView),
}

/// The state of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    id: CompactString,
    version: u64,
    /// None: SKUs may have linked themselves, but staff have not put it yet.
    about: Option<About>,
    skus: BTreeSet<CompactString>,
}

stored_types!(
    kinds::PRODUCT,
    Product = 0,
    Command = 1,
    Event = 2,
    Reply = 3,
    Rejection = 4,
    Query = 5,
    View = 6,
);

impl Entity for Product {
    const KIND: Kind = kinds::PRODUCT;
    const NAME: &'static str = "product";
    type Command = Command;
    type Event = Event;
    type Reply = Reply;
    type Rejection = Rejection;
    type Query = Query;
    type View = View;

    fn initial(key: &EntityKey) -> Self {
        let id = match &key.id {
            EntityId::Name(name) => name.clone(),
            EntityId::Uuid(_) => CompactString::default(),
        };
        Self { id, version: 0, about: None, skus: BTreeSet::new() }
    }

    fn decide(&self, ctx: &Context<'_>, command: Command) -> Result<Decision<Self>, Rejection> {
        decide::command(self, ctx, command)
    }

    fn wake(&self, _ctx: &Context<'_>) -> Decision<Self> {
        Decision::nothing()
    }

    fn bounced(&self, _ctx: &Context<'_>, _bounce: &Bounce<'_>) -> Decision<Self> {
        // A SKU that cannot hear whether it is on sale cannot be held either.
        Decision::nothing()
    }

    fn evolve(&mut self, ctx: &EventContext<'_>, event: &Event) {
        self.version = ctx.version;
        match event {
            Event::Put(about) => self.about = Some(about.clone()),
            Event::SkuLinked { sku } => {
                self.skus.insert(sku.clone());
            }
            Event::SkuUnlinked { sku } => {
                self.skus.remove(sku);
            }
        }
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        None
    }

    fn query(&self, _ctx: &Context<'_>, query: &Query) -> Answer<View, Rejection> {
        query::answer(self, query)
    }

    fn publication(_ctx: &EventContext<'_>, _event: &Event) -> Option<Publication> {
        None
    }

    fn heap_bytes(&self) -> usize {
        let words =
            self.about.as_ref().map_or(0, |a| a.title.len().saturating_add(a.category.len()));
        // 24 bytes of name at a fill of two thirds, and long names on the heap.
        self.skus.len().saturating_mul(80).saturating_add(words)
    }
}

#[cfg(test)]
mod tests;
