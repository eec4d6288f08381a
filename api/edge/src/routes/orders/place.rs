//! Placing: from a quoted cart to an order, or to the reason why there is none.

use std::pin::pin;

use cluster::{AskError, Seen, gathered};
use commerce::cart::{self, Cart, CartView, Place, PlaceBody as Asked};
use commerce::keys;
use commerce::order::{
    Order as OrderEntity, OrderView, PricedOrder, Query, Status, Totals, TxnType, View,
};
use commerce::pricing::is_same_deal;
use entity::{EntityKey, Scope};
use futures_util::future::{Either, select};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{last_at, outcome, whole};
use crate::dto::{Money, Order, order_id};
use crate::json::{Int, Text};
use crate::limits;
use crate::operation::Operation;
use crate::problem::{Code, Problem};
use crate::quoting;
use crate::refusal::Offer;
use crate::reply::{Json, Reply};
use crate::request::WaitLimit;
use crate::route::Call;
use crate::routes::carts::quote::show_quote;
use crate::routes::carts::{TenderBody, read_cart, read_money, read_tenders};
use crate::routes::common;
use crate::shop::Shop;

pub(super) const PLACE: Operation = Operation::post("placeOrder", "/v1/orders")
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
    .key()
    .minimal();

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
pub(super) struct PlaceBody {
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

fn asked(body: &PlaceBody) -> Result<Asked, Problem> {
    Ok(Asked {
        cart_version: u64::try_from(body.cart_version.0).expect("the body's type bounds it"),
        quote_hash: (&*body.quote_hash).into(),
        expected_total: read_money(&body.expected_total, "/expected_total")?,
        txn_type: body.txn_type.into(),
        tenders: read_tenders(&body.tenders)?,
    })
}

pub(super) async fn place(call: Call<Json<PlaceBody>>) -> Result<Reply<Json<Order>>, Problem> {
    let shop = call.edge.shop();
    let body = &call.body.0;
    let cart_key = keys::cart(&call.caller.tenant, &body.cart_id);
    let asker = call.asker_with_key();
    let reader = asker.shown(Scope::OrdersRead);
    let view = read_cart(&call, &reader, &cart_key).await?;
    let priced = match view.status {
        cart::Status::Open => price_of(&call, &view).await?,
        // The price of a frozen cart stands in its order; the cart compares what is asked.
        cart::Status::Frozen | cart::Status::Ordered => Err(Problem::new(Code::PriceChanged)),
    };
    let place = Place {
        body: asked(body)?,
        priced: priced.as_ref().map_or_else(
            |_| unpriced(view.content.currency),
            |priced| quoting::priced_order(&priced.quote),
        ),
        timers: shop.timers(),
        locale: call.caller.locale.clone(),
    };
    let held = outcome::held(shop, &reader, &view).await;
    let offer = offer(&call, &view, priced.as_ref(), &place)?;
    let place = Box::new(place);
    let command = match (held, offer.text()) {
        (Some(order_version), _) => cart::Command::PlaceHeld { place, order_version },
        (None, Some(offer)) => cart::Command::PlaceOffered { place, offer },
        (None, None) => cart::Command::Place(place),
    };
    // The order lives beside its cart: a query that is sent behind the command waits there for the
    // very version with which placing comes to something, and nothing has to be folded for it.
    let expected = keys::order(&cart_key, view.generation);
    let wait_ms = call.prefer.wait_ms;
    let placing = pin!(shop.tell::<Cart>(&asker, &cart_key, &command));
    let settling = pin!(shop.query::<OrderEntity>(&reader, &expected, &Query::Settled, wait_ms));
    let told = |error: AskError<Cart>| refused(shop, priced, offer, error);
    let (reply, seen) = match gathered(select(placing, settling)).await {
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

/// The price of an open cart, or why it has none. Errors: the cart is not asked at all.
async fn price_of<B>(
    call: &Call<B>,
    view: &CartView,
) -> Result<Result<quoting::Priced, Problem>, Problem> {
    match quoting::price(call.edge.shop(), &call.caller.tenant, &call.asker(), view).await {
        // Not known for now is no price: a cart that is asked without one keeps its refusal for
        // the key, and whoever tries again would hear that the price has changed.
        Err(problem) if problem.code().retryable() => Err(problem),
        known => Ok(known),
    }
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

/// What is offered if the cart refuses for its price: it is not what was accepted, line by line or
/// in all.
fn offer<B>(
    call: &Call<B>,
    cart: &CartView,
    priced: Result<&quoting::Priced, &Problem>,
    place: &Place,
) -> Result<Offer, Problem> {
    let Ok(priced) = priced else { return Ok(Offer::Nothing) };
    if !priced.complete {
        let gone = priced.warnings.iter().filter(|warning| warning.code == "not_for_sale");
        let lines = gone.map(|warning| json!({"sku": warning.sku, "available": 0}));
        return Ok(Offer::Lines(lines.collect()));
    }
    let is_agreed = is_same_deal(&place.body.quote_hash, &place.priced.quote_hash);
    if is_agreed && place.priced.totals.payable == place.body.expected_total.minor {
        return Ok(Offer::Nothing);
    }
    let quote = show_quote(call, cart, priced, call.edge.shop().region().now())?;
    Ok(Offer::Quote(json!(quote)))
}

/// The cart's refusal. A cart that has no price says why, rather than that it is another one; what
/// is too much to be kept with the key is offered as it is by now.
fn refused(
    shop: &Shop,
    priced: Result<quoting::Priced, Problem>,
    offer: Offer,
    error: AskError<Cart>,
) -> Problem {
    let problem = shop.refused(error);
    match priced {
        _ if problem.code() != Code::PriceChanged || !problem.members().is_empty() => problem,
        // A cart that is held has no other price to take: a refusal from before stays as it was
        // kept, and says that it is a repeat.
        Err(otherwise) if otherwise.code() == Code::PriceChanged => problem,
        Err(why) => why,
        Ok(_) => match offer {
            Offer::Quote(quote) => problem.with("quote", quote),
            // Lines are always kept: these are no part of what is repeated here.
            Offer::Lines(_) | Offer::Nothing => problem,
        },
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
/// The answer shows the order as it was when it first came to something and had its number, so that
/// a repeat with the same key gives the same bytes whatever has happened since. Who does not wait
/// (`respond-async`, `wait=0`) is told 202, by repeats too, with the order as it stands; a repeat
/// from its cancellation on, why.
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
    let is_async = call.prefer.wait_ms == 0;
    if is_async && origin.is_some() && view.after.status == Status::Cancelled {
        return Err(not_sold(&view, origin));
    }
    let first = match seen.ready && !is_async {
        true => outcome::first_ever_settled(shop, &asker, order, &view).await?,
        false => None,
    };
    let Some(first) = first else {
        let body = Order::new(&view, shop.region().now())?;
        return Ok(Reply::new(202, Json(body)).version(view.version).location(path));
    };
    let view = outcome::answered(shop, &asker, order, view, first).await?;
    if first.status == Status::Cancelled {
        return Err(not_sold(&view, origin));
    }
    let body = Order::new(&view, first.at)?;
    Ok(Reply::created(body).version(view.version).location(path))
}

/// Why an order was not sold, and of a repeat whom it repeats.
fn not_sold(view: &OrderView, origin: Option<(u64, [u8; 16])>) -> Problem {
    let problem = outcome::cancelled(view);
    match origin {
        Some((request, trace_id)) => problem.replayed(request, trace_id),
        None => problem,
    }
}
