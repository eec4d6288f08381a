//! Named values: each a file of its own, replaced whole, so that what is replaced takes no room.
//!
//! ```text
//! values/{xxh3-128 of the name} = "MVL1" | name_len u16 | name | value | crc u32     little endian
//! ```
//! One thread writes them, one after the other, beside the commits. A new value can be read some
//! microseconds before its name is durable; who put it is answered after that.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fjall::PersistMode;
use ports::StoreError;
use tokio::sync::{mpsc, oneshot};
use xxhash_rust::xxh3::xxh3_128;

use crate::committer::FatalOnPanic;
use crate::databases::DerivedDb;
use crate::layout;
use crate::shared::{Shared, fatal};

const MAGIC: &[u8; 4] = b"MVL1";

/// What a named value has to be for another one to be put.
pub(crate) enum Expected {
    Anything,
    This(Option<Vec<u8>>),
}

/// Put a named value, whatever it was or if it is what is expected.
pub(crate) struct Put {
    pub(crate) name: String,
    pub(crate) expected: Expected,
    pub(crate) value: Vec<u8>,
    pub(crate) reply: oneshot::Sender<Result<bool, StoreError>>,
}

/// What the thread is asked for.
pub(crate) enum Job {
    Put(Put),
    /// Finish what came before and end.
    Close,
}

/// The values of a store.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    dir: PathBuf,
}

impl Values {
    /// Those in a directory, which is made if it is missing.
    pub(crate) fn create(dir: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&dir)?;
        Ok(Self { dir })
    }

    /// Those of a store that exists. A killed process may have given names that no sync has made
    /// durable yet.
    pub(crate) fn open(dir: PathBuf) -> io::Result<Self> {
        layout::sync_dir(&dir)?;
        Ok(Self { dir })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{:032x}", xxh3_128(name.as_bytes())))
    }

    /// Reads a value. `None`: there never was one of this name.
    pub(crate) fn get(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let (found, value) = match fs::read(self.path(name)) {
            Ok(bytes) => decode(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::Unavailable(error.to_string())),
        };
        if found != name {
            return Err(StoreError::Damaged(format!("{found} stands where {name} should")));
        }
        Ok(Some(value))
    }

    /// Replaces a value, durably.
    pub(crate) fn put(&self, name: &str, value: &[u8]) -> io::Result<()> {
        layout::write_whole(&self.path(name), &encode(name, value))
    }

    /// Reads all of them. O(their bytes).
    pub(crate) fn verify(&self) -> Result<(), StoreError> {
        let unavailable = |error: io::Error| StoreError::Unavailable(error.to_string());
        for path in files(&self.dir).map_err(unavailable)? {
            decode(&fs::read(path).map_err(unavailable)?)?;
        }
        Ok(())
    }

    /// Bytes on the disk.
    pub(crate) fn disk_bytes(&self) -> io::Result<u64> {
        layout::bytes_in(&self.dir)
    }
}

/// Whether no value was ever put.
pub(crate) fn is_unused(dir: &Path) -> io::Result<bool> {
    Ok(!fs::exists(dir)? || files(dir)?.is_empty())
}

fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        // What was being written when the process ended was put for nobody.
        if path.extension().is_none() {
            found.push(path);
        }
    }
    Ok(found)
}

fn encode(name: &str, value: &[u8]) -> Vec<u8> {
    let len = u16::try_from(name.len()).expect("names of values are short");
    let mut bytes = [MAGIC, &len.to_le_bytes()[..], name.as_bytes(), value].concat();
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Result<(String, Vec<u8>), StoreError> {
    let read = || {
        let (body, crc) = bytes.split_last_chunk::<4>()?;
        let (magic, rest) = body.split_first_chunk::<4>()?;
        let (len, rest) = rest.split_first_chunk::<2>()?;
        let (name, value) = rest.split_at_checked(u16::from_le_bytes(*len) as usize)?;
        let is_whole = crc32fast::hash(body).to_le_bytes() == *crc && magic == MAGIC;
        let name = std::str::from_utf8(name).ok().filter(|_| is_whole)?;
        Some((name.to_owned(), value.to_vec()))
    };
    read().ok_or_else(|| StoreError::Damaged("a named value is not as it was written".into()))
}

/// The thread's state.
pub(crate) struct Valuer {
    pub(crate) values: Values,
    /// Synced before a value: who writes one counts on what was written before it.
    pub(crate) derived: DerivedDb,
    pub(crate) shared: Arc<Shared>,
    pub(crate) jobs: mpsc::Receiver<Job>,
}

impl Valuer {
    /// Runs until it is closed or nobody can send any more.
    pub(crate) fn run(mut self) {
        let guard = FatalOnPanic(Arc::clone(&self.shared));
        while let Some(Job::Put(put)) = self.jobs.blocking_recv() {
            let answer = self.put(&put);
            // A caller may have gone; then nobody needs the answer.
            drop(put.reply.send(answer));
        }
        drop(guard);
    }

    fn put(&self, put: &Put) -> Result<bool, StoreError> {
        self.shared.check()?;
        if let Expected::This(expected) = &put.expected
            && self.values.get(&put.name)? != *expected
        {
            return Ok(false);
        }
        let derived = self.derived.db.persist(PersistMode::SyncData).map_err(io::Error::other);
        if let Err(error) = derived.and_then(|()| self.values.put(&put.name, &put.value)) {
            tracing::error!(%error, "a named value was not written");
            self.shared.set_fatal();
            return Err(fatal());
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_were_put_and_damage_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let values = Values::create(dir.path().join("values")).unwrap();
        assert!(is_unused(&values.dir).unwrap());
        assert_eq!(values.get("a/b").unwrap(), None);
        for value in [&b"one"[..], b"", b"another"] {
            values.put("a/b", value).unwrap();
            assert_eq!(values.get("a/b").unwrap(), Some(value.to_vec()));
        }
        values.put("c", b"other").unwrap();
        values.verify().unwrap();
        assert!(!is_unused(&values.dir).unwrap());
        let path = values.path("a/b");
        let whole = fs::read(&path).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, damaged).unwrap();
            assert!(matches!(values.get("a/b"), Err(StoreError::Damaged(_))), "bit {bit}");
            assert!(matches!(values.verify(), Err(StoreError::Damaged(_))), "bit {bit}");
        }
        fs::copy(values.path("c"), &path).unwrap();
        assert!(matches!(values.get("a/b"), Err(StoreError::Damaged(_))), "another value");
    }
}
