//! Lists of orders and of the catalogue: whole, in order, with cursors that hold.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::rig::Rig;
use crate::testing::{Answer, ask, get, post};

fn ids(answer: &Answer) -> Vec<String> {
    let body = answer.json();
    let data = body["data"].as_array().unwrap_or_else(|| panic!("{}", answer.text())).clone();
    data.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// All pages of a list, asked for as a client does: the first one, then cursor after cursor.
async fn pages(rig: &Rig, token: &str, first: &str, limit: u32) -> Vec<Vec<String>> {
    let path = first.split('?').next().unwrap();
    let mut uri = first.to_owned();
    let mut pages = Vec::new();
    loop {
        let answer = rig.send(get(&uri).bearer(token)).await;
        assert_eq!(answer.status, 200, "{uri}: {}", answer.text());
        let body = answer.json();
        pages.push(ids(&answer));
        assert!(pages.len() < 100, "the list does not end");
        let Some(next) = body["next"].as_str() else {
            assert_eq!(body["has_more"], false);
            return pages;
        };
        assert_eq!(body["has_more"], true);
        let link = answer.header("link");
        assert!(link.contains(next) && link.ends_with("rel=\"next\""), "{link}");
        uri = format!("{path}?limit={limit}&cursor={next}");
    }
}

async fn orders(rig: &Rig, token: &str, name: &str, n: usize) -> Vec<String> {
    let mut placed = Vec::new();
    for number in 0..n {
        let order = rig.cod_order(token, &format!("cart-{name}-{number}")).await;
        placed.push(order.json()["id"].as_str().unwrap().to_owned());
        // Nothing is said of the order of two that are of one millisecond.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    placed
}

#[actix_web::test]
async fn orders_are_paged_whole_while_others_come() {
    let rig = Rig::new().await;
    let (alice, bob) = (rig.buyer("alice").await, rig.buyer("bob").await);
    let mut of_alice = orders(&rig, &alice, "alice", 5).await;
    let of_bob = orders(&rig, &bob, "bob", 2).await;
    of_alice.reverse();

    // A page is held while another order comes: the next page goes on where this one ended.
    let first = rig.send(get("/v1/me/orders?limit=2").bearer(&alice)).await;
    assert_eq!(ids(&first), of_alice[..2]);
    let late = orders(&rig, &alice, "late", 1).await;
    let next = first.json()["next"].as_str().unwrap().to_owned();
    let second =
        rig.send(get(&format!("/v1/me/orders?limit=2&cursor={next}")).bearer(&alice)).await;
    assert_eq!(ids(&second), of_alice[2..4]);

    let mine = pages(&rig, &alice, "/v1/me/orders?limit=4", 4).await.concat();
    assert_eq!(mine, [&late[..], &of_alice[..]].concat(), "newest first, each once");
    assert_eq!(pages(&rig, &alice, "/v1/me/orders", 40).await.concat(), mine);
    assert_eq!(pages(&rig, &bob, "/v1/me/orders", 40).await.concat().len(), of_bob.len());

    let all = pages(&rig, &rig.staff, "/v1/orders?limit=3&sort=created", 3).await.concat();
    let distinct: BTreeSet<_> = all.iter().collect();
    assert_eq!((all.len(), distinct.len()), (8, 8), "{all:?}");
    assert_eq!(all.last(), late.last(), "oldest first, also with the sort in the cursor only");
}

#[actix_web::test]
async fn filters_are_held_by_cursors_and_others_are_refused() {
    let rig = Rig::new().await;
    let alice = rig.buyer("alice").await;
    let placed = orders(&rig, &alice, "alice", 4).await;
    let path = format!("/v1/orders/{}/cancel", placed[1]);
    let cancel = post(&path).bearer(&alice).header("idempotency-key", "c");
    assert_eq!(rig.send(cancel).await.status, 200);

    let due = "/v1/orders?payment_status=cod_due&status=confirmed&limit=2";
    let due = pages(&rig, &rig.staff, due, 2).await.concat();
    assert_eq!(due, [placed[3].clone(), placed[2].clone(), placed[0].clone()]);
    let cancelled = pages(&rig, &alice, "/v1/me/orders?status=cancelled", 40).await.concat();
    assert_eq!(cancelled, [placed[1].clone()]);
    let order = rig.send(get(&format!("/v1/orders/{}", placed[2])).bearer(&alice)).await.json();
    let (customer, at) = (order["customer_id"].as_str().unwrap(), order["created_at"].as_str());
    let since = format!("/v1/orders?customer_id={customer}&created[gte]={}", at.unwrap());
    assert!(pages(&rig, &rig.staff, &since, 20).await.concat().contains(&placed[3]));

    let first = rig.send(get("/v1/orders?status=confirmed&limit=1").bearer(&rig.staff)).await;
    let next = first.json()["next"].as_str().unwrap().to_owned();
    for (uri, expected) in [
        (format!("/v1/orders?status=completed&cursor={next}"), "400 invalid_request bad_form @ "),
        (format!("/v1/me/orders?cursor={next}"), "400 invalid_request bad_form @ "),
        ("/v1/orders?status=nope".to_owned(), "400 invalid_request out_of_range @ "),
        ("/v1/orders?colour=red".to_owned(), "400 invalid_request unknown_parameter @ "),
        ("/v1/orders?limit=101".to_owned(), "400 invalid_request out_of_range @ "),
        ("/v1/orders?cursor=x".to_owned(), "400 invalid_request bad_form @ "),
    ] {
        let answer = rig.send(get(&uri).bearer(&rig.staff)).await;
        assert!(answer.brief().starts_with(expected), "{uri}: {}", answer.brief());
    }
    let by_buyer = rig.send(get("/v1/orders").bearer(&alice)).await;
    assert_eq!(by_buyer.brief(), "403 insufficient_scope");
}

/// Lists that an entity keeps whole have pages like the others.
#[actix_web::test]
async fn short_lists_are_paged_too() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let names = ["a", "c", "b", "e", "d"];
    for name in names {
        rig.put_address(&token, name).await;
    }
    let book = "/v1/me/addresses";
    assert_eq!(pages(&rig, &token, book, 20).await, [names]);
    let by_two = pages(&rig, &token, "/v1/me/addresses?limit=2", 2).await;
    assert_eq!(by_two, [&names[..2], &names[2..4], &names[4..]]);
    assert_eq!(pages(&rig, &token, "/v1/me/addresses?limit=5", 5).await, [names]);

    // An item that goes between two pages, from the first one or from its very end, hides no other.
    let mut next = String::new();
    for gone in ["a", "b"] {
        let first = rig.send(get(&format!("{book}?limit=2")).bearer(&token)).await;
        next = first.json()["next"].as_str().unwrap().to_owned();
        let delete = ask("DELETE", &format!("{book}/{gone}")).bearer(&token);
        assert_eq!(rig.send(delete.header("if-match", "*")).await.status, 204);
        let rest = rig.send(get(&format!("{book}?cursor={next}")).bearer(&token)).await;
        assert_eq!(ids(&rest), if gone == "a" { &["b", "e", "d"][..] } else { &["e", "d"][..] });
    }

    let order = orders(&rig, &token, "alice", 1).await.remove(0);
    let order = rig.send(get(&format!("/v1/orders/{order}")).bearer(&token)).await;
    let shipment = rig.shipment(&order).await;
    let shipments = format!("/v1/orders/{}/shipments", order.json()["id"].as_str().unwrap());
    let found = pages(&rig, &token, &format!("{shipments}?limit=1"), 1).await;
    assert_eq!(found, [[shipment]]);
    assert_eq!(pages(&rig, &rig.staff, "/v1/locations?limit=1", 1).await, [["main"]]);
    for list in [shipments.as_str(), book, "/v1/locations"] {
        let token = if list == "/v1/locations" { &rig.staff } else { &token };
        let of = async |query: &str| {
            rig.send(get(&format!("{list}?{query}")).bearer(token)).await.brief()
        };
        assert_eq!(of("limit=0").await, "400 invalid_request out_of_range @ ?limit", "{list}");
        assert_eq!(of("cursor=x").await, "400 invalid_request bad_form @ ?cursor", "{list}");
        if list != book {
            let of_another = of(&format!("cursor={next}")).await;
            assert_eq!(of_another, "400 invalid_request bad_form @ ?cursor", "{list}");
        }
    }
}

#[actix_web::test]
async fn lists_of_orders_show_skus_whole_where_that_is_asked() {
    let rig = Rig::new().await;
    let alice = rig.buyer("alice").await;
    let mut placed = orders(&rig, &alice, "whole", 3).await;
    placed.reverse();
    // The caller's own record, the read model by a filter, and a page that a cursor goes on with.
    let all = pages(&rig, &rig.staff, "/v1/orders?limit=2", 2).await;
    assert_eq!(all.concat(), placed);
    for (token, path) in [
        (&alice, "/v1/me/orders?expand[]=lines.sku"),
        (&alice, "/v1/me/orders?expand[]=lines.sku&status=confirmed"),
        (&rig.staff, "/v1/orders?expand[]=lines.sku&limit=2"),
    ] {
        let list = rig.send(get(path).bearer(token)).await;
        let tag = list.header("etag").to_owned();
        let mut seen = ids(&list);
        let mut whole = list.json()["data"].as_array().unwrap().clone();
        if let Some(next) = list.json()["next"].as_str() {
            let second = rig.send(get(&format!("/v1/orders?cursor={next}")).bearer(token)).await;
            seen.extend(ids(&second));
            whole.extend(second.json()["data"].as_array().unwrap().clone());
        }
        assert_eq!(seen, placed, "{path}");
        for order in &whole {
            let sku = &order["lines"][0]["sku"];
            assert_eq!((&sku["object"], &sku["sku"]), (&json!("sku"), &json!("tea-1")), "{path}");
        }
        let again = || get(path).bearer(token).header("if-none-match", &tag);
        assert_eq!(rig.send(again()).await.status, 304, "{path}");
        // The SKU moves, and with it what this list shows.
        let count = post("/v1/stock/tea-1/adjustments").bearer(&rig.staff);
        let count = count.header("idempotency-key", path);
        let count = count.json(r#"{"location":"main","delta":1,"reason":"receipt"}"#);
        assert_eq!(rig.send(count).await.status, 200);
        assert_eq!(rig.send(again()).await.status, 200, "{path}");
        let unknown = rig.send(get(&path.replace("lines.sku", "lines")).bearer(token)).await;
        assert_eq!(unknown.brief(), "400 invalid_request out_of_range @ ?expand[]", "{path}");
    }
    let plain = rig.send(get("/v1/me/orders").bearer(&alice)).await;
    assert_eq!(plain.json()["data"][0]["lines"][0]["sku"], "tea-1");
}

/// Asks until the catalogue's view shows what staff did.
async fn until(rig: &Rig, uri: &str, wanted: impl Fn(&Value) -> bool) -> Answer {
    for _ in 0..200 {
        let answer = rig.send(get(uri)).await;
        assert_eq!(answer.status, 200, "{uri}: {}", answer.text());
        if wanted(&answer.json()) {
            return answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{uri} does not show it");
}

#[actix_web::test]
async fn the_catalogue_is_browsed_without_a_token() {
    let rig = Rig::new().await;
    for (id, category) in [("cup", "kitchen"), ("spade", "garden"), ("hose", "garden")] {
        // The newest stands first; those of one millisecond stand by name.
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        let body = format!(r#"{{"title":"{id}","status":"active","category":"{category}"}}"#);
        let made = rig.send(rig.put(&format!("/v1/products/{id}"), &body)).await;
        assert_eq!(made.status, 201, "{}", made.text());
    }
    let all = until(&rig, "/v1/products", |body| body["data"].as_array().unwrap().len() == 4).await;
    assert_eq!(ids(&all), ["hose", "spade", "cup", "tea"]);
    let tea = &all.json()["data"][3];
    assert_eq!(tea["skus"][0]["price"]["amount"], 995, "{tea}");
    assert_eq!(tea["skus"][1]["sku"], "tea-2");
    assert_eq!(tea["status"], "active");
    assert!(all.header("cache-control").contains("public"));
    let again = get("/v1/products").header("if-none-match", all.header("etag"));
    assert_eq!(rig.send(again).await.status, 304);

    let token = rig.staff.clone();
    let paged = pages(&rig, &token, "/v1/products?limit=3&sort=created", 3).await.concat();
    assert_eq!(paged, ["tea", "cup", "spade", "hose"]);
    let garden = rig.send(get("/v1/products?category=garden&limit=1")).await;
    assert_eq!(ids(&garden), ["hose"]);
    let categories = pages(&rig, &token, "/v1/categories?limit=1", 1).await.concat();
    assert_eq!(categories, ["garden", "kitchen"]);
    let home = rig.send(get("/v1/home")).await.json();
    assert_eq!(home["categories"][0]["id"], "garden");
    assert_eq!(home["newest"][0]["id"], "hose");
    let euros = rig.send(get("/v1/home?currency=EUR")).await;
    assert_eq!(euros.brief(), "422 currency_mismatch");
    let elsewhere = get("/v1/products").header("api-key", "pk_demo2");
    assert!(ids(&rig.send(elsewhere).await).is_empty(), "another shop's list");
}

#[actix_web::test]
async fn the_catalogue_is_published_as_files_that_never_change() {
    let rig = Rig::new().await;
    let none = rig.send(get("/v1/catalogue/manifest")).await.json();
    assert_eq!((&none["version"], &none["files"]), (&json!(0), &json!([])));
    let publish = |key: &str| {
        post("/v1/catalogue/versions").bearer(&rig.staff).header("idempotency-key", key)
    };
    let first = rig.send(publish("a")).await;
    assert_eq!((first.status, first.header("etag")), (201, "\"v1\""), "{}", first.text());
    let file = first.json()["files"][0].clone();
    assert_eq!(file["n_products"], 1);
    let path = file["href"].as_str().unwrap().to_owned();
    let part = rig.send(get(&path)).await;
    assert_eq!(part.json()["products"][0]["id"], "tea", "{}", part.text());
    assert_eq!(part.body.len() as u64, file["n_bytes"].as_u64().unwrap());
    assert!(part.header("cache-control").contains("immutable"));
    let unchanged = rig.send(publish("b")).await;
    assert_eq!((unchanged.status, unchanged.json()), (200, first.json()));

    let cup = r#"{"title":"Cup","status":"active","category":"kitchen"}"#;
    assert_eq!(rig.send(rig.put("/v1/products/cup", cup)).await.status, 201);
    let second = rig.send(publish("c")).await;
    assert_eq!((second.status, second.json()["version"].as_u64()), (201, Some(2)));
    assert_eq!(second.json()["files"][0]["n_products"], 2);
    assert_eq!(rig.send(get("/v1/catalogue/manifest")).await.json(), second.json());
    let replayed = rig.send(publish("a")).await;
    assert_eq!((replayed.status, replayed.json()), (201, first.json()));
    assert_eq!(replayed.header("idempotent-replayed"), "true");
    assert_eq!(rig.send(get(&path)).await.body, part.body, "older files stay");
    let elsewhere = get(&path).header("api-key", "pk_demo2");
    assert_eq!(rig.send(elsewhere).await.brief(), "404 not_found");
    let alice = rig.buyer("alice").await;
    let by_buyer = post("/v1/catalogue/versions").bearer(&alice).header("idempotency-key", "d");
    assert_eq!(rig.send(by_buyer).await.brief(), "403 insufficient_scope");
}
