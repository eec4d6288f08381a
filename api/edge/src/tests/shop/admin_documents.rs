//! The OpenAPI document of the admin listener: held to the code, and apart from the public one.

use std::collections::BTreeSet;

use serde_json::Value;

use super::rig::Rig;
use crate::routes;
use crate::testing::get;
use crate::tests::documents::every_reference;

/// After a change: `MERCATO_UPDATE_OPENAPI=1 cargo test -p edge documents`.
#[actix_web::test]
async fn the_checked_in_one_is_the_current_one() {
    let rig = Rig::empty().await;
    let current = rig.admin(get("/openapi.json")).await;
    assert_eq!(current.status, 200, "{}", current.text());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.admin.json");
    if std::env::var_os("MERCATO_UPDATE_OPENAPI").is_some() {
        std::fs::write(path, &current.body).unwrap();
    }
    let same = std::fs::read(path).unwrap_or_default() == current.body;
    assert!(same, "api/edge/openapi.admin.json is not what the routes say: see above this test");
    let again = get("/openapi.json").header("if-none-match", current.header("etag"));
    assert_eq!(rig.admin(again).await.status, 304);
}

/// Each operation: its id, method and path.
fn operations(document: &Value) -> BTreeSet<(String, String, String)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, operation)| {
                let id = operation["operationId"].as_str().unwrap();
                (id.to_owned(), method.to_ascii_uppercase(), path.clone())
            })
        })
        .collect()
}

/// The table of interfaces.md 0.3, as far as it is routed.
#[actix_web::test]
async fn operators_find_their_operations_in_it() {
    let rig = Rig::empty().await;
    let document = rig.admin(get("/openapi.json")).await.json();
    assert_eq!(document["openapi"], "3.1.0");
    every_reference(&document, &mut |target| {
        let pointer = target.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{target} leads nowhere");
    });
    let described = operations(&document);
    for (id, method, path) in [
        ("getCluster", "GET", "/admin/cluster"),
        ("drainNode", "POST", "/admin/nodes/{node}/drain"),
        ("moveShard", "POST", "/admin/shards/{shard}/move"),
        ("inspectEntity", "GET", "/admin/entities/{kind}/{id}"),
        ("liftQuarantine", "POST", "/admin/quarantine/{id}/lift"),
        ("replayEvents", "POST", "/admin/events/replay"),
        ("listDeadLetters", "GET", "/admin/dead-letters"),
        ("replayDeadLetter", "POST", "/admin/dead-letters/{id}/replay"),
        ("getConfig", "GET", "/admin/config"),
        ("putConfig", "PUT", "/admin/config"),
        ("getClock", "GET", "/demo/clock"),
        ("moveClock", "POST", "/demo/clock"),
    ] {
        let wanted = (id.to_owned(), method.to_owned(), path.to_owned());
        assert!(described.contains(&wanted), "{id} is not in {described:?}");
    }
    let put_config = &document["paths"]["/admin/config"]["put"];
    assert_eq!(put_config["x-precondition"], "required");
    assert_eq!(put_config["x-access"]["kind"], "staff");
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let shuts_out = operation["responses"]["429"].is_object();
            assert!(!shuts_out, "{method} {path}: operators have no quota");
        }
    }
    let public: Value = serde_json::from_slice(&routes::documents::openapi_json()).unwrap();
    assert!(described.is_disjoint(&operations(&public)), "they have a listener of their own");
}
