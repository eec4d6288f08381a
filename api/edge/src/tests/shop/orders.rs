//! From a cart to the door: placing, shipments, tracking, cash.

use serde_json::json;

use super::rig::Rig;
use crate::testing::{Ask, ask, get, post};

#[actix_web::test]
async fn placing_again_with_the_key_answers_the_same_bytes() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let quote = rig.cart(&token, "alice-cart-1", "[]").await;
    let not_sold = Rig::place(&token, &quote, r#","txn_type":"presale""#);
    let not_sold = rig.send(not_sold.header("idempotency-key", "presale")).await;
    assert_eq!(not_sold.brief(), "422 validation_failed invalid @ /txn_type");
    let place = || Rig::place(&token, &quote, "").header("idempotency-key", "k1");
    let first = rig.send(place()).await;
    assert_eq!(first.status, 201, "{}", first.text());
    assert_eq!(first.json()["status"], "awaiting_payment");
    let again = rig.send(place()).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!((again.status, again.body), (first.status, first.body));
    assert_ne!(again.headers["request-id"], first.headers["request-id"]);
    let other_body = Rig::place(&token, &quote, r#","txn_type":"fixed""#);
    let reused = rig.send(other_body.header("idempotency-key", "k1")).await;
    assert_eq!(reused.brief(), "422 idempotency_key_reused");
    // Another key, the same content: the same order.
    let same = rig.send(Rig::place(&token, &quote, "").header("idempotency-key", "k2")).await;
    assert_eq!(same.json()["id"], again_id(&rig, &token).await);
    let mallory = rig.buyer("mallory").await;
    let path = format!("/v1/orders/{}", same.json()["id"].as_str().unwrap());
    assert_eq!(rig.send(get(&path).bearer(&mallory)).await.brief(), "404 not_found");
    let other_shop = rig.world.service_token("demo2-service").await;
    assert_eq!(rig.send(get(&path).bearer(&other_shop)).await.brief(), "404 not_found");
}

#[actix_web::test]
async fn a_key_repeats_its_answer_and_another_key_sees_the_order_as_it_is() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let quote = rig.cart(&token, "alice-cart-1", r#"[{"type":"cod"}]"#).await;
    let more = r#","txn_type":"cod","tenders":[{"type":"cod"}]"#;
    let place = |key| Rig::place(&token, &quote, more).header("idempotency-key", key);
    let first = rig.send(place("k1")).await;
    assert_eq!((first.status, &first.json()["status"]), (201, &json!("confirmed")));
    // The order moves on.
    let shipment = rig.shipment(&first).await;
    let dispatch = post(&format!("/v1/shipments/{shipment}/dispatch")).bearer(&rig.staff);
    let dispatch = dispatch.json(r#"{"carrier":"DHL","tracking_number":"T1"}"#);
    assert_eq!(rig.send(dispatch.header("idempotency-key", "d1")).await.status, 200);
    let path = format!("/v1/orders/{}", first.json()["id"].as_str().unwrap());
    let present = rig.send(get(&path).bearer(&token)).await;
    assert_ne!(present.header("etag"), first.header("etag"));
    let replay = rig.send(place("k1")).await;
    assert_eq!((replay.status, replay.header("etag")), (201, first.header("etag")));
    assert_eq!(replay.body, first.body, "the same key: the same bytes");
    let other = rig.send(place("k2")).await;
    assert_eq!((other.status, other.header("etag")), (200, present.header("etag")));
    assert_eq!(other.json()["status"], "in_fulfilment");
    assert_eq!(other.headers.get("idempotent-replayed"), None);
    // It moves on again; the second key keeps its own answer.
    let at = first.json()["server_time"].as_str().unwrap().to_owned();
    let track = json!({"event_id": "e1", "status": "in_transit", "at": at}).to_string();
    let track = post(&format!("/v1/shipments/{shipment}/tracking")).bearer(&rig.staff).json(&track);
    assert_eq!(rig.send(track).await.status, 200);
    let replay = rig.send(place("k2")).await;
    assert_eq!(replay.header("idempotent-replayed"), "true");
    assert_eq!((replay.status, replay.body), (200, other.body));
}

#[actix_web::test]
async fn no_line_to_cancel_is_not_every_line() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let order = rig.cod_order(&token, "alice-cart-1").await;
    let path = format!("/v1/orders/{}", order.json()["id"].as_str().unwrap());
    let cancel = |key, body: &str| {
        post(&format!("{path}/cancel")).bearer(&token).json(body).header("idempotency-key", key)
    };
    let null = rig.send(cancel("c0", r#"{"lines":null}"#)).await;
    assert_eq!(null.status, 400, "no way to cancel all of it: {}", null.text());
    let refused = rig.send(cancel("c1", r#"{"lines":[]}"#)).await;
    assert_eq!(refused.brief(), "422 validation_failed empty @ /lines");
    let too_many = rig.send(cancel("c2", r#"{"lines":[{"line_id":"1","qty":4}]}"#)).await;
    assert!(too_many.brief().starts_with("422 validation_failed"), "{}", too_many.text());
    let seen = rig.send(get(&path).bearer(&token)).await;
    assert_eq!(seen.json()["status"], "confirmed");
    let whole = rig.send(cancel("c3", "{}")).await;
    assert_eq!(whole.json()["status"], "cancelled", "{}", whole.text());
    let list = rig.send(get(&format!("{path}/shipments")).bearer(&token)).await.json();
    let parcel = &list["data"][0];
    assert_eq!((&parcel["status"], &parcel["cod"]), (&json!("stopped"), &json!(null)));
}

#[actix_web::test]
async fn who_cancels_all_that_is_left_sees_the_order_cancelled() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let order = rig.cod_order(&token, "alice-cart-1").await.json();
    let path = format!("/v1/orders/{}/cancel", order["id"].as_str().unwrap());
    let lines = json!({"lines": [{"line_id": "1", "qty": order["lines"][0]["qty"]}]}).to_string();
    let cancel = || post(&path).bearer(&token).json(&lines).header("idempotency-key", "c1");
    let first = rig.send(cancel()).await;
    assert_eq!((first.status, &first.json()["status"]), (200, &json!("cancelled")));
    let again = rig.send(cancel()).await;
    assert_eq!((again.status, again.body), (first.status, first.body));
}

#[actix_web::test]
async fn a_cancellation_is_repeated_as_it_was_answered() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let cash = r#"[{"type":"cod"}]"#;
    rig.cart(&token, "alice-cart-1", cash).await;
    let two = ask("PUT", "/v1/carts/alice-cart-1/lines/tea-1").bearer(&token);
    let two = two.header("if-match", "\"v1\"").json(r#"{"qty":2}"#);
    assert_eq!(rig.send(two).await.status, 200);
    let quote = rig.send(post("/v1/carts/alice-cart-1/quote").bearer(&token)).await;
    let more = format!(r#","tenders":{cash}"#);
    let place = Rig::place(&token, &quote, &more).header("idempotency-key", "k1");
    let order = rig.send(place).await;
    assert_eq!(order.status, 201, "{}", order.text());
    let path = format!("/v1/orders/{}", order.json()["id"].as_str().unwrap());
    let cancel = || {
        let body = r#"{"lines":[{"line_id":"1","qty":1}]}"#;
        post(&format!("{path}/cancel")).bearer(&token).json(body).header("idempotency-key", "c1")
    };
    let first = rig.send(cancel()).await;
    assert_eq!((first.status, &first.json()["status"]), (200, &json!("confirmed")));
    let parcel = Parcel { rig: &rig, id: rig.shipment(&order).await };
    let body = r#"{"carrier":"DHL","tracking_number":"T1"}"#;
    let dispatch = parcel.post("dispatch", body).header("idempotency-key", "d1");
    assert_eq!(parcel.brief(dispatch).await, "200 dispatched");
    let again = rig.send(cancel()).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!((again.status, again.body), (first.status, first.body));
}

#[actix_web::test]
async fn placing_is_repeated_as_it_was_answered_however_much_happened_since() {
    let rig = Rig::new().await;
    let more: Vec<_> = (3..=24).map(|n| format!("tea-{n}")).collect();
    for sku in &more {
        rig.sku(sku, 100).await;
    }
    let many: Vec<_> = ["tea-1", "tea-2"].into_iter().chain(more.iter().map(|s| &**s)).collect();
    placed_and_repeated(&rig, "one-line-cart", &["tea-1"], 51).await;
    placed_and_repeated(&rig, "scanned-cart", &["tea-1"], 210).await;
    // Its versions are many, and so is what comes after the first of them that counts.
    placed_and_repeated(&rig, "many-lines-cart", &many, 51).await;
}

/// Places an order, scans its parcel until what placing came to is no longer shown, and places it
/// again.
async fn placed_and_repeated(rig: &Rig, cart: &str, skus: &[&str], n_scans: u32) {
    let token = rig.buyer(cart).await;
    let quote = rig.cart_of(&token, cart, skus, r#"[{"type":"cod"}]"#).await;
    let more = r#","tenders":[{"type":"cod"}]"#;
    let place = || Rig::place(&token, &quote, more).header("idempotency-key", cart);
    let first = rig.send(place()).await;
    assert_eq!(first.status, 201, "{}", first.text());
    let parcel = Parcel { rig, id: rig.shipment(&first).await };
    let body = r#"{"carrier":"DHL","tracking_number":"T1"}"#;
    let dispatch = parcel.post("dispatch", body).header("idempotency-key", cart);
    assert_eq!(parcel.brief(dispatch).await, "200 dispatched");
    // An order keeps 200 entries and shows 50 of them.
    for n in 0..n_scans {
        let at = "2026-11-20T10:00:00Z";
        let body = format!(r#"{{"event_id":"e{n}","status":"in_transit","at":"{at}"}}"#);
        assert_eq!(rig.send(parcel.post("tracking", &body)).await.status, 200);
    }
    let again = rig.send(place()).await;
    assert_eq!((again.status, again.text()), (first.status, first.text()));
}

async fn again_id(rig: &Rig, token: &str) -> serde_json::Value {
    let list = rig.send(get("/v1/me/orders").bearer(token)).await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    list["data"][0]["id"].clone()
}

struct Parcel<'a> {
    rig: &'a Rig,
    id: String,
}

impl Parcel<'_> {
    fn post(&self, what: &str, body: &str) -> Ask {
        post(&format!("/v1/shipments/{}/{what}", self.id)).bearer(&self.rig.staff).json(body)
    }

    async fn brief(&self, request: Ask) -> String {
        let answer = self.rig.send(request).await;
        let status = answer.json()["status"].as_str().unwrap_or_default().to_owned();
        format!("{} {status}", answer.brief())
    }
}

#[actix_web::test]
async fn a_parcel_goes_out_once_and_its_cash_comes_in() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let order = rig.cod_order(&token, "alice-cart-1").await;
    assert_eq!(order.json()["status"], "confirmed");
    let parcel = Parcel { rig: &rig, id: rig.shipment(&order).await };
    let path = format!("/v1/shipments/{}", parcel.id);
    let seen = rig.send(get(&path).bearer(&token)).await;
    assert_eq!(seen.json()["lines"], json!([{"line_id": "1", "qty": 1}]), "{}", seen.text());
    assert_eq!(seen.json()["cod"]["status"], "due");
    let due = seen.json()["cod"]["due"].clone();
    let mallory = rig.buyer("mallory").await;
    assert_eq!(rig.send(get(&path).bearer(&mallory)).await.brief(), "404 not_found");

    let body = r#"{"carrier":"DHL","tracking_number":"T1"}"#;
    let dispatch = || parcel.post("dispatch", body).header("idempotency-key", "d1");
    let by_buyer = post(&format!("{path}/dispatch")).bearer(&token).json(body);
    assert_eq!(rig.send(by_buyer).await.brief(), "403 insufficient_scope");
    let first = rig.send(dispatch()).await;
    assert_eq!((first.status, &first.json()["status"]), (200, &json!("dispatched")));
    let track = |event: &str, status: &str| {
        let at = "2026-11-20T10:00:00Z";
        let body = format!(r#"{{"event_id":"{event}","status":"{status}","at":"{at}"}}"#);
        parcel.post("tracking", &body)
    };
    assert_eq!(parcel.brief(track("e1", "in_transit")).await, "200 in_transit");
    assert_eq!(parcel.brief(track("e2", "delivered")).await, "200 delivered");
    let repeated = rig.send(track("e1", "in_transit")).await;
    assert_eq!(repeated.json()["status"], "delivered", "a repeat changes nothing");
    assert_eq!(repeated.header("idempotent-replayed"), "true");
    let again = rig.send(dispatch()).await;
    assert_eq!((again.status, again.body), (200, first.body), "as it was answered first");
    let other = parcel.post("dispatch", body).header("idempotency-key", "d2");
    assert_eq!(parcel.brief(other).await, "409 invalid_state ");

    let cash = |event: &str, amount: &str| {
        let body = format!(
            r#"{{"event_id":"{event}","result":"collected","amount":{amount},"receipt":"R1"}}"#
        );
        parcel.post("cod", &body)
    };
    let euros = cash("c0", r#"{"amount":1,"currency":"EUR"}"#);
    assert_eq!(parcel.brief(euros).await, "422 currency_mismatch ");
    let collected = rig.send(cash("c1", &due.to_string())).await;
    assert_eq!(collected.json()["cod"]["status"], "collected", "{}", collected.text());
    assert_eq!(collected.json()["cod"]["receipt"], "R1");
}

#[actix_web::test]
async fn what_shipments_refuse() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let order = rig.cod_order(&token, "alice-cart-1").await;
    let parcel = Parcel { rig: &rig, id: rig.shipment(&order).await };
    let at = "2026-11-20T10:00:00Z";
    let cash = r#"{"event_id":"c","result":"collected","amount":{"amount":1,"currency":"USD"}}"#;
    let table = [
        (parcel.post("cod", cash), "422 validation_failed required @ /receipt "),
        (
            parcel.post("dispatch", r#"{"carrier":"","tracking_number":"1"}"#),
            "422 validation_failed bad_length @ /carrier ",
        ),
        (
            parcel.post("tracking", &format!(r#"{{"event_id":"e","status":"lost","at":"{at}"}}"#)),
            "422 validation_failed unknown_value @ /status ",
        ),
        (
            parcel.post("tracking", r#"{"event_id":"e","status":"delivered","at":"now"}"#),
            "422 validation_failed bad_form @ /at ",
        ),
        (
            parcel.post("cod", r#"{"event_id":"e","result":"refused"}"#),
            "400 invalid_request missing_field @ /amount ",
        ),
    ];
    for (index, (request, expected)) in table.into_iter().enumerate() {
        let found = parcel.brief(request.header("idempotency-key", "k")).await;
        assert!(found.starts_with(expected), "row {index}: {found}");
    }
    let nowhere = entity::public_id("shp", entity::Affinity(1), uuid::Uuid::nil());
    let unknown = post(&format!("/v1/shipments/{nowhere}/dispatch"))
        .bearer(&rig.staff)
        .header("idempotency-key", "k")
        .json(r#"{"carrier":"x","tracking_number":"1"}"#);
    assert_eq!(rig.send(unknown).await.brief(), "404 not_found");
}

#[actix_web::test]
async fn staff_that_may_only_write_sees_what_it_did() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let (orders, shipments) = (
        rig.world.scoped_token("demo-service", "orders:write").await,
        rig.world.scoped_token("demo-service", "shipments:write").await,
    );
    let [first, second] =
        [rig.cod_order(&token, "cart-write-1").await, rig.cod_order(&token, "cart-write-2").await];
    let path = format!("/v1/orders/{}", first.json()["id"].as_str().unwrap());
    assert_eq!(rig.send(get(&path).bearer(&orders)).await.brief(), "403 insufficient_scope");
    let cancel = post(&format!("{path}/cancel")).bearer(&orders).header("idempotency-key", "w1");
    let cancelled = rig.send(cancel).await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.text());
    assert_eq!(cancelled.json()["status"], "cancelled");

    let path = format!("/v1/shipments/{}", rig.shipment(&second).await);
    assert_eq!(rig.send(get(&path).bearer(&shipments)).await.brief(), "403 insufficient_scope");
    let at = rig.send(get("/v1/me/orders").bearer(&token)).await.json();
    let at = at["data"][0]["server_time"].as_str().unwrap().to_owned();
    for (what, body, status) in [
        ("dispatch", json!({"carrier": "post", "tracking_number": "T1"}), "dispatched"),
        ("tracking", json!({"event_id": "e1", "status": "in_transit", "at": at}), "in_transit"),
    ] {
        let told = post(&format!("{path}/{what}")).bearer(&shipments).json(&body.to_string());
        let answer = rig.send(told.header("idempotency-key", what)).await;
        assert_eq!(answer.status, 200, "{what}: {}", answer.text());
        assert_eq!(answer.json()["status"], status);
    }

    // Also of a buyer's cart that it edits and orders.
    rig.cart(&token, "cart-write-3", r#"[{"type":"cod"}]"#).await;
    let path = "/v1/carts/cart-write-3";
    let put = ask("PUT", &format!("{path}/lines/tea-1")).bearer(&orders);
    let put = put.header("if-match", "\"v1\"").json(r#"{"qty":2}"#);
    let edited = rig.send(put).await;
    assert_eq!((edited.status, edited.header("etag")), (200, "\"v2\""), "{}", edited.text());
    assert_eq!(rig.send(get(path).bearer(&orders)).await.brief(), "403 insufficient_scope");
    let quote = rig.send(post(&format!("{path}/quote")).bearer(&token)).await;
    let more = r#","txn_type":"cod","tenders":[{"type":"cod"}]"#;
    let placed = Rig::place(&orders, &quote, more).header("idempotency-key", "w3");
    let placed = rig.send(placed).await;
    assert_eq!(placed.status, 201, "{}", placed.text());
}

#[actix_web::test]
async fn staff_that_may_read_shipments_needs_no_order() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let order = rig.cod_order(&token, "cart-read-1").await;
    let id = rig.shipment(&order).await;
    let shipment = format!("/v1/shipments/{id}");
    let list = format!("/v1/orders/{}/shipments", order.json()["id"].as_str().unwrap());
    for (scope, expected) in [
        ("shipments:read", "200"),
        ("orders:read shipments:read", "200"),
        ("orders:read", "403 insufficient_scope"),
        ("shipments:write", "403 insufficient_scope"),
    ] {
        let staff = rig.world.scoped_token("demo-service", &scope.replace(' ', "+")).await;
        for path in [&shipment, &list] {
            let answer = rig.send(get(path).bearer(&staff)).await;
            assert_eq!(answer.brief(), expected, "{scope}: {path}");
            let seen = answer.json();
            if path == &list && answer.status == 200 {
                assert_eq!(seen["data"][0]["id"], id.as_str(), "{scope}");
            }
        }
    }
    // A buyer's own shipments go with the own orders.
    assert_eq!(rig.send(get(&shipment).bearer(&token)).await.status, 200);
    assert_eq!(rig.send(get(&list).bearer(&token)).await.json()["data"][0]["id"], id.as_str());
}

#[actix_web::test]
async fn an_order_keeps_the_language_and_offers_what_can_be_done() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let quote = rig.cart(&token, "alice-cart-1", "[]").await;
    let place = Rig::place(&token, &quote, "").header("idempotency-key", "k1");
    let order = rig.send(place.header("accept-language", "en;q=0.3, de-ch;q=0.9")).await.json();
    assert_eq!((&order["status"], &order["locale"]), (&json!("awaiting_payment"), &json!("de-CH")));
    let id = order["id"].as_str().unwrap();
    let cancel = format!("/v1/orders/{id}/cancel");
    let offered = json!([{"name": "cancel", "method": "POST", "href": cancel, "expires_at": null}]);
    assert_eq!(order["next_actions"], offered, "no payment can be started here");
    let pay = post(&format!("/v1/orders/{id}/payments")).bearer(&token);
    let refused = rig.send(pay.header("idempotency-key", "p1").json("{}")).await;
    assert_eq!(refused.brief(), "409 invalid_state");
    // Whoever reads it later in another language does not change it.
    let seen = get(&format!("/v1/orders/{id}")).bearer(&token).header("accept-language", "fr");
    assert_eq!(rig.send(seen).await.json()["locale"], "de-CH");
    let cancel = post(&cancel).bearer(&token).header("idempotency-key", "c1");
    let cancelled = rig.send(cancel).await.json();
    assert_eq!(
        (&cancelled["status"], &cancelled["next_actions"]),
        (&json!("cancelled"), &json!([]))
    );
}

#[actix_web::test]
async fn another_price_comes_with_the_quote_that_can_be_accepted() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let quote = rig.cart(&token, "alice-cart-1", "[]").await;
    let dearer = ask("PUT", "/v1/price-books/default/prices/tea-1").bearer(&rig.staff);
    let dearer = dearer.header("if-match", "\"v1\"");
    let dearer = dearer.json(r#"{"amount":{"amount":1995,"currency":"USD"}}"#);
    assert_eq!(rig.send(dearer).await.status, 200);
    let place = || Rig::place(&token, &quote, "").header("idempotency-key", "k1");
    let refused = rig.send(place()).await;
    assert_eq!(refused.brief(), "409 price_changed");
    let offered = refused.json()["quote"].clone();
    assert_eq!(
        (&offered["object"], &offered["cart_id"]),
        (&json!("quote"), &json!("alice-cart-1"))
    );
    assert_eq!(offered["lines"][0]["unit_price"], json!({"amount": 1995, "currency": "USD"}));
    assert_ne!(offered["totals"]["payable"], quote.json()["totals"]["payable"]);
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let again = rig.send(place()).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.text(), refused.text(), "the same key: the same bytes");
    let body = json!({
        "cart_id": offered["cart_id"], "cart_version": offered["cart_version"],
        "quote_hash": offered["quote_hash"], "expected_total": offered["totals"]["payable"],
    });
    let accept = post("/v1/orders").bearer(&token).json(&body.to_string());
    let placed = rig.send(accept.header("idempotency-key", "k2")).await;
    assert_eq!(placed.status, 201, "{}", placed.text());
    assert_eq!(placed.json()["totals"]["payable"], offered["totals"]["payable"]);
    // By now the cart is sold, and its price has moved again.
    let dearer = ask("PUT", "/v1/price-books/default/prices/tea-1").bearer(&rig.staff);
    let dearer = dearer.header("if-match", "\"v2\"");
    let dearer = dearer.json(r#"{"amount":{"amount":2995,"currency":"USD"}}"#);
    assert_eq!(rig.send(dearer).await.status, 200);
    let again = rig.send(place()).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.text(), refused.text(), "what was offered then");
}

#[actix_web::test]
async fn prices_that_moved_against_each_other_are_asked_about() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let quote = rig.cart_of(&token, "alice-cart-1", &["tea-1", "tea-2"], "[]").await;
    let put = async |sku: &str, tag: &str, amount: i64| {
        let path = format!("/v1/price-books/default/prices/{sku}");
        let put = ask("PUT", &path).bearer(&rig.staff).header("if-match", tag);
        let body = json!({"amount": {"amount": amount, "currency": "USD"}});
        let answer = rig.send(put.json(&body.to_string())).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    put("tea-1", "\"v1\"", 1_095).await;
    put("tea-2", "\"v1\"", 1_890).await;
    let place = |key: &str| Rig::place(&token, &quote, "").header("idempotency-key", key);
    let refused = rig.send(place("k1")).await;
    assert_eq!(refused.brief(), "409 price_changed");
    let offered = &refused.json()["quote"];
    assert_eq!(offered["totals"]["payable"], quote.json()["totals"]["payable"], "as it was");
    assert_ne!(offered["lines"], quote.json()["lines"]);
    // Back again: newer versions of the same amounts are what was agreed to.
    put("tea-1", "\"v2\"", 995).await;
    put("tea-2", "\"v2\"", 1_990).await;
    let placed = rig.send(place("k2")).await;
    assert_eq!(placed.status, 201, "{}", placed.text());
}

#[actix_web::test]
async fn who_does_not_wait_hears_later_what_came_of_it() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let quote = rig.cart(&token, "alice-cart-1", "[]").await;
    let place = || {
        let place = Rig::place(&token, &quote, "").header("idempotency-key", "k1");
        place.header("prefer", "respond-async")
    };
    let told = rig.send(place()).await;
    assert_eq!((told.status, told.header("preference-applied")), (202, "respond-async"));
    let path = format!("/v1/orders/{}", told.json()["id"].as_str().unwrap());
    while rig.send(get(&path).bearer(&token)).await.json()["status"] != "awaiting_payment" {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let now = rig.send(place()).await;
    assert_eq!((now.status, &now.json()["status"]), (202, &json!("awaiting_payment")));
    let cancel = post(&format!("{path}/cancel")).bearer(&token).json("{}");
    assert_eq!(rig.send(cancel.header("idempotency-key", "k2")).await.status, 200);
    let over = rig.send(place()).await;
    assert_eq!(
        (over.brief(), &over.json()["state"]),
        ("409 invalid_state".into(), &json!("cancelled"))
    );
    assert_eq!(over.header("idempotent-replayed"), "true");
}
