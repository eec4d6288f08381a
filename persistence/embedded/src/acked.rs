//! The number of the last acknowledged commit, beside the log.
//!
//! It tells a torn tail from a rotten one: a batch that was acknowledged may not be missing. It
//! is a hint and never ahead: written after the sync, before the answer, itself not synced. It
//! survives the end of the process always and the end of power mostly.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Eight bytes of number, four of checksum: within one sector, so never torn.
const LEN: usize = 12;

/// The hint.
#[derive(Debug)]
pub(crate) struct Acked {
    file: File,
}

impl Acked {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        Ok(Self { file })
    }

    /// The number; `None` when it was never written or is not readable.
    pub(crate) fn read(&self) -> Option<u64> {
        let mut bytes = [0; LEN];
        self.file.read_exact_at(&mut bytes, 0).ok()?;
        let (number, check) = bytes.split_first_chunk::<8>()?;
        (check == crc32fast::hash(number).to_le_bytes()).then(|| u64::from_le_bytes(*number))
    }

    /// Makes what was written durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// Writes the number.
    pub(crate) fn write(&self, number: u64) -> io::Result<()> {
        let mut bytes = [0; LEN];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        let check = crc32fast::hash(&bytes[..8]).to_le_bytes();
        bytes[8..].copy_from_slice(&check);
        self.file.write_all_at(&bytes, 0)
    }
}
