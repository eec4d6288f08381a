//! A toy saga: an order takes an amount from one purse and puts it into another.

use std::sync::Arc;

use codec::{Stored, TypeId};
use entity::{
    Answer, Bounce, Context, Decision, Effect, Entity, EntityKey, EntityType, EntityTypes,
    EventContext, Kind, Publication, Source, Tenant, Timestamp,
};
use serde::{Deserialize, Serialize};

/// Orders and purses alike.
const KIND: Kind = Kind(901);

/// A purse, or an order on its way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Purse {
    pub(crate) balance: i64,
    /// Of an order: 1 begun, 2 taken, 3 done.
    pub(crate) stage: u8,
    order: Option<(String, String, i64)>,
}

impl Stored for Purse {
    const TYPE: TypeId = 0xFF10;
}

/// Command, event and query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Say {
    /// A caller to an order.
    Pay { from: String, to: String, amount: i64 },
    /// An order to a purse.
    Move(i64),
    /// A purse to an order.
    Moved,
}

impl Stored for Say {
    const TYPE: TypeId = 0xFF11;
}

pub(crate) fn key(name: &str) -> EntityKey {
    EntityKey::named(&Tenant::new("acme"), KIND, name)
}

fn tell(to: EntityKey, say: &Say) -> Effect {
    Effect::tell::<Purse>(to, say)
}

impl Entity for Purse {
    const KIND: Kind = KIND;
    const NAME: &'static str = "purse";
    type Command = Say;
    type Event = Say;
    type Reply = Self;
    type Rejection = Say;
    type Query = Say;
    type View = Self;

    fn initial(_key: &EntityKey) -> Self {
        Self::default()
    }

    fn decide(&self, ctx: &Context<'_>, command: Say) -> Result<Decision<Self>, Say> {
        let decision = Decision::event(command.clone());
        Ok(match (&command, ctx.source) {
            (Say::Pay { .. }, _) if self.stage > 0 => Decision::reply(self.clone()),
            (Say::Pay { from, amount, .. }, _) => {
                decision.and(tell(key(from), &Say::Move(-amount))).replying(self.clone())
            }
            (Say::Move(_), Source::Entity(order)) => decision.and(tell(order.clone(), &Say::Moved)),
            (Say::Moved, _) if self.stage == 1 => {
                let (_, to, amount) = self.order.clone().expect("an order has begun");
                decision.and(tell(key(&to), &Say::Move(amount)))
            }
            (Say::Moved, _) => decision,
            (Say::Move(_), Source::Caller | Source::Timer) => return Err(command),
        })
    }

    fn wake(&self, _ctx: &Context<'_>) -> Decision<Self> {
        Decision::nothing()
    }

    fn bounced(&self, _ctx: &Context<'_>, bounce: &Bounce<'_>) -> Decision<Self> {
        panic!("nothing bounces here: {bounce:?}")
    }

    fn evolve(&mut self, _ctx: &EventContext<'_>, event: &Say) {
        match event {
            Say::Pay { from, to, amount } => {
                self.order = Some((from.clone(), to.clone(), *amount));
                self.stage = 1;
            }
            Say::Move(amount) => self.balance += amount,
            Say::Moved => self.stage += 1,
        }
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        None
    }

    fn query(&self, _ctx: &Context<'_>, _query: &Say) -> Answer<Self, Say> {
        Answer::Ready(self.clone())
    }

    fn publication(_ctx: &EventContext<'_>, _event: &Say) -> Option<Publication> {
        None
    }

    fn heap_bytes(&self) -> usize {
        64
    }
}

pub(crate) fn types() -> Arc<EntityTypes> {
    Arc::new(EntityTypes::new().with(EntityType::of::<Purse>(|_| None)))
}
