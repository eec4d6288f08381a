//! The served document against the node that serves it: schemathesis with every check and stateful
//! links, and the coverage of statuses that it and our own requests reach.
//!
//! For each operation at least one success and every declared refusal (4xx) has to be seen. Random
//! requests do not find most of them; those that they miss are asked for in `directed.rs`.

mod directed;
mod found;
mod limited;

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use crate::api::Demo;
use crate::api::operation::operations;
use crate::api::stage::Stage;
use found::Found;

/// The same requests in each run.
const SEED: &str = "20261121";
/// Random requests per operation and phase.
const EXAMPLES: &str = "12";
/// When schemathesis is ended, in seconds.
const PATIENCE_S: &str = "180";
/// Streams end soon, so that their bodies can be checked; nobody is refused for asking often.
const SETTINGS: &str = "[edge]\nrate_limit = 0\nheartbeat_ms = 500\nstream_max_age_ms = 1000\n";

/// Declared, true, and not to be had by requests alone. Nobody can put an order on hold: the
/// runtime does when stock is gone at the commit a second time, and the domain's matrix has the
/// case. Two requests to publish under one key do not differ: there is nothing to reuse it for.
const OUT_OF_REACH: [&str; 2] = ["releaseOrder: a success", "publishCatalogue: [422]"];

/// How schemathesis is told of tokens and of what a schema cannot say.
const FILES: [(&str, &str); 2] = [
    ("schemathesis.toml", include_str!("fuzz/schemathesis.toml")),
    ("hooks.py", include_str!("fuzz/hooks.py")),
];

/// Runs schemathesis; what it saw, and what it complained of.
fn schemathesis(demo: &Demo, customer: &str, staff: &str) -> (Found, Option<String>) {
    let program = std::env::var_os("MERCATO_TEST_SCHEMATHESIS")
        .expect("MERCATO_TEST_SCHEMATHESIS: scripts/servers installs it");
    for (name, text) in FILES {
        std::fs::write(demo.folder().join(name), text).unwrap();
    }
    let report = demo.folder().join("report.ndjson");
    let ran = Command::new("timeout")
        .args(["--kill-after=10", PATIENCE_S])
        .arg(PathBuf::from(program))
        .args(["--config-file", "schemathesis.toml", "run"])
        .args(["--no-color", "--seed", SEED, "--max-examples", EXAMPLES])
        .arg("--report-ndjson-path")
        .arg(&report)
        .arg(format!("{}/openapi.json", demo.http))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("MERCATO_CUSTOMER", customer)
        .env("MERCATO_STAFF", staff)
        .current_dir(demo.folder())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let found = Found::read(&std::fs::read_to_string(&report).unwrap_or_default());
    let complaint = (!ran.status.success()).then(|| {
        let errors = String::from_utf8_lossy(&ran.stderr);
        format!("{}: {}\n{errors}", ran.status, said.chars().take(20_000).collect::<String>())
    });
    (found, complaint)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_holds_and_every_declared_status_is_seen() {
    let demo = Demo::start(SETTINGS);
    let stage = Stage::furnish(&demo).await;
    let document = demo.document().await;
    let all = operations(&document);
    // The fuzzed customer is nobody on the stage: the directed requests need it as it is.
    let customer = demo.person("login_hint=fuzz").await;
    let began = Instant::now();
    let (mut found, complaint) = schemathesis(&demo, &customer, &stage.service);
    let n_fuzzed = found.n_answers();
    eprintln!("schemathesis: {n_fuzzed} answers in {:?}", began.elapsed());
    demo.assert_well().await;
    demo.assert_quiet();
    directed::ask_all(&demo, &stage, &document, &all, &mut found).await;
    limited::ask_all(&document, &all, &mut found).await;
    demo.assert_well().await;
    demo.assert_quiet();

    eprintln!("{}", found.table(&all));
    assert!(complaint.is_none(), "{}", complaint.unwrap_or_default());
    assert!(n_fuzzed > 50 * all.len(), "schemathesis hardly asked: {n_fuzzed}");
    let mut missing = found.missing(&all);
    missing.retain(|what| !OUT_OF_REACH.contains(&what.as_str()));
    assert!(missing.is_empty(), "declared and never seen:\n{}", missing.join("\n"));
    let undeclared = found.undeclared(&all);
    assert!(undeclared.is_empty(), "seen and not declared:\n{}", undeclared.join("\n"));
}

/// A schema of an object names its members, or says what type the values of a map have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_object_is_free_form() {
    let demo = Demo::start("");
    let document = demo.document().await;
    let mut free = Vec::new();
    find_free_form(&document["components"], "components", &mut free);
    find_free_form(&document["paths"], "paths", &mut free);
    assert!(free.is_empty(), "free-form:\n{}", free.join("\n"));
    let n_schemas = document["components"]["schemas"].as_object().unwrap().len();
    assert!(n_schemas > 50, "the schemas were not found");
}

fn find_free_form(value: &Value, at: &str, free: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if members.get("schema").is_some_and(|schema| *schema == serde_json::json!({})) {
                free.push(format!("{at}: anything"));
            }
            let of_type = members.get("type");
            let is_object = of_type.is_some_and(|of_type| {
                of_type == "object"
                    || of_type.as_array().is_some_and(|all| all.contains(&"object".into()))
            });
            let has_members = members.get("properties").is_some_and(Value::is_object);
            let is_map = members
                .get("additionalProperties")
                .is_some_and(|values| values.get("type").is_some() || values.get("$ref").is_some());
            if is_object && !has_members && !is_map {
                free.push(at.to_owned());
            }
            for (name, member) in members {
                find_free_form(member, &format!("{at}/{name}"), free);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                find_free_form(item, &format!("{at}/{index}"), free);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
