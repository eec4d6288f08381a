//! Revocations: credentials that end before their time, on every node within 5 s.
//!
//! A set that only grows until its entries expire, so that copies merge in any order. A revocation
//! holds on this node at once and is durable before it is acknowledged; the other nodes read the
//! stored set every two seconds, and write again what a racing write of theirs took away.
//! An entry is a hash: the stored set holds no token.

use std::collections::HashMap;
use std::sync::Arc;

use entity::Timestamp;
use parking_lot::RwLock;
use ports::{Meta, StoreError};
use sha2::{Digest, Sha256};

use crate::limits;

/// Stored values that the set is spread over, by the first byte of the hash.
const SLOTS: usize = 16;
const ENTRY_BYTES: usize = 24;

type Handle = [u8; 16];

/// A revocation was not made.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// The store did not take it.
    #[error("write of a revocation")]
    Store(#[from] StoreError),
    /// The set is full of unexpired entries.
    #[error("the revocation list is full")]
    Full,
}

/// The set of a node.
pub struct Revocations {
    meta: Arc<dyn Meta>,
    /// Hash to end, wall time in seconds.
    entries: RwLock<HashMap<Handle, u64>>,
    /// One writer at a time on this node: read, merge, write.
    writing: tokio::sync::Mutex<()>,
}

impl Revocations {
    /// The stored set.
    pub async fn load(meta: Arc<dyn Meta>, now: Timestamp) -> Result<Self, StoreError> {
        let revocations =
            Self { meta, entries: RwLock::default(), writing: tokio::sync::Mutex::default() };
        revocations.sync(now).await?;
        Ok(revocations)
    }

    /// Whether any of a credential's handles is revoked. O(handles).
    #[must_use]
    pub fn holds<S: AsRef<str>>(&self, handles: &[S], now: Timestamp) -> bool {
        let entries = self.entries.read();
        if entries.is_empty() {
            return false;
        }
        handles.iter().any(|handle| {
            entries.get(&hash(handle.as_ref())).is_some_and(|ends_s| *ends_s > now.0 / 1000)
        })
    }

    /// Revokes a handle until `ends_s` (wall time in seconds: when the credential would end).
    /// Ok(false): it was revoked before. Durable when this returns.
    pub async fn revoke(
        &self,
        handle: &str,
        ends_s: u64,
        now: Timestamp,
    ) -> Result<bool, RevokeError> {
        let ends_s = ends_s + limits::LEEWAY_S;
        let key = hash(handle);
        let _writing = self.writing.lock().await;
        let fresh = {
            let mut entries = self.entries.write();
            if entries.len() >= limits::REVOCATIONS_MAX {
                entries.retain(|_, ends_s| *ends_s > now.0 / 1000);
                if entries.len() >= limits::REVOCATIONS_MAX {
                    return Err(RevokeError::Full);
                }
            }
            entries.insert(key, ends_s).is_none()
        };
        self.sync_slot(slot_of(&key), now).await?;
        Ok(fresh)
    }

    /// Merges the stored set with this node's, both ways.
    pub async fn sync(&self, now: Timestamp) -> Result<(), StoreError> {
        let _writing = self.writing.lock().await;
        for slot in 0..SLOTS {
            self.sync_slot(slot, now).await?;
        }
        Ok(())
    }

    async fn sync_slot(&self, slot: usize, now: Timestamp) -> Result<(), StoreError> {
        let now_s = now.0 / 1000;
        let name = format!("edge.revoked.{slot}");
        let stored = self.meta.value(&name).await?.unwrap_or_default();
        let mut merged: Vec<(Handle, u64)> = decode(&stored);
        let n_stored = merged.len();
        {
            let mut entries = self.entries.write();
            for (key, ends_s) in &merged {
                let entry = entries.entry(*key).or_insert(*ends_s);
                *entry = (*entry).max(*ends_s);
            }
            entries.retain(|_, ends_s| *ends_s > now_s);
            merged = entries
                .iter()
                .filter(|(key, _)| slot_of(key) == slot)
                .map(|(key, ends_s)| (*key, *ends_s))
                .collect();
        }
        merged.sort_unstable();
        let bytes = encode(&merged);
        // Expired entries alone are no reason to write.
        let lost = merged.len() > n_stored || !contains(&stored, &merged);
        if lost {
            self.meta.set_value(&name, bytes).await?;
        }
        Ok(())
    }
}

fn hash(handle: &str) -> Handle {
    let full: [u8; 32] = Sha256::digest(handle).into();
    *full.first_chunk().expect("16 is less than 32")
}

const fn slot_of(key: &Handle) -> usize {
    key[0] as usize % SLOTS
}

fn encode(entries: &[(Handle, u64)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * ENTRY_BYTES);
    for (key, ends_s) in entries {
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(&ends_s.to_be_bytes());
    }
    bytes
}

fn decode(bytes: &[u8]) -> Vec<(Handle, u64)> {
    bytes
        .chunks_exact(ENTRY_BYTES)
        .map(|entry| {
            let (key, ends_s) = entry.split_at(16);
            (
                key.try_into().expect("an entry is 16 and 8 bytes"),
                u64::from_be_bytes(ends_s.try_into().expect("an entry is 16 and 8 bytes")),
            )
        })
        .collect()
}

/// Whether every entry is stored, with at least its end.
fn contains(stored: &[u8], entries: &[(Handle, u64)]) -> bool {
    let stored: HashMap<Handle, u64> = decode(stored).into_iter().collect();
    entries.iter().all(|(key, ends_s)| stored.get(key).is_some_and(|stored_s| stored_s >= ends_s))
}
