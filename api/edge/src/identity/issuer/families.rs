//! Refresh families: which generation of a refresh token is the current one.
//!
//! A family is one sign-in. Each refresh raises its generation; the use of an older one shows that
//! the token was copied, and ends the family. One stored value per 1/256 of the families: the
//! identifier's hash, the generation, the end; about 30 bytes each.

use std::sync::Arc;

use entity::Timestamp;
use ports::{Meta, StoreError};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use crate::limits;

const ENTRY_BYTES: usize = 16 + 4 + 8;

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

    /// Begins a family at generation 1. Durable when this returns.
    pub(super) async fn begin(
        &self,
        family: &str,
        ends_s: u64,
        now: Timestamp,
    ) -> Result<(), FamilyError> {
        let family = hash(family);
        let _lock = self.locks[slot_of(&family)].lock().await;
        let mut entries = self.read(&family, now).await?;
        if entries.len() >= limits::FAMILIES_PER_SLOT_MAX {
            return Err(FamilyError::Full);
        }
        entries.push(Entry { family, generation: 1, ends_s });
        self.write(&family, &entries).await
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
        let rotation = if current == generation {
            let next = current.saturating_add(1);
            entries[index] = Entry { family, generation: next, ends_s };
            Rotation::Next(next)
        } else {
            entries.swap_remove(index);
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
        let n_before = entries.len();
        entries.retain(|entry| entry.family != family);
        if entries.len() < n_before {
            self.write(&family, &entries).await?;
        }
        Ok(())
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
