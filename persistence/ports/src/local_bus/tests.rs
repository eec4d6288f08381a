//! The bus in one process against the contract, its limits and its faults.

use super::*;
use crate::contract::{self, sample};

#[tokio::test]
async fn contract_holds() {
    let bus = LocalBus::default();
    contract::bus(&bus, "one").await;
    contract::bus(&bus, "two").await;
}

#[tokio::test]
async fn tail_and_window_are_bounded() {
    let bus = LocalBus::new(LocalBusOptions { tail_events_max: 4, watch_events_max: 2 });
    let events: Vec<_> = (1..=10).map(|n| sample::event("h", "o", n)).collect();
    bus.publish(&events).await.unwrap();
    let kept: Vec<u64> = bus.tail("ORDERS").iter().map(|(sequence, _)| *sequence).collect();
    assert_eq!(kept, [7, 8, 9, 10]);
    let window = bus.lock().streams["ORDERS"].window.len();
    assert_eq!(window, 4);
    let acks = bus.publish(&[Arc::clone(&events[9]), Arc::clone(&events[0])]).await.unwrap();
    assert_eq!((acks[0].duplicate, acks[0].sequence), (true, 10));
    assert_eq!((acks[1].duplicate, acks[1].sequence), (false, 11), "its id was forgotten");
    assert_eq!(bus.tail("NOTHING"), []);
}

#[tokio::test]
async fn a_watcher_that_lags_is_told() {
    let bus = LocalBus::new(LocalBusOptions { tail_events_max: 4, watch_events_max: 2 });
    let mut watcher = bus.watch();
    let events: Vec<_> = (1..=3).map(|n| sample::event("h", "o", n)).collect();
    bus.publish(&events).await.unwrap();
    assert!(matches!(watcher.recv().await, Err(broadcast::error::RecvError::Lagged(1))));
}

#[tokio::test]
async fn down_refuses_and_a_new_connection_resyncs() {
    let bus = LocalBus::default();
    let mut watcher = bus.watch();
    let events = [sample::event("h", "o", 1)];
    bus.set_down(true);
    assert!(!bus.is_up());
    let error = bus.publish(&events).await.unwrap_err();
    assert_eq!(error.acked, []);
    assert!(bus.streams().await.is_err());
    bus.set_down(false);
    assert_eq!(bus.connection(), 2);
    assert!(matches!(watcher.try_recv(), Ok(BusSignal::Resync)));
    assert_eq!(bus.publish(&events).await.unwrap()[0].sequence, 1, "nothing was stored before");
}

#[tokio::test]
async fn lost_acks_cut_and_twice() {
    let bus = LocalBus::default();
    let mut watcher = bus.watch();
    let events: Vec<_> = (1..=3).map(|n| sample::event("h", "o", n)).collect();
    bus.inject(PublishFault::LostAcks { n_acked: 1 });
    let error = bus.publish(&events).await.unwrap_err();
    assert_eq!(error.acked.len(), 1);
    assert_eq!(bus.tail("ORDERS").len(), 3, "all were stored");
    let acks = bus.publish(&events[1..]).await.unwrap();
    assert!(acks.iter().all(|ack| ack.duplicate));
    for _ in 0..3 {
        assert!(matches!(watcher.try_recv(), Ok(BusSignal::Event(_))));
    }
    assert!(watcher.try_recv().is_err(), "a repeat within the window is told once");

    let more: Vec<_> = (4..=6).map(|n| sample::event("h", "o", n)).collect();
    bus.inject(PublishFault::Cut { n_stored: 2 });
    let error = bus.publish(&more).await.unwrap_err();
    assert_eq!(error.acked.len(), 2);
    assert_eq!(bus.tail("ORDERS").len(), 5);

    bus.inject(PublishFault::Twice);
    bus.publish(&more[2..]).await.unwrap();
    let tail = bus.tail("ORDERS");
    assert_eq!(tail[5].1, tail[6].1, "stored twice");
    assert_eq!(bus.streams().await.unwrap()["ORDERS"].last_sequence, 7);
}

#[tokio::test]
async fn a_bus_that_was_cut_goes_on_from_there() {
    let bus = LocalBus::default();
    let events: Vec<_> = (1..=10).map(|n| sample::event("h", "o", n)).collect();
    bus.publish(&events).await.unwrap();
    let (connection, state) = (bus.connection(), bus.streams().await.unwrap()["ORDERS"]);
    bus.cut(25);
    assert_eq!(bus.connection(), connection + 1);
    let now = bus.streams().await.unwrap()["ORDERS"];
    assert_eq!((now.last_sequence, now.incarnation), (7, state.incarnation), "three of ten");
    let acks = bus.publish(&[Arc::clone(&events[9]), Arc::clone(&events[6])]).await.unwrap();
    assert_eq!((acks[0].sequence, acks[0].duplicate), (8, false), "it is not known any more");
    assert_eq!((acks[1].sequence, acks[1].duplicate), (7, true));
    let at = |place| ("ORDERS".to_owned(), place);
    let ids = bus.ids(&[at(7), at(8), at(9)]).await.unwrap();
    assert_eq!(ids, [Some("h.0:7".into()), Some("h.0:10".into()), None]);
    bus.inject(PublishFault::Twice);
    bus.publish(&events[7..8]).await.unwrap();
    bus.cut(1);
    let acks = bus.publish(&events[7..8]).await.unwrap();
    assert_eq!((acks[0].sequence, acks[0].duplicate), (9, true), "its first place is left");
}

#[tokio::test]
async fn a_wiped_bus_starts_anew() {
    let bus = LocalBus::default();
    let events: Vec<_> = (1..=3).map(|n| sample::event("h", "o", n)).collect();
    let before = bus.publish(&events).await.unwrap();
    let connection = bus.connection();
    bus.wipe();
    assert!(bus.connection() > connection);
    assert!(bus.streams().await.unwrap().is_empty());
    let acks = bus.publish(&events[2..]).await.unwrap();
    assert_eq!((acks[0].sequence, acks[0].duplicate), (1, false), "lower than before: wiped");
    assert_ne!(acks[0].incarnation, before[0].incarnation, "another stream of that name");
    assert_eq!(bus.streams().await.unwrap()["ORDERS"].incarnation, acks[0].incarnation);
}
