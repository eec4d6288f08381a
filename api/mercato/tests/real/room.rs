//! A disk with less room than is kept back: reads go on, commands are refused, nothing ends.

use crate::node::{Client, Node};

#[tokio::test(flavor = "multi_thread")]
async fn without_room_a_node_reads_and_refuses_commands() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let node = Node::start(&data, &[]);
    let client = Client::guest(&node).await;
    let placed = client.order("cart-000", "demo-001").await.unwrap();
    assert_eq!(placed.status, 201, "{placed:?}");
    let path = format!("/v1/orders/{}", placed.body["id"].as_str().unwrap());
    drop(node);

    // No disk has as much.
    let config = dir.path().join("mercato.toml");
    std::fs::write(&config, "[store]\nreserve_bytes = 9_000_000_000_000_000_000").unwrap();
    let node = Node::start(&data, &["--config", config.to_str().unwrap()]);
    let client = client.at(&node.http);
    let read = client.get(&path).await;
    assert_eq!((read.status, &read.body["status"]), (200, &"confirmed".into()), "{read:?}");
    let cart = serde_json::json!({"lines": [{"sku": "demo-001", "qty": 1}]});
    let new = [("if-none-match", "*")];
    let refused = client.send("PUT", "/v1/carts/cart-001", &new, Some(cart)).await.unwrap();
    assert_eq!((refused.status, &refused.body["code"]), (503, &"over_capacity".into()));
    let ready = client.at(&node.admin).get("/readyz").await;
    assert_eq!((ready.status, &ready.body["status"]), (200, &"degraded".into()), "{ready:?}");
    let store = &ready.body["checks"][0];
    assert!(store["detail"].as_str().unwrap().contains("commands are refused"), "{store}");
    node.signal("TERM");
    assert_eq!(node.wait().await, Some(0), "it drains like any other");
}
