//! Projections over a store of frames and beside a running node.

use std::collections::BTreeMap;

use codec::unpack;
use entity::EntityKey;
use ports::memory::AppendFault;
use ports::{Journal, MemoryStore, ViewRow, Views};

use super::generation::{Generations, view_name};
use super::worker::Turn;
use super::*;
use crate::ctx::{Clock, NoPeers, NodeId};
use crate::outbox::tests::toy::{
    self, NOTE, NoRandom, SILENT, TestClock, Text, commit, key, own, owned, settle, step, types,
};

const A: ShardId = ShardId(0);
const B: ShardId = ShardId(1);

/// `s/{entity}` counts the events and keeps the last text; `t/{text}/{entity}` lists by it.
fn fold(
    ctx: &EventContext<'_>,
    event: &Packed,
    state: Option<&[u8]>,
) -> Result<Vec<RowChange>, codec::Error> {
    let text = unpack::<Text>(event)?.0;
    assert_ne!(text, "boom", "a bug of the toy");
    let name = ctx.key.public("toy");
    let listed = |text: &str| format!("t/{text}/{name}").into_bytes();
    let (n, before) = state.map_or((0, None), |state| {
        (u64::from(state[0]), Some(String::from_utf8(state[1..].to_vec()).unwrap()))
    });
    assert_eq!(n + 1, ctx.version, "each event takes effect once, in order");
    let mut changes: Vec<RowChange> = Vec::new();
    changes.extend(before.map(|before| (listed(&before), None)));
    changes.push((listed(&text), Some(ctx.version.to_be_bytes().to_vec())));
    let mut state = vec![u8::try_from(ctx.version).unwrap()];
    state.extend(text.bytes());
    changes.push((state_key(ctx.key), Some(state)));
    Ok(changes)
}

fn state_key(key: &EntityKey) -> Vec<u8> {
    format!("s/{}", key.public("toy")).into_bytes()
}

const NOTES: Fold = Fold { name: "notes", version: 1, kinds: &[NOTE], state_key, fold };

struct World {
    store: MemoryStore,
    clock: Arc<TestClock>,
    versions: BTreeMap<EntityKey, u64>,
}

impl World {
    fn new() -> Self {
        Self::on(MemoryStore::new(3))
    }

    /// As several nodes see it that share a store.
    fn shared() -> Self {
        Self::on(MemoryStore::with_shard_logs(3))
    }

    fn on(store: MemoryStore) -> Self {
        Self { store, clock: TestClock::at(1_000_000), versions: BTreeMap::new() }
    }

    async fn worker_of(&self, fold: Fold) -> Worker {
        self.worker_of_any(Arc::new(fold)).await
    }

    async fn worker_of_any(&self, projection: Arc<dyn Projection>) -> Worker {
        let ctx = NodeCtx {
            node: NodeId::new("n"),
            transport: Arc::new(NoPeers),
            clock: Arc::clone(&self.clock) as _,
            random: Arc::new(NoRandom),
            store: Arc::new(self.store.clone()),
            types: types(),
        };
        let durable = owned(&self.store).await;
        let shared = Arc::default();
        Worker::load(&Parts { ctx, durable, projection, shared }).await.unwrap()
    }

    async fn commit(&mut self, shard: ShardId, steps: &[(&str, &[&str])]) {
        let mut records = Vec::new();
        for (name, texts) in steps {
            let kind = if name.starts_with('q') { SILENT } else { NOTE };
            let key = key(kind, &format!("{name}-{}", shard.0));
            let version = self.versions.entry(key.clone()).or_default();
            records.push(step(&key, *version, self.clock.now().0, texts));
            *version += texts.len() as u64;
        }
        commit(&self.store, shard, &records).await;
    }

    /// All rows of a generation, as text and numbers.
    async fn rows(&self, generation: u32) -> Vec<(String, Vec<u8>)> {
        let view = view_name("notes", generation);
        let rows = self.store.scan(&view, &[], &[0xFF], false, usize::MAX).await.unwrap();
        let text = |row: ViewRow| (String::from_utf8(row.key).unwrap(), row.value);
        rows.into_iter().map(text).collect()
    }

    async fn keys(&self, generation: u32) -> Vec<String> {
        self.rows(generation).await.into_iter().map(|(key, _)| key).collect()
    }
}

impl Worker {
    fn state(&self) -> ProjectionState {
        self.parts.shared.lock().state.clone()
    }

    /// As if the generations had been read just now, of the shards as they are.
    fn renew_later(&mut self) {
        self.renewed_at = self.parts.ctx.clock.steady();
    }

    fn view(&self) -> Arc<str> {
        self.parts.shared.lock().view.clone().expect("rows of its version")
    }

    fn reader(&self) -> ViewReader {
        let (orders, _) = mpsc::channel(1);
        ProjectionHandle::new(&self.parts, orders).reader().clone()
    }

    async fn run_dry(&mut self, world: &World) {
        own(&world.store, &self.parts.durable).await;
        for _ in 0..10_000 {
            let turn = self.turn().await;
            self.after();
            if turn == Turn::Idle {
                return;
            }
        }
        panic!("the projection goes on for ever");
    }
}

#[tokio::test]
async fn rows_follow_events_and_other_kinds_are_passed_over() {
    let mut world = World::new();
    world.commit(A, &[("a", &["x"]), ("q", &["z"]), ("a", &["y", "z"]), ("b", &["x"])]).await;
    world.commit(B, &[("q", &["z", "z"])]).await;
    let mut worker = world.worker_of(NOTES).await;
    worker.run_dry(&world).await;
    assert_eq!(world.keys(1).await, ["s/a-0", "s/b-0", "t/x/b-0", "t/z/a-0"]);
    let view = view_name("notes", 1);
    assert_eq!(world.store.view_cursor(&view, A).await.unwrap(), 1);
    assert_eq!(world.store.view_cursor(&view, B).await.unwrap(), 0, "no write for nothing");
    worker.save().await;
    assert_eq!(world.store.view_cursor(&view, B).await.unwrap(), 1);

    world.commit(A, &[("a", &["x"])]).await;
    let mut next = world.worker_of(NOTES).await;
    next.run_dry(&world).await;
    assert_eq!(world.keys(1).await, ["s/a-0", "s/b-0", "t/x/a-0", "t/x/b-0"]);
}

#[tokio::test]
async fn many_empty_commits_move_the_place() {
    let mut world = World::new();
    for _ in 0..limits::EMPTY_COMMITS_MAX + 5 {
        world.commit(A, &[("q", &["z"])]).await;
    }
    let mut worker = world.worker_of(NOTES).await;
    worker.run_dry(&world).await;
    let view = view_name("notes", 1);
    assert!(world.store.view_cursor(&view, A).await.unwrap() >= limits::EMPTY_COMMITS_MAX);
}

#[tokio::test]
async fn a_shard_that_cannot_go_on_stops_and_the_others_go_on() {
    let mut world = World::new();
    world.commit(A, &[("a", &["x"])]).await;
    world.commit(A, &[("a", &["y"]), ("b", &["boom"])]).await;
    world.commit(A, &[("a", &["z"])]).await;
    world.commit(B, &[("a", &["x"])]).await;
    let mut worker = world.worker_of(NOTES).await;
    worker.run_dry(&world).await;
    let here = ["s/a-0", "s/a-1", "t/x/a-0", "t/x/a-1"];
    assert_eq!(world.keys(1).await, here, "nothing of the bad frame");
    let state = worker.state();
    assert_eq!((state.lag_commits, state.stuck.len()), (2, 1));
    assert!(state.stuck[0].0 == A && state.stuck[0].1.contains("event 1 of"), "{state:?}");

    // Another build that can project it goes on there.
    let tolerant = Fold {
        fold: |ctx, event, state| match unpack::<Text>(event)?.0.as_str() {
            "boom" => fold(ctx, &toy::text("dull"), state),
            _ => fold(ctx, event, state),
        },
        ..NOTES
    };
    let mut fixed = world.worker_of(tolerant).await;
    fixed.run_dry(&world).await;
    let rows = ["s/a-0", "s/a-1", "s/b-0", "t/dull/b-0", "t/x/a-1", "t/z/a-0"];
    assert_eq!(world.keys(1).await, rows);
}

#[tokio::test]
async fn an_unreadable_event_and_an_endless_asker_stop_their_shards() {
    let mut world = World::new();
    let mut bad = step(&key(NOTE, "a-0"), 0, 1, &["x"]);
    bad.events[0].version = 9;
    commit(&world.store, A, &[bad]).await;
    let mut worker = world.worker_of(NOTES).await;
    worker.run_dry(&world).await;
    assert!(worker.state().stuck[0].1.contains("version 9"), "{:?}", worker.state());

    struct Asker;
    impl Projection for Asker {
        fn name(&self) -> &'static str {
            "asker"
        }
        fn version(&self) -> u16 {
            1
        }
        fn kinds(&self) -> &[Kind] {
            &[NOTE]
        }
        fn project(
            &self,
            _ctx: &EventContext<'_>,
            event: &Packed,
            rows: &mut dyn RowReader,
        ) -> Result<Vec<ViewWrite>, ProjectError> {
            let n = if unpack::<Text>(event)?.0 == "many" { u32::MAX } else { 5 };
            for row in 0..n {
                rows.row(&row.to_be_bytes())?;
            }
            Ok(vec![ViewWrite::Put(ViewRow { key: vec![1], value: vec![1] })])
        }
    }
    world.commit(B, &[("b", &["few"])]).await;
    world.commit(B, &[("b", &["many"])]).await;
    let mut worker = world.worker_of_any(Arc::new(Asker)).await;
    worker.run_dry(&world).await;
    assert_eq!(world.store.row("asker.1", &[1]).await.unwrap(), Some(vec![1]));
    assert_eq!(world.store.view_cursor("asker.1", B).await.unwrap(), 1);
    let stuck: Vec<_> = worker.state().stuck.iter().map(|(shard, _)| *shard).collect();
    assert_eq!(stuck, [A, B]);
}

#[tokio::test]
async fn a_failed_write_is_made_again() {
    let mut world = World::new();
    world.commit(A, &[("a", &["x", "y"])]).await;
    let mut worker = world.worker_of(NOTES).await;
    world.store.inject(AppendFault::Fatal);
    let nothing = Arc::new(Vec::new());
    assert!(world.store.append(nothing).await.is_err());
    assert_eq!(worker.turn().await, Turn::Done);
    world.store.crash();
    assert_eq!(world.keys(1).await, [] as [&str; 0]);
    world.clock.jump(limits::STUCK_RETRY_MS);
    worker.run_dry(&world).await;
    assert_eq!(world.keys(1).await, ["s/a-0", "t/y/a-0"]);
}

#[tokio::test]
async fn every_event_takes_effect_once_whatever_crashes() {
    for seed in 0..100_u64 {
        let mut world = World::new();
        let mut worker = world.worker_of(NOTES).await;
        let mut dice = seed;
        for _ in 0..100 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_041);
            let shard = ShardId(u16::try_from((dice >> 40) % 3).unwrap());
            match (dice >> 33) % 10 {
                0..=3 => {
                    let name = ["a", "b", "q"][usize::try_from((dice >> 50) % 3).unwrap()];
                    world.commit(shard, &[(name, &["x"]), ("c", &["y"])]).await;
                    own(&world.store, &worker.parts.durable).await;
                }
                4..=6 => drop(worker.turn().await),
                7 => worker.save().await,
                8 => worker = world.worker_of(NOTES).await,
                9.. => {
                    let n_unsynced = world.store.n_unsynced();
                    world.store.crash_keeping(n_unsynced / 2);
                    worker = world.worker_of(NOTES).await;
                }
            }
        }
        worker.run_dry(&world).await;
        let notes = world.versions.iter().filter(|(key, _)| key.kind == NOTE);
        for (key, version) in notes {
            let row = world.store.row("notes.1", &state_key(key)).await.unwrap().unwrap();
            assert_eq!(u64::from(row[0]), *version, "seed {seed}");
        }
    }
}

#[tokio::test]
async fn a_rebuild_makes_the_same_rows_while_the_old_ones_are_read() {
    let mut world = World::new();
    for n in 0..40 {
        world.commit(if n % 2 == 0 { A } else { B }, &[("a", &["x", "y"])]).await;
    }
    let mut worker = world.worker_of(NOTES).await;
    worker.run_dry(&world).await;
    let before = world.rows(1).await;
    worker.rebuild().await.unwrap();
    assert!(matches!(worker.rebuild().await, Err(RebuildError::Busy)));
    worker.after();
    assert_eq!(worker.state().rebuild_left, Some(40));
    assert_eq!(&*worker.view(), "notes.1", "readers stay until it has caught up");
    assert_eq!(worker.turn().await, Turn::More);
    assert_eq!(world.rows(1).await, before);

    // A process ends in the middle; the next one goes on with what is built.
    worker.save().await;
    let mut next = world.worker_of(NOTES).await;
    assert_eq!(&*next.view(), "notes.1");
    world.commit(A, &[("a", &["z"])]).await;
    next.run_dry(&world).await;
    assert_eq!(&*next.view(), "notes.2");
    let rebuilt = world.rows(2).await;
    assert_eq!(rebuilt.len(), before.len());
    assert_eq!(world.rows(1).await, rebuilt, "the old rows stay for those who read them");
    next.after();
    assert_eq!(next.state().rebuild_left, None);
    world.clock.jump(limits::GRACE_MS);
    next.run_dry(&world).await;
    assert_eq!(world.rows(1).await, [], "then they go");
    let mut last = world.worker_of(NOTES).await;
    last.run_dry(&world).await;
    assert_eq!((&*last.view(), world.rows(2).await), ("notes.2", rebuilt));
}

#[tokio::test]
async fn rows_of_another_version_are_built_anew() {
    let mut world = World::new();
    world.commit(A, &[("a", &["x", "y"])]).await;
    let mut worker = world.worker_of(NOTES).await;
    worker.run_dry(&world).await;
    let mut newer = world.worker_of(Fold { version: 2, ..NOTES }).await;
    assert_eq!(&*newer.view(), "notes.2", "rows that this build cannot read are not shown");
    newer.run_dry(&world).await;
    assert_eq!(world.keys(2).await, ["s/a-0", "t/y/a-0"]);
    world.clock.jump(limits::GRACE_MS);
    newer.run_dry(&world).await;
    assert_eq!(world.rows(1).await, []);
}

/// All that can be done now.
async fn run(worker: &mut Worker) {
    for _ in 0..10_000 {
        let turn = worker.turn().await;
        worker.after();
        if turn == Turn::Idle {
            return;
        }
    }
    panic!("the projection goes on for ever");
}

#[tokio::test]
async fn a_shard_that_comes_goes_on_in_the_generation_that_others_made() {
    let mut world = World::new();
    world.commit(A, &[("a", &["x"])]).await;
    let mut there = world.worker_of(NOTES).await;
    let mut here = world.worker_of(NOTES).await;
    let empty = Arc::<crate::outbox::Commits>::default();
    here.parts.durable = Arc::clone(&empty);
    run(&mut there).await;
    run(&mut here).await;
    there.rebuild().await.unwrap();
    run(&mut there).await;
    world.clock.jump(limits::GRACE_MS);
    run(&mut there).await;
    assert_eq!(world.keys(1).await, [] as [&str; 0], "swept");
    there.parts.durable.left(A, there.parts.durable.epoch(A).unwrap());
    world.commit(A, &[("a", &["y"])]).await;
    let tail = world.store.tail(A).await.unwrap();
    empty.opened(A, tail.epoch + 1, tail.next_commit - 1);
    run(&mut here).await;
    assert_eq!(&*here.view(), "notes.2");
    assert_eq!(world.keys(1).await, [] as [&str; 0]);
    assert_eq!(world.keys(2).await, ["s/a-0", "t/y/a-0"]);
}

#[tokio::test]
async fn a_node_writes_no_rows_of_a_generation_that_another_one_retired() {
    let mut world = World::new();
    world.commit(A, &[("a", &["x"])]).await;
    world.commit(B, &[("b", &["x"])]).await;
    let mut older = world.worker_of(NOTES).await;
    run(&mut older).await;
    let mut newer = world.worker_of(Fold { version: 2, ..NOTES }).await;
    run(&mut newer).await;
    world.clock.jump(limits::GRACE_MS);
    run(&mut newer).await;
    assert_eq!(world.keys(1).await, [] as [&str; 0], "swept");
    world.commit(A, &[("a", &["y"])]).await;
    // Whatever it knows: it is not taken, and then it looks.
    older.renew_later();
    own(&world.store, &older.parts.durable).await;
    run(&mut older).await;
    world.clock.jump(limits::RETRY_MS);
    run(&mut older).await;
    assert_eq!(world.keys(1).await, [] as [&str; 0]);
    world.clock.jump(limits::MEASURE_EVERY_MS);
    older.after();
    let state = older.state();
    assert!(state.stuck.iter().any(|(_, why)| why.contains("version 2")), "{state:?}");
    assert_eq!(world.keys(2).await, ["s/a-0", "s/b-1", "t/x/a-0", "t/x/b-1"]);
}

const NEWER: Fold = Fold { version: 2, ..NOTES };

/// Whether a reader is told to try again elsewhere, or later.
async fn is_refused(worker: &Worker) -> bool {
    let row = worker.reader().row(b"s/a-0").await;
    assert_eq!(row.is_err(), worker.reader().scan(b"s", b"t", false, 9).await.is_err());
    matches!(row, Err(StoreError::Unavailable(_)))
}

/// The older nodes of a rolling upgrade: their rows are swept, and they do not read the others.
#[tokio::test]
async fn readers_beside_newer_rows_are_refused() {
    let mut world = World::shared();
    world.commit(A, &[("a", &["x"])]).await;
    let mut older = world.worker_of(NOTES).await;
    run(&mut older).await;
    assert!(!is_refused(&older).await);
    world.clock.jump(limits::GRACE_MS);
    assert!(is_refused(&older).await, "it slept, and its rows may be gone");
    run(&mut older).await;
    assert!(!is_refused(&older).await);
    let mut newer = world.worker_of(NEWER).await;
    run(&mut newer).await;
    world.clock.jump(limits::RENEW_EVERY_MS);
    run(&mut older).await;
    assert!(is_refused(&older).await, "before the rows are swept");
    assert_eq!(world.keys(1).await, ["s/a-0", "t/x/a-0"]);
    assert!(!is_refused(&newer).await);

    // A waiter is not kept for what others write; a shard that comes is no reason to look again.
    let renewed_at = older.renewed_at;
    world.clock.jump(1);
    world.commit(A, &[("a", &["y"])]).await;
    let tail = world.store.tail(A).await.unwrap();
    older.parts.durable.left(A, 1);
    older.parts.durable.opened(A, tail.epoch, tail.next_commit - 1);
    assert_eq!(older.turn().await, Turn::Idle);
    assert_eq!(older.renewed_at, renewed_at, "a read of the generations at each commit");
    let (done, wait) = tokio::sync::oneshot::channel();
    assert!(older.take(handle::Order::CatchUp(done)).await.is_none());
    older.after();
    assert!(wait.await.is_err());
}

#[tokio::test]
async fn a_clock_that_is_set_makes_rows_neither_old_nor_young() {
    let mut world = World::shared();
    world.commit(A, &[("a", &["x"])]).await;
    let mut worker = world.worker_of(NOTES).await;
    run(&mut worker).await;
    let hour_ms = 3_600_000;
    world.clock.set_by(hour_ms);
    assert!(!is_refused(&worker).await, "no time has passed");
    world.clock.set_by(-2 * hour_ms);
    world.clock.jump(limits::GRACE_MS);
    assert!(is_refused(&worker).await, "it slept, whatever the clock shows");
    world.clock.jump(limits::RENEW_EVERY_MS);
    run(&mut worker).await;
    assert!(!is_refused(&worker).await);
}

#[tokio::test]
async fn an_older_node_that_restarts_leaves_newer_rows_alone() {
    for store in [MemoryStore::new(3), MemoryStore::with_shard_logs(3)] {
        let is_shared = !store.one_log();
        let mut world = World::on(store);
        world.commit(A, &[("a", &["x"])]).await;
        let mut newer = world.worker_of(NEWER).await;
        run(&mut newer).await;
        let mut older = world.worker_of(NOTES).await;
        run(&mut older).await;
        assert_eq!(is_refused(&older).await, is_shared, "who has the store alone goes back");
        if !is_shared {
            assert_eq!(&*older.view(), "notes.2");
            continue;
        }
        world.clock.jump(limits::GRACE_MS);
        run(&mut newer).await;
        assert_eq!(&*newer.view(), "notes.1", "nothing was begun anew");
        assert_eq!(world.keys(1).await, ["s/a-0", "t/x/a-0"]);
        // An operator's word.
        older.rebuild().await.unwrap();
        run(&mut older).await;
        assert_eq!((&*older.view(), is_refused(&older).await), ("notes.2", false));
        assert_eq!(world.keys(2).await, ["s/a-0", "t/x/a-0"]);
        world.clock.jump(limits::RENEW_EVERY_MS);
        run(&mut newer).await;
        assert_eq!(&*newer.view(), "notes.3", "the newer one wins while it runs");
    }
}

#[tokio::test]
async fn many_shards_are_closed_to_late_writers_in_turns() {
    let last = ShardId(2 * limits::FENCE_SHARDS);
    let mut world = World::on(MemoryStore::with_shard_logs(last.0 + 1));
    world.commit(A, &[("a", &["x"])]).await;
    let mut older = world.worker_of(NOTES).await;
    run(&mut older).await;
    let mut newer = world.worker_of(NEWER).await;
    run(&mut newer).await;
    world.clock.jump(limits::GRACE_MS);
    let mut n_turns = 0;
    while world.store.view_cursor("notes.1", last).await.unwrap() < u64::MAX {
        assert_eq!(world.keys(1).await.len(), 2, "no row goes while one may still be written");
        assert_eq!(newer.turn().await, Turn::More);
        n_turns += 1;
    }
    assert_eq!(n_turns, 3);
    run(&mut newer).await;
    assert_eq!(world.keys(1).await, [] as [&str; 0]);
}

#[tokio::test]
async fn beside_a_node_rows_follow_at_once() {
    let (clock, store) = (TestClock::at(1_000_000), MemoryStore::new(4));
    let ctx = NodeCtx {
        node: NodeId::new("n"),
        transport: Arc::new(NoPeers),
        clock: Arc::clone(&clock) as _,
        random: Arc::new(NoRandom),
        store: Arc::new(store.clone()),
        types: types(),
    };
    let options = crate::node::NodeOptions::default();
    let node = crate::node::Node::start(ctx.clone(), options).await.unwrap();
    let commits = Arc::clone(node.commits());
    let notes = Projector::start(ctx, commits, Arc::new(NOTES)).await.unwrap();
    settle().await;
    for text in ["x", "y"] {
        let ask = crate::region::Ask {
            principal: entity::Principal::system(entity::Tenant::new("acme")),
            cause: entity::Cause::default(),
            idempotency: None,
            wait_ms: 5_000,
        };
        let (key, command) = (key(NOTE, "a"), Text(text.to_owned()));
        let told = node.region().ask::<toy::Note>(&key, &command, ask);
        clock.during(told).await.unwrap();
        clock.advance(limits::PACE_MS).await;
        let rows = notes.reader().scan(b"t/", b"t0", false, 9).await.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].key, format!("t/{text}/a").into_bytes());
    }
    assert!(clock.during(notes.catch_up(1_000)).await);
    assert_eq!(notes.state(), ProjectionState::default());
    clock.during(notes.rebuild()).await.unwrap();
    clock.advance(limits::GRACE_MS + limits::IDLE_MS).await;
    assert_eq!(notes.reader().row(b"s/a").await.unwrap(), Some(b"\x02y".to_vec()));
    assert!(store.scan("notes.1", &[], &[0xFF], false, 9).await.unwrap().is_empty());
    assert!(clock.during(notes.stop(1_000)).await);
    assert!(!clock.during(notes.catch_up(100)).await, "it is over");
}

/// What is stored keeps its bytes; a change needs a version with an upcast.
#[test]
fn the_stored_generations_are_frozen() {
    let generations =
        Generations { version: 2, active: 5, building: Some(6), retired: vec![3, 300] };
    let bytes = codec::seal(&generations).unwrap();
    assert_eq!(codec::open::<Generations>(&bytes).unwrap(), generations);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "ac010b000100090000007bf1086b020501060203fb2c01");
}
