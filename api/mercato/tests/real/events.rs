//! `--nats`: events reach a real server, also one that comes later, and a drain leaves none behind.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use nats::{NatsBus, NatsOptions};
use ports::EventBus;
use serde_json::Value;
use tempfile::TempDir;

use crate::node::{Client, Node, until};

/// A nats-server of the test's own.
struct Server {
    port: u16,
    dir: TempDir,
    child: Option<Child>,
}

impl Server {
    fn new() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { port, dir: tempfile::tempdir().unwrap(), child: None }
    }

    fn start(&mut self) {
        let program = std::env::var("MERCATO_TEST_NATS_SERVER")
            .expect("MERCATO_TEST_NATS_SERVER names a nats-server program");
        let child = Command::new(program)
            .args(["-a", "127.0.0.1", "-p", &self.port.to_string(), "-js", "-sd"])
            .arg(self.dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Events in a stream; none while it does not answer.
    async fn count(&self, stream: &str) -> u64 {
        let options = NatsOptions { url: self.url(), ..NatsOptions::default() };
        let bus = NatsBus::connect(options).await.unwrap();
        bus.streams().await.map_or(0, |streams| streams[stream].last_sequence)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn readiness(client: &Client, node: &Node) -> (u16, Value) {
    let answer = client.at(&node.admin).get("/readyz").await;
    (answer.status, answer.body)
}

#[tokio::test(flavor = "multi_thread")]
async fn events_reach_a_server_that_comes_late_and_goes_meanwhile() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::new();
    let node = Node::start(data.path(), &["--nats", &server.url()]);
    let client = Client::guest(&node).await;

    let (status, body) = readiness(&client, &node).await;
    assert_eq!((status, body["status"].as_str()), (200, Some("degraded")), "{body}");
    let first = client.order("cart-early", "demo-001").await.unwrap();
    assert_eq!(first.status, 201, "orders do not need the bus: {first:?}");

    server.start();
    let ready = |seen: &(u16, Value)| seen.1["status"] == "ready";
    until(|| readiness(&client, &node), ready).await;
    let version = first.body["version"].as_u64().unwrap();
    let at_least = |n: u64| move |count: &u64| *count >= n;
    let before = until(|| server.count("ORDERS"), at_least(version)).await;

    server.stop();
    until(|| readiness(&client, &node), |seen| seen.1["status"] == "degraded").await;
    let second = client.order("cart-while-away", "demo-001").await.unwrap();
    assert_eq!(second.status, 201, "{second:?}");
    server.start();
    let version = second.body["version"].as_u64().unwrap();
    until(|| server.count("ORDERS"), at_least(before + version)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_publishes_what_it_answered() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::new();
    server.start();
    let node = Node::start(data.path(), &["--nats", &server.url()]);
    let client = Client::guest(&node).await;
    let placed = client.order("cart-last", "demo-002").await.unwrap();
    assert_eq!(placed.status, 201, "{placed:?}");
    node.signal("TERM");
    assert_eq!(node.wait().await, Some(0));
    let version = placed.body["version"].as_u64().unwrap();
    // One order was placed: its events are all that there is.
    let count = server.count("ORDERS").await;
    assert!(count >= version, "{count} events of an order at version {version}");
}

#[test]
fn options_that_cannot_work_are_refused_at_the_start() {
    for (option, value, named) in
        [("--nats", "no url at all", "nats.url"), ("--log", "edge=loud", "edge=loud")]
    {
        let data = tempfile::tempdir().unwrap();
        let mut node = Node::command(data.path(), &[option, value]);
        let ended = node.stdout(Stdio::null()).output().unwrap();
        assert_eq!(ended.status.code(), Some(2), "{option} {value}");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(said.contains(named), "{option}: {said}");
    }
}
