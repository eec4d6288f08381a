//! Files of runs: what is called how, and errors that name the file.

use std::io::Write;
use std::path::Path;

use super::Error;
use crate::plan::Plan;
use crate::record::RunRecord;

/// Reads a plan.
pub(super) fn plan(path: &Path) -> Result<Plan, Error> {
    let text = read(path)?;
    Plan::read(&text).map_err(|source| Error::Plan { path: name(path), source })
}

/// Reads a record, from its file or its folder.
pub(super) fn record(path: &Path) -> Result<RunRecord, Error> {
    let path = if path.is_dir() { path.join("run.json") } else { path.to_owned() };
    let text = read(&path)?;
    serde_json::from_str(&text).map_err(|source| Error::Json { path: name(&path), source })
}

pub(super) fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::File { path: name(path), source })
}

/// Writes a file, with the folders above it.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), Error> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(path, content))
        .map_err(|source| Error::File { path: name(path), source })
}

/// A value as JSON for people.
pub(super) fn json(value: &impl serde::Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("records have only text as keys");
    text.push(b'\n');
    text
}

/// Says a text; a reader that went away is an error like another.
pub(super) fn say(out: &mut dyn Write, text: &str) -> Result<(), Error> {
    let said = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    said.map_err(|source| Error::File { path: "stdout".into(), source })
}

pub(super) fn name(path: &Path) -> String {
    path.display().to_string()
}
