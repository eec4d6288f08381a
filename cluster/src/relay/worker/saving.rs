//! What follows a turn: cursors and marks are saved, waiters told, lag measured.

use entity::ShardId;
use ports::CursorWrite;

use super::{CURSOR, Flush, REWOUND, Turn, Worker};
use crate::outbox::Handover;
use crate::relay::lane::Lane;
use crate::relay::limits;

impl Worker {
    /// Saves, tells and measures what is due.
    pub(super) async fn after(&mut self, turn: Turn) {
        let now = self.now();
        self.take_handovers();
        let has_failed = turn == Turn::Failed;
        if has_failed {
            // Whoever takes these shards publishes what was not: no move waits for a bus.
            self.parts.durable.relay_is_late();
            self.flushes.retain(|flush| !flush.is_handover);
        } else {
            self.parts.durable.relay_is_ready();
        }
        self.flushes.retain(|flush| !flush.done.is_closed());
        let reached = self.flushes.iter().any(|flush| self.is_reached(&flush.targets));
        let is_due = now.since_ms(self.saved_at) >= limits::SAVE_EVERY_MS
            || (has_failed && self.n_unsaved > 0)
            || self.n_unsaved >= limits::SAVE_EVERY_EVENTS
            || reached;
        if is_due && self.save().await && reached {
            self.measure().await;
            self.tell();
        }
        let went_down = has_failed && self.n_failures == 1;
        if now.since_ms(self.measured_at) >= limits::MEASURE_EVERY_MS || went_down {
            self.measure().await;
        }
    }

    /// Saves cursors that moved, and marks what was seen outside. Returns whether all is saved.
    pub(super) async fn save(&mut self) -> bool {
        self.saved_at = self.now();
        let dirty: Vec<_> = self.lanes.iter_mut().filter(|lane| lane.is_dirty).collect();
        if dirty.is_empty() {
            self.n_unsaved = 0;
            return true;
        }
        let mut cursors = Vec::with_capacity(dirty.len());
        let mut marks: Vec<(ShardId, u64)> = Vec::with_capacity(dirty.len());
        for lane in dirty {
            lane.cursor.keep_now();
            let value = codec::seal(&lane.cursor).expect("a cursor is some hundred bytes");
            let epoch = lane.epoch.expect("only the lane of a shard that is here moves");
            cursors.push(CursorWrite { shard: lane.shard, epoch, value });
            marks.push((lane.shard, lane.seen()));
        }
        let store = self.store();
        let saved = match store.set_cursors(CURSOR, cursors).await {
            Ok(()) => store.set_publish_mark(marks).await,
            Err(error) => Err(error),
        };
        if let Err(error) = saved {
            sites::hit("relay.save_failed");
            metrics::counter!("mercato_outbox_save_failures_total").increment(1);
            tracing::warn!(%error, "publish cursors not saved; a restart publishes more again");
            return false;
        }
        self.n_unsaved = 0;
        for lane in self.lanes.iter_mut().filter(|lane| lane.is_dirty) {
            lane.is_dirty = false;
        }
        true
    }

    /// Makes a way back durable. Nothing may be published before: a stream that was wiped grows
    /// again, and after a crash the old places would look as if they were still held.
    pub(super) async fn keep_rewind(&mut self) -> bool {
        if !self.is_rewound {
            return true;
        }
        let at = self.now().0.to_le_bytes().to_vec();
        // Cursors are durable with the next sync, and this value is one.
        self.is_rewound = !(self.save().await && self.store().set_value(REWOUND, at).await.is_ok());
        !self.is_rewound
    }

    /// A shard that goes to another node is flushed before, alone.
    fn take_handovers(&mut self) {
        for Handover { shard, epoch, commit_no, done } in self.parts.durable.take_handovers() {
            let of = |lane: &Lane| match lane.shard == shard {
                true => (Some(epoch), commit_no),
                false => (None, 0),
            };
            let targets = self.lanes.iter().map(of).collect();
            self.flushes.push(Flush { targets, is_handover: true, done });
        }
    }

    /// What went to another owner in between is that one's to publish.
    fn is_reached(&self, targets: &[(Option<u64>, u64)]) -> bool {
        self.lanes.iter().zip(targets).all(|(lane, (epoch, commit))| {
            let is_ours = self.parts.durable.epoch(lane.shard) == *epoch;
            !is_ours || (lane.epoch == *epoch && lane.now().commit_no >= *commit)
        })
    }

    /// Tells those whose commits are published and saved.
    fn tell(&mut self) {
        let (reached, open) = std::mem::take(&mut self.flushes)
            .into_iter()
            .partition(|flush| self.is_reached(&flush.targets));
        self.flushes = open;
        let reached: Vec<Flush> = reached;
        for flush in reached {
            // An error means that the caller went away.
            let _ = flush.done.send(());
        }
    }

    /// Measures lag and age. One read of the journal's end per shard that is behind.
    pub(super) async fn measure(&mut self) {
        let now = self.now();
        self.measured_at = now;
        let mut lag_events = 0;
        let mut oldest = None;
        for index in 0..self.lanes.len() {
            let shard = self.lanes[index].shard;
            let durable = self.parts.durable.of(shard);
            self.lanes[index].look(durable, now);
            if self.lanes[index].behind_since.is_none() {
                continue;
            }
            let published = self.lanes[index].now().seq;
            if let Ok(tail) = self.store().tail(shard).await {
                lag_events += (tail.next_seq - 1).saturating_sub(published);
            }
            let since = self.lanes[index].oldest();
            oldest = [oldest, since].into_iter().flatten().min();
        }
        let oldest_ms = oldest.map_or(0, |since| now.since_ms(since));
        let is_bus_up = self.parts.bus.is_up();
        metrics::gauge!("mercato_outbox_lag_events").set(lag_events as f64);
        metrics::gauge!("mercato_outbox_oldest_ms").set(oldest_ms as f64);
        metrics::gauge!("mercato_bus_up").set(f64::from(u8::from(is_bus_up)));
        let mut state = self.parts.state.lock();
        metrics::gauge!("mercato_outbox_stuck_shards").set(state.stuck.len() as f64);
        (state.lag_events, state.oldest_ms) = (lag_events, oldest_ms);
        state.is_bus_up = is_bus_up;
    }
}
