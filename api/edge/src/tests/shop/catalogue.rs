//! Products, SKUs, prices.

use serde_json::json;

use super::rig::Rig;
use crate::testing::{ask, get};

#[actix_web::test]
async fn everyone_reads_and_staff_writes() {
    let rig = Rig::new().await;
    let answer = rig.send(get("/v1/products/tea")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let product = answer.json();
    assert_eq!(product["object"], "product");
    assert_eq!(product["skus"][0]["sku"], "tea-1");
    assert_eq!(product["skus"][0]["price"], json!({"amount": 995, "currency": "USD"}));
    assert_eq!(product["skus"][0]["availability"], "in_stock");
    assert!(answer.header("cache-control").contains("public"));
    assert_eq!(answer.header("surrogate-key"), "demo/product/tea");
    let sku = rig.send(get("/v1/skus/tea-2").header("api-key", "pk_demo")).await;
    assert_eq!(sku.json()["price"]["amount"], 1_990);
    // Another shop knows nothing of it.
    let elsewhere = get("/v1/products/tea").header("api-key", "pk_demo2");
    assert_eq!(rig.send(elsewhere).await.brief(), "404 not_found");
    assert_eq!(rig.send(get("/v1/skus/nothing")).await.brief(), "404 not_found");
    let buyer = rig.buyer("alice").await;
    let by_buyer = ask("PUT", "/v1/products/tea").bearer(&buyer).json("{}");
    assert_eq!(rig.send(by_buyer).await.brief(), "403 insufficient_scope");
}

#[actix_web::test]
async fn a_price_change_is_seen_and_the_tag_with_it() {
    let rig = Rig::new().await;
    let before = rig.send(get("/v1/products/tea")).await;
    let tag = before.header("etag").to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    let again = || get("/v1/products/tea").header("if-none-match", &tag);
    assert_eq!(rig.send(again()).await.status, 304);
    let price = |tag: &str, amount: i64| {
        ask("PUT", "/v1/price-books/default/prices/tea-1")
            .bearer(&rig.staff)
            .header("if-match", tag)
            .json(&format!(r#"{{"amount":{{"amount":{amount},"currency":"USD"}}}}"#))
    };
    let set = rig.send(price("\"v1\"", 1_099)).await;
    assert_eq!(set.status, 200, "{}", set.text());
    assert_eq!(
        set.json(),
        json!({
            "object": "price", "book": "default", "sku": "tea-1", "version": 2,
            "amount": {"amount": 1_099, "currency": "USD"},
        })
    );
    assert_eq!(set.header("etag"), "\"v2\"");
    let after = rig.send(again()).await;
    assert_eq!(after.status, 200);
    assert_eq!(after.json()["skus"][0]["price"]["amount"], 1_099);
    assert_eq!(after.json()["skus"][0]["price_version"], 2);
    let stale = rig.send(price("\"v1\"", 1)).await;
    assert_eq!(stale.brief(), "412 version_mismatch");
    assert_eq!(stale.json()["version"], 2);
}

#[actix_web::test]
async fn what_was_read_is_changed_by_the_tag_that_it_had() {
    let rig = Rig::new().await;
    let put = |path: &str, tag: &str, body: &str| {
        ask("PUT", path).bearer(&rig.staff).header("if-match", tag).json(body)
    };
    let product = |tag: &str, title: &str| {
        let body = format!(r#"{{"title":"{title}","status":"active","category":"kitchen"}}"#);
        put("/v1/products/tea", tag, &body)
    };
    let read = rig.send(get("/v1/products/tea")).await;
    let (version, tag) = (read.json()["version"].as_u64().unwrap(), read.header("etag"));
    assert!(tag.starts_with(&format!("W/\"v{version}-")), "{tag}");
    // What the SKUs cost is no part of the product: a new price is another tag, and no obstacle.
    let price = r#"{"amount":{"amount":1099,"currency":"USD"}}"#;
    let price = put("/v1/price-books/default/prices/tea-1", "\"v1\"", price);
    assert_eq!(rig.send(price).await.status, 200);
    let dearer = rig.send(get("/v1/products/tea")).await;
    assert_ne!(dearer.header("etag"), tag);
    assert_eq!(dearer.json()["version"], version);
    let changed = rig.send(product(tag, "Green tea")).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(changed.header("etag"), format!("\"v{}\"", version + 1));
    for old in [tag, dearer.header("etag"), &format!("\"v{version}\"")] {
        let stale = rig.send(product(old, "Black tea")).await;
        assert_eq!(stale.brief(), "412 version_mismatch", "{old}");
        assert_eq!(stale.json()["version"], version + 1);
        assert!(!stale.json()["detail"].as_str().unwrap().contains("weak"), "{}", stale.text());
    }
    let again = rig.send(product(changed.header("etag"), "White tea")).await;
    assert_eq!(again.status, 200, "{}", again.text());
    // A SKU shows nothing but its own: the tag is the version.
    let sku = rig.send(get("/v1/skus/tea-1")).await;
    assert_eq!(sku.header("etag"), format!("\"v{}\"", sku.json()["version"]));
    let body = r#"{"product_id":"tea","title":"Tea, 100 g"}"#;
    let named = rig.send(put("/v1/skus/tea-1", sku.header("etag"), body)).await;
    assert_eq!((named.status, &named.json()["title"]), (200, &json!("Tea, 100 g")));
    let read = rig.send(get("/v1/skus/tea-1")).await;
    assert_eq!(read.header("etag"), named.header("etag"));
}

#[actix_web::test]
async fn writes_that_are_refused() {
    let rig = Rig::new().await;
    let product = |body: &str| rig.put("/v1/products/new-one", body);
    let price = |body: &str| rig.put("/v1/price-books/default/prices/tea-1", body);
    let table = [
        (product("{}"), "400 invalid_request missing_field @ /title"),
        (
            product(r#"{"title":"x","status":"gone","category":"c"}"#),
            "422 validation_failed unknown_value @ /status",
        ),
        (
            product(r#"{"title":"","status":"active","category":"c"}"#),
            "422 validation_failed bad_length @ /title",
        ),
        (
            rig.put("/v1/products/tea", r#"{"title":"x","status":"active","category":"c"}"#),
            "412 version_mismatch",
        ),
        (price(r#"{"amount":{"amount":1,"currency":"USD"}}"#), "412 version_mismatch"),
        (
            price(r#"{"amount":{"amount":9007199254740992,"currency":"USD"}}"#),
            "422 money_overflow money_overflow @ /amount/amount",
        ),
        (price(r#"{"amount":{"amount":1,"currency":"EUR"}}"#), "422 currency_mismatch"),
        (
            rig.put(
                "/v1/price-books/other/prices/tea-1",
                r#"{"amount":{"amount":-1,"currency":"USD"}}"#,
            ),
            "422 validation_failed",
        ),
        (
            rig.put(
                "/v1/price-books/default/prices/none",
                r#"{"amount":{"amount":1,"currency":"USD"}}"#,
            ),
            "404 not_found",
        ),
        (get("/v1/skus/tea-1?currency=EUR"), "422 currency_mismatch"),
        (get("/v1/products/tea?currency=EUR"), "422 currency_mismatch"),
    ];
    for (index, (request, expected)) in table.into_iter().enumerate() {
        let answer = rig.send(request).await;
        assert!(answer.brief().starts_with(expected), "row {index}: {}", answer.brief());
    }
    assert_eq!(rig.send(get("/v1/skus/tea-1?currency=USD")).await.status, 200);
}
