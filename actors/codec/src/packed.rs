//! The packed form: type and version before the bytes, no checksum.
//!
//! For values inside something that an envelope or a frame already checks:
//! events in a step record, commands in a message.

use serde::{Deserialize, Serialize};

use crate::{Error, Stored, TypeId, plain};

/// A value as bytes with its type and version, inside a checked container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packed {
    /// The stored type.
    pub type_id: TypeId,
    /// The schema version that wrote the bytes.
    pub version: u16,
    /// The value in the plain layout.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// Packs a value. Errors: [`Error::Encode`].
pub fn pack<T: Stored>(value: &T) -> Result<Packed, Error> {
    Ok(Packed { type_id: T::TYPE, version: T::VERSION, bytes: plain::to_bytes(value)? })
}

/// Reads a packed value. Errors: another type, an unknown version, or bytes that do not fit.
pub fn unpack<T: Stored>(packed: &Packed) -> Result<T, Error> {
    if packed.type_id != T::TYPE {
        return Err(Error::Type { wanted: T::TYPE, found: packed.type_id });
    }
    T::decode_version(packed.version, &packed.bytes)
}
