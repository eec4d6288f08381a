//! Where frames are found, over segments in memory and in files.

use super::*;

fn frame(shard: u16, commit_no: u64, at: u32) -> Entry {
    Entry::Frame { shard: ShardId(shard), commit_no, at, len: 10 }
}

/// Two shards over three segments; the second segment has nothing of shard 1.
fn index() -> Index {
    let mut index = Index::new(2);
    index.begin(Last::NONE);
    for (n, entry) in [frame(0, 1, 100), frame(1, 1, 110), frame(0, 2, 120)].into_iter().enumerate()
    {
        assert_eq!(index.add(entry, u32::try_from(n).unwrap()), Ok(()));
    }
    index.begin(Last { number: 4, crc: 1 });
    index.add(frame(0, 3, 40), 0).unwrap();
    index.begin(Last { number: 8, crc: 2 });
    index.add(frame(0, 4, 40), 0).unwrap();
    index.add(frame(1, 2, 50), 0).unwrap();
    index
}

#[test]
fn frames_are_found_in_their_segment() {
    let index = index();
    for (shard, from, n_max, expected) in [
        (0, 1, 9, Frames::At(1, vec![(100, 10), (122, 10)])),
        (0, 2, 9, Frames::At(1, vec![(122, 10)])),
        (0, 1, 1, Frames::At(1, vec![(100, 10)])),
        (0, 3, 9, Frames::At(5, vec![(40, 10)])),
        (0, 4, 9, Frames::At(9, vec![(40, 10)])),
        (0, 5, 9, Frames::Missing),
        (1, 1, 9, Frames::At(1, vec![(111, 10)])),
        (1, 2, 9, Frames::At(9, vec![(50, 10)])),
        (1, 3, 9, Frames::Missing),
        (1, u64::MAX, 9, Frames::Missing),
        (7, 1, 9, Frames::Missing),
    ] {
        assert_eq!(index.frames(ShardId(shard), from, n_max), expected, "{shard} {from}");
    }
    assert_eq!((index.next_commit(ShardId(0)), index.next_commit(ShardId(1))), (5, 3));
}

#[test]
fn finished_segments_name_a_place_in_their_file() {
    let mut index = index();
    let unsealed = index.unsealed().unwrap();
    assert_eq!((unsealed.first, unsealed.end.as_ref().unwrap().last.number), (1, 4));
    index.sealed(1);
    assert_eq!(index.unsealed().unwrap().first, 5);
    let sealed = |from, n| Frames::Sealed { segment: 1, from, n };
    assert_eq!(index.frames(ShardId(0), 2, 9), sealed(1, 1));
    assert_eq!(index.frames(ShardId(1), 1, 9), sealed(2, 1));
}

#[test]
fn a_gap_is_refused() {
    let mut index = index();
    assert_eq!(index.add(frame(0, 6, 0), 0), Err(Gap));
    assert_eq!(index.add(frame(0, 4, 0), 0), Err(Gap));
    assert_eq!(index.add(frame(2, 1, 0), 0), Err(Gap));
    assert_eq!(index.add(Entry::Epoch { shard: ShardId(2), epoch: 1 }, 0), Err(Gap));
}

#[test]
fn the_newest_epoch_and_value_count() {
    let mut index = index();
    for epoch in [3, 7, 5] {
        index.add(Entry::Epoch { shard: ShardId(1), epoch }, 0).unwrap();
    }
    assert_eq!(index.state.epochs, [0, 7]);
    for at in [60, 80] {
        index.add(Entry::Value { name: "v".into(), at, len: 4 }, 5).unwrap();
    }
    assert_eq!(index.state.values["v"], Place { segment: 9, at: 85, len: 4 });
}
