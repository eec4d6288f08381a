//! What an HTTP answer says, as far as checkers want to know it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use xxhash_rust::xxh3::xxh3_64;

use super::requests::{Money, read_body};
use super::{HttpAnswer, Names, billing};
use crate::history::{Answer, Ask, Goods, Listed, Look, Points, Row, Saved, Shelf};

/// The fields of all answers that are of interest; `L` and `T` of those with a bill.
#[derive(Default, Deserialize)]
struct Body<L, T> {
    object: Option<String>,
    id: Option<String>,
    code: Option<String>,
    version: Option<u64>,
    /// Of a quote.
    cart_version: Option<u64>,
    status: Option<serde_json::Value>,
    available: Option<serde_json::Value>,
    /// Of a SKU's stock.
    #[serde(default)]
    locations: Vec<Shelf>,
    stock: Option<Box<Self>>,
    /// Of a refused placement: the path of the order that was made and could not be sold.
    order: Option<String>,
    /// Of a refused placement: the order that the cart became before.
    order_id: Option<String>,
    /// Of an order: what happened.
    #[serde(default)]
    timeline: Vec<Entry>,
    #[serde(default)]
    lines: L,
    #[serde(default)]
    totals: T,
}

/// Of an answer without a bill.
type Plain = Body<IgnoredAny, IgnoredAny>;
/// Of an order or a quote: looked at once, since it is long.
type Billed = Body<Option<Vec<billing::Line>>, Option<billing::Totals>>;

/// An entry of a timeline.
#[derive(Deserialize)]
pub(super) struct Entry {
    seq: u64,
}

/// The versions that entries of a timeline made.
pub(super) fn versions(timeline: &[Entry]) -> Vec<u64> {
    timeline.iter().map(|entry| entry.seq).collect()
}

/// The answer as the history keeps it.
pub(super) fn read(names: &Names, ask: &Ask, answer: &HttpAnswer) -> Answer {
    let is_done = answer.status / 100 == 2;
    let has_bill = is_done && (asks_order(ask) || matches!(ask, Ask::Quote { .. }));
    if let Some(body) = has_bill.then(|| read_body::<Billed>(&answer.body)).flatten() {
        let parts = body.lines.as_deref().zip(body.totals.as_ref());
        let bill = parts.and_then(|(lines, totals)| billing::bill(names, lines, totals));
        return Answer { bill: bill.map(Box::new), ..told(names, ask, answer, &body) };
    }
    // A list is long, and has nothing of this.
    let body = (!is_list(ask) || !is_done).then(|| read_body::<Plain>(&answer.body)).flatten();
    told(names, ask, answer, &body.unwrap_or_default())
}

const fn asks_order(ask: &Ask) -> bool {
    matches!(
        ask,
        Ask::Place { .. } | Ask::GetOrder { .. } | Ask::Cancel { .. } | Ask::CancelPart { .. }
    )
}

const fn is_list(ask: &Ask) -> bool {
    matches!(ask, Ask::ListMine { .. } | Ask::Look(Look::Orders { .. }))
}

/// What the answer tells, but for a bill.
fn told<L, T>(names: &Names, ask: &Ask, answer: &HttpAnswer, body: &Body<L, T>) -> Answer {
    let is_done = answer.status / 100 == 2;
    let is_order = body.object.as_deref() == Some("order");
    let word = body.status.as_ref().and_then(|status| status.as_str()).map(str::to_owned);
    let stock = body.stock.as_deref().unwrap_or(body);
    // A refusal of a wallet says what is in it, as money: that is no number.
    let available = stock.available.as_ref().and_then(serde_json::Value::as_i64);
    let reads_order = matches!(ask, Ask::GetOrder { .. }) && is_done;
    let shows_cart =
        matches!(ask, Ask::PutCart { .. } | Ask::Merge { .. } | Ask::Look(Look::Cart { .. }));
    let is_cart = shows_cart && is_done;
    let is_goods = matches!(ask, Ask::Look(Look::Goods { .. })) && is_done;
    let shows_book = matches!(ask, Ask::PutAddress { .. } | Ask::Look(Look::Addresses { .. }));
    Answer {
        status: answer.status,
        code: body.code.clone(),
        order: body.id.clone().filter(|_| is_order).or_else(|| named(ask, body)),
        version: stock.version.or(body.cart_version).or_else(|| etag(&answer.headers)),
        tag: etag(&answer.headers),
        state: word.filter(|_| is_order && asks_order(ask)),
        available: available.filter(|_| is_done),
        bill: None,
        shelves: stock.locations.clone(),
        entries: if reads_order { versions(&body.timeline) } else { Vec::new() },
        listed: (is_list(ask) && is_done).then(|| listed(&answer.body)).flatten(),
        lines: if is_cart { lines(names, &answer.body) } else { Vec::new() },
        goods: if is_goods { goods(names, &answer.body) } else { Vec::new() },
        addresses: if shows_book && is_done { addresses(&answer.body) } else { Vec::new() },
        points: if is_done { points(ask, &answer.body) } else { None },
        replayed: answer.headers.contains_key("idempotent-replayed"),
        body: xxh3_64(&answer.body),
    }
}

/// The order that a refused placement names, by its path or its id.
fn named<L, T>(ask: &Ask, body: &Body<L, T>) -> Option<String> {
    let Ask::Place { .. } = ask else { return None };
    let linked = body.order.as_deref().and_then(|path| path.rsplit('/').next());
    linked.or(body.order_id.as_deref()).map(str::to_owned)
}

/// The orders of a page of a list.
fn listed(body: &[u8]) -> Option<Listed> {
    #[derive(Deserialize)]
    struct Page {
        data: Vec<Item>,
        next: Option<String>,
    }
    #[derive(Deserialize)]
    struct Item {
        id: String,
        #[serde(default)]
        version: u64,
        #[serde(default)]
        status: String,
        #[serde(default)]
        created_at: String,
    }
    let page: Page = read_body(body)?;
    let is_last = page.next.is_none();
    let (mut orders, mut rows) = (Vec::new(), Vec::new());
    for Item { id, version, status, created_at } in page.data {
        orders.push(id);
        rows.push(Row { created: created_at, version, state: status });
    }
    Some(Listed { orders, rows, is_last })
}

/// What lies in a cart, by SKU; nothing if a SKU is somebody else's.
fn lines(names: &Names, body: &[u8]) -> Vec<(u32, u32)> {
    #[derive(Deserialize)]
    struct Cart {
        lines: Vec<Line>,
    }
    #[derive(Deserialize)]
    struct Line {
        sku: String,
        qty: u32,
    }
    let cart = read_body::<Cart>(body);
    let pair = |line: &Line| Some((names.number(&line.sku)?, line.qty));
    let lines = cart.and_then(|cart| cart.lines.iter().map(pair).collect::<Option<Vec<_>>>());
    let mut lines = lines.unwrap_or_default();
    lines.sort_unstable();
    lines
}

/// The SKUs of a catalogue page: one, or those of a product.
fn goods(names: &Names, body: &[u8]) -> Vec<Goods> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Page {
        Product { skus: Vec<Sku> },
        One(Sku),
    }
    #[derive(Deserialize)]
    struct Sku {
        sku: String,
        availability: String,
        price: Option<Money>,
        price_version: u64,
    }
    let one = |sku: Sku| {
        let price = sku.price.as_ref().map(Money::amount);
        let (word, price_version) = (sku.availability, sku.price_version);
        Some(Goods { sku: names.number(&sku.sku)?, word, price, price_version })
    };
    match read_body(body) {
        Some(Page::Product { skus }) => skus.into_iter().filter_map(one).collect(),
        Some(Page::One(sku)) => one(sku).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The addresses of a book, or the one that an answer is about.
pub(super) fn addresses(body: &[u8]) -> Vec<Saved> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Page {
        Book { data: Vec<Address> },
        One(Address),
    }
    #[derive(Deserialize)]
    struct Address {
        id: String,
        version: u64,
        line1: String,
    }
    let one = |Address { id, version, line1 }| {
        let house = line1.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        Saved { id, version, house }
    };
    match read_body(body) {
        Some(Page::Book { data }) => data.into_iter().map(one).collect(),
        Some(Page::One(address)) => vec![one(address)],
        None => Vec::new(),
    }
}

/// Points of a customer.
fn points(ask: &Ask, body: &[u8]) -> Option<Points> {
    #[derive(Deserialize)]
    struct SignIn {
        date: String,
        points: u64,
        replayed: bool,
    }
    #[derive(Deserialize)]
    struct All {
        today: String,
        balance: u64,
        signed_in: bool,
    }
    match ask {
        Ask::SignIn { .. } => {
            let SignIn { date, points, replayed } = read_body(body)?;
            Some(Points { date, points, is_granted: !replayed })
        }
        Ask::Look(Look::Points { .. }) => {
            let All { today, balance, signed_in } = read_body(body)?;
            Some(Points { date: today, points: balance, is_granted: signed_in })
        }
        _ => None,
    }
}

/// The version that an ETag shows: its first digits.
fn etag(headers: &BTreeMap<String, String>) -> Option<u64> {
    let text = headers.get("etag")?;
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read_of(ask: &Ask, status: u16, header: (&str, &str), body: &Value) -> Answer {
        let headers = [(header.0.to_owned(), header.1.to_owned())].into();
        read(
            &Names::default(),
            ask,
            &HttpAnswer { status, headers, body: body.to_string().into_bytes() },
        )
    }

    #[test]
    fn a_refused_placement_names_its_order() {
        let ask = Ask::Place { cart: "c".into(), lines: vec![(0, 1)], offer: None };
        let body = json!({"code": "out_of_stock", "order": "/v1/orders/ord_1"});
        let answer = read_of(&ask, 409, ("idempotent-replayed", "true"), &body);
        assert_eq!(answer.order.as_deref(), Some("ord_1"));
        assert_eq!(answer.code.as_deref(), Some("out_of_stock"));
        assert!(answer.replayed);
        let body = json!({"code": "cart_already_ordered", "order_id": "ord_2"});
        let answer = read_of(&ask, 409, ("x", "y"), &body);
        assert_eq!((answer.order.as_deref(), answer.replayed), (Some("ord_2"), false));
        // A shipment names its order too, and is none.
        let body = json!({"object": "shipment", "id": "shp_1", "order_id": "ord_2", "version": 3});
        let answer =
            read_of(&Ask::Advance { order: "ord_2".into(), said: None }, 200, ("x", "y"), &body);
        assert_eq!((answer.order, answer.version), (None, Some(3)));
    }

    #[test]
    fn what_is_for_sale_is_what_the_answer_says_and_not_the_sum_of_shelves() {
        let stock = json!({"object": "stock", "sku": "sim-0", "version": 4, "available": 0,
                           "locations": []});
        let answer = read_of(&Ask::GetStock { sku: 0 }, 200, ("etag", "\"v4\""), &stock);
        assert_eq!((answer.available, answer.version), (Some(0), Some(4)));
        let count = Ask::Count { sku: 0, units: 2, place: 0 };
        let moved = json!({"object": "adjustment", "stock": stock});
        let answer = read_of(&count, 200, ("x", "y"), &moved);
        assert_eq!((answer.available, answer.version), (Some(0), Some(4)));
        let ask = Ask::Place { cart: "c".into(), lines: vec![(0, 1)], offer: None };
        let money = json!({"code": "insufficient_funds", "order": "/v1/orders/o",
                           "available": {"amount": 5, "currency": "USD"}});
        assert_eq!(read_of(&ask, 409, ("x", "y"), &money).available, None);
    }

    #[test]
    fn a_page_of_orders_is_read() {
        let ask = Ask::ListMine { buyer: "guest-1".into() };
        let mut body = json!({"object": "list", "data": [{"id": "ord_1"}], "next": null});
        let listed = |body: &Value| read_of(&ask, 200, ("x", "y"), body).listed;
        let (orders, rows) = (vec!["ord_1".to_owned()], vec![Row::default()]);
        let page = Listed { orders, rows, is_last: true };
        assert_eq!(listed(&body), Some(page.clone()));
        body["next"] = json!("c");
        assert_eq!(listed(&body), Some(Listed { is_last: false, ..page.clone() }));
        body["data"] = json!([{"id": "ord_1", "version": 7, "status": "confirmed",
                               "created_at": "2026-11-11T00:00:00.000Z"}]);
        let (created, state) = ("2026-11-11T00:00:00.000Z".to_owned(), "confirmed".to_owned());
        let rows = vec![Row { created, version: 7, state }];
        assert_eq!(listed(&body), Some(Listed { rows, is_last: false, ..page }));
        assert_eq!(listed(&json!({"object": "order"})), None);
    }

    #[test]
    fn an_order_and_its_version_are_read() {
        let timeline = json!([{"seq": 2, "event": "placed"}, {"seq": 17}]);
        let body = json!({"object": "order", "id": "ord_1", "status": "confirmed",
                          "timeline": timeline});
        let ask = Ask::GetOrder { order: "ord_1".into() };
        let answer = read_of(&ask, 200, ("etag", "\"v17\""), &body);
        assert_eq!(answer.order.as_deref(), Some("ord_1"));
        assert_eq!((answer.version, answer.state.as_deref()), (Some(17), Some("confirmed")));
        assert_eq!(answer.entries, [2, 17]);
    }

    #[test]
    fn a_cart_and_the_catalogue_are_read() {
        let ask = Ask::Look(Look::Cart { cart: "c".into() });
        let body = json!({"object": "cart", "version": 4, "lines": [
            {"sku": "sim-00002", "qty": 3}, {"sku": "sim-00001", "qty": 1}]});
        let answer = read_of(&ask, 200, ("etag", "\"v4\""), &body);
        assert_eq!((answer.lines, answer.version), (vec![(1, 1), (2, 3)], Some(4)));
        let sku = json!({"object": "sku", "sku": "sim-00002", "availability": "low",
                         "price": {"amount": 100, "currency": "USD"}, "price_version": 3});
        let shown = |sku, body: &Value| {
            read_of(&Ask::Look(Look::Goods { sku }), 200, ("x", "y"), body).goods
        };
        let goods = Goods { sku: 2, word: "low".into(), price: Some(100), price_version: 3 };
        assert_eq!(shown(Some(2), &sku), std::slice::from_ref(&goods));
        assert_eq!(shown(None, &json!({"object": "product", "skus": [sku, sku]})).len(), 2);
        let quote = json!({"object": "quote", "cart_version": 5});
        let answer = read_of(&Ask::Quote { cart: "c".into() }, 200, ("x", "y"), &quote);
        assert_eq!(answer.version, Some(5));
    }
}
