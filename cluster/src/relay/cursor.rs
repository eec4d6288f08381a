//! How far a shard is published, and where to go back to when a stream lost events.
//!
//! A [`Position`] says: all events of the shard up to this commit were acknowledged, none above
//! these places of their streams. A stream that ends at `n` still holds all of a position whose
//! place in it is at most `n`. Of old positions a few are kept, the sparser the older they are,
//! and all of them are saved with the cursor, so that a new process can go back as far.

use std::collections::BTreeMap;

use codec::{Stored, TypeId};
use serde::{Deserialize, Serialize};

use super::BusKind;
use super::limits::POSITIONS_MAX;

/// Places in streams by the name of the stream.
pub(super) type Places = BTreeMap<String, u64>;

/// A point of a shard's journal, with the places of what was published up to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Everything up to this commit is acknowledged; 0 = nothing.
    pub(super) commit_no: u64,
    /// Number of the last event in it.
    pub(super) seq: u64,
    /// Per stream: the highest place that an event of the shard got. At the time of the position,
    /// so that events after `commit_no` may have raised it: too high is safe, too low is not.
    pub(super) places: Places,
}

impl Position {
    /// Whether streams that end at `ends` still hold all that was published up to here.
    pub(super) fn is_within(&self, ends: &Places) -> bool {
        let within = |(stream, end)| self.places.get(stream).is_none_or(|place| place <= end);
        ends.iter().all(within)
    }
}

/// The present position of a shard and some older ones, as saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PublishCursor {
    bus: BusKind,
    /// By commit, ascending; the last one is the present.
    positions: Vec<Position>,
}

impl Stored for PublishCursor {
    const TYPE: TypeId = 10;
}

impl PublishCursor {
    /// The beginning of the journal.
    pub(super) fn beginning(bus: BusKind) -> Self {
        Self { bus, positions: vec![Position::default()] }
    }

    /// The cursor on a bus of kind `bus`. What an in-process bus was given is on no server, and
    /// what an in-process bus of an earlier process was given is nowhere any more.
    pub(super) fn on(mut self, bus: BusKind) -> Self {
        match (self.bus, bus) {
            (BusKind::Server, BusKind::Server) => self,
            (BusKind::InProcess, BusKind::Server) => Self::beginning(bus),
            (BusKind::Server | BusKind::InProcess, BusKind::InProcess) => {
                self.bus = bus;
                self.positions.drain(..self.positions.len().saturating_sub(1));
                self.positions.iter_mut().for_each(|position| position.places.clear());
                self
            }
        }
    }

    /// The present position.
    pub(super) fn now(&self) -> &Position {
        self.positions.last().expect("a cursor has a present position")
    }

    /// Moves the present position on.
    pub(super) fn advance(&mut self, commit_no: u64, seq: u64) {
        let now = self.positions.last_mut().expect("a cursor has a present position");
        assert!(commit_no > now.commit_no && seq >= now.seq, "I2: a cursor only rises");
        (now.commit_no, now.seq) = (commit_no, seq);
    }

    /// Notes that an event of the shard stands at `place` of `stream`.
    pub(super) fn placed(&mut self, stream: &str, place: u64) {
        let now = self.positions.last_mut().expect("a cursor has a present position");
        match now.places.get_mut(stream) {
            Some(highest) => *highest = place.max(*highest),
            None => drop(now.places.insert(stream.to_owned(), place)),
        }
    }

    /// Keeps the present position to go back to; older ones become sparser.
    pub(super) fn keep_now(&mut self) {
        let now = self.now().clone();
        let kept = self.positions.len().checked_sub(2).map(|at| self.positions[at].commit_no);
        if now.commit_no == 0 || kept == Some(now.commit_no) {
            return; // The older one has the lower places, so it fits more often.
        }
        self.positions.push(now);
        if self.positions.len() > POSITIONS_MAX {
            let crowded = self.most_crowded();
            self.positions.remove(crowded);
        }
    }

    /// Goes back to the newest position that streams with these ends still hold. Returns whether
    /// that was necessary. O(positions).
    pub(super) fn rewind(&mut self, ends: &Places) -> bool {
        if self.now().is_within(ends) {
            return false;
        }
        while self.positions.last().is_some_and(|position| !position.is_within(ends)) {
            self.positions.pop();
        }
        let stored = self.positions.last().cloned().unwrap_or_default();
        self.positions.push(stored);
        true
    }

    /// The last commit that was published before `place` of `stream` for certain; 0 = none known.
    pub(super) fn before_place(&self, stream: &str, place: u64) -> u64 {
        let before = |position: &&Position| {
            position.places.get(stream).is_none_or(|highest| *highest < place)
        };
        self.positions.iter().rev().find(before).map_or(0, |position| position.commit_no)
    }

    /// The kept position whose neighbours are closest together for its age.
    fn most_crowded(&self) -> usize {
        let at = |index: usize| self.positions[index].commit_no;
        let newest = self.now().commit_no;
        let crowd = |index: &usize| {
            let before = index.checked_sub(1).map_or(0, at);
            (at(index + 1) - before).saturating_mul(1024) / (newest - at(*index) + 1)
        };
        // The last is the present and the one before it was kept just now.
        let old = 0..self.positions.len() - 2;
        old.min_by_key(crowd).expect("more positions than the limit")
    }
}

#[cfg(test)]
mod tests;
