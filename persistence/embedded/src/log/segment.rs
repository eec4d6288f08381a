//! Files of segments: their names, and how a new one gets its own.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::layout;

/// The file whose first batch has this number.
pub(crate) fn path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}.log"))
}

/// Where the frames of a finished segment are.
pub(crate) fn index_path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}.idx"))
}

/// A segment that has no name yet.
pub(crate) fn next_path(dir: &Path) -> PathBuf {
    dir.join("next")
}

/// First batches of all segments, in order. Errors: a name that none of ours has.
pub(crate) fn list(dir: &Path) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "log") {
            let first = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
            let ours = first.filter(|first| self::path(dir, *first) == path);
            let strange = || io::Error::new(io::ErrorKind::InvalidData, "a strange name");
            found.push(ours.ok_or_else(strange)?);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Makes a segment that begins with these bytes, durably. It has its name when they are on the
/// disk: what was torn before that is not looked at again.
pub(crate) fn make(dir: &Path, first: u64, bytes: &[u8]) -> io::Result<File> {
    let new = next_path(dir);
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(true).open(&new)?;
    file.write_all_at(bytes, 0)?;
    file.sync_all()?;
    fs::rename(new, path(dir, first))?;
    layout::sync_dir(dir)?;
    Ok(file)
}
