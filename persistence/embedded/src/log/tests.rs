//! Segments on a disk: finished, indexed, missing, damaged.

use std::path::Path;
use std::sync::Arc;

use ports::HistoryId;
use tempfile::TempDir;

use super::format::{Builder, HEADER_BYTES};
use super::recover::{Promise, Shape, create, open};
use super::writer::Writer;
use super::*;
use crate::OpenError;

const N_SHARDS: u16 = 2;
const SEGMENT_BYTES: u64 = 1024 * 1024;

const fn shape(history: &HistoryId) -> Shape<'_> {
    Shape { history, n_shards: N_SHARDS, segment_bytes: SEGMENT_BYTES }
}

fn history() -> HistoryId {
    HistoryId("0123456789abcdef".into())
}

fn reopen(dir: &Path) -> Result<(Arc<Log>, Writer), OpenError> {
    let torn_tail = dir.with_extension("torn");
    open(dir, shape(&history()), Promise { acked: None, torn_tail: &torn_tail })
}

/// A log in a directory, and what was written to it.
struct Rig {
    dir: TempDir,
    log: Arc<Log>,
    writer: Option<Writer>,
    /// Lengths of the frames of each shard; each is filled with the number of its commit.
    written: [Vec<usize>; 2],
}

impl Rig {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let (log, writer) = create(&path, shape(&history())).unwrap();
        Self { dir, log, writer: Some(writer), written: [Vec::new(), Vec::new()] }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// Appends a batch of a frame for each shard that is named.
    fn append(&mut self, shards: &[u16], len: usize) {
        let mut batch = Builder::new();
        for shard in shards {
            let written = &mut self.written[*shard as usize];
            written.push(len);
            let commit_no = written.len();
            batch.push_frame(ShardId(*shard), commit_no as u64, &vec![fill(commit_no); len]);
        }
        self.writer.as_mut().unwrap().append(&mut batch).unwrap();
    }

    fn fill(&mut self, n_segments: usize) {
        while segment::list(&self.path()).unwrap().len() < n_segments {
            self.append(&[0, 1], 50_000);
            self.append(&[1], 1000);
        }
    }

    fn end(&mut self) {
        drop(self.writer.take());
        self.log.seal().unwrap();
    }

    fn check(&self, log: &Log, what: &str) {
        for (shard, written) in (0..).map(ShardId).zip(&self.written) {
            let mut commit_no = 1;
            loop {
                let places = log.places(shard, commit_no, 7).unwrap();
                if places.is_empty() {
                    break;
                }
                for place in places {
                    let at = usize::try_from(commit_no).unwrap();
                    let bytes = log.frame(place).unwrap();
                    assert_eq!(bytes.len(), written[at - 1], "{what}: commit {at}");
                    assert!(bytes.iter().all(|byte| *byte == fill(at)), "{what}: commit {at}");
                    commit_no += 1;
                }
            }
            assert_eq!(commit_no, written.len() as u64 + 1, "{what}: {shard:?}");
        }
    }
}

fn fill(commit_no: usize) -> u8 {
    commit_no.to_le_bytes()[0] | 1
}

#[test]
fn finished_segments_are_read_by_their_index_or_without() {
    let mut rig = Rig::new();
    rig.fill(4);
    rig.check(&rig.log, "while it is written");
    rig.end();
    rig.check(&rig.log, "with what was sealed meanwhile");
    let firsts = segment::list(&rig.path()).unwrap();
    let indexes: Vec<_> = firsts.iter().map(|at| segment::index_path(&rig.path(), *at)).collect();
    assert!(indexes[..3].iter().all(|path| path.exists()), "three are finished");
    for missing in [0b000, 0b001, 0b010, 0b100, 0b101, 0b111] {
        for (at, path) in indexes[..3].iter().enumerate() {
            if missing >> at & 1 == 1 {
                fs::remove_file(path).unwrap();
            }
        }
        let (log, _writer) = reopen(&rig.path()).unwrap();
        for (at, segment) in log.index().segments[..3].iter().enumerate() {
            assert_eq!(segment.extents.is_some(), missing >> at & 1 == 1, "the index is used");
        }
        rig.check(&log, &format!("{missing:b} missing"));
        log.seal().unwrap();
        assert!(indexes[..3].iter().all(|path| path.exists()), "they are made again");
        rig.check(&log, &format!("{missing:b} made again"));
    }
    for path in &indexes[..3] {
        let whole = fs::read(path).unwrap();
        for at in [0, 10, 33, 50] {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(path, bytes).unwrap();
            let (log, _writer) = reopen(&rig.path()).unwrap();
            rig.check(&log, &format!("byte {at} damaged"));
            log.seal().unwrap();
        }
        assert_eq!(fs::read(path).unwrap(), whole, "made again, the same");
    }
}

#[test]
fn a_log_goes_on_where_it_ended() {
    let mut rig = Rig::new();
    for round in 0..6 {
        rig.append(&[0], 300_000);
        rig.append(&[1], 30);
        rig.end();
        let (log, writer) = reopen(&rig.path()).unwrap();
        assert_eq!(writer.number(), 2 * (round + 1));
        assert_eq!(log.end_of(ShardId(0)), (0, round + 2));
        rig.check(&log, "reopened");
        (rig.log, rig.writer) = (log, Some(writer));
    }
}

#[test]
fn a_batch_longer_than_any_segment_has_one_of_its_own() {
    let mut rig = Rig::new();
    rig.append(&[0], 10);
    let len = usize::try_from(SEGMENT_BYTES).unwrap() + 1;
    rig.append(&[0, 1], len);
    rig.append(&[1], 10);
    rig.check(&rig.log, "while it is written");
    rig.end();
    rig.check(&reopen(&rig.path()).unwrap().0, "reopened");
}

#[test]
fn epochs_outlive_their_segment() {
    let mut rig = Rig::new();
    for n in 1..=3 {
        let mut batch = Builder::new();
        batch.push_epoch(ShardId(1), n);
        rig.writer.as_mut().unwrap().append(&mut batch).unwrap();
        rig.fill(1 + usize::try_from(n).unwrap());
    }
    rig.end();
    for is_indexed in [true, false] {
        if !is_indexed {
            for first in segment::list(&rig.path()).unwrap() {
                drop(fs::remove_file(segment::index_path(&rig.path(), first)));
            }
        }
        let (log, _writer) = reopen(&rig.path()).unwrap();
        assert_eq!(log.end_of(ShardId(1)).0, 3);
    }
}

#[test]
fn an_index_that_rots_is_made_again_by_whoever_reads() {
    let mut rig = Rig::new();
    rig.fill(3);
    rig.end();
    let first = segment::list(&rig.path()).unwrap()[1];
    let path = segment::index_path(&rig.path(), first);
    let (log, _writer) = reopen(&rig.path()).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 0x80;
    fs::write(&path, bytes).unwrap();
    rig.check(&log, "with a damaged index");
    assert!(!path.exists(), "the next start makes it again");
    rig.check(&log, "once more");
    let (log, _writer) = reopen(&rig.path()).unwrap();
    log.seal().unwrap();
    assert!(path.exists());
    rig.check(&log, "made again");
}

#[test]
fn a_finished_segment_that_was_cut_is_refused() {
    let mut rig = Rig::new();
    rig.fill(2);
    rig.end();
    let path = segment::path(&rig.path(), 1);
    let whole = fs::read(&path).unwrap();
    for len in [0, 10, HEADER_BYTES, whole.len() - 1] {
        fs::write(&path, &whole[..len]).unwrap();
        for _ in 0..2 {
            let refused = reopen(&rig.path());
            assert!(matches!(refused, Err(OpenError::Damaged(_))), "{len} bytes are left");
        }
    }
    fs::write(&path, whole).unwrap();
    rig.check(&reopen(&rig.path()).unwrap().0, "whole again");
}

#[test]
fn a_segment_that_is_missing_or_not_ours_is_refused() {
    let mut rig = Rig::new();
    rig.fill(3);
    rig.end();
    let firsts = segment::list(&rig.path()).unwrap();
    let (other, kept) = (rig.dir.path().join("other"), rig.dir.path().join("kept"));
    drop(create(&other, shape(&HistoryId("fedcba9876543210".into()))).unwrap());
    for (at, first) in firsts.iter().enumerate() {
        let path = segment::path(&rig.path(), *first);
        fs::rename(&path, &kept).unwrap();
        // Without the newest one, what is left is an older log: the acknowledged batch tells.
        if at + 1 < firsts.len() {
            assert!(matches!(reopen(&rig.path()), Err(OpenError::Damaged(_))), "{first} missing");
        }
        let torn_tail = rig.dir.path().join("torn");
        let promise = Promise { acked: Some(*firsts.last().unwrap()), torn_tail: &torn_tail };
        let refused = open(&rig.path(), shape(&history()), promise);
        assert!(matches!(refused, Err(OpenError::Damaged(_))), "{first} missing");
        fs::copy(segment::path(&other, 1), &path).unwrap();
        assert!(matches!(reopen(&rig.path()), Err(OpenError::Damaged(_))), "{first} of another");
        fs::rename(&kept, &path).unwrap();
    }
    rig.check(&reopen(&rig.path()).unwrap().0, "all back");
}

#[test]
fn a_segment_without_a_name_was_never_begun() {
    let mut rig = Rig::new();
    rig.append(&[0], 10);
    rig.end();
    // Its first batch was written, and the power went before its name was on the disk.
    let first = segment::path(&rig.path(), 1);
    fs::copy(first, segment::next_path(&rig.path())).unwrap();
    let (log, mut writer) = reopen(&rig.path()).unwrap();
    rig.check(&log, "reopened");
    let mut batch = Builder::new();
    batch.push_epoch(ShardId(0), 4);
    assert_eq!(writer.append(&mut batch).unwrap(), 2);
}
