//! An entity's history: its records, read backwards along the chain in the journal.
//!
//! Each record names the commit of the one before it, so only frames that hold records of the
//! entity are read. Also time travel: the state as of any version.

use std::panic::{AssertUnwindSafe, catch_unwind};

use entity::{
    Context, Entity, EntityCell, EntityKey, QueryOutcome, RecordSource, ShardId, Source,
    StepRecord, Timestamp,
};
use ports::StoreError;

use super::{Answer, Ask, AskBody, AskError, Region, Seen, seen};
use crate::shard::Refusal;

/// Why a history could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HistoryError {
    /// The shard did not answer.
    #[error("shard not available")]
    Unavailable,
    /// The store did not answer.
    #[error("{0}")]
    Store(StoreError),
    /// The journal does not hold what the chain names, or holds what this build cannot read: asking
    /// again does not help.
    #[error("journal unreadable: {0}")]
    Unreadable(String),
}

impl From<StoreError> for HistoryError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Damaged(what) => Self::Unreadable(what),
            StoreError::Unavailable(_)
            | StoreError::Fatal(_)
            | StoreError::Fenced { .. }
            | StoreError::Unsupported(_) => Self::Store(error),
        }
    }
}

impl<E: Entity> From<HistoryError> for AskError<E> {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::Unavailable | HistoryError::Store(_) => Self::Unavailable,
            HistoryError::Unreadable(_) => Self::Unreadable,
        }
    }
}

impl Region {
    /// Records of an entity with events after `from_version`, oldest first.
    ///
    /// O(frames of the entity after `from_version`).
    pub async fn history(
        &self,
        key: &EntityKey,
        ask: &Ask,
        from_version: u64,
    ) -> Result<Vec<StepRecord>, HistoryError> {
        let mut records = self.walk_back(key, ask, |record| record.version >= from_version).await?;
        records.reverse();
        Ok(records)
    }

    /// The newest `limit` records of an entity that end at or before `before_version`,
    /// newest first.
    pub async fn history_before(
        &self,
        key: &EntityKey,
        ask: &Ask,
        before_version: u64,
        limit: usize,
    ) -> Result<Vec<StepRecord>, HistoryError> {
        let mut n = 0;
        let mut records = self
            .walk_back(key, ask, |record| {
                n += usize::from(record.version_after() <= before_version);
                n <= limit
            })
            .await?;
        records.retain(|record| record.version_after() <= before_version);
        Ok(records)
    }

    /// Answers a query on the state as it was at `version`.
    pub async fn query_at<E: Entity>(
        &self,
        key: &EntityKey,
        version: u64,
        query: &E::Query,
        ask: Ask,
    ) -> Result<Seen<E>, AskError<E>> {
        let records = self.history(key, &ask, 0).await?;
        let query = codec::Carried::of(query.clone());
        // The entity may be in quarantine because it panics just here. Nothing is kept of it.
        let folded = AssertUnwindSafe(|| {
            let (cell, now) = as_of::<E>(key, records, version, self.now())?;
            let ctx = Context {
                key,
                now,
                version: entity::Cell::version(&cell),
                principal: &ask.principal,
                source: Source::Caller,
                cause: &ask.cause,
            };
            entity::Cell::query(&cell, &ctx, &query).ok()
        });
        let outcome: Option<QueryOutcome> = catch_unwind(folded).ok().flatten();
        seen(outcome.ok_or(AskError::Unreadable)?)
    }

    /// Collects records, newest first, while `wanted` says so.
    async fn walk_back(
        &self,
        key: &EntityKey,
        ask: &Ask,
        mut wanted: impl FnMut(&StepRecord) -> bool,
    ) -> Result<Vec<StepRecord>, HistoryError> {
        let store = &self.inner.ctx.store;
        let shard = key.shard(store.n_shards());
        let located = self.locate(key, ask).await.map_err(|_| HistoryError::Unavailable)?;
        let mut commit = match located {
            0 => self.last_snapshotted(shard, key).await?,
            last_commit => last_commit,
        };
        let mut found = Vec::new();
        while commit > 0 {
            let frames = store.read(shard, commit, 1).await?;
            let frame = frames
                .first()
                .ok_or_else(|| HistoryError::Unreadable(format!("commit {commit} is missing")))?;
            let records =
                frame.records().map_err(|error| HistoryError::Unreadable(error.to_string()))?;
            let mut before = 0;
            for record in records.into_iter().rev() {
                if record.key != *key || record.source == RecordSource::Runtime {
                    continue;
                }
                before = record.prev;
                if !wanted(&record) {
                    return Ok(found);
                }
                found.push(record);
            }
            if before >= commit {
                return Err(HistoryError::Unreadable(format!(
                    "chain goes from {commit} to {before}"
                )));
            }
            commit = before;
        }
        Ok(found)
    }

    /// The commit of the last record that the snapshot of an entity holds; 0: there is none.
    async fn last_snapshotted(&self, shard: ShardId, key: &EntityKey) -> Result<u64, HistoryError> {
        let snapshot = self.inner.ctx.store.snapshot(shard, key).await?;
        Ok(snapshot.map_or(0, |snapshot| snapshot.last_commit))
    }

    async fn locate(&self, key: &EntityKey, ask: &Ask) -> Result<u64, Refusal> {
        match self.send(key, ask, AskBody::Locate).await? {
            Answer::Located { last_commit, .. } => Ok(last_commit),
            Answer::Refused(refusal) => Err(refusal),
            Answer::Outcome(_) | Answer::Query(_) | Answer::Done | Answer::Troubles(_) => {
                Err(Refusal::Unreadable)
            }
        }
    }
}

/// The state at a version and its time; `now` when there is no record. `None`: unreadable.
fn as_of<E: Entity>(
    key: &EntityKey,
    records: Vec<StepRecord>,
    version: u64,
    now: Timestamp,
) -> Option<(EntityCell<E>, Timestamp)> {
    let (mut cell, mut at) = (EntityCell::<E>::initial(key), now);
    for mut record in records {
        if record.version >= version {
            break;
        }
        let room = usize::try_from(version - record.version).unwrap_or(usize::MAX);
        record.events.truncate(room);
        entity::Cell::replay(&mut cell, &record).ok()?;
        at = record.at;
    }
    Some((cell, at))
}
