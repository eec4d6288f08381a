//! Checks what fjall reads first and without looking: which tables a keyspace consists of.
//!
//! Each keyspace has a file `current` that names a version file and its checksum, which fjall
//! 3.1 writes but does not compare. A damaged version file makes it panic, or take other tables
//! for the keyspace's. Checked before fjall opens anything.
//!
//! ```text
//! current = version u64 | xxh3-128 of the file v{version} u128 | 0        little endian
//! ```

use std::fs;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;

use crate::OpenError;

/// Checks that a database and its keyspaces 0 to `last_keyspace` are there and named rightly.
///
/// What is missing, fjall would take for a new or unfinished database and quietly make anew.
pub(crate) fn check(db: &Path, last_keyspace: u64) -> Result<(), OpenError> {
    if !db.join("version").is_file() {
        return Err(OpenError::Damaged("the version of a database is missing".into()));
    }
    for id in 0..=last_keyspace {
        check_keyspace(&db.join("keyspaces").join(id.to_string()))
            .map_err(|why| OpenError::Damaged(format!("keyspace {id}: {why}")))?;
    }
    Ok(())
}

fn check_keyspace(path: &Path) -> Result<(), String> {
    let current = fs::read(path.join("current")).map_err(|error| format!("current: {error}"))?;
    let unreadable = || "current is not readable".to_owned();
    let (version, rest) = current.split_first_chunk::<8>().ok_or_else(unreadable)?;
    let (expected, kind) = rest.split_first_chunk::<16>().ok_or_else(unreadable)?;
    if kind != [0] {
        return Err(unreadable());
    }
    let name = format!("v{}", u64::from_le_bytes(*version));
    let bytes = fs::read(path.join(&name)).map_err(|error| format!("{name}: {error}"))?;
    if xxh3_128(&bytes) != u128::from_le_bytes(*expected) {
        return Err(format!("{name}: its checksum does not fit"));
    }
    Ok(())
}
