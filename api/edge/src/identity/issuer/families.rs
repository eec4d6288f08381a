//! Refresh families: which generation of a refresh token is the current one.
//!
//! A family is one sign-in. Each refresh raises its generation; the use of an older one shows that
//! the token was copied, and ends the family. One that ended is remembered for as long as the code
//! that began it is good: no code begins two. One stored value per 1/256 of the families: the
//! identifier's hash, the generation, the end; about 30 bytes each.

use std::sync::Arc;

use entity::Timestamp;
use ports::{Meta, StoreError};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use crate::limits;

const ENTRY_BYTES: usize = 16 + 4 + 8;

/// The generation of a family that has ended.
const ENDED: u32 = 0;

/// A family could not be kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum FamilyError {
    #[error("read or write of a refresh family")]
    Store(#[from] StoreError),
    #[error("too many refresh families")]
    Full,
}

/// What the use of a refresh token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rotation {
    /// It is the current one; the generation is the next one's.
    Next(u32),
    /// It was used before: the family has ended with this.
    Reused,
    /// There is no such family any more.
    Gone,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    family: [u8; 16],
    generation: u32,
    ends_s: u64,
}

impl Entry {
    const fn ended(family: [u8; 16], now: Timestamp) -> Self {
        let ends_s = now.0 / 1000 + limits::CODE_S + limits::LEEWAY_S;
        Self { family, generation: ENDED, ends_s }
    }
}

/// All families.
pub struct Families {
    meta: Arc<dyn Meta>,
    /// One reader and writer per list: a rotation is read, compare, write.
    locks: Vec<Mutex<()>>,
}

impl Families {
    /// The families of a store.
    #[must_use]
    pub fn new(meta: Arc<dyn Meta>) -> Self {
        let locks = (0..limits::FAMILY_SLOTS).map(|_| Mutex::default()).collect();
        Self { meta, locks }
    }

    /// Whether a family has begun; it may have ended.
    pub(super) async fn has_begun(
        &self,
        family: &str,
        now: Timestamp,
    ) -> Result<bool, FamilyError> {
        let family = hash(family);
        let entries = self.read(&family, now).await?;
        Ok(entries.iter().any(|entry| entry.family == family))
    }

    /// Begins a family at generation 1. Durable when this returns. `Ok(false)`: it had begun
    /// before, and nothing has changed.
    pub(super) async fn begin(
        &self,
        family: &str,
        ends_s: u64,
        now: Timestamp,
    ) -> Result<bool, FamilyError> {
        let family = hash(family);
        let _lock = self.locks[slot_of(&family)].lock().await;
        let mut entries = self.read(&family, now).await?;
        if entries.iter().any(|entry| entry.family == family) {
            return Ok(false);
        }
        if entries.len() >= limits::FAMILIES_PER_SLOT_MAX {
            return Err(FamilyError::Full);
        }
        entries.push(Entry { family, generation: 1, ends_s });
        self.write(&family, &entries).await.map(|()| true)
    }

    /// Uses the token of a generation. Durable when this returns.
    pub(super) async fn rotate(
        &self,
        family: &str,
        generation: u32,
        ends_s: u64,
        now: Timestamp,
    ) -> Result<Rotation, FamilyError> {
        let family = hash(family);
        let _lock = self.locks[slot_of(&family)].lock().await;
        let mut entries = self.read(&family, now).await?;
        let Some(index) = entries.iter().position(|entry| entry.family == family) else {
            return Ok(Rotation::Gone);
        };
        let current = entries[index].generation;
        if current == ENDED {
            return Ok(Rotation::Gone);
        }
        let rotation = if current == generation {
            let next = current.saturating_add(1);
            entries[index] = Entry { family, generation: next, ends_s };
            Rotation::Next(next)
        } else {
            entries[index] = Entry::ended(family, now);
            Rotation::Reused
        };
        self.write(&family, &entries).await?;
        Ok(rotation)
    }

    /// Ends a family. Durable when this returns; ending one that is gone changes nothing.
    pub(super) async fn end(&self, family: &str, now: Timestamp) -> Result<(), FamilyError> {
        let family = hash(family);
        let _lock = self.locks[slot_of(&family)].lock().await;
        let mut entries = self.read(&family, now).await?;
        let is_here = |entry: &&mut Entry| entry.family == family && entry.generation != ENDED;
        let Some(entry) = entries.iter_mut().find(is_here) else { return Ok(()) };
        *entry = Entry::ended(family, now);
        self.write(&family, &entries).await
    }

    async fn read(&self, family: &[u8; 16], now: Timestamp) -> Result<Vec<Entry>, FamilyError> {
        let bytes = self.meta.value(&name_of(family)).await?.unwrap_or_default();
        let entries = bytes.chunks_exact(ENTRY_BYTES).map(|raw| {
            let (family, rest) = raw.split_first_chunk().expect("an entry has 28 bytes");
            let (generation, ends_s) = rest.split_first_chunk().expect("12 bytes are left");
            Entry {
                family: *family,
                generation: u32::from_be_bytes(*generation),
                ends_s: u64::from_be_bytes(ends_s.try_into().expect("8 bytes are left")),
            }
        });
        Ok(entries.filter(|entry| entry.ends_s > now.0 / 1000).collect())
    }

    async fn write(&self, family: &[u8; 16], entries: &[Entry]) -> Result<(), FamilyError> {
        let mut bytes = Vec::with_capacity(entries.len() * ENTRY_BYTES);
        for entry in entries {
            bytes.extend_from_slice(&entry.family);
            bytes.extend_from_slice(&entry.generation.to_be_bytes());
            bytes.extend_from_slice(&entry.ends_s.to_be_bytes());
        }
        Ok(self.meta.set_value(&name_of(family), bytes).await?)
    }
}

fn hash(family: &str) -> [u8; 16] {
    let full: [u8; 32] = Sha256::digest(family).into();
    *full.first_chunk().expect("16 is less than 32")
}

fn slot_of(family: &[u8; 16]) -> usize {
    usize::from(family[0]) % usize::from(limits::FAMILY_SLOTS)
}

fn name_of(family: &[u8; 16]) -> String {
    format!("issuer.families.{}", slot_of(family))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::unsteady::Unsteady;

    const NOW: Timestamp = Timestamp(1_795_162_530_000);
    const ENDS_S: u64 = NOW.0 / 1000 + limits::REFRESH_TOKEN_S;

    #[tokio::test]
    async fn a_family_begins_once_also_when_it_has_ended() {
        let meta = Unsteady::new();
        let families = Families::new(Arc::clone(&meta) as _);
        meta.refuse(true);
        families.begin("f1", ENDS_S, NOW).await.unwrap_err();
        meta.refuse(false);
        assert!(families.begin("f1", ENDS_S, NOW).await.unwrap(), "nothing had begun");
        assert!(!families.begin("f1", ENDS_S, NOW).await.unwrap());
        assert_eq!(families.rotate("f1", 1, ENDS_S, NOW).await.unwrap(), Rotation::Next(2));
        families.end("f1", NOW).await.unwrap();
        assert_eq!(families.rotate("f1", 2, ENDS_S, NOW).await.unwrap(), Rotation::Gone);
        assert!(!families.begin("f1", ENDS_S, NOW).await.unwrap());

        assert!(families.begin("f2", ENDS_S, NOW).await.unwrap());
        assert_eq!(families.rotate("f2", 7, ENDS_S, NOW).await.unwrap(), Rotation::Reused);
        let restarted = Families::new(meta);
        let late = NOW.plus_ms(limits::CODE_S * 1000);
        for family in ["f1", "f2"] {
            assert!(restarted.has_begun(family, late).await.unwrap(), "its code may be good yet");
        }
        let later = late.plus_ms(limits::LEEWAY_S * 1000);
        assert!(!restarted.has_begun("f1", later).await.unwrap(), "forgotten");
    }
}
