//! A projection's task: turns over all shards, a rebuild beside them, and the waits between.

use std::sync::Arc;

use entity::{ShardId, Timestamp};
use ports::{StoreError, ViewWrite};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

use super::generation::{Generations, Newer, view_name};
use super::handle::{Order, RebuildError};
use super::track::{Halt, Stuck, Track};
use super::{Parts, limits};
use crate::outbox::task::{Task, chain};

/// Somebody who waits until these commits are in the view.
struct Waiter {
    targets: Vec<(Option<u64>, u64)>,
    done: oneshot::Sender<()>,
}

/// The task's state.
pub(super) struct Worker {
    pub(super) parts: Parts,
    /// Of a newer version than this build's: other nodes write the rows, and this one none.
    generations: Generations,
    active: Track,
    building: Option<Track>,
    /// When the generations were read, in steady time.
    pub(super) renewed_at: Timestamp,
    /// Whether they have changed, as far as is known.
    is_outdated: bool,
    /// The retired generation that is being closed to late writers, and of how many shards it is.
    fenced: (u32, u16),
    /// When the active generation came, in steady time.
    retired_at: Timestamp,
    measured_at: Timestamp,
    waiters: Vec<Waiter>,
}

/// How a turn went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// There was nothing to do.
    Idle,
    /// All that there was is done.
    Done,
    /// There is more to do.
    More,
}

impl Task for Worker {
    type Parts = Parts;
    type Order = Order;
    type Error = StoreError;

    async fn load(parts: &Parts) -> Result<Self, StoreError> {
        let (store, projection) = (&parts.ctx.store, &parts.projection);
        let name = projection.name();
        // Nobody but an older build on its own store goes back without being told to.
        let newer = if store.one_log() { Newer::GoesBack } else { Newer::Stays };
        let fresh_until = fresh_until(parts);
        let generations = Generations::load(store, name, projection.version(), newer).await?;
        let active = Track::load(parts, view_name(name, generations.active)).await?;
        let is_ours = generations.version == projection.version();
        let building = match generations.building.filter(|_| is_ours) {
            Some(building) => Some(Track::load(parts, view_name(name, building)).await?),
            None => None,
        };
        let view = is_ours.then(|| view_name(name, generations.active));
        {
            let mut shared = parts.shared.lock();
            (shared.view, shared.fresh_until) = (view, fresh_until);
        }
        Ok(Self {
            parts: parts.clone(),
            generations,
            active,
            building,
            renewed_at: parts.ctx.clock.steady(),
            is_outdated: false,
            fenced: (0, 0),
            retired_at: parts.ctx.clock.steady(),
            measured_at: Timestamp(0),
            waiters: Vec::new(),
        })
    }

    async fn run(mut self, orders: &mut mpsc::Receiver<Order>) {
        let durable = Arc::clone(&self.parts.durable);
        let clock = Arc::clone(&self.parts.ctx.clock);
        loop {
            // Made before looking: a commit from here on ends the wait below at once.
            let changed = durable.changed();
            let turn = self.turn().await;
            self.after();
            let order = match turn {
                Turn::More => {
                    tokio::task::yield_now().await;
                    match orders.try_recv() {
                        Ok(order) => Some(order),
                        Err(TryRecvError::Empty) => None,
                        Err(TryRecvError::Disconnected) => Some(gone()),
                    }
                }
                Turn::Done => tokio::select! {
                    biased;
                    order = orders.recv() => Some(order.unwrap_or_else(gone)),
                    () = clock.sleep(limits::PACE_MS) => None,
                },
                Turn::Idle => tokio::select! {
                    biased;
                    order = orders.recv() => Some(order.unwrap_or_else(gone)),
                    () = changed => None,
                    () = clock.sleep(self.idle_ms()) => None,
                },
            };
            if let Some(order) = order
                && let Some(done) = self.take(order).await
            {
                self.save().await;
                // An error means that nobody waits for the end.
                let _ = done.send(());
                return;
            }
        }
    }
}

impl Worker {
    fn now(&self) -> Timestamp {
        self.parts.ctx.clock.now()
    }

    /// Time that nobody sets: for so long nodes leave each other's rows.
    fn steady(&self) -> Timestamp {
        self.parts.ctx.clock.steady()
    }

    /// One step of every shard that is behind, one step of a rebuild, some rows of old ones.
    pub(super) async fn turn(&mut self) -> Turn {
        let now = self.now();
        if !self.renew(now).await {
            return Turn::Idle;
        }
        let mut turn = Turn::Idle;
        for index in 0..self.active.places.len() {
            if !self.active.is_behind(&self.parts, index, now) {
                continue;
            }
            let halt = self.active.step(&self.parts, index).await.err();
            self.is_outdated |= matches!(halt, Some(Halt::NotTaken));
            let is_over = halt.is_some() || !self.active.is_behind(&self.parts, index, now);
            turn = if is_over && turn != Turn::More { Turn::Done } else { Turn::More };
            note(&self.parts, &mut self.active, index, halt);
        }
        if self.build(now).await || self.sweep().await {
            turn = Turn::More;
        }
        turn
    }

    /// With each shard that came, and now and then, reads the generations again: other nodes may
    /// have changed them. Returns whether rows may be written.
    async fn renew(&mut self, now: Timestamp) -> bool {
        let came = |index| {
            self.active.came(&self.parts, index) && self.active.is_behind(&self.parts, index, now)
        };
        let steady = self.steady();
        let is_due = steady.since_ms(self.renewed_at) >= limits::RENEW_EVERY_MS;
        // Where others write, a shard that comes changes nothing, and it would come at each commit.
        let has_come = self.newer_version().is_none() && (0..self.active.places.len()).any(came);
        if is_due || self.is_outdated || has_come {
            self.is_outdated = true;
            let fresh_until = fresh_until(&self.parts);
            let renewed = self.read_again().await;
            if let Err(error) = renewed {
                tracing::warn!(name = self.parts.projection.name(), %error, "generations not read");
                return false;
            }
            self.parts.shared.lock().fresh_until = fresh_until;
            (self.is_outdated, self.renewed_at) = (false, steady);
        }
        self.newer_version().is_none()
    }

    /// The version of the rows that newer nodes write instead of this one.
    fn newer_version(&self) -> Option<u16> {
        let found = self.generations.version;
        (found != self.parts.projection.version()).then_some(found)
    }

    async fn read_again(&mut self) -> Result<(), StoreError> {
        let (parts, projection) = (&self.parts, &self.parts.projection);
        let (name, version) = (projection.name(), projection.version());
        let found = Generations::load(&parts.ctx.store, name, version, Newer::Stays).await?;
        if found.version != version {
            parts.shared.lock().view = None;
            (self.building, self.generations) = (None, found);
            return Ok(());
        }
        if found.building != self.generations.building {
            self.building = match found.building {
                Some(building) => Some(Track::load(parts, view_name(name, building)).await?),
                None => None,
            };
        }
        if found.active != self.generations.active {
            self.active = Track::load(parts, view_name(name, found.active)).await?;
            parts.shared.lock().view = Some(view_name(name, found.active));
            self.retired_at = self.steady();
        }
        self.generations = found;
        Ok(())
    }

    /// One step of a rebuild; the readers move over when nothing is left. Returns whether it did
    /// something.
    async fn build(&mut self, now: Timestamp) -> bool {
        let Some(track) = &mut self.building else { return false };
        let parts = &self.parts;
        let behind = (0..track.places.len()).find(|index| track.is_behind(parts, *index, now));
        if let Some(index) = behind {
            let halt = track.step(parts, index).await.err();
            self.is_outdated |= matches!(halt, Some(Halt::NotTaken));
            note(parts, track, index, halt);
            return true;
        }
        if track.lag(parts) > 0 || !track.is_whole(parts) {
            return false; // A stuck shard, or one elsewhere: the old generation stays in use.
        }
        let swapped = self.generations.swapped();
        let name = self.parts.projection.name();
        match self.generations.replace(&swapped, &self.parts.ctx.store, name).await {
            Ok(true) => {}
            Ok(false) => {
                self.is_outdated = true;
                return false;
            }
            Err(error) => {
                tracing::warn!(name, %error, "new generation not saved; the old one stays for now");
                return false;
            }
        }
        tracing::info!(name, generation = swapped.active, "projection rebuilt");
        self.parts.shared.lock().view = Some(view_name(name, swapped.active));
        self.active = self.building.take().expect("it was there above");
        self.generations = swapped;
        self.retired_at = self.steady();
        self.measure();
        true
    }

    /// Takes out some rows that nobody sees any more. Returns whether it did something.
    async fn sweep(&mut self) -> bool {
        let Some(retired) = self.generations.retired.first().copied() else { return false };
        if self.steady().since_ms(self.retired_at) < limits::GRACE_MS {
            return false;
        }
        match self.take_out(retired).await {
            Ok(()) => true,
            Err(error) => {
                let name = self.parts.projection.name();
                tracing::warn!(name, %error, "old rows not taken out yet");
                self.retired_at = self.steady();
                false
            }
        }
    }

    /// A step of taking a generation out: it is closed to late writers, then emptied, then
    /// forgotten.
    async fn take_out(&mut self, retired: u32) -> Result<(), StoreError> {
        let (store, name) = (&self.parts.ctx.store, self.parts.projection.name());
        let view = view_name(name, retired);
        let n_fenced = if self.fenced.0 == retired { self.fenced.1 } else { 0 };
        if n_fenced < store.n_shards() {
            let end = n_fenced.saturating_add(limits::FENCE_SHARDS).min(store.n_shards());
            for shard in (n_fenced..end).map(ShardId) {
                // Whatever place a shard has reached in it: nobody goes on from there.
                store.apply(&view, shard, u64::MAX, Vec::new()).await?;
                self.fenced = (retired, shard.0 + 1);
            }
            return Ok(());
        }
        let rows = store.scan(&view, &[], &[0xFF], false, limits::SWEEP_ROWS).await?;
        if !rows.is_empty() {
            let deletes = rows.into_iter().map(|row| ViewWrite::Delete(row.key)).collect();
            store.apply(&view, ShardId(0), u64::MAX, deletes).await?;
            return Ok(());
        }
        let without = self.generations.without(retired);
        if self.generations.replace(&without, store, name).await? {
            self.generations = without;
        } else {
            self.is_outdated = true; // Another node was faster.
        }
        Ok(())
    }

    /// Tells those whose commits are in the view, and measures when it is time.
    pub(super) fn after(&mut self) {
        let now = self.now();
        let places = &self.active.places;
        let durable = &self.parts.durable;
        let is_reached = |targets: &[(Option<u64>, u64)]| {
            places.iter().zip(targets).all(|(place, (epoch, target))| {
                // What went to another owner in between is that one's to project.
                durable.epoch(place.shard) != *epoch || place.has_reached(*epoch, *target)
            })
        };
        let (reached, open): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiters)
            .into_iter()
            .partition(|waiter| is_reached(&waiter.targets));
        self.waiters = open;
        // Nobody waits for what other nodes write.
        let is_ours = self.newer_version().is_none();
        self.waiters.retain(|waiter| is_ours && !waiter.done.is_closed());
        if !reached.is_empty() || now.since_ms(self.measured_at) >= limits::MEASURE_EVERY_MS {
            self.measured_at = now;
            self.measure();
        }
        for waiter in reached {
            // An error means that the caller went away.
            let _ = waiter.done.send(());
        }
    }

    fn measure(&self) {
        let name = self.parts.projection.name();
        let lag_commits = self.active.lag(&self.parts);
        let tracks = [Some(&self.active), self.building.as_ref()].into_iter().flatten();
        let stuck = tracks.flat_map(|track| &track.places).filter_map(|place| {
            let stuck = place.stuck.as_ref().filter(|stuck| !stuck.is_passing)?;
            Some((place.shard, stuck.reason.clone()))
        });
        let mut stuck: Vec<_> = stuck.collect();
        if let Some(newer) = self.newer_version() {
            let reason = format!("rows are of version {newer} now");
            let owned = self.active.places.iter().map(|place| place.shard);
            let owned = owned.filter(|shard| self.parts.durable.epoch(*shard).is_some());
            stuck.extend(owned.map(|shard| (shard, reason.clone())));
        }
        metrics::gauge!("mercato_projection_lag_commits", "projection" => name)
            .set(lag_commits as f64);
        metrics::gauge!("mercato_projection_stuck_shards", "projection" => name)
            .set(stuck.len() as f64);
        let rebuild_left = self.building.as_ref().map(|track| track.lag(&self.parts));
        let state = super::ProjectionState { lag_commits, rebuild_left, stuck };
        self.parts.shared.lock().state = state;
    }

    /// How long there is nothing to do without a commit.
    fn idle_ms(&self) -> u64 {
        let is_passing = |track: &Track| {
            let mut stuck = track.places.iter().filter_map(|place| place.stuck.as_ref());
            stuck.any(|stuck| stuck.is_passing)
        };
        let retries = self.is_outdated
            || is_passing(&self.active)
            || self.building.as_ref().is_some_and(is_passing);
        if retries { limits::RETRY_MS } else { limits::IDLE_MS }
    }

    /// Takes an order; the sender of a stop is told when all is written.
    pub(super) async fn take(&mut self, order: Order) -> Option<oneshot::Sender<()>> {
        match order {
            Order::Stop(done) => return Some(done),
            Order::CatchUp(done) => {
                if self.waiters.len() < limits::WAITERS_MAX {
                    let durable = &self.parts.durable;
                    let places = self.active.places.iter();
                    let target = |shard| (durable.epoch(shard), durable.of(shard));
                    let targets = places.map(|place| target(place.shard)).collect();
                    self.waiters.push(Waiter { targets, done });
                } // Else the sender is dropped, and the caller hears that it was not done.
            }
            Order::Rebuild(done) => {
                // An error means that the caller went away; the rebuild goes on without him.
                let _ = done.send(self.rebuild().await);
            }
        }
        None
    }

    pub(super) async fn rebuild(&mut self) -> Result<(), RebuildError> {
        if self.newer_version().is_some() {
            self.go_back().await?;
            return Ok(());
        }
        if self.building.is_some() {
            return Err(RebuildError::Busy);
        }
        if !self.active.is_whole(&self.parts) {
            return Err(RebuildError::NotAlone);
        }
        let begun = self.generations.begun();
        let name = self.parts.projection.name();
        if !self.generations.replace(&begun, &self.parts.ctx.store, name).await? {
            self.is_outdated = true;
            return Err(RebuildError::Busy);
        }
        let building = begun.building.expect("one was begun");
        self.building = Some(Track::load(&self.parts, view_name(name, building)).await?);
        self.generations = begun;
        self.measure();
        Ok(())
    }

    /// Begins rows of this build's version anew where newer nodes wrote theirs.
    async fn go_back(&mut self) -> Result<(), StoreError> {
        let (name, version) = (self.parts.projection.name(), self.parts.projection.version());
        let store = &self.parts.ctx.store;
        let back = Generations::load(store, name, version, Newer::GoesBack).await?;
        tracing::warn!(name, version, generation = back.active, "projection goes back");
        self.read_again().await
    }

    pub(super) async fn save(&mut self) {
        let tracks = [Some(&mut self.active), self.building.as_mut()];
        for track in tracks.into_iter().flatten() {
            if let Err(halt) = track.save(&self.parts).await {
                let (name, error) = (self.parts.projection.name(), chain(&halt));
                tracing::warn!(name, error, "places not written; a start reads more again");
            }
        }
    }
}

/// Until when rows are there that were in use when the generations were read, from now on: others
/// leave them for a while.
fn fresh_until(parts: &Parts) -> Timestamp {
    match parts.ctx.store.one_log() {
        true => Timestamp::MAX,
        false => parts.ctx.clock.steady().plus_ms(limits::GRACE_MS),
    }
}

/// Raises the alarm over a shard that cannot go on, and takes it back when it can.
fn note(parts: &Parts, track: &mut Track, index: usize, halt: Option<Halt>) {
    let (name, place) = (parts.projection.name(), &mut track.places[index]);
    place.stuck = halt.map(|halt| {
        let (is_passing, reason) = (halt.is_passing(), chain(&halt));
        let wait = if is_passing { limits::RETRY_MS } else { limits::STUCK_RETRY_MS };
        if is_passing {
            tracing::warn!(name, shard = place.shard.0, reason, "shard not projected for now");
        } else {
            metrics::counter!("mercato_projection_stuck_total", "projection" => name).increment(1);
            tracing::error!(name, shard = place.shard.0, reason, "shard not projected any further");
        }
        Stuck { reason, is_passing, retry_at: parts.ctx.clock.now().plus_ms(wait) }
    });
}

/// Nobody holds the handle: stop, and nobody hears of it.
fn gone() -> Order {
    Order::Stop(oneshot::channel().0)
}
