//! Positions: kept sparser with age, gone back to when a stream ends before them.

use super::*;

fn end(stream: &str, last_sequence: u64) -> (String, StreamState) {
    (stream.to_owned(), StreamState { last_sequence, incarnation: 7 })
}

fn ends(orders: u64, stock: u64) -> Ends {
    [end("ORDERS", orders), end("STOCK", stock)].into()
}

fn place(sequence: u64, seq: u64) -> Place {
    Place { sequence, seq }
}

impl PublishCursor {
    /// As a build would have saved it that knew neither events nor which stream it was.
    pub(in crate::relay) fn in_first_form(mut self) -> Self {
        let places = self.positions.iter_mut().flat_map(|position| position.places.values_mut());
        places.for_each(|place| place.seq = 0);
        self.incarnations.clear();
        self
    }
}

/// A cursor that was saved after each of `n` commits of two events, one per stream.
fn walked(n: u64) -> PublishCursor {
    let mut cursor = PublishCursor::beginning(BusKind::Server);
    for commit in 1..=n {
        cursor.placed("ORDERS", place(commit * 10, commit * 2 - 1), 7);
        cursor.placed("STOCK", place(commit, commit * 2), 7);
        cursor.advance(commit, commit * 2);
        cursor.keep_now();
    }
    cursor
}

#[test]
fn old_positions_become_sparse_and_stay_few() {
    let cursor = walked(10_000);
    let commits: Vec<u64> = cursor.positions.iter().map(|p| p.commit_no).collect();
    assert!(commits.len() <= POSITIONS_MAX, "{commits:?}");
    assert!(commits.windows(2).all(|pair| pair[0] <= pair[1]), "{commits:?}");
    assert_eq!(cursor.now().commit_no, 10_000);
    let ages: Vec<u64> = commits.iter().rev().map(|commit| 10_000 - commit).collect();
    assert!(ages[3] <= 8 && *ages.last().unwrap() > 4_000, "{ages:?}");
    for pair in ages.windows(2).filter(|pair| pair[0] > 8) {
        assert!(pair[1] <= pair[0] * 4, "no position of half the age or so: {ages:?}");
    }
}

#[test]
fn back_to_the_newest_position_that_is_still_held() {
    let mut cursor = walked(8);
    assert!(!cursor.rewind(&ends(80, 8)), "nothing is lost");
    assert!(!cursor.rewind(&[end("SHIPMENTS", 0)].into()), "not its stream");
    assert_eq!(cursor.now().commit_no, 8);
    assert!(cursor.rewind(&[end("ORDERS", 79)].into()));
    assert_eq!((cursor.now().commit_no, cursor.now().seq), (7, 14));
    assert!(cursor.rewind(&ends(70, 3)));
    assert_eq!(cursor.now().commit_no, 3, "both streams count");
    assert!(cursor.rewind(&ends(9, 3)));
    assert_eq!(*cursor.now(), Position::default(), "nothing known fits: from the beginning");
    cursor.placed("ORDERS", place(4, 8), 7);
    cursor.placed("ORDERS", place(2, 9), 7);
    cursor.advance(5, 9);
    cursor.keep_now();
    assert_eq!(cursor.now().places, [("ORDERS".to_owned(), place(4, 8))].into());
    assert!(cursor.rewind(&ends(0, 0)));
    assert_eq!(cursor.now().commit_no, 0);
}

#[test]
fn another_stream_of_the_name_holds_nothing_however_long_it_is() {
    let mut cursor = walked(8);
    let other = StreamState { last_sequence: 1_000, incarnation: 8 };
    let ends: Ends = [("STOCK".to_owned(), other)].into();
    assert!(cursor.rewind(&ends));
    assert_eq!(*cursor.now(), Position::default());
    cursor.placed("STOCK", place(400, 16), 8);
    cursor.placed("ORDERS", place(90, 15), 7);
    cursor.advance(8, 16);
    assert!(!cursor.rewind(&ends), "it is known now");
}

#[test]
fn what_is_saved_is_what_is_read() {
    let cursor = walked(40);
    let sealed = codec::seal(&cursor).unwrap();
    assert!(sealed.len() < 1024, "{} bytes", sealed.len());
    assert_eq!(codec::open::<PublishCursor>(&sealed).unwrap(), cursor);
}

#[test]
fn another_kind_of_bus_holds_something_else() {
    let server = walked(4);
    assert_eq!(server.clone().on(BusKind::Server), server);
    let here = server.on(BusKind::InProcess);
    assert_eq!(here.now().commit_no, 4, "an in-process bus goes on");
    assert_eq!((here.positions.len(), here.now().places.len()), (1, 0));
    let again = here.on(BusKind::Server);
    assert_eq!(again, PublishCursor::beginning(BusKind::Server), "a server gets everything");
}

#[test]
fn a_place_is_found_at_or_before_its_event() {
    let cursor = walked(8);
    assert_eq!(cursor.before_place("ORDERS", 1_000), 8);
    assert_eq!(cursor.before_place("ORDERS", 70), 6, "place 70 itself is to come again");
    assert_eq!(cursor.before_place("ORDERS", 71), 7);
    assert_eq!(cursor.before_place("ORDERS", 1), 0);
    assert_eq!(cursor.before_place("SHIPMENTS", 1), 8, "nothing of it was ever there");
}

/// What is stored keeps its bytes; a change needs a version with an upcast.
#[test]
fn the_stored_bytes_are_frozen() {
    let cursor = walked(2);
    let bytes = codec::seal(&cursor).unwrap();
    assert_eq!(codec::open::<PublishCursor>(&bytes).unwrap(), cursor);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = "ac010a0003004e0000001b9f448e0003010202064f52444552530a010553544f434b01\
                    02020402064f524445525314030553544f434b0204020402064f524445525314030553\
                    544f434b020402064f5244455253070553544f434b07";
    assert_eq!(hex, expected);
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// As the first version wrote it: in which streams its places are is not known.
#[test]
fn the_first_cursors_are_those_of_the_streams_that_are_there() {
    let hex = "ac010a000100380000003acda3ff0003010202064f52444552530a0553544f434b01020402064f52\
               44455253140553544f434b02020402064f5244455253140553544f434b02";
    let mut cursor = codec::open::<PublishCursor>(&bytes_of(hex)).unwrap();
    assert_eq!(cursor, walked(2).in_first_form());
    assert!(!cursor.rewind(&ends(20, 2)), "nothing is published again");
    cursor.recognised(&ends(20, 2));
    assert_eq!(cursor.incarnations, walked(2).incarnations, "they are known from now on");
    let mut cursor = walked(2).in_first_form();
    assert!(cursor.rewind(&ends(20, 1)), "but for what is not there");
    assert_eq!(cursor.now().commit_no, 1);
}

/// As the second version wrote it: which events stand in its places is not known.
#[test]
fn the_second_cursors_are_read() {
    let hex = "ac010a00020048000000c3953dd00003010202064f52444552530a0553544f434b010204\
               02064f5244455253140553544f434b02020402064f5244455253140553544f434b020206\
               4f5244455253070553544f434b07";
    let mut cursor = codec::open::<PublishCursor>(&bytes_of(hex)).unwrap();
    let incarnations = std::mem::take(&mut cursor.incarnations);
    assert_eq!(incarnations, walked(2).incarnations);
    assert_eq!(cursor, walked(2).in_first_form());
}
