//! Operations that come later: refused in the words of the interface, after every check.

use super::rig::Rig;
use crate::testing::{Answer, ask, get, post};

#[actix_web::test]
async fn what_comes_later_is_refused_and_changes_nothing() {
    let rig = Rig::new().await;
    let (alice, bob) = (rig.buyer("alice").await, rig.buyer("bob").await);
    let order = rig.cod_order(&alice, "cart-later").await;
    let path = format!("/v1/orders/{}", order.json()["id"].as_str().unwrap());
    let body = r#"{"method":"card","return_url":"http://127.0.0.1/back"}"#;
    for part in ["payments", "amendments", "returns", "refunds"] {
        let uri = format!("{path}/{part}");
        let staff = part == "refunds";
        let token = if staff { &rig.staff } else { &alice };
        let keyed =
            |token: &str| post(&uri).bearer(token).header("idempotency-key", part).json(body);
        let refused = rig.send(keyed(token)).await;
        assert_eq!(refused.brief(), "409 invalid_state", "{part}: {}", refused.text());
        assert_eq!(refused.json()["state"], "confirmed");
        let keyless = rig.send(post(&uri).bearer(token).json(body)).await;
        assert_eq!(keyless.brief(), "400 idempotency_key_required");
        let nobody = rig.send(post(&uri).json(body)).await;
        assert_eq!(nobody.brief(), "401 unauthenticated");
        let foreign = rig.send(keyed(&bob)).await.brief();
        assert_eq!(foreign, if staff { "403 insufficient_scope" } else { "404 not_found" });
        if !staff {
            let stale = keyed(token).header("if-match", "\"v1\"");
            assert_eq!(rig.send(stale).await.brief(), "412 version_mismatch");
        }
    }
    let after = rig.send(get(&path).bearer(&alice)).await;
    let words = |order: &Answer| {
        let order = order.json();
        ["status", "payment_status", "fulfilment_status", "reason"].map(|word| order[word].clone())
    };
    assert_eq!(words(&after), words(&order));

    let id = "0".repeat(32);
    for (method, path) in [
        ("GET", format!("/v1/payments/pay_{id}")),
        ("POST", format!("/v1/payments/pay_{id}/complete")),
        ("GET", format!("/v1/returns/ret_{id}")),
        ("POST", format!("/v1/returns/ret_{id}/cancel")),
        ("POST", format!("/v1/returns/ret_{id}/decision")),
        ("POST", format!("/v1/returns/ret_{id}/receipts")),
        ("POST", format!("/v1/returns/ret_{id}/inspection")),
        ("GET", format!("/v1/refunds/rfd_{id}")),
        ("POST", format!("/v1/refunds/rfd_{id}/approval")),
    ] {
        let asked = ask(method, &path).bearer(&rig.staff).header("idempotency-key", "k");
        assert_eq!(rig.send(asked).await.brief(), "404 not_found", "{method} {path}");
        let nobody = rig.send(ask(method, &path)).await;
        assert_eq!(nobody.brief(), "401 unauthenticated", "{method} {path}");
    }
}
