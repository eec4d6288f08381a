//! What is done with a database's journal files before fjall opens it.
//!
//! In the journal's database each batch is synced before the next one is begun, so only the very
//! last one can be torn, and then nothing in it was acknowledged: it is cut off. A whole batch
//! behind a damaged one, a gap, or a number below the last acknowledged one is damage.
//! In the derived database everything since the last sync may be torn: it is cut at the first
//! damage, which leaves a prefix of what was written. Files that fjall sealed were synced.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::scan::{Found, Scanner, holds_later_batch};
use crate::{OpenError, layout};

/// What is promised of a database's batches.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Promise<'a> {
    /// Each one was synced before the next one was begun.
    EachSynced {
        /// Number of the last batch that was acknowledged, if known.
        acked: Option<u64>,
        /// Where a copy of what is cut off goes.
        torn_tail: &'a Path,
    },
    /// Synced now and then.
    Prefix,
}

/// What was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) n_batches: u64,
    /// Number of the last whole batch, if any is left in the files.
    pub(crate) last_number: Option<u64>,
    /// Bytes that were cut off.
    pub(crate) cut_bytes: u64,
    last_seqno: Option<u64>,
}

/// Checks the journal files of a database and cuts a torn tail off.
pub(crate) fn check(db: &Path, promise: Promise<'_>) -> Result<Checked, OpenError> {
    let mut checked = Checked::default();
    let files = journal_files(db)?;
    for (index, path) in files.iter().enumerate() {
        if let Some((at, why)) = check_file(path, promise, &mut checked)? {
            let name = file_name(path);
            let damaged = || OpenError::Damaged(format!("{name} at byte {at}: {why}"));
            if index + 1 < files.len() {
                return Err(damaged());
            }
            cut(path, at, why, promise, &mut checked)?;
        }
    }
    Ok(checked)
}

/// Removes a database into which nothing was ever written; refuses any other one.
pub(crate) fn remove_unused(db: &Path) -> Result<(), OpenError> {
    let what = "look into a database without an identity";
    if !fs::exists(db).map_err(OpenError::io(what))? {
        return Ok(());
    }
    let used = || OpenError::Damaged(format!("{} has data, but no identity", file_name(db)));
    for path in journal_files(db)? {
        let file = File::open(&path).map_err(OpenError::io(what))?;
        match Scanner::new(file).next_batch().map_err(OpenError::io(what))? {
            Found::End => {}
            Found::Batch(_) | Found::Invalid { .. } => return Err(used()),
        }
    }
    let keyspaces = db.join("keyspaces");
    if keyspaces.is_dir() {
        for entry in fs::read_dir(keyspaces).map_err(OpenError::io(what))? {
            let entry = entry.map_err(OpenError::io(what))?;
            let tables = entry.path().join("tables");
            // Keyspace 0 is fjall's own: the list of the others.
            if entry.file_name() != "0"
                && tables.is_dir()
                && fs::read_dir(tables).map_err(OpenError::io(what))?.next().is_some()
            {
                return Err(used());
            }
        }
    }
    fs::remove_dir_all(db).map_err(OpenError::io(what))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// fjall's journal files, oldest first.
fn journal_files(db: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let what = "list journal files";
    let mut files = Vec::new();
    for entry in fs::read_dir(db).map_err(OpenError::io(what))? {
        let path = entry.map_err(OpenError::io(what))?.path();
        if path.extension().is_some_and(|extension| extension == "jnl") {
            let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
            let number = number.ok_or_else(|| {
                OpenError::Damaged(format!("{} is no journal file", file_name(&path)))
            })?;
            files.push((number, path));
        }
    }
    files.sort();
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

/// Reads a file to its end or to the first damage, which is returned.
fn check_file(
    path: &Path,
    promise: Promise<'_>,
    checked: &mut Checked,
) -> Result<Option<(u64, &'static str)>, OpenError> {
    let file = File::open(path).map_err(OpenError::io("open a journal file"))?;
    let mut scanner = Scanner::new(file);
    loop {
        let batch = match scanner.next_batch().map_err(OpenError::io("read a journal file"))? {
            Found::Batch(batch) => batch,
            Found::End => return Ok(None),
            Found::Invalid { at, why } => return Ok(Some((at, why))),
        };
        let damaged = |why: &str| {
            let n = checked.n_batches + 1;
            OpenError::Damaged(format!("{}, batch {n}: {why}", file_name(path)))
        };
        if checked.last_seqno.is_some_and(|last| batch.seqno <= last) {
            return Err(damaged("its sequence number goes back"));
        }
        if let Promise::EachSynced { .. } = promise {
            let number = batch.number.ok_or_else(|| damaged("it has no number"))?;
            if checked.last_number.is_some_and(|last| number != last + 1) {
                return Err(damaged("a batch before it is missing"));
            }
        }
        checked.n_batches += 1;
        checked.last_number = batch.number;
        checked.last_seqno = Some(batch.seqno);
    }
}

/// Cuts the last file off at `at`, unless something behind it was acknowledged.
fn cut(
    path: &Path,
    at: u64,
    why: &'static str,
    promise: Promise<'_>,
    checked: &mut Checked,
) -> Result<(), OpenError> {
    let name = file_name(path);
    let what = "cut a torn tail off";
    let mut file =
        OpenOptions::new().read(true).write(true).open(path).map_err(OpenError::io(what))?;
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(at)).map_err(OpenError::io(what))?;
    file.read_to_end(&mut tail).map_err(OpenError::io(what))?;
    if let Promise::EachSynced { acked, torn_tail } = promise {
        if holds_later_batch(tail.get(1..).unwrap_or_default(), checked.last_seqno) {
            return Err(OpenError::Damaged(format!(
                "{name} at byte {at}: {why}, and a commit follows it"
            )));
        }
        if let (Some(acked), Some(last)) = (acked, checked.last_number)
            && last < acked
        {
            return Err(OpenError::Damaged(format!(
                "{name} at byte {at}: {why}, and commit {acked} was acknowledged"
            )));
        }
        let end = tail.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        layout::write_whole(torn_tail, &tail[..end]).map_err(OpenError::io(what))?;
    }
    file.set_len(at).map_err(OpenError::io(what))?;
    file.sync_all().map_err(OpenError::io(what))?;
    checked.cut_bytes = tail.len() as u64;
    tracing::warn!(file = name, at, why, "a torn tail was cut off: nothing in it was acknowledged");
    Ok(())
}
