//! Where everything is: frames by shard and commit, values by name, epochs. In memory.
//!
//! Of a finished segment only the commits that it spans are kept here (12 bytes a shard); where
//! its frames begin stands in a file beside it ([`super::sealed`]).

use std::collections::BTreeMap;

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
    pub(crate) state: State,
}

/// What is not in one segment: the newest epochs and values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) epochs: Vec<u64>,
    pub(crate) values: BTreeMap<String, Place>,
}

/// Where frames are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frames {
    /// Here, in order.
    At(u64, Vec<Extent>),
    /// `n` of them from the `from`-th extent on in the index file of this segment.
    Sealed { segment: u64, from: u64, n: u32 },
    /// There is no such commit.
    Missing,
}

/// All segments.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) segments: Vec<Segment>,
    pub(crate) state: State,
}

/// A frame is not the one behind its shard's last one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Gap;

impl Index {
    pub(crate) fn new(n_shards: u16) -> Self {
        let state = State { epochs: vec![0; n_shards as usize], values: BTreeMap::new() };
        Self { segments: Vec::new(), state }
    }

    /// Notes where the last segment ends, if its index file is still to be written.
    fn finish(&mut self, last: Last) {
        if let Some(segment) = self.segments.last_mut().filter(|last| last.extents.is_some()) {
            segment.end = Some(End { last, state: self.state.clone() });
        }
    }

    /// Takes a segment in that has an index file and stands behind this batch.
    pub(crate) fn push_sealed(&mut self, last: Last, segment: Segment, state: State) {
        self.finish(last);
        self.segments.push(segment);
        self.state = state;
    }

    /// Begins a segment behind this batch.
    pub(crate) fn begin(&mut self, last: Last) {
        self.finish(last);
        let n_shards = self.state.epochs.len();
        let spans = match self.segments.last() {
            None => vec![Span { first: 1, n: 0 }; n_shards],
            Some(before) => {
                let next = |span: &Span| Span { first: span.first + u64::from(span.n), n: 0 };
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
                let known = self.state.epochs.get_mut(shard.0 as usize).ok_or(Gap)?;
                *known = epoch.max(*known);
            }
            Entry::Value { name, at, len } => {
                let place = Place { segment: segment.first, at: base + at, len };
                self.state.values.insert(name, place);
            }
        }
        Ok(())
    }

    /// The oldest finished segment that has no index file yet.
    pub(crate) fn unsealed(&self) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.end.is_some())
    }

    /// The index file of the segment that begins with this batch was written.
    pub(crate) fn sealed(&mut self, first: u64) {
        let at = self.segments.binary_search_by_key(&first, |segment| segment.first);
        let segment = &mut self.segments[at.expect("segments stay")];
        (segment.extents, segment.end) = (None, None);
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
        let n = n_max.min(span.n - skip);
        if let Some(extents) = &segment.extents {
            let range = skip as usize..(skip + n) as usize;
            return Frames::At(segment.first, extents[shard][range].to_vec());
        }
        let before: u64 = segment.spans[..shard].iter().map(|span| u64::from(span.n)).sum();
        Frames::Sealed { segment: segment.first, from: before + u64::from(skip), n }
    }
}

#[cfg(test)]
mod tests;
