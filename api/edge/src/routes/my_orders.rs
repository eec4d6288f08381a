//! The buyer's orders: the first page from the customer, which every order reports itself to.

use commerce::customer;
use commerce::order::{Order as OrderEntity, Query};
use entity::{EntityKey, Scope};
use futures_util::StreamExt;

use crate::dto::{List, Order};
use crate::input::NoBody;
use crate::limits;
use crate::operation::Operation;
use crate::problem::{Code, Problem};
use crate::reply::{Json, Reply};
use crate::route::{Call, Route, route};
use crate::routes::common::{self, CURSOR, LIMIT};
use crate::routes::customers;
use crate::routes::orders::whole;

const LIST: Operation = Operation::get("listMyOrders", "/v1/me/orders")
    .about("Customers", "The caller's orders, newest first")
    .scoped(Scope::OrdersRead)
    .query(&[LIMIT, CURSOR])
    .codes(&[Code::MoneyOverflow]);

/// The operations of this file.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![route(&LIST, list)]
}

async fn list(call: Call<NoBody>) -> Result<Reply<Json<List<Order>>>, Problem> {
    let recent = match customers::read(&call, customer::Query::Orders).await? {
        customer::View::Orders(recent) => recent,
        other => return Err(common::unexpected(&other)),
    };
    let keys: Vec<EntityKey> =
        recent.iter().map(|recent| recent.order.key(call.caller.tenant.clone())).collect();
    let orders = read_all(&call, &keys).await?;
    Ok(Reply::ok(List::new(orders, None)))
}

/// Whole orders, in the order of their keys. One that is about to be placed is left out.
pub(crate) async fn read_all<B>(call: &Call<B>, keys: &[EntityKey]) -> Result<Vec<Order>, Problem> {
    let (shop, asker) = (call.edge.shop(), call.asker());
    let query = Query::View { since_seq: None };
    let reads = keys.iter().map(|key| shop.query::<OrderEntity>(&asker, key, &query, 0));
    let reads: Vec<_> =
        futures_util::stream::iter(reads).buffered(limits::READS_AT_ONCE).collect().await;
    let mut orders = Vec::with_capacity(reads.len());
    for read in reads {
        match read {
            Ok(seen) => orders.push(Order::new(&*whole(seen.view)?, shop.region().now())?),
            Err(problem) if problem.code() == Code::NotFound => {}
            Err(problem) => return Err(problem),
        }
    }
    Ok(orders)
}
