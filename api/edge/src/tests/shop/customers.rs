//! Profile, addresses, overview, points.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::rig::{ADDRESS, Rig};
use crate::testing::{Answer, ask, get, post};

#[actix_web::test]
async fn a_profile() {
    let rig = Rig::empty().await;
    let token = rig.world.token("login_hint=alice").await;
    assert_eq!(rig.send(get("/v1/me").bearer(&token)).await.brief(), "404 not_found");
    let register = |body: &str| post("/v1/customers").bearer(&token).json(body);
    let bad = rig.send(register(r#"{"name":"Alice","email":"nowhere"}"#)).await;
    assert!(bad.brief().starts_with("422 validation_failed"), "{}", bad.brief());
    let made = rig.send(register(r#"{"name":"Alice","email":"a@example.com"}"#)).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let repeated = rig.send(register(r#"{"name":"Bob","email":"b@example.com"}"#)).await;
    assert_eq!((repeated.status, &repeated.json()["name"]), (200, &json!("Alice")));
    let me = rig.send(get("/v1/me").bearer(&token)).await;
    assert_eq!(me.json()["object"], "customer");
    assert_eq!(me.json()["level"], "standard");
    let patch = |tag: &str, body: &str| {
        ask("PATCH", "/v1/me").bearer(&token).header("if-match", tag).json(body)
    };
    let tag = me.header("etag").to_owned();
    let changed = rig.send(patch(&tag, r#"{"name":"Alice B"}"#)).await;
    assert_eq!(changed.json()["name"], "Alice B", "{}", changed.text());
    assert_eq!(changed.json()["email"], "a@example.com", "absent is kept");
    let stale = rig.send(patch(&tag, r#"{"name":"Alice C"}"#)).await;
    assert_eq!(stale.brief(), "412 version_mismatch");
    let cleared = rig.send(patch(changed.header("etag"), r#"{"name":null}"#)).await;
    assert_eq!(cleared.brief(), "422 validation_failed required @ /name");
}

/// Who goes on with the tag that he was answered writes over his own write and over no other.
#[actix_web::test]
async fn devices_at_once_are_each_shown_their_own_change() {
    let rig = Rig::empty().await;
    let token = rig.buyer("alice").await;
    rig.put_address(&token, "home").await;
    let write = |method: &str, path: &str| ask(method, path).bearer(&token).header("if-match", "*");
    let own = |answer: &Answer, member: &str, wanted: &str| {
        let shown = answer.json();
        assert_eq!((answer.status, &shown[member]), (200, &json!(wanted)), "{shown}");
        assert_eq!(answer.header("etag"), format!("\"v{}\"", shown["version"]));
        shown["version"].as_u64().unwrap()
    };
    let names: Vec<String> = (0..8).map(|n| format!("Alice {n}")).collect();
    let renamed = names
        .iter()
        .map(|name| rig.send(write("PATCH", "/v1/me").json(&json!({"name": name}).to_string())));
    let answers = join_all(renamed).await;
    let mut versions: Vec<u64> = Vec::new();
    for (answer, name) in answers.iter().zip(&names) {
        versions.push(own(answer, "name", name));
    }
    // The last of them deletes what the others were answered.
    let home = "/v1/me/addresses/home";
    let moved = names.iter().map(|name| {
        let mut address: Value = serde_json::from_str(ADDRESS).unwrap();
        address["city"] = json!(name);
        rig.send(write("PUT", home).json(&address.to_string()))
    });
    let (answers, deleted) =
        futures_util::future::join(join_all(moved), rig.send(write("DELETE", home))).await;
    assert_eq!(deleted.status, 204);
    for (answer, city) in answers.iter().zip(&names) {
        // One that came too late has no address to change.
        if answer.brief() != "412 version_mismatch" {
            versions.push(own(answer, "city", city));
        }
    }
    let n_answered = versions.len();
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), n_answered, "each version has one writer");
}

#[actix_web::test]
async fn a_registration_is_repeated_as_it_was_answered() {
    let rig = Rig::empty().await;
    let token = rig.world.token("login_hint=alice").await;
    let register = || {
        let body = r#"{"name":"Alice","email":"a@example.com"}"#;
        post("/v1/customers").bearer(&token).header("idempotency-key", "r1").json(body)
    };
    let first = rig.send(register()).await;
    assert_eq!(first.status, 201, "{}", first.text());
    let rename = ask("PATCH", "/v1/me").bearer(&token).header("if-match", first.header("etag"));
    let renamed = rig.send(rename.json(r#"{"name":"Alice B"}"#)).await;
    assert_eq!(renamed.json()["name"], "Alice B", "{}", renamed.text());
    let again = rig.send(register()).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    assert_eq!((again.json(), again.header("etag")), (first.json(), first.header("etag")));
}

#[actix_web::test]
async fn a_service_and_a_customer_of_one_name_are_two() {
    let rig = Rig::empty().await;
    let customer = rig.buyer("demo-service").await;
    let me = rig.send(get("/v1/me").bearer(&customer)).await;
    assert_eq!(me.status, 200, "{}", me.text());
    assert_eq!(rig.send(get("/v1/me").bearer(&rig.staff)).await.brief(), "404 not_found");
    let own = post("/v1/customers").bearer(&rig.staff);
    let own = rig.send(own.json(r#"{"name":"Service","email":"s@example.com"}"#)).await;
    assert_eq!(own.status, 201, "{}", own.text());
    assert_ne!(own.json()["id"], me.json()["id"]);
    let address = ask("PUT", "/v1/me/addresses/home").bearer(&rig.staff).json(ADDRESS);
    let kept = rig.send(address.header("if-none-match", "*")).await;
    assert_eq!(kept.status, 201, "{}", kept.text());
    let book = rig.send(get("/v1/me/addresses").bearer(&customer)).await.json();
    assert_eq!(book["data"], json!([]), "the address book of the other");
}

#[actix_web::test]
async fn an_address_book() {
    let rig = Rig::empty().await;
    let token = rig.buyer("alice").await;
    let put = |id: &str, condition: (&str, &str), body: &str| {
        ask("PUT", &format!("/v1/me/addresses/{id}"))
            .bearer(&token)
            .header(condition.0, condition.1)
            .json(body)
    };
    let new = ("if-none-match", "*");
    let made = rig.send(put("home", new, ADDRESS)).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!((&made.json()["id"], &made.json()["is_default"]), (&json!("home"), &json!(true)));
    assert_eq!(rig.send(put("home", new, ADDRESS)).await.brief(), "412 version_mismatch");
    let moved = ADDRESS.replace("Oakland", "Berkeley");
    let changed = rig.send(put("home", ("if-match", made.header("etag")), &moved)).await;
    assert_eq!((changed.status, &changed.json()["city"]), (200, &json!("Berkeley")));
    for (address, expected) in [
        (ADDRESS.replace("\"US\"", "\"XX\""), "invalid @ /country"),
        (ADDRESS.replace("US-CA", "US-XX"), "unknown @ /region"),
        (ADDRESS.replace("US-CA", "CA-ON"), "unknown @ /region"),
        (ADDRESS.replace("US-CA", "DE-BY").replace("\"US\"", "\"FR\""), "invalid @ /region"),
    ] {
        let bad = rig.send(put("work", new, &address)).await;
        assert_eq!(bad.brief(), format!("422 validation_failed {expected}"));
    }
    // Nobody here knows the regions of this country.
    let abroad = ADDRESS.replace("US-CA", "DE-BY").replace("\"US\"", "\"DE\"");
    let abroad = rig.send(put("abroad", new, &abroad)).await;
    assert_eq!(abroad.status, 201, "{}", abroad.text());
    let delete = ask("DELETE", "/v1/me/addresses/abroad").bearer(&token);
    rig.send(delete.header("if-match", abroad.header("etag"))).await;
    let list = rig.send(get("/v1/me/addresses").bearer(&token)).await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    let delete = ask("DELETE", "/v1/me/addresses/home")
        .bearer(&token)
        .header("if-match", changed.header("etag"));
    assert_eq!(rig.send(delete).await.status, 204);
    let list = rig.send(get("/v1/me/addresses").bearer(&token)).await.json();
    assert_eq!(list, json!({"object": "list", "data": [], "has_more": false, "next": null}));
    // Another buyer has an address book of their own.
    let bob = rig.buyer("bob").await;
    assert_eq!(rig.send(get("/v1/me/addresses").bearer(&bob)).await.json()["data"], json!([]));
}

#[actix_web::test]
async fn an_address_book_has_one_default() {
    let rig = Rig::empty().await;
    let token = rig.buyer("alice").await;
    let put = |id: &str, condition: (&str, &str), is_default: Option<bool>| {
        let said = is_default.map_or_else(String::new, |it| format!("\"is_default\":{it},"));
        ask("PUT", &format!("/v1/me/addresses/{id}"))
            .bearer(&token)
            .header(condition.0, condition.1)
            .json(&ADDRESS.replacen('{', &format!("{{{said}"), 1))
    };
    let new = ("if-none-match", "*");
    // The first one is it in any case; what is put, whether it becomes it, and what it is then.
    for (id, asked, wanted) in [
        ("home", Some(false), "home"),
        ("work", None, "home"),
        ("shed", Some(true), "shed"),
        ("cabin", Some(false), "shed"),
    ] {
        let made = rig.send(put(id, new, asked)).await;
        assert_eq!(made.status, 201, "{}", made.text());
        assert_eq!(made.json()["is_default"], json!(id == wanted), "{id}");
        let list = rig.send(get("/v1/me/addresses").bearer(&token)).await.json();
        let book = list["data"].as_array().unwrap().iter();
        let defaults: Vec<_> = book.filter(|it| it["is_default"] == true).collect();
        assert_eq!((defaults.len(), &defaults[0]["id"]), (1, &json!(wanted)), "{id}: {list}");
    }
    // The same address again, as the default: that is a change of its own.
    let moved = rig.send(put("work", ("if-match", "*"), Some(true))).await;
    assert_eq!((moved.status, &moved.json()["is_default"]), (200, &json!(true)));
    let kept = rig.send(put("work", ("if-match", moved.header("etag")), Some(false))).await;
    assert_eq!((kept.status, &kept.json()["is_default"]), (200, &json!(true)));
    assert_eq!(kept.header("etag"), moved.header("etag"), "nothing changed");
}

#[actix_web::test]
async fn the_user_centre_is_one_request() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    rig.cod_order(&token, "alice-cart-1").await;
    let answer = rig.send(get("/v1/me/overview").bearer(&token)).await;
    let overview = answer.json();
    assert_eq!(overview["wallet"], json!({"amount": 100_000, "currency": "USD"}));
    assert_eq!(overview["customer"]["name"], "alice");
    assert_eq!(overview["n_orders"], 1, "{}", answer.text());
    assert_eq!(overview["orders"][0]["object"], "order");
    assert_eq!(overview["points"]["balance"], 0);
    let stranger = rig.world.token("login_hint=nobody").await;
    let empty = rig.send(get("/v1/me/overview").bearer(&stranger)).await.json();
    assert_eq!((&empty["customer"], &empty["wallet"]), (&json!(null), &json!(null)));
}

#[actix_web::test]
async fn a_day_is_granted_once() {
    let rig = Rig::empty().await;
    let token = rig.buyer("alice").await;
    let first = rig.send(post("/v1/me/sign-ins").bearer(&token)).await;
    assert_eq!(first.status, 201, "{}", first.text());
    assert_eq!((&first.json()["points"], &first.json()["replayed"]), (&json!(10), &json!(false)));
    let date = first.json()["date"].as_str().unwrap().to_owned();
    let on = |date: &str| {
        post("/v1/me/sign-ins").bearer(&token).json(&format!(r#"{{"date":"{date}"}}"#))
    };
    let again = rig.send(on(&date)).await;
    assert_eq!((again.status, &again.json()["replayed"]), (200, &json!(true)));
    assert_eq!(rig.send(on("2020-01-01")).await.brief(), "409 invalid_state");
    let bad = rig.send(on("2020-02-30")).await;
    assert_eq!(bad.brief(), "422 validation_failed bad_form @ /date");
    let points = rig.send(get("/v1/me/points").bearer(&token)).await.json();
    assert_eq!((&points["balance"], &points["streak"]), (&json!(10), &json!(1)));
    assert_eq!(points["today"], date);
}

#[actix_web::test]
async fn my_orders_are_mine_and_newest_first() {
    let rig = Rig::new().await;
    let alice = rig.buyer("alice").await;
    let bob = rig.buyer("bob").await;
    let first = rig.cod_order(&alice, "alice-cart-1").await.json();
    let second = rig.cod_order(&alice, "alice-cart-2").await.json();
    let list = rig.send(get("/v1/me/orders").bearer(&alice)).await.json();
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|order| &order["id"]).collect();
    assert_eq!(ids, [&second["id"], &first["id"]]);
    assert_eq!(list["data"][0]["lines"][0]["sku"], "tea-1", "whole orders");
    let others = rig.send(get("/v1/me/orders").bearer(&bob)).await.json();
    assert_eq!(others["data"], json!([]));
}

/// What is personal is kept by its reader only, and asked for again by its tag.
#[actix_web::test]
async fn what_is_mine_is_read_again_by_its_tag() {
    let rig = Rig::new().await;
    let token = rig.buyer("alice").await;
    let order = rig.cod_order(&token, "alice-cart-1").await.json();
    let of_order = |rest: &str| format!("/v1/orders/{}{rest}", order["id"].as_str().unwrap());
    rig.shipment(&rig.send(get(&of_order("")).bearer(&token)).await).await;
    let address = ask("PUT", "/v1/me/addresses/home").bearer(&token).json(ADDRESS);
    rig.send(address.header("if-none-match", "*")).await;
    rig.send(get("/v1/me/cart").bearer(&token)).await;
    // Not the cart: it shows prices of now, which its version does not cover.
    let mine = ["/v1/me", "/v1/me/overview", "/v1/me/orders", "/v1/me/points"];
    let more = ["/v1/me/addresses", "/v1/me/orders?limit=1", "/v1/me/orders?sort=created"];
    let paths = mine.into_iter().chain(more).map(str::to_owned);
    let of_order = [of_order(""), of_order("/timeline"), of_order("/shipments")];
    for path in paths.chain(of_order) {
        let first = rig.send(get(&path).bearer(&token)).await;
        assert_eq!(first.status, 200, "{path}: {}", first.text());
        assert_eq!(first.header("cache-control"), "private, no-cache", "{path}");
        assert!(first.header("vary").starts_with("Authorization, Cookie, Channel"), "{path}");
        let tag = first.header("etag").to_owned();
        assert!(!tag.is_empty(), "{path}");
        // Time alone changes nothing.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        let again = rig.send(get(&path).bearer(&token).header("if-none-match", &tag)).await;
        assert_eq!((again.status, again.header("etag")), (304, tag.as_str()), "{path}");
        assert!(again.body.is_empty(), "{path}");
        let other = get(&path).bearer(&token).header("if-none-match", "W/\"other\"");
        assert_eq!(rig.send(other).await.status, 200, "{path}");
    }
    // A change shows in the tag.
    let changes = ["/v1/me/overview", "/v1/me/orders"];
    let tag = async |path: &str| rig.send(get(path).bearer(&token)).await.header("etag").to_owned();
    let before = [tag(changes[0]).await, tag(changes[1]).await];
    rig.cod_order(&token, "alice-cart-2").await;
    let after = [tag(changes[0]).await, tag(changes[1]).await];
    assert!(before[0] != after[0] && before[1] != after[1], "{before:?} {after:?}");
}
