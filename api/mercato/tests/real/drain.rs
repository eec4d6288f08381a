//! A drain under load: what was answered is there after the next start, and nothing is half done.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

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

/// A server that takes connections and never says a word.
fn silent_bus() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    (listener, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_starts_ends_when_it_is_told_to() {
    let data = tempfile::tempdir().unwrap();
    let (bus, url) = silent_bus();
    let mut command = Node::command(data.path(), &["--demo", "--nats", &url]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    // It has made the shop and waits for the server: seconds from its first word.
    bus.set_nonblocking(true).unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while bus.accept().is_err() {
        assert!(child.try_wait().unwrap().is_none() && Instant::now() < end, "it does not start");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let told = Instant::now();
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let status = child.wait().unwrap();
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((status.code(), said.as_str()), (Some(0), ""), "it did not get ready before");
    assert!(told.elapsed() < Duration::from_millis(1_500), "{:?}", told.elapsed());
    drop(Node::start(data.path(), &[]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_ends_in_its_time_whatever_hangs() {
    let data = tempfile::tempdir().unwrap();
    let (bus, url) = silent_bus();
    let file = data.path().join("mercato.toml");
    std::fs::write(&file, "drain_timeout_ms = 3000\ndrain_notice_ms = 300\n").unwrap();
    let store = data.path().join("data");
    let node = Node::start(&store, &["--nats", &url, "--config", file.to_str().unwrap()]);
    let client = Client::guest(&node).await;
    let placed = client.order("cart-hangs", SKU).await.unwrap();
    assert_eq!(placed.status, 201, "{placed:?}");
    // A request whose body never comes holds its connection open.
    let address = node.http.strip_prefix("http://").unwrap();
    let mut half = TcpStream::connect(address).unwrap();
    let head = b"POST /v1/orders HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n";
    half.write_all(head).unwrap();
    let told = Instant::now();
    node.signal("TERM");
    assert_eq!(node.wait().await, Some(0));
    assert!(told.elapsed() < Duration::from_millis(4_500), "{:?}", told.elapsed());
    assert!(told.elapsed() > Duration::from_millis(300), "there was no notice");
    drop(bus);
}

/// The answer to a read on a connection that is kept: its head and body.
fn read_on(connection: &mut TcpStream) -> String {
    connection.write_all(b"GET /v1/regions HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let (mut bytes, mut part) = (Vec::new(), [0; 64 * 1024]);
    loop {
        let n = connection.read(&mut part).unwrap();
        assert!(n > 0, "closed under a request, after {} bytes", bytes.len());
        bytes.extend_from_slice(&part[..n]);
        let Ok(answer) = String::from_utf8(bytes.clone()) else { continue };
        let Some((head, body)) = answer.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if length.is_some_and(|length| length.parse() == Ok(body.len())) {
            return answer;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_keeps_a_connection_is_told_to_leave_before_it_is_closed() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("mercato.toml");
    std::fs::write(&file, "drain_notice_ms = 2000\n").unwrap();
    let node = Node::start(&data.path().join("data"), &["--config", file.to_str().unwrap()]);
    let mut connection = TcpStream::connect(node.http.strip_prefix("http://").unwrap()).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let says_close = |answer: &str| answer.contains("connection: close\r\n");
    assert!(!says_close(&read_on(&mut connection)));
    node.signal("TERM");
    let end = Instant::now() + Duration::from_millis(1_500);
    while !says_close(&read_on(&mut connection)) {
        assert!(Instant::now() < end, "nobody is told");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(connection.read(&mut [0; 16]).unwrap(), 0, "the server closes it");
    assert_eq!(node.wait().await, Some(0));
}
