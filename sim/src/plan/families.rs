//! What each fault of a plan is called, and whom it befalls.
//!
//! Names of families stand in scenarios, tables and records: they stay. What a fault does is the
//! world's business.

use super::{Fault, FaultKind, MOMENT_WAIT_MS, Moment};

impl Fault {
    /// The moment that it waits for, and whose.
    #[must_use]
    pub fn awaits(&self) -> Option<(u16, Moment)> {
        let node = match &self.kind {
            FaultKind::Crash { node, .. } | FaultKind::Pause { node } => Some(*node),
            _ => None,
        };
        node.zip(Some(self.moment).filter(|moment| *moment != Moment::Any))
    }

    /// When it is over at the latest, in us: it may have waited for its moment.
    #[must_use]
    pub fn end_us(&self) -> u64 {
        let waits_ms = self.awaits().map_or(0, |_| MOMENT_WAIT_MS);
        self.at_us + (waits_ms + u64::from(self.for_ms)) * 1_000
    }
}

impl FaultKind {
    /// The clock that it moves away from the true time, within `for_ms`, and how far, in ms.
    #[must_use]
    pub(crate) fn moved_clock(&self, for_ms: u32) -> Option<(u16, i64)> {
        match self {
            Self::ClockStep { node, by_ms } => Some((*node, i64::from(*by_ms))),
            Self::ClockDrift { node, ppm } => {
                Some((*node, i64::from(*ppm) * i64::from(for_ms) / 1_000_000))
            }
            Self::Crash { .. }
            | Self::Pause { .. }
            | Self::Roll { .. }
            | Self::Loss { .. }
            | Self::Duplicate { .. }
            | Self::Delay { .. }
            | Self::Partition { .. }
            | Self::ClientLoss { .. }
            | Self::StoreSlow { .. }
            | Self::StoreUnknown { .. }
            | Self::StoreDown { .. }
            | Self::StoreErrors { .. }
            | Self::StaleReads { .. }
            | Self::SyncFails { .. }
            | Self::BusDown
            | Self::BusTwice { .. }
            | Self::BusLostAcks { .. }
            | Self::BusWiped
            | Self::BusCut { .. } => None,
        }
    }

    /// The node that it befalls, if it is one.
    #[must_use]
    pub const fn node(&self) -> Option<u16> {
        match self {
            Self::Crash { node, .. }
            | Self::Pause { node }
            | Self::Roll { node, .. }
            | Self::StoreSlow { node, .. }
            | Self::StoreUnknown { node, .. }
            | Self::StoreDown { node }
            | Self::StoreErrors { node, .. }
            | Self::StaleReads { node, .. }
            | Self::SyncFails { node }
            | Self::ClockStep { node, .. }
            | Self::ClockDrift { node, .. } => Some(*node),
            Self::Loss { .. }
            | Self::Duplicate { .. }
            | Self::Delay { .. }
            | Self::Partition { .. }
            | Self::ClientLoss { .. }
            | Self::BusDown
            | Self::BusTwice { .. }
            | Self::BusLostAcks { .. }
            | Self::BusWiped
            | Self::BusCut { .. } => None,
        }
    }

    /// Name of its family: what a swarm turns on and off, and what tables and lanes are called.
    #[must_use]
    pub const fn family(&self) -> &'static str {
        match self {
            Self::Crash { .. } => "crash",
            Self::Pause { .. } => "pause",
            Self::Roll { .. } => "roll",
            Self::Loss { .. } => "loss",
            Self::Duplicate { .. } => "duplicate",
            Self::Delay { .. } => "delay",
            Self::Partition { .. } => "partition",
            Self::ClientLoss { .. } => "client_loss",
            Self::StoreSlow { .. } => "store_slow",
            Self::StoreUnknown { .. } => "store_unknown",
            Self::StoreDown { .. } => "store_down",
            Self::StoreErrors { .. } => "store_errors",
            Self::StaleReads { .. } => "stale_reads",
            Self::SyncFails { .. } => "sync_fails",
            Self::BusDown => "bus_down",
            Self::BusTwice { .. } => "bus_twice",
            Self::BusLostAcks { .. } => "bus_lost_acks",
            Self::BusWiped => "bus_wiped",
            Self::BusCut { .. } => "bus_cut",
            Self::ClockStep { .. } => "clock_step",
            Self::ClockDrift { .. } => "clock_drift",
        }
    }
}
