//! Turns of the relay against a bus that fails in every way, one turn at a time.

mod faults;
mod server;

use std::collections::BTreeMap;
use std::sync::Arc;

use entity::{EntityKey, StepRecord};
use ports::local_bus::PublishFault;
use ports::{CloudEvent, EventBus, Journal, LocalBus, LocalBusOptions, MemoryStore};

use self::server::{Loss, Server};
use super::*;
use crate::ctx::{NoPeers, NodeCtx, NodeId};
use crate::outbox::tests::toy::{
    NOTE, NoRandom, SILENT, TestClock, commit, key, own, owned, step, types,
};
use crate::outbox::{Commits, events_of};
use crate::relay::{BusKind, RelayOptions, ReplayFrom};

const A: ShardId = ShardId(0);
const B: ShardId = ShardId(1);

/// A store, its entities and a bus; workers come and go.
struct World {
    store: MemoryStore,
    clock: Arc<TestClock>,
    bus: Arc<dyn EventBus>,
    versions: BTreeMap<EntityKey, u64>,
}

impl World {
    fn new(bus: Arc<dyn EventBus>) -> Self {
        let clock = TestClock::at(1_000_000);
        Self { store: MemoryStore::new(3), clock, bus, versions: BTreeMap::new() }
    }

    fn local() -> (Self, LocalBus) {
        let options = LocalBusOptions { tail_events_max: 100_000, watch_events_max: 8 };
        let bus = LocalBus::new(options);
        (Self::new(Arc::new(bus.clone())), bus)
    }

    async fn worker(&self) -> Worker {
        self.worker_on(BusKind::Server).await.unwrap()
    }

    async fn worker_on(&self, bus: BusKind) -> Result<Worker, StartError> {
        let ctx = NodeCtx {
            node: NodeId::new("n"),
            transport: Arc::new(NoPeers),
            clock: Arc::clone(&self.clock) as _,
            random: Arc::new(NoRandom),
            store: Arc::new(self.store.clone()),
            types: types(),
        };
        let durable = owned(&self.store).await;
        let history = ctx.store.history();
        let options = RelayOptions { bus };
        let state = Arc::default();
        let bus = Arc::clone(&self.bus);
        Worker::load(&Parts { ctx, bus, durable, options, history, state }).await
    }

    /// Commits a frame; each entry is one step of an entity of that name.
    async fn commit(&mut self, shard: ShardId, steps: &[(&str, &[&str])]) {
        let now = self.clock_now();
        let records: Vec<StepRecord> = steps
            .iter()
            .map(|(name, texts)| {
                let kind = if name.starts_with('q') { SILENT } else { NOTE };
                let key = key(kind, &format!("{name}-{}", shard.0));
                let version = self.versions.entry(key.clone()).or_default();
                let record = step(&key, *version, now, texts);
                *version += texts.len() as u64;
                record
            })
            .collect();
        commit(&self.store, shard, &records).await;
    }

    fn clock_now(&self) -> u64 {
        crate::ctx::Clock::now(&*self.clock).0
    }

    /// All events there ever were, by id.
    async fn expected(&self) -> BTreeMap<String, CloudEvent> {
        let store: SharedStore = Arc::new(self.store.clone());
        let mut all = BTreeMap::new();
        for shard in (0..store.n_shards()).map(ShardId) {
            for frame in store.read(shard, 1, usize::MAX).await.unwrap() {
                let events = events_of(&frame, &types(), &store.history()).unwrap();
                all.extend(events.into_iter().map(|e| (e.id.clone(), (*e).clone())));
            }
        }
        all
    }
}

impl Worker {
    /// Lets it read what another node commits.
    fn reads(&mut self, durable: &Arc<Commits>) {
        (self.parts.durable, self.journal) = (Arc::clone(durable), durable.reader());
    }

    /// Lets it see what was committed since.
    async fn catch_up(&mut self, world: &World) {
        own(&world.store, &self.parts.durable).await;
    }

    /// Turns until nothing is left. Panics when that takes too many.
    async fn run_dry(&mut self, world: &World) {
        self.catch_up(world).await;
        for _ in 0..10_000 {
            if self.turn().await == Turn::Idle {
                return;
            }
        }
        panic!("the relay goes on for ever");
    }

    fn commits(&self) -> Vec<u64> {
        self.lanes.iter().map(|lane| lane.now().commit_no).collect()
    }
}

/// Events of both streams in stream order.
fn stored(bus: &LocalBus) -> Vec<Arc<CloudEvent>> {
    let of = |stream| bus.tail(stream).into_iter().map(|(_, event)| event);
    of("ORDERS").chain(of("STOCK")).collect()
}

/// Every event is there, the same in every byte, and none before an earlier one of its entity.
fn assert_complete(stored: &[Arc<CloudEvent>], expected: &BTreeMap<String, CloudEvent>) {
    let mut seen: BTreeMap<(&str, &EntityKey), u64> = BTreeMap::new();
    let mut ids = std::collections::BTreeSet::new();
    for event in stored {
        assert_eq!(expected.get(&event.id), Some(&**event), "other bytes");
        if ids.insert(&event.id) {
            let last = seen.entry((event.domain, &event.key)).or_default();
            assert!(event.version > *last, "{} came after version {last}", event.id);
            *last = event.version;
        }
    }
    let missing: Vec<_> = expected.keys().filter(|id| !ids.contains(id)).collect();
    assert!(missing.is_empty(), "lost: {missing:?}");
}

#[tokio::test]
async fn everything_leaves_once_in_order_and_cursors_follow() {
    let (mut world, bus) = World::local();
    world.commit(A, &[("a", &["1", "s2"]), ("q", &["x"]), ("a", &["3"])]).await;
    world.commit(B, &[("q", &["x", "y"])]).await;
    world.commit(A, &[("b", &["1"])]).await;
    let mut worker = world.worker().await;
    assert_eq!(worker.turn().await, Turn::Moved(4));
    assert_eq!(worker.commits(), [2, 1, 0], "silent commits are passed over");
    assert_eq!(worker.turn().await, Turn::Idle);
    assert_complete(&stored(&bus), &world.expected().await);
    assert!(worker.save().await);
    world.commit(A, &[("a", &["4"])]).await;
    let mut next = world.worker().await;
    assert_eq!(next.turn().await, Turn::Moved(1), "a new process goes on after the saved cursor");
    assert_eq!(stored(&bus).len(), 5, "nothing twice");
}

#[tokio::test]
async fn a_run_of_silent_commits_is_passed_without_a_pause() {
    let (mut world, bus) = World::local();
    for _ in 0..3 {
        world.commit(A, &[("q", &["x"])]).await;
    }
    let mut worker = world.worker().await;
    assert_eq!(worker.turn().await, Turn::Passed);
    assert_eq!(worker.commits(), [3, 0, 0]);
    assert_eq!(worker.turn().await, Turn::Idle);
    assert_eq!(stored(&bus), []);
}

#[tokio::test]
async fn batches_share_their_room_among_shards() {
    let (mut world, bus) = World::local();
    let many: Vec<&str> = vec!["x"; 2_000];
    world.commit(A, &[("a", &many)]).await;
    world.commit(B, &[("b", &["1", "2"])]).await;
    world.commit(ShardId(2), &[("c", &["1"])]).await;
    let mut worker = world.worker().await;
    assert_eq!(worker.turn().await, Turn::Moved(ports::limits::PUBLISH_BATCH_MAX));
    assert_eq!(worker.commits()[1..], [1, 1], "small shards do not wait behind a large one");
    assert_eq!(worker.commits()[0], 0, "not all of its frame is acknowledged");
    assert_eq!(worker.lanes[0].seen(), 1, "but some of it was seen");
    worker.run_dry(&world).await;
    assert_complete(&stored(&bus), &world.expected().await);
    assert_eq!(stored(&bus).len(), 2_003);
}

#[tokio::test]
async fn live_events_do_not_wait_for_a_replay() {
    let (mut world, bus) = World::local();
    let many: Vec<&str> = vec!["x"; 1_000];
    world.commit(A, &[("a", &many)]).await;
    let mut worker = world.worker().await;
    worker.run_dry(&world).await;
    let all = ReplayRequest { stream: None, from: ReplayFrom::Beginning };
    assert_eq!(worker.begin(all.clone()), Ok(()));
    assert_eq!(worker.begin(all), Err(ReplayError::Busy));
    world.commit(A, &[("a", &many)]).await;
    worker.catch_up(&world).await;
    let batch = Turn::Moved(ports::limits::PUBLISH_BATCH_MAX);
    assert_eq!(worker.turn().await, batch);
    let n_replayed = worker.replay.as_ref().unwrap().progress().n_published;
    assert_eq!(n_replayed, limits::REPLAY_SHARE_EVENTS as u64, "a share of each batch");
    assert_eq!(worker.turn().await, batch);
    assert_eq!(worker.turn().await, batch);
    assert_eq!(worker.commits()[0], 2, "live events are through before the replay");
    assert!(worker.replay.is_some());
    worker.run_dry(&world).await;
    let progress = worker.parts.state.lock().replay.clone().unwrap();
    assert!(progress.is_over && progress.n_published == 1_000, "{progress:?}");
    assert_complete(&stored(&bus), &world.expected().await);
}

#[tokio::test]
async fn lost_acknowledgements_repeat_and_lose_nothing() {
    let (mut world, bus) = World::local();
    world.commit(A, &[("a", &["1", "2", "3"])]).await;
    let mut worker = world.worker().await;
    bus.inject(PublishFault::LostAcks { n_acked: 1 });
    assert_eq!(worker.turn().await, Turn::Failed);
    assert_eq!(worker.commits()[0], 0);
    assert_eq!(worker.turn().await, Turn::Moved(2), "only the others are sent again");
    bus.inject(PublishFault::Cut { n_stored: 1 });
    world.commit(A, &[("a", &["4", "5"]), ("b", &["1"])]).await;
    worker.run_dry(&world).await;
    assert_eq!(worker.parts.state.lock().n_rewinds, 0, "a duplicate's place is no loss");
    assert_complete(&stored(&bus), &world.expected().await);
    assert_eq!(stored(&bus).len(), 6);
}

#[tokio::test]
async fn what_was_unsaved_at_a_crash_is_published_again_with_the_same_bytes() {
    let (mut world, bus) = World::local();
    world.commit(A, &[("a", &["1", "2"])]).await;
    let mut worker = world.worker().await;
    worker.run_dry(&world).await;
    assert!(worker.save().await);
    assert!(world.store.n_unsynced() > 0);
    world.store.crash();
    bus.inject(PublishFault::Twice);
    let mut next = world.worker().await;
    next.run_dry(&world).await;
    assert_eq!(next.commits(), [1, 0, 0]);
    assert_eq!(stored(&bus).len(), 4, "stored again, since the window had forgotten them");
    assert_complete(&stored(&bus), &world.expected().await);
}

#[tokio::test]
async fn a_shard_with_an_unreadable_event_stops_and_the_others_go_on() {
    let (mut world, bus) = World::local();
    world.commit(A, &[("a", &["1"])]).await;
    world.commit(A, &[("a", &["2", "boom"])]).await;
    world.commit(A, &[("a", &["3"])]).await;
    world.commit(B, &[("b", &["1"])]).await;
    let mut worker = world.worker().await;
    worker.run_dry(&world).await;
    assert_eq!(worker.commits(), [1, 1, 0], "nothing of the bad frame, nothing after it");
    assert_eq!(stored(&bus).len(), 2);
    let stuck = worker.parts.state.lock().stuck.clone();
    assert_eq!(stuck.len(), 1);
    assert!(stuck[0].0 == A && stuck[0].1.contains("event 3 of"), "{stuck:?}");
    worker.measure().await;
    assert_eq!(worker.parts.state.lock().lag_events, 3, "they are still to come");
    let retry_at = worker.lanes[0].stuck.as_ref().unwrap().retry_at;
    worker.turn().await;
    assert_eq!(worker.lanes[0].stuck.as_ref().unwrap().retry_at, retry_at, "not tried at once");
}

#[tokio::test]
async fn a_store_that_lost_published_data_is_refused() {
    let (mut world, _bus) = World::local();
    for text in ["1", "2", "3"] {
        world.commit(A, &[("a", &[text])]).await;
    }
    let mut worker = world.worker().await;
    worker.run_dry(&world).await;
    assert!(worker.save().await);
    world.store.sync();
    assert!(world.store.check_marks().is_ok());
    world.store.lose_tail(A, 3);
    assert!(world.store.check_marks().is_err(), "the mark stands at what was seen");
    let error = world.worker_on(BusKind::Server).await.err().unwrap();
    let (end, published) = (2, 3);
    assert!(
        matches!(error, StartError::JournalBehind { shard: A, end: e, published: p }
            if (e, p) == (end, published)),
        "{error}"
    );
}

#[tokio::test]
async fn only_durable_frames_leave() {
    let (mut world, bus) = World::local();
    world.commit(A, &[("a", &["1"])]).await;
    let mut worker = world.worker().await;
    // The present owner's frame, of which the committer has not told.
    let store: SharedStore = Arc::new(world.store.clone());
    let tail = store.claim(A).await.unwrap();
    let record = step(&key(NOTE, "a-0"), 1, 5, &["2"]);
    let frame = crate::outbox::tests::toy::frame(A, tail, &[record]);
    store.append(Arc::new(vec![frame])).await.unwrap();
    assert_eq!(worker.turn().await, Turn::Moved(1));
    assert_eq!(worker.turn().await, Turn::Idle);
    assert_eq!(stored(&bus).len(), 1, "I4");
    // A later claim found it.
    worker.run_dry(&world).await;
    assert_eq!(stored(&bus).len(), 2);
}

/// A shard goes to another node, which publishes on, and comes back.
#[tokio::test]
async fn lanes_follow_the_shards() {
    let (mut world, bus) = World::local();
    let (here, there) = (owned(&world.store).await, Arc::new(Commits::default()));
    let (mut first, mut second) = (world.worker().await, world.worker().await);
    first.reads(&here);
    second.reads(&there);
    let mut moved = 0;
    for (round, text) in ["1", "2", "3", "4"].into_iter().enumerate() {
        world.commit(A, &[("a", &[text])]).await;
        world.commit(B, &[("b", &[text])]).await;
        let end = world.store.tail(A).await.unwrap().next_commit - 1;
        own(&world.store, &here).await;
        let (at, gone) = if round % 2 == 0 { (&here, &there) } else { (&there, &here) };
        let epoch = gone.epoch(A).unwrap_or(0);
        gone.left(A, epoch);
        at.opened(A, 10 + round as u64, end);
        for worker in [&mut first, &mut second] {
            while let Turn::Moved(n) = worker.turn().await {
                moved += n;
            }
            assert!(worker.save().await);
        }
        assert_eq!(stored(&bus).len(), 2 * (round + 1), "round {round}");
    }
    assert_eq!(moved, 8, "each went out once, by the owner of its shard");
    assert_complete(&stored(&bus), &world.expected().await);
}

/// Nothing of a shard is read before its cursor: it would be published from the beginning.
#[tokio::test]
async fn a_shard_that_comes_in_the_middle_of_a_turn_waits_for_its_lane() {
    let (mut world, bus) = World::local();
    world.commit(A, &[("a", &["1"])]).await;
    let mut worker = world.worker().await;
    worker.run_dry(&world).await;
    assert!(worker.save().await);
    let durable = Arc::clone(&worker.parts.durable);
    let epoch = durable.epoch(A).unwrap();
    durable.left(A, epoch);
    worker.follow().await;
    durable.opened(A, epoch + 1, 1);
    assert!(!worker.fill().await);
    assert_eq!(worker.turn().await, Turn::Idle);
    assert_eq!((worker.commits()[0], stored(&bus).len()), (1, 1));
    assert_eq!(worker.parts.state.lock().n_published, 1, "nothing twice");
}

#[tokio::test]
async fn a_shard_that_is_handed_over_is_published_and_its_cursor_saved() {
    let (mut world, bus) = World::local();
    world.commit(A, &[("a", &["1"])]).await;
    world.commit(B, &[("b", &["1"])]).await;
    let mut worker = world.worker().await;
    let durable = Arc::clone(&worker.parts.durable);
    durable.relay_is_ready();
    durable.left(ShardId(2), durable.epoch(ShardId(2)).unwrap());
    let turn = worker.turn().await;
    worker.after(turn).await;
    world.commit(A, &[("a", &["2"])]).await;
    worker.catch_up(&world).await;
    let (asked, epoch) = (Arc::clone(&durable), durable.epoch(A).unwrap());
    let handed = tokio::spawn(async move { asked.hand_over(A, epoch).await });
    tokio::task::yield_now().await;
    assert!(!handed.is_finished());
    let turn = worker.turn().await;
    worker.after(turn).await;
    handed.await.unwrap();
    let mut next = world.worker().await;
    next.run_dry(&world).await;
    assert_eq!(next.parts.state.lock().n_published, 0, "nothing is published again");
    assert_eq!(stored(&bus).len(), 3);
}

/// Moves that wait for a bus that does not answer would be as slow as its time-outs.
#[tokio::test]
async fn while_the_bus_is_down_shards_are_let_go_at_once() {
    let (mut world, bus) = World::local();
    world.commit(A, &[("a", &["1"])]).await;
    let mut worker = world.worker().await;
    let durable = Arc::clone(&worker.parts.durable);
    durable.relay_is_ready();
    let epoch = durable.epoch(A).unwrap();
    let hand_over = || {
        let durable = Arc::clone(&durable);
        tokio::spawn(async move { durable.hand_over(A, epoch).await })
    };
    bus.set_down(true);
    let handed = hand_over();
    tokio::task::yield_now().await;
    assert!(!handed.is_finished(), "the relay does not know yet");
    let turn = worker.turn().await;
    assert_eq!(turn, Turn::Failed);
    worker.after(turn).await;
    handed.await.unwrap();
    let handed = hand_over();
    tokio::task::yield_now().await;
    assert!(handed.is_finished(), "no turn is waited for");
    let flushed = oneshot::channel();
    worker.flush(flushed.0);
    bus.set_down(false);
    let turn = worker.turn().await;
    assert_eq!(turn, Turn::Moved(1));
    worker.after(turn).await;
    flushed.1.await.unwrap();
    let handed = hand_over();
    tokio::task::yield_now().await;
    assert!(!handed.is_finished(), "a relay that publishes is waited for");
    durable.relay_is_late();
    handed.await.unwrap();
}

/// What is acknowledged before a failure is saved, for whoever has the shard next.
#[tokio::test]
async fn a_relay_that_fails_saves_what_was_acknowledged() {
    let (mut world, bus) = World::local();
    world.commit(A, &[("a", &["1"])]).await;
    world.commit(A, &[("a", &["2"])]).await;
    let mut worker = world.worker().await;
    bus.inject(PublishFault::Cut { n_stored: 1 });
    let turn = worker.turn().await;
    assert_eq!(turn, Turn::Failed);
    worker.after(turn).await;
    assert_eq!(world.worker().await.commits()[0], 1);
}

#[tokio::test]
async fn a_wiped_bus_gets_everything_again() {
    let (mut world, bus) = World::local();
    world.commit(A, &[("a", &["1", "s2"])]).await;
    world.commit(B, &[("b", &["1"])]).await;
    let mut worker = world.worker().await;
    worker.run_dry(&world).await;
    assert!(worker.save().await);
    bus.wipe();
    worker.run_dry(&world).await;
    assert_complete(&stored(&bus), &world.expected().await);
    assert_eq!(worker.parts.state.lock().n_rewinds, 2);
    bus.wipe();
    let mut next = world.worker().await;
    next.run_dry(&world).await;
    assert_complete(&stored(&bus), &world.expected().await);
}

/// Two owners; the wiped stream is longer than it was before one of them looks at it.
#[tokio::test]
async fn a_wiped_bus_that_others_lengthened_gets_everything_again() {
    for is_restarted in [false, true] {
        let (mut world, bus) = World::local();
        world.commit(A, &[("a", &["1", "s2"])]).await;
        world.commit(B, &[("b", &["1"])]).await;
        let (here, there) = (owned(&world.store).await, owned(&world.store).await);
        here.left(B, here.epoch(B).unwrap());
        there.left(A, there.epoch(A).unwrap());
        let (mut fast, mut late) = (world.worker().await, world.worker().await);
        fast.reads(&here);
        late.reads(&there);
        for worker in [&mut fast, &mut late] {
            while let Turn::Moved(_) = worker.turn().await {}
            assert!(worker.save().await);
        }
        assert_complete(&stored(&bus), &world.expected().await);
        bus.wipe();
        world.commit(A, &[("a", &["3", "4", "5"])]).await;
        let end = world.store.tail(A).await.unwrap().next_commit - 1;
        here.opened(A, here.epoch(A).unwrap(), end);
        while let Turn::Moved(_) = fast.turn().await {}
        if is_restarted {
            let parts = late.parts.clone();
            late = Worker::load(&parts).await.unwrap();
        }
        while let Turn::Moved(_) = late.turn().await {}
        assert_complete(&stored(&bus), &world.expected().await);
    }
}

/// Two owners; the end of the stream was lost, and it is as long as before when one of them looks.
#[tokio::test]
async fn a_stream_that_lost_its_end_and_grew_again_gets_it_again() {
    for (is_restarted, is_first_form) in [(false, false), (true, false), (true, true)] {
        let (mut world, bus) = World::local();
        let (here, there) = (owned(&world.store).await, owned(&world.store).await);
        here.left(B, here.epoch(B).unwrap());
        there.left(A, there.epoch(A).unwrap());
        let (mut fast, mut late) = (world.worker().await, world.worker().await);
        fast.reads(&here);
        late.reads(&there);
        for text in ["1", "2", "3"] {
            for (shard, owner, worker) in [(A, &here, &mut fast), (B, &there, &mut late)] {
                world.commit(shard, &[("a", &[text])]).await;
                let end = world.store.tail(shard).await.unwrap().next_commit - 1;
                owner.opened(shard, owner.epoch(shard).unwrap(), end);
                assert_eq!(worker.turn().await, Turn::Moved(1));
                assert!(worker.save().await);
            }
        }
        bus.cut(50);
        world.commit(A, &[("a", &["4", "5"])]).await;
        let end = world.store.tail(A).await.unwrap().next_commit - 1;
        here.opened(A, here.epoch(A).unwrap(), end);
        while let Turn::Moved(_) = fast.turn().await {}
        assert!(bus.tail("ORDERS").len() >= 6, "it is as long as it was");
        if is_first_form {
            let lane = &mut late.lanes[usize::from(B.0)];
            lane.cursor = lane.cursor.clone().in_first_form();
            lane.is_dirty = true;
            assert!(late.save().await);
        }
        if is_restarted {
            let parts = late.parts.clone();
            late = Worker::load(&parts).await.unwrap();
        }
        let mut n_again = 0;
        while let Turn::Moved(n) = late.turn().await {
            n_again += n;
        }
        assert_eq!(n_again, 2, "and nothing that is there");
        assert_complete(&stored(&bus), &world.expected().await);
        assert_eq!(late.turn().await, Turn::Idle);
        assert_eq!(late.parts.state.lock().n_published, 3 + 2, "once");
    }
}

/// After an upgrade a relay goes on, and does not publish the whole journal.
#[tokio::test]
async fn a_cursor_of_the_first_form_goes_on_where_it_ended() {
    let (mut world, bus) = World::local();
    world.commit(A, &[("a", &["1", "s2"])]).await;
    world.commit(A, &[("a", &["3"])]).await;
    let mut worker = world.worker().await;
    worker.run_dry(&world).await;
    worker.lanes[0].cursor = worker.lanes[0].cursor.clone().in_first_form();
    worker.lanes[0].is_dirty = true;
    assert!(worker.save().await);
    world.commit(A, &[("a", &["4"])]).await;
    let mut next = world.worker().await;
    next.run_dry(&world).await;
    assert_eq!(next.parts.state.lock().n_published, 1, "what is new, and nothing again");
    assert_complete(&stored(&bus), &world.expected().await);
    bus.wipe();
    next.run_dry(&world).await;
    assert_complete(&stored(&bus), &world.expected().await);
}

#[tokio::test]
async fn an_acknowledgement_of_another_connection_moves_no_cursor() {
    let server = Server::default();
    let mut world = World::new(Arc::new(server.clone()));
    let mut worker = world.worker().await;
    for (shard, text) in [(A, "1"), (A, "2"), (B, "1")] {
        world.commit(shard, &[("a", &[text])]).await;
        worker.run_dry(&world).await;
    }
    assert!(worker.save().await);
    // The event of B is lost, and others make the stream longer than it was.
    let others = server.stored()[..2].to_vec();
    server.lose_at_publish(Loss { stream: "ORDERS", place: 2, others });
    world.commit(B, &[("a", &["2"])]).await;
    worker.run_dry(&world).await;
    let (expected, stored) = (world.expected().await, server.stored());
    let missing = expected.keys().filter(|id| stored.iter().all(|event| event.id != **id));
    assert_eq!(missing.collect::<Vec<_>>(), [] as [&String; 0]);
}

#[tokio::test]
async fn an_in_process_bus_that_is_new_misses_nothing() {
    let (mut world, _) = World::local();
    world.commit(A, &[("a", &["1", "2"])]).await;
    let mut worker = world.worker_on(BusKind::InProcess).await.unwrap();
    worker.run_dry(&world).await;
    assert!(worker.save().await);
    let bus = LocalBus::default();
    world.bus = Arc::new(bus.clone());
    world.commit(A, &[("a", &["3"])]).await;
    let mut next = world.worker_on(BusKind::InProcess).await.unwrap();
    next.run_dry(&world).await;
    let texts: Vec<u64> = bus.tail("ORDERS").iter().map(|(_, event)| event.version).collect();
    assert_eq!(texts, [3], "the history is not published again at each start");
    assert!(next.save().await);
    let bus = LocalBus::default();
    world.bus = Arc::new(bus.clone());
    let mut server = world.worker_on(BusKind::Server).await.unwrap();
    server.run_dry(&world).await;
    assert_complete(&stored(&bus), &world.expected().await);
}

#[tokio::test]
async fn a_server_that_lost_its_newest_events_gets_these_again() {
    let server = Server::default();
    let mut world = World::new(Arc::new(server.clone()));
    let mut worker = world.worker().await;
    for n in 0..40 {
        let text = format!("{n}");
        world.commit(if n % 3 == 0 { A } else { B }, &[("a", &[&text, "s"])]).await;
        worker.run_dry(&world).await;
        assert!(worker.save().await);
    }
    server.lose_after("ORDERS", 35);
    let before = worker.commits();
    worker.run_dry(&world).await;
    let state = worker.parts.state.lock().clone();
    assert_eq!((worker.commits(), state.n_rewinds), (before, 2));
    assert_complete(&server.stored(), &world.expected().await);
    let n_again = state.n_published - 80;
    assert!(n_again < 30, "{n_again} events again for five lost ones");

    // The same when the loss comes between the look at the connection and the publishing.
    server.lose_unseen("ORDERS", 30);
    world.commit(A, &[("a", &["last"])]).await;
    worker.run_dry(&world).await;
    assert!(worker.parts.state.lock().n_rewinds > 2, "a place was given again");
    let expected = world.expected().await;
    let stored = server.stored();
    let missing = expected.keys().filter(|id| stored.iter().all(|event| event.id != **id));
    assert_eq!(missing.count(), 0);
}

#[tokio::test]
async fn a_bus_that_tells_of_its_streams_again_begins_to_fail_anew() {
    let server = Server::default();
    let world = World::new(Arc::new(server.clone()));
    let mut worker = world.worker().await;
    server.set_silent(true);
    for n in 1..=3 {
        assert_eq!((worker.turn().await, worker.n_failures), (Turn::Failed, n));
    }
    server.set_silent(false);
    assert_eq!((worker.turn().await, worker.n_failures), (Turn::Idle, 0), "nothing to publish");
}

#[tokio::test]
async fn a_bus_without_readers_gets_nothing_and_a_later_one_misses_nothing() {
    let bus = LocalBus::new(LocalBusOptions { tail_events_max: 0, watch_events_max: 8 });
    let mut world = World::new(Arc::new(bus.clone()));
    let mut worker = world.worker_on(BusKind::InProcess).await.unwrap();
    world.commit(A, &[("a", &["1", "2"])]).await;
    world.commit(B, &[("a", &["1"])]).await;
    worker.run_dry(&world).await;
    assert_eq!(worker.commits()[..2], [1, 1], "the cursors move");
    assert_eq!(worker.parts.state.lock().n_published, 0);
    assert_eq!(bus.stream_names(), [] as [&str; 0]);
    assert!(worker.save().await);

    let mut watcher = bus.watch();
    world.commit(A, &[("a", &["3"])]).await;
    worker.run_dry(&world).await;
    let Ok(ports::BusSignal::Event(event)) = watcher.try_recv() else { panic!("nothing came") };
    assert_eq!(event.version, 3, "what was committed since somebody watches");
    assert!(watcher.try_recv().is_err());
    drop(watcher);
    assert!(worker.save().await);

    let server = LocalBus::default();
    world.bus = Arc::new(server.clone());
    let mut worker = world.worker_on(BusKind::Server).await.unwrap();
    worker.run_dry(&world).await;
    assert_complete(&stored(&server), &world.expected().await);
}
