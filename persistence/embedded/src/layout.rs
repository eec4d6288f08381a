//! Where things lie in a data directory, and how a file or a name is made durable.
//!
//! ```text
//! identity      written last, when all else is there
//! lock          held while the store is open
//! log/          frames and epochs; every batch synced
//! values/       named values, a file each
//! derived/      fjall: snapshots, timers, checkpoints, cursors, views; synced once a second
//! marks.a, .b   publish marks, written in turn        acked   number of the last batch, a hint
//! torn-tail     what was cut off last, for inspection
//! ```

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The data directory.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn identity(&self) -> PathBuf {
        self.root.join("identity")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    pub(crate) fn values(&self) -> PathBuf {
        self.root.join("values")
    }

    /// Where stores of format 1 had what is in the log and among the values now.
    pub(crate) fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    pub(crate) fn derived(&self) -> PathBuf {
        self.root.join("derived")
    }

    pub(crate) fn marks(&self) -> [PathBuf; 2] {
        [self.root.join("marks.a"), self.root.join("marks.b")]
    }

    pub(crate) fn acked(&self) -> PathBuf {
        self.root.join("acked")
    }

    pub(crate) fn torn_tail(&self) -> PathBuf {
        self.root.join("torn-tail")
    }
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes a directory and its missing parents, durably.
pub(crate) fn create_dirs(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_dirs(parent)?;
    }
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => sync_dir(Path::new(".")),
        Some(parent) => sync_dir(parent),
        None => Ok(()),
    }
}

/// Makes everything below a directory durable: files first, then the names of them.
pub(crate) fn sync_tree(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    sync_dir(path)
}

/// Cuts a file off, durably.
pub(crate) fn cut(path: &Path, at: u64) -> io::Result<()> {
    let file = File::options().write(true).open(path)?;
    file.set_len(at)?;
    file.sync_all()
}

/// Bytes of the files of a directory. Files may come and go meanwhile.
pub(crate) fn bytes_in(path: &Path) -> io::Result<u64> {
    let mut n_bytes = 0;
    for entry in fs::read_dir(path)? {
        match entry?.metadata() {
            Ok(metadata) => n_bytes += metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(n_bytes)
}

/// Replaces a file whole: after a crash it has its old or its new content.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync_dir(path.parent().expect("a file of the data directory has a parent"))
}
