//! Keys that sort byte-wise as their parts do.
//!
//! ```text
//! table  one byte           text  its bytes, 00 as 00 FF, then 00 01
//! time   u64 big endian, inverted: the newest first
//! id     affinity u32, uuid 16 bytes   (of a derived key; a name is a text)
//! ```
//! A text ends with a byte pair that no text contains, so one text's keys never mix with those of
//! a longer one.

use entity::{Affinity, EntityId, EntityKey, Tenant, Timestamp};
use uuid::Uuid;

/// Bytes for which a key has room at once: most take fewer.
const KEY_BYTES: usize = 64;

/// A key under construction.
#[derive(Debug, Clone)]
pub(super) struct Key(Vec<u8>);

impl Key {
    /// A key of a tenant in a table.
    pub(super) fn of(table: u8, tenant: &Tenant) -> Self {
        Self(Vec::with_capacity(KEY_BYTES)).byte(table).text(tenant.as_str())
    }

    /// Adds a byte.
    pub(super) fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    /// Adds a text.
    pub(super) fn text(mut self, text: &str) -> Self {
        for byte in text.bytes() {
            match byte {
                0 => self.0.extend([0, 0xFF]),
                1.. => self.0.push(byte),
            }
        }
        self.0.extend([0, 1]);
        self
    }

    /// Adds a time, later ones first.
    pub(super) fn newest(mut self, at: Timestamp) -> Self {
        self.0.extend(inverted(at));
        self
    }

    /// Adds an entity's id.
    pub(super) fn id(mut self, key: &EntityKey) -> Self {
        match &key.id {
            EntityId::Uuid(uuid) => {
                self.0.extend(key.affinity.0.to_be_bytes());
                self.0.extend(uuid.as_bytes());
                self
            }
            EntityId::Name(name) => self.text(name),
        }
    }

    /// The key.
    pub(super) fn done(self) -> Vec<u8> {
        self.0
    }
}

/// A time whose bytes sort the newest first.
pub(super) const fn inverted(at: Timestamp) -> [u8; 8] {
    (!at.0).to_be_bytes()
}

/// The first key that does not begin with `prefix`; `None`: there is none.
pub(super) fn after_all(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte < 0xFF)?;
    let mut key = prefix.get(..=last)?.to_vec();
    *key.last_mut()? = key.last()?.saturating_add(1);
    Some(key)
}

/// The time and what follows it, from the end of a key of a list.
pub(super) fn split_time(tail: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (time, rest) = tail.split_first_chunk::<8>()?;
    Some((Timestamp(!u64::from_be_bytes(*time)), rest))
}

/// A derived id from its bytes.
pub(super) fn read_id(bytes: &[u8]) -> Option<(Affinity, Uuid)> {
    let (affinity, uuid) = bytes.split_first_chunk::<4>()?;
    Some((Affinity(u32::from_be_bytes(*affinity)), Uuid::from_slice(uuid).ok()?))
}

/// A text from its bytes; they must be nothing but the text.
pub(super) fn read_text(bytes: &[u8]) -> Option<String> {
    let (mut text, mut rest) = (Vec::with_capacity(bytes.len()), bytes);
    loop {
        let (byte, tail) = rest.split_first()?;
        rest = tail;
        if *byte != 0 {
            text.push(*byte);
            continue;
        }
        let (pair, tail) = rest.split_first()?;
        rest = tail;
        match pair {
            0xFF => text.push(0),
            1 if rest.is_empty() => return String::from_utf8(text).ok(),
            _ => return None,
        }
    }
}
