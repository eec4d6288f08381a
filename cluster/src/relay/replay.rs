//! A replay: a part of the history published again beside live events.
//!
//! Shard after shard, each in journal order, up to where the shard stood when the replay was
//! asked for; everything later is live. A place of a stream is only known by the positions that
//! are kept, so a replay from one begins at or before it, never after.

use std::collections::VecDeque;
use std::sync::Arc;

use entity::{EntityTypes, ShardId, Timestamp};
use ports::{CloudEvent, Frame, HistoryId, SharedStore, StoreError};

use super::lane::Lane;
use super::limits;
use crate::outbox::{OutboxError, events_of};

/// Where a replay begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayFrom {
    /// At the first event.
    Beginning,
    /// At or before the event in this place of the stream.
    Sequence(u64),
    /// At the first event of this time or later.
    Time(Timestamp),
}

/// What to publish again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayRequest {
    /// The stream (`ORDERS`); `None`: all.
    pub stream: Option<String>,
    /// From where.
    pub from: ReplayFrom,
}

/// Why a replay did not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// Another one is under way.
    #[error("a replay is under way")]
    Busy,
    /// A place is a place of one stream.
    #[error("a sequence needs a stream")]
    NoStream,
    /// The relay does not answer.
    #[error("the relay does not answer")]
    Unavailable,
}

/// How a replay goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplayProgress {
    /// Its stream; `None`: all.
    pub stream: Option<String>,
    /// Events published again so far.
    pub n_published: u64,
    /// Commits that are not looked at yet.
    pub n_commits_left: u64,
    /// Whether it is over.
    pub is_over: bool,
    /// Why it ended early.
    pub failed: Option<String>,
}

/// Commits of one shard.
#[derive(Debug)]
struct Stretch {
    shard: ShardId,
    next: u64,
    end: u64,
    is_sought: bool,
}

/// Why a replay cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Halt {
    /// The store failed.
    #[error("store failed")]
    Store(#[from] StoreError),
    /// An event cannot be read.
    #[error("events unreadable")]
    Outbox(#[from] OutboxError),
}

/// A replay under way.
#[derive(Debug)]
pub(super) struct Replay {
    request: ReplayRequest,
    todo: VecDeque<Stretch>,
    queue: VecDeque<Arc<CloudEvent>>,
    n_published: u64,
}

impl Replay {
    /// Begins one over what the lanes have published. Errors: a sequence without a stream.
    pub(super) fn begin(request: ReplayRequest, lanes: &[Lane]) -> Result<Self, ReplayError> {
        let stretch = |lane: &Lane| {
            let first = match (request.from, &request.stream) {
                (ReplayFrom::Beginning | ReplayFrom::Time(_), _) => 1,
                (ReplayFrom::Sequence(place), Some(stream)) => {
                    lane.cursor.before_place(stream, place) + 1
                }
                (ReplayFrom::Sequence(_), None) => return Err(ReplayError::NoStream),
            };
            let end = lane.now().commit_no;
            Ok(Stretch { shard: lane.shard, next: first, end, is_sought: false })
        };
        let todo = lanes.iter().map(stretch).collect::<Result<_, _>>()?;
        Ok(Self { request, todo, queue: VecDeque::new(), n_published: 0 })
    }

    /// Reads on until events are at hand or nothing is left. One read per call, so that live
    /// events do not wait for a long stretch without any.
    pub(super) async fn fill(
        &mut self,
        store: &SharedStore,
        types: &EntityTypes,
        history: &HistoryId,
    ) -> Result<(), Halt> {
        self.todo.pop_front_if(|stretch| stretch.next > stretch.end);
        let Some(stretch) = self.todo.front_mut().filter(|_| self.queue.is_empty()) else {
            return Ok(());
        };
        if let ReplayFrom::Time(since) = self.request.from
            && !stretch.is_sought
        {
            stretch.next = first_since(store, stretch.shard, since, stretch.end).await?;
            stretch.is_sought = true;
        }
        if stretch.next > stretch.end {
            return Ok(());
        }
        let frames = store.read(stretch.shard, stretch.next, limits::READ_BYTES_MAX).await?;
        if frames.is_empty() {
            return Err(missing(stretch.shard, stretch.next).into());
        }
        for frame in frames.iter().filter(|frame| frame.header.commit_no <= stretch.end) {
            let events = events_of(frame, types, history)?;
            let wanted = events.into_iter().filter(|event| is_wanted(&self.request, event));
            self.queue.extend(wanted);
            stretch.next = frame.header.commit_no + 1;
        }
        Ok(())
    }

    /// The next events, at most `n_max`.
    pub(super) fn offer(&self, n_max: usize) -> impl Iterator<Item = Arc<CloudEvent>> {
        self.queue.iter().take(n_max).cloned()
    }

    /// The first `n` of them are stored.
    pub(super) fn acked(&mut self, n: usize) {
        self.queue.drain(..n);
        self.n_published += n as u64;
    }

    /// Whether everything was published.
    pub(super) fn is_over(&self) -> bool {
        self.queue.is_empty() && self.todo.iter().all(|stretch| stretch.next > stretch.end)
    }

    /// How it goes.
    pub(super) fn progress(&self) -> ReplayProgress {
        let left = |stretch: &Stretch| (stretch.end + 1).saturating_sub(stretch.next);
        ReplayProgress {
            stream: self.request.stream.clone(),
            n_published: self.n_published,
            n_commits_left: self.todo.iter().map(left).sum(),
            is_over: self.is_over(),
            failed: None,
        }
    }
}

fn is_wanted(request: &ReplayRequest, event: &CloudEvent) -> bool {
    let of_stream = request.stream.as_ref().is_none_or(|stream| *stream == event.stream());
    let in_time = match request.from {
        ReplayFrom::Time(since) => event.time >= since,
        ReplayFrom::Beginning | ReplayFrom::Sequence(_) => true,
    };
    of_stream && in_time
}

/// The first commit up to `end` whose first record is of `since` or later, less one: the one
/// before may hold some too. Shard time never goes back, so halving finds it: O(log n) reads.
async fn first_since(
    store: &SharedStore,
    shard: ShardId,
    since: Timestamp,
    end: u64,
) -> Result<u64, Halt> {
    let (mut low, mut high) = (1, end + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let frames = store.read(shard, middle, 1).await?;
        let frame = frames.first().ok_or_else(|| missing(shard, middle))?;
        if began(frame)? >= since {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low.saturating_sub(1).max(1))
}

fn began(frame: &Frame) -> Result<Timestamp, Halt> {
    let commit_no = frame.header.commit_no;
    let records = frame.records().map_err(|source| OutboxError::Frame { commit_no, source })?;
    Ok(records.first().map_or(Timestamp::MAX, |record| record.at))
}

fn missing(shard: ShardId, commit_no: u64) -> StoreError {
    StoreError::Damaged(format!("commit {commit_no} of shard {} is missing", shard.0))
}
