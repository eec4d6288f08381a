//! Decisions of an account: open, hold, post, void, credit, expire.

use entity::{Context, Decision, Effect, EntityKey, Scope, Source, Timestamp};
use uuid::Uuid;

use super::event::Event;
use super::ledger::Side;
use super::window::Settled;
use super::{Account, Command, PENDING_MAX, Pending, Rejection, Reply};
use crate::money::Money;
use crate::order::{self, Order};
use crate::protocol::AccountReply;
use crate::sku::{Owner, access};
use crate::{keys, kinds};

type Decided = Result<Decision<Account>, Rejection>;

pub(super) fn command(account: &Account, ctx: &Context<'_>, command: Command) -> Decided {
    match command {
        Command::Open { grant } => open(account, ctx, grant),
        Command::Hold { entry_id, amount } => {
            hold(&by_order(account, ctx)?, entry_id, amount, Timestamp::MAX)
        }
        Command::HoldUntil { entry_id, amount, expires_at } => {
            hold(&by_order(account, ctx)?, entry_id, amount, expires_at)
        }
        Command::Post { entry_id } => post(&by_order(account, ctx)?, entry_id, None),
        Command::PostPart { entry_id, amount } => {
            post(&by_order(account, ctx)?, entry_id, Some(amount))
        }
        Command::Void { entry_id } => void(&by_order(account, ctx)?, entry_id),
        Command::Credit { entry_id, amount } => credit(&by_order(account, ctx)?, entry_id, amount),
    }
}

/// Entries that are over return to what is available, and their owners are told.
///
/// All of them in one step: an account has at most [`PENDING_MAX`].
pub(super) fn wake(account: &Account, ctx: &Context<'_>) -> Decision<Account> {
    let (mut entry_ids, mut effects) = (Vec::new(), Vec::new());
    for (_, entry_id) in account.due.range(..=(ctx.now, Uuid::max())) {
        if let Some(entry) = account.pending.get(entry_id) {
            let reply = AccountReply::Voided { entry_id: *entry_id };
            effects.push(tell(ctx, entry.owner.key(&ctx.key.tenant), reply));
            entry_ids.push(*entry_id);
        }
    }
    if entry_ids.is_empty() {
        return Decision::nothing();
    }
    Decision::event(Event::Expired { entry_ids }).and_all(effects)
}

/// A message of an order.
struct Asked<'a> {
    account: &'a Account,
    ctx: &'a Context<'a>,
    owner: &'a EntityKey,
}

impl Asked<'_> {
    fn say(&self, reply: AccountReply) -> Decision<Account> {
        Decision::nothing().and(tell(self.ctx, self.owner.clone(), reply))
    }

    fn done(&self, event: Event, reply: AccountReply) -> Decision<Account> {
        Decision::event(event).and(tell(self.ctx, self.owner.clone(), reply))
    }

    /// The pending entry, if there is one. Errors: it is somebody else's.
    fn pending(&self, entry_id: Uuid) -> Result<Option<&Pending>, Rejection> {
        match self.account.pending.get(&entry_id) {
            Some(entry) if entry.owner == Owner::of(self.owner) => Ok(Some(entry)),
            Some(_) => Err(Rejection::EntryTaken { entry_id }),
            None => Ok(None),
        }
    }

    /// What an entry that is not pending became: voided also if it never was.
    fn settled(&self, entry_id: Uuid) -> Decided {
        match self.account.settled.get(entry_id) {
            Some(Settled::Posted) => Ok(self.say(AccountReply::Posted { entry_id })),
            Some(Settled::Voided) | None => Ok(self.say(AccountReply::Voided { entry_id })),
            Some(Settled::Credited) => Err(Rejection::EntryTaken { entry_id }),
        }
    }
}

fn by_order<'a>(account: &'a Account, ctx: &'a Context<'a>) -> Result<Asked<'a>, Rejection> {
    match ctx.source {
        Source::Entity(owner) if owner.kind == kinds::ORDER && owner.tenant == ctx.key.tenant => {
            Ok(Asked { account, ctx, owner })
        }
        Source::Entity(_) | Source::Caller | Source::Timer => Err(Rejection::Forbidden),
    }
}

fn tell(ctx: &Context<'_>, owner: EntityKey, reply: AccountReply) -> Effect {
    Effect::tell::<Order>(owner, &order::Command::Account { account: ctx.key.clone(), reply })
}

fn open(account: &Account, ctx: &Context<'_>, grant: Money) -> Decided {
    let allowed = match ctx.source {
        Source::Entity(from) => from.kind == kinds::CUSTOMER && keys::wallet(from) == *ctx.key,
        Source::Caller => access::by_staff(ctx, Scope::Admin),
        Source::Timer => false,
    };
    if !allowed {
        return Err(Rejection::Forbidden);
    }
    if let Some(view) = account.view() {
        return match grant.minor_of(view.available.ccy) {
            Ok(_) => Ok(Decision::reply(Reply::Balance(view))),
            Err(_) => Err(Rejection::CurrencyMismatch),
        };
    }
    if grant.minor < 0 || grant.within_edge().is_err() {
        return Err(Rejection::BadAmount);
    }
    let view = super::BalanceView {
        available: grant,
        pending: Money::zero(grant.ccy),
        version: ctx.version.saturating_add(1),
    };
    Ok(Decision::event(Event::Opened { grant }).replying(Reply::Balance(view)))
}

fn hold(asked: &Asked<'_>, entry_id: Uuid, amount: Money, expires_at: Timestamp) -> Decided {
    let account = asked.account;
    if let Some(entry) = asked.pending(entry_id)? {
        let amount = Money::new(entry.amount, amount.ccy);
        return Ok(asked.say(AccountReply::Held { entry_id, amount }));
    }
    if account.settled.get(entry_id).is_some() {
        return asked.settled(entry_id);
    }
    if amount.minor <= 0 {
        return Err(Rejection::BadAmount);
    }
    // No account, or one of another currency: there is nothing of this currency to hold.
    let available = account
        .available()
        .filter(|available| available.ccy == amount.ccy)
        .unwrap_or_else(|| Money::zero(amount.ccy));
    if available.minor < amount.minor {
        return Ok(asked.say(AccountReply::Refused { entry_id, available }));
    }
    if account.pending.len() >= PENDING_MAX {
        return Err(Rejection::TooManyPending);
    }
    fits(account, Side::Available, Side::Pending, amount.minor)?;
    let owner = Owner::of(asked.owner);
    let event = Event::Pended { entry_id, owner, amount: amount.minor, expires_at };
    Ok(asked.done(event, AccountReply::Held { entry_id, amount }))
}

fn post(asked: &Asked<'_>, entry_id: Uuid, part: Option<Money>) -> Decided {
    let Some(entry) = asked.pending(entry_id)? else { return asked.settled(entry_id) };
    if entry.expires_at <= asked.ctx.now {
        // Its timer is late. Whether money is spent must not depend on that.
        let event = Event::Expired { entry_ids: vec![entry_id] };
        return Ok(asked.done(event, AccountReply::Voided { entry_id }));
    }
    let amount = match (part, asked.account.ccy) {
        (None, _) => entry.amount,
        (Some(part), Some(ccy)) if part.ccy == ccy => part.minor,
        (Some(_), _) => return Err(Rejection::CurrencyMismatch),
    };
    if amount <= 0 || amount > entry.amount {
        return Err(Rejection::BadAmount);
    }
    fits(asked.account, Side::Pending, Side::Spent, amount)?;
    Ok(asked.done(Event::Posted { entry_id, amount }, AccountReply::Posted { entry_id }))
}

fn void(asked: &Asked<'_>, entry_id: Uuid) -> Decided {
    match asked.pending(entry_id)? {
        Some(_) => Ok(asked.done(Event::Voided { entry_id }, AccountReply::Voided { entry_id })),
        None => asked.settled(entry_id),
    }
}

fn credit(asked: &Asked<'_>, entry_id: Uuid, amount: Money) -> Decided {
    let account = asked.account;
    let ccy = account.ccy.ok_or(Rejection::NotFound)?;
    match (account.pending.get(&entry_id), account.settled.get(entry_id)) {
        (None, None) => {}
        (None, Some(Settled::Credited)) => {
            return Ok(asked.say(AccountReply::Credited { entry_id }));
        }
        (Some(_), _) | (None, Some(Settled::Posted | Settled::Voided)) => {
            return Err(Rejection::EntryTaken { entry_id });
        }
    }
    let minor = amount.minor_of(ccy).map_err(|_| Rejection::CurrencyMismatch)?;
    if minor <= 0 {
        return Err(Rejection::BadAmount);
    }
    // What is pending may return, and must find room beside the credit.
    let pending = account.ledger.of(Side::Pending);
    let most = account.ledger.of(Side::Available).saturating_add(pending).saturating_add(minor);
    Money::new(most, ccy).within_edge().map_err(|_| Rejection::BadAmount)?;
    fits(account, Side::Spent, Side::Available, minor)?;
    let event = Event::Credited { entry_id, amount: minor };
    Ok(asked.done(event, AccountReply::Credited { entry_id }))
}

fn fits(account: &Account, from: Side, to: Side, amount: i64) -> Result<(), Rejection> {
    if account.ledger.fits(from, to, amount) { Ok(()) } else { Err(Rejection::BadAmount) }
}
