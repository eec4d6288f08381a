//! Rot: every flipped bit is harmless or refused; nothing acknowledged vanishes silently.

use std::fs;
use std::path::{Path, PathBuf};

use entity::ShardId;
use ports::{Frame, Meta};

use super::rig::{Rig, edit, frames, image, open, segment};
use crate::OpenError;

/// A reproducible draw.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

fn flip(path: &Path, bit: u64) {
    edit(path, |bytes| bytes[usize::try_from(bit / 8).unwrap()] ^= 1 << (bit % 8));
}

/// Opens and reads everything. `None`: refused, at open or by a read.
async fn read_back(dir: &Path) -> Option<Vec<Frame>> {
    let store = open(dir).ok()?;
    store.verify().ok()?;
    // What was put stays; a store that nothing was put into has nothing.
    assert!(store.value("key").await.ok()?.is_none_or(|value| value == [9; 100]));
    frames(&store).await.ok()
}

#[tokio::test]
async fn flips_in_the_journal_file_of_a_killed_process() {
    let mut rig = Rig::new().await;
    rig.append(40, 150).await;
    rig.store().set_publish_mark(vec![(ShardId(0), 5), (ShardId(1), 5)]).await.unwrap();
    let whole = rig.image();
    let (file, starts) = segment(whole.path());
    let n_bits = starts.last().unwrap() * 8;
    let mut draw = Draw(0x5eed_0001);
    // Spread over all of it, and every byte of the head of one batch and of the last.
    let mut bits: Vec<u64> = (0..48).map(|at| n_bits * at / 48 + draw.below(n_bits / 48)).collect();
    for start in [starts[20], starts[starts.len() - 2]] {
        bits.extend((0..24).map(|at| (start + at) * 8 + draw.below(8)));
    }
    let mut n_refused = 0;
    for bit in bits {
        let image = image(whole.path());
        flip(&image.path().join("log").join(file.file_name().unwrap()), bit);
        match read_back(image.path()).await {
            Some(found) => assert_eq!(found, rig.acked, "bit {bit}: silent loss"),
            None => n_refused += 1,
        }
    }
    assert_eq!(n_refused, 48 + 48, "none is harmless");
}

#[tokio::test]
async fn flips_when_the_last_commit_is_not_known_lose_nothing_that_was_published() {
    let mut rig = Rig::new().await;
    rig.append(24, 150).await;
    let marks = (0..4).map(|shard| (ShardId(shard), 6)).collect();
    rig.store().set_publish_mark(marks).await.unwrap();
    let n_marked = rig.acked.len();
    rig.append(2, 150).await;
    let whole = rig.image();
    fs::remove_file(whole.path().join("acked")).unwrap();
    let (file, starts) = segment(whole.path());
    let n_bits = starts.last().unwrap() * 8;
    let mut draw = Draw(0x5eed_0002);
    for at in 0..24 {
        let bit = n_bits * at / 24 + draw.below(n_bits / 24);
        let image = image(whole.path());
        flip(&image.path().join("log").join(file.file_name().unwrap()), bit);
        if let Some(found) = read_back(image.path()).await {
            assert!(found.len() >= n_marked, "bit {bit}: published frames are gone");
            assert_eq!(found, rig.acked[..found.len()], "bit {bit}: a prefix");
            let is_last = bit / 8 >= starts[starts.len() - 2];
            assert!(is_last || found == rig.acked, "bit {bit}: only the last one can be torn");
        }
    }
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if fs::metadata(&path).unwrap().len() > 0 {
            found.push(path);
        }
    }
    found.sort();
}

#[tokio::test]
async fn flips_in_any_file_are_harmless_or_refused() {
    let mut rig = Rig::new().await;
    rig.append(48, 400 * 1024).await;
    rig.derive(3).await;
    rig.store().set_value("key", vec![9; 100]).await.unwrap();
    drop(rig.store.take());
    // A second start, so that tables are written out and segments were read once.
    drop(open(rig.dir.path()).unwrap());
    let whole = rig.image();
    let mut paths = Vec::new();
    files(whole.path(), &mut paths);
    assert!(paths.len() > 20, "{paths:?}");
    let mut draw = Draw(0x5eed_0003);
    let mut n_refused = 0;
    for path in paths {
        let name = path.strip_prefix(whole.path()).unwrap();
        let bytes = fs::read(&path).unwrap();
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(1, |last| last + 1) as u64;
        for _ in 0..2 {
            let bit = draw.below(used * 8);
            let image = image(whole.path());
            flip(&image.path().join(name), bit);
            match read_back(image.path()).await {
                Some(found) => {
                    assert!(found == rig.acked, "{} bit {bit}: silent loss", name.display());
                }
                None => n_refused += 1,
            }
        }
    }
    assert!(n_refused > 20, "{n_refused}");
}

#[tokio::test]
async fn missing_parts_are_refused() {
    let mut rig = Rig::new().await;
    rig.append(10, 100).await;
    rig.derive(1).await;
    for name in [
        "identity",
        "log",
        "log/00000000000000000001.log",
        "values",
        "derived",
        "derived/keyspaces",
        "derived/keyspaces/0",
        "derived/keyspaces/2",
        "derived/version",
    ] {
        let image = rig.image();
        let path = image.path().join(name);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        for _ in 0..2 {
            let refused = open(image.path());
            assert!(matches!(refused, Err(OpenError::Damaged(_))), "{name}: {refused:?}");
        }
    }
}

#[tokio::test]
async fn a_newer_format_and_a_damaged_identity_are_refused() {
    let rig = Rig::new().await;
    let image = rig.image();
    let path = image.path().join("identity");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("store 2", "store 3")).unwrap();
    let refused = open(image.path()).unwrap_err();
    assert!(matches!(refused, OpenError::Version { found: 3, known: 2 }), "{refused}");
    for other in [text.replace("shards 4", "shards 5"), text[1..].to_owned(), format!("{text}x")] {
        fs::write(&path, other).unwrap();
        assert!(matches!(open(image.path()), Err(OpenError::Damaged(_))));
    }
    fs::write(&path, text).unwrap();
    open(image.path()).unwrap();
}

#[tokio::test]
async fn a_checkpoint_ahead_of_the_journal_is_refused() {
    let mut rig = Rig::new().await;
    rig.append(4, 100).await;
    rig.derive(2).await;
    let refused = open(rig.image().path()).unwrap_err();
    assert!(matches!(refused, OpenError::Damaged(_)), "{refused}");
}
