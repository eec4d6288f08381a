//! Stock as staff sees it.

use commerce::keys;
use commerce::sku::{self, Sku};
use entity::{Cause, Principal, Scopes, Tenant};
use serde_json::json;

use super::rig::Rig;
use crate::testing::{ask, get, post};

#[actix_web::test]
async fn an_adjustment_is_the_newest_movement() {
    let rig = Rig::new().await;
    let adjust = post("/v1/stock/tea-1/adjustments").bearer(&rig.staff);
    let adjust = adjust.header("idempotency-key", "a1");
    let body = r#"{"location":"main","delta":-3,"reason":"damaged"}"#;
    let adjusted = rig.send(adjust.json(body)).await;
    assert_eq!(adjusted.status, 200, "{}", adjusted.text());
    let adjusted = adjusted.json();
    assert_eq!(
        (&adjusted["object"], &adjusted["stock"]["object"]),
        (&"adjustment".into(), &"stock".into())
    );
    assert_eq!(adjusted["stock"]["available"], 7);
    let movements = rig.send(get("/v1/stock/tea-1/movements").bearer(&rig.staff)).await.json();
    let newest = &movements["data"][0];
    assert_eq!((&newest["object"], &newest["qty"]), (&"movement".into(), &(-3).into()));
    assert_eq!(*newest, adjusted["movement"]);
    assert_eq!(movements["data"].as_array().unwrap().len(), 2, "the receipt, and this");
}

#[actix_web::test]
async fn movements_are_listed_to_the_first_one() {
    let rig = Rig::new().await;
    // The first receipt is movement 1.
    let mut n_made = 1;
    while n_made < 230 {
        n_made = adjusted(&rig, n_made).await;
    }
    for limit in [1, 7, 100] {
        let stock = rig.send(get("/v1/stock/tea-1").bearer(&rig.staff)).await.json();
        let wanted: Vec<String> = (1..=n_made).rev().map(|n| format!("mov_{n}")).collect();
        let mut path = format!("/v1/stock/tea-1/movements?limit={limit}");
        let (mut ids, mut sum) = (Vec::new(), 0);
        loop {
            let page = rig.send(get(&path).bearer(&rig.staff)).await.json();
            let data = page["data"].as_array().unwrap();
            assert!((1..=limit).contains(&data.len()), "{page}");
            ids.extend(data.iter().map(|movement| movement["id"].as_str().unwrap().to_owned()));
            sum += data.iter().map(|movement| movement["qty"].as_i64().unwrap()).sum::<i64>();
            assert_eq!(page["has_more"], ids.len() < wanted.len(), "after {}", ids.len());
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/v1/stock/tea-1/movements?limit={limit}&cursor={next}");
            if limit == 7 {
                // What happens between two pages belongs to none of those that follow.
                n_made = adjusted(&rig, n_made).await;
            }
        }
        assert_eq!(ids, wanted, "each once, by pages of {limit}");
        assert_eq!(stock["locations"][0]["on_hand"], sum, "I6: {stock}");
    }
}

#[actix_web::test]
async fn what_lies_where_the_shop_sells_no_more_can_still_be_counted_and_kept_back() {
    let rig = Rig::new().await;
    let count = |sku: &str, location: &str, count: u32| {
        let body = json!({"location": location, "count": count, "reason": "closed"}).to_string();
        let path = format!("/v1/stock/{sku}/adjustments");
        post(&path)
            .bearer(&rig.staff)
            .header("idempotency-key", &format!("{sku}-{location}"))
            .json(&body)
    };
    let keep = |sku: &str, location: &str| {
        let path = format!("/v1/stock/{sku}/locations/{location}");
        let ask = ask("PUT", &path).bearer(&rig.staff).header("if-match", "*");
        ask.json(r#"{"safety":3,"oversell_limit":0}"#)
    };
    // As it was received while the terms still had the location.
    let received = sku::Command::Adjust {
        location: "closed".into(),
        change: sku::Change::Count(5),
        reason: "received".into(),
    };
    let principal = Principal { scopes: Scopes::ALL, ..Principal::system(Tenant::new("demo")) };
    let by_staff =
        cluster::Ask { principal, cause: Cause::default(), idempotency: None, wait_ms: 5_000 };
    let key = keys::sku(&Tenant::new("demo"), "tea-1");
    rig.node.region().ask::<Sku>(&key, &received, by_staff).await.unwrap();
    let kept = rig.send(keep("tea-1", "closed")).await;
    assert_eq!((kept.status, &kept.json()["available"]), (200, &12.into()), "{}", kept.text());
    let counted = rig.send(count("tea-1", "closed", 0)).await;
    let available = &counted.json()["stock"]["available"];
    assert_eq!((counted.status, available), (200, &10.into()), "{}", counted.text());
    for (sku, location) in [("tea-2", "closed"), ("tea-1", "nowhere"), ("nothing", "closed")] {
        let refused = rig.send(count(sku, location, 1)).await;
        let wanted = "422 validation_failed unknown_value @ /location";
        assert_eq!(refused.brief(), wanted, "{sku} {location}");
        assert_eq!(rig.send(keep(sku, location)).await.brief(), "404 not_found", "{sku}");
    }
}

/// A hot SKU moves many times a second; who edits its words is stopped by another edit alone.
#[actix_web::test]
async fn a_sku_can_be_edited_while_it_is_sold() {
    let rig = Rig::new().await;
    let read = rig.send(ask("GET", "/v1/skus/tea-1").bearer(&rig.staff)).await;
    let tag = read.header("etag").to_owned();
    let buyer = rig.buyer("alice").await;
    let order = rig.cod_order(&buyer, "alice-cart-1").await;
    assert_eq!(order.status, 201, "{}", order.text());
    let moved = rig.send(ask("GET", "/v1/skus/tea-1").bearer(&rig.staff)).await;
    assert_ne!(moved.header("etag"), tag, "the order moved its version");
    let edit = |title: &str| {
        let body = json!({"product_id": read.json()["product_id"], "title": title}).to_string();
        let put = ask("PUT", "/v1/skus/tea-1").bearer(&rig.staff).header("if-match", &tag);
        put.json(&body)
    };
    assert_eq!(rig.send(edit("First flush")).await.status, 200);
    assert_eq!(rig.send(edit("Second flush")).await.brief(), "412 version_mismatch");
    let policy = ask("PUT", "/v1/stock/tea-1/locations/main").bearer(&rig.staff);
    let policy = policy.header("if-match", &tag).json(r#"{"safety":1,"oversell_limit":0}"#);
    assert_eq!(rig.send(policy).await.brief(), "412 version_mismatch", "since the edit");
}

/// Another adjustment: by one and by two units, by turns. Returns how many movements there are.
async fn adjusted(rig: &Rig, n_made: u64) -> u64 {
    let adjust = post("/v1/stock/tea-1/adjustments").bearer(&rig.staff);
    let body = format!(r#"{{"location":"main","delta":{},"reason":"found"}}"#, 1 + n_made % 2);
    let key = format!("movement-{n_made}");
    let adjusted = rig.send(adjust.header("idempotency-key", &key).json(&body)).await;
    assert_eq!(adjusted.status, 200, "{}", adjusted.text());
    n_made + 1
}
