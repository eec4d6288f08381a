//! I13: a captured amount belongs to a confirmed order, to a refund or void on its way, or to a
//! forfeit entry (auctions and pre-sales, which do not exist yet).
//!
//! Captured is what a wallet posted, and cash that was collected at the door.

use commerce::keys;
use commerce::order::{self, GiveBack, Stage, WalletPhase};
use entity::EntityKey;

use super::i09_money::refunded;
use super::money::{Settled, Wallet};
use super::{Findings, World};

/// Judges every captured amount.
#[must_use]
pub fn check(world: &World) -> Findings {
    let mut found = world.findings("I13");
    for (account, wallet) in &world.shop.wallets {
        for (id, entry) in &wallet.entries {
            let Settled::Posted(posted) = entry.settled else { continue };
            let order = world.shop.orders.get(&entry.owner).and_then(|it| it.body.as_ref());
            let part = order.and_then(|body| body.wallet.as_ref());
            let is_its = part.is_some_and(|part| part.entry_id == *id && part.amount == posted);
            let belongs =
                order.is_some_and(|body| has_home(world, wallet, &entry.owner, body, posted));
            found.judge(is_its && belongs, || {
                let (owner, stage) = (&entry.owner, order.map(|body| body.stage));
                format!("{posted} of {account} captured for {owner} ({stage:?}): {part:?}")
            });
        }
    }
    for (key, order) in &world.shop.orders {
        let Some(body) = &order.body else { continue };
        let collected = body.collected();
        found.judge(collected == 0 || body.confirmed, || {
            format!("{key}: {collected} collected for an order that was never confirmed")
        });
        let was_posted = body.wallet.as_ref().is_none_or(|part| {
            let account = keys::wallet(&body.terms.owner.customer(&key.tenant));
            let wallet = world.shop.wallets.get(&account);
            let entry = wallet.and_then(|wallet| wallet.entries.get(&part.entry_id));
            part.phase != WalletPhase::Posted
                || entry.is_some_and(|entry| entry.settled == Settled::Posted(part.amount))
        });
        found.judge(was_posted, || format!("{key} counts money that no wallet gave"));
    }
    found
}

/// Whether a captured amount has somewhere to be.
fn has_home(
    world: &World,
    wallet: &Wallet,
    key: &EntityKey,
    body: &order::Body,
    posted: i64,
) -> bool {
    let back = refunded(wallet, key, body);
    let under_way = body.open.iter().map(|step| match step.what {
        GiveBack::Credit { amount } => amount,
        GiveBack::Void | GiveBack::Release { .. } | GiveBack::Restock { .. } => 0,
    });
    let under_way: i64 = under_way.sum();
    // An answer that is still on its way explains a difference until everything has settled.
    let is_settling = !world.given.is_healed;
    match body.stage {
        Stage::Confirmed | Stage::InFulfilment | Stage::Fulfilled | Stage::Completed => {
            is_settling || body.refunded() == back + under_way
        }
        Stage::Confirming => is_settling || body.on_hold.is_some(),
        Stage::Cancelling => is_settling || back + under_way >= posted,
        Stage::Cancelled => back + under_way >= posted || is_settling,
        // Nothing is captured before everything is held and paid for.
        Stage::Reserving | Stage::AwaitingPayment => false,
    }
}
