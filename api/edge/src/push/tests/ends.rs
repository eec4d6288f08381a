//! Ends: age, tickets, shedding, drain, clients that do not read, connections that close.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::rig::{PATIENCE, Reader, Rig, events_of};
use crate::push::Pace;
use crate::settings;
use crate::state::EdgeLimits;

async fn expect_bye(reader: &mut Reader, reason: &str, retry: u64) {
    let mut block = reader.next().await.expect("a bye comes");
    while block.event != "bye" {
        block = reader.next().await.expect("a bye comes");
    }
    assert_eq!(block.data["reason"], reason);
    assert_eq!(block.data["reconnect_ms"], retry);
    assert_eq!((block.retry, block.id), (Some(retry), None));
    assert_eq!(reader.next().await, None, "nothing comes after bye");
}

#[actix_web::test]
async fn an_old_stream_says_bye() {
    let rig = Rig::new().await;
    let order = rig.order("ada", "cart-0001").await;
    rig.set(settings::STREAM_MAX_AGE_MS, 500);
    let bearer = format!("Bearer {}", rig.token("ada").await);
    let began = Instant::now();
    let mut reader = rig.open(&events_of(&order), &[("authorization", &bearer)]).await;
    expect_bye(&mut reader, "too_old", 3_000).await;
    let age = began.elapsed();
    assert!((400..2_000).contains(&age.as_millis()), "{age:?}");
    rig.until_all_are_gone().await;
}

#[actix_web::test]
async fn a_stream_ends_with_its_credential() {
    let rig = Rig::new().await;
    rig.world.edge.streams().set_pace(Pace { look_ms: 50, ..Pace::default() });
    let order = rig.order("ada", "cart-0001").await;
    let token = rig.token("ada").await;
    let topic = format!("orders/{}", crate::dto::order_id(&order));
    let ticket = rig.ticket(&token, &topic).await;
    let path = format!("{}?ticket={ticket}", events_of(&order));
    let mut reader = rig.open(&path, &[]).await;
    assert_eq!(reader.event().await.event, "order.status");
    rig.world.pass_s(899);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(rig.world.edge.streams().n_open(), 1, "a second is left");
    rig.world.pass_s(1);
    expect_bye(&mut reader, "ticket_expired", 3_000).await;
    // An EventSource that comes back with the same URL hears it again, with 200.
    let mut reader = rig.open(&path, &[]).await;
    expect_bye(&mut reader, "ticket_expired", 3_000).await;
}

#[actix_web::test]
async fn a_revoked_credential_ends_its_stream() {
    let rig = Rig::new().await;
    rig.world.edge.streams().set_pace(Pace { look_ms: 50, ..Pace::default() });
    let order = rig.order("ada", "cart-0001").await;
    let token = rig.token("ada").await;
    let bearer = format!("Bearer {token}");
    let mut reader = rig.open(&events_of(&order), &[("authorization", &bearer)]).await;
    assert_eq!(reader.event().await.event, "order.status");
    let form = format!("token={token}&client_id=demo-web");
    let revoked = rig.world.send(crate::testing::post("/oauth/revoke").form(&form)).await;
    assert_eq!(revoked.status, 200, "{}", revoked.text());
    expect_bye(&mut reader, "ticket_expired", 3_000).await;
    let response = rig.get(&events_of(&order), &[("authorization", &bearer)]).await;
    assert_eq!(response.status().as_u16(), 401);
}

#[actix_web::test]
async fn a_full_node_sheds_and_keeps_what_it_has() {
    let rig = Rig::new().await;
    let order = rig.order("ada", "cart-0001").await;
    rig.set(settings::STREAMS_MAX, 1);
    let bearer = format!("Bearer {}", rig.token("ada").await);
    let headers = [("authorization", bearer.as_str())];
    let mut first = rig.open(&events_of(&order), &headers).await;
    assert_eq!(first.event().await.event, "order.status");
    let mut second = rig.open(&events_of(&order), &headers).await;
    expect_bye(&mut second, "shed", 15_000).await;
    let mut third = rig.open("/v1/me/events", &headers).await;
    expect_bye(&mut third, "shed", 15_000).await;
    rig.shake(&order).await;
    assert_eq!(first.event().await.event, "order.status");
    assert_eq!(rig.world.edge.streams().n_open(), 1);
}

/// A 503 would close an EventSource for good.
#[actix_web::test]
async fn a_node_that_is_full_of_requests_sheds_and_refuses_no_stream() {
    let rig = Rig::new().await;
    let order = rig.order("ada", "cart-0001").await;
    let bearer = format!("Bearer {}", rig.token("ada").await);
    let headers = [("authorization", bearer.as_str())];
    rig.world.edge.set_limits(EdgeLimits { rate_limit: 0, in_flight_max: 0 });
    assert_eq!(rig.get("/v1/me/orders", &headers).await.status().as_u16(), 503);
    for path in [events_of(&order), "/v1/me/events".to_owned()] {
        let mut reader = rig.open(&path, &headers).await;
        expect_bye(&mut reader, "shed", 15_000).await;
    }
    // One place is enough for many streams: each has it while it opens only.
    rig.world.edge.set_limits(EdgeLimits { rate_limit: 0, in_flight_max: 1 });
    let mut readers = Vec::new();
    for n_open in 1..=2 {
        let mut reader = rig.open(&events_of(&order), &headers).await;
        assert_eq!(reader.event().await.event, "order.status");
        readers.push(reader);
        assert_eq!(rig.world.edge.streams().n_open(), n_open);
    }
    assert_eq!(rig.world.edge.n_in_flight(), 0);
}

#[actix_web::test]
async fn who_asks_too_often_is_shed_and_not_closed_for_good() {
    let rig = Rig::new().await;
    let order = rig.order("ada", "cart-0001").await;
    let bearer = format!("Bearer {}", rig.token("ada").await);
    let headers = [("authorization", bearer.as_str())];
    rig.world.edge.set_limits(EdgeLimits { rate_limit: 1, ..EdgeLimits::default() });
    let mut n_plain = 0;
    while rig.get("/v1/me/orders", &headers).await.status().as_u16() != 429 {
        n_plain += 1;
        assert!(n_plain < 10, "the quota is used up");
    }
    for path in [events_of(&order), "/v1/me/events".to_owned()] {
        let mut reader = rig.open(&path, &headers).await;
        expect_bye(&mut reader, "shed", 15_000).await;
    }
    // Who is nobody is still told so.
    assert_eq!(rig.get("/v1/me/events", &[]).await.status().as_u16(), 401);
}

#[actix_web::test]
async fn a_drain_says_bye_to_all() {
    let rig = Rig::new().await;
    let order = rig.order("ada", "cart-0001").await;
    let bearer = format!("Bearer {}", rig.token("ada").await);
    let headers = [("authorization", bearer.as_str())];
    let mut readers = Vec::new();
    for _ in 0..10 {
        readers.push(rig.open(&events_of(&order), &headers).await);
    }
    readers.push(rig.open("/v1/me/events", &headers).await);
    assert_eq!(rig.world.edge.streams().n_open(), 11);
    let handle = rig.handle.clone();
    let began = Instant::now();
    let drain = actix_web::rt::spawn(async move { handle.drain().await });
    for reader in &mut readers {
        expect_bye(reader, "drained", 3_000).await;
    }
    drain.await.unwrap();
    assert_eq!(rig.world.edge.streams().n_open(), 0);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[actix_web::test]
async fn a_drain_answers_who_waits_for_a_change() {
    let rig = Rig::new().await;
    let order = rig.order("ada", "cart-0001").await;
    let bearer = format!("Bearer {}", rig.token("ada").await);
    let path = format!("/v1/orders/{}", crate::dto::order_id(&order));
    let seen = rig.get(&path, &[("authorization", &bearer)]).await;
    let tag = seen.headers()["etag"].to_str().unwrap().to_owned();
    let headers =
        [("authorization", bearer.as_str()), ("if-none-match", &tag), ("prefer", "wait=20")];
    let began = Instant::now();
    let handle = rig.handle.clone();
    let drain = async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        handle.drain().await;
    };
    let (polled, ()) = futures_util::future::join(rig.get(&path, &headers), drain).await;
    assert_eq!(polled.status().as_u16(), 304);
    assert_eq!(polled.headers()["etag"], tag.as_str());
    let waited = began.elapsed();
    assert!((300..4_000).contains(&waited.as_millis()), "{waited:?}");
}

#[actix_web::test]
async fn heartbeats_find_a_client_that_went_away() {
    let rig = Rig::new().await;
    let order = rig.order("ada", "cart-0001").await;
    rig.set(settings::HEARTBEAT_MS, 100);
    let bearer = format!("Bearer {}", rig.token("ada").await);
    let mut reader = rig.open(&events_of(&order), &[("authorization", &bearer)]).await;
    assert_eq!(reader.event().await.event, "order.status");
    for _ in 0..3 {
        assert_eq!(reader.next().await.unwrap().comment.as_deref(), Some("hb"));
    }
    assert_eq!(rig.world.edge.streams().n_open(), 1);
    drop(reader);
    rig.until_all_are_gone().await;
}

/// Opens a stream and never reads it, while the order changes, until the node cuts it. The
/// client's socket holds little, so that the node's own buffers fill soon.
async fn is_cut(pace: Pace) {
    let rig = Rig::new().await;
    let order = rig.order("ada", "cart-0001").await;
    rig.world.edge.streams().set_pace(pace);
    let token = rig.token("ada").await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let address = rig.base.strip_prefix("http://").unwrap();
    let mut client = socket.connect(address.parse().unwrap()).await.unwrap();
    let path = events_of(&order);
    let head =
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    let began = Instant::now();
    let mut n_shakes = 0;
    while rig.world.edge.streams().n_open() == 0 {
        assert!(began.elapsed() < PATIENCE, "the stream opens");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    while rig.world.edge.streams().n_open() > 0 {
        assert!(began.elapsed() < PATIENCE * 3, "not cut after {n_shakes} changes");
        rig.shake(&order).await;
        n_shakes += 1;
    }
    // What the systems hold can still be read; then the connection is at its end.
    let mut rest = Vec::new();
    let end = tokio::time::timeout(PATIENCE, client.read_to_end(&mut rest)).await;
    drop(end.expect("the connection was closed"));
    // Far less than what was written for it: states were skipped.
    assert!(rest.len() < 512 * 1024, "{} bytes were on their way", rest.len());
    assert!(!rest.is_empty());
}

#[actix_web::test]
async fn a_client_that_does_not_read_is_cut() {
    is_cut(Pace { unsent_ms: 400, look_ms: 50, ..Pace::default() }).await;
}

#[actix_web::test]
async fn a_state_that_waits_too_long_ends_the_stream() {
    is_cut(Pace { slot_ms: 400, look_ms: 50, ..Pace::default() }).await;
}
