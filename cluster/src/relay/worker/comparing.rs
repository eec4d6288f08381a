//! Whether the streams are still those that the lanes know, and back to what they hold if not.
//!
//! Guarantees: an acknowledgement moves a cursor only in streams that were compared on the same
//! connection; a lane that was compared stands where the streams hold all that its cursor says.
//! A stream that lost its end shows by its length, and when it has grown again, by the event that
//! stands in a lane's place: then the lane goes back until it finds its own. It does not notice a
//! loss that comes without a new connection before a place is given again.

use std::collections::BTreeMap;
use std::sync::Arc;

use entity::ShardId;
use ports::{Ack, HistoryId, StreamState};

use super::Worker;
use crate::outbox::id_prefix;
use crate::relay::cursor::{Ends, Place};

impl Worker {
    /// After a new connection, and when shards came: compares the streams with what lanes know of
    /// them, and goes back to what they hold. Returns false when the bus does not say.
    pub(super) async fn compare(&mut self) -> bool {
        let bus = Arc::clone(&self.parts.bus);
        let connection = bus.connection();
        if self.connection == Some(connection) {
            return true;
        }
        let Ok(streams) = bus.streams().await else { return false };
        let known = self.lanes.iter().flat_map(|lane| lane.now().places.keys());
        // One that is not there holds nothing.
        let mut ends: Ends = known.map(|name| (name.clone(), StreamState::default())).collect();
        ends.extend(streams);
        for index in 0..self.lanes.len() {
            self.go_back(index, &ends);
        }
        if !self.recognise(connection, &ends).await {
            return false;
        }
        self.ends = ends;
        self.connection = Some(connection);
        // The bus answers again, though there may be nothing to publish: the next failure is the
        // first one.
        self.n_failures = 0;
        true
    }

    /// Lets every lane that was not compared on this connection go back until its own events stand
    /// in its places. Returns false when the bus does not say. A read for each stream of such a
    /// lane, all at once, and as many again for each position that one goes back.
    async fn recognise(&mut self, connection: u64, ends: &Ends) -> bool {
        loop {
            let is_new = |index: &usize| self.lanes[*index].compared_on != Some(connection);
            let new: Vec<usize> = (0..self.lanes.len()).filter(is_new).collect();
            let of = |index: &usize| {
                let (index, places) = (*index, &self.lanes[*index].now().places);
                places.iter().map(move |(stream, place)| (index, stream.clone(), *place))
            };
            let asked: Vec<(usize, String, Place)> = new.iter().flat_map(of).collect();
            let Some(mut lost) = self.strangers(asked, ends).await else { return false };
            let mut is_over = true;
            for index in new {
                let is_lost = lost.remove(&index).is_some_and(|ends| self.go_back(index, &ends));
                if is_lost {
                    is_over = false;
                } else {
                    let lane = &mut self.lanes[index];
                    lane.compared_on = Some(connection);
                    lane.cursor.recognised(ends);
                }
            }
            if is_over {
                return true;
            }
        }
    }

    /// Where other events stand than those that were acknowledged there: by lane, its streams, as
    /// if they ended before that. `None`: the bus does not say.
    async fn strangers(
        &self,
        asked: Vec<(usize, String, Place)>,
        ends: &Ends,
    ) -> Option<BTreeMap<usize, Ends>> {
        let mut lost: BTreeMap<usize, Ends> = BTreeMap::new();
        if asked.is_empty() || sites::is_broken("stream_not_recognised") {
            return Some(lost);
        }
        let places: Vec<(String, u64)> =
            asked.iter().map(|(_, stream, place)| (stream.clone(), place.sequence)).collect();
        let ids = self.parts.bus.ids(&places).await.ok()?;
        assert_eq!(ids.len(), asked.len(), "an answer for each place");
        for ((index, stream, place), id) in asked.into_iter().zip(ids) {
            // What is not there any more was kept for its time: its stream has come as far.
            if id.is_none_or(|id| is_own(&id, &self.parts.history, self.lanes[index].shard, place))
            {
                continue;
            }
            sites::hit("relay.stream_grew_again");
            let known = ends.get(&stream).copied().unwrap_or_default();
            let before = StreamState { last_sequence: place.sequence - 1, ..known };
            lost.entry(index).or_default().insert(stream, before);
        }
        Some(lost)
    }

    /// Lets a lane go back to what streams with these ends still hold. Returns whether it had to.
    fn go_back(&mut self, index: usize, ends: &Ends) -> bool {
        if !self.lanes[index].rewind(ends) {
            return false;
        }
        sites::hit("relay.stream_lost");
        self.is_rewound = true;
        self.parts.state.lock().n_rewinds += 1;
        metrics::counter!("mercato_outbox_rewinds_total").increment(1);
        let shard = self.lanes[index].shard.0;
        tracing::warn!(shard, ?ends, "streams lost events; they are published again");
        true
    }

    /// Whether these acknowledgements are of the streams that were compared. If not, what they
    /// say is left, all lanes are compared anew, and the same events are published again.
    pub(super) fn is_certain(&mut self, acks: &[Ack]) -> bool {
        let is_same = self.connection == Some(self.parts.bus.connection());
        if !self.is_given_again(acks) && is_same {
            return true;
        }
        self.connection = None;
        self.lanes.iter_mut().for_each(|lane| lane.compared_on = None);
        false
    }

    /// Whether a stream is no longer the same, or gave a new event a place that was given before:
    /// it lost all, or what stood there and after it. Moves the known ends on.
    fn is_given_again(&mut self, acks: &[Ack]) -> bool {
        let mut is_lost = false;
        for ack in acks {
            let incarnation = ack.incarnation;
            if !self.ends.contains_key(&ack.stream) {
                self.ends.insert(ack.stream.clone(), StreamState::default());
            }
            let end = self.ends.get_mut(&ack.stream).expect("it is there since above");
            if end.incarnation != incarnation {
                // If there was none, every lane knows that since the streams were compared.
                is_lost |= end.incarnation != 0;
                *end = StreamState { last_sequence: 0, incarnation };
            }
            if ack.duplicate {
                sites::hit("relay.duplicate");
                end.last_sequence = ack.sequence.max(end.last_sequence);
            } else {
                is_lost |= ack.sequence <= end.last_sequence;
                end.last_sequence = ack.sequence;
            }
        }
        is_lost
    }
}

/// Whether an event is the one of a shard that has a place; where its number is not known, any of
/// that shard.
fn is_own(id: &str, history: &HistoryId, shard: ShardId, place: Place) -> bool {
    let number = id.strip_prefix(id_prefix(history, shard).as_str());
    number.is_some_and(|number| place.seq == 0 || number == place.seq.to_string())
}
