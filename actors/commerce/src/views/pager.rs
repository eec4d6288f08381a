//! Pages of a list: which rows to read, and the page that they make.
//!
//! A list stands in one or several ranges that end in the same order (time, id), say one per
//! status; a pager merges them. It asks for scans until the page is full or the ranges end, and
//! gives a position behind the page from which the next pager goes on. Bounded: at most
//! [`SCANNED_MAX`] rows a page, whatever the filter; such a page may be short and says that more
//! may follow. A row that moves between two ranges while it is paged may be missed or seen twice,
//! never twice in one page.

use std::collections::VecDeque;

use entity::Timestamp;

use super::sort;

/// Rows that one page looks at, at the most.
///
/// Ten thousand rows of 200 bytes are 2 MB and some 10 ms of reading.
pub const SCANNED_MAX: usize = 10_000;

/// Rows that one scan asks for when a filter may leave some of them out.
const FILTERED_SCAN: usize = 256;

/// The order of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// `-created`.
    #[default]
    NewestFirst,
    /// `created`.
    OldestFirst,
}

/// What is listed.
pub trait Listing {
    /// A row of the list.
    type Row;

    /// Where the ranges begin: all of a row's key that stands before its time. Without repeats.
    fn prefixes(&self) -> Vec<Vec<u8>>;

    /// The earliest and the latest time that is listed, both included.
    fn times(&self) -> (Timestamp, Timestamp);

    /// The order.
    fn sort(&self) -> Sort;

    /// Reads a row. Errors: it is not one.
    fn read(&self, value: &[u8]) -> Result<Self::Row, codec::Error>;

    /// Whether a row of the ranges is listed.
    fn wants(&self, row: &Self::Row) -> bool;

    /// Whether [`Self::wants`] is likely to leave rows out.
    fn is_filtered(&self) -> bool;
}

/// Rows to be read: `from <= key < to`, at most `limit`; `backward`: the greatest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// The first key.
    pub from: Vec<u8>,
    /// The key after the last.
    pub to: Vec<u8>,
    /// The greatest first.
    pub backward: bool,
    /// How many.
    pub limit: usize,
}

/// A listed row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<R> {
    /// Where it stands in the order of the list: time and id.
    pub position: Vec<u8>,
    /// What it holds.
    pub row: R,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<R> {
    /// In order.
    pub entries: Vec<Entry<R>>,
    /// The position behind which the next page begins; `None`: this is the last one.
    pub next: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Range {
    prefix: Vec<u8>,
    from: Vec<u8>,
    to: Vec<u8>,
    /// Read and not merged: position and value.
    rows: VecDeque<(Vec<u8>, Vec<u8>)>,
    is_over: bool,
}

/// Makes one page.
#[derive(Debug)]
pub struct Pager<L: Listing> {
    listing: L,
    limit: usize,
    ranges: Vec<Range>,
    found: Vec<Entry<L::Row>>,
    n_scanned: usize,
    last: Option<Vec<u8>>,
}

impl<L: Listing> Pager<L> {
    /// A page of at most `limit` entries behind the position `after`.
    pub fn new(listing: L, limit: usize, after: Option<&[u8]>) -> Self {
        let range = |prefix: Vec<u8>| range(prefix, listing.times(), listing.sort(), after);
        let ranges = listing.prefixes().into_iter().map(range).collect();
        let after = after.map(<[u8]>::to_vec);
        Self { listing, limit, ranges, found: Vec::new(), n_scanned: 0, last: after }
    }

    /// The rows to read next; `None`: the page is made.
    pub fn scan(&self) -> Option<Scan> {
        if self.is_full() {
            return None;
        }
        let range = self.ranges.iter().find(|range| range.wants_rows())?;
        let backward = self.listing.sort() == Sort::OldestFirst;
        let (from, to) = (range.from.clone(), range.to.clone());
        Some(Scan { from, to, backward, limit: self.scan_limit() })
    }

    /// Takes the rows of the last [`Self::scan`]. Errors: a row that is none.
    pub fn feed(
        &mut self,
        rows: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>,
    ) -> Result<(), codec::Error> {
        let (sort, limit) = (self.listing.sort(), self.scan_limit());
        let Some(range) = self.ranges.iter_mut().find(|range| range.wants_rows()) else {
            return Ok(());
        };
        let mut n_rows = 0_usize;
        for (key, value) in rows {
            n_rows = n_rows.saturating_add(1);
            let position = key.get(range.prefix.len()..).unwrap_or_default().to_vec();
            range.rows.push_back((position, value));
            match sort {
                Sort::NewestFirst => range.from = just_after(key),
                Sort::OldestFirst => range.to = key,
            }
        }
        range.is_over = n_rows < limit;
        self.merge()
    }

    /// The page of what was read.
    #[must_use]
    pub fn page(mut self) -> Page<L::Row> {
        let has_more = self.found.len() > self.limit;
        self.found.truncate(self.limit);
        let next = if has_more {
            self.found.last().map(|entry| entry.position.clone())
        } else {
            self.last.filter(|_| self.n_scanned >= SCANNED_MAX)
        };
        Page { entries: self.found, next }
    }

    fn is_full(&self) -> bool {
        self.found.len() > self.limit || self.n_scanned >= SCANNED_MAX
    }

    /// One more than the page holds tells whether there are more.
    fn scan_limit(&self) -> usize {
        let page = self.limit.saturating_add(1);
        if self.listing.is_filtered() { page.max(FILTERED_SCAN) } else { page }
    }

    /// Takes rows in order as long as every range shows its next one.
    fn merge(&mut self) -> Result<(), codec::Error> {
        let sort = self.listing.sort();
        while !self.is_full() && !self.ranges.iter().any(Range::wants_rows) {
            let heads = self.ranges.iter_mut().filter(|range| !range.rows.is_empty());
            let position = |range: &&mut Range| range.rows.front().map(|row| row.0.clone());
            let first = match sort {
                Sort::NewestFirst => heads.min_by_key(position),
                Sort::OldestFirst => heads.max_by_key(position),
            };
            let Some((position, value)) = first.and_then(|range| range.rows.pop_front()) else {
                return Ok(());
            };
            self.n_scanned = self.n_scanned.saturating_add(1);
            if self.last.as_ref() == Some(&position) {
                continue; // It moved to another range between two scans.
            }
            let row = self.listing.read(&value)?;
            if self.listing.wants(&row) {
                self.found.push(Entry { position: position.clone(), row });
            }
            self.last = Some(position);
        }
        Ok(())
    }
}

impl Range {
    fn wants_rows(&self) -> bool {
        self.rows.is_empty() && !self.is_over
    }
}

/// Times are inverted in keys: the latest time is the lower end.
fn range(
    prefix: Vec<u8>,
    (earliest, latest): (Timestamp, Timestamp),
    sort: Sort,
    after: Option<&[u8]>,
) -> Range {
    let with = |tail: &[u8]| [prefix.as_slice(), tail].concat();
    let mut from = with(&sort::inverted(latest));
    let mut to = sort::after_all(&with(&sort::inverted(earliest))).unwrap_or_else(|| vec![0xFF]);
    match (sort, after) {
        (Sort::NewestFirst, Some(after)) => from = from.max(just_after(with(after))),
        (Sort::OldestFirst, Some(after)) => to = to.min(with(after)),
        (Sort::NewestFirst | Sort::OldestFirst, None) => {}
    }
    let is_over = from >= to;
    Range { prefix, from, to, rows: VecDeque::new(), is_over }
}

/// The least key above `key`.
fn just_after(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}
