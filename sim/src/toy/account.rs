//! An account: deposits, withdrawals, transfers to other accounts, and poison.
//!
//! Money is conserved: what was sent is received once or comes back once. Messages between two
//! accounts are numbered by the sender in its own state, independent of the runtime's streams, so
//! a message that is lost, doubled or overtaken shows in the journal (I5).

use std::collections::BTreeMap;

use codec::Stored;
use entity::{
    Answer, Bounce, Context, Decision, Effect, Entity, EntityKey, EventContext, Kind, Publication,
    Source, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{Done, Query, Refused, View, answer};

/// The state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// What is in it.
    pub balance: i64,
    /// Number of the last message sent to each other account.
    pub sent: BTreeMap<EntityKey, u64>,
    /// Number of the last message received from each other account.
    pub received: BTreeMap<EntityKey, u64>,
    /// Poison does it no harm any more.
    pub cured: bool,
    /// When it counts a tick on its own, and every how many milliseconds.
    pub alarm: Option<(Timestamp, u64)>,
    /// Ticks that are left to count.
    pub ticks_left: u64,
}

/// Where poison works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Poison {
    /// In `decide`: nothing has changed yet.
    Decide,
    /// In `evolve`, after a part of the state has changed.
    Evolve,
}

/// What an account can be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Puts money in.
    Deposit {
        /// The caller's number.
        op: u64,
        /// How much.
        amount: i64,
    },
    /// Takes money out, if there is enough.
    Withdraw {
        /// The caller's number.
        op: u64,
        /// How much.
        amount: i64,
    },
    /// Sends money to another account, in several messages of 1 each.
    Transfer {
        /// The caller's number.
        op: u64,
        /// To whom, and how many.
        to: Vec<(EntityKey, u64)>,
        /// How long each may take.
        ttl_ms: Option<u64>,
    },
    /// Says that all is well, and changes nothing.
    Look {
        /// The caller's number.
        op: u64,
    },
    /// A message of [`Command::Transfer`].
    Credit {
        /// Contiguous from 1 for each pair of accounts.
        number: u64,
    },
    /// Panics unless the account was cured.
    Poison {
        /// The caller's number.
        op: u64,
        /// Where.
        place: Poison,
    },
    /// Sends poison to another account.
    SendPoison {
        /// The caller's number.
        op: u64,
        /// To whom.
        to: EntityKey,
        /// Where.
        place: Poison,
    },
    /// Makes poison harmless.
    Cure {
        /// The caller's number.
        op: u64,
    },
    /// Counts by its own deadline.
    Count {
        /// The caller's number.
        op: u64,
        /// How often.
        n: u64,
        /// Milliseconds between two.
        every_ms: u64,
    },
}

impl Stored for Command {
    const TYPE: u16 = 60_010;
}

/// What can happen to an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Money was put in.
    Deposited {
        /// The caller's number.
        op: u64,
        /// How much.
        amount: i64,
    },
    /// Money was taken out.
    Withdrawn {
        /// The caller's number.
        op: u64,
        /// How much.
        amount: i64,
    },
    /// A transfer began; its messages follow as [`Event::Sent`].
    Transferred {
        /// The caller's number.
        op: u64,
    },
    /// A message with 1 left.
    Sent {
        /// To whom.
        to: EntityKey,
        /// Its number.
        number: u64,
    },
    /// A message with 1 came.
    Received {
        /// From whom.
        from: EntityKey,
        /// Its number.
        number: u64,
    },
    /// A message of ours came back, with its 1.
    Returned {
        /// Whom it was for.
        to: EntityKey,
        /// Its number.
        number: u64,
    },
    /// Poison was sent.
    PoisonSent {
        /// The caller's number.
        op: u64,
    },
    /// Poison that was sent came back.
    PoisonReturned {
        /// The caller's number.
        op: u64,
    },
    /// Poison was taken.
    Poisoned {
        /// The caller's number.
        op: u64,
        /// It does no harm here.
        harmless: bool,
    },
    /// Poison does no harm any more.
    Cured {
        /// The caller's number.
        op: u64,
    },
    /// It will count.
    CountBegun {
        /// The caller's number.
        op: u64,
        /// How often.
        n: u64,
        /// Milliseconds between two.
        every_ms: u64,
    },
    /// It counted one.
    Ticked,
}

impl Stored for Event {
    const TYPE: u16 = 60_011;
}

impl Stored for Account {
    const TYPE: u16 = 60_012;
}

impl Account {
    fn transfer(
        &self,
        op: u64,
        to: &[(EntityKey, u64)],
        ttl_ms: Option<u64>,
        version: u64,
    ) -> Result<Decision<Self>, Refused> {
        let total: u64 = to.iter().map(|(_, n)| n).sum();
        let total = i64::try_from(total).unwrap_or(i64::MAX);
        if total > self.balance {
            return Err(Refused { version, reason: "not enough".into() });
        }
        let mut sent = self.sent.clone();
        let mut decision = Decision::event(Event::Transferred { op });
        for (to, n) in to {
            for _ in 0..*n {
                let number = sent.entry(to.clone()).or_insert(0);
                *number += 1;
                decision.events.push(Event::Sent { to: to.clone(), number: *number });
                let command = Command::Credit { number: *number };
                let effect = Effect::tell::<Self>(to.clone(), &command);
                decision.effects.push(match ttl_ms {
                    Some(ttl_ms) => effect.within_ms(ttl_ms),
                    None => effect,
                });
            }
        }
        Ok(decision.replying(Done { op, amount: self.balance - total }))
    }

    fn poison(&self, op: u64, place: Poison) -> Decision<Self> {
        match place {
            Poison::Decide if !self.cured => panic!("poison {op} in decide"),
            Poison::Decide | Poison::Evolve => {
                Decision::event(Event::Poisoned { op, harmless: self.cured })
                    .replying(Done { op, amount: self.balance })
            }
        }
    }
}

impl Entity for Account {
    const KIND: Kind = Kind(901);
    const NAME: &'static str = "toy_account";
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
        let done = |op, amount| Done { op, amount };
        Ok(match command {
            Command::Deposit { op, amount } => Decision::event(Event::Deposited { op, amount })
                .replying(done(op, self.balance + amount)),
            Command::Withdraw { op: _, amount } if amount > self.balance => {
                return Err(Refused { version: ctx.version, reason: "not enough".into() });
            }
            Command::Withdraw { op, amount } => Decision::event(Event::Withdrawn { op, amount })
                .replying(done(op, self.balance - amount)),
            Command::Transfer { op, to, ttl_ms } => {
                return self.transfer(op, &to, ttl_ms, ctx.version);
            }
            Command::Look { op } => Decision::reply(done(op, self.balance)),
            Command::Credit { number } => match ctx.source {
                Source::Entity(from) => {
                    Decision::event(Event::Received { from: from.clone(), number })
                }
                Source::Caller | Source::Timer => {
                    let reason = "money comes from accounts".into();
                    return Err(Refused { version: ctx.version, reason });
                }
            },
            Command::Poison { op, place } => self.poison(op, place),
            Command::SendPoison { op, to, place } => {
                let poison = Command::Poison { op, place };
                Decision::event(Event::PoisonSent { op })
                    .and(Effect::tell::<Self>(to, &poison))
                    .replying(done(op, self.balance))
            }
            Command::Cure { op } => {
                Decision::event(Event::Cured { op }).replying(done(op, self.balance))
            }
            Command::Count { op, n, every_ms } => {
                Decision::event(Event::CountBegun { op, n, every_ms })
                    .replying(done(op, self.balance))
            }
        })
    }

    fn wake(&self, _ctx: &Context<'_>) -> Decision<Self> {
        Decision::event(Event::Ticked)
    }

    fn bounced(&self, _ctx: &Context<'_>, bounce: &Bounce<'_>) -> Decision<Self> {
        match codec::unpack(bounce.command) {
            Ok(Command::Credit { number }) => {
                Decision::event(Event::Returned { to: bounce.from.clone(), number })
            }
            Ok(Command::Poison { op, .. }) => Decision::event(Event::PoisonReturned { op }),
            Ok(_) | Err(_) => Decision::nothing(),
        }
    }

    fn evolve(&mut self, ctx: &EventContext<'_>, event: &Event) {
        match event {
            Event::Deposited { amount, .. } => self.balance += amount,
            Event::Withdrawn { amount, .. } => self.balance -= amount,
            Event::Sent { to, number } => {
                self.balance -= 1;
                self.sent.insert(to.clone(), *number);
            }
            Event::Received { from, number } => {
                self.balance += 1;
                self.received.insert(from.clone(), *number);
            }
            Event::Returned { .. } => self.balance += 1,
            Event::Poisoned { op, harmless } => {
                // A half changed state is what the runtime has to throw away.
                self.balance += 1_000_000;
                assert!(*harmless, "poison {op} in evolve");
                self.balance -= 1_000_000;
            }
            Event::Cured { .. } => self.cured = true,
            Event::CountBegun { n, every_ms, .. } => {
                self.ticks_left += n;
                self.alarm = (self.ticks_left > 0).then(|| (ctx.at.plus_ms(*every_ms), *every_ms));
            }
            Event::Ticked => {
                self.ticks_left = self.ticks_left.saturating_sub(1);
                self.alarm = match self.alarm {
                    Some((_, every_ms)) if self.ticks_left > 0 => {
                        Some((ctx.at.plus_ms(every_ms.max(1)), every_ms))
                    }
                    Some(_) | None => None,
                };
            }
            Event::Transferred { .. } | Event::PoisonSent { .. } | Event::PoisonReturned { .. } => {
            }
        }
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.alarm.map(|(at, _)| at)
    }

    fn query(&self, ctx: &Context<'_>, query: &Query) -> Answer<View, Refused> {
        answer(self, ctx.version, query)
    }

    fn publication(_ctx: &EventContext<'_>, _event: &Event) -> Option<Publication> {
        None
    }

    fn heap_bytes(&self) -> usize {
        (self.sent.len() + self.received.len()) * (size_of::<EntityKey>() + size_of::<u64>())
    }
}
