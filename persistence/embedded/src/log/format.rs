//! What stands in a segment. Pure; all numbers little endian.
//!
//! ```text
//! segment = header batch* 0*
//! header  = "MLG1" | first u64 | prev u32 | history 16 bytes | crc u32 of what stands before it
//! batch   = "MBAT" | len u32 of its entries | number u64 | prev u32 | crc u32 | entry*
//! entry   = kind u8 | len u32 | 1: shard u16, commit u64, sealed frame
//!                               2: shard u16, epoch u64
//! ```
//!
//! (L1) Batches are numbered from 1 without a gap, and each names the checksum of the one before
//! it, across segments. (L2) Behind the last one there is nothing, or there are zeros.

use std::convert::Infallible;

use entity::ShardId;
use ports::HistoryId;

pub(crate) const HEADER_BYTES: usize = 36;
const BATCH_HEAD_BYTES: usize = 24;
const ENTRY_HEAD_BYTES: usize = 5;
const SEGMENT_MAGIC: &[u8; 4] = b"MLG1";
const BATCH_MAGIC: &[u8; 4] = b"MBAT";
const FRAME: u8 = 1;
const EPOCH: u8 = 2;

/// The last batch before a place: what the next one has to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Last {
    /// Its number; 0: there is none.
    pub(crate) number: u64,
    /// Its checksum; 0: there is none.
    pub(crate) crc: u32,
}

impl Last {
    pub(crate) const NONE: Self = Self { number: 0, crc: 0 };
}

/// An entry; `at` and `len`: its bytes within the segment, or within the batch being built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A sealed frame.
    Frame { shard: ShardId, commit_no: u64, at: u32, len: u32 },
    /// A shard was claimed.
    Epoch { shard: ShardId, epoch: u64 },
}

/// A whole batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) last: Last,
    /// The first byte behind it.
    pub(crate) end: usize,
    pub(crate) entries: Vec<Entry>,
}

/// What stands at a place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A whole batch.
    Batch(Whole),
    /// Zeros, up to the end.
    End,
    /// Something that is no whole batch.
    Invalid(&'static str),
    /// A whole batch, but not the one that follows.
    Misplaced(&'static str),
}

/// A batch being built, and the next one in the same memory: pages for a new one each time have to
/// be found and cleared before the sync can begin.
#[derive(Debug)]
pub(crate) struct Builder {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self { bytes: vec![0; BATCH_HEAD_BYTES], entries: Vec::new() }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes so far.
    pub(crate) const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// A frame that was sealed before.
    pub(crate) fn push_frame(&mut self, shard: ShardId, commit_no: u64, sealed: &[u8]) {
        let Ok(()) = self.seal_frame(shard, commit_no, |bytes| {
            bytes.extend_from_slice(sealed);
            Ok::<(), Infallible>(())
        });
    }

    /// A frame, which `seal` appends. Errors: those of `seal`; then the batch is as it was.
    pub(crate) fn seal_frame<E>(
        &mut self,
        shard: ShardId,
        commit_no: u64,
        seal: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = self.begin(FRAME);
        self.bytes.extend_from_slice(&shard.0.to_le_bytes());
        self.bytes.extend_from_slice(&commit_no.to_le_bytes());
        let at = self.bytes.len();
        if let Err(error) = seal(&mut self.bytes) {
            self.bytes.truncate(start);
            return Err(error);
        }
        self.end(start);
        let (at, len) = (number(at), number(self.bytes.len() - at));
        self.entries.push(Entry::Frame { shard, commit_no, at, len });
        Ok(())
    }

    pub(crate) fn push_epoch(&mut self, shard: ShardId, epoch: u64) {
        let start = self.begin(EPOCH);
        self.bytes.extend_from_slice(&shard.0.to_le_bytes());
        self.bytes.extend_from_slice(&epoch.to_le_bytes());
        self.end(start);
        self.entries.push(Entry::Epoch { shard, epoch });
    }

    /// Begins an entry, whose length is not known yet. Returns where it starts.
    fn begin(&mut self, kind: u8) -> usize {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[kind, 0, 0, 0, 0]);
        start
    }

    fn end(&mut self, start: usize) {
        let len = number(self.bytes.len() - start - ENTRY_HEAD_BYTES);
        self.bytes[start + 1..start + ENTRY_HEAD_BYTES].copy_from_slice(&len.to_le_bytes());
    }

    /// How much it holds, for [`Self::cut`].
    pub(crate) const fn mark(&self) -> (usize, usize) {
        (self.bytes.len(), self.entries.len())
    }

    /// Takes out what came after a mark.
    pub(crate) fn cut(&mut self, (n_bytes, n_entries): (usize, usize)) {
        self.bytes.truncate(n_bytes);
        self.entries.truncate(n_entries);
    }

    /// Makes it the batch that follows `last`: its bytes, its entries, and what the next one
    /// follows.
    pub(crate) fn finish(&mut self, last: Last) -> (&[u8], &[Entry], Last) {
        let next = last.number + 1;
        let len = number(self.bytes.len() - BATCH_HEAD_BYTES);
        self.bytes[..4].copy_from_slice(BATCH_MAGIC);
        self.bytes[4..8].copy_from_slice(&len.to_le_bytes());
        self.bytes[8..16].copy_from_slice(&next.to_le_bytes());
        self.bytes[16..20].copy_from_slice(&last.crc.to_le_bytes());
        let crc = checksum(&self.bytes);
        self.bytes[20..24].copy_from_slice(&crc.to_le_bytes());
        (&self.bytes, &self.entries, Last { number: next, crc })
    }

    /// Begins the next batch.
    pub(crate) fn clear(&mut self) {
        self.bytes.truncate(BATCH_HEAD_BYTES);
        self.entries.clear();
    }
}

fn number(len: usize) -> u32 {
    u32::try_from(len).expect("a batch is far below 4 GiB")
}

/// Over a batch but for the place of the checksum itself.
fn checksum(batch: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&batch[..20]);
    hasher.update(&batch[BATCH_HEAD_BYTES..]);
    hasher.finalize()
}

/// The header of a segment whose batches follow `last`.
pub(crate) fn header(history: &HistoryId, last: Last) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    bytes.extend_from_slice(SEGMENT_MAGIC);
    bytes.extend_from_slice(&(last.number + 1).to_le_bytes());
    bytes.extend_from_slice(&last.crc.to_le_bytes());
    bytes.extend_from_slice(history.0.as_bytes());
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

/// What the batches of a segment follow. `None`: no header of this history.
pub(crate) fn read_header(history: &HistoryId, bytes: &[u8]) -> Option<Last> {
    let bytes: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
    let first = u64::from_le_bytes(*bytes[4..].first_chunk()?);
    let crc = u32::from_le_bytes(*bytes[12..].first_chunk()?);
    let last = Last { number: first.checked_sub(1)?, crc };
    (header(history, last) == bytes).then_some(last)
}

/// Reads what stands at `at` of a segment, where the batch behind `last` is expected.
pub(crate) fn batch_at(segment: &[u8], at: usize, last: Last) -> Found {
    let rest = segment.get(at..).unwrap_or_default();
    if rest.iter().take(BATCH_HEAD_BYTES).all(|byte| *byte == 0) {
        return match rest.iter().all(|byte| *byte == 0) {
            true => Found::End,
            false => Found::Invalid("something stands behind the end"),
        };
    }
    match whole(rest, at) {
        Err(why) => Found::Invalid(why),
        Ok((whole, prev)) if whole.last.number == last.number + 1 && prev == last.crc => {
            Found::Batch(whole)
        }
        Ok(_) => Found::Misplaced("a batch before it is missing"),
    }
}

/// The whole batch at the beginning of `bytes`, which stand at `at`, and the checksum it follows.
fn whole(bytes: &[u8], at: usize) -> Result<(Whole, u32), &'static str> {
    let head: &[u8; BATCH_HEAD_BYTES] = bytes.first_chunk().ok_or("it ends early")?;
    if !head.starts_with(BATCH_MAGIC) {
        return Err("it begins with no batch");
    }
    let word = |at: usize| u32::from_le_bytes(*head[at..].first_chunk().expect("24 bytes"));
    let end = BATCH_HEAD_BYTES + word(4) as usize;
    let batch = bytes.get(..end).ok_or("it ends early")?;
    let crc = word(20);
    if checksum(batch) != crc {
        return Err("its checksum does not fit");
    }
    let number = u64::from_le_bytes(*head[8..].first_chunk().expect("24 bytes"));
    let entries = entries(batch, at).ok_or("an entry is not one of ours")?;
    Ok((Whole { last: Last { number, crc }, end: at + end, entries }, word(16)))
}

fn entries(batch: &[u8], base: usize) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut at = BATCH_HEAD_BYTES;
    while at < batch.len() {
        let (kind, len) = batch.get(at..at + ENTRY_HEAD_BYTES)?.split_first()?;
        let len = u32::from_le_bytes(*len.first_chunk()?) as usize;
        let start = at + ENTRY_HEAD_BYTES;
        let body = batch.get(start..start + len)?;
        at = start + len;
        let (word, rest) = body.split_first_chunk::<2>()?;
        let word = u16::from_le_bytes(*word);
        entries.push(match *kind {
            FRAME => {
                let (commit_no, sealed) = rest.split_first_chunk::<8>()?;
                let commit_no = u64::from_le_bytes(*commit_no);
                let at = u32::try_from(base + start + 10).ok()?;
                let len = u32::try_from(sealed.len()).ok()?;
                Entry::Frame { shard: ShardId(word), commit_no, at, len }
            }
            EPOCH => {
                let epoch = u64::from_le_bytes(rest.try_into().ok()?);
                Entry::Epoch { shard: ShardId(word), epoch }
            }
            _ => return None,
        });
    }
    Some(entries)
}

/// Whether a whole batch behind number `last` begins anywhere in `bytes`. O(bytes), but for
/// bytes that look like the beginning of one.
pub(crate) fn holds_later_batch(bytes: &[u8], last: u64) -> bool {
    let mut starts =
        bytes.windows(BATCH_MAGIC.len()).enumerate().filter(|(_, window)| window == BATCH_MAGIC);
    starts.any(|(at, _)| whole(&bytes[at..], 0).is_ok_and(|(whole, _)| whole.last.number > last))
}

#[cfg(test)]
mod tests;
