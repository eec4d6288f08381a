//! What staff looks at when all is quiet: the catalogue, the lists of the shop's orders; and who
//! waits while a time passes at whose end orders move by themselves. Before that somebody new
//! comes to each shard: one that takes nothing any more looks as quiet as the others.

use std::collections::BTreeMap;

use commerce::keys;
use entity::{ShardId, Tenant};
use futures_util::future::{join, join_all};
use serde::Deserialize;

use super::requests::{self, request};
use super::shop::{PAGES_MAX, Staff};
use super::{Who, Wire};
use crate::history::{Ask, Look};
use crate::plan::{Line, Pay};

/// Lists of the shop that are read: of a status or of all, with the oldest first or the newest.
const LISTS: [(Option<&str>, bool); 6] = [
    (None, false),
    (Some("confirmed"), true),
    (Some("cancelled"), false),
    (Some("in_fulfilment"), true),
    (Some("fulfilled"), false),
    (Some("awaiting_payment"), true),
];
/// Orders that are waited for.
const WAITED_MAX: usize = 8;
/// How long each is waited for, in ms.
const WAIT_MS: u32 = 20_000;
/// When they are looked at meanwhile, in us.
const LOOK_US: u64 = 13_000_000;

/// Visits and users of those who come to each shard count from here.
const NEWCOMERS_FROM: u32 = 3_100_000_000;
const NEW_USERS_FROM: u32 = 210_000;

impl<W: Wire> Staff<W> {
    /// Lets somebody new write a cart in each shard. Returns the first that took none until
    /// `until_us`.
    pub async fn knock(&self, tenant: &Tenant, n_shards: u16, until_us: u64) -> Option<ShardId> {
        let mut carts: BTreeMap<ShardId, (u32, String)> = BTreeMap::new();
        for n in 0.. {
            if carts.len() == usize::from(n_shards) {
                break;
            }
            let cart = self.names().cart(NEWCOMERS_FROM + n, 0);
            let shard = keys::cart(tenant, &cart).shard(n_shards);
            carts.entry(shard).or_insert((n, cart));
        }
        let knocks = carts.into_iter().map(|(shard, (n, cart))| async move {
            let line = Line { sku: 0, qty: 1 };
            let put = requests::put_cart((self.names(), &cart), &[line], Pay::Cod, 0, None);
            let (who, ask) = (Who::Guest(NEW_USERS_FROM + n), Ask::PutCart { cart });
            let answer = self.ask_until(&who, ask, put, until_us).await;
            // Refused as made already: an earlier try did it.
            let is_taken = answer.is_some_and(|answer| matches!(answer.status, 201 | 412));
            (!is_taken).then_some(shard)
        });
        join_all(knocks).await.into_iter().flatten().next()
    }

    /// Looks at what the shop shows of itself, each until it is answered or `until_us` has come.
    pub async fn look_at_shop(&self, n_skus: u32, until_us: u64) {
        let names = self.names();
        let skus = (0..n_skus).map(|sku| (Some(sku), format!("/v1/skus/{}", names.sku(sku))));
        let product = (None, format!("/v1/products/{}", names.product()));
        for (sku, path) in skus.chain([product]) {
            let ask = Ask::Look(Look::Goods { sku });
            self.ask_until(&Who::Staff, ask, request("GET", path), until_us).await;
        }
        for (status, oldest_first) in LISTS {
            self.list(status, oldest_first, until_us).await;
        }
    }

    async fn list(&self, status: Option<&str>, oldest_first: bool, until_us: u64) -> Option<()> {
        #[derive(Deserialize)]
        struct Page {
            next: Option<String>,
        }
        let mut cursor: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let look = Look::Orders { status: status.map(str::to_owned), oldest_first };
            let request = requests::orders(status, oldest_first, cursor.as_deref());
            let answer = self.ask_until(&Who::Staff, Ask::Look(look), request, until_us).await?;
            cursor = Some(requests::read::<Page>(&answer)?.next?);
        }
        None
    }

    /// Orders that were fulfilled last, the first of them first: when that was seen, in us, and in
    /// which version they are.
    pub(crate) fn fulfilled_last(&self) -> Vec<(u64, String, u64)> {
        let mut seen: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        self.each_read(|order, at_us, version, state| {
            if state == "fulfilled" {
                seen.entry(order.to_owned()).or_insert((at_us, version)).1 = version;
            }
        });
        let seen = seen.into_iter().map(|(order, (at_us, version))| (at_us, order, version));
        let mut last: Vec<_> = seen.collect();
        last.sort_unstable();
        last.split_off(last.len().saturating_sub(WAITED_MAX))
    }

    /// Waits for another version of these orders, and looks at them after a while without waiting.
    pub(crate) async fn wait_for(&self, orders: &[(u64, String, u64)]) {
        let waits =
            orders.iter().map(|(_, order, version)| self.await_order(order, *version, true));
        let looks = async {
            self.sleep_us(LOOK_US).await;
            join_all(orders.iter().map(|(_, order, _)| self.await_order(order, 0, false))).await;
        };
        join(join_all(waits), looks).await;
    }

    async fn await_order(&self, order: &str, than: u64, waits: bool) {
        let wait_ms = if waits { WAIT_MS } else { 0 };
        let ask = Ask::Look(Look::Wait { order: order.to_owned(), than, wait_ms });
        self.ask_once(&Who::Staff, ask, requests::await_order(order, than, wait_ms)).await;
    }
}
