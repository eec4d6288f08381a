//! Numbers, groups and the watermark.

use super::*;
use crate::outbox::tests::toy::{NOTE, key, step};

const A: ShardId = ShardId(1);
const B: ShardId = ShardId(2);

fn staging() -> Staging {
    let mut staging = Staging::default();
    for shard in [A, B] {
        staging.own(shard, Tail { epoch: 3, next_commit: 1, next_seq: 1, crc: 0 });
    }
    staging
}

/// Stages bytes that stand for a record of so many events.
fn stage(
    staging: &mut Staging,
    shard: ShardId,
    epoch: u64,
    bytes: &[u8],
    n_events: usize,
) -> Result<Placed, StageError> {
    let record = step(&key(NOTE, "a"), 0, 1, &vec!["text"; n_events]);
    staging.stage(shard, epoch, bytes, record)
}

#[test]
fn numbers_are_contiguous_and_groups_go_in_order() {
    let mut s = staging();
    assert_eq!(stage(&mut s, A, 3, b"a1", 2), Ok(Placed { lsn: 1, commit_no: 1, first_seq: 1 }));
    assert_eq!(stage(&mut s, B, 3, b"b1", 1), Ok(Placed { lsn: 2, commit_no: 1, first_seq: 1 }));
    let first = s.take().unwrap();
    assert_eq!((first.frames.len(), first.last_lsn), (2, 2));
    assert_eq!(stage(&mut s, A, 3, b"a2", 0), Ok(Placed { lsn: 3, commit_no: 2, first_seq: 3 }));
    assert!(s.take().is_none(), "one group flies at a time");
    assert_eq!(s.durable(), 0);
    assert_eq!(s.committed(2), 2);
    let second = s.take().unwrap();
    assert_eq!(second.frames[0].header.prev_crc, first.frames[0].crc);
    assert_eq!(second.frames[0].header.first_seq, 3);
    s.committed(3);
    assert!(s.is_idle());
}

#[test]
fn small_payloads_take_their_own_size_and_the_buffers_go_round() {
    let mut s = staging();
    let large = vec![1; limits::PAYLOAD_BYTES * 2 / 3];
    for lsn in 1..=10 {
        let record: &[u8] = if lsn % 2 == 0 { &large } else { b"small" };
        stage(&mut s, A, 3, record, 1).unwrap();
        let taken = s.take().unwrap();
        let payload = &taken.frames[0].payload;
        assert_eq!(payload, record);
        assert!(payload.capacity() <= 2 * payload.len(), "{}", payload.capacity());
        s.committed(lsn);
        assert_eq!(s.spare.len(), usize::from(lsn % 2 == 1), "{lsn}");
    }
}

#[test]
fn room_for_a_large_commit_is_not_kept_for_good() {
    let mut s = staging();
    for (lsn, record) in [(1, vec![1; limits::PAYLOAD_EXPECTED_BYTES_MAX]), (2, vec![2; 9])] {
        stage(&mut s, A, 3, &record, 1).unwrap();
        let payload = s.take().unwrap().frames.remove(0).payload;
        assert!(payload.capacity() <= 2 * payload.len(), "{}", payload.capacity());
        s.committed(lsn);
    }
    assert!(s.spare.is_empty(), "a buffer of 64 KiB would stay");
}

#[test]
fn an_older_epoch_and_a_closed_log_are_refused() {
    let mut s = staging();
    assert_eq!(stage(&mut s, A, 2, b"x", 1), Err(StageError::NotOwned));
    s.disown(A);
    assert_eq!(stage(&mut s, A, 3, b"x", 1), Err(StageError::NotOwned));
    s.close();
    assert_eq!(stage(&mut s, B, 3, b"x", 1), Err(StageError::Closed));
}

#[test]
fn a_full_group_is_followed_by_another_and_then_admission_closes() {
    let mut s = staging();
    let record = vec![0; limits::GROUP_BYTES_MAX];
    stage(&mut s, A, 3, &record, 1).unwrap();
    assert!(!s.is_full());
    let placed = stage(&mut s, A, 3, &record, 1).unwrap();
    assert_eq!(placed.commit_no, 2, "the second group is another commit");
    assert!(s.is_full());
    let taken = s.take().unwrap();
    assert!(!s.is_full());
    assert_eq!(taken.last_lsn, 1);
}

#[test]
fn records_come_with_the_frame_that_they_stand_in() {
    let mut s = staging();
    let records = [(A, "a1"), (B, "b1"), (A, "a2")]
        .map(|(shard, text)| (shard, step(&key(NOTE, "a"), 0, 1, &[text])));
    for (shard, record) in &records {
        let mut encoded = Vec::new();
        Frame::push_record(&mut encoded, record).unwrap();
        s.stage(*shard, 3, &encoded, record.clone()).unwrap();
    }
    let taken = s.take().unwrap();
    let [(_, a1), (_, b1), (_, a2)] = records;
    assert_eq!(taken.records, [vec![a1, a2], vec![b1]]);
    for (frame, records) in taken.frames.iter().zip(taken.records) {
        assert_eq!(frame.records(), Ok(records));
    }
}
