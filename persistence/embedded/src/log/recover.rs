//! A log made, or found again after whatever ended the process.
//!
//! Each batch was synced before the next one was begun, so only the very last one can be torn,
//! and then nothing in it was acknowledged: it is cut off. A whole batch behind a damaged
//! one, a gap, or an end before the last acknowledged batch is damage, and is refused.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use ports::HistoryId;

use super::format::{self, Found, HEADER_BYTES, Last};
use super::index::{Index, State};
use super::sealed::{self, Head};
use super::writer::Writer;
use super::{Log, segment};
use crate::{OpenError, layout};

/// What a log is told of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape<'a> {
    pub(crate) history: &'a HistoryId,
    pub(crate) n_shards: u16,
    /// Of a segment, unless one batch is longer.
    pub(crate) segment_bytes: u64,
}

/// Makes a log in an empty directory.
pub(crate) fn create(dir: &Path, shape: Shape<'_>) -> Result<(Arc<Log>, Writer), OpenError> {
    let Shape { history, n_shards, .. } = shape;
    let what = OpenError::io("make the log");
    let made = || {
        layout::create_dirs(dir).map_err(io::Error::other)?;
        segment::make(dir, 1, &format::header(history, Last::NONE))?;
        let mut index = Index::new(n_shards);
        index.begin(Last::NONE);
        let log = Arc::new(Log::new(dir.to_path_buf(), history.clone(), index));
        let writer = Writer::new(Arc::clone(&log), shape, 1, HEADER_BYTES as u64, Last::NONE)?;
        Ok((log, writer))
    };
    made().map_err(what)
}

/// What is known from outside, and where a copy of what is cut off goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Promise<'a> {
    /// Number of the last batch that was acknowledged, if known.
    pub(crate) acked: Option<u64>,
    pub(crate) torn_tail: &'a Path,
}

/// Opens a log. Reads its last segment, and of the others the heads and states of their indexes.
pub(crate) fn open(
    dir: &Path,
    shape: Shape<'_>,
    promise: Promise<'_>,
) -> Result<(Arc<Log>, Writer), OpenError> {
    let Shape { history, n_shards, .. } = shape;
    let what = "read the log";
    let segments = segment::list(dir).map_err(OpenError::io(what))?;
    let (Some(1), Some(newest)) = (segments.first(), segments.last()) else {
        return Err(OpenError::Damaged("the first segment of the log is missing".into()));
    };
    remove(&segment::next_path(dir)).map_err(OpenError::io(what))?;
    let index = Index::new(n_shards);
    let mut reading = Reading { dir, history, index, last: Last::NONE, at: 0 };
    for (at, first) in segments.iter().enumerate() {
        match segments.get(at + 1) {
            Some(next) => reading.finished(*first, *next)?,
            None => reading.newest(*first, promise)?,
        }
    }
    let Reading { index, last, at, .. } = reading;
    if let Some(acked) = promise.acked
        && last.number < acked
    {
        let number = last.number;
        return Err(OpenError::Damaged(format!(
            "the log ends at batch {number}, but batch {acked} was acknowledged"
        )));
    }
    let log = Arc::new(Log::new(dir.to_path_buf(), history.clone(), index));
    let writer = Writer::new(Arc::clone(&log), shape, *newest, at as u64, last);
    Ok((log, writer.map_err(OpenError::io(what))?))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The log as far as it was read.
struct Reading<'a> {
    dir: &'a Path,
    history: &'a HistoryId,
    index: Index,
    last: Last,
    /// The end of the segment that was read last.
    at: usize,
}

impl Reading<'_> {
    /// Takes a finished segment in, by its index file if that is as it should be.
    fn finished(&mut self, first: u64, next: u64) -> Result<(), OpenError> {
        let what = "read the index of a segment";
        let sealed = self.sealed(first, next).map_err(OpenError::io(what))?;
        if let Some((head, state)) = sealed {
            // Its file has to be there all the same, and to follow the one before it.
            let path = segment::path(self.dir, first);
            let mut header = vec![0; HEADER_BYTES];
            let read = File::open(&path).and_then(|file| file.read_exact_at(&mut header, 0));
            read.map_err(OpenError::io("read a segment"))?;
            self.header(&path, &header)?;
            self.index.push_sealed(self.last, head.segment, state);
            self.last = head.last;
            return Ok(());
        }
        let path = segment::path(self.dir, first);
        let bytes = fs::read(&path).map_err(OpenError::io("read a segment"))?;
        if let Some(why) = self.scan(&path, &bytes)? {
            return Err(damaged(&path, self.at, why));
        }
        if self.last.number + 1 != next {
            return Err(damaged(&path, self.at, "batches are missing behind it"));
        }
        Ok(())
    }

    /// The index file of a segment; `None`: it is missing, damaged or does not fit.
    fn sealed(&self, first: u64, next: u64) -> io::Result<Option<(Head, State)>> {
        let mut file = match File::open(segment::index_path(self.dir, first)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let n_shards = self.index.state.epochs.len();
        let n = u16::try_from(n_shards).expect("shards are numbered by u16");
        let Some(head) = sealed::read_head(&mut file, n)? else { return Ok(None) };
        let Some(state) = sealed::read_state(&mut file, &head.segment)? else { return Ok(None) };
        let follows = (0..n).map(entity::ShardId).zip(&head.segment.spans);
        let is_right = head.segment.first == first
            && head.last.number + 1 == next
            && follows.into_iter().all(|(id, span)| span.first == self.index.next_commit(id));
        Ok(is_right.then_some((head, state)))
    }

    /// Reads the segment that was written last and takes a torn end off it.
    fn newest(&mut self, first: u64, promise: Promise<'_>) -> Result<(), OpenError> {
        let path = segment::path(self.dir, first);
        let bytes = fs::read(&path).map_err(OpenError::io("read a segment"))?;
        let Some(why) = self.scan(&path, &bytes)? else { return Ok(()) };
        let tail = &bytes[self.at..];
        if format::holds_later_batch(tail.get(1..).unwrap_or_default(), self.last.number) {
            let why = format!("{why}, and a commit follows it");
            return Err(damaged(&path, self.at, &why));
        }
        if let Some(acked) = promise.acked.filter(|acked| self.last.number < *acked) {
            let why = format!("{why}, and commit {acked} was acknowledged");
            return Err(damaged(&path, self.at, &why));
        }
        let end = tail.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let what = "cut a torn tail off";
        layout::write_whole(promise.torn_tail, &tail[..end]).map_err(OpenError::io(what))?;
        cut(&path, self.at).map_err(OpenError::io(what))?;
        let at = self.at;
        tracing::warn!(at, why, "a torn tail was cut off: nothing in it was acknowledged");
        Ok(())
    }

    fn header(&self, path: &Path, bytes: &[u8]) -> Result<(), OpenError> {
        match format::read_header(self.history, bytes) {
            Some(last) if last == self.last => Ok(()),
            Some(_) => Err(damaged(path, 0, "it does not follow the segment before it")),
            None => Err(damaged(path, 0, "its header is not one of this store")),
        }
    }

    /// Takes a segment's batches in, up to what is no whole batch, which is told.
    fn scan(&mut self, path: &Path, bytes: &[u8]) -> Result<Option<&'static str>, OpenError> {
        self.header(path, bytes)?;
        self.index.begin(self.last);
        self.at = HEADER_BYTES;
        loop {
            match format::batch_at(bytes, self.at, self.last) {
                Found::End => return Ok(None),
                Found::Invalid(why) => return Ok(Some(why)),
                Found::Misplaced(why) => return Err(damaged(path, self.at, why)),
                Found::Batch(batch) => {
                    for entry in batch.entries {
                        let gap = |_| damaged(path, self.at, "a commit before it is missing");
                        self.index.add(entry, 0).map_err(gap)?;
                    }
                    self.at = batch.end;
                    self.last = batch.last;
                }
            }
        }
    }
}

fn cut(path: &Path, at: usize) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(at as u64)?;
    file.sync_all()
}

fn damaged(path: &Path, at: usize, why: &str) -> OpenError {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    OpenError::Damaged(format!("{name} at byte {at}: {why}"))
}
