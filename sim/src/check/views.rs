//! The rows of every view, against the fold of the journal.
//!
//! Folded anew with the view's own pure function, in one pass and over maps: what is judged is the
//! runtime around it (places, caches, generations, moves of shards). Up to the place that a view
//! has written of each shard, so that a view may lag; whether it does is asked elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster::projection::{Fold, rows_of};
use edge::Views;
use entity::{EventContext, ShardId};
use ports::{MemoryStore, SharedStore, StoreError, Views as _};

use super::journal::{Findings, World};

/// Rows by their keys.
pub(super) type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// The last commit of each shard that a view has come to.
pub(super) type Places = BTreeMap<ShardId, u64>;

/// Judges every row of every view.
pub async fn check(store: &MemoryStore, journal: &World) -> Findings {
    let mut found = Findings::of("views", journal.given().end_us);
    for fold in Views::FOLDS {
        if let Err(error) = compare(store, journal, &fold, &mut found).await {
            found.fail(format!("{} cannot be read: {error}", fold.name));
        }
    }
    found
}

async fn compare(
    store: &MemoryStore,
    journal: &World,
    fold: &Fold,
    found: &mut Findings,
) -> Result<(), StoreError> {
    let view = fold.name;
    let Some((mut stored, places)) = shown(store, journal, view).await? else {
        found.fail(format!("{view} has never been written"));
        return Ok(());
    };
    let expected = match folded(journal, fold, &places) {
        Ok(expected) => expected,
        Err(what) => {
            found.fail(what);
            return Ok(());
        }
    };
    for (key, value) in &expected {
        let row = stored.remove(key);
        found.judge(row.as_ref() == Some(value), || {
            let is = if row.is_some() { "is another" } else { "is missing" };
            format!("row {} of {view} {is}", key.escape_ascii())
        });
    }
    for key in stored.keys() {
        found.judge(false, || format!("row {} of {view} is too many", key.escape_ascii()));
    }
    Ok(())
}

/// The rows of a view that readers see, and how far it has come; `None`: it was never written.
pub(super) async fn shown(
    store: &MemoryStore,
    journal: &World,
    name: &str,
) -> Result<Option<(Rows, Places)>, StoreError> {
    let shared: SharedStore = Arc::new(store.clone());
    let Some(view) = rows_of(&shared, name).await? else { return Ok(None) };
    let mut places = Places::new();
    for shard in (0..journal.journals().n_shards()).map(ShardId) {
        places.insert(shard, store.view_cursor(&view, shard).await?);
    }
    let rows = store.scan(&view, &[], &[0xFF], false, usize::MAX).await?;
    Ok(Some((rows.into_iter().map(|row| (row.key, row.value)).collect(), places)))
}

/// What the events up to these places make of a view.
pub(super) fn folded(journal: &World, fold: &Fold, places: &Places) -> Result<Rows, String> {
    let mut rows = Rows::new();
    for rec in journal.records() {
        let (key, place) = (&rec.record.key, places.get(&rec.shard).copied().unwrap_or(0));
        if rec.commit_no > place || !fold.kinds.contains(&key.kind) {
            continue;
        }
        for (version, event) in (rec.record.version + 1..).zip(&rec.record.events) {
            let ctx = EventContext { key, version, at: rec.record.at };
            let state = rows.get(&(fold.state_key)(key)).map(Vec::as_slice);
            let changes = (fold.fold)(&ctx, event, state)
                .map_err(|error| format!("event {version} of {key}: {error}"))?;
            for (row, value) in changes {
                match value {
                    Some(value) => drop(rows.insert(row, value)),
                    None => drop(rows.remove(&row)),
                }
            }
        }
    }
    Ok(rows)
}
