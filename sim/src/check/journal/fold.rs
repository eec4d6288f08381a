//! Folds: the state of an entity from its first event on, without the runtime's cell (I3).
//!
//! On the way the fold is held against what was stored of it: the snapshot has to be the fold of
//! exactly the records up to it, and the deadline in a record that of the state after it.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use codec::{pack, unpack};
use entity::{Entity, EntityKey, EventContext, IdempotencyWindow, Snapshot};

use super::decoded::{Decoded, Rec, Row};

/// Folds entities and collects what does not fit.
pub(super) struct Folder<'a> {
    decoded: &'a Decoded,
    snapshots: BTreeMap<&'a EntityKey, &'a Snapshot>,
    pub(super) faults: Vec<String>,
    pub(super) n_events: u64,
    pub(super) n_snapshots: u64,
}

impl<'a> Folder<'a> {
    pub(super) fn new(decoded: &'a Decoded, snapshots: &'a [(EntityKey, Snapshot)]) -> Self {
        let snapshots = snapshots.iter().map(|(key, snapshot)| (key, snapshot)).collect();
        Self { decoded, snapshots, faults: Vec::new(), n_events: 0, n_snapshots: 0 }
    }

    /// Folds an entity; `each` sees every event with the state after it.
    pub(super) fn fold<E: Entity>(
        &mut self,
        key: &EntityKey,
        rows: &[Row],
        each: impl FnMut(&EventContext<'_>, &E, &E::Event),
    ) -> E {
        // An entity that panics in replay is a finding, not the end of the check.
        let folded = catch_unwind(AssertUnwindSafe(|| self.fold_rows(key, rows, each)));
        folded.unwrap_or_else(|_| {
            self.faults.push(format!("{key}: its fold panics"));
            E::initial(key)
        })
    }

    fn fold_rows<E: Entity>(
        &mut self,
        key: &EntityKey,
        rows: &[Row],
        mut each: impl FnMut(&EventContext<'_>, &E, &E::Event),
    ) -> E {
        let (mut state, mut version) = (E::initial(key), 0);
        let snapshot = self.snapshots.get(key).copied();
        let mut window = IdempotencyWindow::default();
        let mut stands = snapshot.is_none();
        for row in rows {
            let Rec { commit_no, record, .. } = &self.decoded.records[*row];
            for event in &record.events {
                version += 1;
                match unpack::<E::Event>(event) {
                    Ok(event) => {
                        let ctx = EventContext { key, version, at: record.at };
                        state.evolve(&ctx, &event);
                        each(&ctx, &state, &event);
                    }
                    Err(error) => self.faults.push(format!("{key} at {version}: {error}")),
                }
            }
            if record.deadline != state.next_deadline() {
                let (said, is) = (record.deadline, state.next_deadline());
                self.faults.push(format!("{key} at {version}: deadline {said:?}, folded {is:?}"));
            }
            let Some(snapshot) = snapshot else { continue };
            if let Some((key, kept)) = record.kept.as_deref() {
                window.keep(*key, kept.clone());
            }
            if !stands && snapshot.version == version && snapshot.last_commit == *commit_no {
                stands = is_same(snapshot, &state, &window);
            }
        }
        self.n_events += version;
        self.n_snapshots += u64::from(snapshot.is_some());
        if !stands {
            let at = snapshot.map_or((0, 0), |it| (it.version, it.last_commit));
            self.faults.push(format!("{key}: snapshot {at:?} is not the fold, which is {version}"));
        }
        state
    }
}

fn is_same<E: Entity>(snapshot: &Snapshot, state: &E, window: &IdempotencyWindow) -> bool {
    snapshot.deadline == state.next_deadline()
        && snapshot.idempotency == *window
        && pack(state).is_ok_and(|packed| packed == snapshot.state)
}
