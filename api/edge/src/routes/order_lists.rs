//! Lists of orders: for staff over the shop, for buyers over their own.
//!
//! Which orders there are comes from the read model, each order from itself, so a page may hold an
//! order whose status has moved on since it was listed. A cursor holds the place, the filter and
//! the sort: orders that come meanwhile shift nothing.

use commerce::keys;
use commerce::order::{PaymentStatus, Status};
use commerce::views::Sort;
use commerce::views::orders::{Buyer, OrderList};
use data_encoding::BASE64URL_NOPAD;
use entity::{EntityKey, Scope, Timestamp, parse_public_id};

use crate::cursor::CursorOf;
use crate::dto::{Instant, List, Order};
use crate::input::NoBody;
use crate::limits;
use crate::operation::Operation;
use crate::problem::{Code, Problem};
use crate::reply::{Json, Reply};
use crate::request::{Param, ParamKind, Params, read_query};
use crate::route::{Call, Route, route};
use crate::routes::catalogue::whole_skus;
use crate::routes::common::{self, CURSOR, EXPAND, LIMIT};
use crate::routes::my_orders::read_all;

const STATUSES: [Status; 8] = [
    Status::Processing,
    Status::AwaitingPayment,
    Status::Confirmed,
    Status::InFulfilment,
    Status::Fulfilled,
    Status::Completed,
    Status::Cancelling,
    Status::Cancelled,
];

const STATUS_WORDS: [&str; STATUSES.len()] = {
    let mut words = [""; STATUSES.len()];
    let mut index = 0;
    while index < words.len() {
        words[index] = STATUSES[index].word();
        index += 1;
    }
    words
};

const PAYMENTS: [PaymentStatus; 10] = [
    PaymentStatus::None,
    PaymentStatus::Authorised,
    PaymentStatus::PartiallyPaid,
    PaymentStatus::Paid,
    PaymentStatus::CodDue,
    PaymentStatus::Overpaid,
    PaymentStatus::PartiallyRefunded,
    PaymentStatus::Refunded,
    PaymentStatus::Voided,
    PaymentStatus::Disputed,
];

const PAYMENT_WORDS: [&str; PAYMENTS.len()] = {
    let mut words = [""; PAYMENTS.len()];
    let mut index = 0;
    while index < words.len() {
        words[index] = PAYMENTS[index].word();
        index += 1;
    }
    words
};

/// Which statuses.
pub(crate) const STATUS: Param = Param::new(
    "status",
    ParamKind::Words(&STATUS_WORDS),
    "Orders with one of these statuses, separated by commas.",
);

/// Which payment statuses.
pub(crate) const PAYMENT: Param = Param::new(
    "payment_status",
    ParamKind::Words(&PAYMENT_WORDS),
    "Orders with one of these payment statuses, separated by commas.",
);

/// From when on.
pub(crate) const FROM: Param =
    Param::new("created[gte]", ParamKind::Instant, "Placed at this time or later.");

/// Until when.
pub(crate) const TO: Param =
    Param::new("created[lte]", ParamKind::Instant, "Placed at this time or earlier.");

/// In which order.
pub(crate) const SORT: Param = Param::new(
    "sort",
    ParamKind::Word(&["-created", "created"]),
    "`-created`, the newest first, or `created`, the oldest first.",
);

const CUSTOMER: Param = Param::new(
    "customer_id",
    ParamKind::Id { prefix: keys::CUSTOMER_PREFIX },
    "Orders of this customer or guest.",
);

const QUERY: &[Param] = &[LIMIT, CURSOR, STATUS, PAYMENT, CUSTOMER, FROM, TO, SORT, EXPAND];

const LIST: Operation = Operation::get("listOrders", "/v1/orders")
    .about("Orders", "The orders of the shop, newest first")
    .staff(Scope::OrdersRead)
    .query(QUERY);

/// The operations of this file.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![route(&LIST, list)]
}

async fn list(call: Call<NoBody>) -> Result<Reply<Json<List<Order>>>, Problem> {
    page(&call, "orders", QUERY, None, limits::PAGE_DEFAULT).await
}

/// A page of the orders that the query, or its cursor, asks for: `own` are the caller's.
pub(crate) async fn page(
    call: &Call<NoBody>,
    name: &'static str,
    declared: &'static [Param],
    own: Option<Buyer>,
    default_limit: u64,
) -> Result<Reply<Json<List<Order>>>, Problem> {
    let cursor = CursorOf::new(name, &call.caller, &call.raw_query);
    let sealer = call.edge.authority().keys().sealer();
    let text = call.query.get("cursor");
    let after = text.map(|text| position(&cursor.open::<String>(sealer, text)?)).transpose()?;
    let filter = cursor.filter(sealer, text);
    let query = read_query(declared, &filter)?;
    let list = wanted(call, &query, own)?;
    let limit = common::limit(call, default_limit);
    let page = call.edge.shop().views().orders(list.clone(), limit, after.as_deref()).await?;
    let keys: Vec<EntityKey> = page.entries.iter().filter_map(|entry| list.key(entry)).collect();
    let orders = read_all(call, &keys).await?;
    // The next page goes on with this filter, whether the request said it or its cursor did.
    let cursor = CursorOf::new(name, &call.caller, &filter);
    let next = page.next.map(|place| cursor.seal(sealer, BASE64URL_NOPAD.encode(&place)));
    shown(call, List::new(orders, next), &query).await
}

/// A page of orders as a query wants it, with a tag over their versions, and those of their SKUs
/// where these are shown whole: when it was said is no part of it.
pub(crate) async fn shown<B>(
    call: &Call<B>,
    mut list: List<Order>,
    query: &Params,
) -> Result<Reply<Json<List<Order>>>, Problem> {
    let inside = if common::expands_skus(query) {
        whole_skus(call, list.data.iter_mut().flat_map(Order::skus_mut)).await?
    } else {
        Vec::new()
    };
    let tag = common::weak_tag(&(versions(&list.data), &list.next, &inside));
    Ok(Reply::page(list, &call.raw_path, &call.raw_query).tag(tag))
}

/// Which orders, in which versions.
pub(crate) fn versions(orders: &[Order]) -> Vec<(&str, u64)> {
    orders.iter().map(|order| (order.id.as_str(), order.version)).collect()
}

/// A place in a list, from a cursor of ours.
pub(crate) fn position(text: &str) -> Result<Vec<u8>, Problem> {
    BASE64URL_NOPAD
        .decode(text.as_bytes())
        .map_err(|_| Problem::bad_parameter("cursor", "bad_form", "is not a cursor of this list"))
}

/// The sort that was asked for.
pub(crate) fn sort(filter: &Params) -> Sort {
    match filter.get("sort") {
        Some("created") => Sort::OldestFirst,
        Some(_) | None => Sort::NewestFirst,
    }
}

fn wanted<B>(call: &Call<B>, filter: &Params, own: Option<Buyer>) -> Result<OrderList, Problem> {
    let instant = |name: &str| Some(Instant::parse(filter.get(name)?)?.0);
    let words = |name: &str| filter.words(name).unwrap_or_default();
    let (status, payment) = (words("status"), words("payment_status"));
    let by_id = filter.get("customer_id").map(|id| parse_public_id(keys::CUSTOMER_PREFIX, id));
    let by_id = by_id.transpose().map_err(|_| Problem::new(Code::Internal))?;
    Ok(OrderList {
        tenant: call.caller.tenant.clone(),
        buyer: own.or_else(|| Some(Buyer { id: by_id?, kind: None })),
        status: STATUSES.into_iter().filter(|one| status.contains(&one.word())).collect(),
        payment: PAYMENTS.into_iter().filter(|one| payment.contains(&one.word())).collect(),
        from: instant("created[gte]").unwrap_or(Timestamp(0)),
        to: instant("created[lte]").unwrap_or(Timestamp::MAX),
        sort: sort(filter),
    })
}
