//! I9: money. Ledgers sum to zero, no side of a wallet is negative, and no order gets or gives
//! back more than was set aside for it. Wallets are counted a second time (`money.rs`). Of an order
//! that pays at the door and is whole, parcels collect what it costs; of one that is not, its buyer
//! pays for the rest (`parts_paid.rs`).

use commerce::order::{self, Stage, WalletPhase};
use commerce::{keys, kinds};
use entity::{EntityKey, uuid5};

use super::money::{Settled, Wallet};
use super::{Findings, World, parts_paid};

/// Judges every version of every wallet, and the money of every order.
#[must_use]
pub fn check(world: &World) -> Findings {
    let mut found = world.findings("I9");
    for wallet in world.shop.wallets.values() {
        found.look(wallet.n_versions);
        for what in &wallet.faults {
            found.fail(what.as_str());
        }
    }
    for (key, order) in &world.shop.orders {
        if let Some(body) = &order.body {
            order_money(world, key, body, &mut found);
        }
    }
    found
}

fn order_money(world: &World, key: &EntityKey, body: &order::Body, found: &mut Findings) {
    let totals = body.terms.priced.check().is_ok();
    let is_bounded = (0..=body.captured()).contains(&body.refunded())
        || body
            .wallet
            .as_ref()
            .is_some_and(|wallet| wallet.phase != WalletPhase::Posted && wallet.refunded == 0);
    found.judge(totals && is_bounded, || {
        let (captured, refunded) = (body.captured(), body.refunded());
        format!("{key}: captured {captured}, refunded {refunded}, totals fit: {totals}")
    });
    at_the_door(key, body, found);
    parts_paid::check(world, key, body, found);
    let Some(part) = &body.wallet else { return };
    let account = keys::wallet(&body.terms.owner.customer(&key.tenant));
    let Some(wallet) = world.shop.wallets.get(&account) else { return };
    let Some(entry) = wallet.entries.get(&part.entry_id) else { return };
    let captured = match entry.settled {
        Settled::Posted(posted) => posted,
        Settled::No | Settled::Voided => 0,
    };
    let refunded = refunded(wallet, key, body);
    let fits = entry.amount == part.amount
        && entry.owner == *key
        && captured <= part.amount
        && refunded <= captured;
    found.judge(fits, || {
        let amount = part.amount;
        format!("{key}: {amount} of {account}: captured {captured}, refunded {refunded}: {entry:?}")
    });
}

/// What is due at the door, while nothing of the order was cancelled or refused.
fn at_the_door(key: &EntityKey, body: &order::Body, found: &mut Findings) {
    let is_sold = matches!(
        body.stage,
        Stage::Confirmed | Stage::InFulfilment | Stage::Fulfilled | Stage::Completed
    );
    let is_whole = body.lines.iter().all(|line| line.cancelled == 0);
    if !(body.terms.is_cod() && is_sold && is_whole) || body.parcels.is_empty() {
        return;
    }
    let due: i64 = body.parcels.iter().map(|parcel| parcel.due).sum();
    let payable = body.terms.priced.totals.payable;
    found.judge(due == payable, || {
        format!("{key}: {due} is due at the door, of {payable} that it costs")
    });
}

/// What a wallet credited to an order, by the ids of its compensations.
pub(super) fn refunded(wallet: &Wallet, order: &EntityKey, body: &order::Body) -> i64 {
    if wallet.credits.is_empty() {
        return 0;
    }
    let id = keys::id_bytes(&order.id);
    let credit =
        |n: u32| wallet.credits.get(&uuid5(kinds::ACCOUNT, &[b"credit", id, &n.to_be_bytes()]));
    (0..body.next_n).filter_map(credit).sum()
}
