//! The buyer's orders.
//!
//! Every order reports itself to its customer, who keeps the newest ones. As long as these are all
//! that there are, the list is theirs and shows what was just ordered; the pages of a buyer with
//! more, and filtered ones, come from the read model.

use commerce::customer::{self, ORDERS_KEPT};
use commerce::order::{Order as OrderEntity, Query};
use commerce::views::orders::Buyer;
use entity::{EntityKey, Scope};
use futures_util::StreamExt;

use crate::dto::{List, Order};
use crate::input::NoBody;
use crate::limits;
use crate::operation::Operation;
use crate::problem::{Code, Problem, is_of_one};
use crate::reply::{Json, Reply};
use crate::request::Param;
use crate::route::{Call, Route, route};
use crate::routes::common::{self, CURSOR, EXPAND, LIMIT};
use crate::routes::customers;
use crate::routes::order_lists::{self, FROM, PAYMENT, SORT, STATUS, TO};
use crate::routes::orders::whole;

const QUERY: &[Param] = &[LIMIT, CURSOR, STATUS, PAYMENT, FROM, TO, SORT, EXPAND];

/// What says how much of the list is shown, and how, but not which orders.
const FORM: [&str; 2] = [LIMIT.name, EXPAND.name];

const LIST: Operation = Operation::get("listMyOrders", "/v1/me/orders")
    .about("Customers", "The caller's orders, newest first")
    .scoped(Scope::OrdersRead)
    .query(QUERY);

/// The operations of this file.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![route(&LIST, list)]
}

async fn list(call: Call<NoBody>) -> Result<Reply<Json<List<Order>>>, Problem> {
    let is_plain = QUERY
        .iter()
        .all(|param| FORM.contains(&param.name) || call.query.get(param.name).is_none());
    if is_plain && let Some(keys) = all_recent(&call).await? {
        let list = List::new(read_all(&call, &keys).await?, None);
        return order_lists::shown(&call, list, &call.query).await;
    }
    let principal = call.principal();
    let own = Buyer::of(&principal.tenant, principal.kind, &principal.subject);
    let own = own.ok_or_else(|| Problem::new(Code::Internal))?;
    order_lists::page(&call, "my_orders", QUERY, Some(own), limits::MY_ORDERS_PAGE_DEFAULT).await
}

/// The orders that the customer keeps, if these are all and fit on the page.
async fn all_recent(call: &Call<NoBody>) -> Result<Option<Vec<EntityKey>>, Problem> {
    let recent = match customers::read(call, customer::Query::Orders).await? {
        customer::View::Orders(recent) => recent,
        other => return Err(common::unexpected(&other)),
    };
    let limit = common::limit(call, limits::MY_ORDERS_PAGE_DEFAULT) as usize;
    if recent.len() > limit || recent.len() >= ORDERS_KEPT {
        return Ok(None);
    }
    let mut recent = recent;
    recent.sort_by_key(|order| std::cmp::Reverse(order.at));
    let tenant = &call.caller.tenant;
    Ok(Some(recent.iter().map(|recent| recent.order.key(tenant.clone())).collect()))
}

/// Whole orders, in the order of their keys, those in quarantine as their journal has them.
///
/// One that is about to be placed is left out, and so is one that cannot be read: it is logged, and
/// the others are shown. Errors: none can be read, as long as its shards do not answer.
pub(crate) async fn read_all<B>(call: &Call<B>, keys: &[EntityKey]) -> Result<Vec<Order>, Problem> {
    let (shop, asker) = (call.edge.shop(), call.asker());
    let query = Query::View { since_seq: None };
    let reads = keys.iter().map(|key| shop.query_or_read::<OrderEntity>(&asker, key, &query));
    let reads: Vec<_> =
        futures_util::stream::iter(reads).buffered(limits::READS_AT_ONCE).collect().await;
    let (mut orders, mut silent) = (Vec::with_capacity(reads.len()), None);
    for (read, key) in reads.into_iter().zip(keys) {
        match read {
            Ok(seen) => orders.push(Order::new(&*whole(seen.view)?, shop.region().now())?),
            Err(problem) if problem.code() == Code::NotFound => {}
            Err(problem) if is_of_one(&problem) => {
                tracing::error!(%key, %problem, "an order cannot be read; a list goes without it");
                silent = silent.or(Some(problem).filter(|p| p.code() == Code::Unavailable));
            }
            Err(problem) => return Err(problem),
        }
    }
    match silent {
        Some(problem) if orders.is_empty() => Err(problem),
        Some(_) | None => Ok(orders),
    }
}
