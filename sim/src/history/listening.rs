//! What clients heard on live streams.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One connection of a client to a live stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listening {
    /// The visit that it belongs to.
    pub visit: u32,
    /// The order that the client waits for news of.
    pub order: String,
    /// Whether it is the stream of all orders of the client, and not of this one alone.
    pub all: bool,
    /// The node that it goes to.
    pub node: u16,
    /// Versions that the client has, as it said when it asked for the stream.
    pub has: BTreeMap<String, u64>,
    /// When it was asked for, in us.
    pub asked_us: u64,
    /// When it was answered, in us; `None`: it never was.
    pub opened_us: Option<u64>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// When it ended, in us, by whomever; `None`: not before the run did.
    pub ended_us: Option<u64>,
    /// The reason that it gave when it ended itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bye: Option<String>,
    /// What it told, in the order in which it came.
    pub told: Vec<Told>,
}

/// How an order stands, as a live stream told it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// When it came, in us.
    pub at_us: u64,
    /// The order; empty: the event could not be read.
    pub order: String,
    /// Its version.
    pub version: u64,
    /// Its state, in the words of the interface.
    pub state: String,
    /// Entries of its timeline that the client lacked, by the versions that they made.
    pub entries: Vec<u64>,
    /// Whether the client was told to forget what it had.
    pub is_reset: bool,
}
