//! One operation of the document.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::content::{Content, schema_of};
use super::links;
use crate::identity::{Access, scope_name};
use crate::operation::{Caching, ErrorForm, Idempotency, Method, Operation, Precondition};
use crate::problem::Code;
use crate::route::Route;

/// The Operation Object of a route.
pub(super) fn describe(route: &Route) -> Value {
    let operation = route.operation;
    let mut described = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": parameters(operation),
        "responses": responses(route),
        "security": security(operation),
        "x-idempotency": idempotency(operation.idempotency),
        "x-precondition": precondition(operation.precondition),
        "x-access": access(operation.access),
    });
    let request = (route.request)();
    if let Some(content) = request.describe() {
        described["requestBody"] = json!({"required": request.is_required(), "content": content});
    }
    described
}

const fn idempotency(mark: Idempotency) -> &'static str {
    match mark {
        Idempotency::None => "none",
        Idempotency::Key => "key",
        Idempotency::Natural => "natural",
    }
}

const fn precondition(mark: Precondition) -> &'static str {
    match mark {
        Precondition::None => "none",
        Precondition::Required => "required",
        Precondition::Optional => "optional",
    }
}

fn access(access: Access) -> Value {
    match access {
        Access::Public => json!({"kind": "public", "scopes": []}),
        Access::SignedIn => json!({"kind": "signed_in", "scopes": []}),
        Access::Scoped(scope) => json!({"kind": "scoped", "scopes": [scope_name(scope)]}),
        Access::Staff(scope) => json!({"kind": "staff", "scopes": [scope_name(scope)]}),
        Access::Owned { buyer, staff } => json!({
            "kind": "scoped",
            "scopes": [scope_name(buyer)],
            "staff_scopes": [scope_name(staff)],
        }),
    }
}

fn security(operation: &Operation) -> Value {
    if operation.error_form == ErrorForm::OAuth {
        return json!([]);
    }
    let mut ways = vec![json!({"bearer": []}), json!({"session": []})];
    if operation.ticket {
        ways.push(json!({"ticket": []}));
    }
    if operation.access == Access::Public {
        ways = vec![json!({}), json!({"publishableKey": []}), json!({"bearer": []})];
    }
    Value::Array(ways)
}

/// Forms of headers, as far as a pattern can say them.
const CHANNEL: &str = "^[A-Za-z0-9_-]{1,64}$";
const KEY: &str = "^(\"[!#-~]{1,253}\"|[!#-~]{1,255})$";
const TAG: &str = "^(\\*|(W/)?\"[!#-~]*\")$";
const TAGS: &str = "^(\\*|(W/)?\"[!#-~]*\"(, (W/)?\"[!#-~]*\")*)?$";

fn parameters(operation: &Operation) -> Vec<Value> {
    let parameter = |name: &str, place: &str, required: bool, about: &str, schema: Value| {
        json!({
            "name": name, "in": place, "required": required,
            "description": about, "schema": schema,
        })
    };
    let mut all = Vec::new();
    for param in operation.params {
        all.push(parameter(param.name, "path", true, param.about, param.schema()));
    }
    for param in operation.query {
        all.push(parameter(param.name, "query", false, param.about, param.schema()));
    }
    let text = || json!({"type": "string"});
    let form = |pattern: &str| json!({"type": "string", "pattern": pattern});
    if operation.need().tenant {
        let about = "A channel of the shop; the default one without it.";
        all.push(parameter("Channel", "header", false, about, form(CHANNEL)));
    }
    let key_schema = || form(KEY);
    match operation.idempotency {
        Idempotency::None => {}
        Idempotency::Key => {
            let about = "The key under which a repeat is recognised; kept 48 h.";
            all.push(parameter("Idempotency-Key", "header", true, about, key_schema()));
        }
        Idempotency::Natural => {
            let about = "Optional: the request has a natural key.";
            all.push(parameter("Idempotency-Key", "header", false, about, key_schema()));
        }
    }
    if operation.precondition != Precondition::None {
        let about = if operation.weak_match {
            "The version that is meant: \"v17\", or the tag of a read as it is: W/\"v17-..\"; `*`: \
             any, if it is there."
        } else {
            "The version that is meant: \"v17\"; `*`: any, if it is there."
        };
        all.push(parameter("If-Match", "header", false, about, form(TAG)));
        if operation.creates() {
            let about = "`*`: create, do not replace. Not together with If-Match.";
            let schema = json!({"type": "string", "enum": ["*"]});
            all.push(parameter("If-None-Match", "header", false, about, schema));
        }
    } else if operation.method == Method::Get && operation.error_form == ErrorForm::Problem {
        let about = "Tags that the reader has: 304 when one is current.";
        all.push(parameter("If-None-Match", "header", false, about, form(TAGS)));
    }
    if operation.wait.max_ms > 0 || operation.minimal {
        let about = "RFC 7240: wait=n, respond-async, return=minimal.";
        all.push(parameter("Prefer", "header", false, about, text()));
    }
    all
}

fn responses(route: &Route) -> Value {
    let operation = route.operation;
    let mut responses = serde_json::Map::new();
    for status in operation.statuses {
        let headers = success_headers(operation, *status);
        let mut response = json!({"description": meaning(*status), "headers": headers});
        let has_body = !matches!(*status, 204 | 302 | 303);
        if let Some(content) = (route.reply)().describe().filter(|_| has_body) {
            response["content"] = content;
        }
        let links = links::of(operation.id, *status);
        if !links.is_empty() {
            response["links"] = Value::Object(links);
        }
        responses.insert(status.to_string(), response);
    }
    if operation.minimal && operation.statuses.contains(&200) {
        let headers = success_headers(operation, 204);
        let described = json!({"description": meaning(204), "headers": headers});
        responses.entry("204").or_insert(described);
    }
    if is_conditional(operation) {
        let headers = success_headers(operation, 304);
        let described = json!({"description": meaning(304), "headers": headers});
        responses.insert("304".to_owned(), described);
    }
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    let has_body = (route.request)() != Content::None;
    for code in operation.all_codes(has_body) {
        by_status.entry(code.status().as_u16()).or_default().push(code);
    }
    for (status, codes) in by_status {
        let (media_type, schema) = match operation.error_form {
            ErrorForm::Problem => ("application/problem+json", "Problem"),
            ErrorForm::OAuth => ("application/json", "OAuthError"),
        };
        let schema = json!({"$ref": format!("#/components/schemas/{schema}")});
        let says_when = codes.iter().any(|code| code.retry_after_s().is_some());
        let codes: Vec<&str> = codes.into_iter().map(Code::as_str).collect();
        let described = json!({
            "description": codes.join(", "),
            "x-codes": codes,
            "headers": refusal_headers(operation, status, says_when),
            "content": {media_type: {"schema": schema}},
        });
        responses.insert(status.to_string(), described);
    }
    Value::Object(responses)
}

const fn meaning(status: u16) -> &'static str {
    match status {
        200 => "Done.",
        201 => "Created.",
        202 => "Accepted, not finished; Location, if it is there, says where to look.",
        204 => "Done; there is nothing to show.",
        302 | 303 => "Go to Location.",
        304 => "The reader's version is current.",
        _ => "See the description of the operation.",
    }
}

/// Whether it is a read that is answered 304 where the reader has what there is.
fn is_conditional(operation: &Operation) -> bool {
    let is_read = operation.method == Method::Get && operation.error_form == ErrorForm::Problem;
    is_read && operation.statuses.contains(&200) && operation.caching != Caching::Never
}

/// What a header is for.
fn header(about: &str) -> Value {
    json!({"description": about, "schema": schema_of::<String>()})
}

/// Headers of every answer; of one that a key can bring again, that it was brought again.
fn headers(operation: &Operation, is_kept: bool) -> Value {
    let mut headers = json!({"Request-Id": header("The number of the request.")});
    if is_kept && operation.idempotency != Idempotency::None {
        headers["Idempotent-Replayed"] = header("`true`: the stored answer to a repeat.");
    }
    headers
}

fn success_headers(operation: &Operation, status: u16) -> Value {
    let mut headers = headers(operation, true);
    if operation.is_located(status) {
        headers["Location"] = header("Where the thing stands.");
    }
    // What is taken away has no version any more.
    let is_there = matches!(status, 200..=202 | 304) || status == 204 && operation.minimal;
    if operation.is_tagged() && is_there {
        headers["ETag"] = header("The version, where the thing has one: \"v17\".");
    }
    if operation.query.iter().any(|param| param.name == "cursor") && matches!(status, 200 | 304) {
        headers["Link"] = header("`rel=\"next\"`: the next page, if there is one.");
    }
    if operation.wait.max_ms > 0 || operation.minimal {
        headers["Preference-Applied"] = header("Preferences that were honoured.");
    }
    headers
}

fn refusal_headers(operation: &Operation, status: u16, says_when: bool) -> Value {
    // Decided by the entity that keeps the key.
    let is_kept = matches!(status, 402..=404 | 409 | 410 | 412 | 422);
    let mut headers = headers(operation, is_kept);
    if says_when {
        headers["Retry-After"] = header("Seconds after which a retry may help.");
    }
    if status == 401 {
        headers["WWW-Authenticate"] = header("How to sign in.");
    }
    headers
}
