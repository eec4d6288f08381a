//! Contract of snapshots, timers and checkpoints.

use entity::{EntityKey, ShardId, Snapshot, Timestamp};

use super::sample::{append, key, snapshot};
use crate::{Checkpoint, OutStreamState, Peek, SnapshotWrite, Store, StoreError, TimerRow};

const SHARD: ShardId = ShardId(1);
const OTHER: ShardId = ShardId(2);
/// The last commit that snapshots and checkpoints below speak of.
const LAST_COMMIT: u64 = 20;

/// Holds a store to its promises about snapshots. `store` has no snapshots yet.
pub async fn snapshots(store: &dyn Store) {
    // Snapshots and checkpoints are of commits that are durable.
    for shard in [SHARD, OTHER] {
        let mut tail = store.claim(shard).await.expect("the store answers");
        while tail.next_commit <= LAST_COMMIT {
            (_, tail) = append(store, shard, tail, 10).await;
        }
    }
    newest_wins(store).await;
    checkpoints(store).await;
    timers(store).await;
    fence(store).await;
}

/// What the present owner of a shard writes: nothing yet.
async fn own(store: &dyn Store, shard: ShardId) -> SnapshotWrite {
    let epoch = store.tail(shard).await.expect("answers").epoch;
    SnapshotWrite { epoch, ..SnapshotWrite::default() }
}

async fn put(store: &dyn Store, shard: ShardId, snapshots: Vec<(EntityKey, Snapshot)>) {
    let write = SnapshotWrite { snapshots, ..own(store, shard).await };
    store.write(shard, write).await.expect("the store answers");
}

async fn newest_wins(store: &dyn Store) {
    let (cart, order) = (key("cart-1"), key("order-1"));
    assert_eq!(store.snapshot(SHARD, &cart).await.expect("answers"), None);
    let peek = store.peek(SHARD, &cart).expect("answers");
    assert!(matches!(peek, Peek::Missing | Peek::Unknown), "not there: {peek:?}");
    put(store, SHARD, vec![(cart.clone(), snapshot(5, 100)), (order.clone(), snapshot(6, 0))])
        .await;
    put(store, SHARD, vec![(cart.clone(), snapshot(9, 200)), (order.clone(), snapshot(3, 1))])
        .await;
    put(store, SHARD, vec![(cart.clone(), snapshot(7, 300))]).await;
    put(store, SHARD, vec![(order.clone(), snapshot(6, 0))]).await;
    for (key, expected) in [(&cart, snapshot(9, 200)), (&order, snapshot(6, 0))] {
        let found = store.snapshot(SHARD, key).await.expect("answers");
        assert_eq!(found, Some(expected.clone()), "the newest stays");
        match store.peek(SHARD, key).expect("answers") {
            Peek::Found(found) => assert_eq!(*found, expected, "peek sees the same"),
            Peek::Unknown => {}
            Peek::Missing => panic!("peek misses what is there"),
        }
    }
    let found = store.snapshot(OTHER, &cart).await.expect("answers");
    assert_eq!(found, None, "shards do not see each other");
    let large = snapshot(LAST_COMMIT, 1024 * 1024);
    put(store, SHARD, vec![(key("large"), large.clone())]).await;
    let found = store.snapshot(SHARD, &key("large")).await.expect("answers");
    assert_eq!(found, Some(large), "a large state is whole");
}

async fn checkpoints(store: &dyn Store) {
    assert_eq!(store.checkpoint(SHARD).await.expect("answers"), None);
    let out = vec![OutStreamState { to_shard: OTHER, last: 3, unacked: Vec::new() }];
    let of = |commit_no| Checkpoint {
        commit_no,
        time: Timestamp(commit_no * 10),
        out: out.clone(),
        ..Checkpoint::default()
    };
    for (written, expected) in [(4, 4), (8, 8), (6, 8), (8, 8), (9, 9)] {
        let write = SnapshotWrite { checkpoint: Some(of(written)), ..own(store, SHARD).await };
        store.write(SHARD, write).await.expect("answers");
        let found = store.checkpoint(SHARD).await.expect("answers");
        assert_eq!(found, Some(of(expected)), "the newest checkpoint stays");
    }
    assert_eq!(store.checkpoint(OTHER).await.expect("answers"), None, "of its own shard");
}

async fn timers(store: &dyn Store) {
    let row = |at: u64, name: &str| TimerRow { at: Timestamp(at), key: key(name) };
    let mut rows = vec![row(30, "a"), row(10, "b"), row(20, "c"), row(20, "d"), row(20, "e")];
    let write = SnapshotWrite { timers_put: rows.clone(), ..own(store, SHARD).await };
    store.write(SHARD, write).await.expect("answers");
    let far = SnapshotWrite { timers_put: vec![row(5, "far")], ..own(store, OTHER).await };
    store.write(OTHER, far).await.expect("answers");
    rows.sort();

    let due = |after: Option<TimerRow>, until, limit| async move {
        let until = Timestamp(until);
        store.timers(SHARD, after.as_ref(), until, limit).await.expect("answers")
    };
    assert_eq!(due(None, u64::MAX, 10).await, rows, "earliest first");
    assert_eq!(due(None, 20, 10).await, rows[..4], "until, itself included");
    assert_eq!(due(None, 9, 10).await, [], "nothing is due");
    let mut paged = Vec::new();
    loop {
        let page = due(paged.last().cloned(), u64::MAX, 2).await;
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2, "a page ends at its limit");
        paged.extend(page);
    }
    assert_eq!(paged, rows, "pages join without a gap or a repeat");

    let write = SnapshotWrite {
        timers_delete: vec![rows[0].clone(), rows[4].clone(), row(99, "never")],
        timers_put: vec![rows[4].clone(), rows[1].clone()],
        ..own(store, SHARD).await
    };
    store.write(SHARD, write).await.expect("answers");
    assert_eq!(due(None, u64::MAX, 10).await, rows[1..], "deleted, then put");
}

/// An owner that lost the shard and does not know it.
async fn fence(store: &dyn Store) {
    let row = |at: u64| TimerRow { at: Timestamp(at), key: key("sleeper") };
    let found = || async {
        let rows = store.timers(OTHER, None, Timestamp::MAX, 10).await.expect("answers");
        rows.into_iter().filter(|found| found.key == key("sleeper")).collect::<Vec<_>>()
    };
    let old = own(store, OTHER).await;
    let set = SnapshotWrite { timers_put: vec![row(40)], ..old.clone() };
    store.write(OTHER, set).await.expect("the owner writes");
    store.claim(OTHER).await.expect("answers");
    let new = own(store, OTHER).await;
    assert!(new.epoch > old.epoch, "a claim raises the epoch");
    // The new owner has taken the deadline back and set it again.
    for deadlines in [(vec![row(40)], vec![row(50)]), (vec![row(50)], vec![row(40)])] {
        let (timers_delete, timers_put) = deadlines;
        let write = SnapshotWrite { timers_delete, timers_put, ..new.clone() };
        store.write(OTHER, write).await.expect("the owner writes");
    }
    let late = SnapshotWrite {
        snapshots: vec![(key("sleeper"), snapshot(LAST_COMMIT, 1))],
        timers_put: vec![row(60)],
        timers_delete: vec![row(40)],
        checkpoint: Some(Checkpoint { commit_no: LAST_COMMIT, ..Checkpoint::default() }),
        ..old
    };
    let refused = store.write(OTHER, late).await;
    let epoch = new.epoch;
    let is_fenced = matches!(
        refused,
        Err(StoreError::Fenced { shard: OTHER, epoch: newer }) if newer == epoch
    );
    assert!(is_fenced, "{refused:?}");
    assert_eq!(found().await, [row(40)], "what the new owner has set stays, and nothing else");
    assert_eq!(store.snapshot(OTHER, &key("sleeper")).await.expect("answers"), None);
    assert_eq!(store.checkpoint(OTHER).await.expect("answers"), None, "whole or not at all");
}
