//! Bad input of every kind: each refusal is a problem document (RFC 9457) with a stable code, and
//! nothing is half done.
//!
//! The rows stand in `rows.rs` (what any client can send) and `wire.rs` (what only a broken or
//! hostile one writes on a socket). After each row everything on the stage is looked at again.

mod rows;
mod wire;

use serde_json::Value;

use crate::api::stage::Stage;
use crate::api::{Answer, Ask, Demo};

/// A request and the refusal that it has to get: `422 validation_failed`.
struct Row {
    name: String,
    ask: Ask,
    expected: &'static str,
    /// Pointer and code of the first fault, where the place matters: `/lines/0/qty out_of_range`.
    fault: Option<&'static str>,
}

fn row(name: impl Into<String>, expected: &'static str, ask: Ask) -> Row {
    Row { name: name.into(), ask, expected, fault: None }
}

impl Row {
    fn at(mut self, fault: &'static str) -> Self {
        self.fault = Some(fault);
        self
    }
}

/// What is wrong with an answer as a problem document; `None`: nothing.
fn wrong_with(answer: &Answer, path: &str) -> Option<String> {
    let problem = &answer.body;
    let text = |name: &str| problem[name].as_str().unwrap_or_default();
    let checks = [
        (answer.header("content-type") == "application/problem+json", "its media type"),
        (problem["status"] == answer.status, "its status"),
        (!text("title").is_empty(), "its title"),
        (text("type").starts_with("urn:mercato:problem:"), "its type"),
        (text("type").ends_with(text("code")), "its code in its type"),
        (text("instance") == path.split('?').next().unwrap_or_default(), "its instance"),
        (text("request_id") == answer.header("request-id"), "its request_id"),
        (text("request_id").starts_with("req_"), "a request_id"),
        (text("trace_id").len() == 32, "its trace_id"),
        (answer.header("traceparent").contains(text("trace_id")), "its traceparent"),
        (problem["retryable"].is_boolean(), "retryable"),
        (!text("detail").is_empty(), "its detail"),
        (problem["errors"].is_array(), "its errors"),
    ];
    checks.iter().find(|(holds, _)| !holds).map(|(_, what)| (*what).to_owned())
}

/// Compares an answer with its row; pushes what differs.
fn compare(row: &Row, answer: &Answer, wrong: &mut Vec<String>) {
    let Row { name, ask, expected, fault } = row;
    if answer.brief() != *expected {
        wrong.push(format!("{name}: {} {}, not {expected}", answer.status, answer.text));
        return;
    }
    if let Some(what) = wrong_with(answer, &ask.path) {
        wrong.push(format!("{name}: {what}: {}", answer.text));
    }
    let first = &answer.body["errors"][0];
    let part = |name: &str| first[name].as_str().unwrap_or_default();
    let place = match first["parameter"].as_str() {
        Some(name) => format!("?{name}"),
        None => part("pointer").to_owned(),
    };
    let found = format!("{place} {}", part("code"));
    if fault.is_some_and(|fault| fault != found) {
        wrong.push(format!("{name}: the first fault is {found}, not {fault:?}: {}", answer.text));
    }
}

/// Looks at the stage again; pushes what a row changed.
async fn look_again(
    demo: &Demo,
    stage: &Stage,
    seen: &mut Vec<(String, Value)>,
    name: &str,
    wrong: &mut Vec<String>,
) {
    let now = stage.look(demo).await;
    let changed = seen.iter().zip(&now).filter(|(was, is)| was != is);
    wrong.extend(changed.map(|((path, _), _)| format!("{name} changed {path}")));
    *seen = now;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_is_a_problem_and_changes_nothing() {
    let demo = Demo::start("");
    let stage = Stage::furnish(&demo).await;
    let rows = rows::all(&demo, &stage).await;
    let mut seen = stage.look(&demo).await;
    let mut wrong = Vec::new();
    for row in &rows {
        let answer = demo.send(&row.ask).await;
        eprintln!("{:<58} {}", row.name, answer.brief());
        compare(row, &answer, &mut wrong);
        look_again(&demo, &stage, &mut seen, &row.name, &mut wrong).await;
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    demo.assert_well().await;
    demo.assert_quiet();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_bytes_on_a_socket_are_refused() {
    let demo = Demo::start("");
    let stage = Stage::furnish(&demo).await;
    let mut seen = stage.look(&demo).await;
    let mut wrong = Vec::new();
    for wire::Broken { name, bytes, expected } in wire::all(&stage) {
        // A connection that is closed without an answer is a refusal too, where the row says so.
        let brief = demo.raw(&bytes).map_or_else(|| "closed".to_owned(), |answer| answer.brief());
        eprintln!("{name:<58} {brief}");
        if !expected.contains(&brief.as_str()) {
            wrong.push(format!("{name}: {brief}, not {expected:?}"));
        }
        look_again(&demo, &stage, &mut seen, name, &mut wrong).await;
        demo.assert_well().await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    demo.assert_quiet();
}
