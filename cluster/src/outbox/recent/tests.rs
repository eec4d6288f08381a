//! What lies in memory, what no longer does, and that readers cross from the store into it.

use std::collections::BTreeMap;

use entity::Timestamp;
use ports::{MemoryStore, SharedStore, Tail};

use super::*;
use crate::outbox::tests::toy::{NOTE, frame, key, step};
use crate::outbox::{Commits, Reader};

const A: ShardId = ShardId(0);
const B: ShardId = ShardId(1);

/// The next frame of a shard: one step with a text.
fn next(shard: ShardId, tail: &mut Tail, text: &str) -> Frame {
    let version = tail.next_seq - 1;
    let next = frame(shard, *tail, &[step(&key(NOTE, "a"), version, tail.next_commit, &[text])]);
    *tail = tail.after(&next);
    next
}

/// With so many readers that nothing goes because all have read it.
fn room_for(bytes_max: usize) -> Recent {
    let mut recent = Recent::new(bytes_max);
    recent.n_readers = usize::MAX;
    recent
}

fn push(recent: &mut Recent, group: Vec<Frame>) {
    let group = Arc::new(group);
    for index in 0..group.len() {
        recent.push(&group, index, group[index].records().unwrap());
    }
}

fn start() -> Tail {
    Tail { epoch: 1, ..Tail::EMPTY }
}

fn commits(frames: Option<Vec<Arc<DurableFrame>>>) -> Option<Vec<u64>> {
    let commits = |frames: Vec<Arc<DurableFrame>>| {
        frames.iter().map(|frame| frame.frame().header.commit_no).collect()
    };
    frames.map(commits)
}

/// Bytes and number of the frames that are there.
fn held(recent: &Recent) -> (usize, usize) {
    let frames = || recent.shards.iter().flat_map(|of| &of.frames);
    (frames().map(|kept| bytes(&kept.frame)).sum(), frames().count())
}

/// Payloads that are there, those of frames that went with a group that is there, too.
fn payloads(recent: &Recent) -> usize {
    let frames = recent.shards.iter().flat_map(|of| &of.frames);
    let groups: BTreeMap<_, _> =
        frames.map(|kept| (Arc::as_ptr(&kept.frame.group), &kept.frame.group)).collect();
    groups.values().flat_map(|group| group.iter()).map(|frame| frame.payload.len()).sum()
}

#[test]
fn a_shard_is_read_from_any_commit_that_is_here() {
    let (mut a, mut b) = (start(), start());
    let mut recent = room_for(usize::MAX);
    push(&mut recent, vec![next(A, &mut a, "1"), next(B, &mut b, "1")]);
    push(&mut recent, vec![next(A, &mut a, "2")]);
    push(&mut recent, vec![next(B, &mut b, "2"), next(A, &mut a, "3")]);
    assert_eq!(commits(recent.read(A, 1, usize::MAX)), Some(vec![1, 2, 3]));
    assert_eq!(commits(recent.read(A, 2, usize::MAX)), Some(vec![2, 3]));
    assert_eq!(commits(recent.read(B, 1, usize::MAX)), Some(vec![1, 2]));
    assert_eq!(commits(recent.read(A, 2, 1)), Some(vec![2]), "at least one");
    assert_eq!(commits(recent.read(A, 4, usize::MAX)), None, "nothing of the future");
    assert_eq!(commits(recent.read(A, 0, usize::MAX)), None);
    assert_eq!(commits(recent.read(ShardId(7), 1, usize::MAX)), None);
}

#[test]
fn it_is_bounded_and_the_oldest_go_first_whatever_their_shard() {
    let (mut a, mut b) = (start(), start());
    let mut recent = room_for(64 * 1024);
    push(&mut recent, vec![next(B, &mut b, "the oldest")]);
    for n in 1..=1_000_u64 {
        push(&mut recent, vec![next(A, &mut a, "one of many")]);
        assert!(recent.n_bytes <= 64 * 1024);
        assert_eq!(commits(recent.read(A, n, usize::MAX)), Some(vec![n]), "the newest is here");
    }
    assert_eq!(commits(recent.read(B, 1, usize::MAX)), None, "the oldest went");
    assert_eq!(commits(recent.read(A, 1, usize::MAX)), None);
    assert_eq!(held(&recent), (recent.n_bytes, recent.order.len()));
    push(&mut recent, vec![next(B, &mut b, "a later one")]);
    assert_eq!(commits(recent.read(B, 2, usize::MAX)), Some(vec![2]));
    let mut none = room_for(0);
    push(&mut none, vec![next(B, &mut b, "too much")]);
    assert_eq!((none.n_bytes, none.order.len()), (0, 0));
}

#[test]
fn frames_before_a_tenure_elsewhere_go_with_the_first_after_it() {
    let (mut a, mut b) = (start(), start());
    let mut recent = room_for(usize::MAX);
    push(&mut recent, vec![next(A, &mut a, "here"), next(B, &mut b, "stays")]);
    next(A, &mut Tail { epoch: 2, ..a }, "elsewhere");
    a = Tail { epoch: 3, next_commit: a.next_commit + 1, ..a };
    push(&mut recent, vec![next(A, &mut a, "here again")]);
    assert_eq!(commits(recent.read(A, 1, usize::MAX)), None);
    assert_eq!(commits(recent.read(A, 3, usize::MAX)), Some(vec![3]));
    assert_eq!(commits(recent.read(B, 1, usize::MAX)), Some(vec![1]));
    assert_eq!(held(&recent), (recent.n_bytes, 2));
}

#[test]
fn a_frame_goes_when_all_have_read_it() {
    let (mut a, mut b) = (start(), start());
    let mut recent = Recent::new(usize::MAX);
    push(&mut recent, vec![next(A, &mut a, "for nobody")]);
    assert_eq!(held(&recent), (0, 0), "nobody reads");
    recent.reader_came();
    recent.reader_came();
    push(&mut recent, vec![next(A, &mut a, "2"), next(B, &mut b, "1")]);
    push(&mut recent, vec![next(A, &mut a, "3")]);
    assert_eq!(commits(recent.read(A, 1, usize::MAX)), None, "it came before them");
    assert_eq!(commits(recent.read(A, 2, usize::MAX)), Some(vec![2, 3]));
    assert_eq!(commits(recent.read(A, 2, 1)), Some(vec![2]), "the second reader");
    assert_eq!(commits(recent.read(A, 2, 1)), None, "all have read it");
    assert_eq!(commits(recent.read(A, 3, 1)), Some(vec![3]));
    assert_eq!(commits(recent.read(B, 1, 1)), Some(vec![1]));
    recent.reader_left();
    assert_eq!(commits(recent.read(B, 1, 1)), Some(vec![1]), "the last time");
    assert_eq!(held(&recent), (0, 0));
    for _ in 0..100 {
        push(&mut recent, vec![next(B, &mut b, "read at once")]);
        assert!(recent.read(B, b.next_commit - 1, 1).is_some());
    }
    assert_eq!(recent.order.len(), 1, "the newest one went, too, and is counted");
}

/// Nobody reads the frames of one shard of two; its frames hold their groups.
#[test]
fn a_shard_that_is_not_read_costs_no_more_than_the_room_there_is() {
    let (mut a, mut b) = (start(), start());
    let mut recent = Recent::new(64 * 1024);
    recent.reader_came();
    for _ in 0..2_000 {
        let large = "of some length".repeat(20);
        push(&mut recent, vec![next(A, &mut a, "1"), next(B, &mut b, &large)]);
        assert!(recent.read(B, b.next_commit - 1, 1).is_some());
        assert!(recent.n_bytes <= 64 * 1024 && payloads(&recent) <= 64 * 1024);
    }
    assert!(recent.read(A, a.next_commit - 1, 1).is_some(), "the newest is here");
}

#[test]
fn nothing_is_missing_for_who_comes_after_all_have_left() {
    let mut a = start();
    let mut recent = Recent::new(usize::MAX);
    recent.reader_came();
    push(&mut recent, vec![next(A, &mut a, "1")]);
    recent.reader_left();
    push(&mut recent, vec![next(A, &mut a, "for nobody")]);
    recent.reader_came();
    push(&mut recent, vec![next(A, &mut a, "3")]);
    push(&mut recent, vec![next(A, &mut a, "4")]);
    assert_eq!(commits(recent.read(A, 1, usize::MAX)), None);
    assert_eq!(commits(recent.read(A, 3, usize::MAX)), Some(vec![3, 4]));
}

#[test]
#[should_panic(expected = "I2")]
fn a_gap_is_never_taken() {
    let mut a = start();
    let mut recent = room_for(usize::MAX);
    push(&mut recent, vec![next(A, &mut a, "1")]);
    next(A, &mut a, "lost");
    push(&mut recent, vec![next(A, &mut a, "3")]);
}

/// Frames from the store and from memory continue each other, for a reader that begins anywhere,
/// after a restart, and when it falls behind again.
#[tokio::test]
async fn readers_cross_from_the_store_into_memory_without_gap_or_repeat() {
    let memory = MemoryStore::new(1);
    let store: SharedStore = Arc::new(memory.clone());
    let mut tail = store.claim(A).await.unwrap();
    let mut written = Vec::new();
    for _ in 0..5 {
        written.push(append(&store, &mut tail).await);
    }
    // A restart: what is in the journal is not in memory, and a later claim makes it durable.
    tail = store.claim(A).await.unwrap();
    let commits = Arc::new(Commits::with_recent_bytes(3 * 1024));
    commits.opened(A, tail.epoch, tail.next_commit - 1);
    // One of a thousand: nothing goes because all have read it.
    let readers: Vec<_> = (0..1000).map(|_| commits.reader()).collect();
    let reader = &readers[0];
    assert_eq!(read_all(&commits, reader, &store, 1).await, (written.clone(), 0));
    for _ in 0..3 {
        let group = append(&store, &mut tail).await;
        // Written and not yet told: nobody may see it (I4).
        assert_eq!(read_all(&commits, reader, &store, 1).await.0, written);
        reached(&commits, &group);
        written.push(group);
    }
    assert!(read_all(&commits, reader, &store, 1).await.1 > 0, "the last ones come from memory");
    assert_eq!(read_all(&commits, reader, &store, 6).await.1, 3, "all that was told of is there");
    for from in 1..=8 {
        let (frames, _) = read_all(&commits, reader, &store, from).await;
        let at = usize::try_from(from - 1).unwrap();
        assert_eq!(frames, written[at..], "from {from}");
    }
    // It falls behind: the oldest in memory go, the store has them.
    for _ in 0..40 {
        let group = append(&store, &mut tail).await;
        reached(&commits, &group);
        written.push(group);
    }
    let (frames, n_from_memory) = read_all(&commits, reader, &store, 6).await;
    assert_eq!(frames, written[5..]);
    assert!(n_from_memory > 0 && n_from_memory < 40, "{n_from_memory} of 43 from memory");
}

/// A frame is durable.
fn reached(commits: &Commits, frame: &Frame) {
    commits.reached(&Arc::new(vec![frame.clone()]), vec![frame.records().unwrap()]);
}

async fn append(store: &SharedStore, tail: &mut Tail) -> Frame {
    let frame = next(A, tail, "some text");
    store.append(Arc::new(vec![frame.clone()])).await.unwrap();
    frame
}

/// All durable frames from `from` on, read as relay and projections do, and how many of them
/// came from memory.
async fn read_all(
    durable: &Commits,
    reader: &Reader,
    store: &SharedStore,
    from: u64,
) -> (Vec<Frame>, usize) {
    let (mut frames, mut n_from_memory) = (Vec::new(), 0);
    let mut next = from;
    while next <= durable.of(A) {
        for read in reader.read(store, A, next, 200).await.unwrap() {
            let frame = read.frame().clone();
            assert_eq!(frame.header.commit_no, next, "I2");
            assert!(frame.records().unwrap()[0].at > Timestamp(0));
            next += 1;
            n_from_memory += usize::from(matches!(read, crate::outbox::Read::Recent(_)));
            frames.push(frame);
        }
    }
    (frames, n_from_memory)
}
