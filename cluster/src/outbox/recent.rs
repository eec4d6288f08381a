//! The newest durable frames in memory: what relay and projections read when they keep up.
//!
//! Only what the committer has told to be durable comes in, so nothing is
//! seen here before its sync (I4), and frames of a shard lie here without gaps (I2): those of an
//! earlier tenure go when others committed after them. It is
//! bounded by bytes; whoever falls behind its oldest frame reads the store. Records come as they
//! were staged, so nobody decodes them. It is no copy of the journal: a start finds it empty.

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

/// The newest frames of all shards.
#[derive(Debug)]
pub(crate) struct Recent {
    shards: Vec<VecDeque<Arc<DurableFrame>>>,
    /// Shards of all frames, oldest frame first.
    order: VecDeque<ShardId>,
    n_bytes: usize,
    bytes_max: usize,
}

impl Recent {
    /// Room for frames whose payloads take `bytes_max` together.
    pub(crate) const fn new(bytes_max: usize) -> Self {
        Self { shards: Vec::new(), order: VecDeque::new(), n_bytes: 0, bytes_max }
    }

    /// Takes a frame of a durable group, lets the oldest frames go.
    pub(crate) fn push(&mut self, group: &Arc<Vec<Frame>>, index: usize, records: Vec<StepRecord>) {
        let header = &group[index].header;
        let (shard, at) = (header.shard, usize::from(header.shard.0));
        if self.shards.len() <= at {
            self.shards.resize_with(at + 1, VecDeque::new);
        }
        if let Some(last) = self.shards[at].back().map(|last| &last.frame().header) {
            let (epoch, next) = (last.epoch, last.commit_no + 1);
            if header.commit_no > next && header.epoch > epoch {
                // Other nodes owned the shard in between.
                self.forget(shard);
            } else {
                assert_eq!(header.commit_no, next, "I2: a durable frame is missing");
            }
        }
        debug_assert_eq!(group[index].records().as_ref(), Ok(&records), "as they were staged");
        let group = Arc::clone(group);
        let frame = DurableFrame { group, index, records };
        self.n_bytes += bytes(&frame);
        self.shards[at].push_back(Arc::new(frame));
        self.order.push_back(shard);
        while self.n_bytes > self.bytes_max
            && let Some(shard) = self.order.pop_front()
        {
            let oldest = self.shards[usize::from(shard.0)].pop_front();
            self.n_bytes -= bytes(&oldest.expect("the order names each frame once"));
        }
    }

    /// Lets all frames of a shard go. O(frames).
    fn forget(&mut self, shard: ShardId) {
        let gone: usize = self.shards[usize::from(shard.0)].drain(..).map(|f| bytes(&f)).sum();
        self.n_bytes -= gone;
        self.order.retain(|of| *of != shard);
    }

    /// The frames of a shard from commit `from` on, until `max_bytes` of payload are together, at
    /// least one; `None` when that commit is not (or no longer) here.
    pub(crate) fn read(
        &self,
        shard: ShardId,
        from: u64,
        max_bytes: usize,
    ) -> Option<Vec<Arc<DurableFrame>>> {
        let frames = self.shards.get(usize::from(shard.0))?;
        let first = frames.front()?.frame().header.commit_no;
        let skip = usize::try_from(from.checked_sub(first)?).ok()?;
        let mut n_bytes = 0;
        let read: Vec<_> = frames
            .iter()
            .skip(skip)
            .take_while(|frame| {
                let fits = n_bytes < max_bytes;
                n_bytes += frame.frame().payload.len();
                fits
            })
            .cloned()
            .collect();
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
