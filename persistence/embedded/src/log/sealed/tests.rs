//! Index files: read as they were written; what is damaged is not taken.

use std::io::Write;

use super::*;

fn sample() -> (Segment, End) {
    let segment = Segment {
        first: 7,
        spans: vec![Span { first: 1, n: 2 }, Span { first: 5, n: 0 }, Span { first: 3, n: 1 }],
        extents: Some(vec![vec![(36, 10), (90, 20)], vec![], vec![(50, 30)]]),
        end: None,
    };
    let place = Place { segment: 1, at: 99, len: 5 };
    let values = [("a".to_owned(), place), ("other".to_owned(), place)].into();
    let state = State { epochs: vec![1, 0, 4], values };
    (segment, End { last: Last { number: 9, crc: 77 }, state })
}

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

#[test]
fn an_index_is_read_as_it_was_written() {
    let (segment, end) = sample();
    let mut file = file(&encode(&segment, &end));
    let head = read_head(&mut file, 3).unwrap().unwrap();
    assert_eq!(head.segment, Segment { extents: None, ..segment });
    assert_eq!(head.last, end.last);
    assert_eq!(read_state(&mut file, &head.segment).unwrap(), Some(end.state));
    assert_eq!(read_extents(&file, 3, 0, 3).unwrap(), [(36, 10), (90, 20), (50, 30)]);
    assert_eq!(read_extents(&file, 3, 1, 1).unwrap(), [(90, 20)]);
    assert_eq!(read_head(&mut file, 2).unwrap(), None, "of another number of shards");
}

#[test]
fn damage_is_seen_but_in_the_extents_whose_frames_are_checked() {
    let (segment, end) = sample();
    let whole = encode(&segment, &end);
    let extents = head_bytes(3)..head_bytes(3) + 3 * 8;
    for at in (0..whole.len()).filter(|at| !extents.contains(at)) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        let mut file = file(&bytes);
        let head = read_head(&mut file, 3).unwrap();
        let state = head.map(|head| read_state(&mut file, &head.segment).unwrap());
        assert!(matches!(state, None | Some(None)), "byte {at}");
    }
    for len in 0..whole.len() {
        let mut file = file(&whole[..len]);
        let head = read_head(&mut file, 3).unwrap();
        let state = head.map(|head| read_state(&mut file, &head.segment).unwrap());
        assert!(matches!(state, None | Some(None)), "{len} bytes");
    }
}
