//! Where frames are, by shard and commit, and epochs. In memory.
//!
//! Of a finished segment only the commits that it spans are kept here (24 bytes a shard); where
//! its frames begin stands in a file beside it ([`super::sealed`]).

use entity::ShardId;

use super::format::{Entry, Last};

/// Bytes of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The number of the segment's first batch.
    pub(crate) segment: u64,
    pub(crate) at: u32,
    pub(crate) len: u32,
}

/// Commits of a shard within a segment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// The first one, or the one that would be.
    pub(crate) first: u64,
    pub(crate) n: u32,
    /// Checksum of where they begin, once the segment has an index file.
    pub(crate) crc: u32,
}

/// Beginning and length of a frame in its segment.
pub(crate) type Extent = (u32, u32);

/// A segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The number of its first batch.
    pub(crate) first: u64,
    pub(crate) spans: Vec<Span>,
    /// Of each shard; `None`: in the file beside it.
    pub(crate) extents: Option<Vec<Vec<Extent>>>,
    /// What its index file is to say, until that is written.
    pub(crate) end: Option<End>,
}

/// The end of a finished segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    /// Its last batch.
    pub(crate) last: Last,
    /// Where it ends.
    pub(crate) at: u64,
    /// The epochs of all shards there.
    pub(crate) epochs: Vec<u64>,
}

/// Where frames are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frames {
    /// Here, in order.
    At(u64, Vec<Extent>),
    /// From the `skip`-th on of those that the index file of a segment has of this span, which
    /// begin behind `before` others.
    Sealed { segment: u64, before: u64, span: Span, skip: u32 },
    /// There is no such commit.
    Missing,
}

/// All segments.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) segments: Vec<Segment>,
    /// The newest of each shard.
    pub(crate) epochs: Vec<u64>,
}

/// A frame is not the one behind its shard's last one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Gap;

impl Index {
    pub(crate) fn new(n_shards: u16) -> Self {
        Self { segments: Vec::new(), epochs: vec![0; n_shards as usize] }
    }

    /// Notes where the last segment ends, if its index file is still to be written.
    fn finish(&mut self, last: Last, at: u64) {
        if let Some(segment) = self.segments.last_mut().filter(|last| last.extents.is_some()) {
            segment.end = Some(End { last, at, epochs: self.epochs.clone() });
        }
    }

    /// Takes a segment in that has an index file and stands behind this batch.
    pub(crate) fn push_sealed(&mut self, last: Last, at: u64, segment: Segment, end: &End) {
        self.finish(last, at);
        self.segments.push(segment);
        self.epochs.clone_from(&end.epochs);
    }

    /// Begins a segment behind this batch, which ends at `at` of the segment before it.
    pub(crate) fn begin(&mut self, last: Last, at: u64) {
        self.finish(last, at);
        let n_shards = self.epochs.len();
        let spans = match self.segments.last() {
            None => vec![Span { first: 1, n: 0, crc: 0 }; n_shards],
            Some(before) => {
                let next =
                    |span: &Span| Span { first: span.first + u64::from(span.n), n: 0, crc: 0 };
                before.spans.iter().map(next).collect()
            }
        };
        let extents = Some(vec![Vec::new(); n_shards]);
        self.segments.push(Segment { first: last.number + 1, spans, extents, end: None });
    }

    /// Takes an entry of the last segment in; `base` is added to its place.
    pub(crate) fn add(&mut self, entry: Entry, base: u32) -> Result<(), Gap> {
        let segment = self.segments.last_mut().expect("a log has a segment");
        match entry {
            Entry::Frame { shard, commit_no, at, len } => {
                let shard = shard.0 as usize;
                let span = segment.spans.get_mut(shard).ok_or(Gap)?;
                if commit_no != span.first + u64::from(span.n) {
                    return Err(Gap);
                }
                span.n += 1;
                let extents = segment.extents.as_mut().expect("the last segment is in memory");
                extents[shard].push((base + at, len));
            }
            Entry::Epoch { shard, epoch } => {
                let known = self.epochs.get_mut(shard.0 as usize).ok_or(Gap)?;
                *known = epoch.max(*known);
            }
        }
        Ok(())
    }

    /// The oldest finished segment that has no index file yet.
    pub(crate) fn unsealed(&self) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.end.is_some())
    }

    /// The index file of the segment that begins with this batch was written: this is its head.
    pub(crate) fn sealed(&mut self, segment: Segment) {
        let first = segment.first;
        *self.segment_mut(first) = segment;
    }

    /// The index file of a segment is not to be used.
    pub(crate) fn unseal(&mut self, first: u64, extents: Vec<Vec<Extent>>) {
        self.segment_mut(first).extents = Some(extents);
    }

    /// The segment that begins with this batch, which there has to be.
    pub(crate) fn segment(&self, first: u64) -> &Segment {
        &self.segments[self.position(first)]
    }

    fn segment_mut(&mut self, first: u64) -> &mut Segment {
        let at = self.position(first);
        &mut self.segments[at]
    }

    fn position(&self, first: u64) -> usize {
        let at = self.segments.binary_search_by_key(&first, |segment| segment.first);
        at.expect("segments stay")
    }

    /// The next commit of a shard.
    pub(crate) fn next_commit(&self, shard: ShardId) -> u64 {
        let last = self.segments.last().and_then(|last| last.spans.get(shard.0 as usize));
        last.map_or(1, |span| span.first + u64::from(span.n))
    }

    /// Where commit `from` is and up to `n_max` behind it, as far as they are in one segment.
    pub(crate) fn frames(&self, shard: ShardId, from: u64, n_max: u32) -> Frames {
        let shard = shard.0 as usize;
        // Of segments without a commit of the shard the last one is found, so never too early.
        let behind = self.segments.partition_point(|segment| {
            segment.spans.get(shard).is_some_and(|span| span.first <= from)
        });
        let Some(segment) = behind.checked_sub(1).map(|at| &self.segments[at]) else {
            return Frames::Missing;
        };
        let span = segment.spans[shard];
        let skip = from - span.first;
        if skip >= u64::from(span.n) {
            return Frames::Missing;
        }
        let skip = u32::try_from(skip).expect("below a u32");
        if let Some(extents) = &segment.extents {
            let range = skip as usize..(skip + n_max.min(span.n - skip)) as usize;
            return Frames::At(segment.first, extents[shard][range].to_vec());
        }
        let before: u64 = segment.spans[..shard].iter().map(|span| u64::from(span.n)).sum();
        Frames::Sealed { segment: segment.first, before, span, skip }
    }
}

#[cfg(test)]
mod tests;
