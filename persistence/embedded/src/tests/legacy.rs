//! Stores of format 1: opened with all that they had, or refused as they are.

use std::fs;
use std::path::Path;

use entity::ShardId;
use fjall::{KeyspaceCreateOptions, PersistMode};
use ports::{Frame, Journal, Meta};

use super::rig::{OPTIONS, Rig, derived, frames, image, open};
use crate::OpenError;
use crate::identity::Identity;
use crate::layout::Layout;

/// Makes the store in `dir` one of format 1 that has the same frames, and a value.
fn make_old(dir: &Path, frames: &[Frame], epochs: &[u64]) {
    let layout = Layout::new(dir);
    let builder = fjall::Database::builder(layout.journal());
    let db = builder.journal_compression(fjall::CompressionType::None).open().unwrap();
    let keyspace = |name| db.keyspace(name, KeyspaceCreateOptions::default).unwrap();
    let (rows, _, meta) = (keyspace("frames"), keyspace("index"), keyspace("meta"));
    let mut number = 0_u64;
    for frame in frames {
        number += 1;
        let mut batch = db.batch().durability(Some(PersistMode::SyncData));
        let key = [&number.to_be_bytes()[..], &frame.header.shard.0.to_be_bytes()].concat();
        batch.insert(&rows, key, codec::seal(frame).unwrap());
        batch.commit().unwrap();
    }
    for (shard, epoch) in (0_u16..).zip(epochs) {
        let key = [b"e", &shard.to_be_bytes()[..]].concat();
        meta.insert(key, epoch.to_be_bytes()).unwrap();
    }
    meta.insert(b"vname", b"its value").unwrap();
    meta.insert(b"b", (number + 3).to_be_bytes()).unwrap();
    db.persist(PersistMode::SyncAll).unwrap();
    drop(db);
    crate::acked::Acked::open(&layout.acked()).unwrap().write(number + 3).unwrap();
    let mut identity = Identity::read(&layout.identity()).unwrap().unwrap();
    identity.format = 1;
    identity.write(&layout.identity()).unwrap();
    fs::remove_dir_all(layout.log()).unwrap();
}

async fn old() -> (Rig, tempfile::TempDir) {
    let mut rig = Rig::new().await;
    rig.append(30, 90_000).await;
    rig.derive(7).await;
    rig.store().set_publish_mark(vec![(ShardId(1), 7)]).await.unwrap();
    drop(rig.store.take());
    let dir = rig.image();
    make_old(dir.path(), &rig.acked, &[3, 1, 1, 9]);
    (rig, dir)
}

#[tokio::test]
async fn a_store_of_the_first_format_is_moved() {
    let (rig, dir) = old().await;
    let before = image(dir.path());
    for round in 0..2 {
        let store = open(dir.path()).unwrap();
        assert!(frames(&store).await.unwrap() == rig.acked, "start {round}");
        assert_eq!(derived(&store).await, [7; 5]);
        assert_eq!(store.value("name").await.unwrap(), Some(b"its value".to_vec()));
        let epochs = [3, 1, 1, 9];
        for (shard, epoch) in (0..OPTIONS.n_shards).map(ShardId).zip(epochs) {
            assert_eq!(store.tail(shard).await.unwrap().epoch, epoch);
        }
        assert!(!dir.path().join("journal").exists());
    }
    // A move that was cut short: the log is there in part, the identity as it was.
    let log = before.path().join("log");
    fs::create_dir(&log).unwrap();
    fs::write(log.join("00000000000000000001.log"), b"half").unwrap();
    // And its last step: nothing is promised while the identity changes.
    crate::acked::Acked::open(&before.path().join("acked")).unwrap().write(0).unwrap();
    let store = open(before.path()).unwrap();
    assert!(frames(&store).await.unwrap() == rig.acked);
}

#[tokio::test]
async fn a_journal_below_its_mark_is_kept() {
    let (_, dir) = old().await;
    // The mark says more than is there, and the last batch is not known.
    fs::remove_file(dir.path().join("acked")).unwrap();
    let layout = Layout::new(dir.path());
    let identity = Identity::read(&layout.identity()).unwrap().unwrap();
    let marks = crate::marks::Marks::open(&layout.marks(), &identity.history, 4, false).unwrap();
    marks.raise(&[(ShardId(1), 20)]).unwrap();
    drop(marks);
    for _ in 0..2 {
        let refused = open(dir.path()).unwrap_err();
        assert!(matches!(refused, OpenError::BelowMark { .. }), "{refused}");
        assert!(dir.path().join("journal").exists(), "it is all there is to mend it with");
    }
}

#[tokio::test]
async fn a_journal_that_lost_something_is_not_moved() {
    let (_, dir) = old().await;
    let acked = crate::acked::Acked::open(&dir.path().join("acked")).unwrap();
    acked.write(34).unwrap();
    for _ in 0..2 {
        let refused = open(dir.path()).unwrap_err();
        assert!(matches!(refused, OpenError::Damaged(_)), "{refused}");
        assert!(dir.path().join("journal").exists());
    }
}
