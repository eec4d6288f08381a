//! The record of a run: verdict, counts and time lines; `run.json` and the report come from it.
//!
//! Nothing in it depends on the wall clock but `wall_ms`, so two runs of one plan differ in that
//! field only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Version of the form of `run.json`.
pub const VERSION: u16 = 1;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No invariant was broken.
    Pass,
    /// At least one was.
    Fail,
}

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Its number (`I6`) or the name of the checker (`linear_stock`).
    pub invariant: String,
    /// When it was seen, in virtual us; the end of the run for checks over the whole.
    pub at_us: u64,
    /// What is wrong, with keys and numbers.
    pub what: String,
}

/// A run, after it happened. `run.json` is this value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// [`VERSION`].
    pub version: u16,
    /// The scenario.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// How it ended.
    pub verdict: Verdict,
    /// Hash over the whole trace, 16 hex digits.
    pub trace_hash: String,
    /// The rolling hash after every 4,096 events, to find where two runs part.
    pub checkpoints: Vec<String>,
    /// Messages that were delivered to production handlers.
    pub events: u64,
    /// Virtual time that passed, in ms.
    pub virtual_ms: u64,
    /// Wall time that it took, in ms.
    pub wall_ms: u64,
    /// Broken invariants.
    pub violations: Vec<Violation>,
    /// How often each probe was hit.
    pub probes: BTreeMap<String, u64>,
    /// How often each family of faults had an effect.
    pub faults: BTreeMap<String, u64>,
    /// Bytes of the stored trace.
    pub trace_bytes: u64,
    /// Requests whose outcome no client knows, of all requests that change something, in ppm.
    pub unknown_ppm: u64,
    /// Orders by their last state.
    pub orders: BTreeMap<String, u64>,
    /// Invariants and checkers that ran, with how many things each of them looked at.
    pub checked: BTreeMap<String, u64>,
    /// The command that makes this run again.
    pub command: String,
    /// What was seen over time.
    pub timeline: Timeline,
}

impl RunRecord {
    /// In place of the hash of a trace: a live node has none.
    pub const LIVE: &'static str = "live";

    /// Whether a live node was driven, and nothing simulated.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.trace_hash == Self::LIVE
    }
}

/// What was seen over time, in buckets of equal width.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Width of a bucket, in virtual ms.
    pub bucket_ms: u64,
    /// Orders that clients wanted to place in the bucket.
    pub offered: Vec<u64>,
    /// Placements that were taken (2xx).
    pub admitted: Vec<u64>,
    /// Orders that became confirmed.
    pub confirmed: Vec<u64>,
    /// Requests that were refused with 429 or 503.
    pub refused: Vec<u64>,
    /// Latency of placing from the intended start, in us: p50, p90, p99, max. 0: no sample.
    pub latency: Vec<[u64; 4]>,
    /// Units for sale, by SKU, of at most ten SKUs with the most demand.
    pub stock: BTreeMap<u32, Vec<i64>>,
    /// Longest queue in the bucket, by shard.
    pub queues: BTreeMap<u16, Vec<u32>>,
    /// Faults: (family, detail, from ms, to ms).
    pub faults: Vec<FaultSpan>,
    /// Which nodes were up, by node: (from ms, to ms).
    pub nodes: BTreeMap<u16, Vec<(u64, u64)>>,
}

/// A fault on the time axis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultSpan {
    /// Its id in the plan.
    pub id: u32,
    /// Its family.
    pub family: String,
    /// What it befell, for people.
    pub detail: String,
    /// Begin, in virtual ms.
    pub from_ms: u64,
    /// End, in virtual ms.
    pub to_ms: u64,
    /// Whether it changed anything (a crash of a node that was down did not).
    pub effective: bool,
}
