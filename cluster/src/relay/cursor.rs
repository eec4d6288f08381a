//! How far a shard is published, and where to go back to when a stream lost events.
//!
//! A [`Position`] says: all events of the shard up to this commit were acknowledged, none above
//! these places of their streams. A stream that ends at `n` still holds all of a position whose
//! place in it is at most `n`, if it is the stream in which the place was given: one that was lost
//! and made again is another, however long it is, and so is one that lost its end and grew again,
//! which shows by the event that stands in the place. Of old positions a few are kept, the sparser
//! the older they are, and all of them are saved with the cursor, so that a new process can go back
//! as far.

use std::collections::BTreeMap;

use codec::{Stored, TypeId};
use ports::StreamState;
use serde::{Deserialize, Serialize};

use super::BusKind;
use super::limits::POSITIONS_MAX;

/// A place in a stream, and the event of the shard that stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) sequence: u64,
    /// Its number in the shard; 0 = not known.
    pub(super) seq: u64,
}

/// Places in streams by the name of the stream.
pub(super) type Places = BTreeMap<String, Place>;

/// How streams end, by their name.
pub(super) type Ends = BTreeMap<String, StreamState>;

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
    /// Whether streams that hold these places still hold all that was published up to here.
    fn is_within(&self, held: &BTreeMap<String, u64>) -> bool {
        let within = |(stream, end): (&String, &u64)| {
            self.places.get(stream).is_none_or(|place| place.sequence <= *end)
        };
        held.iter().all(within)
    }
}

/// The present position of a shard and some older ones, as saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PublishCursor {
    bus: BusKind,
    /// By commit, ascending; the last one is the present.
    positions: Vec<Position>,
    /// Which stream of each name it is that the places of all positions are in.
    incarnations: BTreeMap<String, u64>,
}

/// As builds wrote it that did not know which event stands in a place.
#[derive(Serialize, Deserialize)]
struct PositionV1 {
    commit_no: u64,
    seq: u64,
    places: BTreeMap<String, u64>,
}

/// The same, of builds that did not tell a stream from another one of its name either.
#[derive(Serialize, Deserialize)]
struct PublishCursorV1 {
    bus: BusKind,
    positions: Vec<PositionV1>,
}

/// With [`PositionV1`].
#[derive(Serialize, Deserialize)]
struct PublishCursorV2 {
    bus: BusKind,
    positions: Vec<PositionV1>,
    incarnations: BTreeMap<String, u64>,
}

impl From<PositionV1> for Position {
    fn from(PositionV1 { commit_no, seq, places }: PositionV1) -> Self {
        let known = |(stream, sequence)| (stream, Place { sequence, seq: 0 });
        Self { commit_no, seq, places: places.into_iter().map(known).collect() }
    }
}

impl Stored for PublishCursor {
    const TYPE: TypeId = 10;
    const VERSION: u16 = 3;

    /// Which stream it was is not known of the first: it is the one of the name that is there, if
    /// an event of the shard stands in the place.
    fn upcast(version: u16, bytes: &[u8]) -> Result<Self, codec::Error> {
        let PublishCursorV2 { bus, positions, incarnations } = match version {
            1 => {
                let PublishCursorV1 { bus, positions } = codec::from_bytes(bytes)?;
                PublishCursorV2 { bus, positions, incarnations: BTreeMap::new() }
            }
            2 => codec::from_bytes(bytes)?,
            _ => return Err(codec::Error::Version { type_id: Self::TYPE, version }),
        };
        let positions = positions.into_iter().map(Position::from).collect();
        Ok(Self { bus, positions, incarnations })
    }
}

impl PublishCursor {
    /// The beginning of the journal.
    pub(super) fn beginning(bus: BusKind) -> Self {
        Self { bus, positions: vec![Position::default()], incarnations: BTreeMap::new() }
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
                self.incarnations.clear();
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

    /// Notes that an event of the shard stands at `place` of `stream`, in this incarnation of it.
    pub(super) fn placed(&mut self, stream: &str, place: Place, incarnation: u64) {
        let now = self.positions.last_mut().expect("a cursor has a present position");
        match self.incarnations.get_mut(stream) {
            Some(known) if *known == incarnation => {}
            Some(known) => {
                assert!(!now.places.contains_key(stream), "I5: places in two streams of a name");
                *known = incarnation;
            }
            None => drop(self.incarnations.insert(stream.to_owned(), incarnation)),
        }
        match now.places.get_mut(stream) {
            Some(highest) if highest.sequence > place.sequence => {}
            Some(highest) => *highest = place,
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

    /// Up to where streams with these ends hold what has a place in the streams of this cursor.
    fn held(&self, ends: &Ends) -> BTreeMap<String, u64> {
        let held = |(stream, end): (&String, &StreamState)| {
            let known = self.incarnations.get(stream);
            let is_same = known.is_none_or(|known| *known == end.incarnation);
            (stream.clone(), if is_same { end.last_sequence } else { 0 })
        };
        ends.iter().map(held).collect()
    }

    /// The events of the present position stand where they stood: these are the streams.
    pub(super) fn recognised(&mut self, ends: &Ends) {
        let now = self.positions.last().expect("a cursor has a present position");
        for (stream, end) in ends.iter().filter(|(stream, _)| now.places.contains_key(*stream)) {
            self.incarnations.entry(stream.clone()).or_insert(end.incarnation);
        }
    }

    /// Goes back to the newest position that streams with these ends still hold. Returns whether
    /// that was necessary. O(positions).
    pub(super) fn rewind(&mut self, ends: &Ends) -> bool {
        let held = self.held(ends);
        if self.now().is_within(&held) {
            return false;
        }
        while self.positions.last().is_some_and(|position| !position.is_within(&held)) {
            self.positions.pop();
        }
        let stored = self.positions.last().cloned().unwrap_or_default();
        self.positions.push(stored);
        true
    }

    /// The last commit that was published before `place` of `stream` for certain; 0 = none known.
    pub(super) fn before_place(&self, stream: &str, place: u64) -> u64 {
        let before = |position: &&Position| {
            position.places.get(stream).is_none_or(|highest| highest.sequence < place)
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
