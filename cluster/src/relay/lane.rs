//! One shard on its way to the bus: what was read, what is being sent, what is acknowledged.
//!
//! Pure: frames and acknowledgements come in, events go out, in the order of the journal. A lane
//! never lets an event pass another one, and its cursor moves over a frame only when every event
//! of it was acknowledged.

use std::collections::VecDeque;
use std::sync::Arc;

use entity::{ShardId, Timestamp};
use ports::{Ack, CloudEvent, FrameHeader};

use super::BusKind;
use super::cursor::{Ends, Place, Position, PublishCursor};
use crate::outbox::seq_of;

/// Why a lane does not go on.
#[derive(Debug, Clone)]
pub(super) struct Stuck {
    /// What an operator has to know.
    pub(super) reason: String,
    /// Whether the same read may succeed by itself.
    pub(super) is_passing: bool,
    /// When it is tried again.
    pub(super) retry_at: Timestamp,
}

/// A frame whose events are not all acknowledged.
#[derive(Debug)]
struct Open {
    commit_no: u64,
    last_seq: u64,
    n_left: usize,
    is_begun: bool,
}

/// One shard.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) shard: ShardId,
    /// The epoch that the shard is owned under; `None`: not here, and the lane stands still.
    pub(super) epoch: Option<u64>,
    pub(super) cursor: PublishCursor,
    pub(super) stuck: Option<Stuck>,
    /// The connection on which the streams were seen to hold what the cursor says.
    pub(super) compared_on: Option<u64>,
    /// Since when there is something durable that is not acknowledged.
    pub(super) behind_since: Option<Timestamp>,
    /// Whether the cursor moved since it was saved.
    pub(super) is_dirty: bool,
    read_to: u64,
    queue: VecDeque<Arc<CloudEvent>>,
    open: VecDeque<Open>,
    /// Events at the front of the queue that the present batch holds.
    n_taken: usize,
}

impl Lane {
    /// The lane of a shard that is owned elsewhere, or nowhere.
    pub(super) fn unowned(shard: ShardId) -> Self {
        Self { epoch: None, ..Self::new(shard, 0, PublishCursor::beginning(BusKind::Server)) }
    }

    /// A lane that goes on after `cursor`, for a shard that is owned under `epoch`.
    pub(super) fn new(shard: ShardId, epoch: u64, cursor: PublishCursor) -> Self {
        let read_to = cursor.now().commit_no;
        Self {
            shard,
            epoch: Some(epoch),
            cursor,
            stuck: None,
            compared_on: None,
            behind_since: None,
            is_dirty: false,
            read_to,
            queue: VecDeque::new(),
            open: VecDeque::new(),
            n_taken: 0,
        }
    }

    /// The first commit that was not read yet.
    pub(super) const fn next_commit(&self) -> u64 {
        self.read_to + 1
    }

    /// Events read and not acknowledged.
    pub(super) fn n_queued(&self) -> usize {
        self.queue.len()
    }

    /// The position behind which nothing is acknowledged for certain.
    pub(super) fn now(&self) -> &Position {
        self.cursor.now()
    }

    /// The last commit of which anything was seen outside.
    pub(super) fn seen(&self) -> u64 {
        let begun = self.open.front().filter(|open| open.is_begun);
        begun.map_or_else(|| self.now().commit_no, |open| open.commit_no)
    }

    /// Takes the next frame, as events.
    pub(super) fn read(&mut self, header: &FrameHeader, events: Vec<Arc<CloudEvent>>) {
        assert_eq!(header.commit_no, self.next_commit(), "I2: a frame is missing");
        self.read_to = header.commit_no;
        let last_seq = header.first_seq + u64::from(header.n_events) - 1;
        let n_left = events.len();
        self.open.push_back(Open {
            commit_no: header.commit_no,
            last_seq,
            n_left,
            is_begun: false,
        });
        self.queue.extend(events);
        if sites::is_broken("cursor_ahead_of_publish") {
            self.cursor.advance(header.commit_no, last_seq);
            self.is_dirty = true;
        }
        self.settle();
    }

    /// Puts up to `n_max` more events into a batch; returns how many.
    pub(super) fn take(&mut self, n_max: usize, batch: &mut Vec<Arc<CloudEvent>>) -> usize {
        let n = n_max.min(self.queue.len() - self.n_taken);
        batch.extend(self.queue.range(self.n_taken..self.n_taken + n).cloned());
        self.n_taken += n;
        n
    }

    /// The batch is over: what is not acknowledged goes into the next one.
    pub(super) fn batch_over(&mut self) {
        self.n_taken = 0;
    }

    /// The first event that is not acknowledged is stored.
    pub(super) fn acked(&mut self, ack: &Ack) {
        let event = self.queue.pop_front().expect("an acknowledged event was in the batch");
        debug_assert_eq!(event.stream(), ack.stream, "an acknowledgement of another event");
        let open = self.open.front_mut().expect("an event belongs to an open frame");
        open.n_left -= 1;
        open.is_begun = true;
        self.n_taken = self.n_taken.saturating_sub(1);
        let place = Place { sequence: ack.sequence, seq: seq_of(&event) };
        self.cursor.placed(&ack.stream, place, ack.incarnation);
        self.is_dirty = true;
        self.settle();
    }

    /// Goes back to what streams with these ends still hold, if they lost anything of this shard.
    pub(super) fn rewind(&mut self, ends: &Ends) -> bool {
        if sites::is_broken("rewind_removed") {
            return false;
        }
        let rewound = self.cursor.rewind(ends);
        if rewound {
            self.queue.clear();
            self.open.clear();
            self.n_taken = 0;
            self.read_to = self.now().commit_no;
            self.is_dirty = true;
        }
        rewound
    }

    /// When the oldest event that is not acknowledged happened, as far as is known.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.queue.front().map(|event| event.time).or(self.behind_since)
    }

    /// Whether there is nothing to do, for a journal that is durable so far.
    pub(super) fn rests(&self, durable: u64) -> bool {
        self.read_to >= durable && self.open.is_empty() && self.behind_since.is_none()
    }

    /// Looks at the durable end of the journal.
    pub(super) fn look(&mut self, durable: u64, now: Timestamp) {
        let is_behind = self.now().commit_no < durable;
        self.behind_since = is_behind.then(|| self.behind_since.unwrap_or(now));
    }

    /// Moves the cursor over frames of which everything is acknowledged.
    fn settle(&mut self) {
        while let Some(open) = self.open.pop_front_if(|open| open.n_left == 0) {
            if !sites::is_broken("cursor_ahead_of_publish") {
                self.cursor.advance(open.commit_no, open.last_seq);
            }
            self.is_dirty = true;
        }
    }
}
