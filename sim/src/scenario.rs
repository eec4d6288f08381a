//! Scenarios: readable files that say what kind of day it is; with a seed one makes a plan.
//!
//! The built-in ones stand in `sim/scenarios` and in the program; `docs/scenarios.md` explains
//! each parameter. Where a file gives a list (`[[shop]]`, `[[arrivals]]`, `[[keys]]`,
//! `[[client]]`, `[[order_waits]]`, `[[tax]]`, `nodes`, `shards`), a seed takes one of it. Unknown
//! keys are refused, and so are values that make no sense, with the key's name.

mod check;
pub mod faults;
mod make;

use serde::Deserialize;

pub use faults::{Family, FixedFault, Ranges, Swarm};

use crate::plan::{ClientPolicy, Link, OrderWaits, Tax, snapshot_tail, stream_window};
use crate::traffic::{Arrivals, Bots, Keys, People, Span, Staff};

#[cfg(test)]
mod tests;

/// The scenarios in the program: name and text.
pub const BUILT_IN: [(&str, &str); 13] = [
    ("flash-sale", include_str!("../scenarios/flash-sale.toml")),
    ("double-11", include_str!("../scenarios/double-11.toml")),
    ("hot-key-burst", include_str!("../scenarios/hot-key-burst.toml")),
    ("steady", include_str!("../scenarios/steady.toml")),
    ("steady-200", include_str!("../scenarios/steady-200.toml")),
    ("diurnal-day", include_str!("../scenarios/diurnal-day.toml")),
    ("retry-storm", include_str!("../scenarios/retry-storm.toml")),
    ("bots", include_str!("../scenarios/bots.toml")),
    ("rolling-restart", include_str!("../scenarios/rolling-restart.toml")),
    ("mixed", include_str!("../scenarios/mixed.toml")),
    ("one-node", include_str!("../scenarios/one-node.toml")),
    ("moves", include_str!("../scenarios/moves.toml")),
    ("calm", include_str!("../scenarios/calm.toml")),
];

/// A kind of day.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name, as in a plan.
    pub name: String,
    /// What it shows, in a sentence.
    pub about: String,
    /// The system under test.
    pub system: System,
    /// How long orders wait; a seed takes one. Missing: as in production.
    #[serde(default = "order_waits")]
    pub order_waits: Vec<OrderWaits>,
    /// Latency of every link.
    pub link: Link,
    /// How clients behave; a seed takes one.
    pub client: Vec<ClientPolicy>,
    /// What is sold; a seed takes one.
    pub shop: Vec<Shop>,
    /// What is taken on what is sold, or inside it; a seed takes one. Missing: nothing.
    #[serde(default = "taxes")]
    pub tax: Vec<Tax>,
    /// When people come; a seed takes one.
    pub arrivals: Vec<Arrivals>,
    /// What they want; a seed takes one.
    pub keys: Vec<Keys>,
    /// What they do.
    pub people: People,
    /// Buyers that are programs.
    pub bots: Option<Bots>,
    /// Those who fill and count the shelf, and set prices.
    pub staff: Option<Staff>,
    /// Faults of every seed.
    #[serde(default)]
    pub fault: Vec<FixedFault>,
    /// Faults that a seed chooses.
    pub swarm: Option<Swarm>,
    /// Buggify sites that a seed chooses.
    pub buggify: Option<Buggify>,
    /// Probes that a large swarm must hit.
    pub must_hit: Option<MustHit>,
}

/// Probes that a swarm must hit; a single run only tells of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MustHit {
    /// A swarm of so many seeds or more fails if it never hits one of them.
    pub within_seeds: u64,
    /// Their names, as in `run.json`.
    pub probes: Vec<String>,
}

/// The system under test.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// How many nodes; a seed takes one. 1 = embedded. Twice the same: twice as often.
    pub nodes: Vec<u16>,
    /// How many shards; a seed takes one.
    pub shards: Vec<u16>,
    /// How many unacknowledged messages close a stream from a shard to a shard; a seed takes one.
    /// Missing: as in production.
    #[serde(default = "stream_windows")]
    pub stream_window: Vec<u32>,
    /// How many events in a shard's tail make its owner take snapshots; a seed takes one. Missing:
    /// as in production.
    #[serde(default = "snapshot_tails")]
    pub snapshot_tail: Vec<u32>,
    /// Seeds that shuffle messages of one instant.
    pub shuffle_percent: u8,
    /// How long traffic and faults last.
    pub duration_ms: u64,
    /// How long settling may take.
    pub settle_ms: u64,
}

fn stream_windows() -> Vec<u32> {
    vec![stream_window()]
}

fn order_waits() -> Vec<OrderWaits> {
    vec![OrderWaits::default()]
}

fn taxes() -> Vec<Tax> {
    vec![Tax::default()]
}

fn one_place() -> Vec<u8> {
    vec![100]
}

fn snapshot_tails() -> Vec<u32> {
    vec![snapshot_tail()]
}

/// What is sold.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shop {
    /// How many SKUs.
    pub n_skus: u32,
    /// Units of each at the start.
    pub stock_units: Span,
    /// Units of the first, which is the hot one; missing: as the others.
    pub hot_stock_units: Option<Span>,
    /// Price of one, in minor units of USD.
    pub price_minor: Span,
    /// Shares of SKUs that lie at one place, at two and so on; together 100.
    #[serde(default = "one_place")]
    pub places_percent: Vec<u8>,
}

/// Places in production code that do something rare but allowed, when they are on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Buggify {
    /// Names of the sites.
    pub sites: Vec<String>,
    /// Seeds in which a site is on.
    pub site_percent: u8,
    /// How often a site that is on does it.
    pub chance_percent: u8,
}

/// A scenario that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No file and no built-in one of this name.
    #[error("no scenario is called {0}; there are {names}", names = names().join(", "))]
    Unknown(String),
    /// Its file cannot be read.
    #[error("the scenario's file {path} cannot be read")]
    File {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// It is no TOML of this form: an unknown or missing key, a value of another type.
    #[error("the scenario has an error:\n{0}")]
    Form(#[from] toml::de::Error),
    /// A value makes no sense.
    #[error("the scenario's key {key} {what}")]
    Value {
        /// The key, with its table.
        key: String,
        /// What is wrong with it.
        what: String,
    },
}

/// Names of the built-in scenarios.
#[must_use]
pub fn names() -> Vec<&'static str> {
    BUILT_IN.iter().map(|(name, _)| *name).collect()
}

impl Scenario {
    /// Reads a scenario and checks its values.
    ///
    /// # Errors
    ///
    /// [`Error::Form`] with line and key, [`Error::Value`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let scenario: Self = toml::from_str(text)?;
        check::values(&scenario)?;
        Ok(scenario)
    }

    /// The built-in scenario of this name.
    ///
    /// # Errors
    ///
    /// [`Error::Unknown`] with the names that there are.
    pub fn built_in(name: &str) -> Result<Self, Error> {
        let found = BUILT_IN.iter().find(|(known, _)| *known == name);
        found.map_or_else(|| Err(Error::Unknown(name.into())), |(_, text)| Self::parse(text))
    }

    /// A built-in scenario by its name, or one in a file: what ends with `.toml` or has a slash.
    ///
    /// # Errors
    ///
    /// As [`Scenario::built_in`] and [`Scenario::parse`], and [`Error::File`].
    pub fn load(name_or_path: &str) -> Result<Self, Error> {
        if !name_or_path.ends_with(".toml") && !name_or_path.contains('/') {
            return Self::built_in(name_or_path);
        }
        let text = std::fs::read_to_string(name_or_path)
            .map_err(|source| Error::File { path: name_or_path.into(), source })?;
        Self::parse(&text)
    }
}
