//! The writer: a batch at a time, synced; a new segment when the last one is full.
//!
//! Files grow by what is written. Over blocks that were zeroed beforehand a sync took 0.25 ms where
//! it takes 0.37, but zeroing costs a third of a core while it goes on, and commits wait for its
//! syncs (decision 0019).

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::format::{self, Builder, Entry, HEADER_BYTES, Last};
use super::recover::Shape;
use super::{Log, segment};

/// The only writer of a log. After an error it must not be used: what is on the disk is unknown.
pub(crate) struct Writer {
    log: Arc<Log>,
    file: File,
    /// Where the next batch goes.
    at: u64,
    last: Last,
    segment_bytes: u64,
}

impl Writer {
    /// Goes on behind `last`, which ends at `at` of the segment that begins with batch `first`.
    pub(super) fn new(
        log: Arc<Log>,
        shape: Shape<'_>,
        first: u64,
        at: u64,
        last: Last,
    ) -> io::Result<Self> {
        let path = segment::path(&log.dir, first);
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Self { log, file, at, last, segment_bytes: shape.segment_bytes })
    }

    /// The number of the last batch.
    pub(crate) const fn number(&self) -> u64 {
        self.last.number
    }

    /// Makes a batch durable and then visible. Returns its number.
    pub(crate) fn append(&mut self, batch: &mut Builder) -> io::Result<u64> {
        let (bytes, entries, next) = batch.finish(self.last);
        let len = bytes.len() as u64;
        if self.at + len > self.segment_bytes && self.at > HEADER_BYTES as u64 {
            self.rotate(bytes)?;
        } else {
            self.file.write_all_at(bytes, self.at)?;
            self.file.sync_data()?;
        }
        self.show(entries);
        self.at += len;
        self.last = next;
        Ok(next.number)
    }

    /// Begins a segment with this batch. Nothing is acknowledged before it has its name.
    fn rotate(&mut self, batch: &[u8]) -> io::Result<()> {
        let bytes = [&format::header(&self.log.history, self.last), batch].concat();
        self.file = segment::make(&self.log.dir, self.last.number + 1, &bytes)?;
        self.log.index_mut().begin(self.last, self.at);
        self.at = HEADER_BYTES as u64;
        Ok(())
    }

    fn show(&self, entries: &[Entry]) {
        let base = u32::try_from(self.at).expect("a segment is below 4 GiB");
        let mut index = self.log.index_mut();
        for entry in entries {
            index.add(*entry, base).expect("groups are checked against the tails");
        }
    }
}
