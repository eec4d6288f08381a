//! Wallets counted a second time, from the events of an account alone (I9).
//!
//! Four sides as in the account, and every entry for ever: the account forgets settled entries,
//! so an entry that is settled twice is seen here however late. After every event the balance is
//! held against what the account shows.

use std::collections::BTreeMap;

use commerce::account::{Account, Event, Query, View};
use entity::{Answer, Cause, Context, Entity, EntityKey, EventContext, Principal, Source};
use uuid::Uuid;

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// Still pending.
    No,
    /// So much of it was spent.
    Posted(i64),
    /// It was set free.
    Voided,
}

/// An amount that an order set aside.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) owner: EntityKey,
    pub(super) amount: i64,
    pub(super) settled: Settled,
}

/// A wallet.
#[derive(Debug, Default)]
pub(super) struct Wallet {
    is_open: bool,
    funding: i64,
    available: i64,
    pending: i64,
    spent: i64,
    pub(super) entries: BTreeMap<Uuid, Entry>,
    pub(super) credits: BTreeMap<Uuid, i64>,
    pub(super) faults: Vec<String>,
    pub(super) n_versions: u64,
}

impl Wallet {
    /// Counts an event; `account` is the state after it.
    pub(super) fn event(&mut self, ctx: &EventContext<'_>, account: &Account, event: &Event) {
        self.n_versions += 1;
        let fits = self.apply(ctx, event);
        let sides = [self.funding, self.available, self.pending, self.spent];
        let is_sound = self.funding <= 0 && sides[1..].iter().all(|side| *side >= 0);
        let at = |what: &str| format!("{} at {}: {what}: {event:?}", ctx.key, ctx.version);
        if !fits {
            self.faults.push(at("an entry that cannot be"));
        } else if sides.iter().sum::<i64>() != 0 || !is_sound {
            self.faults.push(at(&format!("sides {sides:?}")));
        }
        let shown = shown(ctx, account);
        if self.is_open && shown != Some((self.available, self.pending)) {
            let counted = (self.available, self.pending);
            self.faults.push(at(&format!("shows {shown:?}, counted {counted:?}")));
        }
    }

    fn apply(&mut self, ctx: &EventContext<'_>, event: &Event) -> bool {
        match event {
            Event::Opened { grant } => {
                let fits = !self.is_open && grant.minor >= 0;
                self.is_open = true;
                self.funding -= grant.minor;
                self.available += grant.minor;
                fits
            }
            Event::Pended { entry_id, owner, amount, expires_at: _ } => {
                let owner = owner.key(&ctx.key.tenant);
                let entry = Entry { owner, amount: *amount, settled: Settled::No };
                self.available -= amount;
                self.pending += amount;
                *amount > 0 && self.entries.insert(*entry_id, entry).is_none()
            }
            Event::Posted { entry_id, amount } => {
                *amount > 0 && self.settle(*entry_id, Settled::Posted(*amount))
            }
            Event::Voided { entry_id } => self.settle(*entry_id, Settled::Voided),
            Event::Expired { entry_ids } => {
                // Each of them is settled, also behind one that does not fit.
                let n_fit = entry_ids.iter().filter(|id| self.settle(**id, Settled::Voided));
                n_fit.count() == entry_ids.len()
            }
            Event::Credited { entry_id, amount } => {
                self.spent -= amount;
                self.available += amount;
                *amount > 0 && self.credits.insert(*entry_id, *amount).is_none()
            }
        }
    }

    fn settle(&mut self, id: Uuid, how: Settled) -> bool {
        let Some(entry) = self.entries.get_mut(&id) else { return false };
        let posted = match how {
            Settled::Posted(posted) => posted,
            Settled::No | Settled::Voided => 0,
        };
        let fits = entry.settled == Settled::No && posted <= entry.amount;
        entry.settled = how;
        self.pending -= entry.amount;
        self.spent += posted;
        self.available += entry.amount - posted;
        fits
    }
}

fn shown(ctx: &EventContext<'_>, account: &Account) -> Option<(i64, i64)> {
    let (principal, cause) = (Principal::system(ctx.key.tenant.clone()), Cause::default());
    let ctx = Context {
        key: ctx.key,
        now: ctx.at,
        version: ctx.version,
        principal: &principal,
        source: Source::Caller,
        cause: &cause,
    };
    match account.query(&ctx, &Query::Balance) {
        Answer::Ready(View::Balance(view)) => Some((view.available.minor, view.pending.minor)),
        Answer::NotYet(_) | Answer::Rejected(_) => None,
    }
}
