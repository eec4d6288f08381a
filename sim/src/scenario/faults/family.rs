//! Families of faults: their names, what is drawn for them, and where they make sense.

use serde::Deserialize;

use super::Ranges;
use crate::plan::FaultKind;
use crate::traffic::Span;

/// A family of faults, named as [`FaultKind::family`] names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u32)]
#[expect(missing_docs, reason = "FaultKind says what each is")]
pub enum Family {
    Crash,
    Pause,
    Roll,
    Loss,
    Duplicate,
    Delay,
    Partition,
    ClientLoss,
    StoreSlow,
    StoreUnknown,
    StoreDown,
    StaleReads,
    SyncFails,
    BusDown,
    BusTwice,
    BusLostAcks,
    BusWiped,
    ClockStep,
    ClockDrift,
    BusCut,
    StoreErrors,
}

/// What a family's faults have a number of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// Nothing.
    None,
    /// Unsynced writes that are kept.
    KeptWrites,
    /// Percent of what passes.
    Percent,
    /// Milliseconds of delay.
    UpToMs,
    /// Milliseconds that a clock steps.
    ByMs,
    /// Parts per million that a clock is off.
    Ppm,
}

/// What was drawn for a fault.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts {
    pub(super) node: u16,
    pub(super) amount: i64,
    pub(super) flag: bool,
    pub(super) side: u32,
}

impl Family {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 21] = [
        Self::Crash,
        Self::Pause,
        Self::Roll,
        Self::Loss,
        Self::Duplicate,
        Self::Delay,
        Self::Partition,
        Self::ClientLoss,
        Self::StoreSlow,
        Self::StoreUnknown,
        Self::StoreDown,
        Self::StaleReads,
        Self::SyncFails,
        Self::BusDown,
        Self::BusTwice,
        Self::BusLostAcks,
        Self::BusWiped,
        Self::ClockStep,
        Self::ClockDrift,
        Self::BusCut,
        Self::StoreErrors,
    ];

    /// The family of a fault.
    #[must_use]
    pub const fn of(kind: &FaultKind) -> Self {
        match kind {
            FaultKind::Crash { .. } => Self::Crash,
            FaultKind::Pause { .. } => Self::Pause,
            FaultKind::Roll { .. } => Self::Roll,
            FaultKind::Loss { .. } => Self::Loss,
            FaultKind::Duplicate { .. } => Self::Duplicate,
            FaultKind::Delay { .. } => Self::Delay,
            FaultKind::Partition { .. } => Self::Partition,
            FaultKind::ClientLoss { .. } => Self::ClientLoss,
            FaultKind::StoreSlow { .. } => Self::StoreSlow,
            FaultKind::StoreUnknown { .. } => Self::StoreUnknown,
            FaultKind::StoreDown { .. } => Self::StoreDown,
            FaultKind::StaleReads { .. } => Self::StaleReads,
            FaultKind::SyncFails { .. } => Self::SyncFails,
            FaultKind::BusDown => Self::BusDown,
            FaultKind::BusTwice { .. } => Self::BusTwice,
            FaultKind::BusLostAcks { .. } => Self::BusLostAcks,
            FaultKind::BusWiped => Self::BusWiped,
            FaultKind::BusCut { .. } => Self::BusCut,
            FaultKind::StoreErrors { .. } => Self::StoreErrors,
            FaultKind::ClockStep { .. } => Self::ClockStep,
            FaultKind::ClockDrift { .. } => Self::ClockDrift,
        }
    }

    /// Whether it makes sense for so many nodes: links between nodes and the shared store are a
    /// cluster's, a sync of its own is an embedded node's.
    #[must_use]
    pub const fn fits(self, nodes: u16) -> bool {
        match self {
            Self::Crash
            | Self::Pause
            | Self::Roll
            | Self::ClientLoss
            | Self::StoreSlow
            | Self::BusDown
            | Self::BusTwice
            | Self::BusLostAcks
            | Self::BusWiped
            | Self::BusCut
            | Self::ClockStep
            | Self::ClockDrift => true,
            Self::SyncFails => nodes == 1,
            Self::Loss
            | Self::Duplicate
            | Self::Delay
            | Self::Partition
            | Self::StoreUnknown
            | Self::StoreDown
            | Self::StoreErrors
            | Self::StaleReads => nodes > 1,
        }
    }

    /// Whether it changes something in any run with traffic, whatever is drawn for it.
    #[must_use]
    pub const fn is_sure(self) -> bool {
        matches!(self, Self::Crash | Self::Pause | Self::Roll | Self::BusDown | Self::StoreSlow)
    }

    /// Whether its node is of no use while it lasts.
    #[must_use]
    pub const fn takes_node_away(self) -> bool {
        matches!(self, Self::Crash | Self::Pause | Self::Roll | Self::SyncFails | Self::StoreDown)
    }

    /// Whether its faults have a length.
    #[must_use]
    pub const fn lasts(self) -> bool {
        !matches!(self, Self::BusWiped | Self::BusCut | Self::ClockStep)
    }

    /// What its faults have a number of.
    #[must_use]
    pub const fn amount(self) -> Amount {
        match self {
            Self::Crash => Amount::KeptWrites,
            Self::Loss
            | Self::Duplicate
            | Self::ClientLoss
            | Self::StoreUnknown
            | Self::StoreErrors
            | Self::StaleReads
            | Self::BusTwice
            | Self::BusLostAcks
            | Self::BusCut => Amount::Percent,
            Self::Delay | Self::StoreSlow => Amount::UpToMs,
            Self::ClockStep => Amount::ByMs,
            Self::ClockDrift => Amount::Ppm,
            Self::Pause
            | Self::Roll
            | Self::Partition
            | Self::StoreDown
            | Self::SyncFails
            | Self::BusDown
            | Self::BusWiped => Amount::None,
        }
    }

    /// Whether 0 of it would be no fault at all.
    pub(super) const fn needs_amount(self) -> bool {
        !matches!(self.amount(), Amount::None | Amount::KeptWrites)
    }

    /// The fault itself.
    pub(super) fn kind(self, parts: Parts) -> FaultKind {
        let Parts { node, amount, flag, side } = parts;
        // The scenario's checks hold each amount within its type.
        let percent = u8::try_from(amount).unwrap_or(100);
        let up_to_ms = u32::try_from(amount).unwrap_or(u32::MAX);
        let signed = i32::try_from(amount).unwrap_or(i32::MAX);
        match self {
            Self::Crash => {
                let kept_writes = u16::try_from(amount).unwrap_or(u16::MAX);
                FaultKind::Crash { node, kept_writes }
            }
            Self::Pause => FaultKind::Pause { node },
            Self::Roll => FaultKind::Roll { node, new_version: flag },
            Self::Loss => FaultKind::Loss { percent },
            Self::Duplicate => FaultKind::Duplicate { percent },
            Self::Delay => FaultKind::Delay { up_to_ms },
            Self::Partition => FaultKind::Partition { side, one_way: flag },
            Self::ClientLoss => FaultKind::ClientLoss { percent },
            Self::StoreSlow => FaultKind::StoreSlow { node, up_to_ms },
            Self::StoreUnknown => FaultKind::StoreUnknown { node, percent },
            Self::StoreDown => FaultKind::StoreDown { node },
            Self::StaleReads => FaultKind::StaleReads { node, percent },
            Self::SyncFails => FaultKind::SyncFails { node },
            Self::BusDown => FaultKind::BusDown,
            Self::BusTwice => FaultKind::BusTwice { percent },
            Self::BusLostAcks => FaultKind::BusLostAcks { percent },
            Self::BusWiped => FaultKind::BusWiped,
            Self::BusCut => FaultKind::BusCut { percent },
            Self::StoreErrors => FaultKind::StoreErrors { node, percent },
            Self::ClockStep => FaultKind::ClockStep { node, by_ms: signed },
            Self::ClockDrift => FaultKind::ClockDrift { node, ppm: signed },
        }
    }
}

impl Amount {
    /// Its name in a scenario, and the least and the most that it may be.
    #[must_use]
    pub const fn bounds(self) -> Option<(&'static str, Span)> {
        match self {
            Self::None => None,
            Self::KeptWrites => Some(("kept_writes", Span::new(0, 1_000))),
            Self::Percent => Some(("percent", Span::new(1, 100))),
            Self::UpToMs => Some(("up_to_ms", Span::new(1, 600_000))),
            Self::ByMs => Some(("by_ms", Span::new(-86_400_000, 86_400_000))),
            Self::Ppm => Some(("ppm", Span::new(-500_000, 500_000))),
        }
    }

    /// Its range among those of a scenario.
    #[must_use]
    pub const fn range(self, ranges: &Ranges) -> Option<Span> {
        match self {
            Self::None => None,
            Self::KeptWrites => ranges.kept_writes,
            Self::Percent => ranges.percent,
            Self::UpToMs => ranges.up_to_ms,
            Self::ByMs => ranges.by_ms,
            Self::Ppm => ranges.ppm,
        }
    }
}
