//! The OpenAPI document: held to the code, and consistent in itself.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::identity::Access;
use crate::openapi::Content;
use crate::operation::{ErrorForm, Idempotency, Method, Precondition};
use crate::problem::MEMBERS;
use crate::routes;
use crate::testing::{Setup, World, ask, get};

/// After a change: `MERCATO_UPDATE_OPENAPI=1 cargo test -p edge documents`.
#[test]
fn the_checked_in_document_is_the_current_one() {
    let current = routes::documents::openapi_json();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    if std::env::var_os("MERCATO_UPDATE_OPENAPI").is_some() {
        std::fs::write(path, &current).unwrap();
    }
    let checked_in = std::fs::read(path).unwrap_or_default();
    let same = checked_in == current;
    assert!(same, "api/edge/openapi.json is not what the routes say: see the head of this test");
}

/// After a change: `MERCATO_UPDATE_OPENAPI=1 cargo test -p edge documents`.
#[test]
fn the_checked_in_asyncapi_document_is_the_current_one() {
    let current = routes::documents::asyncapi_json();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/asyncapi.json");
    if std::env::var_os("MERCATO_UPDATE_OPENAPI").is_some() {
        std::fs::write(path, &current).unwrap();
    }
    let same = std::fs::read(path).unwrap_or_default() == current;
    assert!(same, "api/edge/asyncapi.json is not what the code says: see the head of this test");
}

/// What AsyncAPI 3.0 asks of a document, as far as this one goes.
#[test]
fn the_asyncapi_document_is_consistent() {
    let document = crate::asyncapi::document();
    assert_eq!(document["asyncapi"], "3.0.0");
    every_reference(&document, &mut |target| {
        let pointer = target.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{target} leads nowhere");
    });
    for (name, channel) in document["channels"].as_object().unwrap() {
        let address = channel["address"].as_str().unwrap();
        let named: BTreeSet<&str> = address
            .split(['/', '.'])
            .filter_map(|p| p.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        let parameters: BTreeSet<&str> =
            channel["parameters"].as_object().into_iter().flatten().map(|(n, _)| &**n).collect();
        assert_eq!(named, parameters, "{name}");
    }
    let mut said = BTreeSet::new();
    for (name, operation) in document["operations"].as_object().unwrap() {
        assert!(["send", "receive"].contains(&operation["action"].as_str().unwrap()), "{name}");
        let channel = operation["channel"]["$ref"].as_str().unwrap();
        for message in operation["messages"].as_array().unwrap() {
            let message = message["$ref"].as_str().unwrap();
            assert!(message.starts_with(&format!("{channel}/messages/")), "{name}: {message}");
            said.insert(message.rsplit('/').next().unwrap().to_owned());
        }
    }
    let messages = document["components"]["messages"].as_object().unwrap();
    let messages: BTreeSet<String> = messages.keys().cloned().collect();
    assert_eq!(said, messages, "each message is said in some operation");
}

/// Calls `seen` with the target of every reference.
pub(super) fn every_reference(value: &Value, seen: &mut impl FnMut(&str)) {
    match value {
        Value::Object(members) => {
            if let Some(target) = members.get("$ref").and_then(Value::as_str) {
                seen(target);
            }
            members.values().for_each(|member| every_reference(member, seen));
        }
        Value::Array(items) => items.iter().for_each(|item| every_reference(item, seen)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_document_is_consistent() {
    let bytes = routes::documents::openapi_json();
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let schemas: BTreeSet<String> =
        document["components"]["schemas"].as_object().unwrap().keys().cloned().collect();
    let mut used = BTreeSet::new();
    references(&document, &mut used);
    for name in &used {
        assert!(schemas.contains(name), "{name} is used and not there");
    }
    for name in &schemas {
        assert!(used.contains(name), "{name} is there and not used");
        assert!(!name.contains('.'), "{name} should have been written in place");
    }
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let named: BTreeSet<&str> = operation["parameters"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            let in_path: BTreeSet<&str> = path
                .split('/')
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                .collect();
            assert_eq!(named, in_path, "{method} {path}");
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{method} {path}");
            assert!(!operation["tags"][0].as_str().unwrap().is_empty(), "{method} {path}");
        }
    }
}

/// A client that is made from the document reads what a code promises.
#[test]
fn members_of_some_codes_are_declared() {
    let bytes = routes::documents::openapi_json();
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    let problem = &document["components"]["schemas"]["Problem"];
    let required = problem["required"].as_array().unwrap();
    let declared = problem["properties"].as_object().unwrap().keys();
    let optional: Vec<&str> = declared
        .map(String::as_str)
        .filter(|name| !required.iter().any(|one| one == name))
        .collect();
    assert_eq!(optional, MEMBERS);
    assert_eq!(required.len(), 10);
    let reference = |name: &str| format!("#/components/schemas/{name}");
    assert_eq!(problem["properties"]["quote"]["$ref"], reference("Quote"));
    assert_eq!(problem["properties"]["available"]["$ref"], reference("Money"));
    assert_eq!(problem["properties"]["lines"]["items"]["$ref"], reference("ShortLine"));
}

/// What an EventSource must not be answered, as another status than 200 ends it for good.
#[test]
fn streams_are_not_refused_for_want_of_room() {
    for route in routes::all().iter().filter(|route| route.operation.ticket) {
        let operation = route.operation;
        // A socket is no EventSource: who opens it sees the status and comes again.
        let may_be_refused = operation.id == "openSocket";
        assert_eq!(operation.shed.is_none(), may_be_refused, "{}", operation.id);
        let statuses: Vec<u16> =
            operation.all_codes(false).iter().map(|code| code.status().as_u16()).collect();
        for status in [429, 503] {
            assert_eq!(statuses.contains(&status), may_be_refused, "{}: {status}", operation.id);
        }
    }
}

/// Only what makes a thing can be asked to make it.
#[test]
fn what_cannot_create_takes_no_if_none_match() {
    let bytes = routes::documents::openapi_json();
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    let mut n_creating = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let put = &item["put"];
        let parameters = put["parameters"].as_array().into_iter().flatten();
        let n_declared = parameters.filter(|found| found["name"] == "If-None-Match").count();
        let creates = put["responses"]["201"].is_object();
        assert_eq!(n_declared, usize::from(creates), "{path}");
        n_creating += n_declared;
    }
    assert!(n_creating >= 5, "{n_creating}");
}

/// Headers are declared where they are sent.
#[test]
fn declared_headers_are_those_that_come() {
    let bytes = routes::documents::openapi_json();
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    let has = |path: &str, status: &str, name: &str| {
        let responses = &document["paths"][path]["post"]["responses"];
        assert!(responses[status].is_object(), "{path} {status}");
        responses[status]["headers"][name].is_object()
    };
    for path in ["/v1/guests", "/v1/session", "/v1/stream-tickets", "/v1/me/sign-ins"] {
        assert!(!has(path, "201", "Location"), "{path}: it stands nowhere");
    }
    let (orders, cancel) = ("/v1/orders", "/v1/orders/{id}/cancel");
    assert!(has(orders, "201", "Location") && has(orders, "202", "Location"));
    assert!(has(orders, "409", "Retry-After"), "reservation_timeout");
    assert!(!has(cancel, "409", "Retry-After"), "no state ends by waiting");
    assert!(has(cancel, "503", "Retry-After") && has(cancel, "429", "Retry-After"));
}

#[test]
fn every_list_has_pages() {
    let mut n_lists = 0;
    for route in routes::all() {
        let Content::Json { name, .. } = (route.reply)() else { continue };
        if !name.ends_with("List") {
            continue;
        }
        n_lists += 1;
        let names: Vec<&str> = route.operation.query.iter().map(|param| param.name).collect();
        let id = route.operation.id;
        assert!(names.contains(&"limit") && names.contains(&"cursor"), "{id}: {names:?}");
    }
    assert!(n_lists >= 11, "{n_lists}");
}

/// A client that reads a body tells from `object` what it is.
#[test]
fn every_thing_says_what_it_is() {
    // Parts of an order, which has its own word.
    let parts = ["TimelineEntry"];
    for route in routes::all() {
        let operation = route.operation;
        let Content::Json { media_type, name, schemas, .. } = (route.reply)() else { continue };
        if operation.error_form == ErrorForm::OAuth || media_type != "application/json" {
            continue;
        }
        let item = name.strip_suffix("List").filter(|item| !parts.contains(item));
        for name in item.into_iter().chain([&*name]) {
            let (_, schema) = schemas.iter().find(|(found, _)| found == name).unwrap();
            assert!(schema["properties"]["object"].is_object(), "{}: {name}", operation.id);
        }
    }
}

#[test]
fn links_lead_from_and_to_operations() {
    let ids: BTreeSet<&str> = routes::all().iter().map(|route| route.operation.id).collect();
    for name in crate::openapi::linked() {
        assert!(ids.contains(name), "{name} is no operation");
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(target) = members.get("$ref").and_then(Value::as_str) {
                let name = target.strip_prefix("#/components/schemas/").unwrap();
                found.insert(name.to_owned());
            }
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[actix_web::test]
async fn documents_are_served_to_everyone() {
    let world = World::with(Setup { demo: false, ..Setup::default() }).await;
    let answer = world.send(get("/openapi.json").header("host", "elsewhere.example")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.body, routes::documents::openapi_json());
    let again = get("/openapi.json").header("if-none-match", answer.header("etag"));
    assert_eq!(world.send(again).await.status, 304);
    let page = world.send(get("/docs")).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("<title>mercato"));
    assert!(!page.text().contains("https://"), "the page needs no other host");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'sha256-"), "{policy}");
}

/// Generated from the table: every operation refuses who may not use it, before anything else of
/// the request is looked at.
#[actix_web::test]
async fn every_operation_checks_its_caller_first() {
    let world = World::demo().await;
    let buyer = world.token("login_hint=alice").await;
    let staff_without = world.token("login_hint=operator&scope=refunds:approve").await;
    let mut n_checked = 0;
    for route in routes::all() {
        let operation = route.operation;
        if operation.access == Access::Public || operation.ticket {
            continue;
        }
        n_checked += 1;
        let path = sample_path(operation.path);
        // Nothing else of these requests is good: no key, no If-Match, no JSON, unknown query.
        let bad = || {
            ask(operation.method.as_str(), &format!("{path}?unknown=1")).bytes(b"not json".to_vec())
        };
        let id = operation.id;
        assert_eq!(world.send(bad()).await.brief(), "401 unauthenticated", "{id}");
        let forged = world.send(bad().bearer("a.b.c")).await;
        assert_eq!(forged.brief(), "401 unauthenticated", "{id}");
        assert!(forged.header("www-authenticate").contains("invalid_token"), "{id}");
        if operation.access != Access::SignedIn {
            let answer = world.send(bad().bearer(&staff_without)).await;
            assert_eq!(answer.brief(), "403 insufficient_scope", "{id}");
        }
        if matches!(operation.access, Access::Staff(_)) {
            let answer = world.send(bad().bearer(&buyer)).await;
            assert_eq!(answer.brief(), "403 insufficient_scope", "{id}");
        }
    }
    assert!(n_checked >= 4);
}

/// Generated from the table: marks are what the operation enforces.
#[actix_web::test]
async fn every_mark_is_enforced() {
    let world = World::demo().await;
    let token = world.service_token("demo-service").await;
    for route in routes::all() {
        let operation = route.operation;
        if operation.anonymous {
            continue;
        }
        let path = sample_path(operation.path);
        let id = operation.id;
        let request = || ask(operation.method.as_str(), &path).bearer(&token);
        if operation.idempotency == Idempotency::Key {
            let answer = world.send(request()).await;
            assert_eq!(answer.brief(), "400 idempotency_key_required", "{id}");
        }
        if operation.precondition == Precondition::Required {
            let answer = world.send(request().header("idempotency-key", "k")).await;
            assert_eq!(answer.brief(), "428 precondition_required", "{id}");
        }
        if operation.method != Method::Get || operation.lenient_query {
            continue;
        }
        let unknown = ask("GET", &format!("{path}?no_such_parameter=1")).bearer(&token);
        let answer = world.send(unknown).await;
        let expected = "400 invalid_request unknown_parameter @ ?no_such_parameter";
        assert_eq!(answer.brief(), expected, "{id}");
    }
}

/// A path with a value that each parameter takes.
fn sample_path(template: &str) -> String {
    let id = |prefix: &str| entity::public_id(prefix, entity::Affinity(1), uuid::Uuid::nil());
    let route = routes::all().into_iter().find(|route| route.operation.path == template).unwrap();
    let mut path = template.to_owned();
    for param in route.operation.params {
        use crate::request::ParamKind;
        let value = match param.kind {
            ParamKind::Id { prefix } => id(prefix),
            ParamKind::Word(words) | ParamKind::Words(words) | ParamKind::Each(words) => {
                words[0].to_owned()
            }
            ParamKind::Integer { min, .. } => min.to_string(),
            ParamKind::Name { .. } | ParamKind::Text { .. } => "sample-01".to_owned(),
            ParamKind::Instant => "2026-11-20T08:15:30.000Z".to_owned(),
        };
        path = path.replace(&format!("{{{}}}", param.name), &value);
    }
    path
}
