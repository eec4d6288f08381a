//! What the tests share: a store in a temporary directory and copies of its files.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use entity::ShardId;
use ports::contract::sample;
use ports::{
    Checkpoint, Frame, HistoryId, Journal, Meta, SnapshotStore, SnapshotWrite, Tail, Views,
};
use tempfile::TempDir;

use crate::log::format::{HEADER_BYTES, batch_at, read_header};
use crate::scan::{Found, Scanner};
use crate::{EmbeddedStore, OpenError, Options, log};

pub(super) const OPTIONS: Options =
    Options { n_shards: 4, cache_bytes: 4 * 1024 * 1024, segment_bytes: 1024 * 1024 };

pub(super) fn open(dir: &Path) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open(dir, OPTIONS)
}

/// A copy of all files as they are now: what a killed process leaves behind.
pub(super) fn image(dir: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_tree(dir, copy.path());
    copy
}

fn copy_tree(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&to).unwrap();
            copy_tree(&entry.path(), &to);
        } else {
            // fjall makes its files long beforehand. What was never written need not be copied,
            // but for a piece: a file that ends in zeros is not the same as one that just ends.
            let metadata = entry.metadata().unwrap();
            let len = metadata.len().min(metadata.blocks() * 512 + 8192);
            let mut bytes = Vec::new();
            fs::File::open(entry.path()).unwrap().take(len).read_to_end(&mut bytes).unwrap();
            fs::write(&to, bytes).unwrap();
        }
    }
}

/// A store that appends to its shards in turn and remembers what was acknowledged.
pub(super) struct Rig {
    pub(super) dir: TempDir,
    pub(super) store: Option<EmbeddedStore>,
    pub(super) tails: Vec<Tail>,
    pub(super) acked: Vec<Frame>,
}

impl Rig {
    pub(super) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).unwrap();
        let mut tails = Vec::new();
        for shard in 0..OPTIONS.n_shards {
            tails.push(store.claim(ShardId(shard)).await.unwrap());
        }
        Self { dir, store: Some(store), tails, acked: Vec::new() }
    }

    pub(super) fn store(&self) -> &EmbeddedStore {
        self.store.as_ref().unwrap()
    }

    /// Appends `n` groups of one frame, of `n_bytes` each, to the shards in turn.
    pub(super) async fn append(&mut self, n: usize, n_bytes: usize) {
        for _ in 0..n {
            let shard = self.acked.len() % self.tails.len();
            let id = ShardId(u16::try_from(shard).unwrap());
            let fill = self.acked.len().to_le_bytes()[0];
            let frame = sample::frame(id, self.tails[shard], 1, fill, n_bytes);
            self.store().append(Arc::new(vec![frame.clone()])).await.unwrap();
            self.tails[shard] = self.tails[shard].after(&frame);
            self.acked.push(frame);
        }
    }

    /// Writes derived data that says `n` everywhere.
    pub(super) async fn derive(&self, n: u64) {
        let store = self.store();
        let shard = ShardId(0);
        let write = SnapshotWrite {
            epoch: store.tail(shard).await.unwrap().epoch,
            snapshots: vec![(sample::key("o"), sample::snapshot(n, 100))],
            checkpoint: Some(Checkpoint { commit_no: n, ..Checkpoint::default() }),
            ..SnapshotWrite::default()
        };
        store.write(shard, write).await.unwrap();
        let value = n.to_be_bytes().to_vec();
        let write = ports::CursorWrite { shard, epoch: 1, value };
        store.set_cursors("c", vec![write]).await.unwrap();
        let row = ports::ViewRow { key: b"k".to_vec(), value: n.to_be_bytes().to_vec() };
        store.apply("v", shard, n, vec![ports::ViewWrite::Put(row)]).await.unwrap();
    }

    pub(super) fn image(&self) -> TempDir {
        image(self.dir.path())
    }
}

/// What derived data says: snapshot, checkpoint, cursor, view cursor, view row.
pub(super) async fn derived(store: &EmbeddedStore) -> [u64; 5] {
    let shard = ShardId(0);
    let number = |bytes: Option<Vec<u8>>| {
        bytes.map_or(0, |bytes| u64::from_be_bytes(*bytes.first_chunk().unwrap()))
    };
    [
        store.snapshot(shard, &sample::key("o")).await.unwrap().map_or(0, |s| s.last_commit),
        store.checkpoint(shard).await.unwrap().map_or(0, |c| c.commit_no),
        number(store.cursor(shard, "c").await.unwrap()),
        store.view_cursor("v", shard).await.unwrap(),
        number(store.row("v", b"k").await.unwrap()),
    ]
}

/// All frames of a store in the order in which [`Rig::append`] writes them.
pub(super) async fn frames(store: &EmbeddedStore) -> Result<Vec<Frame>, ports::StoreError> {
    let mut shards = Vec::new();
    for shard in 0..store.n_shards() {
        let frames = store.read(ShardId(shard), 1, usize::MAX).await?;
        shards.push(frames.into_iter());
    }
    let mut all = Vec::new();
    loop {
        for shard in &mut shards {
            match shard.next() {
                Some(frame) => all.push(frame),
                None => return Ok(all),
            }
        }
    }
}

/// The newest segment of the log, and where its batches begin; last: where they end.
pub(super) fn segment(dir: &Path) -> (PathBuf, Vec<u64>) {
    let dir = dir.join("log");
    let first = *log::segment::list(&dir).unwrap().last().unwrap();
    let path = log::segment::path(&dir, first);
    let bytes = fs::read(&path).unwrap();
    let mut starts = vec![HEADER_BYTES as u64];
    let history = history(&bytes);
    let mut last = read_header(&history, &bytes).unwrap();
    let mut at = HEADER_BYTES;
    while let log::format::Found::Batch(batch) = batch_at(&bytes, at, last) {
        (at, last) = (batch.end, batch.last);
        starts.push(at as u64);
    }
    (path, starts)
}

fn history(segment: &[u8]) -> HistoryId {
    HistoryId(std::str::from_utf8(&segment[16..32]).unwrap().to_owned())
}

/// The newest journal file of the derived database, and where its batches begin; last: where they
/// end.
pub(super) fn journal_file(dir: &Path) -> (PathBuf, Vec<u64>) {
    let mut files: Vec<(u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(dir.join("derived")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "jnl") {
            files.push((path.file_stem().unwrap().to_str().unwrap().parse().unwrap(), path));
        }
    }
    files.sort();
    let (_, path) = files.pop().unwrap();
    let mut scanner = Scanner::new(fs::File::open(&path).unwrap());
    let mut starts = vec![0];
    while let Found::Batch(_) = scanner.next_batch().unwrap() {
        starts.push(scanner.at());
    }
    (path, starts)
}

/// Changes bytes of a file in place.
pub(super) fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}
