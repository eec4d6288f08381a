//! Own changes are always seen, memory is bounded, a failed frame leaves nothing.

use super::*;

fn put(key: &[u8], value: &[u8]) -> ViewWrite {
    ViewWrite::Put(ViewRow { key: key.to_vec(), value: value.to_vec() })
}

#[test]
fn what_is_not_written_is_always_at_hand() {
    let mut rows = Rows::default();
    rows.change(vec![put(b"a", b"1")]);
    rows.frame_over();
    let large = vec![7; 60_000];
    for n in 0..400_u32 {
        rows.remember(n.to_be_bytes().to_vec(), Some(large.clone()));
    }
    assert!(rows.young.n_bytes + rows.old.n_bytes <= 2 * limits::CACHE_BYTES_MAX + 61_000);
    assert_eq!(rows.row(&0_u32.to_be_bytes()), Err(NotAtHand), "forgotten");
    assert_eq!(rows.take_wanted(), Some(0_u32.to_be_bytes().to_vec()));
    assert_eq!(rows.row(b"a"), Ok(Some(b"1".to_vec())));
    rows.change(vec![put(b"a", b"2"), put(b"b", b"3"), ViewWrite::Delete(b"b".to_vec())]);
    assert_eq!(rows.row(b"b"), Ok(None), "deleted is known, not unknown");
    rows.frame_over();
    let delete = ViewWrite::Delete(b"b".to_vec());
    assert_eq!(rows.writes(), [put(b"a", b"2"), delete], "the last state of each row, once");
    rows.written();
    assert_eq!((rows.n_changed(), rows.row(b"a")), (0, Ok(Some(b"2".to_vec()))));
}

#[test]
fn a_failed_frame_and_a_failed_write_leave_nothing() {
    let mut rows = Rows::default();
    rows.change(vec![put(b"a", b"1")]);
    rows.frame_over();
    rows.change(vec![put(b"a", b"2"), put(b"c", b"1")]);
    rows.frame_failed();
    assert_eq!(rows.row(b"a"), Ok(Some(b"1".to_vec())), "the frame before it stays");
    assert_eq!(rows.row(b"c"), Err(NotAtHand));
    rows.take_back();
    assert_eq!((rows.n_changed(), rows.row(b"a")), (0, Err(NotAtHand)));
}

#[test]
fn rows_that_are_asked_for_stay_young() {
    let mut rows = Rows::default();
    rows.remember(b"a".to_vec(), Some(b"1".to_vec()));
    let large = vec![7; 60_000];
    for n in 0..400_u32 {
        assert_eq!(rows.row(b"a"), Ok(Some(b"1".to_vec())), "after {n} others");
        rows.remember(n.to_be_bytes().to_vec(), Some(large.clone()));
    }
}

#[test]
#[should_panic(expected = "I10")]
fn a_row_has_a_size() {
    Rows::default().change(vec![put(b"a", &vec![0; VIEW_ROW_BYTES_MAX + 1])]);
}
