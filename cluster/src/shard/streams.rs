//! Shard streams: one FIFO from each shard to each shard, numbered without gaps (I5).
//!
//! The sender journals a message with the events that caused it and keeps it until it is
//! acknowledged; the receiver commits its mark with the effect. So each message takes effect once,
//! in order, whatever is lost, repeated or restarted between them.

use std::collections::VecDeque;
use std::sync::Arc;

use entity::{Mark, Message, ShardId, StreamSend};
use ports::OutStreamState;

use crate::limits;
use crate::log::Lsn;
use crate::shard_map::ShardMap;

/// All streams that leave a shard.
#[derive(Debug, Clone)]
pub struct Outgoing {
    streams: ShardMap<Out>,
    /// Unacknowledged messages at which a stream is closed.
    window: usize,
    n_closed: usize,
}

#[derive(Debug, Clone, Default)]
struct Out {
    last: u64,
    unacked: VecDeque<(Lsn, StreamSend)>,
    /// The oldest unacknowledged message when it was last looked at, and how often it was that.
    oldest: u64,
    n_stalls: u32,
}

impl Outgoing {
    /// No stream yet; each closes at `window` unacknowledged messages, 1 at least.
    #[must_use]
    pub fn new(window: usize) -> Self {
        Self { streams: ShardMap::default(), window: window.max(1), n_closed: 0 }
    }

    /// Numbers the next message to a shard.
    pub fn number(&mut self, to_shard: ShardId, message: Message) -> StreamSend {
        let out = self.streams.entry(to_shard);
        out.last += 1;
        StreamSend { to_shard, number: out.last, message: Arc::new(message) }
    }

    /// Keeps a numbered message, staged at `lsn`, until it is acknowledged.
    pub fn keep(&mut self, lsn: Lsn, send: StreamSend) {
        let out = self.streams.entry(send.to_shard);
        let next = out.unacked.back().map_or(send.number, |(_, last)| last.number + 1);
        assert_eq!(send.number, next, "I5: a stream has no gaps");
        out.last = out.last.max(send.number);
        out.unacked.push_back((lsn, send));
        if out.unacked.len() == self.window {
            self.n_closed += 1;
        }
    }

    /// Takes a message from a record after the checkpoint, unless the checkpoint knows it.
    pub fn keep_recovered(&mut self, send: StreamSend) {
        let known = self.streams.get(send.to_shard).map_or(0, |out| out.last);
        if send.number > known {
            self.keep(0, send);
        }
    }

    /// Forgets what `to` has taken for good.
    pub fn acked(&mut self, to: ShardId, through: u64) {
        let Some(out) = self.streams.get_mut(to) else { return };
        let was_closed = out.unacked.len() >= self.window;
        while out.unacked.front().is_some_and(|(_, send)| send.number <= through) {
            out.unacked.pop_front();
        }
        if was_closed && out.unacked.len() < self.window {
            self.n_closed -= 1;
        }
    }

    /// What `to` has not acknowledged and may be told at `durable` ([`Lsn::MAX`]: all of it).
    #[must_use]
    pub fn unacked(&self, to: ShardId, durable: Lsn) -> Vec<StreamSend> {
        self.streams.get(to).map_or_else(Vec::new, |out| {
            out.unacked
                .iter()
                .take_while(|(lsn, _)| *lsn <= durable)
                .map(|(_, send)| send.clone())
                .collect()
        })
    }

    /// What has to be sent again: the oldest messages of streams, but the one to `own`, that were
    /// not acknowledged since the last look, as far as they are durable.
    ///
    /// The pauses double while a stream stands still: a receiver that is slow, and not cut off,
    /// is not buried. What follows the messages given here is asked for by the gap that it
    /// leaves. O(streams).
    pub fn stalled(&mut self, own: ShardId, durable: Lsn) -> Vec<Vec<StreamSend>> {
        let mut again = Vec::new();
        for (_, out) in self.streams.iter_mut().filter(|(to, _)| *to != own) {
            let Some((_, front)) = out.unacked.front() else { continue };
            if front.number != out.oldest {
                (out.oldest, out.n_stalls) = (front.number, 0);
                continue;
            }
            out.n_stalls = (out.n_stalls + 1) % limits::RETRANSMIT_LOOKS_MAX;
            if out.n_stalls.is_power_of_two() || out.n_stalls == 0 {
                let oldest = out.unacked.iter().take(limits::RETRANSMIT_MESSAGES_MAX);
                let sends = oldest.take_while(|(lsn, _)| *lsn <= durable);
                again.push(sends.map(|(_, send)| send.clone()).collect());
            }
        }
        again
    }

    /// Whether a message to another shard than `own` was not acknowledged. O(streams).
    #[must_use]
    pub fn has_unacked_beside(&self, own: ShardId) -> bool {
        self.streams.iter().any(|(to, out)| to != own && !out.unacked.is_empty())
    }

    /// Whether a window is closed: new work is refused before it is journaled.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.n_closed > 0
    }

    /// Whether everything sent was acknowledged.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.streams.iter().all(|(_, out)| out.unacked.is_empty())
    }

    /// Shards that a stream goes to.
    pub fn receivers(&self) -> impl Iterator<Item = ShardId> {
        self.streams.iter().map(|(to, _)| to)
    }

    /// The state to checkpoint.
    #[must_use]
    pub fn checkpoint(&self) -> Vec<OutStreamState> {
        self.streams
            .iter()
            .map(|(to_shard, out)| OutStreamState {
                to_shard,
                last: out.last,
                unacked: out.unacked.iter().map(|(_, send)| send.clone()).collect(),
            })
            .collect()
    }

    /// Takes a checkpointed state over.
    pub fn restore(&mut self, states: Vec<OutStreamState>) {
        for state in states {
            self.streams.entry(state.to_shard).last = state.last;
            for send in state.unacked {
                self.keep(0, send);
            }
        }
    }
}

/// All streams that come into a shard.
#[derive(Debug, Clone, Default)]
pub struct Incoming {
    streams: ShardMap<In>,
    /// Messages that wait for their turn, over all streams.
    n_waiting: usize,
}

#[derive(Debug, Clone, Default)]
struct In {
    mark: u64,
    waiting: VecDeque<StreamSend>,
    /// The missing message that the sender was asked for.
    asked: u64,
}

/// What became of a message that arrived.
#[derive(Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It waits for its turn.
    Queued,
    /// It was here before.
    Repeat,
    /// One before it is missing: the sender has to send again.
    Gap,
    /// One before it is missing, and the sender was asked for it before.
    GapAgain,
}

impl Incoming {
    /// Queues a message.
    pub fn arrive(&mut self, from: ShardId, send: StreamSend) -> Arrival {
        let stream = self.streams.entry(from);
        let next = stream.waiting.back().map_or(stream.mark, |last| last.number) + 1;
        if send.number < next {
            return Arrival::Repeat;
        }
        if send.number > next {
            // Each of many messages after a gap would ask for a whole window again. Should the
            // first asking be lost, the sender finds out by itself.
            let asked = std::mem::replace(&mut stream.asked, next);
            return if asked == next { Arrival::GapAgain } else { Arrival::Gap };
        }
        stream.waiting.push_back(send);
        self.n_waiting += 1;
        Arrival::Queued
    }

    /// The next message of a stream, without taking it.
    #[must_use]
    pub fn peek(&self, from: ShardId) -> Option<&StreamSend> {
        self.streams.get(from).and_then(|stream| stream.waiting.front())
    }

    /// Takes the next message; its number is the new mark.
    pub fn take(&mut self, from: ShardId) -> Option<(Mark, StreamSend)> {
        let stream = self.streams.get_mut(from)?;
        let send = stream.waiting.pop_front()?;
        self.n_waiting -= 1;
        assert_eq!(send.number, stream.mark + 1, "I5: taken out of order");
        stream.mark = send.number;
        Some((Mark { from_shard: from, number: send.number }, send))
    }

    /// How far a stream was taken.
    #[must_use]
    pub fn mark(&self, from: ShardId) -> u64 {
        self.streams.get(from).map_or(0, |stream| stream.mark)
    }

    /// Sets a mark in recovery.
    pub fn restore(&mut self, mark: Mark) {
        let stream = self.streams.entry(mark.from_shard);
        // Records after a checkpoint may tell what the checkpoint knows already.
        stream.mark = stream.mark.max(mark.number);
    }

    /// All marks, to checkpoint.
    #[must_use]
    pub fn marks(&self) -> Vec<Mark> {
        self.streams
            .iter()
            .map(|(from, stream)| Mark { from_shard: from, number: stream.mark })
            .collect()
    }

    /// Whether messages wait. O(1): asked after each turn.
    #[must_use]
    pub const fn has_waiting(&self) -> bool {
        self.n_waiting > 0
    }

    /// Streams with messages that wait. O(streams).
    #[must_use]
    pub fn waiting(&self) -> Vec<ShardId> {
        self.streams
            .iter()
            .filter(|(_, stream)| !stream.waiting.is_empty())
            .map(|(from, _)| from)
            .collect()
    }
}

#[cfg(test)]
mod tests;
