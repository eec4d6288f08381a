//! The newest cart, what a guest brings along, and what a cart shows and takes.

use commerce::cart::{self, Cart};
use commerce::keys;
use commerce::protocol::IfVersion;
use entity::{Cause, Principal, Tenant};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::rig::Rig;
use crate::shop::Asker;
use crate::testing::{Ask, ask, get, post};

#[actix_web::test]
async fn my_cart_is_made_once_and_stays_until_it_is_ordered() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let mine = || get("/v1/me/cart").bearer(&token);
    let (one, two) = futures_util::future::join(rig.send(mine()), rig.send(mine())).await;
    assert_eq!((one.status, two.status), (200, 200), "{} {}", one.text(), two.text());
    assert_eq!(one.json()["id"], two.json()["id"]);
    assert_eq!((&one.json()["status"], &one.json()["lines"]), (&json!("open"), &json!([])));
    // A cart that was made later is the newest.
    rig.cart(&token, "alice-cart-9", "[]").await;
    assert_eq!(rig.send(mine()).await.json()["id"], "alice-cart-9");
}

struct Merge<'a> {
    rig: &'a Rig,
    token: String,
}

impl Merge<'_> {
    fn of(&self, guest_cart: &str, guest_token: &str) -> Ask {
        let body = format!(r#"{{"guest_cart_id":"{guest_cart}","guest_token":"{guest_token}"}}"#);
        post("/v1/carts/alice-cart-1/merge").bearer(&self.token).json(&body)
    }

    async fn lines(&self) -> serde_json::Value {
        let cart = self.rig.send(get("/v1/carts/alice-cart-1").bearer(&self.token)).await.json();
        let lines = cart["lines"].as_array().unwrap().iter();
        lines.map(|line| json!([line["sku"], line["qty"]])).collect()
    }
}

#[actix_web::test]
async fn a_guest_brings_the_cart_along_once() {
    let rig = Rig::new().await;
    let guest = rig.send(post("/v1/guests")).await.json();
    let guest = guest["access_token"].as_str().unwrap();
    rig.cart(guest, "guest-cart-1", "[]").await;
    let more = ask("PUT", "/v1/carts/guest-cart-1/lines/tea-2")
        .bearer(guest)
        .header("if-match", "\"v1\"")
        .json(r#"{"qty":3}"#);
    assert_eq!(rig.send(more).await.status, 200);
    let weak = ask("PUT", "/v1/carts/guest-cart-1/lines/tea-2").bearer(guest);
    let weak = rig.send(weak.header("if-match", "W/\"v2\"").json(r#"{"qty":4}"#)).await;
    assert_eq!(weak.brief(), "412 version_mismatch");
    assert!(weak.json()["detail"].as_str().unwrap().contains("weak"), "{}", weak.text());
    let token = rig.buyer("alice").await;
    rig.cart(&token, "alice-cart-1", "[]").await;
    let merge = Merge { rig: &rig, token };
    for refused in
        [merge.of("guest-cart-1", "junk"), merge.of("guest-cart-1", &merge.token.clone())]
    {
        let answer = rig.send(refused).await;
        assert_eq!(answer.brief(), "422 validation_failed not_allowed @ /guest_token");
    }
    assert_eq!(merge.lines().await, json!([["tea-1", 1]]));
    for _ in 0..3 {
        let answer = rig.send(merge.of("guest-cart-1", guest)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(merge.lines().await, json!([["tea-1", 2], ["tea-2", 3]]));
    }
    // Another guest's token takes nothing from this guest's cart.
    rig.cart(guest, "guest-cart-2", "[]").await;
    let other = rig.send(post("/v1/guests")).await.json();
    let other = other["access_token"].as_str().unwrap().to_owned();
    for (cart, token) in [("guest-cart-2", other.as_str()), ("guest-cart-9", guest)] {
        assert_eq!(rig.send(merge.of(cart, token)).await.brief(), "404 not_found");
    }
    assert_eq!(merge.lines().await, json!([["tea-1", 2], ["tea-2", 3]]));
    // That used nothing up; nor did the first merge of a cart that is filled again.
    assert_eq!(rig.send(merge.of("guest-cart-2", guest)).await.status, 200);
    let more = rig.send(get("/v1/carts/guest-cart-1").bearer(guest)).await;
    let more = ask("PUT", "/v1/carts/guest-cart-1/lines/tea-2")
        .bearer(guest)
        .header("if-match", more.header("etag"))
        .json(r#"{"qty":1}"#);
    assert_eq!(rig.send(more).await.status, 200);
    for _ in 0..2 {
        assert_eq!(rig.send(merge.of("guest-cart-1", guest)).await.status, 200);
        assert_eq!(merge.lines().await, json!([["tea-1", 3], ["tea-2", 4]]));
    }
}

#[actix_web::test]
async fn a_patch_reaches_into_the_address() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    rig.cart(&token, "alice-cart-1", "[]").await;
    let patch = |version: u32, address: &str| {
        ask("PATCH", "/v1/carts/alice-cart-1")
            .bearer(&token)
            .header("if-match", &format!("\"v{version}\""))
            .header("content-type", "application/merge-patch+json")
            .bytes(format!(r#"{{"address":{address}}}"#).into_bytes())
    };
    let moved = r#"{"line1":"2 Main St","line2":"Flat 3","region":null}"#;
    let changed = rig.send(patch(1, moved)).await;
    let after = json!({"name": "Alice", "line1": "2 Main St", "line2": "Flat 3", "city": "Oakland",
        "region": null, "postal_code": "94601", "country": "US", "phone": null});
    assert_eq!((changed.status, &changed.json()["address"]), (200, &after), "{}", changed.text());
    let table = [
        (2, r#"{"city":null}"#, "422 validation_failed required @ /address/city"),
        (2, r#"{"town":"x"}"#, "400 invalid_request unknown_field @ /address/town"),
        (2, r#"{"region":"US-XX"}"#, "422 validation_failed unknown @ /address/region"),
        (2, r#"{"city":7}"#, "400 invalid_request wrong_type @ /address/city"),
        (1, r#"{"city":null}"#, "412 version_mismatch"),
        (1, r#"{"city":"Berkeley"}"#, "412 version_mismatch"),
    ];
    for (version, address, expected) in table {
        assert_eq!(rig.send(patch(version, address)).await.brief(), expected, "{address}");
    }
    assert_eq!(rig.send(patch(2, "null")).await.json()["address"], json!(null));
    // Without an address every required member has to come.
    let partial = rig.send(patch(3, r#"{"name":"Bob","line1":"1 B St"}"#)).await;
    assert_eq!(partial.brief(), "422 validation_failed required @ /address/city");
    let whole = rig.send(patch(3, super::rig::ADDRESS)).await;
    assert_eq!((whole.status, &whole.json()["address"]["city"]), (200, &json!("Oakland")));
}

/// Who goes on with the tag that he was answered writes over his own write and over no other.
#[actix_web::test]
async fn writers_at_once_are_each_shown_their_own_write() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    rig.cart(&token, "alice-cart-1", "[]").await;
    let write = |method: &str, path: &str, body: Value| {
        let write = ask(method, &format!("/v1/carts/alice-cart-1{path}")).bearer(&token);
        write.header("if-match", "*").json(&body.to_string())
    };
    let lines = |qty: u64| json!({"lines": [{"sku": "tea-1", "qty": qty}]});
    let writes = (2..14_u64).map(|qty| match qty % 3 {
        0 => (qty, write("PUT", "", lines(qty))),
        1 => (qty, write("PATCH", "", lines(qty))),
        _ => (qty, write("PUT", "/lines/tea-1", json!({"qty": qty}))),
    });
    let answers = join_all(writes.map(|(qty, write)| {
        let answer = rig.send(write);
        async move { (qty, answer.await) }
    }));
    let answers = answers.await;
    let mut versions = Vec::new();
    for (qty, answer) in answers {
        let cart = answer.json();
        assert_eq!((answer.status, &cart["lines"][0]["qty"]), (200, &json!(qty)), "{cart}");
        assert_eq!(answer.header("etag"), format!("\"v{}\"", cart["version"]));
        versions.push(cart["version"].as_u64().unwrap());
    }
    versions.sort_unstable();
    assert_eq!(versions, Vec::from_iter(2..14_u64), "each version has one writer");
    // Who takes a line out is told of no cart, and of its version all the same.
    let delete = ask("DELETE", "/v1/carts/alice-cart-1/lines/tea-1").bearer(&token);
    let last = [
        delete.header("if-match", "*"),
        write("PUT", "/lines/tea-2", json!({"qty": 1})),
        write("PUT", "/lines/tea-2", json!({"qty": 2})),
    ];
    let answers = join_all(last.map(|write| rig.send(write))).await;
    let mut tags: Vec<_> = answers.iter().map(|answer| answer.header("etag")).collect();
    assert_eq!(answers[0].status, 204);
    tags.sort_unstable();
    assert_eq!(tags, ["\"v14\"", "\"v15\"", "\"v16\""]);
}

#[actix_web::test]
async fn a_quote_warns_of_every_shortage() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    rig.cart(&token, "alice-cart-1", "[]").await;
    let take = |key: &str, delta: i32| {
        let body = format!(r#"{{"location":"main","delta":{delta},"reason":"lost"}}"#);
        let take = post("/v1/stock/tea-1/adjustments").bearer(&rig.staff);
        take.header("idempotency-key", key).json(&body)
    };
    let warned = async |version: u32, qty: u32| {
        let line = |sku: &str, qty: u32| json!({"sku": sku, "qty": qty});
        let lines = [line("tea-2", 1), line("tea-1", qty), line("no", 1)];
        let patch = ask("PATCH", "/v1/carts/alice-cart-1").bearer(&token);
        let patch = patch.header("if-match", &format!("\"v{version}\""));
        assert_eq!(rig.send(patch.json(&json!({"lines": lines}).to_string())).await.status, 200);
        let quote = post("/v1/carts/alice-cart-1/quote").bearer(&token);
        rig.send(quote).await.json()["warnings"].clone()
    };
    let gone = json!({"code": "not_for_sale", "sku": "no"});
    let short = json!([{"code": "out_of_stock", "sku": "tea-1"}, gone]);
    // Ten are there, then four, then none.
    assert_eq!(warned(1, 10).await, json!([gone]));
    assert_eq!(warned(2, 11).await, short);
    assert_eq!(rig.send(take("t1", -6)).await.status, 200);
    assert_eq!(warned(3, 4).await, json!([gone]));
    assert_eq!(warned(4, 5).await, short);
    assert_eq!(rig.send(take("t2", -4)).await.status, 200);
    assert_eq!(warned(5, 1).await, short);
    let nothing = rig.send(take("t3", 0)).await;
    assert_eq!(nothing.brief(), "422 validation_failed out_of_range @ /delta");
}

#[actix_web::test]
async fn a_cart_is_not_the_same_when_its_prices_are_not() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    rig.cart(&token, "alice-cart-1", "[]").await;
    let read = || get("/v1/carts/alice-cart-1").bearer(&token);
    let before = rig.send(read()).await;
    let tag = before.header("etag").to_owned();
    let dearer = ask("PUT", "/v1/price-books/default/prices/tea-1").bearer(&rig.staff);
    let dearer = dearer.header("if-match", "\"v1\"");
    let put = rig.send(dearer.json(r#"{"amount":{"amount":1995,"currency":"USD"}}"#)).await;
    assert_eq!(put.status, 200, "{}", put.text());
    let after = rig.send(read().header("if-none-match", &tag)).await;
    assert_eq!((after.status, after.header("etag")), (200, tag.as_str()), "good for If-Match");
    assert_ne!(after.json()["lines"][0]["unit_price"], before.json()["lines"][0]["unit_price"]);
}

#[actix_web::test]
async fn an_option_that_the_shop_has_not_is_refused() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    rig.cart(&token, "alice-cart-1", "[]").await;
    let cart = |method: &str, id: &str| ask(method, &format!("/v1/carts/{id}")).bearer(&token);
    let option = |option: &str| format!(r#"{{"shipping_option":{option}}}"#);
    let refused = "422 validation_failed unknown_value @ /shipping_option";
    let made = cart("PUT", "alice-cart-2").header("if-none-match", "*");
    let set = cart("PUT", "alice-cart-1").header("if-match", "\"v1\"");
    let patch = || cart("PATCH", "alice-cart-1").header("if-match", "\"v1\"");
    for request in [made, set, patch()] {
        let answer = rig.send(request.json(&option("\"teleport\""))).await;
        assert_eq!(answer.brief(), refused);
    }
    let express = rig.send(patch().json(&option("\"express\""))).await;
    assert_eq!(express.json()["shipping_option"], "express", "{}", express.text());
    let first = cart("PATCH", "alice-cart-1").header("if-match", "\"v2\"").json(&option("null"));
    assert_eq!(rig.send(first).await.json()["shipping_option"], "standard");
}

#[actix_web::test]
async fn a_cart_that_has_no_price_shows_its_lines() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    rig.sku("tea-dear", 9_007_199_254_740_991).await;
    rig.cart(&token, "alice-cart-1", "[]").await;
    let at = |version: u32| {
        let patch = ask("PATCH", "/v1/carts/alice-cart-1").bearer(&token);
        patch.header("if-match", &format!("\"v{version}\""))
    };
    let quote = || post("/v1/carts/alice-cart-1/quote").bearer(&token);
    let dear =
        r#"{"lines":[{"sku":"tea-dear","qty":2},{"sku":"tea-1","qty":1},{"sku":"no","qty":1}]}"#;
    let shown = rig.send(at(1).json(dear)).await;
    assert_eq!(shown.status, 200, "{}", shown.text());
    assert_eq!(rig.send(quote()).await.brief(), "422 money_overflow");
    let line = |sku: &str, qty: u32, price: i64| {
        let (title, price) = (format!("Tea {sku}"), json!({"amount": price, "currency": "USD"}));
        json!({"sku": sku, "qty": qty, "title": title, "unit_price": price})
    };
    let none = json!({"sku": "no", "qty": 1, "title": null, "unit_price": null});
    let first = line("tea-dear", 2, 9_007_199_254_740_991);
    assert_eq!(shown.json()["lines"], json!([first, line("tea-1", 1, 995), none]));

    // The shop had this option once: the cart is shown, and mended.
    let gone = cart::CartPatch {
        shipping_option: cart::Patch::Set("pigeon".into()),
        lines: cart::Patch::Set(vec![cart::CartLine {
            sku: "tea-1".into(),
            qty: std::num::NonZeroU32::MIN,
        }]),
        ..cart::CartPatch::default()
    };
    let gone = cart::Command::Update { patch: Box::new(gone), if_version: IfVersion::Any };
    let (tenant, cause) = (Tenant::new("demo"), Cause::default());
    let key = keys::cart(&tenant, "alice-cart-1");
    let asker = Asker { principal: Principal::system(tenant), cause, key: None };
    rig.world.edge.shop().ask::<Cart>(&asker, &key, &gone).await.unwrap();
    let read = || get("/v1/carts/alice-cart-1").bearer(&token);
    let old = rig.send(read()).await;
    assert_eq!(old.json()["lines"], json!([line("tea-1", 1, 995)]), "{}", old.text());
    assert_eq!(old.json()["shipping_option"], "pigeon");
    let refused = rig.send(quote()).await;
    assert_eq!(refused.brief(), "422 validation_failed unknown @ /shipping_option");
    assert_eq!(rig.send(at(3).json(r#"{"shipping_option":"express"}"#)).await.status, 200);
    assert_eq!(rig.send(quote()).await.status, 200);
}

/// A cart keeps its currency: naming it changes nothing, another one is refused.
#[actix_web::test]
async fn a_patch_may_name_the_currency_of_the_cart() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    rig.cart(&token, "alice-cart-1", "[]").await;
    let patch = |id: &str, currency: &str| {
        let patch = ask("PATCH", &format!("/v1/carts/{id}")).bearer(&token);
        patch.header("if-match", "\"v1\"").json(&format!(r#"{{"currency":{currency}}}"#))
    };
    for same in ["\"USD\"", "null"] {
        let kept = rig.send(patch("alice-cart-1", same)).await;
        assert_eq!((kept.status, kept.header("etag")), (200, "\"v1\""), "{}", kept.text());
        assert_eq!(kept.json()["currency"], "USD");
    }
    for (id, currency, expected) in [
        ("alice-cart-1", "\"EUR\"", "422 currency_mismatch"),
        ("alice-cart-1", "\"XQX\"", "422 validation_failed unknown @ /currency"),
        ("alice-cart-1", "7", "400 invalid_request wrong_type @ /currency"),
        ("alice-cart-9", "\"EUR\"", "404 not_found"),
    ] {
        assert_eq!(rig.send(patch(id, currency)).await.brief(), expected, "{id} {currency}");
    }
}

#[actix_web::test]
async fn a_cart_takes_what_its_lines_can_be_called_by() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    for sku in ["de mo", "a/b", "é", ""] {
        let body = format!(r#"{{"lines":[{{"sku":"{sku}","qty":1}}]}}"#);
        let put = ask("PUT", "/v1/carts/alice-cart-1").bearer(&token).header("if-none-match", "*");
        let refused = rig.send(put.json(&body)).await;
        assert_eq!(refused.status, 422, "{sku}: {}", refused.text());
        assert_eq!(refused.json()["errors"][0]["pointer"], "/lines/0/sku", "{sku}");
    }
}
