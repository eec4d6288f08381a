//! One generation of a view on its way along the journals of all shards.
//!
//! Rows and place are written together at the end of each step, so a step that failed is taken
//! again from the last written place, and nothing is projected twice.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use codec::{Packed, Stored};
use entity::{EntityKey, EventContext, ShardId, StepRecord, Timestamp};
use ports::{Frame, FrameError, StoreError};

use super::rows::Rows;
use super::{Parts, ProjectError, limits};
use crate::outbox::{Read, Reader, kind_of, records_of};

/// Why a shard cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Halt {
    /// The store failed.
    #[error("store failed")]
    Store(#[from] StoreError),
    /// A frame cannot be read.
    #[error("frame {commit_no} unreadable")]
    Frame {
        /// Which.
        commit_no: u64,
        /// Why.
        #[source]
        source: FrameError,
    },
    /// An event cannot be projected.
    #[error("event {version} of {key} not projected")]
    Event {
        /// Whose.
        key: EntityKey,
        /// Which.
        version: u64,
        /// Why.
        #[source]
        source: ProjectError,
    },
    /// Others have written beyond it: the shard went away, or the generation was retired.
    #[error("rows not taken")]
    NotTaken,
    /// The projection panicked, or asked for more rows than it may: a bug of it.
    #[error("event {version} of {key} broke the projection")]
    Broken {
        /// Whose.
        key: EntityKey,
        /// Which.
        version: u64,
    },
}

impl Halt {
    /// Whether the same step may succeed by itself.
    pub(super) const fn is_passing(&self) -> bool {
        match self {
            Self::Store(error) => error.is_retryable(),
            Self::NotTaken => true,
            Self::Frame { .. } | Self::Event { .. } | Self::Broken { .. } => false,
        }
    }
}

/// Why and until when a shard waits.
#[derive(Debug, Clone)]
pub(super) struct Stuck {
    pub(super) reason: String,
    pub(super) is_passing: bool,
    pub(super) retry_at: Timestamp,
}

/// The place in the journal of one shard.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) shard: ShardId,
    /// The epoch that the shard is owned under; `None`: not here, and nothing is projected.
    epoch: Option<u64>,
    /// Everything up to it is in the view.
    pub(super) read_to: u64,
    /// The place that is written; behind `read_to` only over commits without rows.
    written_to: u64,
    pub(super) stuck: Option<Stuck>,
}

impl Place {
    /// Whether everything up to a commit is in the view, in the tenure of an epoch.
    pub(super) fn has_reached(&self, epoch: Option<u64>, commit: u64) -> bool {
        commit == 0 || (self.epoch == epoch && self.read_to >= commit)
    }

    /// In a shard that is owned elsewhere, or nowhere.
    const fn unowned(shard: ShardId) -> Self {
        Self { shard, epoch: None, read_to: 0, written_to: 0, stuck: None }
    }
}

/// One generation.
pub(super) struct Track {
    view: Arc<str>,
    journal: Reader,
    rows: Rows,
    pub(super) places: Vec<Place>,
}

impl Track {
    /// Goes on from the written places of a view.
    pub(super) async fn load(parts: &Parts, view: Arc<str>) -> Result<Self, StoreError> {
        let n_shards = parts.ctx.store.n_shards();
        let (journal, rows) = (parts.durable.reader(), Rows::default());
        let mut track = Self { view, journal, rows, places: Vec::new() };
        track.places.extend((0..n_shards).map(|shard| Place::unowned(ShardId(shard))));
        for index in 0..track.places.len() {
            track.follow(parts, index).await?;
        }
        Ok(track)
    }

    /// Begins a shard that came where its last owner wrote its place, lets one go that went.
    /// Errors: the place cannot be read; the shard waits.
    pub(super) async fn follow(&mut self, parts: &Parts, index: usize) -> Result<(), StoreError> {
        let place = &self.places[index];
        let (shard, epoch) = (place.shard, parts.durable.epoch(place.shard));
        if epoch == place.epoch {
            return Ok(());
        }
        self.places[index] = Place::unowned(shard);
        // Others wrote rows of it meanwhile.
        self.rows.forget();
        if epoch.is_some() {
            let written_to = parts.ctx.store.view_cursor(&self.view, shard).await?;
            self.places[index] =
                Place { shard, epoch, read_to: written_to, written_to, stuck: None };
        }
        Ok(())
    }

    /// Commits that are durable and not in the view.
    pub(super) fn lag(&self, parts: &Parts) -> u64 {
        let lag = |place: &Place| parts.durable.of(place.shard).saturating_sub(place.read_to);
        self.places.iter().map(lag).sum()
    }

    /// Whether all shards are owned here.
    pub(super) fn is_whole(&self, parts: &Parts) -> bool {
        self.places.iter().all(|place| parts.durable.epoch(place.shard).is_some())
    }

    /// Whether a shard has something to project now, or came.
    pub(super) fn is_behind(&self, parts: &Parts, index: usize, now: Timestamp) -> bool {
        let place = &self.places[index];
        let waits = place.stuck.as_ref().is_some_and(|stuck| stuck.retry_at > now);
        let is_behind = place.read_to < parts.durable.of(place.shard);
        (is_behind || self.came(parts, index)) && !waits
    }

    /// Whether a shard came and is not followed yet.
    pub(super) fn came(&self, parts: &Parts, index: usize) -> bool {
        let (place, epoch) = (&self.places[index], parts.durable.epoch(self.places[index].shard));
        epoch.is_some() && place.epoch != epoch
    }

    /// Projects the next frames of a shard and writes what they changed. What comes before a frame
    /// that cannot be projected is written.
    pub(super) async fn step(&mut self, parts: &Parts, index: usize) -> Result<(), Halt> {
        self.follow(parts, index).await?;
        let (shard, from) =
            (self.places[index].shard, self.places[index].read_to.saturating_add(1));
        if from > parts.durable.of(shard) {
            return Ok(());
        }
        let store = &parts.ctx.store;
        for read in &self.journal.read(store, shard, from, limits::READ_BYTES_MAX).await? {
            let frame = read.frame();
            let next = self.places[index].read_to.saturating_add(1);
            assert_eq!(frame.header.commit_no, next, "I2: a frame is missing");
            if let Err(halt) = self.read(parts, read).await {
                self.rows.frame_failed();
                self.write(parts, index).await?;
                return Err(halt);
            }
            self.rows.frame_over();
            self.places[index].read_to = frame.header.commit_no;
            if self.rows.n_changed() >= limits::WRITES_MAX {
                self.write(parts, index).await?;
            }
        }
        self.write(parts, index).await
    }

    /// Writes the places of all shards, also those that moved over commits without rows.
    pub(super) async fn save(&mut self, parts: &Parts) -> Result<(), Halt> {
        for index in 0..self.places.len() {
            if self.places[index].read_to > self.places[index].written_to {
                self.apply(parts, index).await?;
            }
        }
        Ok(())
    }

    async fn read(&mut self, parts: &Parts, read: &Read) -> Result<(), Halt> {
        match read {
            Read::Stored(frame) => self.stored(parts, frame).await,
            Read::Recent(recent) => {
                for record in recent.records() {
                    self.record(parts, record).await?;
                }
                Ok(())
            }
        }
    }

    /// A frame that nobody has decoded: passes over records of other kinds without decoding them.
    async fn stored(&mut self, parts: &Parts, frame: &Frame) -> Result<(), Halt> {
        let version = frame.header.record_version;
        let commit_no = frame.header.commit_no;
        for record in records_of(frame) {
            let bytes = record.map_err(|source| Halt::Frame { commit_no, source })?;
            if kind_of(version, bytes).is_some_and(|kind| !parts.projection.kinds().contains(&kind))
            {
                continue;
            }
            let record = StepRecord::decode_version(version, bytes)
                .map_err(|error| Halt::Frame { commit_no, source: error.into() })?;
            self.record(parts, &record).await?;
        }
        Ok(())
    }

    async fn record(&mut self, parts: &Parts, record: &StepRecord) -> Result<(), Halt> {
        if !parts.projection.kinds().contains(&record.key.kind) {
            return Ok(());
        }
        for (index, event) in (1..).zip(&record.events) {
            let version = record.version + index;
            let ctx = EventContext { key: &record.key, version, at: record.at };
            self.event(parts, &ctx, event).await?;
        }
        Ok(())
    }

    /// Projects one event, reading the rows that it asks for.
    async fn event(
        &mut self,
        parts: &Parts,
        ctx: &EventContext<'_>,
        event: &Packed,
    ) -> Result<(), Halt> {
        let (key, version) = (ctx.key, ctx.version);
        for _ in 0..=limits::READS_PER_EVENT_MAX {
            // A bug in one projection must stop its shard, not everything that runs here.
            let project = || parts.projection.project(ctx, event, &mut self.rows);
            match catch_unwind(AssertUnwindSafe(project)) {
                Ok(Ok(writes)) => {
                    self.rows.change(writes);
                    return Ok(());
                }
                Ok(Err(ProjectError::NotAtHand(_))) => {
                    let Some(wanted) = self.rows.take_wanted() else { break };
                    let row = parts.ctx.store.row(&self.view, &wanted).await?;
                    self.rows.remember(wanted, row);
                }
                Ok(Err(source @ ProjectError::Unreadable(_))) => {
                    return Err(Halt::Event { key: key.clone(), version, source });
                }
                Err(_) => break,
            }
        }
        Err(Halt::Broken { key: key.clone(), version })
    }

    async fn write(&mut self, parts: &Parts, index: usize) -> Result<(), Halt> {
        let place = &self.places[index];
        let n_empty = place.read_to - place.written_to;
        if self.rows.n_changed() == 0 && n_empty < limits::EMPTY_COMMITS_MAX {
            return Ok(());
        }
        self.apply(parts, index).await
    }

    async fn apply(&mut self, parts: &Parts, index: usize) -> Result<(), Halt> {
        let place = &mut self.places[index];
        let (shard, cursor, mut writes) = (place.shard, place.read_to, self.rows.writes());
        if sites::is_broken("view_row_dropped") {
            writes.pop();
        }
        match parts.ctx.store.apply(&self.view, shard, cursor, writes).await {
            Ok(true) => {
                place.written_to = cursor;
                self.rows.written();
                Ok(())
            }
            Ok(false) => {
                *place = Place::unowned(shard);
                self.rows.forget();
                Err(Halt::NotTaken)
            }
            Err(error) => {
                place.read_to = place.written_to;
                self.rows.take_back();
                Err(error.into())
            }
        }
    }
}
