//! The envelope: what stands around every value that is stored or sent on its own.
//!
//! ```text
//! 0      1      2         4           6        10      14
//! | 0xMC | codec | type u16 | version u16 | len u32 | crc u32 | body ...
//! ```
//! All little endian. The crc covers the ten bytes before it and the body.

use serde::Serialize;

use crate::{Error, Stored, TypeId, plain};

/// Bytes before the body.
pub const HEADER_BYTES: usize = 14;
const MAGIC: u8 = 0xAC;
const CODEC_BINCODE_STANDARD: u8 = 1;

/// Encodes a value inside an envelope. Errors: [`Error::Encode`].
pub fn seal<T: Stored>(value: &T) -> Result<Vec<u8>, Error> {
    seal_as(T::TYPE, T::VERSION, value)
}

/// As [`seal`], for a value in the layout of a certain version: what is sent to older builds.
pub fn seal_as<T: Serialize>(type_id: TypeId, version: u16, value: &T) -> Result<Vec<u8>, Error> {
    plain::scratched(|bytes| write(type_id, version, value, bytes), <[u8]>::to_vec)
}

/// Appends a sealed value to `bytes`. Errors: [`Error::Encode`]; then `bytes` are as they were.
pub fn seal_into<T: Stored>(value: &T, bytes: &mut Vec<u8>) -> Result<(), Error> {
    let at = bytes.len();
    write(T::TYPE, T::VERSION, value, bytes).inspect_err(|_| bytes.truncate(at))
}

/// What `read` makes of a sealed value behind `prefix`: for bytes that are kept in another form
/// than a vector. Errors: [`Error::Encode`].
pub fn seal_behind<T: Stored, R>(
    prefix: &[u8],
    value: &T,
    read: impl FnOnce(&[u8]) -> R,
) -> Result<R, Error> {
    let write = |bytes: &mut Vec<u8>| {
        bytes.extend_from_slice(prefix);
        write(T::TYPE, T::VERSION, value, bytes)
    };
    plain::scratched(write, read)
}

fn write<T: Serialize>(
    type_id: TypeId,
    version: u16,
    value: &T,
    bytes: &mut Vec<u8>,
) -> Result<(), Error> {
    let at = bytes.len();
    bytes.push(MAGIC);
    bytes.push(CODEC_BINCODE_STANDARD);
    bytes.extend_from_slice(&type_id.to_le_bytes());
    bytes.extend_from_slice(&version.to_le_bytes());
    bytes.extend_from_slice(&[0; 8]);
    plain::to_bytes_into(value, bytes)?;
    let sealed = &mut bytes[at..];
    let len = u32::try_from(sealed.len() - HEADER_BYTES)
        .map_err(|_| Error::Encode("body over 4 GiB".into()))?;
    sealed[6..10].copy_from_slice(&len.to_le_bytes());
    let crc = checksum(&sealed[..10], &sealed[HEADER_BYTES..]);
    sealed[10..14].copy_from_slice(&crc.to_le_bytes());
    Ok(())
}

/// The version that stands in an envelope; 0 where the bytes are too few for one. Looks at nothing
/// else: whether the envelope is whole, [`open`] says.
#[must_use]
pub fn version(bytes: &[u8]) -> u16 {
    bytes.get(4..6).map_or(0, |version| u16::from_le_bytes([version[0], version[1]]))
}

/// Reads a value out of an envelope that fills `bytes` exactly.
///
/// Errors: anything but the same type, a known version, an intact checksum and the exact length.
pub fn open<T: Stored>(bytes: &[u8]) -> Result<T, Error> {
    let header: &[u8; HEADER_BYTES] =
        bytes.first_chunk().ok_or(Error::Truncated { have: bytes.len(), need: HEADER_BYTES })?;
    if header[0] != MAGIC {
        return Err(Error::Magic);
    }
    if header[1] != CODEC_BINCODE_STANDARD {
        return Err(Error::Codec(header[1]));
    }
    let len = u32::from_le_bytes([header[6], header[7], header[8], header[9]]) as usize;
    let body = &bytes[HEADER_BYTES..];
    if body.len() < len {
        return Err(Error::Truncated { have: body.len(), need: len });
    }
    if body.len() > len {
        return Err(Error::Trailing(body.len() - len));
    }
    let crc = u32::from_le_bytes([header[10], header[11], header[12], header[13]]);
    if crc != checksum(&header[..10], body) {
        return Err(Error::Checksum);
    }
    let found = u16::from_le_bytes([header[2], header[3]]);
    if found != T::TYPE {
        return Err(Error::Type { wanted: T::TYPE, found });
    }
    T::decode_version(u16::from_le_bytes([header[4], header[5]]), body)
}

fn checksum(head: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(body);
    hasher.finalize()
}
