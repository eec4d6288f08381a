//! The newest durable frames in memory: what relay and projections read when they keep up.
//!
//! Only what the committer has told to be durable comes in, so nothing is
//! seen here before its sync (I4), and frames of a shard lie here without gaps (I2): those of an
//! earlier tenure go when others committed after them. A frame goes when it was read as often as
//! there are readers, and it is bounded by bytes; whoever falls behind its oldest frame, or reads
//! again, reads the store. Records come as they were staged, so nobody decodes them. It is no copy
//! of the journal: a start finds it empty.

use std::collections::VecDeque;
use std::sync::Arc;

use entity::{ShardId, StepRecord};
use ports::Frame;

use super::limits;

/// A durable frame of a group, with its records.
#[derive(Debug)]
pub struct DurableFrame {
    group: Arc<Vec<Frame>>,
    index: usize,
    records: Vec<StepRecord>,
}

impl DurableFrame {
    /// The frame.
    #[must_use]
    pub fn frame(&self) -> &Frame {
        &self.group[self.index]
    }

    /// Its records, in order: what its payload decodes to.
    #[must_use]
    pub fn records(&self) -> &[StepRecord] {
        &self.records
    }
}

/// A frame that not all have read.
#[derive(Debug)]
struct Kept {
    frame: Arc<DurableFrame>,
    n_reads: usize,
}

impl Kept {
    fn commit_no(&self) -> u64 {
        self.frame.frame().header.commit_no
    }
}

/// The newest frames of a shard.
#[derive(Debug, Default)]
struct OfShard {
    frames: VecDeque<Kept>,
    /// Epoch and commit of the last one that came, read or not.
    newest: Option<(u64, u64)>,
}

/// The newest frames of all shards.
#[derive(Debug)]
pub(crate) struct Recent {
    shards: Vec<OfShard>,
    /// Shard, commit and bytes of the frames since the oldest one that is kept, read or not: a
    /// kept frame holds its whole group in memory.
    order: VecDeque<(ShardId, u64, usize)>,
    n_readers: usize,
    /// Of all in `order`.
    n_bytes: usize,
    bytes_max: usize,
}

impl Recent {
    /// Room for frames whose payloads take `bytes_max` together.
    pub(crate) const fn new(bytes_max: usize) -> Self {
        Self { shards: Vec::new(), order: VecDeque::new(), n_readers: 0, n_bytes: 0, bytes_max }
    }

    /// One reader more, who will read each frame from now on once.
    pub(crate) const fn reader_came(&mut self) {
        self.n_readers += 1;
    }

    /// One reader less.
    pub(crate) const fn reader_left(&mut self) {
        self.n_readers -= 1;
    }

    /// Takes a frame of a durable group, lets the oldest frames go. Without readers it keeps none.
    pub(crate) fn push(&mut self, group: &Arc<Vec<Frame>>, index: usize, records: Vec<StepRecord>) {
        let header = &group[index].header;
        let (shard, at) = (header.shard, usize::from(header.shard.0));
        if self.shards.len() <= at {
            self.shards.resize_with(at + 1, OfShard::default);
        }
        let commit_no = header.commit_no;
        if let Some((epoch, last)) = self.shards[at].newest.replace((header.epoch, commit_no)) {
            if commit_no > last + 1 && header.epoch > epoch {
                // Other nodes owned the shard in between.
                self.forget(shard);
            } else {
                assert_eq!(commit_no, last + 1, "I2: a durable frame is missing");
            }
        }
        if self.n_readers == 0 {
            // With those of readers who left before they had read them: nothing may be missing.
            return self.forget(shard);
        }
        debug_assert_eq!(group[index].records().as_ref(), Ok(&records), "as they were staged");
        let group = Arc::clone(group);
        let frame = DurableFrame { group, index, records };
        let n_bytes = bytes(&frame);
        self.n_bytes += n_bytes;
        self.shards[at].frames.push_back(Kept { frame: Arc::new(frame), n_reads: 0 });
        self.order.push_back((shard, commit_no, n_bytes));
        while let Some((shard, commit_no, n_bytes)) = self.order.front().copied()
            && (self.n_bytes > self.bytes_max || self.is_gone(shard, commit_no))
        {
            self.order.pop_front();
            self.n_bytes -= n_bytes;
            let frames = &mut self.shards[usize::from(shard.0)].frames;
            frames.pop_front_if(|kept| kept.commit_no() == commit_no);
        }
    }

    fn is_gone(&self, shard: ShardId, commit_no: u64) -> bool {
        let first = self.shards[usize::from(shard.0)].frames.front();
        first.is_none_or(|first| first.commit_no() > commit_no)
    }

    /// Lets all frames of a shard go.
    fn forget(&mut self, shard: ShardId) {
        self.shards[usize::from(shard.0)].frames.clear();
    }

    /// The frames of a shard from commit `from` on, until `max_bytes` of payload are together, at
    /// least one; `None` when that commit is not (or no longer) here.
    pub(crate) fn read(
        &mut self,
        shard: ShardId,
        from: u64,
        max_bytes: usize,
    ) -> Option<Vec<Arc<DurableFrame>>> {
        let frames = &mut self.shards.get_mut(usize::from(shard.0))?.frames;
        let first = frames.front()?.commit_no();
        let skip = usize::try_from(from.checked_sub(first)?).ok()?;
        let mut n_bytes = 0;
        let read: Vec<_> = frames
            .iter_mut()
            .skip(skip)
            .take_while(|kept| {
                let fits = n_bytes < max_bytes;
                n_bytes += kept.frame.frame().payload.len();
                fits
            })
            .map(|kept| {
                kept.n_reads += 1;
                Arc::clone(&kept.frame)
            })
            .collect();
        while frames.pop_front_if(|kept| kept.n_reads >= self.n_readers).is_some() {}
        (!read.is_empty()).then_some(read)
    }
}

/// What a frame holds on the heap, with its records.
fn bytes(frame: &DurableFrame) -> usize {
    let payload = &frame.frame().payload;
    let records = payload.len() * limits::DECODED_FACTOR;
    payload.capacity() + records + size_of::<DurableFrame>() + size_of::<Frame>()
}

#[cfg(test)]
mod tests;
