//! The relay beside a running node: who wakes it, what it survives, how it ends.

use std::collections::BTreeSet;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use entity::{Cause, Principal, PrincipalKind, Scopes, Tenant, Timestamp};
use ports::StreamState;
use ports::{Ack, BusSignal, CloudEvent, EventBus, LocalBus, MemoryStore, PublishError};
use tokio::sync::broadcast;

use super::*;
use crate::ctx::{NoPeers, NodeId};
use crate::node::{Node, NodeOptions};
use crate::outbox::tests::toy::{NOTE, NoRandom, Note, TestClock, Text, key, settle, types};
use crate::region::Ask;

const START: u64 = 1_000_000;

struct World {
    store: MemoryStore,
    clock: Arc<TestClock>,
    bus: LocalBus,
    node: Node,
}

impl World {
    async fn new() -> Self {
        let clock = TestClock::at(START);
        let (store, bus) = (MemoryStore::new(4), LocalBus::default());
        let node = Node::start(ctx(&store, &clock), NodeOptions::default()).await.unwrap();
        Self { store, clock, bus, node }
    }

    async fn relay(&self) -> RelayHandle {
        self.relay_on(Arc::new(self.bus.clone())).await
    }

    async fn relay_on(&self, bus: SharedBus) -> RelayHandle {
        let commits = Arc::clone(self.node.commits());
        let options = RelayOptions { bus: BusKind::Server };
        Relay::start(self.node.ctx().clone(), commits, bus, options).await.unwrap()
    }

    /// Tells a note some words, one command each.
    async fn tell(&self, name: &str, words: &[&str]) {
        for word in words {
            let principal = Principal {
                tenant: Tenant::new("acme"),
                subject: "s".into(),
                kind: PrincipalKind::Customer,
                scopes: Scopes::ALL,
            };
            let cause = Cause::default();
            let ask = Ask { principal, cause, idempotency: None, wait_ms: 5_000 };
            let (key, command) = (key(NOTE, name), Text((*word).to_owned()));
            let told = self.node.region().ask::<Note>(&key, &command, ask);
            self.clock.during(told).await.unwrap();
        }
    }

    fn stored(&self) -> Vec<Arc<CloudEvent>> {
        let of = |stream| self.bus.tail(stream).into_iter().map(|(_, event)| event);
        of("ORDERS").chain(of("STOCK")).collect()
    }

    fn distinct(&self) -> usize {
        self.stored().iter().map(|event| event.id.clone()).collect::<BTreeSet<_>>().len()
    }
}

fn ctx(store: &MemoryStore, clock: &Arc<TestClock>) -> NodeCtx {
    NodeCtx {
        node: NodeId::new("n"),
        transport: Arc::new(NoPeers),
        clock: Arc::clone(clock) as _,
        random: Arc::new(NoRandom),
        store: Arc::new(store.clone()),
        types: types(),
    }
}

#[tokio::test]
async fn a_commit_wakes_an_idle_relay_at_once() {
    let world = World::new().await;
    let relay = world.relay().await;
    settle().await;
    world.tell("a", &["1"]).await;
    let now = crate::ctx::Clock::now(&*world.clock);
    settle().await;
    assert_eq!(world.stored().len(), 1);
    assert_eq!(crate::ctx::Clock::now(&*world.clock), now, "no time passed");
    assert_eq!(relay.state().n_published, 1);
    assert!(world.clock.during(relay.stop(1_000)).await);
}

#[tokio::test]
async fn events_wait_for_a_bus_that_is_down_and_leave_soon_after() {
    let world = World::new().await;
    let relay = world.relay().await;
    world.bus.set_down(true);
    world.tell("a", &["1", "2", "s3"]).await;
    world.clock.advance(30_000).await;
    let state = relay.state();
    assert!(!state.is_bus_up);
    assert_eq!(state.lag_events, 3);
    assert!((20_000..=31_000).contains(&state.oldest_ms), "{}", state.oldest_ms);
    assert!(!world.clock.during(relay.flush(100)).await, "it says so when it could not");
    world.bus.set_down(false);
    world.clock.advance(2 * limits::IDLE_POLL_MS).await;
    assert_eq!(world.stored().len(), 3, "a new connection ends the wait");
    assert!(world.clock.during(relay.flush(1_000)).await);
    let state = relay.state();
    assert_eq!((state.lag_events, state.oldest_ms, state.is_bus_up), (0, 0, true));
}

#[tokio::test]
async fn an_idle_relay_notices_a_wiped_bus() {
    let world = World::new().await;
    let relay = world.relay().await;
    world.tell("a", &["1", "2"]).await;
    assert!(world.clock.during(relay.flush(1_000)).await);
    world.bus.wipe();
    world.clock.advance(2 * limits::IDLE_POLL_MS).await;
    assert_eq!(world.stored().len(), 2);
    assert_eq!(relay.state().n_rewinds, 1);
}

#[tokio::test]
async fn a_relay_that_was_stopped_goes_on_where_it_ended() {
    let world = World::new().await;
    let relay = world.relay().await;
    world.tell("a", &["1", "2"]).await;
    assert!(world.clock.during(relay.stop(1_000)).await);
    assert!(!world.clock.during(relay.flush(1_000)).await, "it is over");
    world.tell("a", &["3"]).await;
    assert_eq!(world.stored().len(), 2);
    let next = world.relay().await;
    assert!(world.clock.during(next.flush(1_000)).await);
    assert_eq!((world.stored().len(), next.state().n_published), (3, 1), "nothing twice");
}

#[tokio::test]
async fn a_relay_ends_with_its_handle() {
    let world = World::new().await;
    drop(world.relay().await);
    settle().await;
    world.tell("a", &["1"]).await;
    world.clock.advance(1_000).await;
    assert_eq!(world.stored(), []);
}

#[tokio::test]
async fn what_a_crash_left_unsent_leaves_after_it() {
    let world = World::new().await;
    let relay = world.relay().await;
    world.tell("a", &["1", "2"]).await;
    world.bus.set_down(true);
    world.tell("a", &["3"]).await;
    world.tell("b", &["s1"]).await;
    drop(relay);
    world.node.stop().await;
    world.store.crash();
    world.bus.set_down(false);
    let node = Node::start(ctx(&world.store, &world.clock), NodeOptions::default()).await.unwrap();
    let world = World { node, ..world };
    let relay = world.relay().await;
    world.tell("a", &["4"]).await;
    assert!(world.clock.during(relay.flush(1_000)).await);
    assert_eq!(world.distinct(), 5);
    let of_a: Vec<u64> = world.bus.tail("ORDERS").iter().map(|(_, event)| event.version).collect();
    assert_eq!(of_a, [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_replay_gives_the_same_bytes_again() {
    let world = World::new().await;
    let relay = world.relay().await;
    world.tell("a", &["1", "s2"]).await;
    world.clock.advance(500).await;
    world.tell("b", &["1", "2", "s3"]).await;
    assert!(world.clock.during(relay.flush(1_000)).await);
    let before = world.stored();
    assert_eq!(before.len(), 5);

    let request =
        |stream: Option<&str>, from| ReplayRequest { stream: stream.map(str::to_owned), from };
    for (wanted, request) in [
        (5, request(None, ReplayFrom::Beginning)),
        (3, request(Some("ORDERS"), ReplayFrom::Beginning)),
        (3, request(None, ReplayFrom::Time(Timestamp(START + 400)))),
        (1, request(Some("STOCK"), ReplayFrom::Time(Timestamp(START + 400)))),
        (5, request(None, ReplayFrom::Time(Timestamp(0)))),
        (0, request(None, ReplayFrom::Time(Timestamp(START + 9_000)))),
        (0, request(Some("ORDERS"), ReplayFrom::Sequence(9))),
    ] {
        world.bus.inject(ports::local_bus::PublishFault::Twice);
        let published = relay.state().n_published;
        world.clock.during(relay.replay(request.clone())).await.unwrap();
        world.clock.advance(300).await;
        let progress = relay.state().replay.unwrap();
        assert!(progress.is_over && progress.failed.is_none(), "{progress:?}");
        assert_eq!((progress.n_published, progress.n_commits_left), (wanted, 0), "{request:?}");
        assert_eq!(relay.state().n_published - published, wanted, "{request:?}");
    }
    assert!(world.stored().iter().all(|event| before.contains(event)), "other bytes");
    assert_eq!(relay.state().n_rewinds, 0);
    let nowhere = world.clock.during(relay.replay(request(None, ReplayFrom::Sequence(1)))).await;
    assert_eq!(nowhere, Err(ReplayError::NoStream));
}

#[tokio::test]
async fn one_replay_at_a_time() {
    let world = World::new().await;
    let relay = world.relay().await;
    world.tell("a", &["1"]).await;
    assert!(world.clock.during(relay.flush(1_000)).await);
    let all = ReplayRequest { stream: None, from: ReplayFrom::Beginning };
    world.bus.set_down(true);
    world.clock.during(relay.replay(all.clone())).await.unwrap();
    assert_eq!(world.clock.during(relay.replay(all.clone())).await, Err(ReplayError::Busy));
    world.bus.set_down(false);
    world.clock.advance(2 * limits::IDLE_POLL_MS).await;
    assert!(relay.state().replay.unwrap().is_over);
    world.clock.during(relay.replay(all)).await.unwrap();
}

/// A bus that fails as only a bug does, once.
struct Buggy {
    bus: LocalBus,
    n_left: AtomicU32,
    seen: StdMutex<u32>,
}

#[async_trait]
impl EventBus for Buggy {
    async fn publish(&self, events: &[Arc<CloudEvent>]) -> Result<Vec<Ack>, PublishError> {
        *self.seen.lock().unwrap() += 1;
        let left = self.n_left.fetch_sub(1, Ordering::SeqCst);
        assert!(left != 1, "a bug of the bus");
        self.bus.publish(events).await
    }

    fn connection(&self) -> u64 {
        self.bus.connection()
    }

    fn is_up(&self) -> bool {
        self.bus.is_up()
    }

    async fn streams(
        &self,
    ) -> Result<std::collections::BTreeMap<String, StreamState>, PublishError> {
        self.bus.streams().await
    }

    async fn ids(&self, places: &[(String, u64)]) -> Result<Vec<Option<String>>, PublishError> {
        self.bus.ids(places).await
    }

    fn watch(&self) -> broadcast::Receiver<BusSignal> {
        self.bus.watch()
    }
}

#[tokio::test]
async fn a_relay_that_panicked_begins_anew() {
    let world = World::new().await;
    let (bus, n_left) = (world.bus.clone(), AtomicU32::new(2));
    let buggy = Arc::new(Buggy { bus, n_left, seen: StdMutex::default() });
    let relay = world.relay_on(Arc::clone(&buggy) as _).await;
    world.tell("a", &["1"]).await;
    world.clock.advance(10).await;
    world.tell("a", &["2"]).await;
    world.clock.advance(crate::outbox::task::RESTART_MS + 10).await;
    assert!(world.clock.during(relay.flush(1_000)).await);
    assert_eq!(world.distinct(), 2);
    assert!(*buggy.seen.lock().unwrap() >= 3);
}

#[tokio::test]
async fn a_relay_whose_bus_has_no_readers_flushes_and_ends() {
    let world = World::new().await;
    let options = ports::LocalBusOptions { tail_events_max: 0, ..Default::default() };
    let bus = LocalBus::new(options);
    let (ctx, commits) = (world.node.ctx().clone(), Arc::clone(world.node.commits()));
    let options = RelayOptions { bus: BusKind::InProcess };
    let relay = Relay::start(ctx, commits, Arc::new(bus.clone()), options).await.unwrap();
    world.tell("a", &["1", "2", "3"]).await;
    assert!(world.clock.during(relay.flush(1_000)).await);
    assert_eq!((relay.state().lag_events, relay.state().n_published), (0, 0));
    world.tell("b", &["1"]).await;
    assert!(world.clock.during(relay.stop(1_000)).await, "all that is durable counts as out");
    assert_eq!(bus.stream_names(), [] as [&str; 0]);
    // A server has none of it yet.
    let relay = world.relay().await;
    assert!(world.clock.during(relay.flush(1_000)).await);
    assert_eq!(relay.state().n_published, 4);
}
