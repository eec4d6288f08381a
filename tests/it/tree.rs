//! The source tree as the tests see it.

use std::path::{Path, PathBuf};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All Rust sources, relative to the root, with their text.
pub(crate) fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for top in ["actors", "cluster", "persistence", "api", "sim", "tests", "benches"] {
        collect(&root().join(top), &mut found);
    }
    found.sort();
    assert!(found.len() > 50, "the sources were not found");
    found
}

fn collect(dir: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target" && name != "golden") {
                collect(&path, found);
            }
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            found.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Whether a file holds tests only.
pub(crate) fn is_test(name: &str) -> bool {
    name.starts_with("tests/") || name.contains("/tests/") || name.ends_with("tests.rs")
}
