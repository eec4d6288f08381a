//! The admin listener of the program: what is moved and put there outlives the process.

use serde_json::{Value, json};

use crate::node::{Client, Node, until};

const DAY_MS: u64 = 24 * 3600 * 1000;

async fn advance(admin: &Client, ms: u64) {
    let moved = admin.send("POST", "/demo/clock", &[], Some(json!({"advance_ms": ms}))).await;
    let moved = moved.unwrap();
    assert_eq!(moved.status, 200, "{moved:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_clock_takes_a_parcel_to_its_end_over_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start(data.path(), &[]);
    let (buyer, staff) = (Client::guest(&node).await, Client::service(&node).await);
    let placed = buyer.order("cart-of-a-parcel", "demo-003").await.unwrap();
    assert_eq!(placed.status, 201, "{placed:?}");
    let path = format!("/v1/orders/{}", placed.body["id"].as_str().unwrap());
    let parcels = format!("{path}/shipments");
    let parcel = until(|| staff.get(&parcels), |list| list.body["data"][0]["id"].is_string()).await;
    let parcel = parcel.body["data"][0]["id"].as_str().unwrap().to_owned();
    let sent = json!({"carrier": "post", "tracking_number": "T1"});
    let dispatch = format!("/v1/shipments/{parcel}/dispatch");
    let sent = staff.send("POST", &dispatch, &[("idempotency-key", "d")], Some(sent)).await;
    assert!(matches!(sent.unwrap().status, 200 | 202));
    let goods = |wanted: &'static str| {
        move |order: &crate::node::Answer| order.body["fulfilment_status"] == wanted
    };
    until(|| buyer.get(&path), goods("shipped")).await;

    advance(&staff.at(&node.admin), 9 * DAY_MS).await;
    node.signal("TERM");
    assert_eq!(node.wait().await, Some(0));
    let node = Node::start(data.path(), &[]);
    let (buyer, staff) = (buyer.at(&node.http), staff.at(&node.admin));
    assert_eq!(buyer.get(&path).await.body["fulfilment_status"], "shipped", "nine days are few");
    advance(&staff, 2 * DAY_MS).await;
    let received = until(|| buyer.get(&path), goods("delivered")).await;
    assert_eq!(received.body["shipments"][0]["status"], "auto_received", "{received:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_outlives_the_process_and_a_drain_ends_it() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start(data.path(), &[]);
    let staff = Client::service(&node).await;
    let admin = staff.at(&node.admin);
    let body = json!({"values": {"orders.t_pay_ms": 1_500}});
    let put = admin.send("PUT", "/admin/config", &[("if-match", "\"v0\"")], Some(body)).await;
    assert_eq!(put.unwrap().status, 200);
    let cluster = admin.get("/admin/cluster").await.body;
    assert_eq!(cluster["shards"].as_array().map(Vec::len), Some(64), "{cluster}");
    let name = cluster["nodes"][0]["name"].as_str().unwrap();
    let drain = admin.send("POST", &format!("/admin/nodes/{name}/drain"), &[], None).await;
    assert_eq!(drain.unwrap().status, 202);
    assert_eq!(node.wait().await, Some(0), "a drained node ends cleanly");

    let node = Node::start(data.path(), &[]);
    let admin = staff.at(&node.admin);
    let config = admin.get("/admin/config").await.body;
    assert_eq!(config["version"], 1);
    assert_eq!(config["values"]["orders.t_pay_ms"], 1_500);
    assert_eq!(config["values"]["edge.rate_limit"], 0, "a demo has no limit");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_demo_time_is_not_to_be_moved() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start_plain(data.path());
    let http = reqwest::Client::new();
    for (base, path, expected) in [
        (&node.admin, "/demo/clock", 404),
        (&node.admin, "/admin/config", 401),
        (&node.admin, "/readyz", 200),
        (&node.http, "/oauth/token", 404),
    ] {
        let answer = http.get(format!("{base}{path}")).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), expected, "{path}");
        let body: Value = answer.json().await.unwrap();
        assert!(expected != 404 || body["code"] == "not_found", "{path}: {body}");
    }
}
