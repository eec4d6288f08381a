//! How bytes are laid out: the envelope, the packed form, and bincode behind both; and what is
//! carried between caller and entity, packed only where it leaves the process.
//!
//! Guarantees: what one version wrote, every later version reads or refuses with a reason;
//! trailing or missing bytes are an error, never silently dropped; no input makes it panic.
//! It is the only crate that names `bincode` (unmaintained, see docs/decisions/0003):
//! a test holds wincode, the way out, to the same bytes.
//! It does not know any stored type: each crate declares its own with [`Stored`].

mod carried;
mod envelope;
mod error;
mod packed;
mod plain;
mod stored;
mod writer;

pub use carried::Carried;
pub use envelope::{HEADER_BYTES, open, seal, seal_as, seal_behind, seal_into, version};
pub use error::Error;
pub use packed::{Packed, pack, unpack};
pub use plain::{from_bytes, to_bytes, to_bytes_into};
pub use stored::{Stored, TypeId};

/// The largest value that is decoded, in bytes.
///
/// A journal frame may hold 4 MiB (many records of at most 512 KiB); snapshots are capped lower.
pub const VALUE_BYTES_MAX: usize = 16 * 1024 * 1024;

#[cfg(test)]
mod tests;
