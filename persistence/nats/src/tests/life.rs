//! Contract, what a consumer sees, start without a server, what is refused.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ports::contract::{self, sample};
use ports::{BusSignal, CloudEvent, EventBus};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::server::{Server, events, wait_up};
use crate::{ConnectError, NatsBus, NatsOptions};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contract_holds() {
    let server = Server::started().await;
    let bus = NatsBus::connect(server.options()).await.unwrap();
    contract::bus(&bus, "first").await;
    contract::bus(&bus, "second").await;
    assert_eq!(bus.problem(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_sees_cloud_events_in_binary_mode() {
    let server = Server::started().await;
    let bus = NatsBus::connect(server.options()).await.unwrap();
    let event = sample::event("abcdefghij234567", "ord_x", 7);
    bus.publish(&[Arc::clone(&event)]).await.unwrap();
    let message = server.stream("ORDERS").await.get_raw_message(1).await.unwrap();
    assert_eq!(message.subject.as_str(), "orders.v1.acme.ord_x.placed");
    assert_eq!(message.payload, event.data);
    let header = |name: &str| message.headers.get(name).map(|value| value.as_str().to_owned());
    assert_eq!(header("Nats-Msg-Id").as_deref(), Some("abcdefghij234567.0:7"));
    assert_eq!(header("ce-type").as_deref(), Some("order.placed"));
    assert_eq!(header("ce-sequence").as_deref(), Some("00000000000000000007"));
    assert_eq!(header("ce-datacontenttype").as_deref(), Some("application/json"));
    assert_eq!(header("content-type"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_are_made_once_and_found_again() {
    let server = Server::started().await;
    let bus = NatsBus::connect(server.options()).await.unwrap();
    let streams = bus.streams().await.unwrap();
    let names: Vec<&str> = streams.keys().map(String::as_str).collect();
    assert_eq!(names, ["CUSTOMERS", "ORDERS", "PAYMENTS", "SHIPMENTS", "STOCK"]);
    assert!(streams.values().all(|state| state.last_sequence == 0));
    let config = server.stream("STOCK").await.cached_info().config.clone();
    assert_eq!(config.subjects, ["stock.v1.>"]);
    assert_eq!(config.duplicate_window, Duration::from_secs(120));
    drop(bus);
    // Age and copies are the operator's to change.
    let context = server.context().await;
    let changed = Duration::from_secs(3600);
    let config = async_nats::jetstream::stream::Config { max_age: changed, ..config };
    context.update_stream(config).await.unwrap();
    let options = NatsOptions { create_streams: false, ..server.options() };
    let bus = NatsBus::connect(options).await.unwrap();
    assert!(bus.is_up());
    assert_eq!(server.stream("STOCK").await.cached_info().config.max_age, changed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_configuration_and_missing_streams_are_refused() {
    let server = Server::started().await;
    let options = NatsOptions { create_streams: false, ..server.options() };
    let refused = NatsBus::connect(options).await.unwrap_err();
    assert!(refused.to_string().contains("ORDERS is missing"), "{refused}");
    drop(NatsBus::connect(server.options()).await.unwrap());
    let options = NatsOptions { duplicate_window_ms: 60_000, ..server.options() };
    let refused = NatsBus::connect(options).await.unwrap_err();
    assert!(matches!(refused, ConnectError::Refused(_)) && !refused.is_retryable());
    let text = refused.to_string();
    assert!(text.contains("ORDERS") && text.contains("duplicate_window"), "{text}");
    assert!(text.contains("120s") && text.contains("60s"), "{text}");
}

#[tokio::test]
async fn options_that_cannot_work_are_named() {
    let base = NatsOptions::default();
    for (key, options) in [
        ("url", NatsOptions { url: " , ".into(), ..base.clone() }),
        ("url", NatsOptions { url: "http://x".into(), ..base.clone() }),
        ("duplicate_window_ms", NatsOptions { duplicate_window_ms: 99, ..base.clone() }),
        ("max_age_ms", NatsOptions { max_age_ms: 1000, ..base.clone() }),
        ("n_replicas", NatsOptions { n_replicas: 0, ..base.clone() }),
        ("publish_timeout_ms", NatsOptions { publish_timeout_ms: 0, ..base.clone() }),
    ] {
        let error = NatsBus::connect(options).await.unwrap_err();
        assert!(matches!(error, ConnectError::Options { key: found, .. } if found == key));
    }
    let secret = NatsOptions { url: "nats://user:secret@x".into(), ..base };
    assert!(!format!("{secret:?}").contains("secret"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_told_who_comes() {
    let users = "users: [{user: admin, password: admin}, {user: shop, password: \"p@ss/w:rd\"}]";
    for (text, login, stranger) in
        [(users, "shop:p%40ss%2Fw%3Ard", "shop:wrong"), ("token: admin", "admin", "wrong")]
    {
        let server = Server::with_authorization(text).await;
        let as_whom = |login: &str| NatsOptions {
            url: format!("nats://{login}@127.0.0.1:{}", server.port),
            ..server.options()
        };
        let bus = NatsBus::connect(as_whom(login)).await.unwrap();
        assert_eq!(bus.problem(), None);
        assert_eq!(bus.publish(&events("u", 3, 1)).await.unwrap().len(), 3);
        for options in [as_whom(stranger), server.options()] {
            let bus = NatsBus::connect(options).await.unwrap();
            let problem = bus.problem().unwrap_or_default();
            assert!(problem.contains("authorization violation"), "{problem}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_takes_nothing_is_a_problem_until_it_takes_something() {
    let denied = "users: [{user: admin, password: admin}, \
        {user: shop, password: x, permissions: {publish: {deny: [\"orders.v1.>\"]}}}]";
    let server = Server::with_authorization(denied).await;
    let url = format!("nats://shop:x@127.0.0.1:{}", server.port);
    let bus = NatsBus::connect(NatsOptions { url, publish_timeout_ms: 300, ..server.options() })
        .await
        .unwrap();
    assert_eq!(bus.problem(), None);
    let events = events("d", 3, 1);
    let error = bus.publish(&events).await.unwrap_err();
    assert_eq!(error.acked, []);
    // It lets in again, and the problem stays, with what it complained of.
    for connection in 1..3 {
        wait_up(&bus, connection).await;
        let problem = bus.problem().unwrap_or_default();
        assert!(problem.to_lowercase().contains("permissions violation"), "{problem}");
        bus.publish(&events).await.unwrap_err();
    }
    wait_up(&bus, 3).await;
    // What it does take ends that.
    let of_stock = CloudEvent { domain: "stock", ..(*events[0]).clone() };
    bus.publish(&[Arc::new(of_stock)]).await.unwrap();
    assert_eq!(bus.problem(), None);
}

#[tokio::test]
async fn an_old_server_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    let old = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let info = concat!(
            r#"INFO {"server_id":"X","server_name":"x","version":"2.9.10","go":"1","host":"h","#,
            r#""port":1,"headers":true,"max_payload":1048576,"proto":1}"#,
            "\r\n"
        );
        socket.write_all(info.as_bytes()).await.unwrap();
        let mut bytes = [0; 4096];
        while socket.read(&mut bytes).await.is_ok_and(|n| n > 0) {
            socket.write_all(b"PONG\r\n").await.unwrap();
        }
    });
    let options = NatsOptions { url, ..NatsOptions::default() };
    let refused = NatsBus::connect(options).await.unwrap_err();
    assert!(refused.to_string().contains("2.9.10 is older than 2.10"), "{refused}");
    old.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_starts_without_a_server_and_makes_streams_when_it_comes() {
    let mut server = Server::new();
    let start = Instant::now();
    let bus = NatsBus::connect(server.options()).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(5), "a start never waits for the bus");
    assert!(!bus.is_up() && bus.problem().is_some());
    assert_eq!(bus.connection(), 0);
    let events = events("h", 3, 1);
    let error = bus.publish(&events).await.unwrap_err();
    assert_eq!(error.acked, []);
    assert!(bus.streams().await.is_err());
    let mut watcher = bus.watch();

    server.start().await;
    wait_up(&bus, 0).await;
    assert_eq!(bus.connection(), 1);
    assert!(matches!(watcher.try_recv(), Ok(BusSignal::Resync)));
    assert_eq!(bus.streams().await.unwrap().len(), 5);
    assert_eq!(bus.publish(&events).await.unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_is_too_large_leaves_the_connection_alone() {
    let server = Server::started().await;
    let bus = NatsBus::connect(server.options()).await.unwrap();
    let mut events = events("h", 3, 3);
    let mut large = (*events[1]).clone();
    large.data = vec![b'x'; 2 * 1024 * 1024];
    events[1] = Arc::new(large);
    let error = bus.publish(&events).await.unwrap_err();
    assert_eq!(error.acked.len(), 1);
    assert!(error.reason.contains("h.0:2"), "{error}");
    assert!(bus.is_up());
    assert_eq!(bus.publish(&events[2..]).await.unwrap()[0].sequence, 2);
    assert_eq!(bus.connection(), 1);
}
