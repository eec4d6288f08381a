//! Values to bincode bytes and back, without any header.
//!
//! Layout: bincode 2 `standard()` (little endian, varint), which wincode reads and writes too.
//! Written by [`Writer`], read by bincode.

use std::cell::RefCell;

use serde::{Serialize, de::DeserializeOwned};

use crate::writer::Writer;
use crate::{Error, VALUE_BYTES_MAX};

/// With a limit: a length that damage made large must not be asked of the allocator.
fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<VALUE_BYTES_MAX>()
}

thread_local! {
    /// Where values are encoded before their size is known.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What a thread keeps of its scratch: views, events and frames are smaller, nearly all of them.
const SCRATCH_BYTES_MAX: usize = 256 * 1024;

/// Encodes a value into fresh bytes, as many as it takes. Errors: [`Error::Encode`].
pub fn to_bytes<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    scratched(|scratch| to_bytes_into(value, scratch), <[u8]>::to_vec)
}

/// What `read` makes of what `write` wrote: bytes that grow while they are written cost more than
/// a copy of those in the thread's scratch.
pub(crate) fn scratched<R>(
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>,
    read: impl FnOnce(&[u8]) -> R,
) -> Result<R, Error> {
    // Taken out: a value whose own encoding encodes another one finds it empty.
    let mut scratch = SCRATCH.take();
    scratch.clear();
    let made = write(&mut scratch).map(|()| read(&scratch));
    if scratch.capacity() <= SCRATCH_BYTES_MAX {
        SCRATCH.set(scratch);
    }
    made
}

/// Appends a value's bytes to `out`. Errors: [`Error::Encode`]; `out` may then hold a part of it.
pub fn to_bytes_into<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), Error> {
    value.serialize(Writer(out)).map_err(|unwritable| *unwritable.0)
}

/// Decodes a value that fills `bytes` exactly. Errors: [`Error::Decode`], [`Error::Trailing`].
pub fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let (value, used) = bincode::serde::decode_from_slice(bytes, config())
        .map_err(|e| Error::Decode(e.to_string()))?;
    match bytes.len() - used {
        0 => Ok(value),
        left => Err(Error::Trailing(left)),
    }
}
