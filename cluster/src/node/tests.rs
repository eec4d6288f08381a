//! Nodes alone: what a killed one leaves behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use entity::{Cause, Cell, EntityCell, Principal, Tenant, Timestamp};
use ports::{Journal, MemoryStore, SnapshotStore, SnapshotWrite};

use super::*;
use crate::ctx::{BoxFuture, Clock, NoPeers, NodeId};
use crate::outbox::tests::toy::{
    NOTE, NoRandom, Note, TestClock, Text, commit, key, settle, step, types,
};
use crate::region::{Ask, AskError, HistoryError, gathered};

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

fn ask() -> Ask {
    let principal = Principal::system(Tenant::new("acme"));
    Ask { principal, cause: Cause::default(), idempotency: None, wait_ms: 1_000 }
}

#[tokio::test]
async fn a_killed_node_writes_nothing_more_and_answers_nobody() {
    let (store, clock) = (MemoryStore::new(4), TestClock::at(1));
    let node = Node::start(ctx(&store, &clock), NodeOptions::default()).await.unwrap();
    let region = node.region().clone();
    region.ask::<Note>(&key(NOTE, "a"), &Text("kept".into()), ask()).await.unwrap();
    let mut waiting = Vec::new();
    for n in 0..20 {
        let region = region.clone();
        let mut asked = Box::pin(async move {
            let name = format!("b{n}");
            region.ask::<Note>(&key(NOTE, &name), &Text("lost".into()), ask()).await
        });
        // Polled once: its host has taken it, and no committer has run yet.
        tokio::select! {
            biased;
            _ = &mut asked => panic!("answered at once"),
            () = std::future::ready(()) => {}
        }
        waiting.push(asked);
    }
    assert!(!node.log().with(|staging| staging.is_idle()), "nothing was under way");
    node.kill();
    let n_syncs = store.n_syncs();
    for answer in waiting {
        assert!(matches!(answer.await, Err(AskError::Unavailable)));
    }
    settle().await;
    clock.advance(20).await;
    assert_eq!(store.n_syncs(), n_syncs, "a dead node wrote");
    node.kill();

    let node = Node::start(ctx(&store, &clock), NodeOptions::default()).await.unwrap();
    let reply = node.region().ask::<Note>(&key(NOTE, "a"), &Text("more".into()), ask()).await;
    assert_eq!(reply.unwrap().version, 2, "what was acknowledged is there, once");
    let none = node.region().history(&key(NOTE, "b7"), &ask(), 0).await.unwrap();
    assert!(none.is_empty());
}

#[tokio::test]
async fn a_caller_gets_what_is_in_memory_without_waiting_for_another_task() {
    let (store, clock) = (MemoryStore::new(4), TestClock::at(1));
    let node = Node::start(ctx(&store, &clock), NodeOptions::default()).await.unwrap();
    let (region, a) = (node.region(), key(NOTE, "a"));
    region.ask::<Note>(&a, &Text("x".into()), ask()).await.unwrap();
    settle().await;
    let query = Text("?".into());
    tokio::select! {
        biased;
        seen = region.query::<Note>(&a, &query, ask()) => assert_eq!(seen.unwrap().version, 1),
        () = std::future::ready(()) => panic!("another task had to run"),
    }
    // A host that is awake is left alone: its turn takes what waits.
    let inbox = node.seats.inbox(a.shard(4));
    inbox.wake();
    tokio::select! {
        biased;
        _ = region.query::<Note>(&a, &query, ask()) => panic!("two turns at a time"),
        () = std::future::ready(()) => assert_eq!(inbox.depth(), 1),
    }
    settle().await;
    assert_eq!(inbox.depth(), 0);
}

#[tokio::test]
async fn a_journal_that_is_ahead_of_the_clock_holds_up_nobody() {
    let (store, an_hour_ahead) = (MemoryStore::new(4), TestClock::at(3_600_001));
    let a = key(NOTE, "a");
    let node = Node::start(ctx(&store, &an_hour_ahead), NodeOptions::default()).await.unwrap();
    node.region().ask::<Note>(&a, &Text("x".into()), ask()).await.unwrap();
    node.kill();
    let clock = TestClock::at(1);
    let node = Node::start(ctx(&store, &clock), NodeOptions::default()).await.unwrap();
    let region = node.region();
    let reply = region.ask::<Note>(&a, &Text("y".into()), ask()).await;
    assert_eq!(reply.unwrap().version, 2, "its deadline is the clock's");
    let never = Text("wait".into());
    let mut waiting = Box::pin(region.query::<Note>(&a, &never, ask()));
    begun(&mut waiting).await;
    clock.advance(1_100).await;
    assert!(!waiting.await.unwrap().ready, "it waited as long as it wanted, and no longer");
}

/// Polls a future once: what it asks is asked, and it is not answered yet.
async fn begun<F: Future + Unpin>(future: &mut F) {
    tokio::select! {
        biased;
        _ = future => panic!("answered at once"),
        () = std::future::ready(()) => {}
    }
}

#[tokio::test]
async fn what_is_asked_together_shares_a_turn() {
    let (store, clock) = (MemoryStore::new(4), TestClock::at(1));
    let node = Node::start(ctx(&store, &clock), NodeOptions::default()).await.unwrap();
    let (region, a) = (node.region(), key(NOTE, "a"));
    settle().await;
    let turns = || node.seats.inbox(a.shard(4)).turns();
    let (text, query) = (Text("x".into()), Text("?".into()));
    let both = || async {
        let told = region.ask::<Note>(&a, &text, ask());
        let seen = region.query::<Note>(&a, &query, ask());
        let (told, seen) = tokio::join!(told, seen);
        (told.unwrap().version, seen.unwrap().version)
    };
    let before = turns();
    let mut gathered = Box::pin(gathered(both()));
    begun(&mut gathered).await;
    assert_eq!(turns() - before, 1, "one turn took both");
    assert_eq!(gathered.await, (1, 1), "in the order in which they were asked");
    settle().await;
    let before = turns();
    let mut apart = Box::pin(both());
    begun(&mut apart).await;
    assert_eq!(turns() - before, 2);
    assert_eq!(apart.await, (2, 2));
}

#[tokio::test]
async fn callers_who_left_make_room_for_others_who_wait() {
    let (store, clock) = (MemoryStore::new(4), TestClock::at(1));
    let node = Node::start(ctx(&store, &clock), NodeOptions::default()).await.unwrap();
    let (region, a) = (node.region(), key(NOTE, "a"));
    let never = Text("wait".into());
    let wait = || Box::pin(region.query::<Note>(&a, &never, ask()));
    for _ in 0..crate::limits::WAITERS_PER_ENTITY_MAX {
        begun(&mut wait()).await;
    }
    let mut stays = Vec::new();
    for _ in 0..crate::limits::WAITERS_PER_ENTITY_MAX {
        let mut waiting = wait();
        begun(&mut waiting).await;
        stays.push(waiting);
    }
    let refused = wait().await;
    assert!(matches!(refused, Err(AskError::Overloaded { .. })), "{refused:?}");
    stays.pop();
    begun(&mut wait()).await;
}

#[tokio::test]
async fn frames_that_cannot_be_read_are_dropped() {
    let (store, clock) = (MemoryStore::new(2), TestClock::at(1));
    let node = Node::start(ctx(&store, &clock), NodeOptions::default()).await.unwrap();
    for frame in [&b""[..], b"nonsense", &[0xAC; 64]] {
        node.deliver(&NodeId::new("m"), frame);
    }
    node.region().ask::<Note>(&key(NOTE, "a"), &Text("x".into()), ask()).await.unwrap();
}

/// A clock that counts who sleeps for the ticker's longest and shortest times.
struct Counting {
    clock: Arc<TestClock>,
    n_idle: AtomicU64,
    n_ticks: AtomicU64,
}

impl Clock for Counting {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn steady(&self) -> Timestamp {
        self.now()
    }

    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        match ms {
            limits::TICK_MS => drop(self.n_ticks.fetch_add(1, Ordering::Relaxed)),
            limits::TICK_IDLE_MS => drop(self.n_idle.fetch_add(1, Ordering::Relaxed)),
            _ => {}
        }
        self.clock.sleep(ms)
    }
}

#[tokio::test]
async fn an_idle_node_ticks_seldom_and_a_quiet_input_is_not_forgotten() {
    let (store, clock) = (MemoryStore::new(4), TestClock::at(1));
    let (n_idle, n_ticks) = (AtomicU64::new(0), AtomicU64::new(0));
    let counting = Arc::new(Counting { clock: Arc::clone(&clock), n_idle, n_ticks });
    let ctx = NodeCtx { clock: Arc::clone(&counting) as _, ..ctx(&store, &clock) };
    let node = Node::start(ctx, NodeOptions::default()).await.unwrap();
    node.region().ask::<Note>(&key(NOTE, "a"), &Text("x".into()), ask()).await.unwrap();
    clock.advance(1_000).await;
    counting.n_idle.store(0, Ordering::Relaxed);
    counting.n_ticks.store(0, Ordering::Relaxed);
    clock.advance(4 * limits::TICK_IDLE_MS).await;
    let idle = counting.n_idle.load(Ordering::Relaxed);
    assert!((3..=5).contains(&idle), "{idle} long sleeps in a second");
    assert_eq!(counting.n_ticks.load(Ordering::Relaxed), 0, "nothing was due");
    let inbox = node.seats.inbox(ShardId(1));
    inbox.push_quietly(Input::Acked { by: ShardId(0), through: 0 });
    assert_eq!(node.depths()[1], 1);
    clock.advance(limits::TICK_MS + 1).await;
    assert_eq!(node.depths()[1], 0, "the host was woken for it");
}

#[tokio::test]
async fn a_node_says_what_it_gave_up_and_that_it_ended() {
    let (store, clock) = (MemoryStore::new(4), TestClock::at(1));
    let node = Node::start(ctx(&store, &clock), NodeOptions::default()).await.unwrap();
    let vitals = node.vitals();
    assert!(vitals.is_supervised() && vitals.given_up().is_empty());
    let shard = key(NOTE, "a").shard(4);
    node.seats.inbox(shard).give_up();
    assert_eq!((vitals.given_up(), vitals.n_shards()), (vec![shard], 4));
    let asked = node.region().ask::<Note>(&key(NOTE, "a"), &Text("x".into()), ask()).await;
    assert!(matches!(asked, Err(AskError::Unavailable)));
    assert_eq!(node.region().is_given_up(shard), Some(true));
    assert!(vitals.is_supervised(), "the others work");
    node.kill();
    vitals.ended().await;
    assert!(!vitals.is_supervised());
}

#[tokio::test]
async fn what_an_entity_was_is_read_from_its_snapshot_on() {
    let (store, clock) = (MemoryStore::new(4), TestClock::at(1));
    let (a, mut prev) = (key(NOTE, "a"), 0);
    let (shard, mut cell) = (a.shard(4), EntityCell::<Note>::initial(&a));
    let mut snapshot = None;
    for version in 0..300 {
        let mut record = step(&a, version, 1, &["x"]);
        // Who goes further back than to this one finds that the chain is broken.
        record.prev = if version == 100 { 9_999 } else { prev };
        prev = commit(&store, shard, std::slice::from_ref(&record)).await;
        cell.replay(&record).unwrap();
        if version == 249 {
            snapshot = Some(cell.snapshot(prev));
        }
    }
    let node = Node::start(ctx(&store, &clock), NodeOptions::default()).await.unwrap();
    let (region, who) = (node.region(), ask());
    region.query::<Note>(&a, &Text("?".into()), ask()).await.unwrap();
    let epoch = Journal::tail(&store, shard).await.unwrap().epoch;
    let snapshots = vec![(a.clone(), snapshot.unwrap())];
    let write = SnapshotWrite { epoch, snapshots, ..SnapshotWrite::default() };
    SnapshotStore::write(&store, shard, write).await.unwrap();

    for (version, n_records, is) in [(u64::MAX, 100, 300), (260, 5, 260), (250, 0, 250)] {
        let seen = region.as_of(&a, &who, version, n_records).await.unwrap();
        assert_eq!(seen.cell.unwrap().version(), is);
        assert_eq!(seen.records.len(), n_records);
        assert!(seen.records.first().is_none_or(|newest| newest.version_after() == is));
    }
    let before = region.as_of(&a, &who, 120, 1).await.err();
    assert!(matches!(before, Some(HistoryError::Unreadable(_))), "{before:?}");
    tokio::select! {
        biased;
        _ = region.as_of(&a, &who, u64::MAX, 100) => panic!("a long walk lets others run"),
        () = std::future::ready(()) => {}
    }
}

#[tokio::test]
async fn a_journal_whose_chain_is_broken_is_unreadable_and_not_unavailable() {
    let (store, clock) = (MemoryStore::new(4), TestClock::at(1));
    let a = key(NOTE, "a");
    let mut broken = step(&a, 0, 1, &["x"]);
    broken.prev = 99;
    commit(&store, a.shard(4), &[broken]).await;
    let node = Node::start(ctx(&store, &clock), NodeOptions::default()).await.unwrap();
    let region = node.region();
    let history = region.history(&a, &ask(), 0).await;
    assert!(matches!(history, Err(HistoryError::Unreadable(_))), "{history:?}");
    let seen = region.query_at::<Note>(&a, u64::MAX, &Text("?".into()), ask()).await;
    assert!(matches!(seen, Err(AskError::Unreadable)));
    node.seats.inbox(a.shard(4)).give_up();
    let seen = region.query_at::<Note>(&a, u64::MAX, &Text("?".into()), ask()).await;
    assert!(matches!(seen, Err(AskError::Unavailable)));
}
