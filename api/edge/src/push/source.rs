//! Where news come from: questions to orders and customers that wait for a later version.

use commerce::customer::{self, Customer, ORDERS_KEPT};
use commerce::keys;
use commerce::order::{self, Order, OrderView};
use commerce::views::orders::{Buyer, OrderList};
use entity::EntityKey;

use super::{News, Position};
use crate::limits;
use crate::problem::{Code, Problem};
use crate::routes::common::unexpected;
use crate::settings;
use crate::shop::{Asker, Shop};

/// Asks for a client.
#[derive(Clone)]
pub(crate) struct Watcher {
    pub(crate) shop: Shop,
    pub(crate) asker: Asker,
}

/// Whether the answer is no (the client may not, or there is nothing), rather than none.
pub(crate) fn is_refusal(problem: &Problem) -> bool {
    matches!(problem.code(), Code::NotFound | Code::InsufficientScope | Code::TenantMismatch)
}

impl Watcher {
    /// The present state for a client that begins with a version.
    pub(crate) async fn first(
        &self,
        order: &EntityKey,
        have: Option<u64>,
    ) -> Result<News, Problem> {
        let keep = usize::try_from(self.shop.settings().get(settings::TIMELINE_KEEP));
        let keep = keep.ok().filter(|keep| *keep > 0);
        let query = order::Query::Newer { than_version: 0 };
        let seen = self.order(order, &query, limits::STREAM_OPEN_MS).await?;
        self.news(order, seen.1, have, keep).await
    }

    /// A state later than `seen`; none when none came in time.
    pub(crate) async fn newer(
        &self,
        order: &EntityKey,
        seen: u64,
        have: Option<u64>,
    ) -> Result<Option<News>, Problem> {
        let query = order::Query::Newer { than_version: seen };
        let (is_ready, view) = self.order(order, &query, limits::STREAM_ASK_MS).await?;
        if !is_ready {
            return Ok(None);
        }
        self.news(order, view, have, None).await.map(Some)
    }

    async fn order(
        &self,
        key: &EntityKey,
        query: &order::Query,
        wait_ms: u64,
    ) -> Result<(bool, Box<OrderView>), Problem> {
        let seen = self.shop.query::<Order>(&self.asker, key, query, wait_ms).await?;
        match seen.view {
            order::View::Order(view) => Ok((seen.ready, view)),
            order::View::Unplaced => Err(Problem::new(Code::NotFound)),
            other @ order::View::Summary(_) => Err(unexpected(&other)),
        }
    }

    async fn news(
        &self,
        key: &EntityKey,
        view: Box<OrderView>,
        have: Option<u64>,
        keep: Option<usize>,
    ) -> Result<News, Problem> {
        let all = match News::asks_since(&view, have) {
            None => None,
            Some(since) => {
                let query = order::Query::View { since_seq: Some(since) };
                let (_, all) = self.order(key, &query, limits::STREAM_OPEN_MS).await?;
                Some((all.timeline, all.timeline_trimmed))
            }
        };
        Ok(News::new(view, all, have, keep))
    }

    /// The customer's newest orders, newest first, and the customer's version; waits up to
    /// `wait_ms` for a version later than `seen`.
    pub(crate) async fn orders(
        &self,
        seen: Option<u64>,
        wait_ms: u64,
    ) -> Result<(u64, Vec<EntityKey>), Problem> {
        let principal = &self.asker.principal;
        let tenant = &principal.tenant;
        let key = keys::customer(tenant, principal.kind, &principal.subject);
        let query = match seen {
            None => customer::Query::Orders,
            Some(than_version) => customer::Query::Newer { than_version },
        };
        let seen = self.shop.query::<Customer>(&self.asker, &key, &query, wait_ms).await?;
        match seen.view {
            customer::View::Orders(orders) => {
                let keys = orders.into_iter().map(|recent| recent.order.key(tenant.clone()));
                Ok((seen.version, keys.collect()))
            }
            other @ (customer::View::Me(_)
            | customer::View::Addresses(_)
            | customer::View::Carts(_)
            | customer::View::Points(_)
            | customer::View::Overview(_)) => Err(unexpected(&other)),
        }
    }

    /// The customer's orders beyond `recent`: those that are not over, newest first, and then those
    /// that the client was told of, as it may not have heard the end. Those of the view, so that
    /// the customer need not keep them all; together with `recent` at most
    /// [`limits::STREAM_BEGIN_MAX`]. None while the view cannot be read: the newest go on.
    pub(crate) async fn older_orders(
        &self,
        recent: &[EntityKey],
        position: &Position,
    ) -> Vec<EntityKey> {
        let principal = &self.asker.principal;
        let buyer = Buyer::of(&principal.tenant, principal.kind, &principal.subject);
        if buyer.is_none() || recent.len() < ORDERS_KEPT {
            return Vec::new();
        }
        let list = OrderList { buyer, ..OrderList::all(principal.tenant.clone()) };
        let n_max = limits::STREAM_BEGIN_MAX.saturating_sub(recent.len());
        let (mut older, mut over, mut after) = (Vec::new(), Vec::new(), None::<Vec<u8>>);
        for _ in 0..limits::STREAM_OLDER_PAGES {
            let rows = limits::STREAM_OLDER_PAGE;
            let page = self.shop.views().orders(list.clone(), rows, after.as_deref()).await;
            let Ok(page) = page else { break };
            for entry in &page.entries {
                let key = list.key(entry).filter(|key| !recent.contains(key));
                let Some(key) = key else { continue };
                if !entry.row.status.is_over() {
                    older.push(key);
                } else if position.get(&key).is_some() {
                    over.push(key);
                }
            }
            after = page.next;
            if after.is_none() || older.len() >= n_max {
                break;
            }
        }
        older.append(&mut over);
        older.truncate(n_max);
        older
    }
}
