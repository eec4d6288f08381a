//! Records of a frame without decoding them: whose they are stands at their beginning.
//!
//! A reader that wants some kinds only passes over the others at the cost of a few bytes each.
//! Knows the plain layout of the first two fields of [`entity::StepRecord`] and nothing else of
//! it; a test holds that against the codec. Damage is an error, never a skipped record.

use codec::Stored;
use entity::{Kind, StepRecord};
use ports::{Frame, FrameError};

/// The encoded records of a frame, in order. Stops after the first error.
pub fn records_of(frame: &Frame) -> impl Iterator<Item = Result<&[u8], FrameError>> {
    let mut rest = frame.payload.as_slice();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some((record, tail)) = split(rest) else {
            rest = &[];
            return Some(Err(FrameError::Truncated));
        };
        rest = tail;
        Some(Ok(record))
    })
}

fn split(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = payload.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*len) as usize)
}

/// The kind of the entity whose record this is; `None` when the bytes have to be decoded to know
/// (another schema version, or no record at all). O(1).
///
/// ```text
/// record = key.tenant (length varint, bytes) | key.kind varint | ...
/// varint = a byte below 251, or 251 and u16, or 252 and u32, ... all little endian
/// ```
#[must_use]
pub fn kind_of(record_version: u16, record: &[u8]) -> Option<Kind> {
    if record_version != StepRecord::VERSION {
        return None;
    }
    let (tenant_len, rest) = varint(record)?;
    let (kind, _) = varint(rest.get(tenant_len as usize..)?)?;
    u16::try_from(kind).ok().map(Kind)
}

/// A varint of at most 32 bits.
fn varint(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    match first {
        0..251 => Some((u32::from(*first), rest)),
        251 => {
            let (value, rest) = rest.split_first_chunk::<2>()?;
            Some((u32::from(u16::from_le_bytes(*value)), rest))
        }
        252 => {
            let (value, rest) = rest.split_first_chunk::<4>()?;
            Some((u32::from_le_bytes(*value), rest))
        }
        253.. => None,
    }
}
