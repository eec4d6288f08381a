//! Orders: placing, reading, waiting, cancelling, receipt, release.

use std::pin::pin;

use cluster::Seen;
use commerce::cart::{self, Cart, Place, PlaceBody as Asked};
use commerce::keys;
use commerce::order::{
    Command, Decided, LineQty, Order as OrderEntity, OrderView, PricedOrder, Query,
    Reply as OrderReply, Status, Totals, TxnType, View,
};
use entity::{EntityKey, Scope, Timestamp};
use futures_util::future::{Either, select};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::cursor::CursorOf;
use crate::dto::{List, Money, Order, TimelineEntry, order_id};
use crate::input::{NoBody, OptionalJson};
use crate::json::{Int, Text};
use crate::limits;
use crate::operation::Operation;
use crate::problem::{Code, Problem};
use crate::quoting;
use crate::reply::{Json, Reply};
use crate::request::{Param, ParamKind, WaitLimit};
use crate::route::{Call, Route, route};
use crate::routes::carts::{TenderBody, read_cart, read_money};
use crate::routes::common::{self, CURSOR, LIMIT, if_version};

mod outcome;

/// An order in a path.
pub(crate) const ORDER: Param =
    Param::new("id", ParamKind::Id { prefix: keys::ORDER_PREFIX }, "An order's id.");

const PLACE: Operation = Operation::post("placeOrder", "/v1/orders")
    .about(
        "Orders",
        "Orders what is in a cart; 200: its order was placed before by another request",
    )
    .scoped(Scope::OrdersWrite)
    .statuses(&[200, 201, 202])
    .codes(&[
        Code::NotFound,
        Code::OutOfStock,
        Code::PriceChanged,
        Code::ReservationTimeout,
        Code::CartAlreadyOrdered,
        Code::InsufficientFunds,
        Code::InvalidState,
        Code::PurchaseLimit,
        Code::CouponNotApplicable,
        Code::CurrencyMismatch,
        Code::MoneyOverflow,
        Code::VersionMismatch,
    ])
    .wait(WaitLimit::COMMAND)
    .key();

const GET: Operation = Operation::get("getOrder", "/v1/orders/{id}")
    .about("Orders", "An order; waits for a change with If-None-Match and Prefer: wait")
    .scoped(Scope::OrdersRead)
    .params(&[ORDER])
    .wait(WaitLimit::READ);

const TIMELINE: Operation = Operation::get("getTimeline", "/v1/orders/{id}/timeline")
    .about("Orders", "Everything that happened to an order, oldest first")
    .scoped(Scope::OrdersRead)
    .params(&[ORDER])
    .query(&[LIMIT, CURSOR]);

const CANCEL: Operation = Operation::post("cancelOrder", "/v1/orders/{id}/cancel")
    .about("Orders", "Cancels an order, or units of it that have not left")
    .scoped(Scope::OrdersWrite)
    .params(&[ORDER])
    .statuses(&[200, 202])
    .codes(&[Code::InvalidState])
    .wait(WaitLimit::COMMAND)
    .key()
    .may_match();

const RECEIPT: Operation = Operation::post("confirmReceipt", "/v1/orders/{id}/receipt")
    .about("Orders", "The buyer has what was dispatched")
    .scoped(Scope::OrdersWrite)
    .params(&[ORDER])
    .codes(&[Code::InvalidState])
    .natural()
    .may_match();

const RELEASE: Operation = Operation::post("releaseOrder", "/v1/orders/{id}/release")
    .about("Orders", "Ends the freeze of an order on hold")
    .staff(Scope::OrdersWrite)
    .params(&[ORDER])
    .codes(&[Code::InvalidState])
    .key();

/// The operations of this file.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        route(&PLACE, place),
        route(&GET, get),
        route(&TIMELINE, timeline),
        route(&CANCEL, cancel),
        route(&RECEIPT, receipt),
        route(&RELEASE, release),
    ]
}

/// The profile of an order.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum TxnWord {
    #[default]
    Fixed,
    Cod,
    Presale,
    Flash,
    Auction,
    Insurance,
}

impl From<TxnWord> for TxnType {
    fn from(word: TxnWord) -> Self {
        match word {
            TxnWord::Fixed => Self::Fixed,
            TxnWord::Cod => Self::Cod,
            TxnWord::Presale => Self::Presale,
            TxnWord::Flash => Self::Flash,
            TxnWord::Auction => Self::Auction,
            TxnWord::Insurance => Self::Insurance,
        }
    }
}

/// The wish to order what is in a cart.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PlaceBody {
    /// The cart.
    cart_id: Text<8, 64>,
    /// The version that the buyer saw.
    cart_version: Int<1, 9_007_199_254_740_991>,
    /// The quote that the buyer accepted.
    quote_hash: Text<1, 128>,
    /// The quote's `totals.payable`.
    expected_total: Money,
    /// How it is paid: equal to the cart's.
    #[serde(default)]
    tenders: Vec<TenderBody>,
    /// The profile; `fixed` when absent.
    #[serde(default)]
    txn_type: TxnWord,
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
    /// Units, at least one line; all of the order when absent or null.
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

fn asked(body: &PlaceBody) -> Result<Asked, Problem> {
    Ok(Asked {
        cart_version: u64::try_from(body.cart_version.0).expect("the body's type bounds it"),
        quote_hash: (&*body.quote_hash).into(),
        expected_total: read_money(&body.expected_total)?,
        txn_type: body.txn_type.into(),
        tenders: body.tenders.iter().map(TenderBody::read).collect::<Result<_, _>>()?,
    })
}

async fn place(call: Call<Json<PlaceBody>>) -> Result<Reply<Json<Order>>, Problem> {
    let shop = call.edge.shop();
    let body = &call.body.0;
    let cart_key = keys::cart(&call.caller.tenant, &body.cart_id);
    let asker = call.asker_with_key();
    let reader = asker.shown(Scope::OrdersRead);
    let view = read_cart(&call, &reader, &cart_key).await?;
    let priced = match view.status {
        cart::Status::Open => quoting::price(shop, &call.caller.tenant, &call.asker(), &view).await,
        // The price of a frozen cart stands in its order; the cart compares what is asked.
        cart::Status::Frozen | cart::Status::Ordered => Err(Problem::new(Code::PriceChanged)),
    };
    let command = Place {
        body: asked(body)?,
        priced: priced.as_ref().map_or_else(
            |_| unpriced(view.content.currency),
            |priced| quoting::priced_order(&priced.quote),
        ),
        timers: shop.timers(),
        locale: call.caller.locale.clone(),
    };
    let held = outcome::held(shop, &reader, &view).await;
    let command = match held {
        Some(order_version) => cart::Command::PlaceHeld { place: Box::new(command), order_version },
        None => cart::Command::Place(Box::new(command)),
    };
    // The order lives beside its cart: a query that is sent behind the command waits there for the
    // very version with which placing comes to something, and nothing has to be folded for it.
    let expected = keys::order(&cart_key, view.generation);
    let wait_ms = call.prefer.wait_ms;
    let placing = pin!(shop.ask::<Cart>(&asker, &cart_key, &command));
    let settling = pin!(shop.query::<OrderEntity>(&reader, &expected, &Query::Settled, wait_ms));
    // A cart that has no price says why, rather than that the price is another one.
    let told = |problem: Problem| match problem.code() {
        Code::PriceChanged => why(priced, problem),
        _ => problem,
    };
    let (reply, seen) = match select(placing, settling).await {
        Either::Left((reply, settling)) => {
            let reply = reply.map_err(told)?;
            // A repeat may be about an earlier order of the cart; nobody waits for the next one.
            let is_expected = placed_order(&reply.value) == Some(&expected);
            (reply, if is_expected { Some(settling.await) } else { None })
        }
        Either::Right((seen, placing)) => (placing.await.map_err(told)?, Some(seen)),
    };
    let is_replay = reply.replayed.is_some();
    let Some(order) = placed_order(&reply.value).cloned() else {
        return Err(common::unexpected(&reply.value));
    };
    let origin = reply.replayed.map(|first| (first.request, first.trace_id));
    if let cart::Reply::Held { order, version } = &reply.value {
        let query = Query::View { since_seq: None };
        let seen = shop.query_at::<OrderEntity>(&reader, order, *version, &query).await?;
        let then = whole(seen.view)?;
        return Ok(placed_before(order, &then)?.replayed(is_replay));
    }
    let seen = match seen {
        Some(Ok(seen)) if order == expected => seen,
        // Another request took the cart's generation meanwhile, or too many wait for the order.
        Some(Ok(_) | Err(_)) | None => {
            shop.query::<OrderEntity>(&reader, &order, &Query::Settled, wait_ms).await?
        }
    };
    settle(&call, &order, seen, origin).await.map(|reply| reply.replayed(is_replay))
}

/// The order that a cart was placed as.
const fn placed_order(reply: &cart::Reply) -> Option<&EntityKey> {
    match reply {
        cart::Reply::Placed { order, .. } | cart::Reply::Held { order, .. } => Some(order),
        cart::Reply::Done | cart::Reply::Merging => None,
    }
}

/// The order that another request placed, as it was when this one was answered first.
fn placed_before(order: &EntityKey, view: &OrderView) -> Result<Reply<Json<Order>>, Problem> {
    let path = format!("/v1/orders/{}", order_id(order));
    let body = Order::new(view, last_at(view))?;
    Ok(Reply::ok(body).version(view.version).location(path))
}

/// Why a cart could not be ordered at the accepted price.
fn why(priced: Result<quoting::Priced, Problem>, otherwise: Problem) -> Problem {
    match priced {
        Ok(priced) if !priced.complete => {
            let gone = priced.warnings.iter().filter(|warning| warning.code == "not_for_sale");
            let lines: Vec<_> =
                gone.map(|warning| json!({"sku": warning.sku, "available": 0})).collect();
            Problem::new(Code::OutOfStock).with("lines", lines)
        }
        Ok(_) => otherwise,
        Err(problem) => problem,
    }
}

fn unpriced(ccy: commerce::money::Ccy) -> PricedOrder {
    PricedOrder {
        quote_hash: compact_str::CompactString::const_new(""),
        ccy,
        lines: Vec::new(),
        totals: Totals::default(),
    }
}

/// Answers what placing came to, as the waiting query saw it: 201, 202, or 409.
///
/// The answer shows the order as it was when it first came to something, so that a repeat with the
/// same key gives the same bytes whatever has happened since.
async fn settle<B>(
    call: &Call<B>,
    order: &EntityKey,
    mut seen: Seen<OrderEntity>,
    origin: Option<(u64, [u8; 16])>,
) -> Result<Reply<Json<Order>>, Problem> {
    let shop = call.edge.shop();
    let asker = call.asker().shown(Scope::OrdersRead);
    if matches!(seen.view, View::Unplaced) {
        // The cart's message is on its way.
        let wait_ms = limits::PLACE_GRACE_MS;
        seen = shop.query::<OrderEntity>(&asker, order, &Query::Settled, wait_ms).await?;
    }
    let view = match seen.view {
        View::Order(view) => view,
        View::Unplaced => return Err(Problem::new(Code::Unavailable)),
        other @ View::Summary(_) => return Err(common::unexpected(&other)),
    };
    let path = format!("/v1/orders/{}", order_id(order));
    let Some(first) = outcome::first_settled(&view).filter(|_| seen.ready) else {
        let body = Order::new(&view, shop.region().now())?;
        return Ok(Reply::new(202, Json(body)).version(view.version).location(path));
    };
    let view = outcome::as_of(shop, &asker, order, view, first.seq).await?;
    if first.status == Status::Cancelled {
        let problem = outcome::cancelled(&view);
        return Err(match origin {
            Some((request, trace_id)) => problem.replayed(request, trace_id),
            None => problem,
        });
    }
    let body = Order::new(&view, first.at)?;
    Ok(Reply::created(body).version(view.version).location(path))
}

async fn get(call: Call<NoBody>) -> Result<Reply<Json<Order>>, Problem> {
    let shop = call.edge.shop();
    let known = call.known.iter().flatten().filter_map(|tag| tag.strip_prefix('v')?.parse().ok());
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
    let body = Order::new(&view, shop.region().now())?;
    Ok(Reply::ok(body).version(view.version))
}

async fn timeline(call: Call<NoBody>) -> Result<Reply<Json<List<TimelineEntry>>>, Problem> {
    let shop = call.edge.shop();
    let cursor = CursorOf::new("timeline", &call.caller, &call.raw_query);
    let sealer = call.edge.authority().keys().sealer();
    let after: Option<u64> =
        call.query.get("cursor").map(|text| cursor.open(sealer, text)).transpose()?;
    let query = Query::View { since_seq: Some(after.unwrap_or(0)) };
    let seen = shop.query::<OrderEntity>(&call.asker(), &key(&call), &query, 0).await?;
    let mut entries = whole(seen.view)?.timeline;
    let limit = common::limit(&call, limits::PAGE_DEFAULT) as usize;
    let has_more = entries.len() > limit;
    entries.truncate(limit);
    let last = entries.last().map(|entry| entry.seq).filter(|_| has_more);
    let next = last.map(|seq| cursor.seal(sealer, seq));
    let data = entries.into_iter().map(TimelineEntry::from).collect();
    Ok(Reply::page(List::new(data, next), &call.raw_path, &call.raw_query))
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
    let command = Command::Cancel { lines, if_version: if_version(call.condition)? };
    let asker = call.asker_with_key();
    let reply = shop.ask::<OrderEntity>(&asker, &order, &command).await?;
    let is_replay = reply.replayed.is_some();
    let (asker, wait_ms) = (asker.shown(Scope::OrdersRead), call.prefer.wait_ms);
    let seen = shop.query::<OrderEntity>(&asker, &order, &Query::CancelSettled, wait_ms).await?;
    let view = whole(seen.view)?;
    let view = match reply.value {
        OrderReply::Done if is_replay => {
            outcome::as_of(shop, &asker, &order, view, reply.version).await?
        }
        OrderReply::Done | OrderReply::Begun => view,
    };
    if seen.ready
        && is_whole
        && !matches!(view.after.status, Status::Cancelled | Status::Cancelling)
        && reply.value == OrderReply::Begun
    {
        // A shipment could not be stopped: the request was dropped (domain.md 2).
        return Err(Problem::new(Code::InvalidState).with("state", view.after.status.word()));
    }
    let said_at = last_at(&view);
    let status = if seen.ready { 200 } else { 202 };
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
    let command = Command::ConfirmReceipt { if_version: if_version(call.condition)? };
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
