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
//! Reads run beside it. Nothing is ever removed. After 64 MiB a segment is finished; of a
//! finished one 12 bytes a shard stay in memory, of the last one 8 bytes a frame.

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

use index::{Frames, Index};

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

/// Bytes of a segment that hold a sealed frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FramePlace {
    segment: u64,
    at: u32,
    len: u32,
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
        let epoch = index.state.epochs.get(shard.0 as usize).copied().unwrap_or(0);
        (epoch, index.next_commit(shard))
    }

    /// Where frames are from commit `from` on: at most `n_max`, at least one, or none at all.
    pub(crate) fn places(
        &self,
        shard: ShardId,
        from: u64,
        n_max: u32,
    ) -> Result<Vec<FramePlace>, StoreError> {
        // Its own statement: the lock must not be held while a file is read.
        let found = self.index().frames(shard, from, n_max);
        let (segment, extents) = match found {
            Frames::Missing => return Ok(Vec::new()),
            Frames::At(segment, extents) => (segment, extents),
            Frames::Sealed { segment, from, n } => {
                let n_shards = self.index().state.epochs.len();
                let file = self.file(segment::index_path(&self.dir, segment))?;
                let extents = sealed::read_extents(&file, n_shards, from, n);
                (segment, extents.map_err(unreadable)?)
            }
        };
        Ok(extents.into_iter().map(|(at, len)| FramePlace { segment, at, len }).collect())
    }

    /// The sealed bytes of a frame.
    pub(crate) fn frame(&self, place: FramePlace) -> Result<Vec<u8>, StoreError> {
        self.bytes(place.segment, place.at, place.len)
    }

    /// A named value.
    pub(crate) fn value(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(place) = self.index().state.values.get(name).copied() else { return Ok(None) };
        let bytes = self.bytes(place.segment, place.at, place.len)?;
        let value = format::open_value(&bytes);
        let damaged = || StoreError::Damaged(format!("the value {name} is not as it was written"));
        Ok(Some(value.ok_or_else(damaged)?.to_vec()))
    }

    /// Writes the index files of finished segments and lets go of what they say. A failure costs
    /// memory, and a look at the whole segment at the next start.
    pub(crate) fn seal(&self) -> io::Result<()> {
        loop {
            let found = self.index().unsealed().cloned();
            let Some(segment) = found else { return Ok(()) };
            let Some(end) = &segment.end else { return Ok(()) };
            let path = segment::index_path(&self.dir, segment.first);
            layout::write_whole(&path, &sealed::encode(&segment, end))?;
            self.index_mut().sealed(segment.first);
        }
    }

    /// Bytes on the disk.
    pub(crate) fn disk_bytes(&self) -> io::Result<u64> {
        let mut n_bytes = 0;
        for entry in fs::read_dir(&self.dir)? {
            n_bytes += entry?.metadata()?.len();
        }
        Ok(n_bytes)
    }

    fn bytes(&self, segment: u64, at: u32, len: u32) -> Result<Vec<u8>, StoreError> {
        let file = self.file(segment::path(&self.dir, segment))?;
        let mut bytes = vec![0; len as usize];
        file.read_exact_at(&mut bytes, u64::from(at)).map_err(unreadable)?;
        Ok(bytes)
    }

    fn file(&self, path: PathBuf) -> Result<Arc<File>, StoreError> {
        let mut files = self.files.lock().expect("nothing panics while it holds the lock");
        if let Some(at) = files.iter().position(|(known, _)| *known == path) {
            let found = files.remove(at).expect("it was found there");
            let file = Arc::clone(&found.1);
            files.push_front(found);
            return Ok(file);
        }
        let file = Arc::new(File::open(&path).map_err(unreadable)?);
        files.push_front((path, Arc::clone(&file)));
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
