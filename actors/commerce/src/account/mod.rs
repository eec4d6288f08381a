//! An account: a double-entry ledger of one currency, for wallets (domain.md 4).
//!
//! ```text
//!   funding --grant--> available --hold--> pending --post--> spent
//!                          ^                  | void, expire    |
//!                          +------------------+-----------------+ credit
//! ```
//! Guarantees (I9): every entry moves an amount from one side to another, so the sides sum to zero;
//! nothing is held that is not available; a pending entry is resolved at most once; entries never
//! change, a correction is another entry. Settled entries are remembered in a bounded window.
//! Lots with expiry (points) are not here, and nothing is published.

mod command;
mod decide;
mod event;
mod ledger;
mod query;
mod window;

use std::collections::{BTreeMap, BTreeSet};

use entity::{
    Answer, Bounce, Context, Decision, Entity, EntityKey, EventContext, Kind, Publication,
    Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use command::Command;
pub use event::Event;
pub use query::{BalanceView, Query, Rejection, View};

use crate::kinds;
use crate::money::{Ccy, Money};
use crate::sku::Owner;
use crate::stored::stored_types;
use ledger::{Ledger, Side};
use window::{Settled, Window};

/// Pending entries of one account; a buyer has a few orders open at a time.
pub const PENDING_MAX: usize = 256;

/// Settled entries that are remembered against repeats: four for each that may be pending.
pub const SETTLED_KEPT: usize = 1_024;

/// What an account says to a caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// After [`Command::Open`].
    Balance(BalanceView),
}

/// An amount that is set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Pending {
    owner: Owner,
    amount: i64,
    expires_at: Timestamp,
}

/// The state of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    version: u64,
    /// None: not opened.
    ccy: Option<Ccy>,
    ledger: Ledger,
    pending: BTreeMap<Uuid, Pending>,
    /// Those that expire, by time.
    due: BTreeSet<(Timestamp, Uuid)>,
    settled: Window,
}

stored_types!(
    kinds::ACCOUNT,
    Account = 0,
    Command = 1,
    Event = 2,
    Reply = 3,
    Rejection = 4,
    Query = 5,
    View = 6,
);

impl Entity for Account {
    const KIND: Kind = kinds::ACCOUNT;
    const NAME: &'static str = "account";
    type Command = Command;
    type Event = Event;
    type Reply = Reply;
    type Rejection = Rejection;
    type Query = Query;
    type View = View;

    fn initial(_key: &EntityKey) -> Self {
        Self::default()
    }

    fn decide(&self, ctx: &Context<'_>, command: Command) -> Result<Decision<Self>, Rejection> {
        decide::command(self, ctx, command)
    }

    fn wake(&self, ctx: &Context<'_>) -> Decision<Self> {
        decide::wake(self, ctx)
    }

    fn bounced(&self, _ctx: &Context<'_>, _bounce: &Bounce<'_>) -> Decision<Self> {
        // An answer that the owner could not take. What it holds stays pending: only the owner,
        // or the entry's own time, may say that the money is not wanted.
        Decision::nothing()
    }

    fn evolve(&mut self, ctx: &EventContext<'_>, event: &Event) {
        self.version = ctx.version;
        match event {
            Event::Opened { grant } => {
                self.ccy = Some(grant.ccy);
                self.ledger.transfer(Side::Funding, Side::Available, grant.minor);
            }
            Event::Pended { entry_id, owner, amount, expires_at } => {
                self.ledger.transfer(Side::Available, Side::Pending, *amount);
                if *expires_at != Timestamp::MAX {
                    self.due.insert((*expires_at, *entry_id));
                }
                let (owner, amount, expires_at) = (owner.clone(), *amount, *expires_at);
                self.pending.insert(*entry_id, Pending { owner, amount, expires_at });
            }
            Event::Posted { entry_id, amount } => self.resolve(*entry_id, *amount, Settled::Posted),
            Event::Voided { entry_id } => self.resolve(*entry_id, 0, Settled::Voided),
            Event::Expired { entry_ids } => {
                for entry_id in entry_ids {
                    self.resolve(*entry_id, 0, Settled::Voided);
                }
            }
            Event::Credited { entry_id, amount } => {
                self.ledger.transfer(Side::Spent, Side::Available, *amount);
                self.settled.keep(*entry_id, Settled::Credited);
            }
        }
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    fn query(&self, ctx: &Context<'_>, query: &Query) -> Answer<View, Rejection> {
        query::answer(self, ctx, query)
    }

    fn publication(_ctx: &EventContext<'_>, _event: &Event) -> Option<Publication> {
        None
    }

    fn heap_bytes(&self) -> usize {
        // Keys and values at a fill of two thirds.
        let pending = self.pending.len().saturating_mul(100);
        let due = self.due.len().saturating_mul(40);
        pending.saturating_add(due).saturating_add(self.settled.heap_bytes())
    }
}

impl Account {
    /// Posts `post` units of a pending entry; the rest is available again.
    fn resolve(&mut self, entry_id: Uuid, post: i64, settled: Settled) {
        let Some(entry) = self.pending.remove(&entry_id) else { return };
        self.due.remove(&(entry.expires_at, entry_id));
        self.ledger.transfer(Side::Pending, Side::Spent, post);
        self.ledger.transfer(Side::Pending, Side::Available, entry.amount.saturating_sub(post));
        self.settled.keep(entry_id, settled);
    }

    /// What may be held. None: not opened.
    fn available(&self) -> Option<Money> {
        self.ccy.map(|ccy| Money::new(self.ledger.of(Side::Available), ccy))
    }
}

#[cfg(test)]
mod tests;
