//! Where frames are found, over segments in memory and in files.

use super::*;

fn frame(shard: u16, commit_no: u64, at: u32) -> Entry {
    Entry::Frame { shard: ShardId(shard), commit_no, at, len: 10 }
}

/// Two shards over three segments; the second segment has nothing of shard 1.
fn index() -> Index {
    let mut index = Index::new(2);
    index.begin(Last::NONE, 0);
    for (n, entry) in [frame(0, 1, 100), frame(1, 1, 110), frame(0, 2, 120)].into_iter().enumerate()
    {
        assert_eq!(index.add(entry, u32::try_from(n).unwrap()), Ok(()));
    }
    index.begin(Last { number: 4, crc: 1 }, 130);
    index.add(frame(0, 3, 40), 0).unwrap();
    index.begin(Last { number: 8, crc: 2 }, 50);
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
    let end = unsealed.end.clone().unwrap();
    assert_eq!((unsealed.first, end.last.number, end.at), (1, 4, 130));
    let segment = Segment { extents: None, end: None, ..unsealed.clone() };
    let extents = unsealed.extents.clone().unwrap();
    index.sealed(segment);
    assert_eq!(index.unsealed().unwrap().first, 5);
    let span = |n| Span { first: 1, n, crc: 0 };
    let sealed = |before, n, skip| Frames::Sealed { segment: 1, before, span: span(n), skip };
    assert_eq!(index.frames(ShardId(0), 2, 9), sealed(0, 2, 1));
    assert_eq!(index.frames(ShardId(1), 1, 9), sealed(2, 1, 0));
    index.unseal(1, extents);
    assert_eq!(index.frames(ShardId(0), 2, 9), Frames::At(1, vec![(122, 10)]));
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
fn the_newest_epoch_counts() {
    let mut index = index();
    for epoch in [3, 7, 5] {
        index.add(Entry::Epoch { shard: ShardId(1), epoch }, 0).unwrap();
    }
    assert_eq!(index.epochs, [0, 7]);
}
