//! Contract, restarts, the lock, a failed sync, closing.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use entity::ShardId;
use ports::contract::{self, sample};
use ports::{AppendError, Journal, Meta, Peek, SnapshotStore, SnapshotWrite, StoreError, Tail};

use super::rig::{OPTIONS, Rig, derived, frames, image, open};
use crate::{EmbeddedStore, OpenError, Options};

#[tokio::test]
async fn contract_holds_and_what_it_wrote_survives() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    contract::journal(&store).await;
    contract::snapshots(&store).await;
    contract::meta(&store).await;
    contract::views(&store).await;
    let mut before = Vec::new();
    for shard in 0..OPTIONS.n_shards {
        let shard = ShardId(shard);
        let frames = store.read(shard, 1, usize::MAX).await.unwrap();
        before.push((store.tail(shard).await.unwrap(), frames));
    }
    let report = store.verify().unwrap();
    let history = store.history();
    drop(store);

    // Another number of shards is asked for in vain: the store has its own.
    let store = EmbeddedStore::open(dir.path(), Options { n_shards: 9, ..OPTIONS }).unwrap();
    assert_eq!(store.n_shards(), OPTIONS.n_shards);
    assert_eq!(store.history(), history);
    assert_eq!(store.verify().unwrap(), report);
    assert!(report.n_frames > 10 && report.n_bytes > 1024 * 1024);
    for (shard, (tail, frames)) in (0..).map(ShardId).zip(before) {
        assert_eq!(store.tail(shard).await.unwrap(), tail);
        assert_eq!(store.read(shard, 1, usize::MAX).await.unwrap(), frames);
    }
    let found = store.snapshot(ShardId(1), &sample::key("cart-1")).await.unwrap();
    assert_eq!(found, Some(sample::snapshot(9, 200)));
    let value = store.value("contract.key").await.unwrap();
    assert_eq!(value, Some(vec![0; 100_000]));
}

#[tokio::test]
async fn an_empty_store_is_made_and_opened_quickly() {
    let dir = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let store = EmbeddedStore::open(&dir.path().join("a/b/c"), Options::default()).unwrap();
    let made = start.elapsed();
    assert_eq!(store.n_shards(), 64);
    assert!(store.disk_bytes().unwrap() > 0);
    drop(store);
    let start = Instant::now();
    drop(EmbeddedStore::open(&dir.path().join("a/b/c"), Options::default()).unwrap());
    let opened = start.elapsed();
    assert!(
        made < Duration::from_secs(2) && opened < Duration::from_secs(2),
        "{made:?} {opened:?}"
    );
}

#[tokio::test]
async fn histories_differ() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (a, b) = (open(a.path()).unwrap(), open(b.path()).unwrap());
    assert_ne!(a.history(), b.history());
}

#[tokio::test]
async fn a_second_process_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let refused = open(dir.path()).unwrap_err();
    assert!(matches!(refused, OpenError::Locked) && refused.is_refusal(), "{refused}");
    drop(store);
    open(dir.path()).unwrap();
}

#[tokio::test]
async fn restarts_go_on_under_a_new_epoch() {
    let mut rig = Rig::new().await;
    for round in 1..=5 {
        rig.append(10, 300).await;
        rig.derive(round).await;
        rig.store().set_value("round", vec![1, 2, 3]).await.unwrap();
        drop(rig.store.take());
        let store = open(rig.dir.path()).unwrap();
        assert_eq!(frames(&store).await.unwrap(), rig.acked);
        assert_eq!(derived(&store).await, [round; 5]);
        assert_eq!(store.value("round").await.unwrap(), Some(vec![1, 2, 3]));
        for (shard, tail) in (0..).map(ShardId).zip(&mut rig.tails) {
            assert_eq!(store.tail(shard).await.unwrap(), *tail);
            *tail = store.claim(shard).await.unwrap();
            assert_eq!(tail.epoch, round + 1);
        }
        rig.store = Some(store);
    }
}

#[tokio::test]
async fn groups_handed_in_together_share_a_sync_and_stay_in_order() {
    let rig = Rig::new().await;
    let store = Arc::new(rig.store.unwrap());
    let mut tasks = Vec::new();
    for (shard, tail) in (0..).map(ShardId).zip(rig.tails) {
        let store = Arc::clone(&store);
        tasks.push(tokio::spawn(async move {
            let mut tail = tail;
            for _ in 0..50 {
                (_, tail) = sample::append(&*store, shard, tail, 100).await;
                let name = format!("v{}", shard.0 / 2);
                store.set_value(&name, vec![1]).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(store.verify().unwrap().n_frames, 200);
    let copy = image(rig.dir.path());
    let again = open(copy.path()).unwrap();
    assert_eq!(again.verify().unwrap().n_frames, 200);
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_acknowledged() {
    let mut rig = Rig::new().await;
    rig.append(5, 100).await;
    let image = rig.image();
    let store = rig.store();
    let told = tokio::time::timeout(Duration::from_millis(10), store.failed()).await;
    assert!(told.is_err(), "nothing has failed yet");
    store.shared.fail_commit.store(true, Ordering::SeqCst);
    let frame = sample::frame(ShardId(1), rig.tails[1], 1, 1, 10);
    let failed = store.append(Arc::new(vec![frame.clone()])).await;
    assert!(matches!(failed, Err(AppendError::Fatal(_))), "{failed:?}");
    assert!(store.is_fatal());
    store.failed().await;
    let failed = store.append(Arc::new(vec![frame])).await;
    assert!(matches!(failed, Err(AppendError::Fatal(_))), "for good: {failed:?}");
    let failed = store.append(Arc::new(Vec::new())).await;
    assert!(matches!(failed, Err(AppendError::Fatal(_))), "an empty group too: {failed:?}");
    assert!(matches!(store.claim(ShardId(0)).await, Err(StoreError::Fatal(_))));
    assert!(matches!(store.tail(ShardId(0)).await, Err(StoreError::Fatal(_))));
    assert!(matches!(store.read(ShardId(0), 1, 1).await, Err(StoreError::Fatal(_))));
    assert!(matches!(store.set_value("a", vec![]).await, Err(StoreError::Fatal(_))));
    let write = store.write(ShardId(0), SnapshotWrite::default()).await;
    assert!(matches!(write, Err(StoreError::Fatal(_))));
    let again = open(image.path()).unwrap();
    assert_eq!(frames(&again).await.unwrap(), rig.acked);
}

#[tokio::test]
async fn close_finishes_what_was_handed_in() {
    let mut rig = Rig::new().await;
    rig.append(3, 100).await;
    rig.derive(1).await;
    let store = rig.store();
    store.close().await;
    store.close().await;
    let frame = sample::frame(ShardId(3), rig.tails[3], 1, 1, 10);
    let late = store.append(Arc::new(vec![frame])).await;
    assert!(matches!(late, Err(AppendError::Unknown(_))), "{late:?}");
    assert!(matches!(store.set_value("a", vec![]).await, Err(StoreError::Unavailable(_))));
    assert_eq!(frames(store).await.unwrap(), rig.acked, "reads still answer");
    let peek = store.peek(ShardId(0), &sample::key("o")).unwrap();
    assert!(matches!(peek, Peek::Found(_)));
}

#[tokio::test]
async fn a_creation_that_was_cut_short_is_done_again() {
    let whole = tempfile::tempdir().unwrap();
    drop(open(whole.path()).unwrap());
    let without = |names: &[&str]| {
        let copy = image(whole.path());
        for name in names {
            let path = copy.path().join(name);
            if path.is_dir() {
                fs::remove_dir_all(path).unwrap();
            } else {
                fs::remove_file(path).unwrap();
            }
        }
        copy
    };
    for names in [
        &["identity"][..],
        &["identity", "acked", "marks.b"],
        &["identity", "acked", "marks.a", "marks.b", "derived"],
        &["identity", "log/00000000000000000001.log", "derived", "marks.a", "marks.b"],
        &["identity", "log", "values", "derived/keyspaces/2", "marks.a", "marks.b"],
    ] {
        let copy = without(names);
        let store = open(copy.path()).unwrap_or_else(|error| panic!("{names:?}: {error}"));
        let tail = store.claim(ShardId(0)).await.unwrap();
        assert_eq!(tail, Tail { epoch: 1, ..Tail::EMPTY });
        drop(store);
        open(copy.path()).unwrap();
    }
}
