//! A toy entity, a clock that tests move, and frames written straight into a store.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use codec::{Packed, Stored, TypeId, pack};
use entity::{
    Answer, Bounce, Cause, Context, Decision, Entity, EntityKey, EntityType, EntityTypes,
    EventContext, Kind, Publication, RecordSource, Sends, ShardId, StepRecord, Tenant, Timestamp,
};
use ports::{Frame, FrameHeader, MemoryStore, Store, Tail};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::ctx::{BoxFuture, Clock, Random};
use crate::outbox::Commits;

/// Published to `ORDERS`, or to `STOCK` when the text begins with `s`; panics on `boom`.
pub(crate) const NOTE: Kind = Kind(900);
/// Never published.
pub(crate) const SILENT: Kind = Kind(9);

/// A list of texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note(pub(crate) Vec<String>);

impl Stored for Note {
    const TYPE: TypeId = 0xFF00;
}

/// Command, event, reply, rejection, query and view of a [`Note`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Text(pub(crate) String);

impl Stored for Text {
    const TYPE: TypeId = 0xFF01;
}

pub(crate) fn publication(ctx: &EventContext<'_>, event: &Text) -> Publication {
    assert_ne!(event.0, "boom", "a bug of the toy");
    let stock = event.0.starts_with('s');
    Publication {
        event_type: if stock { "stock.changed" } else { "order.step" },
        domain: if stock { "stock" } else { "orders" },
        subject: ctx.key.public("toy"),
        partition_key: "p".into(),
        data_version: 1,
        data: format!("{{\"text\":\"{}\",\"version\":{}}}", event.0, ctx.version).into_bytes(),
    }
}

impl Entity for Note {
    const KIND: Kind = NOTE;
    const NAME: &'static str = "note";
    type Command = Text;
    type Event = Text;
    type Reply = Text;
    type Rejection = Text;
    type Query = Text;
    type View = Text;

    fn initial(_key: &EntityKey) -> Self {
        Self::default()
    }

    fn decide(&self, _ctx: &Context<'_>, command: Text) -> Result<Decision<Self>, Text> {
        Ok(Decision::event(command.clone()).replying(command))
    }

    fn wake(&self, _ctx: &Context<'_>) -> Decision<Self> {
        Decision::nothing()
    }

    fn bounced(&self, _ctx: &Context<'_>, _bounce: &Bounce<'_>) -> Decision<Self> {
        Decision::nothing()
    }

    fn evolve(&mut self, _ctx: &EventContext<'_>, event: &Text) {
        self.0.push(event.0.clone());
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        None
    }

    fn query(&self, _ctx: &Context<'_>, query: &Text) -> Answer<Text, Text> {
        match query.0.as_str() {
            "wait" => Answer::NotYet(query.clone()),
            _ => Answer::Ready(query.clone()),
        }
    }

    fn publication(ctx: &EventContext<'_>, event: &Text) -> Option<Publication> {
        Some(publication(ctx, event))
    }

    fn heap_bytes(&self) -> usize {
        self.0.iter().map(String::len).sum()
    }
}

/// Both kinds.
pub(crate) fn types() -> Arc<EntityTypes> {
    let note = EntityType::of::<Note>(|_| None);
    let silent = EntityType { kind: SILENT, name: "silent", publication: |_, _| Ok(None), ..note };
    Arc::new(EntityTypes::new().with(note).with(silent))
}

pub(crate) fn key(kind: Kind, name: &str) -> EntityKey {
    EntityKey::named(&Tenant::new("acme"), kind, name)
}

pub(crate) fn text(text: &str) -> Packed {
    pack(&Text(text.into())).unwrap()
}

/// A step of `key` at `at` that makes `texts` happen after `version`.
pub(crate) fn step(key: &EntityKey, version: u64, at: u64, texts: &[&str]) -> StepRecord {
    StepRecord {
        key: key.clone(),
        prev: 0,
        version,
        at: Timestamp(at),
        cause: Cause::default(),
        source: RecordSource::Caller,
        events: texts.iter().map(|t| text(t)).collect(),
        sends: Sends::new(),
        mark: None,
        kept: None,
        deadline: None,
        quarantine: None,
        dead_letter: None,
    }
}

/// The frame of `records` that continues `tail`.
pub(crate) fn frame(shard: ShardId, tail: Tail, records: &[StepRecord]) -> Frame {
    let mut payload = Vec::new();
    for record in records {
        Frame::push_record(&mut payload, record).unwrap();
    }
    let n_events = records.iter().map(|r| u32::try_from(r.events.len()).unwrap()).sum();
    let header = FrameHeader {
        shard,
        commit_no: tail.next_commit,
        epoch: tail.epoch,
        first_seq: tail.next_seq,
        n_events,
        record_version: StepRecord::VERSION,
        prev_crc: tail.crc,
    };
    Frame::new(header, payload)
}

/// Commits `records` as one frame of `shard`, as an owner whose epoch is over: durable for
/// everybody. Returns its commit number.
pub(crate) async fn commit(store: &MemoryStore, shard: ShardId, records: &[StepRecord]) -> u64 {
    let store: &dyn Store = store;
    let tail = store.claim(shard).await.unwrap();
    store.append(Arc::new(vec![frame(shard, tail, records)])).await.unwrap();
    store.claim(shard).await.unwrap();
    tail.next_commit
}

/// What a node would know that owns all shards of a store and finds these journals.
pub(crate) async fn owned(store: &MemoryStore) -> Arc<Commits> {
    let commits = Arc::new(Commits::default());
    own(store, &commits).await;
    commits
}

/// Lets a node own all shards of a store, in one tenure however often this is called.
pub(crate) async fn own(store: &MemoryStore, commits: &Commits) {
    let store: &dyn Store = store;
    for shard in (0..store.n_shards()).map(ShardId) {
        commits.opened(shard, 1, store.tail(shard).await.unwrap().next_commit - 1);
    }
}

/// A clock that stands still until a test moves it.
#[derive(Debug, Default)]
pub(crate) struct TestClock {
    steady: Arc<AtomicU64>,
    set_by: AtomicI64,
    moved: Arc<Notify>,
}

impl TestClock {
    pub(crate) fn at(now: u64) -> Arc<Self> {
        Arc::new(Self {
            steady: Arc::new(AtomicU64::new(now)),
            set_by: AtomicI64::new(0),
            moved: Arc::default(),
        })
    }

    /// Somebody sets what it shows, by so many ms; time goes on as before.
    pub(crate) fn set_by(&self, ms: i64) {
        self.set_by.fetch_add(ms, Ordering::SeqCst);
    }

    /// Moves it by `ms` at once.
    pub(crate) fn jump(&self, ms: u64) {
        self.steady.fetch_add(ms, Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// Lets time pass until `future` is ready. Panics after a minute of it.
    pub(crate) async fn during<T>(&self, future: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            value = future => value,
            () = self.advance(60_000) => panic!("a minute passed"),
        }
    }

    /// Moves it by `ms`, and lets everybody run in each of them who becomes due.
    pub(crate) async fn advance(&self, ms: u64) {
        for _ in 0..ms {
            settle().await;
            self.jump(1);
            settle().await;
        }
    }
}

/// Lets every task run until it waits. Enough turns for the longest chain of ready awaits here.
pub(crate) async fn settle() {
    for _ in 0..32 {
        tokio::task::yield_now().await;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.steady().0.saturating_add_signed(self.set_by.load(Ordering::SeqCst)))
    }

    fn steady(&self) -> Timestamp {
        Timestamp(self.steady.load(Ordering::SeqCst))
    }

    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        let (now, moved) = (Arc::clone(&self.steady), Arc::clone(&self.moved));
        let until = now.load(Ordering::SeqCst) + ms;
        Box::pin(async move {
            loop {
                let notified = moved.notified();
                if now.load(Ordering::SeqCst) >= until {
                    return;
                }
                notified.await;
            }
        })
    }
}

/// The same bits for ever.
#[derive(Debug, Default)]
pub(crate) struct NoRandom;

impl Random for NoRandom {
    fn bits(&self) -> u64 {
        0x9E37_79B9_7F4A_7C15
    }
}
