//! Reads fjall's journal files: batch after batch, each checked whole.
//!
//! fjall itself takes much damage in them for the end and cuts everything behind it off without
//! a word (a wrong tag, a length past the end), and does not check the sequence number of a
//! batch at all. So the files are read here first, and fjall sees only whole ones.
//!
//! ```text
//! batch = 1 n_rows u32 seqno u64  row*  3 xxh3(rows) u64 "FJL" 3          all little endian
//! row   = 2 kind u8 compression u8 keyspace u64 key_len u16 len u32 stored_len u32 key value
//! ```

use std::io::{self, BufReader, Read};

use xxhash_rust::xxh3::Xxh3;

use crate::limits::{BATCH_ROWS_MAX, ROW_BYTES_MAX};

const START: u8 = 1;
const ROW: u8 = 2;
const END: u8 = 3;
const MAGIC: &[u8; 4] = b"FJL\x03";

/// A whole batch, with fjall's sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) seqno: u64,
}

/// What stands at the reader's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// A whole batch; the place is behind it.
    Batch(Batch),
    /// Nothing more.
    End,
    /// Something that is no whole batch, from `at` on.
    Invalid {
        /// Its first byte.
        at: u64,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// Why the bytes are no batch, or that they cannot be read at all.
enum Stop {
    Invalid(&'static str),
    Io(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Invalid("it ends early"),
            _ => Self::Io(error),
        }
    }
}

/// A journal file being read.
pub(crate) struct Scanner<R: Read> {
    reader: BufReader<R>,
    /// Bytes taken from the reader so far.
    at: u64,
    row: Vec<u8>,
}

impl<R: Read> Scanner<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader: BufReader::with_capacity(256 * 1024, reader), at: 0, row: Vec::new() }
    }

    /// Bytes read so far: behind a batch, where the next one begins.
    #[cfg(test)]
    pub(crate) const fn at(&self) -> u64 {
        self.at
    }

    /// The next batch. After `End` or `Invalid` there is nothing more to ask for.
    pub(crate) fn next_batch(&mut self) -> io::Result<Found> {
        let start = self.at;
        match self.batch() {
            Ok(Some(batch)) => Ok(Found::Batch(batch)),
            Ok(None) => Ok(Found::End),
            Err(Stop::Invalid(why)) => Ok(Found::Invalid { at: start, why }),
            Err(Stop::Io(error)) => Err(error),
        }
    }

    fn batch(&mut self) -> Result<Option<Batch>, Stop> {
        let mut tag = [0];
        if self.reader.read(&mut tag)? == 0 {
            return Ok(None);
        }
        self.at += 1;
        match tag[0] {
            0 => return self.zeros_to_the_end().map(|()| None),
            START => {}
            _ => return Err(Stop::Invalid("it begins with no batch")),
        }
        let n_rows = u32::from_le_bytes(self.take()?);
        let seqno = u64::from_le_bytes(self.take()?);
        if n_rows == 0 || n_rows > BATCH_ROWS_MAX {
            return Err(Stop::Invalid("it has no possible number of rows"));
        }
        let mut check = Xxh3::new();
        for _ in 0..n_rows {
            self.row(&mut check)?;
        }
        let [tag] = self.take()?;
        let expected = u64::from_le_bytes(self.take()?);
        let magic: [u8; 4] = self.take()?;
        if tag != END || &magic != MAGIC {
            return Err(Stop::Invalid("it has no end"));
        }
        if check.digest() != expected {
            return Err(Stop::Invalid("its checksum does not fit"));
        }
        Ok(Some(Batch { seqno }))
    }

    fn row(&mut self, check: &mut Xxh3) -> Result<(), Stop> {
        let head: [u8; 21] = self.take()?;
        let [tag, kind, compression, ref rest @ ..] = head;
        let (_keyspace, rest) = rest.split_first_chunk::<8>().expect("18 bytes");
        let (key_len, rest) = rest.split_first_chunk::<2>().expect("10 bytes");
        let (len, stored_len) = rest.split_first_chunk::<4>().expect("8 bytes");
        let key_len = u16::from_le_bytes(*key_len) as usize;
        let len = u32::from_le_bytes(*len);
        if tag != ROW || kind > 1 || compression != 0 || len.to_le_bytes() != *stored_len {
            return Err(Stop::Invalid("a row is not one of ours"));
        }
        if len > ROW_BYTES_MAX {
            return Err(Stop::Invalid("a row is larger than any of ours"));
        }
        let n_bytes = key_len + len as usize;
        self.row.clear();
        let n_read = (&mut self.reader).take(n_bytes as u64).read_to_end(&mut self.row)?;
        self.at += n_read as u64;
        if n_read < n_bytes {
            return Err(Stop::Invalid("it ends early"));
        }
        check.update(&head);
        check.update(&self.row);
        Ok(())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes)?;
        self.at += N as u64;
        Ok(bytes)
    }

    /// fjall makes its files long beforehand: what was not written yet reads as zeros.
    fn zeros_to_the_end(&mut self) -> Result<(), Stop> {
        let mut chunk = [0; 16 * 1024];
        loop {
            match self.reader.read(&mut chunk)? {
                0 => return Ok(()),
                n if chunk[..n].iter().all(|byte| *byte == 0) => self.at += n as u64,
                _ => return Err(Stop::Invalid("something stands behind the end")),
            }
        }
    }
}

#[cfg(test)]
mod tests;
