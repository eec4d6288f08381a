//! Contract of the bus: order, repeats, last sequence, watchers.

use std::sync::Arc;

use super::sample::event;
use crate::limits::PUBLISH_BATCH_MAX;
use crate::{BusSignal, CloudEvent, EventBus};

const STREAM: &str = "ORDERS";

/// Holds a bus to its promises. The stream `ORDERS` may hold events already, but none whose id
/// begins with `history`.
pub async fn bus(bus: &dyn EventBus, history: &str) {
    assert!(bus.is_up(), "the bus answers");
    assert!(bus.connection() > 0, "a bus that is up was connected to");
    let connection = bus.connection();
    let before = last_sequence(bus).await;
    let mut watcher = bus.watch();

    let n_events = u64::try_from(PUBLISH_BATCH_MAX).expect("fits");
    let events: Vec<Arc<CloudEvent>> =
        (1..=n_events).map(|n| event(history, &format!("o-{}", n % 3), n)).collect();
    let acks = bus.publish(&events).await.expect("the bus stores them");
    assert_eq!(acks.len(), events.len(), "one acknowledgement each");
    let mut expected = before;
    for ack in &acks {
        expected += 1;
        assert_eq!((ack.sequence, ack.duplicate), (expected, false), "in order, without a gap");
        assert_eq!(ack.stream, STREAM);
        assert_eq!(ack.incarnation, acks[0].incarnation, "one stream");
    }
    assert_eq!(last_sequence(bus).await, expected, "the stream's state agrees");
    let incarnation = bus.streams().await.expect("the bus answers")[STREAM].incarnation;
    assert!(incarnation > 0 && incarnation == acks[0].incarnation, "in its incarnation, too");

    let places = [before + 2, expected, expected + 1].map(|place| (STREAM.to_owned(), place));
    let ids = bus.ids(&places).await.expect("the bus answers");
    let of = |n: usize| Some(events[n].id.clone());
    assert_eq!(ids, [of(1), of(events.len() - 1), None], "what stands where");
    assert_eq!(bus.ids(&[("NOWHERE".into(), 1)]).await.expect("it answers"), [None]);

    let mut seen = Vec::new();
    while let Ok(signal) = watcher.try_recv() {
        match signal {
            BusSignal::Event(event) => seen.push(event),
            BusSignal::Resync => panic!("nothing was missed"),
        }
    }
    assert_eq!(seen, events, "a watcher sees them in order");

    let again = bus.publish(&events[1..3]).await.expect("a repeat is fine");
    assert!(again.iter().all(|ack| ack.duplicate), "a repeat is known: {again:?}");
    assert_eq!(last_sequence(bus).await, expected, "a repeat is not stored");
    assert_eq!(bus.publish(&[]).await.expect("nothing to do"), []);

    let mixed = [Arc::clone(&events[0]), event(history, "o-9", n_events + 1)];
    let acks = bus.publish(&mixed).await.expect("the bus stores them");
    let duplicates: Vec<bool> = acks.iter().map(|ack| ack.duplicate).collect();
    assert_eq!(duplicates, [true, false], "a repeat before a new one");
    assert_eq!(acks[1].sequence, expected + 1, "the new one follows");
    assert_eq!(bus.connection(), connection, "one connection");
}

async fn last_sequence(bus: &dyn EventBus) -> u64 {
    let streams = bus.streams().await.expect("the bus answers");
    streams.get(STREAM).map_or(0, |stream| stream.last_sequence)
}
