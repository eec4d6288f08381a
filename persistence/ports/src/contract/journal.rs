//! Contract of the journal: chain, fence, repeats, groups, reads (I1, I2).

use std::sync::Arc;

use entity::ShardId;

use super::sample::{append, frame};
use crate::{AppendError, Frame, FrameHeader, Store, Tail};

/// Holds a store to its journal's promises. `store` is fresh and has at least four shards.
pub async fn journal(store: &dyn Store) {
    chain_and_reads(store, ShardId(0)).await;
    repeats(store, ShardId(0)).await;
    broken_chains(store, ShardId(1)).await;
    fence(store, ShardId(2)).await;
    large_frames(store, ShardId(3)).await;
    if store.one_log() {
        groups(store).await;
    }
}

async fn claimed(store: &dyn Store, shard: ShardId) -> Tail {
    let before = store.tail(shard).await.expect("the store answers");
    let tail = store.claim(shard).await.expect("the store answers");
    assert_eq!(tail, Tail { epoch: before.epoch + 1, ..before }, "a claim raises the epoch by one");
    tail
}

async fn read_all(store: &dyn Store, shard: ShardId) -> Vec<Frame> {
    store.read(shard, 1, usize::MAX).await.expect("the store answers")
}

async fn chain_and_reads(store: &dyn Store, shard: ShardId) {
    assert_eq!(store.tail(shard).await.expect("answers"), Tail::EMPTY, "a fresh shard is empty");
    assert_eq!(read_all(store, shard).await, [], "a fresh shard has no frames");
    let mut tail = claimed(store, shard).await;
    let mut written = Vec::new();
    for n_bytes in [0, 1, 100, 1000, 10, 64 * 1024] {
        let (frame, after) = append(store, shard, tail, n_bytes).await;
        written.push(frame);
        tail = after;
        assert_eq!(store.tail(shard).await.expect("answers"), tail, "the tail follows appends");
    }
    assert_eq!(read_all(store, shard).await, written, "what was written is read");
    let mut expected = 0;
    for frame in &written {
        expected += 1;
        assert_eq!(frame.header.commit_no, expected, "I2: commits are contiguous from 1");
    }
    for (from, max_bytes, n) in [(1, 0, 1), (2, 101, 2), (2, 100, 1), (3, 1100, 2), (6, 1, 1)] {
        let read = store.read(shard, from, max_bytes).await.expect("answers");
        let start = usize::try_from(from - 1).expect("small");
        assert_eq!(read, written[start..start + n], "read from {from}, at most {max_bytes} bytes");
    }
    assert_eq!(store.read(shard, 7, 1000).await.expect("answers"), [], "nothing behind the tail");
    let all = store.read(shard, 0, usize::MAX).await.expect("answers");
    assert_eq!(all, written, "from 0 is from the start");
}

async fn repeats(store: &dyn Store, shard: ShardId) {
    let written = read_all(store, shard).await;
    let tail = store.tail(shard).await.expect("answers");
    for index in [written.len() - 1, 0, 2] {
        let again = Arc::new(vec![written[index].clone()]);
        store.append(again).await.expect("an identical frame counts as written");
    }
    assert_eq!(store.tail(shard).await.expect("answers"), tail, "repeats move nothing");
    for index in [written.len() - 1, 1] {
        let FrameHeader { commit_no, first_seq, prev_crc, .. } = written[index].header;
        let at = Tail { next_commit: commit_no, next_seq: first_seq, crc: prev_crc, ..tail };
        let other = frame(shard, at, 1, 200, 50);
        let refused = store.append(Arc::new(vec![other])).await;
        assert!(
            matches!(refused, Err(AppendError::Broken { .. })),
            "other bytes for commit {commit_no}: {refused:?}"
        );
    }
    assert_eq!(read_all(store, shard).await, written, "refused frames leave no trace");
    store.append(Arc::new(Vec::new())).await.expect("an empty group is fine");
}

async fn broken_chains(store: &dyn Store, shard: ShardId) {
    let unclaimed = frame(shard, Tail::EMPTY, 1, 0, 8);
    let refused = store.append(Arc::new(vec![unclaimed])).await;
    assert!(matches!(refused, Err(AppendError::Broken { .. })), "nobody owns it: {refused:?}");

    let tail = claimed(store, shard).await;
    let (_, tail) = append(store, shard, tail, 16).await;
    let gap = Tail { next_commit: tail.next_commit + 1, ..tail };
    let seq_gap = Tail { next_seq: tail.next_seq + 1, ..tail };
    let seq_back = Tail { next_seq: tail.next_seq - 1, ..tail };
    let crc = Tail { crc: tail.crc ^ 1, ..tail };
    let future = Tail { epoch: tail.epoch + 1, ..tail };
    for (name, at) in
        [("gap", gap), ("events", seq_gap), ("events", seq_back), ("chain", crc), ("epoch", future)]
    {
        let refused = store.append(Arc::new(vec![frame(shard, at, 1, 5, 8)])).await;
        let Err(AppendError::Broken { expected, .. }) = refused else {
            panic!("{name}: {refused:?}");
        };
        assert_eq!(expected, tail.next_commit, "{name}: what would be next");
    }
    let mut damaged = frame(shard, tail, 1, 5, 8);
    damaged.payload[3] ^= 1;
    let refused = store.append(Arc::new(vec![damaged])).await;
    assert!(matches!(refused, Err(AppendError::Broken { .. })), "damaged: {refused:?}");
    assert_eq!(store.tail(shard).await.expect("answers"), tail, "refused frames move nothing");
    append(store, shard, tail, 8).await;
}

async fn fence(store: &dyn Store, shard: ShardId) {
    let old = claimed(store, shard).await;
    let (written, old) = append(store, shard, old, 30).await;
    let new = claimed(store, shard).await;
    assert!(new.epoch > old.epoch, "epochs rise strictly");
    for zombie in [frame(shard, old, 1, 1, 30), written] {
        let refused = store.append(Arc::new(vec![zombie])).await;
        assert!(
            matches!(refused, Err(AppendError::Fenced { epoch, .. }) if epoch == new.epoch),
            "I1: an older epoch is told so: {refused:?}"
        );
    }
    let (_, tail) = append(store, shard, new, 30).await;
    assert_eq!(store.tail(shard).await.expect("answers"), tail, "the new owner goes on");
    let epochs: Vec<u64> =
        read_all(store, shard).await.iter().map(|frame| frame.header.epoch).collect();
    assert_eq!(epochs, [old.epoch, new.epoch], "I1: no frame of an older epoch after a claim");
}

async fn large_frames(store: &dyn Store, shard: ShardId) {
    let tail = claimed(store, shard).await;
    let n_bytes = 512 * 1024;
    let (first, tail) = append(store, shard, tail, n_bytes).await;
    let (second, _) = append(store, shard, tail, n_bytes).await;
    let read = store.read(shard, 1, n_bytes).await.expect("answers");
    assert_eq!(read.len(), 1, "a page ends at its limit");
    assert_eq!(read_all(store, shard).await, [first, second], "large frames are whole");
}

async fn groups(store: &dyn Store) {
    let (a, b) = (ShardId(0), ShardId(1));
    let tails = [claimed(store, a).await, claimed(store, b).await];
    let good = vec![frame(a, tails[0], 1, 1, 10), frame(b, tails[1], 1, 2, 10)];
    let one_bad = vec![good[0].clone(), frame(b, Tail { crc: 1, ..tails[1] }, 1, 2, 10)];
    let refused = store.append(Arc::new(one_bad)).await;
    assert!(matches!(refused, Err(AppendError::Broken { shard, .. }) if shard == b));
    assert_eq!(store.tail(a).await.expect("answers"), tails[0], "all or none");
    let twice = vec![good[0].clone(), good[0].clone()];
    let refused = store.append(Arc::new(twice)).await;
    assert!(matches!(refused, Err(AppendError::Broken { .. })), "one frame a shard: {refused:?}");
    store.append(Arc::new(good.clone())).await.expect("the group continues both chains");
    for (shard, tail, frame) in [(a, tails[0], &good[0]), (b, tails[1], &good[1])] {
        assert_eq!(store.tail(shard).await.expect("answers"), tail.after(frame), "both moved");
    }
    let tail = store.tail(a).await.expect("answers");
    let mixed = vec![frame(a, tail, 1, 3, 10), good[1].clone()];
    store.append(Arc::new(mixed)).await.expect("a repeat beside a new frame is fine");
    let next = store.tail(a).await.expect("answers").next_commit;
    assert_eq!(next, tail.next_commit + 1, "the new one was written");
}
