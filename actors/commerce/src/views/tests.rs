//! Views over ordered rows in memory, as a runtime keeps them.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests end at once")]

mod catalogue;
mod orders;
mod paging;
mod sorting;

use std::collections::BTreeMap;

use codec::{Packed, Stored, pack};
use entity::{EntityKey, EventContext, Tenant, Timestamp};

use super::{Listing, Page, Pager, RowChange, Scan};

type FoldFn = fn(&EventContext<'_>, &Packed, Option<&[u8]>) -> Result<Vec<RowChange>, codec::Error>;

/// Folds events of one view.
pub(super) struct Rows {
    pub(super) rows: BTreeMap<Vec<u8>, Vec<u8>>,
    versions: BTreeMap<EntityKey, u64>,
    state_key: fn(&EntityKey) -> Vec<u8>,
    fold: FoldFn,
}

pub(super) fn tenant() -> Tenant {
    Tenant::new("acme")
}

impl Rows {
    pub(super) fn orders() -> Self {
        let (rows, versions) = (BTreeMap::new(), BTreeMap::new());
        let (state_key, fold) = (super::orders::state_key, super::orders::fold);
        Self { rows, versions, state_key, fold }
    }

    pub(super) fn catalogue() -> Self {
        let (state_key, fold) = (super::catalogue::state_key, super::catalogue::fold);
        Self { state_key, fold, ..Self::orders() }
    }

    /// The next event of an entity; returns how many rows it changed.
    pub(super) fn happen<E: Stored>(&mut self, key: &EntityKey, at: u64, event: &E) -> usize {
        let version = self.versions.entry(key.clone()).or_default();
        *version += 1;
        let ctx = EventContext { key, version: *version, at: Timestamp(at) };
        let state = self.rows.get(&(self.state_key)(key)).filter(|_| *version > 1);
        let state = state.map(Vec::as_slice);
        let changes = (self.fold)(&ctx, &pack(event).unwrap(), state).unwrap();
        let n_changes = changes.len();
        for (key, row) in changes {
            assert!(key[0] < 0xFF, "a key begins below 0xFF");
            match row {
                Some(row) => drop(self.rows.insert(key, row)),
                None => assert!(self.rows.remove(&key).is_some(), "no row to take out"),
            }
        }
        n_changes
    }

    pub(super) fn scan(&self, scan: &Scan) -> Vec<(Vec<u8>, Vec<u8>)> {
        let range = self.rows.range(scan.from.clone()..scan.to.clone());
        let row = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
        match scan.backward {
            false => range.take(scan.limit).map(row).collect(),
            true => range.rev().take(scan.limit).map(row).collect(),
        }
    }

    pub(super) fn page<L: Listing>(
        &self,
        listing: L,
        limit: usize,
        after: Option<&[u8]>,
    ) -> Page<L::Row> {
        let mut pager = Pager::new(listing, limit, after);
        for _ in 0..10_000 {
            let Some(scan) = pager.scan() else { return pager.page() };
            pager.feed(self.scan(&scan)).unwrap();
        }
        panic!("the pager asks for ever");
    }

    /// All pages of `limit`, one after another.
    pub(super) fn pages<L: Listing + Clone>(&self, listing: &L, limit: usize) -> Vec<Page<L::Row>> {
        let mut pages = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.page(listing.clone(), limit, after.as_deref());
            after = page.next.clone();
            pages.push(page);
            if after.is_none() {
                return pages;
            }
        }
    }
}

/// Bytes in hexadecimal, a line for each 40 of them.
fn hex(bytes: &[u8]) -> String {
    let lines = bytes.chunks(40).map(|line| line.iter().map(|b| format!("{b:02x}")).collect());
    lines.collect::<Vec<String>>().join("\n      ")
}
