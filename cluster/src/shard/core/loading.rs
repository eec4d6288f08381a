//! Bringing entities into memory: at once where the store can tell, else by a read.

use std::panic::{AssertUnwindSafe, catch_unwind};

use entity::{Cause, Cell, EntityKey, Timestamp};
use ports::{Peek, TimerRow};

use super::step::{known, panic_text};
use super::{Alarm, Answer, Caller, Env, LoadResult, Output, Refusal, ShardCore, Slot};
use crate::limits;
use crate::shard::io::Loaded;
use crate::shard::residents::Resident;

/// What an input finds when it looks for its entity.
pub(super) enum Access {
    /// In memory.
    Ready(Slot),
    /// Being read.
    Loading,
    /// Takes nothing.
    Quarantined,
    /// Of a kind that this node does not host.
    Unknown,
}

impl<R: Caller> ShardCore<R> {
    /// Finds an entity, or begins to read it.
    pub(super) fn access(
        &mut self,
        key: &EntityKey,
        env: &mut dyn Env,
        out: &mut Vec<Output<R>>,
    ) -> Access {
        // Before the look into memory: what is quarantined is read, too, to be snapshotted.
        if self.quarantined.contains_key(key) {
            return Access::Quarantined;
        }
        if let Some(slot) = self.residents.find(key) {
            return Access::Ready(slot);
        }
        if self.types.get(key.kind).is_none() {
            return Access::Unknown;
        }
        if self.loading.contains_key(key) {
            return Access::Loading;
        }
        let commits = self.tail.get(key).cloned().unwrap_or_default();
        let snapshot = match commits.is_empty() {
            // As if the store could not tell at once.
            true if sites::fires("cache_miss", u64::from(self.config.shard.0)) => None,
            true => match env.peek(key) {
                Peek::Missing => Some(None),
                Peek::Found(snapshot) => Some(Some(*snapshot)),
                Peek::Unknown => None,
            },
            false => None,
        };
        if let Some(snapshot) = snapshot
            && let Ok(slot) = self.place(key, Loaded { snapshot, records: Vec::new() })
        {
            return Access::Ready(slot);
        }
        // Also when a snapshot cannot be restored: the read says so again, and is dealt with there.
        self.loading.entry(key.clone()).or_default();
        out.push(Output::Load { key: key.clone(), commits });
        Access::Loading
    }

    /// A read came back.
    pub(super) fn loaded(
        &mut self,
        key: EntityKey,
        loaded: LoadResult,
        env: &mut dyn Env,
        out: &mut Vec<Output<R>>,
    ) {
        let waiting = self.loading.remove(&key).unwrap_or_default();
        self.timers.end_read(&key, loaded.is_err());
        match loaded {
            Ok(loaded) => {
                if let Err(reason) = self.place(&key, loaded) {
                    self.unfoldable.insert(key.clone());
                    if !self.quarantined.contains_key(&key) {
                        self.impose(&key, reason, &Cause::default(), env, out);
                    }
                } else {
                    self.tail.remove(&key);
                }
            }
            Err(reason) => {
                sites::hit("entity.read_failed");
                self.alarm(Alarm::LoadFailed { key: key.clone(), reason }, out);
                for ask in waiting {
                    let answer = Answer::Refused(Refusal::Unavailable);
                    out.push(Output::Reply(ask.reply_to, answer));
                }
                // Streams keep their messages; a later tick tries the read again.
                self.retry_later();
                return;
            }
        }
        for ask in waiting {
            self.ask(ask, env, out);
        }
        // It may have been read for its deadline; the next tick could find it gone again.
        if let Some(slot) = self.residents.find(&key)
            && self.residents.get(slot).deadline <= self.time
            && !self.quarantined.contains_key(&key)
        {
            self.wake(slot, env, out);
        }
        self.ready.extend(self.incoming.waiting());
    }

    /// Folds an entity and puts it in memory. Errors: it cannot be folded, with the reason.
    fn place(&mut self, key: &EntityKey, loaded: Loaded) -> Result<Slot, String> {
        let folded = catch_unwind(AssertUnwindSafe(|| {
            let cell = self.fold(key, &loaded)?;
            let (deadline, bytes) = (cell.next_deadline(), cell.bytes());
            Ok((cell, deadline, bytes))
        }));
        let folded = folded.unwrap_or_else(|panic| Err(panic_text(panic.as_ref())));
        let (cell, deadline, bytes) = folded?;
        if loaded.snapshot.is_some() {
            sites::hit("entity.from_snapshot");
        }
        if !loaded.records.is_empty() {
            sites::hit("entity.from_tail");
        }
        let at_snapshot = loaded.snapshot.as_ref().map_or(0, |snapshot| snapshot.last_commit);
        let mut own = loaded.after_snapshot().map(|(commit, _)| *commit);
        let first = own.next().unwrap_or(0);
        let last = own.last().unwrap_or(first).max(at_snapshot);
        let row = loaded.snapshot.and_then(|snapshot| snapshot.deadline);
        self.timers.replace(key, None, deadline);
        let resident = Resident {
            key: key.clone(),
            cell,
            last_lsn: 0,
            last_commit: last,
            dirty_since: first,
            deadline: deadline.unwrap_or(Timestamp::MAX),
            timer_row: row.unwrap_or(Timestamp::MAX),
            bytes: 0,
            writing: false,
            visited: true,
        };
        Ok(self.residents.insert(resident, bytes))
    }

    fn fold(&self, key: &EntityKey, loaded: &Loaded) -> Result<Box<dyn Cell>, String> {
        let entity_type = self.types.get(key.kind).ok_or("the kind is not hosted here")?;
        let mut cell = match &loaded.snapshot {
            Some(snapshot) => {
                (entity_type.restore)(key, snapshot).map_err(|error| error.to_string())?
            }
            None => (entity_type.initial)(key),
        };
        for (_, record) in loaded.after_snapshot() {
            cell.replay(record).map_err(|error| error.to_string())?;
        }
        Ok(cell)
    }

    /// Whether entities take more memory than they may.
    pub(super) fn is_crowded(&self) -> bool {
        self.residents.bytes() > self.config.resident_bytes
            || sites::fires("early_passivation", u64::from(self.config.shard.0))
    }

    /// Lets entities go while they take too much memory, at most `n_max` of them.
    pub(super) fn evict(&mut self, n_max: usize) {
        let mut left = n_max;
        while left > 0 && self.is_crowded() {
            left -= 1;
            let waiters = &self.waiters;
            let steps = n_max.saturating_mul(limits::EVICTION_STEPS);
            let Some(slot) = self.residents.victim(steps, |key| !waiters.has(key)) else { break };
            sites::hit("entity.passivated");
            let resident = self.residents.remove(slot);
            // A page that is being read may have been read before the row was written.
            if resident.deadline > self.timers_until && !self.timers_loading {
                // The store has its row; it is paged in when its time is near.
                self.timers.replace(&resident.key, known(resident.deadline), None);
            }
        }
    }

    /// Asks for the next page of timers when the horizon comes near.
    pub(super) fn page_timers(&mut self, out: &mut Vec<Output<R>>) {
        let wanted = self.time.plus_ms(limits::TIMER_HORIZON_MS / 2);
        if self.timers_loading || self.timers_until >= wanted {
            return;
        }
        self.timers_loading = true;
        let after = None;
        out.push(Output::LoadTimers { after, until: self.time.plus_ms(limits::TIMER_HORIZON_MS) });
    }

    /// A page of timers came.
    pub(super) fn timers_loaded(
        &mut self,
        rows: Vec<TimerRow>,
        until: Timestamp,
        out: &mut Vec<Output<R>>,
    ) {
        let after = rows.last().filter(|_| rows.len() >= limits::TIMERS_PER_PAGE).cloned();
        for row in rows {
            if self.residents.find(&row.key).is_none() && !self.tail.contains_key(&row.key) {
                self.timers.replace(&row.key, None, Some(row.at));
            }
        }
        match after {
            Some(after) => out.push(Output::LoadTimers { after: Some(after), until }),
            None => {
                self.timers_until = until;
                self.timers_loading = false;
            }
        }
    }
}
