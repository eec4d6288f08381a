//! An entity's history: its records, read backwards along the chain in the journal.
//!
//! Each record names the commit of the one before it, so only frames that hold records of the
//! entity are read. Also time travel: the state as of any version. A long walk lets others run.

use std::panic::{AssertUnwindSafe, catch_unwind};

use entity::{Context, Entity, EntityKey, QueryOutcome, RecordSource, ShardId, Source, StepRecord};
use ports::StoreError;

use super::past::{AsOf, Past};
use super::{Answer, Ask, AskBody, AskError, Region, Seen, seen};
use crate::limits;
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

/// What becomes of a record on the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// It is part of the answer.
    Keep,
    /// It is not, but older ones may be.
    Pass,
    /// Neither it nor an older one is needed.
    Stop,
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
        let look = |record: &StepRecord| match record.version >= from_version {
            true => Look::Keep,
            false => Look::Stop,
        };
        let mut records = self.walk_back(key, ask, look).await?;
        records.reverse();
        Ok(records)
    }

    /// An entity as it was at `version` (`u64::MAX`: as it is), with its newest `n_records` records
    /// before that.
    ///
    /// O(frames of the entity back to its snapshot and to these records); of a version before its
    /// snapshot, O(all its frames).
    pub async fn as_of(
        &self,
        key: &EntityKey,
        ask: &Ask,
        version: u64,
        n_records: usize,
    ) -> Result<AsOf, HistoryError> {
        let past = self.past(key, ask, version, n_records).await?;
        let records = past.newest(n_records);
        let Some(kind) = self.inner.ctx.types.get(key.kind) else {
            return Ok(AsOf { cell: None, records });
        };
        let has_base = past.base.is_some();
        let mut cell = past.fold(kind, key, version).await;
        if cell.is_none() && has_base {
            // A snapshot that cannot be read is no reason: the journal tells the same without it.
            let all = Past { base: None, records: self.history(key, ask, 0).await? };
            cell = all.fold(kind, key, version).await;
        }
        Ok(AsOf { cell, records })
    }

    /// Answers a query on the state as it was at `version`.
    pub async fn query_at<E: Entity>(
        &self,
        key: &EntityKey,
        version: u64,
        query: &E::Query,
        ask: Ask,
    ) -> Result<Seen<E>, AskError<E>> {
        let AsOf { cell, records } = self.as_of(key, &ask, version, 1).await?;
        let cell = cell.ok_or(AskError::Unreadable)?;
        let query = codec::Carried::of(query.clone());
        let now = records.first().map_or_else(|| self.now(), |newest| newest.at);
        // The entity may be in quarantine because it panics just here. Nothing is kept of it.
        let asked = AssertUnwindSafe(|| {
            let ctx = Context {
                key,
                now,
                version: cell.version(),
                principal: &ask.principal,
                source: Source::Caller,
                cause: &ask.cause,
            };
            cell.query(&ctx, &query).ok()
        });
        let outcome: Option<QueryOutcome> = catch_unwind(asked).ok().flatten();
        seen(outcome.ok_or(AskError::Unreadable)?)
    }

    /// What leads to `version`: all records since the newest snapshot that is not later, and at
    /// least `n_records` of the newest before it.
    async fn past(
        &self,
        key: &EntityKey,
        ask: &Ask,
        version: u64,
        n_records: usize,
    ) -> Result<Past, HistoryError> {
        let store = &self.inner.ctx.store;
        // Read before the newest record is looked for, so that this one is not the older.
        let snapshot = match store.snapshot(key.shard(store.n_shards()), key).await {
            // The journal tells the same without it.
            Err(StoreError::Damaged(error)) => {
                tracing::warn!(%key, error, "a snapshot cannot be read");
                None
            }
            snapshot => snapshot?,
        };
        let base = snapshot.filter(|snapshot| snapshot.version <= version);
        let base_version = base.as_ref().map_or(0, |base| base.version);
        let mut n = 0;
        let look = |record: &StepRecord| {
            if record.version >= version {
                return Look::Pass;
            }
            n += 1;
            match n > n_records && record.version_after() <= base_version {
                true => Look::Stop,
                false => Look::Keep,
            }
        };
        let mut records = self.walk_back(key, ask, look).await?;
        records.reverse();
        Ok(Past { base, records })
    }

    /// Collects records, newest first, as `look` says. Lets others run between frames: a store may
    /// answer each read at once. O(frames of the entity that are looked at).
    pub async fn walk_back(
        &self,
        key: &EntityKey,
        ask: &Ask,
        mut look: impl FnMut(&StepRecord) -> Look,
    ) -> Result<Vec<StepRecord>, HistoryError> {
        let store = &self.inner.ctx.store;
        let shard = key.shard(store.n_shards());
        let located = self.locate(key, ask).await.map_err(|_| HistoryError::Unavailable)?;
        let mut commit = match located {
            0 => self.last_snapshotted(shard, key).await?,
            last_commit => last_commit,
        };
        let mut found = Vec::new();
        let mut n_frames = 0_usize;
        while commit > 0 {
            n_frames += 1;
            if n_frames.is_multiple_of(limits::WALK_YIELD_FRAMES) {
                tokio::task::yield_now().await;
            }
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
                match look(&record) {
                    Look::Keep => found.push(record),
                    Look::Pass => {}
                    Look::Stop => return Ok(found),
                }
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
