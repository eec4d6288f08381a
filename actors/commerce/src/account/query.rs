//! What an account can be asked, what it shows, and how it refuses.

use entity::{Answer, Context, EntityKey, Principal, Scope};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Account;
use super::ledger::Side;
use crate::keys;
use crate::money::Money;
use crate::sku::access;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// Its customer, or staff (`orders:read`): how much there is.
    Balance,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    /// To [`Query::Balance`].
    Balance(BalanceView),
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceView {
    /// What may be spent.
    pub available: Money,
    /// What is set aside for open orders.
    pub pending: Money,
    /// Version of the account.
    pub version: u64,
}

/// How an account says no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rejection {
    /// There is no such account (or it is somebody else's).
    NotFound,
    /// Not for this principal, or not by this way.
    Forbidden,
    /// Another currency than the account's.
    CurrencyMismatch,
    /// Nothing or less than nothing, or more than can be counted.
    BadAmount,
    /// The entry is somebody else's, or was something else before.
    EntryTaken {
        /// The entry.
        entry_id: Uuid,
    },
    /// It has [`super::PENDING_MAX`] pending entries.
    TooManyPending,
}

/// Whether the account is the wallet of `principal`.
pub(super) fn is_wallet_of(account: &EntityKey, principal: &Principal) -> bool {
    let customer = keys::customer(&account.tenant, principal.kind, &principal.subject);
    keys::wallet(&customer) == *account
}

pub(super) fn answer(
    account: &Account,
    ctx: &Context<'_>,
    query: &Query,
) -> Answer<View, Rejection> {
    let own = !ctx.principal.is_staff() && is_wallet_of(ctx.key, ctx.principal);
    match query {
        Query::Balance if own || access::is_staff(ctx, Scope::OrdersRead) => match account.view() {
            Some(view) => Answer::Ready(View::Balance(view)),
            None => Answer::Rejected(Rejection::NotFound),
        },
        Query::Balance => Answer::Rejected(Rejection::NotFound),
    }
}

impl Account {
    pub(super) fn view(&self) -> Option<BalanceView> {
        self.ccy.map(|ccy| BalanceView {
            available: Money::new(self.ledger.of(Side::Available), ccy),
            pending: Money::new(self.ledger.of(Side::Pending), ccy),
            version: self.version,
        })
    }
}
