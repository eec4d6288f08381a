//! The timeline of an order that has more entries than it keeps.

use commerce::order::TIMELINE_KEPT;
use serde_json::{Value, json};

use super::rig::Rig;
use crate::testing::{get, post};

/// Every entry, page after page.
async fn whole(rig: &Rig, token: &str, path: &str) -> Vec<Value> {
    let (mut entries, mut uri) = (Vec::new(), format!("{path}?limit=90"));
    loop {
        let page = rig.send(get(&uri).bearer(token)).await;
        assert_eq!(page.status, 200, "{uri}: {}", page.text());
        let page = page.json();
        entries.extend(page["data"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { return entries };
        assert_eq!(page["data"].as_array().unwrap().len(), 90);
        uri = format!("{path}?limit=90&cursor={next}");
    }
}

#[actix_web::test]
async fn a_timeline_is_paged_from_its_first_entry() {
    let rig = Rig::new().await;
    let (alice, bob) = (rig.buyer("alice").await, rig.buyer("bob").await);
    let order = rig.cod_order(&alice, "cart-long").await;
    let path = format!("/v1/orders/{}/timeline", order.json()["id"].as_str().unwrap());
    let parcel = format!("/v1/shipments/{}", rig.shipment(&order).await);
    let tell = |what: &str, body: Value| {
        post(&format!("{parcel}/{what}")).bearer(&rig.staff).json(&body.to_string())
    };
    let dispatch = tell("dispatch", json!({"carrier": "post", "tracking_number": "T1"}));
    assert_eq!(rig.send(dispatch.header("idempotency-key", "d")).await.status, 200);
    let before = whole(&rig, &alice, &path).await;
    assert_eq!((&before[0]["seq"], &before[0]["event"]), (&json!(1), &json!("order.placed")));
    // Each scan is an entry: with what stands there, more than the order keeps.
    let at = &order.json()["created_at"];
    for n in 0..TIMELINE_KEPT {
        let scan = json!({"event_id": format!("s{n}"), "status": "in_transit", "at": at});
        let answer = rig.send(tell("tracking", scan)).await;
        assert_eq!(answer.status, 200, "{n}: {}", answer.text());
    }
    let mut after = Vec::new();
    for _ in 0..300 {
        after = whole(&rig, &alice, &path).await;
        if after.len() >= before.len() + TIMELINE_KEPT {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(after.len(), before.len() + TIMELINE_KEPT, "every entry, and each once");
    assert_eq!(after[..before.len()], before[..], "the first ones are as they were");
    let seqs: Vec<u64> = after.iter().map(|entry| entry["seq"].as_u64().unwrap()).collect();
    assert!(seqs.is_sorted_by(|one, next| one < next), "{seqs:?}");
    let shown = rig.send(get(path.trim_end_matches("/timeline")).bearer(&alice)).await.json();
    let newest = shown["timeline"].as_array().unwrap();
    assert_eq!(after[after.len() - newest.len()..], newest[..], "as the order itself shows them");
    assert_eq!(rig.send(get(&path).bearer(&bob)).await.brief(), "404 not_found");
}
