//! The index file of a finished segment: which commits it has, where they begin, and the epochs
//! as they were at its end. Made again from the segment when it is missing or damaged.
//!
//! ```text
//! file = head (at u32, len u32)*, by shard and commit                         little endian
//! head = "MIX1" | first u64 | next u64 | crc u32 of the last batch | end u64 | n_shards u16
//!      | (first commit u64, n u32, crc u32 of its extents, epoch u64)* | crc u32
//! ```

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use super::format::Last;
use super::index::{End, Extent, Segment, Span};

const MAGIC: &[u8; 4] = b"MIX1";
const EXTENT_BYTES: usize = 8;

const fn head_bytes(n_shards: usize) -> usize {
    38 + n_shards * 24
}

/// The file of a finished segment whose extents are in memory, and the segment as its head has it.
pub(crate) fn encode(segment: &Segment, end: &End) -> (Vec<u8>, Segment) {
    let n_shards = segment.spans.len();
    let mut bytes = Vec::with_capacity(head_bytes(n_shards));
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&segment.first.to_le_bytes());
    bytes.extend_from_slice(&(end.last.number + 1).to_le_bytes());
    bytes.extend_from_slice(&end.last.crc.to_le_bytes());
    bytes.extend_from_slice(&end.at.to_le_bytes());
    let n = u16::try_from(n_shards).expect("shards are numbered by u16");
    bytes.extend_from_slice(&n.to_le_bytes());
    let mut sealed = Segment { extents: None, end: None, ..segment.clone() };
    let mut places = Vec::new();
    let extents = segment.extents.iter().flatten();
    for ((span, extents), epoch) in sealed.spans.iter_mut().zip(extents).zip(&end.epochs) {
        let start = places.len();
        for (at, len) in extents {
            places.extend_from_slice(&at.to_le_bytes());
            places.extend_from_slice(&len.to_le_bytes());
        }
        span.crc = crc32fast::hash(&places[start..]);
        bytes.extend_from_slice(&span.first.to_le_bytes());
        bytes.extend_from_slice(&span.n.to_le_bytes());
        bytes.extend_from_slice(&span.crc.to_le_bytes());
        bytes.extend_from_slice(&epoch.to_le_bytes());
    }
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes.extend_from_slice(&places);
    (bytes, sealed)
}

/// Takes numbers off the front.
struct Cut<'a>(&'a [u8]);

impl Cut<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }
}

/// Reads the head. `None`: it is not readable, or not of this many shards.
pub(crate) fn read_head(file: &File, n_shards: u16) -> io::Result<Option<(Segment, End)>> {
    let mut bytes = Vec::new();
    let n_bytes = head_bytes(n_shards as usize);
    file.take(n_bytes as u64).read_to_end(&mut bytes)?;
    Ok(if bytes.len() == n_bytes { head(&bytes, n_shards) } else { None })
}

fn head(bytes: &[u8], n_shards: u16) -> Option<(Segment, End)> {
    let (body, crc) = bytes.split_last_chunk::<4>()?;
    let mut cut = Cut(body);
    if crc32fast::hash(body).to_le_bytes() != *crc || &cut.take::<4>()? != MAGIC {
        return None;
    }
    let first = u64::from_le_bytes(cut.take()?);
    let next = u64::from_le_bytes(cut.take()?);
    let crc = u32::from_le_bytes(cut.take()?);
    let at = u64::from_le_bytes(cut.take()?);
    if u16::from_le_bytes(cut.take()?) != n_shards {
        return None;
    }
    let mut spans = Vec::with_capacity(n_shards as usize);
    let mut epochs = Vec::with_capacity(n_shards as usize);
    for _ in 0..n_shards {
        let first = u64::from_le_bytes(cut.take()?);
        let n = u32::from_le_bytes(cut.take()?);
        spans.push(Span { first, n, crc: u32::from_le_bytes(cut.take()?) });
        epochs.push(u64::from_le_bytes(cut.take()?));
    }
    let last = Last { number: next.checked_sub(1)?, crc };
    Some((Segment { first, spans, extents: None, end: None }, End { last, at, epochs }))
}

/// Reads where the frames of a span begin, which stand behind `before` others. `None`: it is not
/// as it was written.
pub(crate) fn read_extents(
    file: &File,
    n_shards: usize,
    before: u64,
    span: Span,
) -> io::Result<Option<Vec<Extent>>> {
    let mut bytes = vec![0; span.n as usize * EXTENT_BYTES];
    let at = head_bytes(n_shards) as u64 + before * EXTENT_BYTES as u64;
    match file.read_exact_at(&mut bytes, at) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let word = |chunk: &[u8]| u32::from_le_bytes(*chunk.first_chunk().expect("four bytes"));
    let extents =
        bytes.as_chunks::<EXTENT_BYTES>().0.iter().map(|pair| (word(pair), word(&pair[4..])));
    Ok((crc32fast::hash(&bytes) == span.crc).then(|| extents.collect()))
}

#[cfg(test)]
mod tests;
