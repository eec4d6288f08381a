//! A drain under load: what was answered is there after the next start, and nothing is half done.

use std::time::Duration;

use crate::node::{Client, Node};

/// Buyers at once.
const N_BUYERS: usize = 32;
/// The SKU that all of them want; the demo has 1,000 units of it.
const SKU: &str = "demo-007";

/// Orders until the node is gone; ids and versions of what was answered.
async fn buy(client: Client, buyer: usize) -> Vec<(String, u64)> {
    let mut placed = Vec::new();
    for number in 0.. {
        match client.order(&format!("cart-{buyer:03}-{number:03}"), SKU).await {
            Ok(answer) if answer.status == 201 => {
                let id = answer.body["id"].as_str().unwrap().to_owned();
                placed.push((id, answer.body["version"].as_u64().unwrap()));
            }
            // Refused while it drains, or gone.
            Ok(answer) => {
                assert!(matches!(answer.status, 202 | 409 | 503), "{answer:?}");
                if answer.status == 503 {
                    break;
                }
            }
            Err(_) => break,
        }
    }
    placed
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_a_drain_under_load() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start(data.path(), &[]);
    let client = Client::guest(&node).await;
    let buyers: Vec<_> =
        (0..N_BUYERS).map(|buyer| tokio::spawn(buy(client.clone(), buyer))).collect();
    tokio::time::sleep(Duration::from_millis(700)).await;
    node.signal("TERM");
    assert_eq!(node.wait().await, Some(0), "a drain ends cleanly");
    let mut placed = Vec::new();
    for buyer in buyers {
        placed.extend(buyer.await.unwrap());
    }
    assert!(placed.len() >= N_BUYERS, "only {} orders: that is no load", placed.len());

    let node = Node::start(data.path(), &[]);
    let client = client.at(&node.http);
    for (id, version) in &placed {
        let order = client.get(&format!("/v1/orders/{id}")).await;
        assert_eq!(order.status, 200, "{id} was answered: {order:?}");
        assert!(order.body["version"].as_u64().unwrap() >= *version, "{id} went back");
        assert_eq!(order.body["status"], "confirmed", "{order:?}");
    }
    let staff = Client::service(&node).await;
    let stock = staff.get(&format!("/v1/stock/{SKU}")).await.body;
    let at = |name: &str| stock["locations"][0][name].as_u64().unwrap();
    assert_eq!(at("on_hand"), 1_000);
    assert!(at("committed") >= placed.len() as u64, "{stock}");
    let taken = at("held") + at("pinned") + at("committed");
    assert_eq!(stock["available"].as_u64().unwrap(), 1_000 - taken, "{stock}");
}
