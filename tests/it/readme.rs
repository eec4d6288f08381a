//! The README's lines, word for word: from a token to a delivered and paid order.

use std::process::Command;

use crate::node::Node;

/// The `index`-th shell block of the README.
fn block(index: usize) -> String {
    let text = include_str!("../../README.md");
    let block = text.split("```sh\n").nth(index + 1).expect("the README has the block");
    block.split("```").next().unwrap().to_owned()
}

#[test]
fn the_readme_says_how_to_run_and_to_test() {
    assert_eq!(block(0), "cargo run --release -- serve --demo\n");
    assert_eq!(block(2), "scripts/test\n");
}

#[test]
fn the_lines_lead_from_a_token_to_a_delivered_order() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start(data.path());
    let lines = block(1).replace("http://127.0.0.1:8080", &node.http);
    let told = format!("set -euo pipefail\n{lines}");
    let output = Command::new("bash").arg("-c").arg(told).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    for expected in [
        r#""object":"product","id":"product-01""#,
        r#""object":"cart","id":"cart-"#,
        r#""status":"dispatched""#,
        r#""status":"collected","receipt":"R-1""#,
        r#""status":"fulfilled""#,
        r#""payment_status":"paid","fulfilment_status":"delivered""#,
        r#""event":"order.delivered""#,
        r#""available":998"#,
    ] {
        assert!(text.contains(expected), "{expected} is not in:\n{text}");
    }
    assert!(!text.contains("\"code\":"), "a problem: {text}");
}
