//! What makes a type storable: a number for the type and a version for its schema.
//!
//! A stored type never changes its layout. A change makes a new version, and the old struct
//! stays beside it with an upcast.

use serde::{Serialize, de::DeserializeOwned};

use crate::Error;

/// The number of a stored type; never used again for another one.
pub type TypeId = u16;

/// A type whose bytes are kept or sent.
pub trait Stored: Serialize + DeserializeOwned {
    /// The type's number. A test in `tests/` holds them distinct.
    const TYPE: TypeId;
    /// The schema version that this build writes.
    const VERSION: u16 = 1;

    /// Reads an older version. The default knows none.
    fn upcast(version: u16, _bytes: &[u8]) -> Result<Self, Error> {
        Err(Error::Version { type_id: Self::TYPE, version })
    }

    /// Reads `bytes` that were written as `version` of this type.
    fn decode_version(version: u16, bytes: &[u8]) -> Result<Self, Error> {
        if version == Self::VERSION {
            crate::from_bytes(bytes)
        } else {
            Self::upcast(version, bytes)
        }
    }
}
