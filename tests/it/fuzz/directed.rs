//! Requests for statuses that random ones miss.
//!
//! What every operation refuses in the same way (no token, another shop's key, an unknown
//! parameter, a body too large) is generated from the document; the rest is in `scenes.rs`.

mod scenes;

use std::time::Duration;

use serde_json::{Value, json};

use super::found::Found;
use crate::api::operation::Operation;
use crate::api::stage::Stage;
use crate::api::{Answer, Ask, Demo};

/// A request of an operation and the status that it has to get.
struct Wanted {
    id: &'static str,
    status: u16,
    ask: Ask,
}

fn wanted(id: &'static str, status: u16, ask: Ask) -> Wanted {
    Wanted { id, status, ask }
}

/// Asks everything, notes what was answered, and fails on an answer that is another one.
pub(super) async fn ask_all(
    demo: &Demo,
    stage: &Stage,
    document: &Value,
    operations: &[Operation],
    found: &mut Found,
) {
    let mut wrong = Vec::new();
    for operation in operations {
        for (status, request) in generic(operation, stage, document) {
            let answer = demo.send(&request).await;
            found.see(&operation.method, &operation.path, answer.status);
            note(&operation.id, status, &answer, &mut wrong);
        }
    }
    slow_bodies(demo, stage, document, operations, found, &mut wrong).await;
    // A scene goes on from what the one before it did.
    for Wanted { id, status, ask } in scenes::all(demo, stage).await {
        let operation = operations.iter().find(|operation| operation.id == id);
        let operation = operation.unwrap_or_else(|| panic!("{id} is no operation"));
        let answer = demo.send(&ask).await;
        found.see(&operation.method, &operation.path, answer.status);
        note(id, status, &answer, &mut wrong);
    }
    let (status, socket) = scenes::socket(demo, stage);
    found.see("GET", "/v1/ws", socket);
    assert_eq!(socket, status, "the WebSocket's handshake");
    assert!(wrong.is_empty(), "{} directed requests:\n{}", wrong.len(), wrong.join("\n"));
}

fn note(id: &str, status: u16, answer: &Answer, wrong: &mut Vec<String>) {
    if answer.status != status {
        wrong.push(format!("{id}: {} {}, not {status}", answer.status, answer.text));
    }
}

/// Whoever may call it.
fn allowed<'a>(operation: &Operation, stage: &'a Stage) -> Option<&'a str> {
    match operation.access.as_str() {
        _ if operation.is_issuer => None,
        "staff" => Some(&stage.service),
        _ => Some(&stage.alice),
    }
}

/// Refusals that follow from what is declared.
fn generic(operation: &Operation, stage: &Stage, document: &Value) -> Vec<(u16, Ask)> {
    let plain = operation.request(stage, document);
    let with = |request: Ask| match allowed(operation, stage) {
        Some(token) => request.bearer(token),
        None => request,
    };
    let mut all = Vec::new();
    if !operation.is_issuer {
        let mut odd = with(plain.clone());
        odd.path.push_str("?nope=1");
        all.push((400, odd));
        all.push((401, plain.clone().header("authorization", "Bearer x")));
        all.push((403, plain.clone().bearer(&stage.service).header("api-key", "pk_demo2")));
    }
    // A cart or an address that is not there is made, not missed; a stream is asked for by others.
    if operation.has_params() && operation.method != "PUT" {
        all.push((404, with(operation.request_at(operation.of_nothing(), stage, document))));
    } else if operation.has_params() {
        // The name itself is none.
        let path = operation.path.replace("{id}", "x.y").replace("{sku}", "x.y");
        let path = path.replace("{book}", "default").replace("{location}", "main");
        all.push((404, with(operation.request_at(path, stage, document))));
    }
    if operation.precondition() == "required" {
        let stale = |(name, value): &(String, String)| match name.as_str() {
            "if-match" => (name.clone(), "\"v99999\"".to_owned()),
            _ => (name.clone(), value.clone()),
        };
        let mut old = with(plain.clone());
        old.headers = old.headers.iter().map(stale).collect();
        all.push((412, old));
        let mut none = with(plain.clone());
        none.headers.retain(|(name, _)| name != "if-match");
        all.push((428, none));
    }
    if operation.precondition() == "optional" {
        all.push((412, with(plain.clone()).header("if-match", "\"v99999\"")));
    }
    if operation.idempotency() == "key" {
        let mut none = with(plain.clone());
        none.headers.retain(|(name, _)| name != "idempotency-key");
        all.push((400, none));
    }
    if let Some(media_type) = operation.media_type() {
        all.extend(of_bodies(operation, &with(plain), media_type));
    }
    all
}

fn of_bodies(operation: &Operation, plain: &Ask, media_type: &str) -> Vec<(u16, Ask)> {
    let mut bare = plain.clone();
    bare.headers.retain(|(name, _)| name != "content-type");
    let large = bare.clone().bytes(media_type, vec![b' '; 300 * 1024]);
    let mut all = vec![(413, large), (415, bare.clone().bytes("text/plain", b"{}".to_vec()))];
    if !operation.is_issuer {
        let body: Value = serde_json::from_slice(plain.body.as_deref().unwrap()).unwrap();
        if let Some(bad) = spoiled(&operation.id, body) {
            all.push((422, bare.json(&bad)));
        }
    }
    all
}

/// The body with one value that its type does not take.
fn spoiled(id: &str, body: Value) -> Option<Value> {
    // All members of these may be absent: there is nothing to spoil in the least body.
    let body = match id {
        "putCart" => json!({"shipping_option": "x"}),
        "updateCart" => json!({"shipping_option": "x"}),
        "updateMe" => json!({"name": "x"}),
        "cancelOrder" => json!({"lines": [{"line_id": "x", "qty": 1}]}),
        "signInDaily" => json!({"date": "x"}),
        _ => body,
    };
    // A text first: an amount of money may be any number.
    let (mut by_text, mut by_number) = (body.clone(), body);
    if spoil(&mut by_text, &json!("\u{7}"), Value::is_string) {
        return Some(by_text);
    }
    let low = json!(-9_000_000_000_000_000_i64);
    spoil(&mut by_number, &low, Value::is_number).then_some(by_number)
}

/// Puts a value in place of the first one of a kind; whether there was one.
fn spoil(value: &mut Value, bad: &Value, is_kind: fn(&Value) -> bool) -> bool {
    if is_kind(value) {
        *value = bad.clone();
        return true;
    }
    match value {
        Value::Array(items) => items.iter_mut().any(|item| spoil(item, bad, is_kind)),
        Value::Object(members) => members.values_mut().any(|item| spoil(item, bad, is_kind)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Bodies that never arrive: all at the same time, because each takes 10 s.
async fn slow_bodies(
    demo: &Demo,
    stage: &Stage,
    document: &Value,
    operations: &[Operation],
    found: &mut Found,
    wrong: &mut Vec<String>,
) {
    let with_bodies = operations.iter().filter(|operation| operation.takes_body());
    let asked: Vec<(&Operation, Vec<u8>)> = with_bodies
        .map(|operation| {
            let mut request = operation.request(stage, document).header("content-length", "100");
            if let Some(token) = allowed(operation, stage) {
                request = request.bearer(token);
            }
            request.body = Some(b"{".to_vec());
            (operation, request.wire())
        })
        .collect();
    let answers: Vec<(&Operation, Option<Answer>)> = std::thread::scope(|scope| {
        let threads: Vec<_> = asked
            .iter()
            .map(|(operation, wire)| (*operation, scope.spawn(|| demo.raw(wire))))
            .collect();
        threads.into_iter().map(|(operation, thread)| (operation, thread.join().unwrap())).collect()
    });
    for (operation, answer) in answers {
        match answer {
            Some(answer) => {
                found.see(&operation.method, &operation.path, answer.status);
                note(&operation.id, 408, &answer, wrong);
            }
            None => wrong.push(format!("{}: no answer to half a body", operation.id)),
        }
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
}
