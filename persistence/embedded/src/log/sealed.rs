//! The index file of a finished segment: which commits it has, where they begin, and the epochs
//! and values as they were at its end. Made again from the segment when it is missing or damaged.
//!
//! ```text
//! head    = "MIX1" | first u64 | next u64 | crc u32 of the last batch | n_shards u16
//!         | (first commit u64, n u32)* | crc u32 of the head
//! extents = (at u32, len u32)*, by shard and commit
//! state   = epoch u64 * | n u32 | (name_len u16, name, segment u64, at u32, len u32)* | crc u32
//! ```

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use super::format::Last;
use super::index::{End, Extent, Place, Segment, Span, State};

const MAGIC: &[u8; 4] = b"MIX1";
const EXTENT_BYTES: u64 = 8;

/// What the head says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) segment: Segment,
    /// The segment's last batch.
    pub(crate) last: Last,
}

const fn head_bytes(n_shards: usize) -> usize {
    30 + n_shards * 12
}

/// The file of a finished segment whose extents are in memory.
pub(crate) fn encode(segment: &Segment, end: &End) -> Vec<u8> {
    let End { last, state } = end;
    let n_shards = segment.spans.len();
    let mut bytes = Vec::with_capacity(head_bytes(n_shards));
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&segment.first.to_le_bytes());
    bytes.extend_from_slice(&(last.number + 1).to_le_bytes());
    bytes.extend_from_slice(&last.crc.to_le_bytes());
    let n = u16::try_from(n_shards).expect("shards are numbered by u16");
    bytes.extend_from_slice(&n.to_le_bytes());
    for span in &segment.spans {
        bytes.extend_from_slice(&span.first.to_le_bytes());
        bytes.extend_from_slice(&span.n.to_le_bytes());
    }
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    for (at, len) in segment.extents.iter().flatten().flatten() {
        bytes.extend_from_slice(&at.to_le_bytes());
        bytes.extend_from_slice(&len.to_le_bytes());
    }
    let start = bytes.len();
    for epoch in &state.epochs {
        bytes.extend_from_slice(&epoch.to_le_bytes());
    }
    let n = u32::try_from(state.values.len()).expect("values are few");
    bytes.extend_from_slice(&n.to_le_bytes());
    for (name, place) in &state.values {
        let len = u16::try_from(name.len()).expect("names of values are short");
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(&place.segment.to_le_bytes());
        bytes.extend_from_slice(&place.at.to_le_bytes());
        bytes.extend_from_slice(&place.len.to_le_bytes());
    }
    let crc = crc32fast::hash(&bytes[start..]);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

/// Takes bytes off the front.
struct Cut<'a>(&'a [u8]);

impl<'a> Cut<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn slice(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }
}

/// The body of something that ends with its checksum.
fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (body, crc) = bytes.split_last_chunk::<4>()?;
    (crc32fast::hash(body).to_le_bytes() == *crc).then_some(body)
}

/// Reads the head. `None`: it is not readable, or not of this many shards.
pub(crate) fn read_head(file: &mut File, n_shards: u16) -> io::Result<Option<Head>> {
    let mut bytes = Vec::new();
    let n_bytes = head_bytes(n_shards as usize);
    file.seek(SeekFrom::Start(0))?;
    Read::by_ref(file).take(n_bytes as u64).read_to_end(&mut bytes)?;
    Ok(if bytes.len() == n_bytes { head(&bytes, n_shards) } else { None })
}

fn head(bytes: &[u8], n_shards: u16) -> Option<Head> {
    let mut cut = Cut(checked(bytes)?);
    if &cut.take::<4>()? != MAGIC {
        return None;
    }
    let first = u64::from_le_bytes(cut.take()?);
    let next = u64::from_le_bytes(cut.take()?);
    let crc = u32::from_le_bytes(cut.take()?);
    if u16::from_le_bytes(cut.take()?) != n_shards {
        return None;
    }
    let mut spans = Vec::with_capacity(n_shards as usize);
    for _ in 0..n_shards {
        let first = u64::from_le_bytes(cut.take()?);
        spans.push(Span { first, n: u32::from_le_bytes(cut.take()?) });
    }
    let last = Last { number: next.checked_sub(1)?, crc };
    Some(Head { segment: Segment { first, spans, extents: None, end: None }, last })
}

/// Reads the state behind a head. `None`: it is not readable.
pub(crate) fn read_state(file: &mut File, segment: &Segment) -> io::Result<Option<State>> {
    let n_extents: u64 = segment.spans.iter().map(|span| u64::from(span.n)).sum();
    let start = head_bytes(segment.spans.len()) as u64 + n_extents * EXTENT_BYTES;
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.read_to_end(&mut bytes)?;
    Ok(state(&bytes, segment.spans.len()))
}

fn state(bytes: &[u8], n_shards: usize) -> Option<State> {
    let mut cut = Cut(checked(bytes)?);
    let mut state = State::default();
    for _ in 0..n_shards {
        state.epochs.push(u64::from_le_bytes(cut.take()?));
    }
    for _ in 0..u32::from_le_bytes(cut.take()?) {
        let len = u16::from_le_bytes(cut.take()?);
        let name = String::from_utf8(cut.slice(len as usize)?.to_vec()).ok()?;
        let segment = u64::from_le_bytes(cut.take()?);
        let at = u32::from_le_bytes(cut.take()?);
        let place = Place { segment, at, len: u32::from_le_bytes(cut.take()?) };
        state.values.insert(name, place);
    }
    Some(state)
}

/// Reads `n` extents from the `from`-th on.
pub(crate) fn read_extents(
    file: &File,
    n_shards: usize,
    from: u64,
    n: u32,
) -> io::Result<Vec<Extent>> {
    let mut bytes = vec![0; n as usize * 8];
    file.read_exact_at(&mut bytes, head_bytes(n_shards) as u64 + from * EXTENT_BYTES)?;
    let word = |chunk: &[u8]| u32::from_le_bytes(*chunk.first_chunk().expect("four bytes"));
    Ok(bytes.as_chunks::<8>().0.iter().map(|pair| (word(pair), word(&pair[4..]))).collect())
}

#[cfg(test)]
mod tests;
