//! Publish marks: per shard the last commit that others have seen, outside the database.
//!
//! They stand in two files that are written in turn: while one is being written the other one is
//! synced and whole, so that no crash leaves none. They are synced about once a second; what a
//! power cut takes from them only weakens the check.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use entity::ShardId;
use ports::HistoryId;

use crate::OpenError;

const MAGIC: &[u8; 4] = b"MKS1";

/// The marks of a store.
#[derive(Debug)]
pub(crate) struct Marks {
    history: HistoryId,
    files: [File; 2],
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    marks: Vec<u64>,
    /// The file that is written now; the other one is synced.
    current: usize,
    /// The current file has what was not synced.
    is_dirty: bool,
    /// The current file is being synced: new marks wait in memory.
    is_syncing: bool,
    /// There are marks that no file has yet.
    is_ahead: bool,
}

impl Marks {
    /// Opens or makes the files. `is_new`: the store is being made, so they may be missing.
    pub(crate) fn open(
        paths: &[PathBuf; 2],
        history: &HistoryId,
        n_shards: u16,
        is_new: bool,
    ) -> Result<Self, OpenError> {
        let open = |path| {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).open(path)
        };
        let what = "open the publish marks";
        let files = [
            open(&paths[0]).map_err(OpenError::io(what))?,
            open(&paths[1]).map_err(OpenError::io(what))?,
        ];
        let mut found = [Vec::new(), Vec::new()];
        for (file, found) in files.iter().zip(&mut found) {
            if let Some(marks) = read(file, history, n_shards).map_err(OpenError::io(what))? {
                *found = marks;
            } else if !is_new {
                tracing::warn!("one of the two files of publish marks is not readable");
            }
        }
        if !is_new && found.iter().all(Vec::is_empty) {
            return Err(OpenError::Damaged("no file of publish marks is readable".into()));
        }
        // Only the one that is not whole, or the older one, may be written over.
        let current = if found[0].iter().sum::<u64>() <= found[1].iter().sum() { 0 } else { 1 };
        let mut marks = vec![0; n_shards as usize];
        for found in found {
            for (mark, found) in marks.iter_mut().zip(found) {
                *mark = found.max(*mark);
            }
        }
        let state = State { marks, current, is_dirty: false, is_syncing: false, is_ahead: false };
        let marks = Self { history: history.clone(), files, state: Mutex::new(state) };
        let encoded = marks.encode(&marks.lock().marks);
        for file in &marks.files {
            if is_new {
                file.write_all_at(&encoded, 0).map_err(OpenError::io(what))?;
            }
            // What a process that was killed had written is not on the disk yet.
            file.sync_all().map_err(OpenError::io(what))?;
        }
        Ok(marks)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the lock")
    }

    /// The mark of every shard.
    pub(crate) fn all(&self) -> Vec<u64> {
        self.lock().marks.clone()
    }

    /// Raises marks; lower ones change nothing. A short write, not synced.
    pub(crate) fn raise(&self, marks: &[(ShardId, u64)]) -> io::Result<()> {
        let mut state = self.lock();
        let mut changed = false;
        for (shard, commit_no) in marks {
            let mark = &mut state.marks[shard.0 as usize];
            changed |= *mark < *commit_no;
            *mark = commit_no.max(mark).to_owned();
        }
        match (changed, state.is_syncing) {
            (false, _) => Ok(()),
            (true, true) => {
                state.is_ahead = true;
                Ok(())
            }
            (true, false) => self.write(&mut state),
        }
    }

    /// Syncs what was raised. Errors leave the marks as they are, to be tried again.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let current = {
            let mut state = self.lock();
            if !state.is_dirty || state.is_syncing {
                return Ok(());
            }
            state.is_syncing = true;
            state.current
        };
        let result = self.files[current].sync_all();
        let mut state = self.lock();
        state.is_syncing = false;
        if result.is_ok() {
            state.is_dirty = false;
            state.current = 1 - current;
        }
        if state.is_ahead {
            state.is_ahead = false;
            self.write(&mut state)?;
        }
        result
    }

    fn write(&self, state: &mut State) -> io::Result<()> {
        state.is_dirty = true;
        self.files[state.current].write_all_at(&self.encode(&state.marks), 0)
    }

    fn encode(&self, marks: &[u64]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(24 + marks.len() * 8);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(self.history.0.as_bytes());
        for mark in marks {
            bytes.extend_from_slice(&mark.to_le_bytes());
        }
        let check = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&check.to_le_bytes());
        bytes
    }
}

/// The marks in a file; `None` when it is not whole or of another store.
fn read(file: &File, history: &HistoryId, n_shards: u16) -> io::Result<Option<Vec<u64>>> {
    let body_len = 20 + n_shards as usize * 8;
    let mut bytes = vec![0; body_len + 4];
    match file.read_exact_at(&mut bytes, 0) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let (body, check) = bytes.split_at(body_len);
    let is_whole = check == crc32fast::hash(body).to_le_bytes()
        && body.starts_with(MAGIC)
        && &body[4..20] == history.0.as_bytes();
    let marks = body[20..].as_chunks::<8>().0.iter().map(|mark| u64::from_le_bytes(*mark));
    Ok(is_whole.then(|| marks.collect()))
}
