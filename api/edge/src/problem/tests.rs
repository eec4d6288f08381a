//! Codes and bodies of refusals.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;

#[test]
fn every_code_is_its_own_and_has_an_error_status() {
    let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(names.len(), Code::ALL.len());
    for code in Code::ALL {
        let status = code.status();
        assert!(status.is_client_error() || status.is_server_error(), "{code:?}");
        assert!(!code.title().is_empty() && !code.title().ends_with('.'), "{code:?}");
        let retries = [408, 409, 429, 503].contains(&status.as_u16());
        assert!(!code.retryable() || retries, "{code:?} cannot be retryable");
    }
}

/// The table of interfaces.md 1 and 0.9, as text.
#[test]
fn the_codes_are_those_of_the_interface() {
    let table = "400 invalid_request, idempotency_key_required; 401 unauthenticated; \
        402 payment_declined; 403 insufficient_scope, csrf_failed, tenant_mismatch, \
        approval_required; 404 not_found; 405 method_not_allowed; 408 timeout; \
        409 out_of_stock, price_changed, reservation_timeout, cart_already_ordered, \
        invalid_state, insufficient_funds, purchase_limit, coupon_not_applicable, \
        not_refundable, bid_too_low, idempotency_in_progress; 410 reservation_expired; \
        412 version_mismatch; 413 too_large; 415 unsupported_media_type; \
        422 validation_failed, money_overflow, currency_mismatch, idempotency_key_reused; \
        428 precondition_required; 429 rate_limited; 500 internal; \
        503 over_capacity, unavailable";
    let mut expected = BTreeSet::new();
    for group in table.split("; ") {
        let (status, names) = group.split_once(' ').unwrap();
        expected.extend(names.split(", ").map(|name| format!("{status} {name}")));
    }
    let found: BTreeSet<String> = Code::ALL
        .iter()
        .map(|code| format!("{} {}", code.status().as_u16(), code.as_str()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_problem_holds_every_member() {
    let origin = Origin { number: 1, trace_id: [0xab; 16], path: "/v1/orders".to_owned() };
    let problem = Problem::failed("/lines/0/qty", "out_of_range", "must be from 1 to 9")
        .with("state", "confirmed");
    let body: serde_json::Value = serde_json::from_slice(&problem.body(&origin)).unwrap();
    assert_eq!(
        body,
        json!({
            "type": "urn:mercato:problem:validation_failed",
            "title": "A value is not valid", "status": 422,
            "detail": "/lines/0/qty: must be from 1 to 9",
            "instance": "/v1/orders", "code": "validation_failed",
            "request_id": "req_0000000000002", "trace_id": "ab".repeat(16),
            "retryable": false, "state": "confirmed",
            "errors": [{
                "pointer": "/lines/0/qty", "code": "out_of_range",
                "detail": "must be from 1 to 9",
            }],
        })
    );
    // What is not in the body has a name; its pointer is there and points at nothing of it.
    let problem = Problem::bad_parameter("limit", "out_of_range", "must be from 1 to 100");
    let body: serde_json::Value = serde_json::from_slice(&problem.body(&origin)).unwrap();
    let detail = "must be from 1 to 100";
    let fault =
        json!({"pointer": "", "parameter": "limit", "code": "out_of_range", "detail": detail});
    assert_eq!((&body["errors"], &body["status"]), (&json!([fault]), &json!(400)));
    assert_eq!(body["detail"], "limit: must be from 1 to 100");
    // RFC 9457: a text, also where nothing is said of this occurrence.
    let plain = Problem::new(Code::MethodNotAllowed).body(&origin);
    let plain: serde_json::Value = serde_json::from_slice(&plain).unwrap();
    assert_eq!(plain["detail"], "The method is not allowed here");
    // The same problem for the same request is the same in every byte: replays need it.
    assert_eq!(problem.body(&origin), problem.body(&origin));
}

#[test]
fn a_retry_is_told_in_whole_seconds() {
    let origin = Origin::unknown();
    let retry_after = |problem: Problem| {
        let response = problem.respond(&origin);
        response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned())
    };
    let busy = || Problem::new(Code::OverCapacity);
    assert_eq!(retry_after(busy()).as_deref(), Some("1"));
    assert_eq!(retry_after(busy().retry_after_ms(0)).as_deref(), Some("1"));
    assert_eq!(retry_after(busy().retry_after_ms(1_001)).as_deref(), Some("2"));
    assert_eq!(retry_after(Problem::new(Code::NotFound)), None);
}
