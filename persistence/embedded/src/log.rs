//! The log: every commit of every shard, appended to files that are never rewritten.
//!
//! ```text
//! log/00000000000000000001.log   segments, named by their first batch
//! log/00000000000000000001.idx   where the frames of a finished one are: made again if missing
//! log/next                       a segment that has no name yet
//! ```
//!
//! One writer ([`writer`]), whose thread has each batch synced before the next one is begun; so
//! only the very last one can be torn, and then nothing in it was acknowledged ([`recover`]).
//! Reads run beside it. No segment is ever removed. After 64 MiB a segment is finished; of a
//! finished one 24 bytes a shard stay in memory, of the last one 8 bytes a frame.

pub(crate) mod format;
mod index;
pub(crate) mod recover;
mod sealed;
pub(crate) mod segment;
pub(crate) mod writer;

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

use entity::ShardId;
use ports::{HistoryId, StoreError};

use index::{Extent, Frames, Index, Place, Span};

use crate::layout;
use crate::limits::OPEN_FILES_MAX;

/// A log that can be read.
#[derive(Debug)]
pub(crate) struct Log {
    dir: PathBuf,
    history: HistoryId,
    index: RwLock<Index>,
    /// Files that were read last, the newest in front.
    files: Mutex<VecDeque<(PathBuf, Arc<File>)>>,
}

impl Log {
    const fn new(dir: PathBuf, history: HistoryId, index: Index) -> Self {
        let files = Mutex::new(VecDeque::new());
        Self { dir, history, index: RwLock::new(index), files }
    }

    fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().expect("nothing panics while it holds the lock")
    }

    fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().expect("nothing panics while it holds the lock")
    }

    /// The epoch of a shard, and its next commit.
    pub(crate) fn end_of(&self, shard: ShardId) -> (u64, u64) {
        let index = self.index();
        let epoch = index.epochs.get(shard.0 as usize).copied().unwrap_or(0);
        (epoch, index.next_commit(shard))
    }

    /// Where frames are from commit `from` on: at most `n_max`, at least one, or none at all.
    pub(crate) fn places(
        &self,
        shard: ShardId,
        from: u64,
        n_max: u32,
    ) -> Result<Vec<Place>, StoreError> {
        // Its own statement: the lock must not be held while a file is read.
        let found = self.index().frames(shard, from, n_max);
        let (segment, extents) = match found {
            Frames::Missing => return Ok(Vec::new()),
            Frames::At(segment, extents) => (segment, extents),
            Frames::Sealed { segment, before, span, skip } => {
                let extents = self.extents(segment, shard, before, span)?;
                let few = extents.into_iter().skip(skip as usize).take(n_max as usize);
                (segment, few.collect())
            }
        };
        Ok(extents.into_iter().map(|(at, len)| Place { segment, at, len }).collect())
    }

    /// Where the frames of a span begin; by the segment itself when its index file is damaged.
    fn extents(
        &self,
        first: u64,
        shard: ShardId,
        before: u64,
        span: Span,
    ) -> Result<Vec<Extent>, StoreError> {
        let path = segment::index_path(&self.dir, first);
        let n_shards = self.index().epochs.len();
        let read = self.file(&path).and_then(|file| {
            sealed::read_extents(&file, n_shards, before, span).map_err(unreadable)
        });
        match read {
            Ok(Some(extents)) => return Ok(extents),
            Ok(None) | Err(StoreError::Damaged(_)) => {}
            Err(error) => return Err(error),
        }
        tracing::warn!(
            first,
            "the index file of a segment is damaged; the next start makes it new"
        );
        let segment = self.index().segment(first).clone();
        let extents = recover::extents(&self.dir, &self.history, &segment);
        let extents = extents.map_err(|error| StoreError::Damaged(error.to_string()))?;
        let wanted = extents[shard.0 as usize].clone();
        self.index_mut().unseal(first, extents);
        // A failure leaves it to be found damaged again.
        drop(fs::remove_file(path));
        Ok(wanted)
    }

    /// The sealed bytes of a frame.
    pub(crate) fn frame(&self, place: Place) -> Result<Vec<u8>, StoreError> {
        let file = self.file(&segment::path(&self.dir, place.segment))?;
        let mut bytes = vec![0; place.len as usize];
        file.read_exact_at(&mut bytes, u64::from(place.at)).map_err(unreadable)?;
        Ok(bytes)
    }

    /// Writes the index files of finished segments and lets go of what they say. A failure costs
    /// memory, and a look at the whole segment at the next start.
    pub(crate) fn seal(&self) -> io::Result<()> {
        loop {
            let found = self.index().unsealed().cloned();
            let Some(segment) = found else { return Ok(()) };
            let Some(end) = &segment.end else { return Ok(()) };
            let path = segment::index_path(&self.dir, segment.first);
            let (bytes, sealed) = sealed::encode(&segment, end);
            layout::write_whole(&path, &bytes)?;
            self.index_mut().sealed(sealed);
        }
    }

    /// Bytes on the disk.
    pub(crate) fn disk_bytes(&self) -> io::Result<u64> {
        layout::bytes_in(&self.dir)
    }

    fn file(&self, path: &Path) -> Result<Arc<File>, StoreError> {
        let mut files = self.files.lock().expect("nothing panics while it holds the lock");
        if let Some(at) = files.iter().position(|(known, _)| known == path) {
            let found = files.remove(at).expect("it was found there");
            let file = Arc::clone(&found.1);
            files.push_front(found);
            return Ok(file);
        }
        let file = Arc::new(File::open(path).map_err(unreadable)?);
        files.push_front((path.to_path_buf(), Arc::clone(&file)));
        files.truncate(OPEN_FILES_MAX);
        Ok(file)
    }
}

/// A failed read: bytes that are not there are damage.
fn unreadable(error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound => {
            StoreError::Damaged(format!("a file of the log: {error}"))
        }
        _ => StoreError::Unavailable(error.to_string()),
    }
}

/// Whether a directory holds nothing that a log was ever told: a creation that was cut short.
pub(crate) fn is_unused(dir: &Path) -> io::Result<bool> {
    let segments = segment::list(dir)?;
    match segments.as_slice() {
        [] => Ok(true),
        [1] => {
            let bytes = fs::read(segment::path(dir, 1))?;
            Ok(bytes.iter().skip(format::HEADER_BYTES).all(|byte| *byte == 0))
        }
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests;
