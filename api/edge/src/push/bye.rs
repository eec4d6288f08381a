//! Why a stream ends, and when its client is to come back.

use crate::limits;

/// Why a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The node has as many streams as it may.
    Shed,
    /// The node stops.
    Drained,
    /// The client does not read.
    Slow,
    /// The stream is as old as one may be.
    TooOld,
    /// The credential ended: a new stream needs a new one.
    TicketExpired,
    /// The order cannot be asked at the moment.
    Unavailable,
    /// The client does what it may not: too many messages, messages of no form.
    Policy,
}

impl Reason {
    /// The word in `bye`.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Shed => "shed",
            Self::Drained => "drained",
            Self::Slow => "slow",
            Self::TooOld => "too_old",
            Self::TicketExpired => "ticket_expired",
            Self::Unavailable => "unavailable",
            Self::Policy => "policy",
        }
    }

    /// When the client is to come back, in ms.
    pub(crate) const fn reconnect_ms(self) -> u64 {
        match self {
            Self::Shed | Self::Unavailable | Self::Policy => limits::STREAM_SHED_RETRY_MS,
            Self::Drained | Self::Slow | Self::TooOld | Self::TicketExpired => {
                limits::STREAM_RETRY_MS
            }
        }
    }

    /// The close code of a WebSocket.
    pub(crate) const fn close_code(self) -> u16 {
        match self {
            Self::Drained | Self::TooOld => 1001,
            Self::Policy => 1008,
            Self::Shed | Self::Unavailable => 1013,
            Self::TicketExpired => 4001,
            Self::Slow => 4002,
        }
    }
}
