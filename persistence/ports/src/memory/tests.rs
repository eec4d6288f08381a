//! The model against the contract, and its own crash and fault behaviour.

mod ownership;

use std::sync::Arc;

use super::*;
use crate::contract::{self, sample};
use crate::{AppendError, Journal, Meta, Peek, SnapshotStore, SnapshotWrite, Views};

#[tokio::test]
async fn contract_holds_with_one_log() {
    let store = MemoryStore::new(contract::N_SHARDS);
    contract::journal(&store).await;
    contract::snapshots(&store).await;
    contract::meta(&store).await;
    contract::views(&store).await;
    contract::ownership(&store).await;
    store.check_marks().unwrap();
}

#[tokio::test]
async fn contract_holds_with_a_log_per_shard_and_blind_peeks() {
    let store = MemoryStore::with_shard_logs(contract::N_SHARDS);
    store.set_blind_peek(true);
    contract::journal(&store).await;
    contract::snapshots(&store).await;
    contract::meta(&store).await;
    contract::views(&store).await;
    contract::ownership(&store).await;
}

/// Writes derived data in three steps; the n-th leaves `n` behind everywhere.
async fn write_derived(store: &MemoryStore, shard: ShardId, n: u64) {
    let write = SnapshotWrite {
        epoch: store.tail(shard).await.unwrap().epoch,
        snapshots: vec![(sample::key("o"), sample::snapshot(n, 10))],
        timers_put: vec![TimerRow { at: entity::Timestamp(n), key: sample::key("o") }],
        timers_delete: vec![TimerRow { at: entity::Timestamp(n - 1), key: sample::key("o") }],
        checkpoint: Some(Checkpoint { commit_no: n, ..Checkpoint::default() }),
    };
    store.write(shard, write).await.unwrap();
    let write = crate::CursorWrite { shard, epoch: 1, value: vec![n.to_le_bytes()[0]] };
    store.set_cursors("c", vec![write]).await.unwrap();
    let row = crate::ViewRow { key: b"k".to_vec(), value: vec![n.to_le_bytes()[0]] };
    store.apply("v", shard, n, vec![crate::ViewWrite::Put(row)]).await.unwrap();
}

async fn derived(store: &MemoryStore, shard: ShardId) -> [u64; 6] {
    let key = sample::key("o");
    let all = entity::Timestamp::MAX;
    let timers = store.timers(shard, None, all, 10).await.unwrap();
    assert!(timers.len() <= 1, "each step replaces the timer before it");
    [
        store.snapshot(shard, &key).await.unwrap().map_or(0, |s| s.last_commit),
        timers.first().map_or(0, |row| row.at.0),
        store.checkpoint(shard).await.unwrap().map_or(0, |c| c.commit_no),
        store.cursor(shard, "c").await.unwrap().map_or(0, |c| u64::from(c[0])),
        store.view_cursor("v", shard).await.unwrap(),
        store.row("v", b"k").await.unwrap().map_or(0, |v| u64::from(v[0])),
    ]
}

#[tokio::test]
async fn crash_forgets_what_was_not_synced_and_keeps_a_prefix() {
    let shard = ShardId(0);
    let store = MemoryStore::new(1);
    let tail = store.claim(shard).await.unwrap();
    write_derived(&store, shard, 1).await;
    store.crash();
    assert_eq!(derived(&store, shard).await, [0; 6]);

    write_derived(&store, shard, 1).await;
    let (_, tail) = sample::append(&store, shard, tail, 10).await;
    write_derived(&store, shard, 2).await;
    assert_eq!(store.n_unsynced(), 3);
    store.crash();
    assert_eq!(derived(&store, shard).await, [1; 6], "an append syncs what came before it");
    assert_eq!(store.tail(shard).await.unwrap(), tail, "appends are durable");

    write_derived(&store, shard, 2).await;
    write_derived(&store, shard, 3).await;
    store.crash_keeping(4);
    assert_eq!(derived(&store, shard).await, [3, 3, 3, 2, 2, 2], "the first four writes");
    store.crash();
    assert_eq!(derived(&store, shard).await, [3, 3, 3, 2, 2, 2], "what reached the disk stays");

    write_derived(&store, shard, 4).await;
    store.set_value("key", vec![1]).await.unwrap();
    store.crash();
    assert_eq!(derived(&store, shard).await, [4; 6], "a named value is synced");
}

#[tokio::test]
async fn append_faults() {
    let shard = ShardId(0);
    let store = MemoryStore::new(1);
    let mut tail = store.claim(shard).await.unwrap();
    let append = |frame: Frame| async { store.append(Arc::new(vec![frame])).await };

    store.inject(AppendFault::UnknownApplied);
    store.inject(AppendFault::UnknownNotApplied);
    let first = sample::frame(shard, tail, 1, 1, 10);
    assert!(matches!(append(first.clone()).await, Err(AppendError::Unknown(_))));
    tail = tail.after(&first);
    assert_eq!(store.tail(shard).await.unwrap(), tail, "it was applied");
    let second = sample::frame(shard, tail, 1, 1, 10);
    assert!(matches!(append(second.clone()).await, Err(AppendError::Unknown(_))));
    assert_eq!(store.tail(shard).await.unwrap(), tail, "it was not applied");
    append(first).await.unwrap();
    append(second.clone()).await.unwrap();
    tail = tail.after(&second);

    store.inject(AppendFault::Fenced);
    let third = sample::frame(shard, tail, 1, 1, 10);
    let refused = append(third).await;
    assert!(matches!(refused, Err(AppendError::Fenced { epoch: 2, .. })), "{refused:?}");
    assert_eq!(store.tail(shard).await.unwrap(), Tail { epoch: 2, ..tail });

    store.inject(AppendFault::Fatal);
    tail = Tail { epoch: 2, ..tail };
    let fourth = sample::frame(shard, tail, 1, 1, 10);
    assert!(matches!(append(fourth.clone()).await, Err(AppendError::Fatal(_))));
    assert!(matches!(append(fourth.clone()).await, Err(AppendError::Fatal(_))), "for good");
    assert!(matches!(store.tail(shard).await, Err(StoreError::Fatal(_))));
    assert!(matches!(store.peek(shard, &sample::key("o")), Err(StoreError::Fatal(_))));
    store.crash();
    append(fourth).await.unwrap();
}

#[tokio::test]
async fn a_lost_tail_is_seen_by_the_publish_mark_and_the_chain() {
    let shard = ShardId(0);
    let store = MemoryStore::new(2);
    let tail = store.claim(shard).await.unwrap();
    let (_, tail) = sample::append(&store, shard, tail, 10).await;
    let (_, tail) = sample::append(&store, shard, tail, 10).await;
    store.set_publish_mark(vec![(shard, 1)]).await.unwrap();
    store.lose_tail(shard, 2);
    store.check_marks().unwrap();
    let next = sample::frame(shard, tail, 1, 1, 10);
    let refused = store.append(Arc::new(vec![next])).await;
    assert!(matches!(refused, Err(AppendError::Broken { expected: 2, .. })), "{refused:?}");
    store.lose_tail(shard, 1);
    assert!(matches!(store.check_marks(), Err(StoreError::Damaged(_))));
}

#[tokio::test]
async fn a_shard_that_does_not_exist_is_refused() {
    let store = MemoryStore::new(2);
    let nowhere = ShardId(2);
    assert!(matches!(store.tail(nowhere).await, Err(StoreError::Damaged(_))));
    assert!(matches!(store.claim(nowhere).await, Err(StoreError::Damaged(_))));
    assert!(store.apply("v", nowhere, 1, Vec::new()).await.is_err());
    let tail = Tail { epoch: 1, ..Tail::EMPTY };
    let refused = store.append(Arc::new(vec![sample::frame(nowhere, tail, 1, 1, 1)])).await;
    assert!(matches!(refused, Err(AppendError::Broken { .. })), "{refused:?}");
    let store = MemoryStore::new(1);
    store.set_blind_peek(true);
    assert_eq!(store.peek(ShardId(0), &sample::key("o")).unwrap(), Peek::Unknown);
}
