//! Batches and headers: read as they were written, every damage seen.

use super::*;

fn history() -> HistoryId {
    HistoryId("0123456789abcdef".into())
}

fn batch(n: u8, last: Last) -> (Vec<u8>, Last) {
    let mut builder = Builder::new();
    builder.push_frame(ShardId(u16::from(n)), u64::from(n), &[n; 100]);
    builder.push_epoch(ShardId(3), 9);
    let (bytes, entries, next) = builder.finish(last);
    assert_eq!(entries.len(), 2);
    (bytes.to_vec(), next)
}

/// A segment of three batches with zeros behind, and where its batches begin and end.
fn segment() -> (Vec<u8>, Vec<usize>) {
    let mut bytes = header(&history(), Last::NONE);
    let mut last = Last::NONE;
    let mut starts = vec![bytes.len()];
    for n in 1..=3 {
        let (batch, next) = batch(n, last);
        bytes.extend_from_slice(&batch);
        starts.push(bytes.len());
        last = next;
    }
    bytes.resize(bytes.len() + 500, 0);
    (bytes, starts)
}

fn read(bytes: &[u8]) -> (Vec<Whole>, Found) {
    let mut last = Last::NONE;
    let mut at = HEADER_BYTES;
    let mut batches = Vec::new();
    loop {
        match batch_at(bytes, at, last) {
            Found::Batch(batch) => {
                (at, last) = (batch.end, batch.last);
                batches.push(batch);
            }
            other => return (batches, other),
        }
    }
}

#[test]
fn what_cannot_be_sealed_leaves_no_trace() {
    let mut builder = Builder::new();
    builder.push_frame(ShardId(1), 1, &[1; 100]);
    let before = builder.mark();
    let failed = builder.seal_frame(ShardId(2), 1, |bytes| {
        bytes.extend_from_slice(&[2; 50]);
        Err("too large")
    });
    assert_eq!((failed, builder.mark()), (Err("too large"), before));
    builder.push_frame(ShardId(3), 1, &[3; 100]);
    builder.cut(before);
    let mut same = Builder::new();
    same.push_frame(ShardId(1), 1, &[1; 100]);
    assert_eq!(builder.finish(Last::NONE), same.finish(Last::NONE));
}

#[test]
fn a_segment_is_read_as_it_was_written() {
    let (bytes, starts) = segment();
    let (batches, end) = read(&bytes);
    assert_eq!(end, Found::End);
    assert_eq!(batches.iter().map(|batch| batch.last.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(batches.iter().map(|batch| batch.end).collect::<Vec<_>>(), starts[1..]);
    let [Entry::Frame { shard, commit_no, at, len }, epoch] = &batches[1].entries[..] else {
        panic!("two entries")
    };
    assert_eq!((*shard, *commit_no), (ShardId(2), 2));
    assert_eq!(bytes[*at as usize..][..*len as usize], [2; 100]);
    assert_eq!(*epoch, Entry::Epoch { shard: ShardId(3), epoch: 9 });
}

#[test]
fn the_end_needs_no_room() {
    let (bytes, starts) = segment();
    for n_behind in [0, 1, 23, 24] {
        assert_eq!(read(&bytes[..starts[3] + n_behind]).1, Found::End, "{n_behind} zeros");
    }
}

#[test]
fn every_bit_of_a_batch_is_checked() {
    let (bytes, starts) = segment();
    for at in starts[1]..starts[2] {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            let (batches, end) = read(&damaged);
            assert_eq!(batches.len(), 1, "byte {at} bit {bit}");
            assert!(matches!(end, Found::Invalid(_)), "byte {at} bit {bit}: {end:?}");
        }
    }
}

#[test]
fn a_batch_in_a_wrong_place_is_told_from_a_torn_one() {
    let (bytes, starts) = segment();
    let mut without = bytes.clone();
    without.drain(starts[1]..starts[2]);
    assert!(matches!(read(&without).1, Found::Misplaced(_)));
    // The right number, behind a batch that was never there.
    let mut other = bytes[..starts[2]].to_vec();
    other.extend_from_slice(&batch(3, Last { number: 2, crc: 1 }).0);
    assert!(matches!(read(&other).1, Found::Misplaced(_)));
}

#[test]
fn something_behind_the_end_is_seen() {
    let (mut bytes, _) = segment();
    let at = bytes.len() - 7;
    bytes[at] = 1;
    let (batches, end) = read(&bytes);
    assert_eq!((batches.len(), end), (3, Found::Invalid("something stands behind the end")));
}

#[test]
fn a_later_batch_is_found_behind_damage() {
    let (bytes, starts) = segment();
    assert!(holds_later_batch(&bytes[starts[1] + 1..], 1), "the third one is whole");
    assert!(!holds_later_batch(&bytes[starts[1] + 1..], 3), "an older one is no later one");
    let mut damaged = bytes.clone();
    damaged[starts[2] + 30] ^= 1;
    assert!(!holds_later_batch(&damaged[starts[1] + 1..], 1), "no whole one is left");
    assert!(!holds_later_batch(&bytes[starts[3]..], 0), "zeros");
}

#[test]
fn headers_say_what_their_segment_follows() {
    let last = Last { number: 41, crc: 7 };
    let bytes = header(&history(), last);
    assert_eq!(bytes.len(), HEADER_BYTES);
    assert_eq!(read_header(&history(), &bytes), Some(last));
    assert_eq!(read_header(&HistoryId("fedcba9876543210".into()), &bytes), None);
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(read_header(&history(), &damaged), None, "bit {bit}");
    }
}
