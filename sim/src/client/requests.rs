//! The requests that clients make, as bodies and paths of the public interface.

use edge::in_process::Request;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{HttpAnswer, Names};
use crate::history::{Offer, Over};
use crate::plan::{Line, PLACES, Pay};

/// The end of the path by which an order is put on hold.
pub(super) const FREEZE: &str = "/freeze";

/// A quote, as far as placing needs it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Quote {
    cart_version: u64,
    quote_hash: String,
    totals: Totals,
    /// When it was asked for, in us.
    #[serde(skip)]
    asked_us: u64,
}

#[derive(Debug, Clone, Deserialize)]
struct Totals {
    payable: Money,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct Money {
    amount: i64,
    currency: String,
}

impl Money {
    /// In minor units.
    pub(super) const fn amount(&self) -> i64 {
        self.amount
    }

    /// Nothing of the same currency.
    pub(super) fn none(&self) -> Self {
        Self { amount: 0, ..self.clone() }
    }
}

impl Quote {
    /// What is left to be paid beside the tenders of the cart, in minor units.
    pub(super) const fn payable(&self) -> i64 {
        self.totals.payable.amount
    }

    /// This quote, asked for at this time.
    pub(super) fn asked(self, asked_us: u64) -> Self {
        Self { asked_us, ..self }
    }

    /// What its buyer takes for the price.
    pub(super) const fn offer(&self) -> Offer {
        Offer { payable: self.payable(), quoted_us: self.asked_us }
    }

    /// The version of the cart that it prices.
    pub(super) const fn cart_version(&self) -> u64 {
        self.cart_version
    }
}

/// Reads a body as a value of a form; `None`: it is not one.
pub(super) fn read<T: for<'a> Deserialize<'a>>(answer: &HttpAnswer) -> Option<T> {
    read_body(&answer.body)
}

/// The same of bytes. They are looked at as text once, and not string by string.
pub(super) fn read_body<T: for<'a> Deserialize<'a>>(body: &[u8]) -> Option<T> {
    serde_json::from_str(str::from_utf8(body).ok()?).ok()
}

/// The idempotency key of a request.
pub(super) fn key_in(request: &Request) -> Option<String> {
    let is_key =
        |(name, value): &(String, String)| (name == "idempotency-key").then(|| value.clone());
    request.headers.iter().find_map(is_key)
}

/// Of what a carrier or courier says: the path and the event's id, by which it is known.
pub(super) fn event_in(request: &Request) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        event_id: String,
    }
    let is_event = ["/tracking", "/cod"].iter().any(|end| request.uri.ends_with(end));
    let body = request.body.as_ref().filter(|_| is_event)?;
    let body: Body = read_body(body)?;
    Some(format!("{}#{}", request.uri, body.event_id))
}

/// What a write says that it replaces.
pub(super) fn over_in(request: &Request) -> Option<Over> {
    let of = |(name, value): &(String, String)| match name.as_str() {
        "if-match" => {
            let digits = value.trim_matches(|letter: char| !letter.is_ascii_digit());
            digits.parse().ok().map(Over::Version)
        }
        "if-none-match" => (value == "*").then_some(Over::Nothing),
        _ => None,
    };
    request.headers.iter().find_map(of)
}

/// A request that is done over one version only.
pub(super) fn if_match(request: Request, version: u64) -> Request {
    with(request, "if-match", &format!("\"v{version}\""))
}

pub(super) fn request(method: &str, uri: String) -> Request {
    Request { method: method.into(), uri, headers: Vec::new(), body: None }
}

pub(super) fn with(mut request: Request, name: &str, value: &str) -> Request {
    request.headers.push((name.into(), value.into()));
    request
}

pub(super) fn with_body(request: Request, body: &Value) -> Request {
    let mut request = with(request, "content-type", "application/json");
    request.body = Some(body.to_string().into_bytes());
    request
}

fn tenders(pay: Pay, payable: i64) -> Value {
    match pay {
        Pay::Cod => json!([{"type": "cod"}]),
        Pay::Gateway => json!([{"type": "gateway"}]),
        Pay::Wallet => {
            json!([{"type": "wallet", "amount": {"amount": payable, "currency": "USD"}}])
        }
    }
}

/// The address with this number in its street.
fn address(house: u32) -> Value {
    json!({"name": "Ada", "line1": format!("{house} Main St"), "line2": null,
           "city": "Springfield", "region": "US-CA", "postal_code": "90001", "country": "US",
           "phone": null})
}

/// Writes an address of one's own: a new one, or in place of the version `over`.
pub(super) fn put_address(id: &str, house: u32, over: Option<u64>) -> Request {
    let put = request("PUT", format!("/v1/me/addresses/{id}"));
    let put = match over {
        None => with(put, "if-none-match", "*"),
        Some(version) => if_match(put, version),
    };
    with_body(put, &address(house))
}

pub(super) fn delete_address(id: &str, over: u64) -> Request {
    if_match(request("DELETE", format!("/v1/me/addresses/{id}")), over)
}

pub(super) fn my_addresses() -> Request {
    request("GET", "/v1/me/addresses?limit=50".into())
}

/// Writes a cart of these lines: a new one, or in place of the version `over`.
pub(super) fn put_cart(
    (names, cart): (&Names, &str),
    lines: &[Line],
    pay: Pay,
    payable: i64,
    over: Option<u64>,
) -> Request {
    let lines: Vec<Value> =
        lines.iter().map(|line| json!({"sku": names.sku(line.sku), "qty": line.qty})).collect();
    let body = json!({
        "lines": lines,
        "address": address(1),
        "shipping_option": "standard",
        "tenders": tenders(pay, payable),
    });
    let put = request("PUT", format!("/v1/carts/{cart}"));
    let put = match over {
        None => with(put, "if-none-match", "*"),
        Some(version) => if_match(put, version),
    };
    with_body(put, &body)
}

/// Takes over what lies in a guest's cart.
pub(super) fn merge(cart: &str, from: &str, token: &str) -> Request {
    let body = json!({"guest_cart_id": from, "guest_token": token});
    with_body(request("POST", format!("/v1/carts/{cart}/merge")), &body)
}

pub(super) fn get_cart(cart: &str) -> Request {
    request("GET", format!("/v1/carts/{cart}"))
}

pub(super) fn quote(cart: &str) -> Request {
    request("POST", format!("/v1/carts/{cart}/quote"))
}

/// Places a cart at a quote, under a key.
pub(super) fn place(cart: &str, quote: &Quote, pay: Pay, payable: i64, key: &str) -> Request {
    let body = json!({
        "cart_id": cart,
        "cart_version": quote.cart_version,
        "quote_hash": quote.quote_hash,
        "expected_total": quote.totals.payable,
        "tenders": tenders(pay, payable),
        "txn_type": match pay { Pay::Cod => "cod", Pay::Wallet | Pay::Gateway => "fixed" },
    });
    with_body(with(request("POST", "/v1/orders".into()), "idempotency-key", key), &body)
}

/// The same placing, but that more is taken for the price. None: it is no placing.
pub(super) fn placing_more(placing: &Request) -> Option<Request> {
    let mut body: Value = read_body(placing.body.as_ref()?)?;
    let amount = body.pointer_mut("/expected_total/amount")?;
    *amount = json!(amount.as_i64()?.saturating_add(1));
    Some(Request { body: Some(body.to_string().into_bytes()), ..placing.clone() })
}

/// The same request under another key.
pub(super) fn with_other_key(request: &Request, key: &str) -> Request {
    let mut other = request.clone();
    other.headers.retain(|(name, _)| name != "idempotency-key");
    with(other, "idempotency-key", key)
}

pub(super) fn get_order(order: &str) -> Request {
    request("GET", format!("/v1/orders/{order}"))
}

/// The order, once it has another version than this one, or the time is over.
pub(super) fn await_order(order: &str, than: u64, wait_ms: u32) -> Request {
    let get = with(get_order(order), "if-none-match", &format!("\"v{than}\""));
    with(get, "prefer", &format!("wait={}", wait_ms / 1_000))
}

/// The live stream of an order, or of all orders of the caller, after the event `last`.
pub(super) fn listen(order: Option<&str>, last: Option<&str>) -> Request {
    let path = match order {
        Some(order) => format!("/v1/orders/{order}/events"),
        None => "/v1/me/events".to_owned(),
    };
    match last {
        Some(last) => with(request("GET", path), "last-event-id", last),
        None => request("GET", path),
    }
}

/// A page of the caller's own orders.
pub(super) fn my_orders(cursor: Option<&str>) -> Request {
    let from = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
    request("GET", format!("/v1/me/orders?limit=3{from}"))
}

/// A page of the shop's orders.
pub(super) fn orders(status: Option<&str>, oldest_first: bool, cursor: Option<&str>) -> Request {
    let status = status.map(|status| format!("&status={status}")).unwrap_or_default();
    let sort = if oldest_first { "&sort=created" } else { "" };
    let query = match cursor {
        Some(cursor) => format!("&cursor={cursor}"),
        None => format!("{status}{sort}"),
    };
    request("GET", format!("/v1/orders?limit=20{query}"))
}

pub(super) fn cancel(order: &str, key: &str) -> Request {
    with(request("POST", format!("/v1/orders/{order}/cancel")), "idempotency-key", key)
}

/// Puts an order on hold. No operation does that: the wire of a simulated world asks the order.
pub(super) fn freeze(order: &str) -> Request {
    request("POST", format!("/v1/orders/{order}{FREEZE}"))
}

/// Ends a freeze.
pub(super) fn release(order: &str, decision: &str, key: &str) -> Request {
    let body = json!({"decision": decision, "reason": "plan"});
    let release = request("POST", format!("/v1/orders/{order}/release"));
    with_body(with(release, "idempotency-key", key), &body)
}

/// Cancels units of an order, by the ids of its lines.
pub(super) fn cancel_part(order: &str, units: &[(String, u32)], key: &str) -> Request {
    let line = |(line, qty): &(String, u32)| json!({"line_id": line, "qty": qty});
    let lines: Vec<Value> = units.iter().map(line).collect();
    with_body(cancel(order, key), &json!({"lines": lines}))
}

/// Signs in for the points of the day.
pub(super) fn sign_in() -> Request {
    request("POST", "/v1/me/sign-ins".into())
}

pub(super) fn my_points() -> Request {
    request("GET", "/v1/me/points".into())
}

pub(super) fn get_stock(sku: &str) -> Request {
    request("GET", format!("/v1/stock/{sku}"))
}

/// Sets the price of a SKU in place of the version `over`.
pub(super) fn set_price(sku: &str, price: i64, over: u64) -> Request {
    let body = json!({"amount": {"amount": price, "currency": "USD"}});
    let put = request("PUT", format!("/v1/price-books/default/prices/{sku}"));
    with_body(if_match(put, over), &body)
}

pub(super) fn adjust(sku: &str, place: u32, change: &Value, key: &str) -> Request {
    let location = PLACES.get(place as usize).copied().unwrap_or_default();
    let mut body = json!({"location": location, "reason": "plan"});
    if let (Some(body), Some(change)) = (body.as_object_mut(), change.as_object()) {
        body.extend(change.clone());
    }
    let uri = format!("/v1/stock/{sku}/adjustments");
    with_body(with(request("POST", uri), "idempotency-key", key), &body)
}
