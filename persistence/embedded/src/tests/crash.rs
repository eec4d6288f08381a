//! Ends of the process and of power: what was acknowledged is there, what was not may be.

use std::fs;

use entity::ShardId;
use ports::{Journal, Meta};

use super::rig::{Rig, derived, edit, frames, journal_file, open, segment};
use crate::OpenError;

#[tokio::test]
async fn a_killed_process_loses_nothing() {
    let mut rig = Rig::new().await;
    for n in 1..=6 {
        rig.append(7, 1000).await;
        rig.derive(n).await;
        let image = rig.image();
        let store = open(image.path()).unwrap();
        assert_eq!(frames(&store).await.unwrap(), rig.acked);
        assert_eq!(derived(&store).await, [n; 5], "the page cache outlives the process");
    }
}

#[tokio::test]
async fn segments_are_finished_and_read_again() {
    let mut rig = Rig::new().await;
    let log = rig.dir.path().join("log");
    for _ in 0..5 {
        rig.append(8, 128 * 1024).await;
        let image = rig.image();
        let store = open(image.path()).unwrap();
        assert_eq!(store.verify().unwrap().n_frames, rig.acked.len() as u64);
        assert!(frames(&store).await.unwrap() == rig.acked);
    }
    let n_segments = crate::log::segment::list(&log).unwrap().len();
    assert!(n_segments >= 3, "{n_segments} segments for 5 MiB");
    assert!(frames(rig.store()).await.unwrap() == rig.acked, "across all of them");
    assert!(rig.store().disk_bytes().unwrap() > 5 * 1024 * 1024);
}

/// The files as a power cut may leave them: the last batch is on the disk in part, and what was
/// not synced is as before it.
struct Torn {
    dir: tempfile::TempDir,
    file: std::path::PathBuf,
    start: usize,
    end: usize,
    acked: Vec<ports::Frame>,
}

async fn torn(n_bytes: usize) -> Torn {
    let mut rig = Rig::new().await;
    rig.append(9, 700).await;
    let hint = fs::read(rig.dir.path().join("acked")).unwrap();
    let acked = rig.acked.clone();
    rig.append(1, n_bytes).await;
    let dir = rig.image();
    fs::write(dir.path().join("acked"), hint).unwrap();
    let (file, starts) = segment(dir.path());
    let [.., start, end] = starts[..] else { panic!("batches") };
    let file = file.strip_prefix(dir.path()).unwrap().to_path_buf();
    let (start, end) = (usize::try_from(start).unwrap(), usize::try_from(end).unwrap());
    Torn { dir, file, start, end, acked }
}

impl Torn {
    /// Opens an image changed by `tear`; it must open with everything acknowledged.
    async fn check(&self, what: &str, tear: impl FnOnce(&mut Vec<u8>)) {
        let image = super::rig::image(self.dir.path());
        edit(&image.path().join(&self.file), tear);
        let store = open(image.path()).unwrap_or_else(|error| panic!("{what}: {error}"));
        let found = frames(&store).await.unwrap();
        let n = self.acked.len();
        assert!(found.len() == n || found.len() == n + 1, "{what}: {} frames", found.len());
        assert_eq!(found[..n], self.acked, "{what}: what was acknowledged is there");
        let shard = ShardId(1);
        let tail = store.claim(shard).await.unwrap();
        ports::contract::sample::append(&store, shard, tail, 50).await;
        drop(store);
        let store = open(image.path()).unwrap_or_else(|error| panic!("{what}, again: {error}"));
        assert_eq!(frames(&store).await.unwrap()[..n], self.acked, "{what}: and stays");
    }
}

#[tokio::test]
async fn a_torn_tail_is_cut_off_whichever_sectors_are_missing() {
    let torn = torn(4000).await;
    let sectors = |bytes: &mut Vec<u8>, is_missing: &dyn Fn(usize) -> bool| {
        for (at, byte) in bytes.iter_mut().enumerate().take(torn.end).skip(torn.start) {
            if is_missing(at / 512) {
                *byte = 0;
            }
        }
    };
    let (first, last) = (torn.start / 512, (torn.end - 1) / 512);
    assert!(last - first >= 7, "the batch spans sectors");
    for sector in first..=last {
        torn.check("one is missing", |bytes| sectors(bytes, &|at| at == sector)).await;
    }
    for sector in first..=last {
        torn.check("only one is there", |bytes| sectors(bytes, &|at| at != sector)).await;
    }
    let mut draw = 0x9e37_79b9_u64;
    for _ in 0..10 {
        draw ^= draw << 13;
        draw ^= draw >> 7;
        draw ^= draw << 17;
        torn.check("some are missing", |bytes| sectors(bytes, &|at| draw >> (at % 64) & 1 == 1))
            .await;
    }
}

#[tokio::test]
async fn a_file_that_ends_within_the_last_batch_is_cut_off() {
    let torn = torn(300).await;
    for at in (torn.start..=torn.end).step_by(17).chain([torn.start + 1, torn.end - 1]) {
        torn.check("it ends early", |bytes| bytes.truncate(at)).await;
    }
}

#[tokio::test]
async fn a_copy_of_what_is_cut_off_is_kept() {
    let torn = torn(300).await;
    edit(&torn.dir.path().join(&torn.file), |bytes| bytes[torn.end - 2] ^= 0x40);
    let expected = fs::read(torn.dir.path().join(&torn.file)).unwrap();
    open(torn.dir.path()).unwrap();
    let kept = fs::read(torn.dir.path().join("torn-tail")).unwrap();
    assert_eq!(kept, expected[torn.start..torn.end]);
}

#[tokio::test]
async fn the_last_batch_may_not_be_missing_once_it_was_acknowledged() {
    let mut rig = Rig::new().await;
    rig.append(10, 400).await;
    let image = rig.image();
    let (file, starts) = segment(image.path());
    let [.., start, _] = starts[..] else { panic!("batches") };
    let start = usize::try_from(start).unwrap();
    for cut in [start, start + 30] {
        let image = rig.image();
        let path = image.path().join("log").join(file.file_name().unwrap());
        edit(&path, |bytes| bytes.truncate(cut));
        for _ in 0..2 {
            let refused = open(image.path()).unwrap_err();
            assert!(matches!(refused, OpenError::Damaged(_)), "{refused}");
        }
    }
}

#[tokio::test]
async fn a_journal_below_its_publish_mark_is_refused() {
    let mut rig = Rig::new().await;
    rig.append(8, 100).await;
    let before = rig.image();
    rig.append(8, 100).await;
    rig.store().set_publish_mark(vec![(ShardId(2), 4)]).await.unwrap();
    let after = rig.image();
    for name in ["marks.a", "marks.b"] {
        fs::copy(after.path().join(name), before.path().join(name)).unwrap();
    }
    let refused = open(before.path()).unwrap_err();
    assert!(
        matches!(refused, OpenError::BelowMark { shard: ShardId(2), tail: 2, mark: 4 }),
        "{refused}"
    );
    assert!(refused.is_refusal());
    open(after.path()).unwrap();
}

#[tokio::test]
async fn marks_are_synced_in_turn_and_one_damaged_file_is_enough() {
    let mut rig = Rig::new().await;
    rig.append(12, 100).await;
    for n in 1..=3 {
        rig.store().set_publish_mark(vec![(ShardId(0), n)]).await.unwrap();
        rig.store().marks.sync().unwrap();
    }
    let image = rig.image();
    let read = |name: &str| fs::read(image.path().join(name)).unwrap();
    assert_ne!(read("marks.a"), read("marks.b"), "they are written in turn");
    for name in ["marks.a", "marks.b"] {
        let image = rig.image();
        edit(&image.path().join(name), |bytes| bytes[25] ^= 4);
        let store = open(image.path()).unwrap();
        assert!(store.marks.all()[0] >= 2, "the other file has the last or the one before");
        drop(store);
        open(image.path()).unwrap();
    }
    for name in ["marks.a", "marks.b"] {
        edit(&image.path().join(name), |bytes| bytes[25] ^= 4);
    }
    assert!(matches!(open(image.path()), Err(OpenError::Damaged(_))));
}

#[tokio::test]
async fn torn_derived_data_is_cut_to_a_prefix() {
    let mut rig = Rig::new().await;
    rig.append(40, 100).await;
    for n in 1..=8 {
        rig.derive(n).await;
    }
    let image = rig.image();
    let (file, starts) = journal_file(image.path());
    assert_eq!(starts.len(), 8 * 3 + 1);
    for (batch, start) in starts[..24].iter().enumerate() {
        let image = rig.image();
        let path = image.path().join("derived").join(file.file_name().unwrap());
        edit(&path, |bytes| bytes[usize::try_from(*start).unwrap() + 40] ^= 1);
        let store = open(image.path()).unwrap();
        let (n, step) = (batch as u64 / 3, batch % 3);
        let of = |at_step| if step > at_step { n + 1 } else { n };
        let expected = [of(0), of(0), of(1), of(2), of(2)];
        assert_eq!(derived(&store).await, expected, "batch {batch} was torn");
        assert_eq!(frames(&store).await.unwrap(), rig.acked);
    }
}
