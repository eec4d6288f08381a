//! The committer: one thread that turns groups into batches of the log, one sync each.
//!
//! It alone writes to the log, so the check of a group against the tails and its
//! write cannot be parted. What waits when a sync ends goes into the next one together. Nothing
//! is answered before its sync; after a failed one everything is answered `Fatal`.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use entity::ShardId;
use ports::{Admission, AppendError, Frame, StoreError, Tail};
use tokio::sync::{mpsc, oneshot};

use crate::acked::Acked;
use crate::frames;
use crate::limits::ROUND_BYTES_MAX;
use crate::log::Log;
use crate::log::format::Builder;
use crate::log::writer::Writer;
use crate::shared::{Shared, append_fatal, fatal};

type Reply<T, E> = oneshot::Sender<Result<T, E>>;

/// Something to commit.
pub(crate) enum Job {
    /// A group of frames.
    Append { group: Arc<Vec<Frame>>, reply: Reply<(), AppendError> },
    /// Raise a shard's epoch.
    Claim { shard: ShardId, reply: Reply<Tail, StoreError> },
    /// Finish what came before and end.
    Close,
}

/// An answer that waits for the sync.
enum Waiting {
    Append(Reply<(), AppendError>),
    Claim(Reply<Tail, StoreError>, Tail),
}

/// The jobs of one sync, and of the next one after it.
struct Round {
    batch: Builder,
    /// Tails after the round, of the shards that it touches.
    tails: BTreeMap<ShardId, Tail>,
    waiting: Vec<Waiting>,
}

/// The thread's state.
pub(crate) struct Committer {
    pub(crate) log: Arc<Log>,
    pub(crate) writer: Writer,
    pub(crate) shared: Arc<Shared>,
    pub(crate) acked: Acked,
    pub(crate) jobs: mpsc::Receiver<Job>,
}

impl Committer {
    /// Runs until it is closed or nobody can send any more.
    pub(crate) fn run(mut self) {
        // A panic here must not look like a slow disk.
        let guard = FatalOnPanic(Arc::clone(&self.shared));
        let mut round = Round::new();
        let mut carried = None;
        let mut is_open = true;
        while is_open {
            let Some(first) = carried.take().or_else(|| self.jobs.blocking_recv()) else { break };
            let mut next = Some(first);
            while let Some(job) = next.take() {
                if matches!(job, Job::Close) {
                    is_open = false;
                    break;
                }
                carried = self.stage(&mut round, job);
                if carried.is_none() && round.batch.len() < ROUND_BYTES_MAX {
                    next = self.jobs.try_recv().ok();
                }
            }
            self.commit(&mut round);
        }
        drop(guard);
    }

    /// Takes a job into the round, or refuses it at once. Returns it when it has to wait for the
    /// next round, since one before it touches the same shard.
    fn stage(&self, round: &mut Round, job: Job) -> Option<Job> {
        if self.shared.is_fatal() {
            refuse(job);
            return None;
        }
        match job {
            Job::Append { group, reply } => {
                if group.iter().any(|frame| round.tails.contains_key(&frame.header.shard)) {
                    return Some(Job::Append { group, reply });
                }
                let staged =
                    self.admit(&group).and_then(|new| self.stage_frames(round, &group, &new));
                match staged {
                    Ok(()) => round.waiting.push(Waiting::Append(reply)),
                    // The caller may have gone; then nobody needs the answer.
                    Err(error) => drop(reply.send(Err(error))),
                }
            }
            Job::Claim { shard, reply } => {
                if round.tails.contains_key(&shard) {
                    return Some(Job::Claim { shard, reply });
                }
                match self.shared.tail(shard) {
                    Ok(tail) => {
                        let tail = Tail { epoch: tail.epoch + 1, ..tail };
                        round.batch.push_epoch(shard, tail.epoch);
                        round.tails.insert(shard, tail);
                        round.waiting.push(Waiting::Claim(reply, tail));
                    }
                    Err(error) => drop(reply.send(Err(error))),
                }
            }
            Job::Close => {}
        }
        None
    }

    /// Checks a whole group; says which of its frames are to be written.
    fn admit(&self, group: &[Frame]) -> Result<Vec<bool>, AppendError> {
        let mut new = Vec::with_capacity(group.len());
        for (index, frame) in group.iter().enumerate() {
            let shard = frame.header.shard;
            let tail = self.shared.tails().get(shard.0 as usize).copied();
            let broken = |tail: Tail| AppendError::Broken { shard, expected: tail.next_commit };
            let tail = tail.ok_or_else(|| broken(Tail::EMPTY))?;
            if group[..index].iter().any(|earlier| earlier.header.shard == shard) {
                return Err(broken(tail));
            }
            new.push(match tail.admit(frame)? {
                Admission::Next => true,
                Admission::Present => false,
                Admission::Compare => {
                    let commit_no = frame.header.commit_no;
                    let stored = frames::read(&self.log, shard, commit_no, commit_no + 1, 0)
                        .map_err(|error| AppendError::Unknown(error.to_string()))?;
                    if stored.first().is_none_or(|stored| stored.crc != frame.crc) {
                        return Err(broken(tail));
                    }
                    false
                }
            });
        }
        Ok(new)
    }

    /// Takes the new frames of a group into the round: all, or none where one cannot be sealed.
    fn stage_frames(
        &self,
        round: &mut Round,
        group: &[Frame],
        new: &[bool],
    ) -> Result<(), AppendError> {
        let mark = round.batch.mark();
        let new = || group.iter().zip(new).filter(|(_, new)| **new).map(|(frame, _)| frame);
        for frame in new() {
            let (shard, commit_no) = (frame.header.shard, frame.header.commit_no);
            let pushed = round.batch.seal_frame(shard, commit_no, |out| frames::seal(frame, out));
            if pushed.is_err() {
                round.batch.cut(mark);
                return Err(AppendError::Broken { shard, expected: commit_no });
            }
        }
        for frame in new() {
            let shard = frame.header.shard;
            let tail = self.shared.tails()[shard.0 as usize];
            round.tails.insert(shard, tail.after(frame));
        }
        Ok(())
    }

    /// Makes the round durable, answers, and empties it.
    fn commit(&mut self, round: &mut Round) {
        let ends = std::mem::take(&mut round.tails);
        if !round.batch.is_empty() {
            match self.write(&mut round.batch) {
                Err(error) => {
                    tracing::error!(%error, "commit failed");
                    self.shared.set_fatal();
                }
                Ok(number) => {
                    let mut tails = self.shared.tails();
                    for (shard, tail) in ends {
                        tails[shard.0 as usize] = tail;
                    }
                    drop(tails);
                    if let Err(error) = self.acked.write(number) {
                        tracing::warn!(%error, "the number of the last commit could not be noted");
                    }
                }
            }
        }
        round.batch.clear();
        let is_fatal = self.shared.is_fatal();
        for waiting in round.waiting.drain(..) {
            waiting.answer(is_fatal);
        }
    }

    fn write(&mut self, batch: &mut Builder) -> io::Result<u64> {
        #[cfg(test)]
        if self.shared.fail_commit.swap(false, std::sync::atomic::Ordering::SeqCst) {
            return Err(io::Error::other("asked to fail"));
        }
        self.writer.append(batch)
    }
}

impl Round {
    fn new() -> Self {
        Self { batch: Builder::new(), tails: BTreeMap::new(), waiting: Vec::new() }
    }
}

impl Waiting {
    fn answer(self, is_fatal: bool) {
        // A caller may have gone; then nobody needs the answer.
        match self {
            Self::Append(reply) => {
                drop(reply.send(if is_fatal { Err(append_fatal()) } else { Ok(()) }));
            }
            Self::Claim(reply, tail) => {
                drop(reply.send(if is_fatal { Err(fatal()) } else { Ok(tail) }));
            }
        }
    }
}

fn refuse(job: Job) {
    match job {
        Job::Append { reply, .. } => drop(reply.send(Err(append_fatal()))),
        Job::Claim { reply, .. } => drop(reply.send(Err(fatal()))),
        Job::Close => {}
    }
}

/// Declares the store failed when the thread that holds it panics.
pub(crate) struct FatalOnPanic(pub(crate) Arc<Shared>);

impl Drop for FatalOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.set_fatal();
        }
    }
}
