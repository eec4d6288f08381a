//! Which request an idempotency key was used for, on this node: a key for two operations.
//!
//! An entity keeps the keys of the commands that enter it, and knows nothing of another's. This
//! table stands before all of them and refuses a key that did something else here already. Best
//! effort, as interfaces.md 1 says: it is lost with the process, other nodes have their own, and a
//! full one forgets the oldest keys. What an entity keeps it judges itself, for ever as it should.

use std::collections::{HashMap, VecDeque};

use entity::{Fingerprint, IdempotencyKey, Timestamp};
use parking_lot::Mutex;

use crate::limits::USED_KEYS_MAX;
use crate::request::RequestKey;

const SHARDS: usize = 16;
const PER_SHARD: usize = USED_KEYS_MAX / SHARDS;

#[derive(Debug, Default)]
struct Shard {
    used: HashMap<IdempotencyKey, (Fingerprint, Timestamp)>,
    /// Keys in the order in which they came; each stands here once.
    oldest: VecDeque<IdempotencyKey>,
}

/// The keys that did something.
#[derive(Debug, Default)]
pub struct UsedKeys([Mutex<Shard>; SHARDS]);

impl UsedKeys {
    /// Whether a key is free for this request: new, forgotten, or used for the very same.
    #[must_use]
    pub fn is_free(&self, (key, fingerprint): &RequestKey, now: Timestamp) -> bool {
        let shard = self.shard(*key).lock();
        shard.used.get(key).is_none_or(|(used_for, until)| used_for == fingerprint || *until <= now)
    }

    /// Notes that a request with a key did something; kept until then.
    pub fn note(&self, (key, fingerprint): RequestKey, until: Timestamp) {
        let mut shard = self.shard(key).lock();
        if shard.used.insert(key, (fingerprint, until)).is_some() {
            return;
        }
        shard.oldest.push_back(key);
        if shard.oldest.len() > PER_SHARD
            && let Some(oldest) = shard.oldest.pop_front()
        {
            shard.used.remove(&oldest);
        }
    }

    /// Keys are hashes already; their first half is the same for all of one principal.
    fn shard(&self, IdempotencyKey(key): IdempotencyKey) -> &Mutex<Shard> {
        &self.0[usize::from(key[8]) % SHARDS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(key: u8, what: u8) -> RequestKey {
        (IdempotencyKey([key; 16]), Fingerprint([what; 16]))
    }

    #[test]
    fn a_key_belongs_to_one_request_as_long_as_it_is_kept() {
        let keys = UsedKeys::default();
        assert!(keys.is_free(&used(1, 1), Timestamp(0)));
        keys.note(used(1, 1), Timestamp(100));
        assert!(keys.is_free(&used(1, 1), Timestamp(99)), "a repeat");
        assert!(!keys.is_free(&used(1, 2), Timestamp(99)), "something else");
        assert!(keys.is_free(&used(2, 2), Timestamp(99)), "another key");
        assert!(keys.is_free(&used(1, 2), Timestamp(100)), "forgotten");
        keys.note(used(1, 2), Timestamp(200));
        assert!(!keys.is_free(&used(1, 1), Timestamp(150)));
    }

    #[test]
    fn a_full_table_forgets_the_oldest() {
        let keys = UsedKeys::default();
        let key = |n: usize| {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&(n as u64).to_be_bytes());
            (IdempotencyKey(bytes), Fingerprint([1; 16]))
        };
        for n in 0..=PER_SHARD {
            // A repeat takes no second place.
            keys.note(key(n), Timestamp(100));
            keys.note(key(n), Timestamp(100));
        }
        let other = |n| (key(n).0, Fingerprint([2; 16]));
        assert!(keys.is_free(&other(0), Timestamp(0)), "forgotten");
        assert!(!keys.is_free(&other(1), Timestamp(0)));
        assert!(!keys.is_free(&other(PER_SHARD), Timestamp(0)));
        let shard = keys.0[0].lock();
        assert_eq!((shard.used.len(), shard.oldest.len()), (PER_SHARD, PER_SHARD));
    }
}
