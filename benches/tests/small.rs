//! The benches in small: the same functions as the measurements, with numbers that take seconds.
//!
//! Peers and nodes are real ones; one that is missing fails its test (`scripts/servers env`).

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use benches::books::{Books, OrderEntry};
use benches::echo::EchoServer;
use benches::events;
use benches::http::node::HttpNode;
use benches::http::{self, Client, Echoing, Exchange};
use benches::load::{Steps, Until};
use benches::orders::{self, Size};
use benches::peers::postgres::{Postgres, Way};
use benches::peers::redis::Redis;
use benches::report::{Goal, Row, table};
use benches::sim::{self, Load};
use benches::workload::Workload;

const BENCHES: &str = env!("CARGO_BIN_EXE_benches");
const RESIDENT: &str = env!("CARGO_BIN_EXE_resident");

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(work)
}

fn small() -> Size {
    Size {
        warm_up: Until::Orders(20),
        closed: Until::Orders(150),
        open: Some((200, Duration::from_millis(500))),
    }
}

/// All orders are confirmed, each once, whatever the switches; books and outbox say so.
fn check(workload: Workload, chaining: bool, steps: Steps) {
    let run = block_on(orders::run(workload, chaining, steps, &[4, 16], small())).unwrap();
    assert_eq!(run.n_orders, 20 + 2 * 150 + 100);
    assert_eq!(run.hash, run.reference);
    assert_eq!(run.n_confirmed_events, run.n_orders);
    for name in ["closed4", "closed16"] {
        let measured = run.phase(name).unwrap();
        assert_eq!(measured.n_orders, 150, "{name}");
        assert!(measured.n_syncs > 0 && measured.syncs() < 10.0, "{name}: {measured:?}");
        assert!(measured.latency_ms(99.0) >= measured.latency_ms(50.0), "{name}");
        assert!(measured.latency_ms(50.0) > 0.0, "{name}: an order takes time");
    }
    assert_eq!(run.phase("open200").unwrap().n_orders, 100);
}

#[test]
fn uniform_orders_end_as_the_reference_says() {
    check(Workload::uniform(40), true, Steps::AtOnce);
}

#[test]
fn so_they_do_without_chaining_and_in_three_round_trips() {
    check(Workload::uniform(40), false, Steps::OneByOne);
}

#[test]
fn hot_orders_end_as_the_reference_says() {
    check(Workload::hot(2), true, Steps::AtOnce);
}

#[test]
fn the_hash_tells_books_apart() {
    let workload = Workload::uniform(10);
    let books = Books::reference(&workload, 100);
    assert_eq!(books.hash(), Books::reference(&workload, 100).hash());
    let changes: [fn(&mut Books); 4] = [
        |books| drop(books.orders.remove(&7)),
        |books| books.orders.get_mut(&7).unwrap().payable += 1,
        |books| books.orders.get_mut(&7).unwrap().status = "cancelled".to_owned(),
        |books| books.stock.get_mut(&3).unwrap().committed -= 1,
    ];
    for change in changes {
        let mut other = books.clone();
        change(&mut other);
        assert_ne!(other.hash(), books.hash());
    }
    // A unit more on one SKU for a unit less on another is another state.
    let mut swapped = books.clone();
    swapped.stock.get_mut(&3).unwrap().committed -= 1;
    swapped.stock.get_mut(&4).unwrap().committed += 1;
    assert_ne!(swapped.hash(), books.hash());
    let entry = OrderEntry { status: "confirmed".into(), ..books.orders[&0].clone() };
    assert_eq!(entry, books.orders[&0], "stock is ample, so every order is confirmed");
}

#[test]
fn the_workload_is_a_function_of_the_number() {
    let workload = Workload::uniform(1_000);
    let mut n_lines = [0; 4];
    for number in 0..3_000 {
        let plan = workload.plan(number);
        assert_eq!(plan, workload.plan(number));
        let mut skus: Vec<u32> = plan.lines.iter().map(|line| line.sku).collect();
        skus.sort_unstable();
        skus.dedup();
        assert_eq!(skus.len(), plan.lines.len(), "SKUs of an order differ");
        n_lines[skus.len()] += 1;
    }
    assert_eq!(n_lines, [0, 1_000, 1_000, 1_000]);
    let hot = Workload::hot(2);
    assert_eq!(hot.plan(0).lines[0].sku, 0);
    assert_eq!(hot.plan(hot.n_orders_max() - 1).lines[0].sku, 1);
}

#[test]
fn a_row_is_one_line_of_json() {
    let row = Row::new("a/b", 12_345.678, "orders/s", "two cores").beside("peer", 2_000.0);
    let missed = row.clone().goal(Goal::AtLeast(7.0));
    let line = missed.json();
    assert!(!line.contains('\n'));
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    let keys = ["name", "value", "unit", "peer", "peer_value", "ratio", "goal", "conditions"];
    assert_eq!(value.as_object().unwrap().len(), keys.len());
    assert!(keys.iter().all(|key| value.get(key).is_some()), "{line}");
    assert_eq!(value["value"], 12_350.0);
    assert_eq!(value["ratio"], 6.175);
    assert_eq!(value["goal"], "ratio >= 7");
    assert_eq!(missed.is_reached(), Some(false));
    assert_eq!(row.clone().goal(Goal::AtLeast(6.0)).is_reached(), Some(true));
    assert_eq!(row.is_reached(), None);
    assert_eq!(Row::hash("h", "ab", "ab", "").is_reached(), Some(true));
    assert_eq!(Row::hash("h", "ab", "ac", "").is_reached(), Some(false));
    let alone: serde_json::Value =
        serde_json::from_str(&Row::new("a", 1.0, "ms", "").json()).unwrap();
    assert!(alone["peer"].is_null() && alone["ratio"].is_null() && alone["goal"].is_null());
    assert!(table(&[missed]).lines().last().unwrap().ends_with("MISSED"));
}

#[test]
fn the_log_holds_every_event_that_was_counted() {
    let time = Duration::from_millis(200);
    for n_group in [1, 100] {
        let dir = tempfile::tempdir().unwrap();
        let written = block_on(events::log(dir.path(), n_group, time)).unwrap();
        assert!(written.n_events >= n_group as u64);
        assert_eq!(block_on(events::n_stored(dir.path())).unwrap(), written.n_events);
        let dir = tempfile::tempdir().unwrap();
        assert!(events::fjall(dir.path(), n_group, time).unwrap().n_events > 0);
        let file = events::file(dir.path(), n_group, time).unwrap();
        let n_bytes = std::fs::metadata(dir.path().join("raw")).unwrap().len();
        assert!(file.n_events > 0 && n_bytes >= 200 * file.n_events);
    }
}

#[test]
fn entities_in_memory_are_counted() {
    let output = std::process::Command::new(RESIDENT).arg("2000").output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let (all, state) = (said["all"].as_f64().unwrap(), said["state"].as_f64().unwrap());
    assert!(state > 200.0, "a cart with an address takes more: {said}");
    assert!(all > state, "a resident is its state and what the runtime keeps of it: {said}");
}

#[test]
fn the_echo_server_says_as_much_as_it_is_asked_for() {
    block_on(async {
        let server = EchoServer::start(Path::new(BENCHES)).unwrap();
        let body = r#"{"a":1}"#.to_owned();
        let exchange = Exchange { headers: String::new(), body, n_reply_bytes: 1_000 };
        let client = Echoing::new(&server.address, vec![exchange]).await.unwrap();
        let served =
            http::closed(server.pid(), vec![client], Duration::from_millis(200)).await.unwrap();
        assert!(served.n_acts > 0 && served.latency_ms(50.0) > 0.0);
        let mut connection = benches::wire::Connection::open(&server.address).await.unwrap();
        let answer = connection.send("POST", "/echo/1000", "", r#"{"a":1}"#).await.unwrap();
        assert_eq!((answer.status, answer.body.len()), (200, 1_000));
        assert_eq!(answer.json()["a"], 1);
    });
}

/// Where cargo puts the node's program; `scripts/test` builds it before the tests.
fn node_binary() -> PathBuf {
    let dir = std::env::var_os("MERCATO_TEST_CARGO_BIN_DIR").map(PathBuf::from);
    let own = dir.map_or_else(|| PathBuf::from(BENCHES), |dir| dir.join("benches"));
    http::node_binary(&own).unwrap()
}

#[test]
fn orders_over_http_are_confirmed() {
    block_on(async {
        let node = HttpNode::start(&node_binary()).await.unwrap();
        let mut buyers = node.buyers(4).await.unwrap();
        buyers[0].act().await.unwrap();
        assert_eq!(buyers[0].exchanges().len(), 2);
        // Buyers who come later go on with the numbers.
        buyers.extend(node.buyers(2).await.unwrap());
        let served = http::closed(node.pid(), buyers, Duration::from_millis(500)).await.unwrap();
        assert!(served.n_acts >= 4);
    });
}

#[test]
fn postgresql_does_the_same_steps() {
    for workload in [Workload::uniform(50), Workload::hot(2)] {
        let postgres = Postgres::start(&workload).unwrap();
        for way in [Way::OneCall, Way::Statements] {
            let [orders_before, ..] = postgres.counts().unwrap();
            let rate = postgres.run(way, 4, Duration::from_secs(1)).unwrap();
            let [n_orders, is_sold, n_events] = postgres.counts().unwrap();
            assert!(rate.per_second > 0.0 && n_orders > orders_before, "{way:?}: {rate:?}");
            assert_eq!((is_sold, n_events), (1, n_orders), "{way:?}: holds, stock and outbox");
        }
    }
}

#[test]
fn redis_does_the_same_steps() {
    let redis = Redis::start(&Workload::uniform(50)).unwrap();
    let rate = redis.run(4, 2_000).unwrap();
    assert!(rate.per_second > 0.0 && rate.p50_ms.is_some() && rate.p99_ms.is_some(), "{rate:?}");
    // A key that was drawn twice is one order.
    let n_orders = redis.n_orders().unwrap();
    assert!((1_990..=2_000).contains(&n_orders), "{n_orders} orders");
}

#[test]
fn the_simulator_runs_and_is_measured() {
    let ran = sim::run(&node_binary(), Load::OneNode, 1_000, 1).unwrap();
    assert_eq!(ran.n_failed, 0, "{ran:?}");
    assert!(ran.n_orders > 100 && ran.n_events > 10 * ran.n_orders, "{ran:?}");
    assert!(ran.cpu >= Duration::from_millis(10) && ran.events_per_second() > 0.0, "{ran:?}");
    assert!((1.0..=4.0).contains(&ran.bytes_per_event()), "{ran:?}");
}
