//! Idempotency keys: what was answered to a key, kept by the entity that the command entered.
//!
//! Guarantees (I7): the outcome is journaled in the same record as its effect; an unexpired key is
//! never evicted, a full window refuses; the same key with another fingerprint is refused. Each
//! principal has a share of the window, so that one who uses his up does not shut out another.
//! What is kept is the entity's outcome; the edge renders it again to the same bytes.

use codec::Packed;
use serde::{Deserialize, Serialize};

use crate::{Timestamp, limits};

/// A key in its scope (the tenant is part of the entity): its first half is a hash over the
/// principal and the same for all of his keys, its second one over principal and key text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IdempotencyKey(pub [u8; 16]);

impl IdempotencyKey {
    /// A key of a principal, from a hash over each.
    #[must_use]
    pub fn new(principal: [u8; 8], text: [u8; 8]) -> Self {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&principal);
        key[8..].copy_from_slice(&text);
        Self(key)
    }

    fn principal(&self) -> &[u8] {
        &self.0[..8]
    }
}

/// A hash over route and parsed body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint(pub [u8; 16]);

/// What a request brings with it that is to be answered once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyed {
    /// Its key.
    pub key: IdempotencyKey,
    /// What it asks for.
    pub fingerprint: Fingerprint,
    /// How long a success is kept; a refusal is kept as long as [`limits::REFUSAL_KEEP_MS`] says.
    pub keep_ms: u64,
}

impl From<(IdempotencyKey, Fingerprint)> for Keyed {
    /// Kept as long as by default.
    fn from((key, fingerprint): (IdempotencyKey, Fingerprint)) -> Self {
        Self { key, fingerprint, keep_ms: limits::IDEMPOTENCY_KEEP_MS }
    }
}

/// What was answered to a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Of the first request.
    pub fingerprint: Fingerprint,
    /// When it was answered first.
    pub at: Timestamp,
    /// When the key is forgotten.
    pub expires_at: Timestamp,
    /// The entity's version after the step.
    pub version: u64,
    /// Number of the first request.
    pub request: u64,
    /// Trace id of the first request.
    pub trace_id: [u8; 16],
    /// `Ok`: the reply, `Err`: the rejection, as the entity gave it.
    pub outcome: Result<Packed, Packed>,
}

/// The keys of one entity, in key order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredWindow")]
pub struct IdempotencyWindow {
    kept: Vec<(IdempotencyKey, Kept)>,
    /// Bytes of their outcomes: counted, not stored.
    #[serde(skip)]
    outcome_bytes: usize,
}

/// What is stored of a window.
#[derive(Deserialize)]
struct StoredWindow {
    kept: Vec<(IdempotencyKey, Kept)>,
}

impl From<StoredWindow> for IdempotencyWindow {
    fn from(StoredWindow { kept }: StoredWindow) -> Self {
        let outcome_bytes = kept.iter().map(|(_, kept)| outcome_bytes(&kept.outcome)).sum();
        Self { kept, outcome_bytes }
    }
}

impl IdempotencyWindow {
    /// What was answered to `key`, if it is not forgotten at `now`. O(log n).
    #[must_use]
    pub fn get(&self, key: IdempotencyKey, now: Timestamp) -> Option<&Kept> {
        let index = self.kept.binary_search_by_key(&key, |(k, _)| *k).ok()?;
        Some(&self.kept[index].1).filter(|kept| kept.expires_at > now)
    }

    /// Whether `key` does not fit at `now`: its principal has used up the share of one, or all of
    /// them together have used up what an entity keeps. O(n) once there are many or large ones.
    #[must_use]
    pub fn is_full(&self, key: IdempotencyKey, share: usize, now: Timestamp) -> bool {
        let is_small = self.outcome_bytes < limits::IDEMPOTENCY_BYTES_MAX;
        if is_small && self.kept.len() < limits::PRINCIPAL_KEYS.min(share) {
            return false;
        }
        let (mut n_own, mut n_all, mut bytes) = (0, 0, 0);
        for (other, kept) in self.kept.iter().filter(|(_, kept)| kept.expires_at > now) {
            n_own += usize::from(other.principal() == key.principal());
            n_all += 1;
            bytes += outcome_bytes(&kept.outcome);
        }
        n_own >= share
            || n_all >= limits::IDEMPOTENCY_KEYS_MAX
            || bytes >= limits::IDEMPOTENCY_BYTES_MAX
    }

    /// Keeps an outcome and forgets what expired before it. Live and in replay alike.
    pub fn keep(&mut self, key: IdempotencyKey, kept: Kept) {
        let is_large = self.outcome_bytes >= limits::IDEMPOTENCY_BYTES_MAX / 8;
        if is_large || self.kept.len() >= limits::PRINCIPAL_KEYS {
            self.forget(kept.at);
        }
        self.outcome_bytes += outcome_bytes(&kept.outcome);
        match self.kept.binary_search_by_key(&key, |(k, _)| *k) {
            Ok(index) => {
                let (_, old) = std::mem::replace(&mut self.kept[index], (key, kept));
                self.outcome_bytes -= outcome_bytes(&old.outcome);
            }
            Err(index) => {
                if self.kept.is_empty() {
                    // Most entities see one key: a vector would begin with room for four.
                    self.kept.reserve_exact(1);
                }
                self.kept.insert(index, (key, kept));
            }
        }
        assert!(self.kept.len() <= limits::IDEMPOTENCY_KEYS_MAX, "I10: keys were over the limit");
    }

    fn forget(&mut self, now: Timestamp) {
        let mut freed = 0;
        self.kept.retain(|(_, old)| {
            let is_alive = old.expires_at > now;
            freed += if is_alive { 0 } else { outcome_bytes(&old.outcome) };
            is_alive
        });
        self.outcome_bytes -= freed;
    }

    /// Bytes on the heap, roughly.
    #[must_use]
    pub const fn heap_bytes(&self) -> usize {
        self.kept.capacity() * size_of::<(IdempotencyKey, Kept)>() + self.outcome_bytes
    }
}

const fn outcome_bytes(outcome: &Result<Packed, Packed>) -> usize {
    match outcome {
        Ok(packed) | Err(packed) => packed.bytes.len(),
    }
}
