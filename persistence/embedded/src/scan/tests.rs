//! The scanner against files that fjall wrote, and against damage in them.

use std::fs;

use fjall::{Database, KeyspaceCreateOptions, PersistMode};

use super::*;

/// A journal file with `n` batches of one frame each, and where each batch begins.
fn file(n: u64) -> (Vec<u8>, Vec<usize>) {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::builder(dir.path()).open().unwrap();
    let frames = db.keyspace("frames", KeyspaceCreateOptions::default).unwrap();
    for number in 1..=n {
        let mut batch = db.batch().durability(Some(PersistMode::SyncData));
        batch.insert(&frames, number.to_be_bytes(), vec![7; 40 + number.to_le_bytes()[0] as usize]);
        batch.commit().unwrap();
    }
    let mut bytes = fs::read(dir.path().join("0.jnl")).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    bytes.truncate(end + 1000);
    let mut scanner = Scanner::new(bytes.as_slice());
    let mut starts = vec![0];
    while let Found::Batch(_) = scanner.next_batch().unwrap() {
        starts.push(usize::try_from(scanner.at()).unwrap());
    }
    (bytes, starts)
}

fn scan(bytes: &[u8]) -> (Vec<Batch>, Found) {
    let mut scanner = Scanner::new(bytes);
    let mut batches = Vec::new();
    loop {
        match scanner.next_batch().unwrap() {
            Found::Batch(batch) => batches.push(batch),
            other => return (batches, other),
        }
    }
}

#[test]
fn whole_files_are_read_to_their_end() {
    let (bytes, starts) = file(20);
    let (batches, end) = scan(&bytes);
    assert_eq!(end, Found::End);
    assert_eq!(batches.len(), 20);
    assert!(batches.is_sorted_by(|a, b| a.seqno < b.seqno));
    assert_eq!(starts.len(), 21);
    assert_eq!(*starts.last().unwrap() + 1000, bytes.len());
    assert_eq!(scan(&[]), (vec![], Found::End));
    assert_eq!(scan(&[0; 5000]), (vec![], Found::End));
}

#[test]
fn every_bit_of_a_batch_is_checked_but_those_of_its_sequence_number() {
    let (bytes, starts) = file(3);
    let whole = scan(&bytes).0;
    for at in starts[1]..starts[2] {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            let (batches, end) = scan(&damaged);
            if (starts[1] + 5..starts[1] + 13).contains(&at) {
                assert_eq!(end, Found::End, "the order of numbers is checked by the caller");
                assert_ne!(batches[1].seqno, whole[1].seqno);
                continue;
            }
            assert_eq!(batches, whole[..1], "byte {at} bit {bit}");
            assert!(
                matches!(end, Found::Invalid { at, .. } if at == starts[1] as u64),
                "byte {at} bit {bit}: {end:?}"
            );
        }
    }
}

#[test]
fn something_behind_the_end_is_seen() {
    let (mut bytes, starts) = file(2);
    let at = bytes.len() - 7;
    bytes[at] = 1;
    let (batches, end) = scan(&bytes);
    assert_eq!(batches.len(), 2);
    assert!(matches!(end, Found::Invalid { at, .. } if at == starts[2] as u64));
}
