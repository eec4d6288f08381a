//! What any client can send and nobody should: one row for each way to be wrong.

use serde_json::{Value, json};

use super::{Row, row};
use crate::api::stage::Stage;
use crate::api::{Ask, Demo, ask, cart_body};

/// Every row. Things that rows need (an order that was cancelled, a key that was used) are made
/// here, before the stage is looked at.
pub(super) async fn all(demo: &Demo, stage: &Stage) -> Vec<Row> {
    let mut rows = bodies(stage);
    rows.extend(values_of_carts(stage));
    rows.extend(values_of_staff(stage));
    rows.extend(headers(stage));
    rows.extend(parameters(stage));
    rows.extend(strangers(stage));
    rows.extend(placing(demo, stage).await);
    rows.extend(states(demo, stage).await);
    rows.extend(keys(demo, stage).await);
    rows
}

fn new_cart(stage: &Stage) -> Ask {
    ask("PUT", format!("/v1/carts/{}", stage.fresh("bad-cart"))).bearer(&stage.alice).create()
}

fn json_cart(stage: &Stage, body: impl Into<Vec<u8>>) -> Ask {
    new_cart(stage).bytes("application/json", body.into())
}

/// Bodies that are no JSON, or not the JSON that is wanted.
fn bodies(stage: &Stage) -> Vec<Row> {
    const INVALID: &str = "400 invalid_request";
    const MEDIA: &str = "415 unsupported_media_type";
    let nested = format!("{}1{}", "[".repeat(33), "]".repeat(33));
    let texts: [(&str, Vec<u8>); 14] = [
        ("an empty body", Vec::new()),
        ("half an object", b"{\"lines\":[".to_vec()),
        ("a comment", b"{} // nothing".to_vec()),
        ("two values", b"{}{}".to_vec()),
        ("a comma at the end", b"{\"lines\":[],}".to_vec()),
        ("an array", b"[]".to_vec()),
        ("null", b"null".to_vec()),
        ("NaN", b"{\"lines\":[{\"sku\":\"a\",\"qty\":NaN}]}".to_vec()),
        ("a byte order mark", b"\xef\xbb\xbf{}".to_vec()),
        ("bytes that are not UTF-8", b"{\"shipping_option\":\"\xff\xfe\"}".to_vec()),
        ("half a surrogate pair", b"{\"shipping_option\":\"\\ud800\"}".to_vec()),
        ("a duplicate member", b"{\"lines\":[],\"lines\":[]}".to_vec()),
        ("a duplicate member inside", b"{\"address\":{\"name\":\"a\",\"name\":\"b\"}}".to_vec()),
        ("33 levels", format!("{{\"lines\":{nested}}}").into_bytes()),
    ];
    let mut rows: Vec<Row> = texts
        .into_iter()
        .map(|(name, text)| row(format!("body: {name}"), INVALID, json_cart(stage, text)))
        .collect();
    let large = format!("{{\"shipping_option\":\"{}\"}}", "a".repeat(256 * 1024));
    rows.push(row("body: over 256 KB", "413 too_large", json_cart(stage, large)));
    for media_type in ["text/plain", "application/xml", "multipart/form-data", "json", ""] {
        let asked = new_cart(stage).bytes(media_type, b"{}".to_vec());
        rows.push(row(format!("media type {media_type:?}"), MEDIA, asked));
    }
    let packed = json_cart(stage, *b"{}").header("content-encoding", "gzip");
    rows.push(row("a compressed body", MEDIA, packed));
    let sealed = ask("POST", "/v1/stream-tickets").bearer(&stage.alice).form("topics=me");
    rows.push(row("a form in place of JSON", MEDIA, sealed));
    rows
}

/// Members of a cart with wrong names, types and values.
fn values_of_carts(stage: &Stage) -> Vec<Row> {
    const SHAPE: &str = "400 invalid_request";
    const VALUE: &str = "422 validation_failed";
    let line = |qty: Value| json!({"lines": [{"sku": stage.sku, "qty": qty}]});
    let with = |member: &str, value: Value| {
        let mut cart = cart_body(&stage.sku, 1);
        cart[member] = value;
        cart
    };
    let address = |member: &str, value: Value| {
        let mut cart = cart_body(&stage.sku, 1);
        cart["address"][member] = value;
        cart
    };
    let wallet = |amount: Value, currency: &str| {
        let tender = json!({"type": "wallet", "amount": {"amount": amount, "currency": currency}});
        with("tenders", json!([tender]))
    };
    let max = 9_007_199_254_740_991_u64;
    let table = [
        ("an unknown member", SHAPE, with("colour", json!("red")), "/colour unknown_field"),
        ("an unknown member inside", SHAPE, address("x", json!(1)), "/address/x unknown_field"),
        ("a text for a list", SHAPE, with("lines", json!("x")), "/lines wrong_type"),
        ("a text for a quantity", SHAPE, line(json!("2")), "/lines/0/qty wrong_type"),
        ("a fraction of a unit", SHAPE, line(json!(1.5)), "/lines/0/qty wrong_type"),
        ("no units", VALUE, line(json!(0)), "/lines/0/qty out_of_range"),
        ("negative units", VALUE, line(json!(-1)), "/lines/0/qty out_of_range"),
        ("too many units", VALUE, line(json!(1_000_001)), "/lines/0/qty out_of_range"),
        ("units beyond 2^53", VALUE, line(json!(max + 2)), "/lines/0/qty out_of_range"),
        ("units beyond 2^64", VALUE, line(json!(1e30)), "/lines/0/qty out_of_range"),
        ("a wallet amount beyond 2^53", "422 money_overflow", wallet(json!(max + 1), "USD"), ""),
        (
            "a wallet amount beyond -2^53",
            "422 money_overflow",
            wallet(json!(-9_007_199_254_740_993_i64), "USD"),
            "",
        ),
        ("a negative wallet amount", VALUE, wallet(json!(-1), "USD"), ""),
        ("a wallet amount in euros", "422 currency_mismatch", wallet(json!(100), "EUR"), ""),
        ("a currency of no country", VALUE, wallet(json!(100), "usd"), ""),
        ("a cart in euros", "422 currency_mismatch", with("currency", json!("EUR")), ""),
        ("an unknown tender", VALUE, with("tenders", json!([{"type": "gold"}])), ""),
        ("a control character", VALUE, address("city", json!("a\u{7}b")), ""),
        ("a line break", VALUE, address("name", json!("a\nb")), ""),
        ("a blank name", VALUE, address("name", json!("  ")), ""),
        ("a name of 10,000 letters", VALUE, address("name", json!("a".repeat(10_000))), ""),
        ("no such country", VALUE, address("country", json!("XYZ")), ""),
        ("a region of no form", VALUE, address("region", json!("California")), ""),
        (
            "a SKU twice",
            VALUE,
            with(
                "lines",
                json!([
            {"sku": stage.sku, "qty": 1}, {"sku": stage.sku, "qty": 2}]),
            ),
            "",
        ),
    ];
    let mut rows = Vec::new();
    for (name, expected, body, fault) in table {
        let made = row(format!("cart: {name}"), expected, new_cart(stage).json(&body));
        rows.push(if fault.is_empty() { made } else { made.at(fault) });
    }
    let line = |qty: Value| {
        ask("PUT", format!("/v1/carts/{}/lines/{}", stage.cart, stage.sku))
            .bearer(&stage.alice)
            .if_version(&json!(1))
            .json(&json!({"qty": qty}))
    };
    rows.push(row("line: negative units", VALUE, line(json!(-5))).at("/qty out_of_range"));
    rows.push(row("line: null units", SHAPE, line(json!(null))).at("/qty wrong_type"));
    rows
}

/// What staff may not say of prices, products and stock.
fn values_of_staff(stage: &Stage) -> Vec<Row> {
    const VALUE: &str = "422 validation_failed";
    let staff = |method, path: String| ask(method, path).bearer(&stage.service);
    let price = |amount: Value| {
        staff("PUT", format!("/v1/price-books/default/prices/{}", stage.sku))
            .if_version(&json!(1))
            .json(&json!({"amount": {"amount": amount, "currency": "USD"}}))
    };
    let euros = staff("PUT", format!("/v1/price-books/default/prices/{}", stage.sku))
        .if_version(&json!(1))
        .json(&json!({"amount": {"amount": 1, "currency": "EUR"}}));
    let adjust = |change: Value| {
        let mut body = json!({"location": "main", "reason": "test"});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        staff("POST", format!("/v1/stock/{}/adjustments", stage.sku))
            .key(&stage.fresh("bad"))
            .json(&body)
    };
    let policy = |safety: Value| {
        staff("PUT", format!("/v1/stock/{}/locations/main", stage.sku))
            .if_version(&json!(1))
            .json(&json!({"safety": safety, "oversell_limit": 0}))
    };
    let product = |status: &str| {
        staff("PUT", format!("/v1/products/{}", stage.product))
            .if_version(&json!(1))
            .json(&json!({"title": "x", "status": status, "category": "x"}))
    };
    vec![
        row("price: negative", VALUE, price(json!(-1))),
        row("price: beyond 2^53", "422 money_overflow", price(json!(9_007_199_254_740_992_u64))),
        row("price: a fraction", "400 invalid_request", price(json!(9.99))),
        row("price: in euros", "422 currency_mismatch", euros),
        row("stock: below nothing", VALUE, adjust(json!({"delta": -1_000_000}))),
        row("stock: delta and count", VALUE, adjust(json!({"delta": 1, "count": 1}))),
        row("stock: neither", VALUE, adjust(json!({}))),
        row("stock: a negative count", VALUE, adjust(json!({"count": -1}))),
        row(
            "stock: an overflowing delta",
            VALUE,
            adjust(json!({"delta": 1_000_000_000_000_000_i64})),
        ),
        row("stock: nowhere", VALUE, adjust(json!({"delta": 1, "location": "moon"}))),
        row("policy: negative safety", VALUE, policy(json!(-1))),
        row("product: unknown status", VALUE, product("sleeping")),
    ]
}

/// Headers: versions, keys, channels, credentials.
fn headers(stage: &Stage) -> Vec<Row> {
    const INVALID: &str = "400 invalid_request";
    const STALE: &str = "412 version_mismatch";
    let patch = || {
        ask("PATCH", format!("/v1/carts/{}", stage.cart))
            .bearer(&stage.alice)
            .json(&json!({"shipping_option": "express"}))
    };
    let matching = |tag: &str| patch().header("if-match", tag);
    let euros = json!({"type": "wallet", "amount": {"amount": 100, "currency": "EUR"}});
    let euros = ask("PATCH", format!("/v1/carts/{}", stage.cart))
        .bearer(&stage.alice)
        .header("if-match", "\"v1\"")
        .json(&json!({"tenders": [euros]}));
    let member = |member: &str, value: &str| {
        ask("PATCH", format!("/v1/carts/{}", stage.cart))
            .bearer(&stage.alice)
            .header("if-match", "\"v1\"")
            .json(&json!({member: value}))
    };
    let nowhere = member("shipping_option", "teleport");
    let cancel = |key: &str| {
        ask("POST", format!("/v1/orders/{}/cancel", stage.order)).bearer(&stage.alice).key(key)
    };
    let me = || ask("GET", "/v1/me").bearer(&stage.alice);
    let unsigned = |value: &str| ask("GET", "/v1/me").header("authorization", value);
    vec![
        row("no version", "428 precondition_required", patch()),
        row("a wallet amount in euros, by a patch", "422 currency_mismatch", euros),
        row("a cart in euros, by a patch", "422 currency_mismatch", member("currency", "EUR")),
        row("an unknown shipping option", "422 validation_failed", nowhere)
            .at("/shipping_option unknown_value"),
        row("an old version", STALE, matching("\"v99\"")),
        row("a weak tag", STALE, matching("W/\"v1\"")),
        row("a tag of another form", STALE, matching("\"x\"")),
        row("a version with a zero before it", STALE, matching("\"v01\"")),
        row("a version without quotes", INVALID, matching("v1")),
        row("two versions", INVALID, matching("\"v1\", \"v2\"")),
        row("a version and its absence", INVALID, matching("\"v1\"").create()),
        row("If-None-Match with a version", INVALID, patch().header("if-none-match", "\"v1\"")),
        row("an old version, to cancel", STALE, cancel("k-old").header("if-match", "\"v1\"")),
        row(
            "no key",
            "400 idempotency_key_required",
            ask("POST", format!("/v1/orders/{}/cancel", stage.order)).bearer(&stage.alice),
        ),
        row("an empty key", INVALID, cancel("\"\"")),
        row("a key of 256 characters", INVALID, cancel(&"k".repeat(256))),
        row("a channel of no shop", INVALID, me().header("channel", "moon")),
        row("two channels", INVALID, me().header("channel", "web").header("channel", "web")),
        row("a token that is no JWT", "401 unauthenticated", unsigned("Bearer x")),
        row(
            "a token of 9 KB",
            "401 unauthenticated",
            unsigned(&format!("Bearer {}", "a.".repeat(4_600))),
        ),
        row("another scheme", "401 unauthenticated", unsigned("Basic eDp4")),
        row("no token behind the scheme", "401 unauthenticated", unsigned("Bearer")),
        row("an unknown Api-Key", "401 unauthenticated", me().header("api-key", "pk_nope")),
        row("another shop's Api-Key", "403 tenant_mismatch", me().header("api-key", "pk_demo2")),
    ]
}

/// Paths and queries.
fn parameters(stage: &Stage) -> Vec<Row> {
    const INVALID: &str = "400 invalid_request";
    const NOTHING: &str = "404 not_found";
    let get = |path: &str| ask("GET", path).bearer(&stage.alice);
    let mut rows = vec![
        row("an unknown parameter", INVALID, get("/v1/me/orders?colour=red")),
        row("a parameter twice", INVALID, get("/v1/me/orders?limit=1&limit=1"))
            .at("?limit duplicate"),
        row("a limit of 0", INVALID, get("/v1/me/orders?limit=0")).at("?limit out_of_range"),
        row("a limit of 101", INVALID, get("/v1/me/orders?limit=101")),
        row("a negative limit", INVALID, get("/v1/me/orders?limit=-1")),
        row("a limit that is no number", INVALID, get("/v1/me/orders?limit=ten"))
            .at("?limit out_of_range"),
        row("a limit beyond 2^64", INVALID, get("/v1/me/orders?limit=99999999999999999999")),
        row("a forged cursor", INVALID, get("/v1/me/orders?cursor=eyJhIjoxfQ")),
        row("a huge query", INVALID, get(&format!("/v1/me/orders?cursor={}", "a".repeat(20_000)))),
        row(
            "1,000 parameters",
            INVALID,
            get(&format!("/v1/me/orders?{}", "limit=1&".repeat(1_000))),
        ),
        row(
            "a currency of no form",
            "422 currency_mismatch",
            get("/v1/skus/demo-001?currency=EUR"),
        ),
        row("a path that is not there", NOTHING, get("/v1/nothing")),
        row("a trailing slash", NOTHING, get("/v1/me/")),
        row("two slashes", NOTHING, get("/v1//me")),
        row("another version", NOTHING, get("/v2/me")),
        row("a method that is not there", "405 method_not_allowed", ask("DELETE", "/v1/me")),
        row("TRACE", "405 method_not_allowed", ask("TRACE", "/v1/me")),
    ];
    let ids = [
        "1",
        "ord_",
        "ord_short",
        "%00",
        "a%2Fb",
        "..%2F..%2Fme",
        "ord_%0d%0aX:y",
        "ORD_00000000000000000000000000000000",
        "ord_00000000000000000000000000000000",
        "cus_00000000000000000000000000000000",
        "*",
        "%F0%9F%9B%92",
        "' OR 1=1 --",
    ];
    for id in ids {
        let path = format!("/v1/orders/{}", id.replace(' ', "%20"));
        rows.push(row(format!("the order {id:?}"), NOTHING, get(&path)));
    }
    let long = "a".repeat(8_000);
    rows.push(row("a cart's name of 8,000 letters", NOTHING, get(&format!("/v1/carts/{long}"))));
    rows.push(row("a cart's name of 7 letters", NOTHING, get("/v1/carts/sevensv")));
    rows
}

/// Another shop's and another customer's things.
fn strangers(stage: &Stage) -> Vec<Row> {
    const NOTHING: &str = "404 not_found";
    let order = format!("/v1/orders/{}", stage.order);
    let mut rows = Vec::new();
    for (who, token) in [("a guest", &stage.guest), ("bob", &stage.bob), ("carol", &stage.carol)] {
        let cancel = ask("POST", format!("{order}/cancel")).bearer(token).key("stranger");
        rows.push(row(format!("{who} reads"), NOTHING, ask("GET", &order).bearer(token)));
        rows.push(row(format!("{who} cancels"), NOTHING, cancel));
    }
    let dispatch = ask("POST", format!("/v1/shipments/{}/dispatch", stage.shipment))
        .bearer(&stage.service_2)
        .key("stranger")
        .json(&json!({"carrier": "x", "tracking_number": "y"}));
    rows.push(row("another shop dispatches", NOTHING, dispatch));
    rows
}

/// Ways to place an order that do not make one.
async fn placing(demo: &Demo, stage: &Stage) -> Vec<Row> {
    let mut rows = Vec::new();
    // The first place of each would freeze the cart: every row has a cart of its own.
    let changes: [(&str, &str, &str, Value); 8] = [
        ("an old cart version", "412 version_mismatch", "cart_version", json!(99)),
        (
            "another total",
            "409 price_changed",
            "expected_total",
            json!({"amount": 1, "currency": "USD"}),
        ),
        (
            "a total in euros",
            "422 currency_mismatch",
            "expected_total",
            json!({"amount": 1, "currency": "EUR"}),
        ),
        (
            "a total beyond 2^53",
            "422 money_overflow",
            "expected_total",
            json!({"amount": 100_000_000_000_000_000_i64, "currency": "USD"}),
        ),
        ("an unknown profile", "422 validation_failed", "txn_type", json!("barter")),
        ("version 0", "422 validation_failed", "cart_version", json!(0)),
        ("an unknown member", "400 invalid_request", "discount", json!(100)),
        ("no such cart", "404 not_found", "cart_id", json!("no-such-cart")),
    ];
    for (name, expected, member, value) in changes {
        let cart = stage.fresh("place");
        demo.put_cart(&stage.alice, &cart, &stage.sku, 1).await;
        let mut body = demo.quote(&stage.alice, &cart).await;
        body[member] = value;
        let place = ask("POST", "/v1/orders").bearer(&stage.alice).key(&cart).json(&body);
        rows.push(row(format!("place: {name}"), expected, place));
    }
    let cart = stage.fresh("place");
    demo.put_cart(&stage.alice, &cart, &stage.sku, 1).await;
    let mut unpaid = demo.quote(&stage.alice, &cart).await;
    unpaid["tenders"] = json!([]);
    rows.push(row(
        "place: other tenders than the cart's",
        "422 validation_failed",
        ask("POST", "/v1/orders").bearer(&stage.alice).key(&cart).json(&unpaid),
    ));
    rows
}

/// Commands that the state of a thing does not allow.
async fn states(demo: &Demo, stage: &Stage) -> Vec<Row> {
    const STATE: &str = "409 invalid_state";
    let staff = |path: String| ask("POST", path).bearer(&stage.service);
    let order = demo.order(&stage.alice, "states-cart-1", &stage.sku, 1).await;
    let order = order["id"].as_str().unwrap().to_owned();
    let cancel = ask("POST", format!("/v1/orders/{order}/cancel")).bearer(&stage.alice);
    demo.send(&cancel.clone().key("cancel")).await.ok();
    let shipment = format!("/v1/shipments/{}", stage.shipment);
    let cod = json!({"event_id": "e1", "result": "collected",
                     "amount": {"amount": 1, "currency": "EUR"}, "receipt": "r1"});
    let frozen = ask("PATCH", "/v1/carts/states-cart-1").bearer(&stage.alice).if_version(&json!(2));
    let units = json!({"lines": [{"line_id": "1", "qty": 1_000}]});
    let unknown = json!({"lines": [{"line_id": "9", "qty": 1}]});
    let own = |body: &Value| {
        ask("POST", format!("/v1/orders/{}/cancel", stage.order))
            .bearer(&stage.alice)
            .key(&stage.fresh("bad"))
            .json(body)
    };
    vec![
        row("cancel what is cancelled", STATE, cancel.key("cancel-again")),
        row("cancel more than there is", "422 validation_failed", own(&units)),
        row("cancel a line that is not there", "422 validation_failed", own(&unknown)),
        // What was seen outside is never refused, but this cannot have been.
        row(
            "cash in another currency",
            "422 currency_mismatch",
            staff(format!("{shipment}/cod")).json(&cod),
        ),
        row(
            "receipt of what did not leave",
            STATE,
            ask("POST", format!("/v1/orders/{}/receipt", stage.order)).bearer(&stage.alice),
        ),
        row(
            "release what is not on hold",
            STATE,
            staff(format!("/v1/orders/{}/release", stage.order))
                .key("release")
                .json(&json!({"decision": "resume", "reason": "test"})),
        ),
        row(
            "edit a cart that is ordered",
            "409 cart_already_ordered",
            frozen.json(&json!({"shipping_option": "express"})),
        ),
    ]
}

/// A key that was used for something else.
async fn keys(demo: &Demo, stage: &Stage) -> Vec<Row> {
    const REUSED: &str = "422 idempotency_key_reused";
    demo.put_cart(&stage.alice, "keys-cart-1", &stage.sku, 1).await;
    let body = demo.quote(&stage.alice, "keys-cart-1").await;
    let place = |body: &Value| ask("POST", "/v1/orders").bearer(&stage.alice).key("k1").json(body);
    let order = demo.send(&place(&body)).await.ok();
    let mut other = body;
    other["quote_hash"] = json!("f".repeat(64));
    let adjust = |delta: i64| {
        ask("POST", format!("/v1/stock/{}/adjustments", stage.sku))
            .bearer(&stage.service)
            .key("k2")
            .json(&json!({"location": "main", "delta": delta, "reason": "test"}))
    };
    demo.send(&adjust(1)).await.ok();
    let cancel = |lines: Value| {
        ask("POST", format!("/v1/orders/{}/cancel", order["id"].as_str().unwrap()))
            .bearer(&stage.alice)
            .key("k3")
            .json(&lines)
    };
    demo.send(&cancel(json!({}))).await.ok();
    vec![
        row("a key with another order", REUSED, place(&other)),
        row("a key with another adjustment", REUSED, adjust(2)),
        row(
            "a key with another cancellation",
            REUSED,
            cancel(json!({"lines": [{"line_id": "1", "qty": 1}]})),
        ),
    ]
}
