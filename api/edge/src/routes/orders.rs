//! Orders: placing, reading, waiting, cancelling, receipt, release.

use std::pin::pin;

use commerce::keys;
use commerce::order::{
    Command, Decided, LineQty, Order as OrderEntity, OrderView, Query, Reply as OrderReply, Status,
    View,
};
use entity::{EntityKey, Scope, Timestamp};
use futures_util::future::{Either, select};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::dto::{Order, order_id};
use crate::input::{NoBody, OptionalJson};
use crate::json::{self, Int, Text};
use crate::operation::Operation;
use crate::problem::{Code, Problem};
use crate::reply::{Json, Reply};
use crate::request::{Param, ParamKind, WaitLimit, version_in_tag};
use crate::route::{Call, Route, route};
use crate::routes::catalogue::expand_skus;
use crate::routes::common::{self, EXPAND, if_version};

mod outcome;
mod place;
mod timeline;

/// An order in a path.
pub(crate) const ORDER: Param =
    Param::new("id", ParamKind::Id { prefix: keys::ORDER_PREFIX }, "An order's id.");

const GET: Operation = Operation::get("getOrder", "/v1/orders/{id}")
    .about("Orders", "An order; waits for a change with If-None-Match and Prefer: wait")
    .scoped(Scope::OrdersRead)
    .params(&[ORDER])
    .query(&[EXPAND])
    .wait(WaitLimit::READ);

const CANCEL: Operation = Operation::post("cancelOrder", "/v1/orders/{id}/cancel")
    .about("Orders", "Cancels an order, or units of it that have not left")
    .scoped(Scope::OrdersWrite)
    .params(&[ORDER])
    .statuses(&[200, 202])
    .codes(&[Code::InvalidState])
    .wait(WaitLimit::COMMAND)
    .key()
    .may_match()
    .minimal();

const RECEIPT: Operation = Operation::post("confirmReceipt", "/v1/orders/{id}/receipt")
    .about("Orders", "The buyer has what was dispatched")
    .scoped(Scope::OrdersWrite)
    .params(&[ORDER])
    .codes(&[Code::InvalidState])
    .natural()
    .may_match()
    .minimal();

const RELEASE: Operation = Operation::post("releaseOrder", "/v1/orders/{id}/release")
    .about("Orders", "Ends the freeze of an order on hold")
    .staff(Scope::OrdersWrite)
    .params(&[ORDER])
    .codes(&[Code::InvalidState])
    .key()
    .minimal();

/// The operations of this file.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        route(&place::PLACE, place::place),
        route(&GET, get),
        route(&timeline::TIMELINE, timeline::timeline),
        route(&CANCEL, cancel),
        route(&RECEIPT, receipt),
        route(&RELEASE, release),
    ]
}

/// Units to cancel.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CancelLine {
    /// The line.
    line_id: Text<1, 8>,
    /// Units of it.
    qty: Int<1, 1_000_000>,
}

/// What to cancel.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CancelBody {
    /// Units, at least one line; all of the order when absent.
    #[serde(default, deserialize_with = "json::given")]
    #[schema(nullable = false)]
    lines: Option<Vec<CancelLine>>,
}

/// What staff decides.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum DecidedWord {
    Resume,
    Cancel,
}

/// The end of a freeze.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReleaseBody {
    /// How.
    decision: DecidedWord,
    /// Why, for the record.
    reason: Text<1, 500>,
}

pub(crate) fn key<B>(call: &Call<B>) -> EntityKey {
    keys::parse_order(&call.caller.tenant, call.path.expect("id"))
        .expect("the parameter's form was checked")
}

/// The order of a view that must be there.
pub(crate) fn whole(view: View) -> Result<Box<OrderView>, Problem> {
    match view {
        View::Order(view) => Ok(view),
        View::Unplaced => Err(Problem::new(Code::NotFound)),
        other @ View::Summary(_) => Err(common::unexpected(&other)),
    }
}

async fn get(call: Call<NoBody>) -> Result<Reply<Json<Order>>, Problem> {
    let shop = call.edge.shop();
    let known = call.known.iter().flatten().filter_map(|tag| version_in_tag(tag));
    let (query, wait_ms) = match known.max() {
        Some(than_version) if call.prefer.wait_ms > 0 => {
            (Query::Newer { than_version }, call.prefer.wait_ms)
        }
        _ => (Query::View { since_seq: None }, 0),
    };
    let (asker, order) = (call.asker(), key(&call));
    let polling = pin!(shop.query::<OrderEntity>(&asker, &order, &query, wait_ms));
    let seen = if wait_ms == 0 {
        polling.await?
    } else {
        match select(polling, pin!(call.edge.streams().end())).await {
            Either::Left((seen, _)) => seen?,
            // The node stops: a poll is answered as if its time were over, and comes back to
            // another node. Its connection would be cut without an answer.
            Either::Right(((), _)) => {
                let query = Query::View { since_seq: None };
                shop.query::<OrderEntity>(&asker, &order, &query, 0).await?
            }
        }
    };
    let view = whole(seen.view)?;
    let mut body = Order::new(&view, shop.region().now())?;
    if common::expands_skus(&call.query) {
        let tag = expand_skus(&call, view.version, body.skus_mut()).await?;
        return Ok(Reply::ok(body).tag(tag));
    }
    Ok(Reply::ok(body).version(view.version))
}

async fn cancel(call: Call<OptionalJson<CancelBody>>) -> Result<Reply<Json<Order>>, Problem> {
    let shop = call.edge.shop();
    let order = key(&call);
    if call.body.0.lines.as_ref().is_some_and(Vec::is_empty) {
        // A list from which the last line was taken must not cancel everything.
        return Err(Problem::failed("/lines", "empty", "must name a line, or be absent for all"));
    }
    let lines: Vec<LineQty> = call
        .body
        .0
        .lines
        .iter()
        .flatten()
        .map(|line| LineQty { line_id: (&*line.line_id).into(), qty: common::units(line.qty.0) })
        .collect();
    let is_whole = lines.is_empty();
    let command = Command::Cancel { lines, if_version: if_version(call.condition) };
    let asker = call.asker_with_key();
    let reply = shop.ask::<OrderEntity>(&asker, &order, &command).await?;
    let is_replay = reply.replayed.is_some();
    let (asker, wait_ms) = (asker.shown(Scope::OrdersRead), call.prefer.wait_ms);
    let seen = shop.query::<OrderEntity>(&asker, &order, &Query::CancelSettled, wait_ms).await?;
    let view = whole(seen.view)?;
    let view = match reply.value {
        OrderReply::Done => outcome::as_of(shop, &asker, &order, view, reply.version).await?,
        OrderReply::Begun if seen.ready => {
            outcome::first_cancel_settled(shop, &asker, &order, view, reply.version).await?
        }
        OrderReply::Begun => view,
    };
    // On hold it waits like everything else, and is neither done nor dropped.
    let waits = reply.value == OrderReply::Begun && view.after.on_hold;
    let is_settled = seen.ready && !waits;
    if is_settled
        && is_whole
        && !matches!(view.after.status, Status::Cancelled | Status::Cancelling)
        && reply.value == OrderReply::Begun
    {
        // A shipment could not be stopped: the request was dropped (domain.md 2).
        return Err(Problem::new(Code::InvalidState).with("state", view.after.status.word()));
    }
    let said_at = last_at(&view);
    let status = if is_settled { 200 } else { 202 };
    let path = format!("/v1/orders/{}", order_id(&order));
    let reply = Reply::new(status, Json(Order::new(&view, said_at)?)).version(view.version);
    let reply = if status == 202 { reply.location(path) } else { reply };
    Ok(reply.replayed(is_replay))
}

/// When the last thing that the view shows happened: what is said of it is as old.
fn last_at(view: &OrderView) -> Timestamp {
    view.timeline.last().map_or(view.created_at, |entry| entry.at)
}

async fn receipt(call: Call<NoBody>) -> Result<Reply<Json<Order>>, Problem> {
    let shop = call.edge.shop();
    let order = key(&call);
    let command = Command::ConfirmReceipt { if_version: if_version(call.condition) };
    let asker = call.asker_with_key();
    let reply = shop.ask::<OrderEntity>(&asker, &order, &command).await?;
    let (asker, query) = (asker.shown(Scope::OrdersRead), Query::View { since_seq: None });
    let seen = shop.query::<OrderEntity>(&asker, &order, &query, 0).await?;
    let view = outcome::as_of(shop, &asker, &order, whole(seen.view)?, reply.version).await?;
    let body = Order::new(&view, last_at(&view))?;
    Ok(Reply::ok(body).version(view.version).replayed(reply.replayed.is_some()))
}

async fn release(call: Call<Json<ReleaseBody>>) -> Result<Reply<Json<Order>>, Problem> {
    let shop = call.edge.shop();
    let order = key(&call);
    let decided = match call.body.0.decision {
        DecidedWord::Resume => Decided::Resume,
        DecidedWord::Cancel => Decided::Cancel,
    };
    let command = Command::Release { decided, note: (&*call.body.0.reason).into() };
    let asker = call.asker_with_key();
    let reply = shop.ask::<OrderEntity>(&asker, &order, &command).await?;
    let (asker, query) = (asker.shown(Scope::OrdersRead), Query::View { since_seq: None });
    let seen = shop.query::<OrderEntity>(&asker, &order, &query, 0).await?;
    let view = outcome::as_of(shop, &asker, &order, whole(seen.view)?, reply.version).await?;
    let body = Order::new(&view, last_at(&view))?;
    Ok(Reply::ok(body).version(view.version).replayed(reply.replayed.is_some()))
}
