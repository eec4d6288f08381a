//! Many buyers for the last unit: one is confirmed, all others hear `out_of_stock`.

use crate::node::{Client, Node};

const BUYERS: usize = 1_000;
/// Guests that share the buying: each buys with its own carts.
const GUESTS: usize = 50;

#[test]
fn a_thousand_buyers_for_the_last_unit() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(buy());
}

async fn buy() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start(data.path());
    let staff = Client::service(&node).await;
    assert!(staff.is_ready(&node).await);
    let count = serde_json::json!({"location": "main", "count": 1, "reason": "count"});
    let path = "/v1/stock/demo-007/adjustments";
    let counted =
        staff.send("POST", path, &[("idempotency-key", "one")], Some(count)).await.unwrap();
    assert_eq!(counted.status, 200, "{counted:?}");
    let mut guests = Vec::new();
    for _ in 0..GUESTS {
        guests.push(Client::guest(&node).await);
    }
    let mut buyers = tokio::task::JoinSet::new();
    for n in 0..BUYERS {
        let guest = guests[n % GUESTS].clone();
        buyers.spawn(async move {
            let name = format!("last-unit-{n:04}");
            let body = guest.prepare(&name, "demo-007", 1).await.unwrap();
            guest.place(&name, &body).await.unwrap()
        });
    }
    let (mut confirmed, mut refused) = (0, 0);
    while let Some(answer) = buyers.join_next().await {
        let answer = answer.unwrap();
        match answer.status {
            201 => {
                assert_eq!(answer.body["status"], "confirmed", "{answer:?}");
                confirmed += 1;
            }
            409 => {
                assert_eq!(answer.body["code"], "out_of_stock", "{answer:?}");
                assert_eq!(answer.body["lines"][0]["available"], 0, "{answer:?}");
                refused += 1;
            }
            _ => panic!("neither sold nor sold out: {answer:?}"),
        }
    }
    assert_eq!((confirmed, refused), (1, BUYERS - 1));
    let stock = staff.send("GET", "/v1/stock/demo-007", &[], None).await.unwrap();
    let at = &stock.body["locations"][0];
    assert_eq!((at["committed"].as_i64(), at["sellable"].as_i64()), (Some(1), Some(0)), "{at}");
    assert_eq!(node.terminate(), Some(0));
}
