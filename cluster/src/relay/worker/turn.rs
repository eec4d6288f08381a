//! One turn: look at the bus, read what is durable, publish a batch, take the acknowledgements.

use std::sync::Arc;

use ports::limits::PUBLISH_BATCH_MAX;
use ports::{Ack, CloudEvent};

use super::{Turn, Worker};
use crate::outbox::events_of_read;
use crate::outbox::task::chain;
use crate::relay::lane::Stuck;
use crate::relay::limits;
use crate::relay::replay::{Halt, ReplayProgress};

/// Events on their way, and whose they are.
#[derive(Default)]
struct Batch {
    events: Vec<Arc<CloudEvent>>,
    /// Lane and number of events, in the order of the events; a replay's come last.
    runs: Vec<(usize, usize)>,
}

impl Worker {
    pub(super) async fn turn(&mut self) -> Turn {
        let bus = Arc::clone(&self.parts.bus);
        let is_up = bus.is_up();
        // A lane that goes away takes its way back with it: that has to be kept first.
        if !self.keep_rewind().await {
            return self.failed("the way back was not saved");
        }
        self.follow().await;
        if is_up && !self.compare().await {
            return self.failed("the state of the streams is not known");
        }
        if !self.keep_rewind().await {
            return self.failed("the way back was not saved");
        }
        let has_read = self.fill().await;
        let batch = self.batch();
        if batch.events.is_empty() {
            return if has_read { Turn::Passed } else { Turn::Idle };
        }
        if !is_up {
            sites::hit("relay.bus_down");
            self.batch_over();
            return self.failed("the bus is down");
        }
        match bus.publish(&batch.events).await {
            Ok(acks) => {
                assert_eq!(acks.len(), batch.events.len(), "each event is acknowledged");
                self.n_failures = 0;
                self.settle(&batch, &acks);
                Turn::Moved(acks.len())
            }
            Err(error) => {
                sites::hit("relay.publish_failed");
                self.settle(&batch, &error.acked);
                self.failed(&error.reason)
            }
        }
    }

    fn failed(&mut self, reason: &str) -> Turn {
        self.n_failures = self.n_failures.saturating_add(1);
        metrics::counter!("mercato_outbox_publish_failures_total").increment(1);
        if self.n_failures == 1 {
            tracing::warn!(reason, "events are not published; they wait in the journal");
        }
        Turn::Failed
    }

    /// Reads lanes that have nothing at hand, in turn, until enough is. Returns whether anything
    /// was read; it need not be public.
    pub(super) async fn fill(&mut self) -> bool {
        let now = self.now();
        let owned = self.parts.durable.all(self.lanes.len());
        let mut n_queued = self.look_for_work(&owned);
        let mut has_read = false;
        for at in 0..self.busy.len() {
            let index = self.busy[at];
            let (epoch, durable) = owned[index];
            let lane = &mut self.lanes[index];
            lane.look(durable, now);
            let waits = lane.stuck.as_ref().is_some_and(|stuck| stuck.retry_at > now);
            if lane.n_queued() > 0 || lane.next_commit() > durable || waits {
                continue;
            }
            if lane.epoch != epoch || self.parts.durable.epoch(lane.shard) != epoch {
                continue; // It came or went since the lanes were looked at: not from here.
            }
            if n_queued < limits::QUEUED_EVENTS_MAX {
                let read = self.read(index).await;
                n_queued += self.lanes[index].n_queued();
                has_read |= read.is_ok();
                self.note(index, read.err());
            }
        }
        self.fill_replay().await || has_read
    }

    /// Notes which lanes have anything to do; the next one begins this time. Returns how many
    /// events they have at hand.
    fn look_for_work(&mut self, owned: &[(Option<u64>, u64)]) -> usize {
        let lanes = &self.lanes;
        self.first = (self.first + 1) % lanes.len();
        let in_turn = (self.first..lanes.len()).chain(0..self.first);
        self.busy.clear();
        self.busy.extend(in_turn.filter(|index| !lanes[*index].rests(owned[*index].1)));
        self.busy.iter().map(|index| lanes[*index].n_queued()).sum()
    }

    /// Reads the next frames of a lane. What comes before an unreadable frame counts as read.
    async fn read(&mut self, index: usize) -> Result<(), Halt> {
        let lane = &mut self.lanes[index];
        let (store, from) = (&self.parts.ctx.store, lane.next_commit());
        let reads = self.journal.read(store, lane.shard, from, limits::READ_BYTES_MAX).await?;
        let has_readers = self.parts.bus.has_readers();
        for read in &reads {
            let events = match has_readers {
                true => events_of_read(read, &self.parts.ctx.types, &self.parts.history)?,
                false => Vec::new(),
            };
            lane.read(&read.frame().header, events);
        }
        Ok(())
    }

    /// Raises the alarm over a lane that cannot go on, and takes it back when it can.
    fn note(&mut self, index: usize, halt: Option<Halt>) {
        let now = self.now();
        let lane = &mut self.lanes[index];
        let had = lane.stuck.is_some();
        lane.stuck = halt.map(|halt| {
            let is_passing = is_retryable(&halt);
            let wait = if is_passing { limits::READ_RETRY_MS } else { limits::STUCK_RETRY_MS };
            let reason = chain(&halt);
            if is_passing {
                tracing::warn!(shard = lane.shard.0, reason, "journal not read");
            } else {
                metrics::counter!("mercato_outbox_stuck_total").increment(1);
                tracing::error!(shard = lane.shard.0, reason, "shard not published any further");
            }
            Stuck { reason, is_passing, retry_at: now.plus_ms(wait) }
        });
        if had || lane.stuck.is_some() {
            self.note_stuck();
        }
    }

    /// Shows which shards cannot go on.
    pub(super) fn note_stuck(&self) {
        let stuck = self.lanes.iter().filter_map(|lane| {
            let stuck = lane.stuck.as_ref().filter(|stuck| !stuck.is_passing)?;
            Some((lane.shard, stuck.reason.clone()))
        });
        self.parts.state.lock().stuck = stuck.collect();
    }

    /// Lets a replay read on, or ends it. Returns whether there may be more to read.
    async fn fill_replay(&mut self) -> bool {
        let Some(replay) = &mut self.replay else { return false };
        let ctx = &self.parts.ctx;
        let halt = replay.fill(&ctx.store, &ctx.types, &self.parts.history).await.err();
        let has_read = halt.is_none();
        let failed = halt.filter(|halt| !is_retryable(halt)).map(|halt| chain(&halt));
        if failed.is_some() || replay.is_over() {
            tracing::info!(failed, "replay is over");
            let progress = replay.progress();
            let over = ReplayProgress { failed, is_over: true, ..progress };
            self.parts.state.lock().replay = Some(over);
            self.replay = None;
        }
        has_read && self.replay.is_some()
    }

    /// Collects a batch: lanes in turn, a share each; a replay has a share of its own.
    fn batch(&mut self) -> Batch {
        let mut batch = Batch::default();
        let n_max = if sites::fires("batch_of_one", u64::MAX) { 1 } else { PUBLISH_BATCH_MAX };
        let reserved = self.replay.as_ref().map_or(0, |_| limits::REPLAY_SHARE_EVENTS);
        let mut has_more = true;
        while has_more {
            has_more = false;
            for &index in &self.busy {
                let room =
                    (PUBLISH_BATCH_MAX - reserved).min(n_max).saturating_sub(batch.events.len());
                let share = room.min(limits::SHARE_EVENTS);
                let n = self.lanes[index].take(share, &mut batch.events);
                if n > 0 {
                    batch.runs.push((index, n));
                    has_more |= n == share;
                }
            }
        }
        if let Some(replay) = &self.replay {
            let room = PUBLISH_BATCH_MAX - batch.events.len();
            batch.events.extend(replay.offer(room));
        }
        batch
    }

    fn batch_over(&mut self) {
        self.lanes.iter_mut().for_each(|lane| lane.batch_over());
    }

    /// Takes the acknowledgements of the first events of a batch.
    fn settle(&mut self, batch: &Batch, acks: &[Ack]) {
        if self.is_certain(acks) {
            let mut rest = acks;
            for &(index, n) in &batch.runs {
                let (mine, others) = rest.split_at(n.min(rest.len()));
                rest = others;
                mine.iter().for_each(|ack| self.lanes[index].acked(ack));
            }
            if let Some(replay) = &mut self.replay {
                replay.acked(rest.len());
                self.parts.state.lock().replay = Some(replay.progress());
            }
        }
        self.batch_over();
        self.n_unsaved += acks.len() as u64;
        self.count(acks);
    }

    fn count(&self, acks: &[Ack]) {
        let duplicates = acks.iter().filter(|ack| ack.duplicate).count();
        metrics::counter!("mercato_outbox_published_total").increment(acks.len() as u64);
        metrics::counter!("mercato_outbox_duplicates_total").increment(duplicates as u64);
        self.parts.state.lock().n_published += acks.len() as u64;
    }
}

fn is_retryable(halt: &Halt) -> bool {
    match halt {
        Halt::Store(error) => error.is_retryable(),
        Halt::Outbox(_) => false,
    }
}
