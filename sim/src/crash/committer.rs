//! The committer of the harness: takes a group, appends it, tells the cores.
//!
//! As `cluster::log::Committer`, but each of its steps is one of the world, with a boundary after
//! each: the append may be lost or applied, and the watermark may reach some cores and not others.

use std::sync::Arc;

use cluster::log::Lsn;
use cluster::shard::Input;
use entity::ShardId;
use ports::memory::AppendFault;
use ports::{AppendError, Frame, Journal};

use super::journal::ready;
use super::plan::Canary;
use super::world::{Crashed, World};
use crate::random::{Stream, percent};

/// A group on its way to the journal.
pub(super) struct Flying {
    frames: Arc<Vec<Frame>>,
    last_lsn: Lsn,
    /// The witness has seen it applied, though the committer was not told so.
    applied: bool,
}

impl World {
    pub(super) fn take(&mut self, log: usize) {
        let taken = self.logs[log].take().expect("listed when a group waits and none flies");
        self.flying[log] = Some(Flying {
            frames: Arc::new(taken.frames),
            last_lsn: taken.last_lsn,
            applied: false,
        });
        if self.canary(Canary::MarkApart) {
            for shard in self.shards() {
                self.with_env(shard, |env, _| env.stage_apart());
            }
        }
    }

    pub(super) fn append(&mut self, log: usize) -> Result<(), Crashed> {
        let mut flying = self.flying[log].take().expect("listed when a group flies");
        if self.dead_since.is_some() {
            // The sync failed. Whether the bytes reached the disk nobody knows; here they did not.
            return Ok(());
        }
        let bits = self.draw(Stream::Fault, 1_000);
        if self.faulty() && percent(bits, 6) {
            let applied = percent(bits.rotate_left(16), 50);
            self.probes.hit("append of unknown outcome");
            self.store.inject(match applied {
                true => AppendFault::UnknownApplied,
                false => AppendFault::UnknownNotApplied,
            });
        }
        let first = flying.frames[0].header.shard;
        self.boundary(first)?;
        if self.dead_since.is_some() {
            return Ok(());
        }
        match ready(self.store.append(Arc::clone(&flying.frames))) {
            Ok(()) => {}
            Err(AppendError::Unknown(_)) => {
                if self.stored(&flying.frames) && !flying.applied {
                    flying.applied = true;
                    let seen = self.witness.append(&flying.frames);
                    self.witnessed(seen);
                }
                self.flying[log] = Some(flying);
                return self.boundary(first);
            }
            Err(error) => {
                self.violation(format!("append refused: {error}"));
                return Ok(());
            }
        }
        self.probes.hit("commit");
        if !flying.applied {
            let seen = self.witness.append(&flying.frames);
            self.witnessed(seen);
        }
        self.boundary(first)?;
        let lsn = self.logs[log].committed(flying.last_lsn);
        let shards: Vec<ShardId> = flying.frames.iter().map(|frame| frame.header.shard).collect();
        for shard in shards {
            self.boundary(shard)?;
            if !self.canary(Canary::ReplyBeforeCommit) {
                self.host(shard).inbox.push_back(Input::Durable(lsn));
            }
            self.release_withheld(shard, lsn);
        }
        self.boundary(first)
    }

    fn stored(&self, frames: &[Frame]) -> bool {
        frames.iter().all(|frame| {
            let tail = ready(self.store.tail(frame.header.shard)).expect("the model answers");
            tail.next_commit > frame.header.commit_no
        })
    }
}
