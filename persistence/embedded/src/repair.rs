//! What is done with a database's journal files before fjall opens it. The derived one's:
//!
//! Everything since the last sync may be torn: it is cut at the first damage, which leaves a
//! prefix of what was written. Files that fjall sealed were synced: damage in them is refused.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::scan::{Found, Scanner};
use crate::{OpenError, layout};

/// What is done with a torn tail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Torn {
    /// It is cut off.
    Cut,
    /// It is damage: the journal of an old store, which is to be moved whole.
    Refuse,
}

/// Checks the journal files of a database.
pub(crate) fn check(db: &Path, torn: Torn) -> Result<(), OpenError> {
    let mut last_seqno = None;
    let files = journal_files(db)?;
    for (index, path) in files.iter().enumerate() {
        if let Some((at, why)) = check_file(path, &mut last_seqno)? {
            if index + 1 < files.len() || torn == Torn::Refuse {
                let name = file_name(path);
                return Err(OpenError::Damaged(format!("{name} at byte {at}: {why}")));
            }
            layout::cut(path, at).map_err(OpenError::io("cut a torn tail off"))?;
            let file = file_name(path);
            tracing::warn!(file, at, why, "a torn tail was cut off: it can be made again");
        }
    }
    Ok(())
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
    last_seqno: &mut Option<u64>,
) -> Result<Option<(u64, &'static str)>, OpenError> {
    let file = File::open(path).map_err(OpenError::io("open a journal file"))?;
    let mut scanner = Scanner::new(file);
    loop {
        let batch = match scanner.next_batch().map_err(OpenError::io("read a journal file"))? {
            Found::Batch(batch) => batch,
            Found::End => return Ok(None),
            Found::Invalid { at, why } => return Ok(Some((at, why))),
        };
        if last_seqno.is_some_and(|last| batch.seqno <= last) {
            let name = file_name(path);
            return Err(OpenError::Damaged(format!("{name}: a sequence number goes back")));
        }
        *last_seqno = Some(batch.seqno);
    }
}
