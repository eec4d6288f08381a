//! What somebody outside said under an id of theirs, as a shipment remembers it against repeats.
//!
//! A carrier and a courier count their events apart, so an id is one within tracking or within
//! cash. The words are kept with the id: another event under a known id is told from a repeat.
//! Ids that were recorded without a kind stand for both, with any words.

use compact_str::{CompactString, format_compact};
use entity::Timestamp;

use super::command::TrackingStatus;
use super::event::Fact;

/// Between the parts of an entry: no id, receipt or other word holds a control character.
const MARK: char = '\u{1}';

/// The words of a refusal, and the first words of scans.
const REFUSED: &str = "refused";
const IN_TRANSIT: &str = "in_transit";
const DELIVERED: &str = "delivered";

/// What a carrier saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scan {
    /// The carrier's id of it.
    pub(super) event_id: CompactString,
    /// What.
    pub(super) status: TrackingStatus,
    /// When.
    pub(super) at: Timestamp,
}

/// A remembered event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said<'a> {
    /// Whose id it is: `track` or `cod`.
    kind: &'static str,
    id: &'a str,
    words: CompactString,
}

/// What a shipment knows of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing.
    New,
    /// All of it.
    Same,
    /// Another event of its kind under its id.
    Other,
}

impl<'a> Said<'a> {
    /// What a fact recorded; none: nobody outside said it.
    pub(super) fn of(fact: &'a Fact) -> Option<Self> {
        let (kind, id, words) = match fact {
            Fact::InTransit { event_id, at } => {
                ("track", event_id, format_compact!("{IN_TRANSIT} {}", at.0))
            }
            Fact::Delivered { event_id, at } => {
                ("track", event_id, format_compact!("{DELIVERED} {}", at.0))
            }
            Fact::CodCollected { event_id, amount, receipt } => {
                let receipt = receipt.as_deref().unwrap_or_default();
                let words = format_compact!("{} {} {receipt}", amount.minor, amount.ccy.code());
                ("cod", event_id, words)
            }
            Fact::Refused { event_id } => ("cod", event_id, CompactString::const_new(REFUSED)),
            Fact::Noted(said) => return Self::of(said),
            Fact::Created(_)
            | Fact::DispatchAsked { .. }
            | Fact::Released
            | Fact::DispatchRefused
            | Fact::Dispatched
            | Fact::Stopped
            | Fact::Reopened { .. }
            | Fact::Received
            | Fact::AutoReceived
            | Fact::CodOverdue
            | Fact::ReportLost(_)
            | Fact::ReportsRepeated => return None,
        };
        Some(Self { kind, id, words })
    }

    /// The entry that remembers it.
    pub(super) fn entry(&self) -> CompactString {
        let Self { kind, id, words } = self;
        format_compact!("{kind}{MARK}{id}{MARK}{words}")
    }

    /// Whether an entry remembers a carrier's word, and not cash.
    pub(super) fn is_tracking(entry: &str) -> bool {
        entry.split_once(MARK).is_some_and(|(kind, _)| kind == "track")
    }

    /// The id of a refusal, if an entry remembers one.
    pub(super) fn refusal_in(entry: &str) -> Option<&str> {
        let (kind, rest) = entry.split_once(MARK)?;
        let (id, words) = rest.split_once(MARK)?;
        (kind == "cod" && words == REFUSED).then_some(id)
    }

    /// The scan that an entry remembers, if it does.
    pub(super) fn scan_in(entry: &str) -> Option<Scan> {
        let (_, rest) = entry.split_once(MARK).filter(|(kind, _)| *kind == "track")?;
        let (event_id, words) = rest.split_once(MARK)?;
        let (status, at) = words.split_once(' ')?;
        let status = match status {
            IN_TRANSIT => TrackingStatus::InTransit,
            DELIVERED => TrackingStatus::Delivered,
            _ => return None,
        };
        Some(Scan { event_id: event_id.into(), status, at: Timestamp(at.parse().ok()?) })
    }

    /// What an entry says of it.
    pub(super) fn compare(&self, entry: &str) -> Known {
        let mut parts = entry.splitn(3, MARK);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(kind), Some(id), Some(words)) if kind == self.kind && id == self.id => {
                if words == self.words { Known::Same } else { Known::Other }
            }
            (Some(id), None, None) if id == self.id => Known::Same,
            _ => Known::New,
        }
    }
}
