//! Read models of the shop: what is listed, as pure functions of events.
//!
//! A view is a name, a version, the kinds that it takes, and a fold: an event and the entity's row
//! of state give changed rows. A runtime keeps the rows and their order; nothing here reads or
//! writes any. [`Pager`] says which rows a page needs and makes the page of them.
//! Guarantees: keys sort byte-wise as lists do, newest first; no key of one tenant lies between
//! two of another. A list lags behind its entities and shows ids and words; whoever needs the
//! whole entity, or must not act on old words, asks the entity.

pub mod catalogue;
pub mod orders;
mod pager;
mod sort;

pub use pager::{Entry, Listing, Page, Pager, SCANNED_MAX, Scan, Sort};

/// A row by its key: its new content, or `None` to take it out.
pub type RowChange = (Vec<u8>, Option<Vec<u8>>);

/// Changes that lead from the rows under `before` to `row` under `after`, without touching rows
/// that stay the same.
fn moved(before: &[Vec<u8>], after: Vec<Vec<u8>>, row: &[u8]) -> Vec<RowChange> {
    let left = before.iter().filter(|key| !after.contains(key));
    let mut changes: Vec<RowChange> = left.map(|key| (key.clone(), None)).collect();
    changes.extend(after.into_iter().map(|key| (key, Some(row.to_vec()))));
    changes
}

#[cfg(test)]
mod tests;
