//! `kill -9` at random moments under load: what was acknowledged is there, the same bytes are
//! answered again, no version goes back, and the stock adds up (I4, I6, I7).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::node::{Client, Node};

/// Clients at work at the same time.
const CLIENTS: usize = 64;
/// A round with fewer acknowledgements does not count.
const ACKED_MIN: usize = 100;
/// SKUs that the clients buy from.
const SKUS: usize = 16;

/// An acknowledged order: its client, its key, its request, and the bytes of the answer.
struct Acked {
    client: usize,
    key: String,
    body: serde_json::Value,
    answer: String,
    order: String,
    version: u64,
}

/// Random bits without a dependency: the address space of the process is random enough here.
fn some_bits(round: u64) -> u64 {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u64(round);
    hasher.finish()
}

#[test]
fn nothing_acknowledged_is_lost_in_twenty_kills() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(rounds(20));
}

async fn rounds(n: u64) {
    let data = tempfile::tempdir().unwrap();
    let mut node = Node::start(data.path());
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(Client::guest(&node).await);
    }
    let mut sold: BTreeMap<String, u64> = BTreeMap::new();
    let (mut counted, mut round) = (0, 0);
    while counted < n {
        round += 1;
        assert!(round < 3 * n, "too few acknowledgements in most rounds");
        let acked = one_round(&node, &clients, round).await;
        node.kill();
        node = Node::start(data.path());
        clients = clients.iter().map(|client| client.at(&node)).collect();
        counted += u64::from(acked.len() >= ACKED_MIN);
        check(&clients, &acked).await;
        for order in &acked {
            let sku = format!("demo-{:03}", order.client % SKUS + 1);
            *sold.entry(sku).or_default() += 1;
        }
    }
    check_stock(&node, &sold).await;
    assert_eq!(node.terminate(), Some(0), "a drain ends cleanly");
}

/// Lets all clients order until the node is to be killed. Returns what was acknowledged.
async fn one_round(node: &Node, clients: &[Client], round: u64) -> Vec<Acked> {
    let stop = Arc::new(AtomicBool::new(false));
    let acks = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = clients
        .iter()
        .cloned()
        .enumerate()
        .map(|(index, client)| {
            let (stop, acks) = (Arc::clone(&stop), Arc::clone(&acks));
            tokio::spawn(async move {
                let mut acked = Vec::new();
                for n in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let name = format!("kill-{round}-{index}-{n}");
                    let sku = format!("demo-{:03}", index % SKUS + 1);
                    let Ok(body) = client.prepare(&name, &sku, 1).await else { break };
                    let Ok(answer) = client.place(&name, &body).await else { break };
                    if answer.status == 409 {
                        assert_eq!(answer.body["code"], "out_of_stock", "{answer:?}");
                        continue;
                    }
                    if answer.status != 201 {
                        assert!(answer.status >= 500, "{answer:?}");
                        continue;
                    }
                    acks.fetch_add(1, Ordering::Relaxed);
                    acked.push(Acked {
                        client: index,
                        key: name,
                        body,
                        order: answer.body["id"].as_str().unwrap().to_owned(),
                        version: answer.body["version"].as_u64().unwrap(),
                        answer: answer.text,
                    });
                }
                acked
            })
        })
        .collect();
    let wanted = ACKED_MIN as u64 + some_bits(round) % 50;
    for _ in 0..2_000 {
        if acks.load(Ordering::Relaxed) >= wanted {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The node dies while requests are in flight: clients stop because their next one fails.
    node.signal_kill();
    stop.store(true, Ordering::Relaxed);
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all
}

/// Every acknowledged order is there, not older than it was seen, and the key gives its bytes.
async fn check(clients: &[Client], acked: &[Acked]) {
    for order in acked {
        let client = &clients[order.client];
        let seen = client.send("GET", &format!("/v1/orders/{}", order.order), &[], None).await;
        let seen = seen.unwrap();
        assert_eq!(seen.status, 200, "an acknowledged order is gone: {seen:?}");
        assert!(seen.body["version"].as_u64().unwrap() >= order.version, "a version went back");
        assert_eq!(seen.body["status"], "confirmed", "{seen:?}");
    }
    // Replays fold an order's history, so a sample of them stands for all.
    for order in acked.iter().step_by(7) {
        let again = clients[order.client].place(&order.key, &order.body).await.unwrap();
        assert_eq!((again.status, again.text.as_str()), (201, order.answer.as_str()));
    }
}

/// I6: what is on hand is what was there, and at least what was acknowledged is committed.
async fn check_stock(node: &Node, sold: &BTreeMap<String, u64>) {
    let staff = Client::service(node).await;
    for (sku, acknowledged) in sold {
        let stock = staff.send("GET", &format!("/v1/stock/{sku}"), &[], None).await.unwrap();
        assert_eq!(stock.status, 200, "{stock:?}");
        let at = &stock.body["locations"][0];
        let count = |name: &str| at[name].as_i64().unwrap();
        assert_eq!(count("on_hand"), 1_000);
        assert_eq!(
            count("sellable"),
            count("on_hand") + count("oversell_limit")
                - count("safety")
                - count("held")
                - count("pinned")
                - count("committed"),
            "I6: {at}"
        );
        assert!(count("sellable") >= 0, "I6: {at}");
        let committed = u64::try_from(count("committed")).unwrap();
        assert!(committed >= *acknowledged, "{sku}: {committed} sold, {acknowledged} acknowledged");
    }
}
