//! A log made, or found again after whatever ended the process.
//!
//! Each batch was synced before the next one was begun, so only the very last one can be torn,
//! and then nothing in it was acknowledged: it is cut off. A whole batch behind a damaged
//! one, a gap, or an end before the last acknowledged batch is damage, and is refused.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use entity::ShardId;
use ports::HistoryId;

use super::format::{self, Entry, Found, HEADER_BYTES, Last};
use super::index::{End, Extent, Index, Segment};
use super::sealed;
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
        layout::create_dirs(dir)?;
        segment::make(dir, 1, &format::header(history, Last::NONE))?;
        let mut index = Index::new(n_shards);
        index.begin(Last::NONE, 0);
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

/// Opens a log. Reads its last segment, and of the others the heads of their index files.
pub(crate) fn open(
    dir: &Path,
    shape: Shape<'_>,
    promise: Promise<'_>,
) -> Result<(Arc<Log>, Writer), OpenError> {
    let Shape { history, n_shards, .. } = shape;
    let what = "read the log";
    let segments = segment::list(dir).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => OpenError::Damaged(format!("a segment has {error}")),
        _ => OpenError::io(what)(error),
    })?;
    let (Some(1), Some(newest)) = (segments.first(), segments.last()) else {
        return Err(OpenError::Damaged("the first segment of the log is missing".into()));
    };
    // A killed process may have given names that no sync has made durable yet.
    layout::sync_dir(dir).map_err(OpenError::io(what))?;
    let index = Index::new(n_shards);
    let mut reading = Reading { dir, history, index, last: Last::NONE, at: 0, last_at: 0 };
    for (at, first) in segments.iter().enumerate() {
        match segments.get(at + 1) {
            Some(next) => reading.finished(*first, *next)?,
            None => reading.newest(*first, promise)?,
        }
    }
    let Reading { index, last, at, last_at, .. } = reading;
    settle(&segment::path(dir, *newest), last_at, at).map_err(OpenError::io(what))?;
    let log = Arc::new(Log::new(dir.to_path_buf(), history.clone(), index));
    let writer = Writer::new(Arc::clone(&log), shape, *newest, at as u64, last);
    Ok((log, writer.map_err(OpenError::io(what))?))
}

/// Makes the newest segment as durable as it looks. A sync that failed may have left its last batch
/// in the page cache as if it were on the disk: written again, it is for certain.
fn settle(path: &Path, last_at: usize, at: usize) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut bytes = vec![0; at - last_at];
    file.read_exact_at(&mut bytes, last_at as u64)?;
    file.write_all_at(&bytes, last_at as u64)?;
    file.sync_all()
}

/// The log as far as it was read.
struct Reading<'a> {
    dir: &'a Path,
    history: &'a HistoryId,
    index: Index,
    last: Last,
    /// The end of the segment that was read last, and where its last batch begins.
    at: usize,
    last_at: usize,
}

impl Reading<'_> {
    /// Takes a finished segment in, by its index file if that is as it should be.
    fn finished(&mut self, first: u64, next: u64) -> Result<(), OpenError> {
        let path = segment::path(self.dir, first);
        let sealed = self.sealed(first, next);
        if let Some((segment, end)) = sealed.map_err(OpenError::io("read an index file"))? {
            let file = File::open(&path).map_err(OpenError::io("read a segment"))?;
            let mut header = Vec::new();
            let read = (&file).take(HEADER_BYTES as u64).read_to_end(&mut header);
            read.map_err(OpenError::io("read a segment"))?;
            self.header(&path, &header)?;
            let len = file.metadata().map_err(OpenError::io("read a segment"))?.len();
            if len < end.at {
                let len = usize::try_from(len).unwrap_or(usize::MAX);
                return Err(damaged(&path, len, "it ends early"));
            }
            self.index.push_sealed(self.last, self.at as u64, segment, &end);
            self.last = end.last;
            return Ok(());
        }
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
    fn sealed(&self, first: u64, next: u64) -> io::Result<Option<(Segment, End)>> {
        let file = match File::open(segment::index_path(self.dir, first)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let n = u16::try_from(self.index.epochs.len()).expect("shards are numbered by u16");
        let Some((segment, end)) = sealed::read_head(&file, n)? else { return Ok(None) };
        let mut spans = (0..n).map(ShardId).zip(&segment.spans);
        let is_right = segment.first == first
            && end.last.number + 1 == next
            && spans.all(|(shard, span)| span.first == self.index.next_commit(shard));
        Ok(is_right.then_some((segment, end)))
    }

    /// Reads the segment that was written last and takes a torn end off it.
    fn newest(&mut self, first: u64, promise: Promise<'_>) -> Result<(), OpenError> {
        let path = segment::path(self.dir, first);
        let bytes = fs::read(&path).map_err(OpenError::io("read a segment"))?;
        let torn = self.scan(&path, &bytes)?;
        let why = torn.unwrap_or("it ends there");
        if let Some(acked) = promise.acked.filter(|acked| self.last.number < *acked) {
            let why = format!("{why}, and batch {acked} was acknowledged");
            return Err(damaged(&path, self.at, &why));
        }
        if torn.is_none() {
            return Ok(());
        }
        let tail = &bytes[self.at..];
        if format::holds_later_batch(tail.get(1..).unwrap_or_default(), self.last.number) {
            return Err(damaged(&path, self.at, &format!("{why}, and a batch follows it")));
        }
        let end = tail.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let what = "cut a torn tail off";
        if let Err(error) = layout::write_whole(promise.torn_tail, &tail[..end]) {
            // On a full disk it is cut all the same.
            tracing::warn!(%error, "no copy of a torn tail was kept");
        }
        layout::cut(&path, self.at as u64).map_err(OpenError::io(what))?;
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
        self.index.begin(self.last, self.at as u64);
        (self.at, self.last_at) = (HEADER_BYTES, 0);
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
                    (self.last_at, self.at) = (self.at, batch.end);
                    self.last = batch.last;
                }
            }
        }
    }
}

fn damaged(path: &Path, at: usize, why: &str) -> OpenError {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    OpenError::Damaged(format!("{name} at byte {at}: {why}"))
}

/// Where the frames of a finished segment begin, as the segment itself says.
pub(super) fn extents(
    dir: &Path,
    history: &HistoryId,
    segment: &Segment,
) -> Result<Vec<Vec<Extent>>, OpenError> {
    let path = segment::path(dir, segment.first);
    let bytes = fs::read(&path).map_err(OpenError::io("read a segment"))?;
    let header = || damaged(&path, 0, "its header is not one of this store");
    let mut last = format::read_header(history, &bytes).ok_or_else(header)?;
    let mut extents = vec![Vec::new(); segment.spans.len()];
    let mut at = HEADER_BYTES;
    while let Found::Batch(batch) = format::batch_at(&bytes, at, last) {
        for entry in batch.entries {
            if let Entry::Frame { shard, at, len, .. } = entry
                && let Some(extents) = extents.get_mut(shard.0 as usize)
            {
                extents.push((at, len));
            }
        }
        (at, last) = (batch.end, batch.last);
    }
    let is_whole = extents
        .iter()
        .zip(&segment.spans)
        .all(|(found, span)| u32::try_from(found.len()).is_ok_and(|n| n == span.n));
    if is_whole { Ok(extents) } else { Err(damaged(&path, at, "a batch is not whole")) }
}
