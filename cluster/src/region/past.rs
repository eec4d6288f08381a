//! What leads to a version of an entity, and the entity folded from it.
//!
//! Guarantees: nothing of a fold is kept when it panics, and a long one lets others run. Does not
//! read: the records come from the journal's chain (`history.rs`).

use std::panic::{AssertUnwindSafe, catch_unwind};

use entity::{Cell, EntityKey, EntityType, Snapshot, StepRecord};

use crate::limits;

/// An entity as it was at a version.
pub struct AsOf {
    /// The entity; `None`: this build cannot fold it, or panics over it.
    pub cell: Option<Box<dyn Cell>>,
    /// Its newest records before that version, newest first.
    pub records: Vec<StepRecord>,
}

/// What an entity is folded from.
pub(super) struct Past {
    /// Where it begins; `None`: with nothing.
    pub(super) base: Option<Snapshot>,
    /// Records, oldest first: all after the base, and maybe some that it holds.
    pub(super) records: Vec<StepRecord>,
}

impl Past {
    /// The newest records, newest first.
    pub(super) fn newest(&self, n_records: usize) -> Vec<StepRecord> {
        self.records.iter().rev().take(n_records).cloned().collect()
    }

    /// The entity at `version`; `None`: a record or the base cannot be read. O(records).
    pub(super) async fn fold(
        self,
        kind: &EntityType,
        key: &EntityKey,
        version: u64,
    ) -> Option<Box<dyn Cell>> {
        let Self { base, records } = self;
        let mut cell = unless_it_panics(|| match &base {
            Some(base) => (kind.restore)(key, base).ok(),
            None => Some((kind.initial)(key)),
        })?;
        let mut left = records.into_iter().take_while(move |record| record.version < version);
        loop {
            let some: Vec<StepRecord> = left.by_ref().take(limits::FOLD_YIELD_RECORDS).collect();
            let is_last = some.len() < limits::FOLD_YIELD_RECORDS;
            cell = unless_it_panics(move || go_on(cell, some, version))?;
            if is_last {
                return Some(cell);
            }
            tokio::task::yield_now().await;
        }
    }
}

/// The entity after more records, no further than `version`.
fn go_on(mut cell: Box<dyn Cell>, records: Vec<StepRecord>, version: u64) -> Option<Box<dyn Cell>> {
    for mut record in records {
        if record.version < cell.version() {
            continue; // The base holds it.
        }
        let room = usize::try_from(version - record.version).unwrap_or(usize::MAX);
        record.events.truncate(room);
        let replayed = cell.replay(&record).inspect_err(|error| {
            tracing::error!(key = %record.key, ?error, "a record of the journal is not readable");
        });
        replayed.ok()?;
    }
    Some(cell)
}

/// An entity may be in quarantine because it panics just here.
fn unless_it_panics<T>(work: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok().flatten()
}
