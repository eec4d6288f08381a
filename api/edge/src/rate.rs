//! Requests per principal and minute: GCRA, one number per principal.
//!
//! A principal may spend its minute's quota at once and gets it back evenly; there is no window
//! edge at which twice the quota passes. Full tables forget principals that are back at their full
//! quota, and refuse nobody for want of room. Per node; a shared limit is another store's business.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use entity::Timestamp;
use parking_lot::Mutex;

use crate::limits;

const SHARDS: usize = 16;
const WINDOW_MS: u64 = 60_000;

/// What is left of a principal's quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Requests per minute.
    pub per_minute: u32,
    /// How many are left now.
    pub remaining: u32,
    /// When the whole quota is back, in seconds.
    pub reset_s: u64,
    /// When the next request passes, in ms; 0 = at once. The request itself passes when it is 0
    /// before it is counted.
    pub retry_after_ms: u64,
}

impl Quota {
    /// `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-11).
    #[must_use]
    pub fn policy_header(&self) -> String {
        format!("\"default\";q={};w=60", self.per_minute)
    }

    /// `RateLimit`.
    #[must_use]
    pub fn limit_header(&self) -> String {
        format!("\"default\";r={};t={}", self.remaining, self.reset_s)
    }
}

/// Counts requests.
#[derive(Debug)]
pub struct RateLimiter {
    hasher: RandomState,
    /// Theoretical arrival time per principal, in microseconds.
    shards: [Mutex<HashMap<u64, u64>>; SHARDS],
}

impl Default for RateLimiter {
    fn default() -> Self {
        Self { hasher: RandomState::new(), shards: Default::default() }
    }
}

impl RateLimiter {
    /// Counts a request of `who` at `now`. `Err`: it does not pass, and was not counted.
    ///
    /// `None` in `Ok`: there is no limit.
    pub fn take(&self, who: &str, per_minute: u32, now: Timestamp) -> Result<Option<Quota>, Quota> {
        if per_minute == 0 {
            return Ok(None);
        }
        // A collision of 64-bit hashes makes two principals share a quota: one in 10^8 at 10^5.
        let key = self.hasher.hash_one(who);
        let shard_index = usize::try_from(key % SHARDS as u64).expect("less than 16");
        let now_us = now.0.saturating_mul(1000);
        let interval_us = WINDOW_MS * 1000 / u64::from(per_minute);
        let window_us = interval_us * u64::from(per_minute);
        let mut shard = self.shards[shard_index].lock();
        if shard.len() >= limits::RATE_KEYS_MAX / SHARDS {
            shard.retain(|_, tat_us| *tat_us > now_us);
            if shard.len() >= limits::RATE_KEYS_MAX / SHARDS {
                shard.clear();
            }
        }
        let tat_us = shard.get(&key).copied().unwrap_or(0);
        // Nobody comes further ahead than a window, and requests overtake each other by less than
        // another one: the clock was set back.
        let is_stale = tat_us > now_us + 2 * window_us;
        let tat_us = if is_stale { now_us } else { tat_us.max(now_us) };
        let next_us = tat_us + interval_us;
        let backlog_us = next_us - now_us;
        if backlog_us > window_us {
            return Err(Quota {
                per_minute,
                remaining: 0,
                reset_s: (tat_us - now_us).div_ceil(1_000_000),
                retry_after_ms: (backlog_us - window_us).div_ceil(1000),
            });
        }
        shard.insert(key, next_us);
        let remaining = (window_us - backlog_us) / interval_us;
        Ok(Some(Quota {
            per_minute,
            remaining: u32::try_from(remaining).expect("at most the quota"),
            reset_s: backlog_us.div_ceil(1_000_000),
            retry_after_ms: 0,
        }))
    }
}

#[cfg(test)]
mod tests;
