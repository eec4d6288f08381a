//! Idempotency keys across operations, and preferences.

use futures_util::future::join_all;
use serde_json::json;

use super::rig::{ADDRESS, Rig};
use crate::testing::{ask, get, post};

#[actix_web::test]
async fn a_key_is_for_one_operation() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let order = rig.cod_order(&token, "alice-cart-1").await.json();
    let cancel = format!("/v1/orders/{}/cancel", order["id"].as_str().unwrap());
    // The key with which the order was placed: another entity keeps it.
    let cancel = |key: &str| post(&cancel).bearer(&token).header("idempotency-key", key);
    let reused = rig.send(cancel("alice-cart-1")).await;
    assert_eq!(reused.brief(), "422 idempotency_key_reused");
    // A refusal uses nothing up.
    let stranger = rig.buyer("bob").await;
    let adjust = |key: &str| {
        let adjust = post("/v1/stock/tea-2/adjustments").header("idempotency-key", key);
        adjust.json(r#"{"location":"main","delta":1,"reason":"receipt"}"#)
    };
    let refused = rig.send(adjust("c1").bearer(&token)).await;
    assert_eq!(refused.brief(), "403 insufficient_scope");
    let done = rig.send(cancel("c1")).await;
    assert_eq!(done.json()["status"], "cancelled", "{}", done.text());
    let again = rig.send(cancel("c1")).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"));
    // Keys of others are other keys.
    assert_eq!(rig.send(adjust("c1").bearer(&rig.staff)).await.status, 200);
    let quote = rig.cart(&stranger, "bobs-cart-1", r#"[{"type":"cod"}]"#).await;
    let place = Rig::place(&stranger, &quote, r#","tenders":[{"type":"cod"}]"#);
    assert_eq!(rig.send(place.header("idempotency-key", "c1")).await.status, 201);
}

#[actix_web::test]
async fn what_a_carrier_says_at_once_is_answered_and_repeated_one_by_one() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let order = rig.cod_order(&token, "alice-cart-1").await;
    let path = format!("/v1/shipments/{}", rig.shipment(&order).await);
    let dispatch = post(&format!("{path}/dispatch")).bearer(&rig.staff);
    let dispatch = dispatch.json(r#"{"carrier":"DHL","tracking_number":"T1"}"#);
    assert_eq!(rig.send(dispatch.header("idempotency-key", "d1")).await.status, 200);
    let at = order.json()["server_time"].clone();
    let track = |n: u32| {
        let event = json!({"event_id": format!("e{n}"), "status": "in_transit", "at": at});
        let track = post(&format!("{path}/tracking")).bearer(&rig.staff);
        let track = track.header("idempotency-key", &format!("t{n}"));
        rig.send(track.json(&event.to_string()))
    };
    let first = join_all((0..8).map(track)).await;
    let again = join_all((0..8).map(track)).await;
    for (first, again) in first.iter().zip(&again) {
        assert_eq!((first.status, again.status), (200, 200), "{}", first.text());
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!((&again.body, again.header("etag")), (&first.body, first.header("etag")));
    }
    let mut tags: Vec<&str> = first.iter().map(|answer| answer.header("etag")).collect();
    tags.sort_unstable();
    tags.dedup();
    assert_eq!(tags.len(), 8, "each event made a version of its own");
}

/// No body, no bytes of JSON, and the empty object are one request.
#[actix_web::test]
async fn a_body_that_says_nothing_may_be_left_out_of_a_repeat() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let order = rig.cod_order(&token, "alice-cart-1").await.json();
    let cancel = format!("/v1/orders/{}/cancel", order["id"].as_str().unwrap());
    let cancel = || post(&cancel).bearer(&token).header("idempotency-key", "c1");
    let first = rig.send(cancel().json("")).await;
    assert_eq!(first.json()["status"], "cancelled", "{}", first.text());
    for repeat in [cancel(), cancel().json("{}"), cancel().json(" { } ")] {
        let repeat = rig.send(repeat).await;
        assert_eq!((repeat.status, repeat.header("idempotent-replayed")), (200, "true"));
        assert_eq!(repeat.json(), first.json());
    }
    let other = rig.send(cancel().json(r#"{"lines":[{"line_id":"1","qty":1}]}"#)).await;
    assert_eq!(other.brief(), "422 idempotency_key_reused");
    let sign_in = post("/v1/me/sign-ins").bearer(&token);
    assert_eq!(rig.send(sign_in.json("")).await.status, 201);
}

#[actix_web::test]
async fn who_used_his_keys_up_hears_until_when_at_the_latest_and_shuts_out_nobody() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let order = rig.cod_order(&token, "cart-of-alice").await;
    let path = format!("/v1/orders/{}/cancel", order.json()["id"].as_str().unwrap());
    let cancel = |token: &str, key: usize| {
        post(&path).bearer(token).header("idempotency-key", &format!("k{key}")).json("{}")
    };
    for key in 0..64 {
        let status = if key == 0 { 200 } else { 409 };
        assert_eq!(rig.send(cancel(&token, key)).await.status, status, "{key}");
    }
    let full = rig.send(cancel(&token, 64)).await;
    assert_eq!(full.brief(), "429 rate_limited");
    assert_eq!(full.header("retry-after"), (48 * 3600).to_string());
    assert_eq!(rig.send(cancel(&token, 0)).await.status, 200, "a repeat needs no room");
    assert_eq!(rig.send(cancel(&rig.staff, 64)).await.brief(), "409 invalid_state");
}

#[actix_web::test]
async fn a_currency_that_there_is_not_is_named_where_it_stands() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let money = r#"{"amount":1,"currency":"XQX"}"#;
    let wallet = format!(r#"{{"type":"wallet","amount":{money}}}"#);
    let path = "/v1/carts/alice-cart-1";
    let put = |body: &str| ask("PUT", path).bearer(&token).header("if-none-match", "*").json(body);
    let quote = rig.cart(&token, "alice-cart-2", "[]").await.json();
    let place = |total: &str, tenders: &str| {
        let (cart, version, hash) =
            (&quote["cart_id"], &quote["cart_version"], &quote["quote_hash"]);
        let body = format!(
            r#"{{"cart_id":{cart},"cart_version":{version},"quote_hash":{hash},
                "expected_total":{total},"tenders":[{tenders}]}}"#
        );
        post("/v1/orders").bearer(&token).header("idempotency-key", "k1").json(&body)
    };
    let order = rig.cod_order(&token, "alice-cart-3").await;
    let shipment = rig.shipment(&order).await;
    let cash =
        format!(r#"{{"event_id":"c1","result":"collected","amount":{money},"receipt":"R1"}}"#);
    let gateway = r#"{"type":"gateway"}"#;
    let price = format!(r#"{{"amount":{money}}}"#);
    let patch = ask("PATCH", "/v1/carts/alice-cart-2").bearer(&token).header("if-match", "\"v1\"");
    for (request, pointer) in [
        (put(r#"{"currency":"XQX"}"#), "/currency"),
        (put(&format!(r#"{{"tenders":[{gateway},{wallet}]}}"#)), "/tenders/1/amount/currency"),
        (patch.json(&format!(r#"{{"tenders":[{wallet}]}}"#)), "/tenders/0/amount/currency"),
        (place(money, gateway), "/expected_total/currency"),
        (place(&quote["totals"]["payable"].to_string(), &wallet), "/tenders/0/amount/currency"),
        (rig.put("/v1/price-books/other/prices/tea-1", &price), "/amount/currency"),
        (
            post(&format!("/v1/shipments/{shipment}/cod")).bearer(&rig.staff).json(&cash),
            "/amount/currency",
        ),
    ] {
        let found = rig.send(request).await.brief();
        assert_eq!(found, format!("422 validation_failed unknown @ {pointer}"));
    }
}

#[actix_web::test]
async fn who_wants_no_body_gets_the_tag_alone() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let minimal = |method: &str, path: &str| {
        ask(method, path).bearer(&token).header("prefer", "return=minimal")
    };
    let cart = "/v1/carts/alice-cart-1";
    let put = minimal("PUT", cart).header("if-none-match", "*");
    let content = format!(r#"{{"lines":[{{"sku":"tea-1","qty":1}}],"address":{ADDRESS}}}"#);
    let line = minimal("PUT", &format!("{cart}/lines/tea-1")).header("if-match", "\"v1\"");
    let patch = minimal("PATCH", cart).header("if-match", "\"v2\"");
    let me = rig.send(get("/v1/me").bearer(&token)).await;
    // Making a cart moves the customer's version: the profile goes first.
    let update = minimal("PATCH", "/v1/me").header("if-match", me.header("etag"));
    let address = minimal("PUT", "/v1/me/addresses/home").header("if-none-match", "*");
    for (request, status, tag) in [
        (update.json(r#"{"name":"Alice B"}"#), 204, ""),
        (put.json(&content), 201, "\"v1\""),
        (line.json(r#"{"qty":2}"#), 204, "\"v2\""),
        (patch.json(r#"{"tenders":[{"type":"cod"}]}"#), 204, "\"v3\""),
        (address.json(ADDRESS), 201, ""),
    ] {
        let answer = rig.send(request).await;
        assert_eq!((answer.status, answer.text()), (status, String::new()), "{tag}");
        assert_eq!(answer.header("preference-applied"), "return=minimal");
        assert!(!answer.header("etag").is_empty(), "{tag}");
        assert!(tag.is_empty() || answer.header("etag") == tag, "{tag}");
    }
    let quote = rig.send(post(&format!("{cart}/quote")).bearer(&token)).await;
    let place = || {
        let place = Rig::place(&token, &quote, r#","tenders":[{"type":"cod"}]"#);
        place.header("idempotency-key", "k1")
    };
    let placed = rig.send(place().header("prefer", "return=minimal, wait=5")).await;
    assert_eq!((placed.status, placed.body.len()), (201, 0), "{}", placed.text());
    assert_eq!(placed.header("preference-applied"), "wait=5, return=minimal");
    let order = rig.send(get(placed.header("location")).bearer(&token)).await;
    assert_eq!(order.json()["status"], "confirmed");
    // Whoever repeats it and wants the body gets it.
    let again = rig.send(place().header("prefer", "return=representation")).await;
    assert_eq!((again.status, &again.json()["id"]), (201, &order.json()["id"]));
    assert_eq!(again.header("preference-applied"), "return=representation");
}

#[actix_web::test]
async fn skus_of_lines_are_shown_whole_where_that_is_asked() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let order = rig.cod_order(&token, "alice-cart-1").await.json();
    rig.cart(&token, "alice-cart-2", "[]").await;
    let order = format!("/v1/orders/{}", order["id"].as_str().unwrap());
    for path in [order.as_str(), "/v1/carts/alice-cart-2", "/v1/me/cart"] {
        let plain = rig.send(get(path).bearer(&token)).await;
        assert_eq!(plain.json()["lines"][0]["sku"], "tea-1", "{path}");
        let expanded = || get(&format!("{path}?expand[]=lines.sku")).bearer(&token);
        let whole = rig.send(expanded()).await;
        let sku = &whole.json()["lines"][0]["sku"];
        assert_eq!((&sku["object"], &sku["sku"]), (&"sku".into(), &"tea-1".into()), "{path}");
        assert_eq!(sku["price"]["amount"], 995, "{path}");
        let tag = whole.header("etag").to_owned();
        assert!(tag.starts_with("W/\""), "{path}: {tag}");
        assert_eq!(rig.send(expanded().header("if-none-match", &tag)).await.status, 304);
        // The SKU moves, and the tag with it, though the thing around it does not.
        let count = post("/v1/stock/tea-1/adjustments").bearer(&rig.staff);
        let count = count.header("idempotency-key", path);
        let count = count.json(r#"{"location":"main","delta":1,"reason":"receipt"}"#);
        assert_eq!(rig.send(count).await.status, 200);
        let again = rig.send(expanded().header("if-none-match", &tag)).await;
        assert_eq!(again.status, 200, "{path}");
        assert_eq!(rig.send(get(path).bearer(&token)).await.header("etag"), plain.header("etag"));
        // A tag tells the version too, so a poll waits with it as with the plain one.
        let tag = rig.send(expanded()).await.header("etag").to_owned();
        let version = plain.json()["version"].as_u64().unwrap();
        assert!(tag.starts_with(&format!("W/\"v{version}-")), "{path}: {tag}");
        let unknown = rig.send(get(&format!("{path}?expand[]=lines")).bearer(&token)).await;
        assert_eq!(unknown.brief(), "400 invalid_request out_of_range @ ?expand[]", "{path}");
    }
}

#[actix_web::test]
async fn a_body_where_none_is_taken_is_no_secret_wish() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    rig.cart(&token, "alice-cart-1", "[]").await;
    let quote = |body: &str| post("/v1/carts/alice-cart-1/quote").bearer(&token).json(body);
    assert_eq!(rig.send(quote("{}")).await.status, 200);
    for (body, brief) in [
        (r#"{"coupon":"TEN"}"#, "400 invalid_request unknown_field @ /coupon"),
        ("{bad", "400 invalid_request syntax @ "),
        ("[]", "400 invalid_request wrong_type @ "),
    ] {
        let answer = rig.send(quote(body)).await;
        assert_eq!(answer.brief(), brief, "{body}: {}", answer.text());
    }
}

#[actix_web::test]
async fn a_cart_that_was_there_was_not_made() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let put = || ask("PUT", "/v1/carts/alice-cart-1").bearer(&token).json(r#"{"lines":[]}"#);
    assert_eq!(rig.send(put().header("if-none-match", "*")).await.status, 201);
    let again = rig.send(put().header("if-match", "\"v1\"")).await;
    assert_eq!((again.status, again.header("etag")), (200, "\"v1\""));
}

#[actix_web::test]
async fn an_unknown_coupon_is_not_passed_over() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    rig.cart(&token, "alice-cart-1", r#"[{"type":"cod"}]"#).await;
    let patch = ask("PATCH", "/v1/carts/alice-cart-1").bearer(&token).header("if-match", "\"v1\"");
    assert_eq!(rig.send(patch.json(r#"{"coupons":["NOPE"]}"#)).await.status, 200);
    let quote = rig.send(post("/v1/carts/alice-cart-1/quote").bearer(&token)).await;
    let more = r#","tenders":[{"type":"cod"}]"#;
    let refused = rig.send(Rig::place(&token, &quote, more).header("idempotency-key", "k1")).await;
    assert_eq!(refused.brief(), "409 coupon_not_applicable");
    let said = refused.json();
    assert_eq!((&said["reason"], &said["coupon"]), (&"unknown".into(), &"NOPE".into()));
    // It is the cart's own word: a key that was refused so hears the same once the code is gone.
    let patch = ask("PATCH", "/v1/carts/alice-cart-1").bearer(&token).header("if-match", "\"v2\"");
    assert_eq!(rig.send(patch.json(r#"{"coupons":[]}"#)).await.status, 200);
    let again = rig.send(Rig::place(&token, &quote, more).header("idempotency-key", "k1")).await;
    assert_eq!(again.brief(), "409 coupon_not_applicable");
    assert_eq!(again.header("idempotent-replayed"), "true");
}

/// RFC 9110 13.1.1: true of whatever is there.
#[actix_web::test]
async fn a_star_matches_what_is_there() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let order = rig.cod_order(&token, "alice-cart-1").await.json();
    rig.cart(&token, "alice-cart-2", "[]").await;
    rig.put_address(&token, "home").await;
    let product = r#"{"title":"T","status":"active","category":"c"}"#;
    let sku = r#"{"product_id":"tea","title":"T"}"#;
    let price = r#"{"amount":{"amount":5,"currency":"USD"}}"#;
    let policy = r#"{"safety":1,"oversell_limit":0}"#;
    let moved = r#"{"address":{"city":"Berkeley"}}"#;
    let cancel = format!("/v1/orders/{}/cancel", order["id"].as_str().unwrap());
    let stale = "412 version_mismatch";
    let table = [
        ("PUT", "/v1/carts/alice-cart-3", "{}", stale),
        ("PUT", "/v1/carts/alice-cart-2/lines/tea-2", r#"{"qty":2}"#, "200"),
        ("PUT", "/v1/carts/alice-cart-3/lines/tea-2", r#"{"qty":2}"#, "404 not_found"),
        ("PATCH", "/v1/carts/alice-cart-2", r#"{"shipping_option":"express"}"#, "200"),
        ("PATCH", "/v1/carts/alice-cart-2", moved, "200"),
        ("PATCH", "/v1/carts/alice-cart-3", moved, "404 not_found"),
        ("DELETE", "/v1/carts/alice-cart-2/lines/tea-2", "", "204"),
        ("DELETE", "/v1/carts/alice-cart-2/lines/tea-2", "", "404 not_found"),
        ("PUT", "/v1/carts/alice-cart-2", "{}", "200"),
        ("PUT", "/v1/me/addresses/work", ADDRESS, stale),
        ("PUT", "/v1/me/addresses/home", ADDRESS, "200"),
        ("DELETE", "/v1/me/addresses/home", "", "204"),
        ("DELETE", "/v1/me/addresses/home", "", "404 not_found"),
        ("PATCH", "/v1/me", r#"{"name":"Alice B"}"#, "200"),
        ("POST", &cancel, "", "200"),
        ("PUT", "/v1/products/cup", product, stale),
        ("PUT", "/v1/products/tea", product, "200"),
        ("PUT", "/v1/skus/cup-1", sku, stale),
        ("PUT", "/v1/skus/tea-1", sku, "200"),
        ("PUT", "/v1/price-books/vip/prices/tea-1", price, stale),
        ("PUT", "/v1/price-books/default/prices/tea-1", price, "200"),
        ("PUT", "/v1/stock/tea-1/locations/main", policy, "200"),
    ];
    for (method, path, body, expected) in table {
        let is_mine = ["/v1/carts", "/v1/me", "/v1/orders"].iter().any(|own| path.starts_with(own));
        let by = if is_mine { &token } else { &rig.staff };
        let star = ask(method, path).bearer(by).header("if-match", "*");
        let star = star.header("idempotency-key", "star");
        let star = if body.is_empty() { star } else { star.json(body) };
        assert_eq!(rig.send(star).await.brief(), expected, "{method} {path}");
    }
    let cart = rig.send(get("/v1/carts/alice-cart-2").bearer(&token)).await.json();
    assert_eq!(cart["lines"], json!([]), "it was set to nothing");
}
