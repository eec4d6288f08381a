//! Rows at hand while events are projected: what was changed and not written yet, and a bounded
//! memory of what was read or written lately.
//!
//! What is not written yet is never forgotten, so a projection always sees its own changes. The
//! memory has two ages: a full young one becomes the old one, and what the old one held and nobody
//! asked for since is dropped. That is O(1) and keeps the rows of entities that are in motion.

use std::collections::BTreeMap;

use ports::limits::VIEW_ROW_BYTES_MAX;
use ports::{ViewRow, ViewWrite};
use rustc_hash::FxHashMap;

use super::limits;

/// A row that has to be read from the store first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("row not at hand")]
pub struct NotAtHand;

/// What a projection sees of its view.
pub trait RowReader {
    /// A row as the events so far left it; `None`: there is none.
    ///
    /// Errors: it is not at hand. Hand the error on; the same event comes again when it is.
    fn row(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, NotAtHand>;
}

type Row = Option<Vec<u8>>;

/// Rows by key; `None`: known not to be there.
#[derive(Debug, Default)]
struct Age {
    rows: FxHashMap<Vec<u8>, Row>,
    n_bytes: usize,
}

/// The rows at hand of one view.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// Changes of the frame that is being projected.
    frame: BTreeMap<Vec<u8>, Row>,
    /// Changes of frames before it.
    changed: BTreeMap<Vec<u8>, Row>,
    young: Age,
    old: Age,
    /// What was asked for and is not at hand.
    wanted: Option<Vec<u8>>,
}

impl Rows {
    /// The row that the last event asked for in vain.
    pub(super) fn take_wanted(&mut self) -> Option<Vec<u8>> {
        self.wanted.take()
    }

    /// Remembers a row of the store.
    pub(super) fn remember(&mut self, key: Vec<u8>, row: Row) {
        self.young.n_bytes += key.len() + row.as_ref().map_or(0, Vec::len) + 64;
        self.young.rows.insert(key, row);
        if self.young.n_bytes > limits::CACHE_BYTES_MAX {
            self.old = std::mem::take(&mut self.young);
        }
    }

    /// Changes rows, as a part of the present frame.
    pub(super) fn change(&mut self, writes: Vec<ViewWrite>) {
        for write in writes {
            let (key, row) = match write {
                ViewWrite::Put(ViewRow { key, value }) => (key, Some(value)),
                ViewWrite::Delete(key) => (key, None),
            };
            let n_bytes = row.as_ref().map_or(0, Vec::len);
            assert!(n_bytes <= VIEW_ROW_BYTES_MAX, "I10: a row of {n_bytes} bytes");
            assert!(key.first().is_some_and(|first| *first < 0xFF), "a key begins below 0xFF");
            self.frame.insert(key, row);
        }
    }

    /// The frame is over: its changes are to be written.
    pub(super) fn frame_over(&mut self) {
        self.changed.append(&mut self.frame);
    }

    /// The frame cannot be projected: nothing of it is to be written.
    pub(super) fn frame_failed(&mut self) {
        self.frame.clear();
    }

    /// Forgets everything, also what is to be written: others may have written it.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// How many rows are to be written.
    pub(super) fn n_changed(&self) -> usize {
        self.changed.len()
    }

    /// What is to be written: the last state of each row.
    pub(super) fn writes(&self) -> Vec<ViewWrite> {
        let write = |(key, row): (&Vec<u8>, &Row)| match row {
            Some(value) => ViewWrite::Put(ViewRow { key: key.clone(), value: value.clone() }),
            None => ViewWrite::Delete(key.clone()),
        };
        self.changed.iter().map(write).collect()
    }

    /// It was written.
    pub(super) fn written(&mut self) {
        for (key, row) in std::mem::take(&mut self.changed) {
            self.remember(key, row);
        }
    }

    /// It was not written, and what it came from is projected again.
    pub(super) fn take_back(&mut self) {
        self.frame.clear();
        self.changed.clear();
    }
}

impl RowReader for Rows {
    fn row(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, NotAtHand> {
        let changed = self.frame.get(key).or_else(|| self.changed.get(key));
        if let Some(row) = changed.or_else(|| self.young.rows.get(key)) {
            return Ok(row.clone());
        }
        if let Some((key, row)) = self.old.rows.remove_entry(key) {
            self.remember(key, row.clone());
            return Ok(row);
        }
        self.wanted = Some(key.to_vec());
        Err(NotAtHand)
    }
}

#[cfg(test)]
mod tests;
