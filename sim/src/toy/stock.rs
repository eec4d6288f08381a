//! A stock: goods that are received, held for a while, consumed or given back.
//!
//! I6: received + restocked - consumed = on hand, and what is held never exceeds it.
//! I8: each hold ends exactly once. A hold that nobody ends is ended by its deadline.

use std::collections::BTreeMap;

use codec::Stored;
use entity::{
    Answer, Bounce, Context, Decision, Effect, Entity, EntityKey, EventContext, Kind, Publication,
    Source, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::order::{self, LineAnswer, Order};
use super::{Done, Query, Refused, View, answer};

/// Goods put aside for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// How many.
    pub n: u64,
    /// Until when.
    pub until: Timestamp,
}

/// How a hold ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// The goods went out: this many.
    Consumed(u64),
    /// The order did not want them any more, or never held them.
    Undone,
    /// Its time was up.
    Expired,
}

/// The state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// All that ever came in.
    pub received: u64,
    /// All that went out.
    pub consumed: u64,
    /// All that came back.
    pub restocked: u64,
    /// What is there, held or not.
    pub on_hand: u64,
    /// Holds that have not ended.
    pub holds: BTreeMap<EntityKey, Hold>,
    /// Those that have.
    pub ended: BTreeMap<EntityKey, Ending>,
}

/// What a stock can be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Goods come in.
    Receive {
        /// The caller's number.
        op: u64,
        /// How many.
        n: u64,
    },
    /// Puts goods aside for the order that asks.
    Hold {
        /// How many.
        n: u64,
        /// For how long.
        ttl_ms: u64,
    },
    /// The order takes what it holds.
    Commit,
    /// The order wants nothing any more, whatever it had.
    Undo,
    /// Panics.
    Poison {
        /// The caller's number.
        op: u64,
    },
}

impl Stored for Command {
    const TYPE: u16 = 60_020;
}

/// What can happen to a stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Goods came in.
    Received {
        /// The caller's number.
        op: u64,
        /// How many.
        n: u64,
    },
    /// Goods were put aside.
    Held {
        /// For whom.
        order: EntityKey,
        /// How many.
        n: u64,
        /// Until when.
        until: Timestamp,
    },
    /// Held goods went out.
    Consumed {
        /// To whom.
        order: EntityKey,
    },
    /// What the order held or had is here again.
    Undone {
        /// Whose.
        order: EntityKey,
    },
    /// A hold's time was up.
    Expired {
        /// Whose.
        order: EntityKey,
    },
}

impl Stored for Event {
    const TYPE: u16 = 60_021;
}

impl Stored for Stock {
    const TYPE: u16 = 60_022;
}

impl Stock {
    /// What is held.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.holds.values().map(|hold| hold.n).sum()
    }

    /// What is wrong with the numbers, if anything (I6).
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let balanced = self.received + self.restocked == self.on_hand + self.consumed;
        let covered = self.held() <= self.on_hand;
        let once = self.holds.keys().all(|order| !self.ended.contains_key(order));
        let fine = balanced && covered && once;
        (!fine).then(|| format!("balanced {balanced}, covered {covered}, once {once}: {self:?}"))
    }

    fn tell(order: &EntityKey, line: LineAnswer) -> Effect {
        Effect::tell::<Order>(order.clone(), &order::Command::Answer(line))
    }

    fn hold(
        &self,
        ctx: &Context<'_>,
        order: &EntityKey,
        n: u64,
        ttl_ms: u64,
    ) -> Result<Decision<Self>, Refused> {
        let refused = |reason: &str| Refused { version: ctx.version, reason: reason.into() };
        if self.ended.contains_key(order) {
            return Err(refused("ended"));
        }
        if self.holds.contains_key(order) {
            return Ok(Decision::nothing().and(Self::tell(order, LineAnswer::Held)));
        }
        if self.held() + n > self.on_hand {
            return Err(refused("not enough"));
        }
        let held = Event::Held { order: order.clone(), n, until: ctx.now.plus_ms(ttl_ms) };
        Ok(Decision::event(held).and(Self::tell(order, LineAnswer::Held)))
    }

    fn commit(&self, order: &EntityKey) -> Decision<Self> {
        if self.holds.contains_key(order) {
            let consumed = Event::Consumed { order: order.clone() };
            return Decision::event(consumed).and(Self::tell(order, LineAnswer::Consumed));
        }
        let line = match self.ended.get(order) {
            Some(Ending::Consumed(_)) => LineAnswer::Consumed,
            Some(Ending::Undone | Ending::Expired) | None => LineAnswer::Gone,
        };
        Decision::nothing().and(Self::tell(order, line))
    }

    fn undo(&self, order: &EntityKey) -> Decision<Self> {
        let told = Self::tell(order, LineAnswer::Undone);
        match self.ended.get(order) {
            Some(Ending::Undone | Ending::Expired) => Decision::nothing().and(told),
            Some(Ending::Consumed(_)) | None => {
                Decision::event(Event::Undone { order: order.clone() }).and(told)
            }
        }
    }
}

impl Entity for Stock {
    const KIND: Kind = Kind(902);
    const NAME: &'static str = "toy_stock";
    type Command = Command;
    type Event = Event;
    type Reply = Done;
    type Rejection = Refused;
    type Query = Query;
    type View = View;

    fn initial(_key: &EntityKey) -> Self {
        Self::default()
    }

    fn decide(&self, ctx: &Context<'_>, command: Command) -> Result<Decision<Self>, Refused> {
        let order = match ctx.source {
            Source::Entity(order) => Some(order),
            Source::Caller | Source::Timer => None,
        };
        match (command, order) {
            (Command::Receive { op, n }, _) => {
                let amount = i64::try_from(self.on_hand + n).unwrap_or(i64::MAX);
                Ok(Decision::event(Event::Received { op, n }).replying(Done { op, amount }))
            }
            (Command::Hold { n, ttl_ms }, Some(order)) => self.hold(ctx, order, n, ttl_ms),
            (Command::Commit, Some(order)) => Ok(self.commit(order)),
            (Command::Undo, Some(order)) => Ok(self.undo(order)),
            (Command::Poison { op }, _) => panic!("poison {op} in a stock"),
            (Command::Hold { .. } | Command::Commit | Command::Undo, None) => {
                Err(Refused { version: ctx.version, reason: "only for orders".into() })
            }
        }
    }

    fn wake(&self, ctx: &Context<'_>) -> Decision<Self> {
        let late = self.holds.iter().filter(|(_, hold)| hold.until <= ctx.now);
        Decision::events(late.map(|(order, _)| Event::Expired { order: order.clone() }).collect())
    }

    fn bounced(&self, _ctx: &Context<'_>, _bounce: &Bounce<'_>) -> Decision<Self> {
        // An answer that its order cannot take: the order asks again by its own deadline.
        Decision::nothing()
    }

    fn evolve(&mut self, _ctx: &EventContext<'_>, event: &Event) {
        match event {
            Event::Received { n, .. } => {
                self.received += n;
                self.on_hand += n;
            }
            Event::Held { order, n, until } => {
                self.holds.insert(order.clone(), Hold { n: *n, until: *until });
            }
            Event::Consumed { order } => {
                let n = self.holds.remove(order).map_or(0, |hold| hold.n);
                self.on_hand -= n;
                self.consumed += n;
                self.ended.insert(order.clone(), Ending::Consumed(n));
            }
            Event::Undone { order } => {
                self.holds.remove(order);
                if let Some(Ending::Consumed(n)) = self.ended.insert(order.clone(), Ending::Undone)
                {
                    self.on_hand += n;
                    self.restocked += n;
                }
            }
            Event::Expired { order } => {
                self.holds.remove(order);
                self.ended.insert(order.clone(), Ending::Expired);
            }
        }
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.holds.values().map(|hold| hold.until).min()
    }

    fn query(&self, ctx: &Context<'_>, query: &Query) -> Answer<View, Refused> {
        answer(self, ctx.version, query)
    }

    fn publication(_ctx: &EventContext<'_>, _event: &Event) -> Option<Publication> {
        None
    }

    fn heap_bytes(&self) -> usize {
        (self.holds.len() + self.ended.len()) * (size_of::<EntityKey>() + size_of::<Hold>())
    }
}
