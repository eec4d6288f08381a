//! The admin listener: configuration that takes effect, a clock that fires timers, quarantine and
//! dead letters that are dealt with, entities as their journal has them.

use std::sync::Arc;

use commerce::keys;
use commerce::sku;
use entity::{
    Cause, DeadLetter, DeadLetterChange, EntityKey, Message, MessageKind, RecordSource, Tenant,
    Timestamp,
};
use ports::memory::MemoryStore;
use serde_json::Value;

use super::rig::Rig;
use crate::state::EdgeLimits;
use crate::testing::journal::{append, imposed, record};
use crate::testing::{Answer, Ask, ask, get, post};

fn put_config(tag: &str, body: &str) -> Ask {
    ask("PUT", "/admin/config").header("if-match", tag).json(body)
}

/// Asks until the answer is what it should become.
async fn until(rig: &Rig, uri: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut seen = Value::Null;
    for _ in 0..300 {
        seen = rig.send(get(uri).bearer(&rig.staff)).await.json();
        if wanted(&seen) {
            return seen;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{uri} does not become what it should: {seen}");
}

#[actix_web::test]
async fn only_an_admin_of_staff_gets_in() {
    let rig = Rig::empty().await;
    let buyer = rig.buyer("alice").await;
    let operator = rig.world.token("login_hint=operator").await;
    for (method, path) in [
        ("GET", "/admin/cluster"),
        ("POST", "/admin/nodes/n1/drain"),
        ("POST", "/admin/shards/0/move"),
        ("GET", "/admin/config"),
        ("PUT", "/admin/config"),
        ("GET", "/admin/quarantine"),
        ("POST", "/admin/quarantine/sku-x/lift"),
        ("GET", "/admin/dead-letters"),
        ("POST", "/admin/dead-letters/0-1/replay"),
        ("GET", "/admin/entities/sku/x"),
        ("POST", "/admin/events/replay"),
        ("GET", "/admin/events/replay"),
        ("GET", "/admin/log"),
        ("PUT", "/admin/log"),
        ("GET", "/demo/clock"),
        ("POST", "/demo/clock"),
    ] {
        for token in [&buyer, &operator] {
            let answer = rig.admin(ask(method, path).bearer(token)).await;
            assert_eq!(answer.brief(), "403 insufficient_scope", "{method} {path}");
        }
        let answer = rig.admin(ask(method, path).bearer("nobody")).await;
        assert_eq!(answer.brief(), "401 unauthenticated", "{method} {path}");
        let public = rig.send(ask(method, path).bearer(&rig.staff)).await;
        assert_eq!(public.brief(), "404 not_found", "{method} {path} is not on the public port");
    }
}

#[actix_web::test]
async fn an_operator_of_a_shop_is_none_of_the_node() {
    let rig = Rig::empty().await;
    let token = |scopes: &str| {
        let principal = entity::Principal {
            tenant: Tenant::new("demo"),
            subject: "back-office".into(),
            kind: entity::PrincipalKind::Service,
            scopes: crate::identity::scopes_of(scopes),
        };
        let edge = &rig.world.edge;
        crate::identity::issuer::guest_token(edge.authority(), &principal, scopes, edge.wall())
    };
    let (of_shop, of_node) = (token("admin"), token("node"));
    let reads = [
        ("/admin/cluster", false),
        ("/admin/config", false),
        ("/demo/clock", false),
        ("/admin/quarantine", true),
        ("/admin/dead-letters", true),
    ];
    for (path, is_of_shop) in reads {
        for (token, may) in [(&of_shop, is_of_shop), (&of_node, !is_of_shop)] {
            let answer = rig.admin(get(path).bearer(token)).await;
            assert_eq!(answer.status, if may { 200 } else { 403 }, "{path}: {}", answer.text());
        }
    }
    for (method, path) in [
        ("POST", "/admin/nodes/n1/drain"),
        ("POST", "/admin/shards/0/move"),
        ("PUT", "/admin/config"),
        ("POST", "/admin/events/replay"),
        ("POST", "/demo/clock"),
    ] {
        let answer = rig.admin(ask(method, path).bearer(&of_shop)).await;
        assert_eq!(answer.brief(), "403 insufficient_scope", "{method} {path}");
    }
    // A demo's issuer gives both to whoever asks for the one.
    let demo = rig.world.scoped_token("demo-service", "admin").await;
    assert_eq!(rig.admin(get("/admin/cluster").bearer(&demo)).await.status, 200);
}

#[actix_web::test]
async fn configuration_takes_effect_and_is_taken_back() {
    let rig = Rig::empty().await;
    let first = rig.admin(get("/admin/config")).await;
    assert_eq!((first.status, first.header("etag")), (200, "\"v0\""), "{}", first.text());
    assert_eq!(first.json()["values"]["orders.t_pay_ms"], 1_800_000);
    let unconditional = ask("PUT", "/admin/config").json(r#"{"values":{}}"#);
    assert_eq!(rig.admin(unconditional).await.brief(), "428 precondition_required");
    for (body, brief) in [
        (r#"{"values":{"orders.nope":1}}"#, "422 validation_failed unknown @ /values/orders.nope"),
        (
            r#"{"values":{"orders.t_pay_ms":1}}"#,
            "422 validation_failed out_of_range @ /values/orders.t_pay_ms",
        ),
        (r#"{"rollback_to":9}"#, "404 not_found"),
        (r#"{}"#, "422 validation_failed required @ /values"),
    ] {
        assert_eq!(rig.admin(put_config("\"v0\"", body)).await.brief(), brief, "{body}");
    }

    let limit = put_config("\"v0\"", r#"{"values":{"edge.rate_limit":2}}"#);
    let changed = rig.admin(limit).await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"v1\""), "{}", changed.text());
    let buyer = rig.world.token("login_hint=alice").await;
    for expected in [200, 200, 429] {
        let answer = rig.send(get("/v1/me/orders").bearer(&buyer)).await;
        assert_eq!(answer.status, expected, "{}", answer.text());
    }
    let stale = rig.admin(put_config("\"v0\"", r#"{"values":{}}"#)).await;
    assert_eq!(stale.brief(), "412 version_mismatch");
    assert_eq!(stale.json()["version"], 1);
    let back = rig.admin(put_config("\"v1\"", r#"{"rollback_to":0}"#)).await;
    assert_eq!((back.status, back.header("etag")), (200, "\"v2\""), "{}", back.text());
    assert_eq!(rig.send(get("/v1/me/orders").bearer(&buyer)).await.status, 200, "no limit again");
    let old = rig.admin(get("/admin/config?version=1")).await.json();
    assert_eq!(old["values"]["edge.rate_limit"], 2);
    let none = rig.admin(get("/admin/config?version=77")).await;
    assert_eq!(none.brief(), "404 not_found");
}

/// Who could not get in could not raise the limit that keeps him out.
#[actix_web::test]
async fn an_operator_gets_in_when_nobody_else_does() {
    let rig = Rig::empty().await;
    rig.world.edge.set_limits(EdgeLimits { rate_limit: 1, in_flight_max: 0 });
    let shut_out = || rig.send(get("/v1/products").bearer(&rig.staff));
    assert_eq!(shut_out().await.brief(), "503 over_capacity");
    for _ in 0..3 {
        let read = rig.admin(get("/admin/config")).await;
        assert_eq!((read.status, read.header("ratelimit")), (200, ""), "{}", read.text());
        assert_eq!(rig.admin(get("/openapi.json")).await.status, 200);
    }
    let nobody = rig.admin(get("/admin/config").bearer("nobody")).await;
    assert_eq!(nobody.brief(), "401 unauthenticated");
    let limits = r#"{"values":{"admission.in_flight_max":100,"edge.rate_limit":0}}"#;
    let raised = rig.admin(put_config("\"v0\"", limits)).await;
    assert_eq!(raised.status, 200, "{}", raised.text());
    assert_eq!(shut_out().await.status, 200);
}

#[actix_web::test]
async fn the_log_is_changed_while_the_node_runs() {
    let rig = Rig::empty().await;
    let put = |filter: &str| ask("PUT", "/admin/log").json(&format!(r#"{{"filter":"{filter}"}}"#));
    let filter = async || rig.admin(get("/admin/log")).await.json()["filter"].clone();
    assert_eq!(filter().await, "info");
    let changed = rig.admin(put("info,cluster=debug")).await;
    assert_eq!((changed.status, filter().await), (200, "info,cluster=debug".into()));
    for wrong in
        ["inof", "no filter", "cluster", "info,inof", "cluster=", "=info", "a=loud", "info,"]
    {
        let refused = rig.admin(put(wrong)).await;
        assert_eq!(refused.brief(), "422 validation_failed bad_form @ /filter", "{wrong}");
        assert_eq!(filter().await, "info,cluster=debug", "the old one stays");
    }
    // What the program cannot put in force is refused too.
    let refused = rig.admin(put("no target=info")).await;
    assert_eq!(refused.brief(), "422 validation_failed bad_form @ /filter");
    let changed = rig.admin(put("WARN,cluster::shard=trace,actix_http=off")).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
}

#[actix_web::test]
async fn a_key_is_kept_as_long_as_the_configuration_says() {
    let rig = Rig::new().await;
    let adjust = |key: &str| {
        post("/v1/stock/tea-1/adjustments")
            .bearer(&rig.staff)
            .header("idempotency-key", key)
            .json(r#"{"location":"main","delta":1,"reason":"receipt"}"#)
    };
    let pass = |ms: u64| post("/demo/clock").json(&format!(r#"{{"advance_ms":{ms}}}"#));
    assert_eq!(rig.send(adjust("long")).await.status, 200);
    let short = r#"{"values":{"idempotency.keep_ms":60000}}"#;
    assert_eq!(rig.admin(put_config("\"v0\"", short)).await.status, 200);
    assert_eq!(rig.send(adjust("short")).await.status, 200);
    let replayed = async |key: &str| {
        let answer = rig.send(adjust(key)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
    };
    assert_eq!(rig.admin(pass(50_000)).await.status, 200);
    assert!(replayed("short").await && replayed("long").await);
    assert_eq!(rig.admin(pass(20_000)).await.status, 200);
    assert!(!replayed("short").await, "forgotten after a minute");
    assert!(replayed("long").await, "what it was kept with holds");
}

#[actix_web::test]
async fn a_clock_that_is_moved_ends_an_order_that_nobody_pays() {
    let rig = Rig::new().await;
    let alice = rig.buyer("alice").await;
    let quote = rig.cart(&alice, "cart-unpaid", r#"[{"type":"gateway"}]"#).await;
    let place = Rig::place(&alice, &quote, r#","tenders":[{"type":"gateway"}]"#);
    let placed = rig.send(place.header("idempotency-key", "k")).await;
    assert_eq!(placed.status, 201, "{}", placed.text());
    assert_eq!(placed.json()["status"], "awaiting_payment");
    let held = until(&rig, "/v1/stock/tea-1", |stock| stock["available"] == 9).await;
    assert_eq!(held["locations"][0]["held"], 1);

    let before = rig.admin(get("/demo/clock")).await.json();
    assert_eq!(before["object"], "clock");
    let body = format!(r#"{{"advance_ms":{}}}"#, 31 * 60 * 1_000);
    let moved = rig.admin(post("/demo/clock").json(&body)).await;
    assert_eq!(moved.status, 200, "{}", moved.text());
    let (before, now) = (before["now"].as_str().unwrap(), moved.json()["now"].clone());
    assert!(now.as_str().unwrap() > before, "{now} is later than {before}");

    let path = format!("/v1/orders/{}", placed.json()["id"].as_str().unwrap());
    let ended = until(&rig, &path, |order| order["status"] == "cancelled").await;
    assert_eq!(ended["reason"], "payment_timeout");
    until(&rig, "/v1/stock/tea-1", |stock| stock["available"] == 10).await;
    for body in [r#"{"advance_ms":-1}"#, r#"{"advance_ms":9000000000000000}"#] {
        let refused = rig.admin(post("/demo/clock").json(body)).await;
        assert_eq!(refused.brief(), "422 validation_failed out_of_range @ /advance_ms");
    }
    // The offset outlives the node; a second one begins where this one was.
    let again = Rig::over(Arc::clone(&rig.world.store)).await;
    let later = again.admin(get("/demo/clock")).await.json();
    assert!(later["now"].as_str().unwrap() >= now.as_str().unwrap(), "{later}");
}

/// A store whose journal says that the SKU is in quarantine and that a command for it was given
/// up: what is left when a build has a bug.
async fn troubled(key: &EntityKey) -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new(4));
    let imposed = imposed(key);
    let command = sku::Command::PutSku {
        product_id: "tea".into(),
        title: "Tea".into(),
        if_version: commerce::protocol::IfVersion::Any,
    };
    let message = Message {
        from: keys::product(&key.tenant, "tea"),
        to: key.clone(),
        kind: MessageKind::Command,
        body: codec::pack(&command).unwrap(),
        cause: Cause::default(),
        expires_at: Timestamp::MAX,
    };
    let letter = DeadLetter { message: Arc::new(message), reason: "failed three times".into() };
    let mut kept = record(key);
    kept.dead_letter = Some(Box::new(DeadLetterChange::Kept(1, letter)));
    append(&store, &[&imposed, &kept]).await;
    store
}

/// The same shop after an entity of it has failed.
async fn after_quarantine(rig: Rig, key: &EntityKey) -> Rig {
    let store = Arc::clone(&rig.world.store);
    rig.node.stop().await;
    drop(rig);
    append(&store, &[&imposed(key)]).await;
    Rig::over(store).await
}

#[actix_web::test]
async fn lists_show_an_order_in_quarantine_and_an_operator_sees_its_state() {
    let rig = Rig::new().await;
    let alice = rig.buyer("alice").await;
    let mut placed = Vec::new();
    for cart in ["cart-quarantine-1", "cart-quarantine-2"] {
        placed.push(rig.cod_order(&alice, cart).await.json()["id"].as_str().unwrap().to_owned());
    }
    let (affinity, uuid) = entity::parse_public_id(keys::ORDER_PREFIX, &placed[0]).unwrap();
    let tenant = Tenant::new("demo");
    let key = EntityKey::derived(tenant, commerce::kinds::ORDER, affinity, uuid);
    let path = format!("/v1/orders/{}", placed[0]);
    let confirmed = |order: &Value| order["fulfilment_status"] == "unfulfilled";
    let whole = until(&rig, &path, |order| order["shipments"][0]["id"].is_string()).await;
    assert!(confirmed(&whole), "{whole}");

    let rig = after_quarantine(rig, &key).await;
    let alice = rig.world.token("login_hint=alice").await;
    assert_eq!(rig.send(get(&path).bearer(&alice)).await.brief(), "503 unavailable");
    for (uri, token) in [("/v1/orders", &rig.staff), ("/v1/me/orders", &alice)] {
        let page = rig.send(get(uri).bearer(token)).await;
        assert_eq!(page.status, 200, "{uri}: {}", page.text());
        let page = page.json();
        let shown = |id: &str| page["data"].as_array().unwrap().iter().find(|o| o["id"] == id);
        assert!(shown(&placed[1]).is_some(), "{uri} hides the order that is well: {page}");
        let quarantined = shown(&placed[0]).unwrap_or_else(|| panic!("{uri} hides it: {page}"));
        for field in ["status", "version", "totals", "lines", "shipments"] {
            assert_eq!(quarantined[field], whole[field], "{uri}: {field}");
        }
    }
    let seen = rig.admin(get(&format!("/admin/entities/order/{}", placed[0]))).await.json();
    assert_eq!(seen["quarantined"], "panicked: a bug", "{seen}");
    assert_eq!(seen["version"], whole["version"]);
    assert!(seen["state"].is_object() && seen["records"][0].is_object(), "{seen}");
}

fn order_of(placed: &Answer) -> EntityKey {
    let id = placed.json()["id"].as_str().unwrap().to_owned();
    keys::parse_order(&Tenant::new("demo"), &id).unwrap()
}

#[actix_web::test]
async fn lists_go_without_an_order_whose_journal_cannot_be_read() {
    let rig = Rig::new().await;
    let alice = rig.buyer("alice").await;
    let well = rig.cod_order(&alice, "cart-well-1").await;
    let broken = order_of(&rig.cod_order(&alice, "cart-broken-1").await);
    let store = Arc::clone(&rig.world.store);
    rig.node.stop().await;
    drop(rig);
    // Its chain names a commit that comes later than it: nothing can be folded.
    let mut astray = record(&broken);
    (astray.source, astray.version, astray.prev) = (RecordSource::Caller, 1_000, u64::MAX);
    append(&store, &[&astray, &imposed(&broken)]).await;

    let rig = Rig::over(store).await;
    let alice = rig.world.token("login_hint=alice").await;
    for (uri, token, list) in [
        ("/v1/orders", &rig.staff, "data"),
        ("/v1/me/orders", &alice, "data"),
        ("/v1/me/overview", &alice, "orders"),
    ] {
        let page = rig.send(get(uri).bearer(token)).await;
        assert_eq!(page.status, 200, "{uri}: {}", page.text());
        let page = page.json();
        let orders = page[list].as_array().unwrap_or_else(|| panic!("{uri}: {page}"));
        let ids: Vec<&Value> = orders.iter().map(|order| &order["id"]).collect();
        assert_eq!(ids, [&well.json()["id"]], "{uri}");
    }
}

#[actix_web::test]
async fn a_cart_in_quarantine_hides_no_open_one() {
    let rig = Rig::new().await;
    let alice = rig.buyer("alice").await;
    for cart in ["cart-open-1", "cart-failed-1"] {
        rig.cart(&alice, cart, "[]").await;
    }
    let mine = |token: &str| get("/v1/me/cart").bearer(token);
    for _ in 0..300 {
        if rig.send(mine(&alice)).await.json()["id"] == "cart-failed-1" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(rig.send(mine(&alice)).await.json()["id"], "cart-failed-1", "the newest");
    let tenant = Tenant::new("demo");
    let rig = after_quarantine(rig, &keys::cart(&tenant, "cart-failed-1")).await;
    let alice = rig.world.token("login_hint=alice").await;
    let seen = rig.send(mine(&alice)).await;
    assert_eq!((seen.status, &seen.json()["id"]), (200, &"cart-open-1".into()), "{}", seen.text());
}

#[actix_web::test]
async fn a_shard_that_does_not_answer_hides_no_trouble_of_others() {
    let key = keys::sku(&Tenant::new("demo"), "tea-1");
    let store = Arc::new(MemoryStore::with_shard_logs(4));
    append(&store, &[&imposed(&key)]).await;
    let rig = Rig::over(store).await;
    let (own, other) = (key.shard(4), entity::ShardId((key.shard(4).0 + 1) % 4));
    assert!(rig.node.drop_shard(other));
    for uri in ["/admin/quarantine", "/admin/dead-letters"] {
        let answer = rig.admin(get(uri)).await;
        assert_eq!(answer.status, 200, "{uri}: {}", answer.text());
        assert_eq!(answer.json()["shards_missing"], serde_json::json!([other.0]), "{uri}");
    }
    assert_eq!(one(&rig.admin(get("/admin/quarantine")).await)["id"], "sku-tea-1");
    let unknown = rig.admin(post("/admin/quarantine/sku-x/lift")).await;
    assert_eq!(unknown.brief(), "503 unavailable", "it may be where nobody answers");
    let seen = rig.admin(get("/admin/entities/sku/tea-1")).await.json();
    assert_eq!(seen["shard"], own.0, "{seen}");
    assert_eq!(rig.admin(post("/admin/quarantine/sku-tea-1/lift")).await.status, 200);
}

fn one(answer: &Answer) -> Value {
    let body = answer.json();
    assert_eq!(body["data"].as_array().map(Vec::len), Some(1), "{}", answer.text());
    body["data"][0].clone()
}

#[actix_web::test]
async fn what_failed_is_seen_and_let_again() {
    let key = keys::sku(&Tenant::new("demo"), "tea-1");
    let rig = Rig::over(troubled(&key).await).await;
    let refused = rig.send(get("/v1/skus/tea-1")).await;
    assert_eq!(refused.brief(), "503 unavailable");

    let entry = one(&rig.admin(get("/admin/quarantine")).await);
    assert_eq!(entry["id"], "sku-tea-1");
    assert_eq!(entry["reason"], "panicked: a bug");
    let seen = rig.admin(get("/admin/entities/sku/tea-1")).await.json();
    assert_eq!(seen["quarantined"], "panicked: a bug", "{seen}");
    let lift = || post("/admin/quarantine/sku-tea-1/lift");
    let stranger = rig.world.service_token("demo2-service").await;
    let elsewhere = rig.admin(lift().bearer(&stranger)).await;
    assert_eq!(elsewhere.brief(), "404 not_found", "another shop's operator");
    let lifted = rig.admin(lift()).await;
    assert_eq!(lifted.status, 200, "{}", lifted.text());
    assert_eq!(rig.admin(lift()).await.brief(), "404 not_found");
    assert_eq!(rig.admin(get("/admin/quarantine")).await.json()["data"], serde_json::json!([]));
    let made = r#"{"product_id":"tea","title":"Tea"}"#;
    assert_eq!(rig.send(rig.put("/v1/skus/tea-1", made)).await.status, 201);

    let letter = one(&rig.admin(get("/admin/dead-letters")).await);
    assert_eq!(letter["to"], serde_json::json!({"kind": "sku", "id": "tea-1"}));
    assert_eq!(letter["command"]["PutSku"]["title"], "Tea", "{letter}");
    let path = format!("/admin/dead-letters/{}/replay", letter["id"].as_str().unwrap());
    let replayed = rig.admin(post(&path)).await;
    assert_eq!(replayed.status, 200, "{}", replayed.text());
    assert_eq!(rig.admin(post(&path)).await.brief(), "404 not_found", "once");
    assert_eq!(rig.admin(get("/admin/dead-letters")).await.json()["data"], serde_json::json!([]));
}

#[actix_web::test]
async fn entities_are_seen_as_they_were() {
    let rig = Rig::new().await;
    let now = rig.admin(get("/admin/entities/sku/tea-1")).await;
    assert_eq!(now.status, 200, "{}", now.text());
    let body = now.json();
    let version = body["version"].as_u64().unwrap();
    assert_eq!(now.header("etag"), format!("\"v{version}\""));
    assert_eq!(body["records"][0]["version"], version, "newest first");
    assert!(body["state"].is_object(), "{body}");
    let first = rig.admin(get("/admin/entities/sku/tea-1?version=1")).await.json();
    assert_eq!(first["version"], 1, "{first}");
    assert_ne!(first["state"], body["state"]);
    assert_eq!(first["records"].as_array().unwrap().len(), 1);
    for (at, expected) in [(version, "200"), (version + 1, "404 not_found")] {
        let path = format!("/admin/entities/sku/tea-1?version={at}");
        assert_eq!(rig.admin(get(&path)).await.brief(), expected, "{path}");
    }
    for path in ["/admin/entities/sku/nothing", "/admin/entities/nope/tea-1"] {
        assert_eq!(rig.admin(get(path)).await.brief(), "404 not_found", "{path}");
    }
    let alice = rig.buyer("alice").await;
    let order = rig.cod_order(&alice, "cart-seen").await.json();
    let path = format!("/admin/entities/order/{}", order["id"].as_str().unwrap());
    let seen = rig.admin(get(&path)).await.json();
    assert_eq!(seen["kind"], "order");
    assert!(seen["version"].as_u64() >= order["version"].as_u64(), "{seen}");
    // Also one that says nothing but its name, as that of a cart that was ordered.
    for path in [path, "/admin/entities/cart/cart-seen".to_owned()] {
        let seen = rig.admin(get(&path)).await.json();
        let records = seen["records"].as_array().unwrap().iter();
        let mut events = records.flat_map(|record| record["events"].as_array().unwrap());
        assert!(events.all(serde_json::Value::is_object), "{path}: {seen}");
    }
}

#[actix_web::test]
async fn the_node_is_seen_and_drained_and_events_are_said_again() {
    let rig = Rig::new().await;
    let none = rig.admin(get("/admin/events/replay")).await;
    assert_eq!(none.brief(), "404 not_found");
    let body = rig.admin(get("/admin/cluster")).await.json();
    assert_eq!(body["nodes"][0]["name"], "n1");
    assert_eq!(body["shards"].as_array().unwrap().len(), 4);
    let replay = rig.admin(post("/admin/events/replay").json(r#"{"stream":"STOCK"}"#)).await;
    assert_eq!(replay.status, 202, "{}", replay.text());
    let mut progress = Value::Null;
    for _ in 0..300 {
        progress = rig.admin(get("/admin/events/replay")).await.json();
        if progress["is_over"] == true {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(progress["is_over"], true, "{progress}");
    assert!(progress["n_published"].as_u64().unwrap() > 0, "{progress}");
    let unknown = rig.admin(post("/admin/events/replay").json(r#"{"stream":"ORDER"}"#)).await;
    assert_eq!(unknown.brief(), "422 validation_failed unknown_value @ /stream");
    assert!(unknown.text().contains("ORDERS, STOCK"), "{}", unknown.text());
    let mut placeless = String::new();
    for _ in 0..300 {
        let replay = post("/admin/events/replay").json(r#"{"from_sequence":3}"#);
        placeless = rig.admin(replay).await.brief();
        if placeless != "409 invalid_state" {
            break; // The one before is over when the relay has seen that it is.
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(placeless, "422 validation_failed required @ /stream");

    let moved = rig.admin(post("/admin/shards/1/move")).await;
    assert_eq!(moved.brief(), "409 invalid_state");
    assert_eq!(rig.admin(post("/admin/shards/4/move")).await.brief(), "404 not_found");
    let elsewhere = rig.admin(post("/admin/nodes/n2/drain")).await;
    assert_eq!(elsewhere.brief(), "404 not_found");
    let drained = rig.admin(post("/admin/nodes/n1/drain")).await;
    assert_eq!((drained.status, drained.json()["status"].as_str()), (202, Some("draining")));
    rig.drain.notified().await;
}
