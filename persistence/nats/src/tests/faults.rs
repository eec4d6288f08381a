//! A server that is killed, frozen or emptied while events flow.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use ports::{BusSignal, CloudEvent, EventBus};

use super::server::{Server, events, wait, wait_up};
use crate::{NatsBus, NatsOptions};

/// What a stream holds: (subject's order, version) in the order of the stream.
async fn stored(server: &Server, stream: &str) -> Vec<(String, u64)> {
    use async_nats::jetstream::consumer::pull::OrderedConfig;
    let stream = server.stream(stream).await;
    let n = stream.cached_info().state.messages;
    let consumer = stream.create_consumer(OrderedConfig::default()).await.unwrap();
    let mut messages = consumer.messages().await.unwrap().take(usize::try_from(n).unwrap());
    let mut stored = Vec::new();
    while let Some(message) = messages.next().await {
        let message = message.unwrap();
        let version = message.headers.as_ref().unwrap().get("ce-sequence").unwrap();
        let order = message.subject.split('.').nth(3).unwrap().to_owned();
        stored.push((order, version.as_str().parse().unwrap()));
    }
    stored
}

/// Every event is there once, and the versions of each entity follow one another.
fn assert_whole(stored: &[(String, u64)], events: &[Arc<CloudEvent>]) {
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for (order, version) in stored {
        let last = last.entry(order).or_default();
        assert_eq!(*version, *last + 1, "{order}: in order, without a gap or a repeat");
        *last = *version;
    }
    assert_eq!(stored.len(), events.len(), "every event is there");
}

/// Publishes as a relay does: in batches, again from the first event without acknowledgement.
async fn relay(bus: &NatsBus, events: &[Arc<CloudEvent>], done: &AtomicUsize) {
    let mut next = 0;
    while next < events.len() {
        let end = events.len().min(next + 200);
        let start = Instant::now();
        match bus.publish(&events[next..end]).await {
            Ok(acks) => next += acks.len(),
            Err(error) => {
                next += error.acked.len();
                assert!(start.elapsed() < Duration::from_secs(4), "a publish never hangs");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        done.store(next, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarts_and_freezes_lose_repeat_and_reorder_nothing() {
    let mut server = Server::started().await;
    let options = NatsOptions { publish_timeout_ms: 700, ..server.options() };
    let bus = Arc::new(NatsBus::connect(options).await.unwrap());
    let events = Arc::new(events("h", 60_000, 50));
    let done = Arc::new(AtomicUsize::new(0));
    let task = {
        let (bus, events, done) = (Arc::clone(&bus), Arc::clone(&events), Arc::clone(&done));
        tokio::spawn(async move { relay(&bus, &events, &done).await })
    };
    let mut connection = 1;
    for (round, at) in [5_000, 15_000, 25_000, 35_000, 45_000].into_iter().enumerate() {
        wait(|| done.load(Ordering::SeqCst) > at).await;
        assert!(done.load(Ordering::SeqCst) < events.len(), "the fault comes amid events");
        if round % 2 == 0 {
            server.kill();
            server.start().await;
        } else {
            server.signal("STOP");
            tokio::time::sleep(Duration::from_millis(1500)).await;
            server.signal("CONT");
        }
        wait_up(&bus, connection).await;
        connection = bus.connection();
    }
    task.await.unwrap();
    assert_whole(&stored(&server, "ORDERS").await, &events);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_server_is_noticed_and_answers_errors_in_time() {
    let server = Server::started().await;
    let options = NatsOptions { publish_timeout_ms: 500, ..server.options() };
    let bus = NatsBus::connect(options).await.unwrap();
    let events = events("h", 600, 7);
    bus.publish(&events[..100]).await.unwrap();
    server.signal("STOP");
    let start = Instant::now();
    let error = bus.publish(&events[100..]).await.unwrap_err();
    assert_eq!(error.acked, [], "{error}");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(!bus.is_up(), "nothing is sent on this connection any more");
    assert!(bus.publish(&events[100..]).await.is_err());
    server.signal("CONT");
    wait_up(&bus, 1).await;
    let acks = bus.publish(&events[100..]).await.unwrap();
    assert_eq!(acks.len(), 500);
    assert_whole(&stored(&server, "ORDERS").await, &events);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_server_shows_by_its_sequences() {
    let mut server = Server::started().await;
    let bus = NatsBus::connect(server.options()).await.unwrap();
    let mut watcher = bus.watch();
    let events = events("h", 300, 7);
    let acks = bus.publish(&events[..200]).await.unwrap();
    assert_eq!(acks.last().unwrap().sequence, 200);
    let incarnation = acks[0].incarnation;
    let connection = bus.connection();
    server.kill_and_wipe();
    wait(|| !bus.is_up()).await;
    server.start().await;
    wait_up(&bus, connection).await;
    let state = bus.streams().await.unwrap()["ORDERS"];
    assert_eq!(state.last_sequence, 0, "made anew, empty");
    assert!(incarnation > 0 && state.incarnation > incarnation, "and another stream");
    let acks = bus.publish(&events[200..]).await.unwrap();
    assert_eq!(acks[0].sequence, 1, "lower than what was acknowledged before");
    assert_eq!(acks[0].incarnation, state.incarnation);
    // The relay goes back to the beginning; what is there already is known.
    let acks = bus.publish(&events).await.unwrap();
    assert!(acks[..200].iter().all(|ack| !ack.duplicate));
    assert!(acks[200..].iter().all(|ack| ack.duplicate));
    let mut resyncs = 0;
    let mut seen = 0;
    while let Ok(signal) = watcher.try_recv() {
        match signal {
            BusSignal::Event(_) => seen += 1,
            BusSignal::Resync => resyncs += 1,
        }
    }
    assert_eq!((resyncs, seen), (1, 500), "watchers are told of both");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_lost_its_end_and_grew_again_shows_by_what_stands_there() {
    let mut server = Server::started().await;
    let bus = NatsBus::connect(server.options()).await.unwrap();
    let events = events("h", 10, 3);
    bus.publish(&events[..6]).await.unwrap();
    server.kill();
    server.keep_files();
    wait(|| !bus.is_up()).await;
    server.start().await;
    wait_up(&bus, 1).await;
    let acks = bus.publish(&events[6..]).await.unwrap();
    let places = [6, 10, 11].map(|place| ("ORDERS".to_owned(), place));
    let id = |event: &Arc<CloudEvent>| Some(event.id.clone());
    assert_eq!(bus.ids(&places).await.unwrap(), [id(&events[5]), id(&events[9]), None]);
    let connection = bus.connection();
    server.kill_and_lose_newest();
    wait(|| !bus.is_up()).await;
    assert!(bus.ids(&places).await.is_err(), "nobody knows");
    server.start().await;
    wait_up(&bus, connection).await;
    let state = bus.streams().await.unwrap()["ORDERS"];
    assert_eq!((state.last_sequence, state.incarnation), (6, acks[0].incarnation), "the same");
    let others = super::server::events("other", 5, 1);
    bus.publish(&others).await.unwrap();
    let ids = bus.ids(&places).await.unwrap();
    assert_eq!(ids, [id(&events[5]), id(&others[3]), id(&others[4])]);
    // What was kept for its time, and what has no stream, is no stranger.
    server.stream("ORDERS").await.purge().sequence(8).await.unwrap();
    let asked = [("ORDERS".to_owned(), 6), ("NOWHERE".to_owned(), 1), places[1].clone()];
    assert_eq!(bus.ids(&asked).await.unwrap(), [None, None, id(&others[3])]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_deleted_is_made_again() {
    let server = Server::started().await;
    let bus = NatsBus::connect(server.options()).await.unwrap();
    let events = events("h", 10, 2);
    bus.publish(&events).await.unwrap();
    server.context().await.delete_stream("ORDERS").await.unwrap();
    let error = bus.publish(&events).await.unwrap_err();
    assert_eq!(error.acked, []);
    wait_up(&bus, 1).await;
    assert_eq!(bus.publish(&events).await.unwrap()[0].sequence, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_publishers_share_one_connection() {
    let server = Server::started().await;
    let bus = Arc::new(NatsBus::connect(server.options()).await.unwrap());
    let is_ok = Arc::new(AtomicBool::new(true));
    let mut tasks = Vec::new();
    for lane in 0..8 {
        let (bus, is_ok) = (Arc::clone(&bus), Arc::clone(&is_ok));
        tasks.push(tokio::spawn(async move {
            let events = events(&format!("lane{lane}"), 1000, 3);
            for batch in events.chunks(250) {
                let acks = bus.publish(batch).await.unwrap();
                let in_order = acks.is_sorted_by(|a, b| a.sequence < b.sequence);
                is_ok.fetch_and(in_order, Ordering::SeqCst);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert!(is_ok.load(Ordering::SeqCst));
    assert_eq!(bus.streams().await.unwrap()["ORDERS"].last_sequence, 8000);
}
