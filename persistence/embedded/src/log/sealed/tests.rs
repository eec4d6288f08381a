//! Index files: read as they were written; what is damaged is not taken.

use std::io::{Seek, Write};

use super::*;

fn sample() -> (Segment, End) {
    let segment = Segment {
        first: 7,
        spans: [(1, 2), (5, 0), (3, 1)].map(|(first, n)| Span { first, n, crc: 0 }).to_vec(),
        extents: Some(vec![vec![(36, 10), (90, 20)], vec![], vec![(50, 30)]]),
        end: None,
    };
    (segment, End { last: Last { number: 9, crc: 77 }, at: 110, epochs: vec![1, 0, 4] })
}

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

/// All that a file says; `None`: some of it is not readable.
fn read(bytes: &[u8]) -> Option<(Segment, End, Vec<Vec<Extent>>)> {
    let file = file(bytes);
    let (segment, end) = read_head(&file, 3).unwrap()?;
    let mut extents = Vec::new();
    let mut before = 0;
    for span in &segment.spans {
        extents.push(read_extents(&file, 3, before, *span).unwrap()?);
        before += u64::from(span.n);
    }
    Some((segment, end, extents))
}

#[test]
fn an_index_is_read_as_it_was_written() {
    let (segment, end) = sample();
    let (bytes, sealed) = encode(&segment, &end);
    assert_eq!(sealed.extents, None);
    assert_eq!(read(&bytes), Some((sealed, end, segment.extents.unwrap())));
    assert_eq!(read_head(&file(&bytes), 2).unwrap(), None, "of another number of shards");
}

#[test]
fn damage_is_seen() {
    let (segment, end) = sample();
    let (whole, _) = encode(&segment, &end);
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        assert_eq!(read(&bytes), None, "byte {at}");
    }
    for len in 0..whole.len() {
        assert_eq!(read(&whole[..len]), None, "{len} bytes");
    }
}
