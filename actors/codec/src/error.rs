//! Why bytes could not be written or read.
//!
//! Every variant names the step that failed. None of them is retryable: the same bytes fail again.

use crate::TypeId;

/// The codec's error.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// The value cannot be represented: a sequence of unknown length, or what its own code refuses.
    #[error("encode failed: {0}")]
    Encode(String),
    /// The bytes are not a value of the type.
    #[error("decode failed: {0}")]
    Decode(String),
    /// The value ended before the bytes did.
    #[error("{0} bytes left over after the value")]
    Trailing(usize),
    /// There are fewer bytes than the header says.
    #[error("truncated: {have} bytes of {need}")]
    Truncated {
        /// Bytes given.
        have: usize,
        /// Bytes that the header asks for.
        need: usize,
    },
    /// The envelope does not begin with the magic byte.
    #[error("not an envelope")]
    Magic,
    /// The envelope was written by a codec that this build does not have.
    #[error("unknown codec {0}")]
    Codec(u8),
    /// The bytes hold another type than was asked for.
    #[error("type {found} found where {wanted} was expected")]
    Type {
        /// Asked for.
        wanted: TypeId,
        /// Found in the header.
        found: TypeId,
    },
    /// The schema version is newer than this build, or too old to be read.
    #[error("version {version} of type {type_id} is not known")]
    Version {
        /// The stored type.
        type_id: TypeId,
        /// Its version as found.
        version: u16,
    },
    /// The checksum does not match: the bytes were damaged.
    #[error("checksum mismatch")]
    Checksum,
}
