//! 429 of every operation, on a node where each caller may ask twice a minute.

use serde_json::Value;

use super::found::Found;
use crate::api::operation::Operation;
use crate::api::stage::Stage;
use crate::api::{Demo, ask};

const SETTINGS: &str = "[edge]\nrate_limit = 2\n";

/// Asks every operation when the quota is used up.
pub(super) async fn ask_all(document: &Value, operations: &[Operation], found: &mut Found) {
    let demo = Demo::start(SETTINGS);
    // The two tokens use up what the address may ask; the principals have quotas of their own.
    let stage = Stage::bare(&demo).await;
    for operation in operations {
        let mut request = operation.request(&stage, document);
        if operation.access == "staff" {
            request = request.bearer(&stage.service);
        } else if operation.access != "public" {
            request = request.bearer(&stage.guest);
        }
        for _ in 0..3 {
            let answer = demo.send(&request).await;
            if answer.status == 429 {
                assert!(!answer.header("retry-after").is_empty(), "{}", operation.id);
                assert!(answer.header("ratelimit").contains("r=0"), "{}", operation.id);
                found.see(&operation.method, &operation.path, 429);
                break;
            }
        }
    }
    let other = demo.send(&ask("GET", "/v1/nothing")).await;
    assert_eq!(other.brief(), "404 not_found", "what is no operation has no quota");
    demo.assert_quiet();
}
