//! Every operation of the served document is called by those who may not: nobody, a forged token,
//! too narrow a scope, a buyer in place of staff, another customer, another shop.
//!
//! The table is generated: an operation that is added to the document is in it. Nothing that was
//! refused may have changed anything.

use serde_json::Value;

use crate::api::operation::{Operation, operations};
use crate::api::stage::Stage;
use crate::api::{Answer, Demo};

/// Things that belong to a customer; the rest is the shop's.
const OWNED: &[&str] = &["/v1/carts/", "/v1/orders/", "/v1/shipments/"];

const NOT_FOUND: &[&str] = &["404 not_found"];
/// Each shop, and each customer's address book, has names of its own: to the stranger, the version
/// that is named is not there.
const NOT_THERE: &[&str] = &["404 not_found", "412 version_mismatch"];

/// What refusals a caller may get; `None`: the caller is no stranger here.
type Expected = Option<&'static [&'static str]>;

/// A caller who should be refused.
struct Stranger {
    name: &'static str,
    expected: fn(&Operation) -> Expected,
    /// The token; `None`: no header.
    token: fn(&Stage, &Narrow, &Operation) -> Option<String>,
    /// A publishable key to send along.
    api_key: Option<&'static str>,
}

/// Staff tokens with one scope each.
struct Narrow {
    orders_read: String,
    stock_read: String,
}

impl Narrow {
    /// A token of staff that lacks the operation's scope.
    fn without(&self, operation: &Operation) -> String {
        let lacks_orders = operation.scope.as_deref() == Some("orders:read");
        if lacks_orders { self.stock_read.clone() } else { self.orders_read.clone() }
    }
}

fn is_owned(operation: &Operation) -> bool {
    OWNED.iter().any(|prefix| operation.path.starts_with(prefix)) && operation.has_params()
}

/// What a buyer hears of another one's things. `placeOrder` names the cart in its body.
fn to_another_buyer(operation: &Operation) -> Expected {
    let is_theirs = is_owned(operation) || operation.id == "placeOrder";
    match (operation.access.as_str(), operation.method.as_str()) {
        ("scoped", "PUT") if operation.id == "putAddress" => Some(NOT_THERE),
        ("scoped", _) if is_theirs || operation.id == "deleteAddress" => Some(NOT_FOUND),
        (_, _) => None,
    }
}

/// What the buyer or staff of another shop hears.
fn to_another_shop(operation: &Operation) -> Expected {
    if operation.has_params() && operation.method == "PUT" {
        return Some(NOT_THERE);
    }
    if operation.id == "mergeCart" {
        // The guest's token in the body is of the wrong shop too, and looked at first.
        return Some(&["422 validation_failed"]);
    }
    let is_there = operation.has_params() || operation.id == "placeOrder";
    is_there.then_some(NOT_FOUND)
}

const STRANGERS: &[Stranger] = &[
    Stranger {
        name: "no token",
        expected: |operation| {
            (operation.access != "public").then_some(&["401 unauthenticated"] as _)
        },
        token: |_, _, _| None,
        api_key: None,
    },
    Stranger {
        name: "forged token",
        expected: |operation| (!operation.is_issuer).then_some(&["401 unauthenticated"] as _),
        token: |stage, _, _| {
            let (signed, _) = stage.alice.rsplit_once('.').unwrap();
            Some(format!("{signed}.{}", "A".repeat(86)))
        },
        api_key: None,
    },
    Stranger {
        name: "scope missing",
        expected: |operation| operation.scope.is_some().then_some(&["403 insufficient_scope"] as _),
        token: |_, narrow, operation| Some(narrow.without(operation)),
        api_key: None,
    },
    Stranger {
        name: "buyer for staff",
        expected: |operation| {
            (operation.access == "staff").then_some(&["403 insufficient_scope"] as _)
        },
        token: |stage, _, _| Some(stage.alice.clone()),
        api_key: None,
    },
    Stranger {
        name: "another customer",
        expected: to_another_buyer,
        token: |stage, _, _| Some(stage.bob.clone()),
        api_key: None,
    },
    Stranger {
        name: "a guest",
        expected: to_another_buyer,
        token: |stage, _, _| Some(stage.guest.clone()),
        api_key: None,
    },
    Stranger {
        name: "another shop's buyer",
        expected: |operation| {
            if operation.access == "staff" { None } else { to_another_shop(operation) }
        },
        token: |stage, _, _| Some(stage.carol.clone()),
        api_key: None,
    },
    Stranger {
        name: "another shop's staff",
        expected: to_another_shop,
        token: |stage, _, _| Some(stage.service_2.clone()),
        api_key: None,
    },
    Stranger {
        name: "key of another shop",
        expected: |operation| (!operation.is_issuer).then_some(&["403 tenant_mismatch"] as _),
        token: |stage, _, _| Some(stage.service.clone()),
        api_key: Some("pk_demo2"),
    },
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_refuses_strangers() {
    let demo = Demo::start("");
    let stage = Stage::furnish(&demo).await;
    let document = demo.document().await;
    let narrow = Narrow {
        orders_read: demo.service("demo-service", "orders:read").await,
        stock_read: demo.service("demo-service", "stock:read").await,
    };
    let before = stage.look(&demo).await;
    let mut wrong = Vec::new();
    let mut table = String::new();
    for operation in operations(&document) {
        let mut row = format!("{:<22}", operation.id);
        for stranger in STRANGERS {
            let found = match (stranger.expected)(&operation) {
                None => "-".to_owned(),
                Some(expected) => {
                    let answer =
                        call(&demo, &stage, &narrow, &document, &operation, stranger).await;
                    check_form(&operation, &answer);
                    if !expected.contains(&answer.brief().as_str()) {
                        let (name, id) = (stranger.name, &operation.id);
                        let (status, text) = (answer.status, &answer.text);
                        wrong.push(format!("{id}: {name}: {status} {text}, not {expected:?}"));
                    }
                    answer.status.to_string()
                }
            };
            row.push_str(&format!(" {found:>5}"));
        }
        table.push_str(&row);
        table.push('\n');
    }
    let names: Vec<&str> = STRANGERS.iter().map(|stranger| stranger.name).collect();
    eprintln!("columns: {}\n{table}", names.join(" | "));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let after = stage.look(&demo).await;
    assert_eq!(before, after, "what was refused changed something");
    demo.assert_well().await;
    demo.assert_quiet();
}

async fn call(
    demo: &Demo,
    stage: &Stage,
    narrow: &Narrow,
    document: &Value,
    operation: &Operation,
    stranger: &Stranger,
) -> Answer {
    let mut request = operation.request(stage, document);
    if let Some(token) = (stranger.token)(stage, narrow, operation) {
        request = request.bearer(&token);
    }
    if let Some(key) = stranger.api_key {
        request = request.header("api-key", key);
    }
    demo.send(&request).await
}

/// A refusal is a problem document that names its status, and 401 says what is wanted.
fn check_form(operation: &Operation, answer: &Answer) {
    if answer.status < 400 || operation.is_issuer {
        return;
    }
    let id = &operation.id;
    assert_eq!(answer.header("content-type"), "application/problem+json", "{id}");
    assert_eq!(answer.body["status"], answer.status, "{id}");
    let challenge = answer.header("www-authenticate");
    assert_eq!(challenge.starts_with("Bearer"), answer.status == 401, "{id}: {challenge}");
}

/// The owner is let in by every read, or the refusals above would prove nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_read_lets_its_owner_in() {
    let demo = Demo::start("");
    let stage = Stage::furnish(&demo).await;
    let document = demo.document().await;
    for operation in operations(&document) {
        if operation.method != "GET" || operation.is_issuer {
            continue;
        }
        // A WebSocket and a session need more than a token.
        let expected = match operation.id.as_str() {
            "openSocket" => 400,
            "getSession" => 404,
            // The first type and the first version of the document are not of one schema.
            "getEventSchema" => 404,
            // The stage has none of it.
            _ if operation.has_params() && operation.filled(&stage) == operation.of_nothing() => {
                404
            }
            _ => 200,
        };
        let token = if operation.access == "staff" { &stage.service } else { &stage.alice };
        let mut request = operation.request(&stage, &document);
        if operation.access != "public" {
            request = request.bearer(token);
        }
        let answer = demo.send(&request).await;
        assert_eq!(answer.status, expected, "{}: {}", operation.id, answer.text);
    }
    demo.assert_quiet();
}
