//! What can happen next, and which of it does.

use cluster::limits::TIMER_HORIZON_MS;
use entity::{ShardId, Timestamp};

use super::world::{Crashed, World};
use crate::random::{Stream, below, percent};

/// One step of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// A client issues its next request.
    Issue,
    /// A client asks again: no answer, or just because.
    Again(u64),
    /// A core handles its next input.
    Handle(ShardId),
    /// A host performs its next output.
    Perform(ShardId),
    /// A host that is told so takes its ticks.
    Tick(ShardId),
    /// A dead host is rebuilt.
    Rebuild(ShardId),
    /// The committer takes a group.
    Take(usize),
    /// The committer appends the group that it took.
    Append(usize),
    /// A parcel arrives.
    Deliver(ShardId, ShardId),
    /// A link that lost something is reset.
    Reset(usize),
    /// A read or write happens.
    Task(usize),
    /// The store syncs what it holds back.
    Sync,
    /// An operator looks for quarantines and dead letters.
    Operate,
    /// The clock moves to this time.
    Advance(Timestamp),
    /// The process ends after a failed sync.
    Die,
}

/// Steps between a failed sync and the end of the process.
const DYING_STEPS: u64 = 40;

impl World {
    /// The next step; `None`: nothing is left to do.
    pub(super) fn next_action(&self) -> Option<Action> {
        let mut all = Vec::with_capacity(32);
        self.list(&mut all);
        if let Some(since) = self.dead_since
            && (self.step > since + DYING_STEPS || all.is_empty())
        {
            return Some(Action::Die);
        }
        let total: u64 = all.iter().map(|(weight, _)| weight).sum();
        if total == 0 {
            return self.when_idle();
        }
        let bits = self.draw(Stream::Clock, 1);
        if percent(bits, 3) {
            let ms = [1, 3, 20, 120][usize::from(bits.to_le_bytes()[0] % 4)];
            return Some(Action::Advance(self.now.plus_ms(ms)));
        }
        let mut drawn = below(self.draw(Stream::Schedule, 0), total);
        for (weight, action) in all {
            if drawn < weight {
                return Some(action);
            }
            drawn -= weight;
        }
        unreachable!("the draw is below the sum of all weights")
    }

    /// All that can happen now without the clock, with weights.
    fn list(&self, all: &mut Vec<(u64, Action)>) {
        if self.clients.next_wish().is_some() {
            all.push((2, Action::Issue));
        }
        all.extend(self.clients.again().map(|request| (1, Action::Again(request))));
        for (shard, host) in self.shards().zip(&self.hosts) {
            match &host.core {
                Some(core) => {
                    if !host.inbox.is_empty() {
                        all.push((4, Action::Handle(shard)));
                    }
                    if !host.outbox.is_empty() {
                        all.push((4, Action::Perform(shard)));
                    }
                    if core.next_wakeup().is_some_and(|at| at <= self.now) && !core.has_failed() {
                        all.push((2, Action::Tick(shard)));
                    }
                }
                None if self.may_rebuild(shard) => all.push((2, Action::Rebuild(shard))),
                None => {}
            }
        }
        for (log, staging) in self.logs.iter().enumerate() {
            if self.flying[log].is_some() {
                all.push((2, Action::Append(log)));
            } else if !staging.is_idle() && self.dead_since.is_none() {
                all.push((2, Action::Take(log)));
            }
        }
        let waiting = self.links.iter().filter(|(_, parcels)| !parcels.is_empty());
        all.extend(waiting.map(|((from, to), _)| (4, Action::Deliver(*from, *to))));
        all.extend((0..self.broken.len()).map(|index| (1, Action::Reset(index))));
        all.extend((0..self.tasks.len()).map(|index| (2, Action::Task(index))));
        if !all.is_empty() {
            if self.store.n_unsynced() > 0 {
                all.push((1, Action::Sync));
            }
            if percent(self.draw(Stream::Schedule, 1), 2) && self.has_operator_work() {
                all.push((2, Action::Operate));
            }
        }
    }

    /// Nothing happens without an operator or the clock.
    fn when_idle(&self) -> Option<Action> {
        if self.has_operator_work() {
            return Some(Action::Operate);
        }
        let cores = self.hosts.iter().filter_map(|host| host.core.as_ref());
        let next = cores.filter_map(cluster::shard::ShardCore::next_wakeup).min()?;
        // Beyond that lies only the paging of timers.
        let near = next <= self.now.plus_ms(TIMER_HORIZON_MS / 4);
        near.then(|| Action::Advance(next.max(self.now.plus_ms(1))))
    }

    pub(super) fn act(&mut self, action: Action) -> Result<(), Crashed> {
        self.note(action);
        match action {
            Action::Issue => self.issue(),
            Action::Again(request) => self.ask_again(request),
            Action::Handle(shard) => {
                let input = self.host(shard).inbox.pop_front();
                let input = input.expect("listed when there is one");
                return self.handle(shard, input);
            }
            Action::Perform(shard) => return self.perform(shard),
            Action::Tick(shard) => return self.handle(shard, cluster::shard::Input::Tick),
            Action::Rebuild(shard) => return self.rebuild(shard),
            Action::Take(log) => self.take(log),
            Action::Append(log) => return self.append(log),
            Action::Deliver(from, to) => {
                self.deliver(from, to);
                return self.boundary(to);
            }
            Action::Reset(index) => self.reset(index),
            Action::Task(index) => return self.task(index),
            Action::Sync => self.store.sync(),
            Action::Operate => self.operate(),
            Action::Advance(to) => self.now = to,
            Action::Die => {
                self.dead_since = None;
                self.crash_node();
                return self.restart();
            }
        }
        let shard = self.anywhere();
        self.boundary(shard)
    }

    fn note(&mut self, action: Action) {
        let code = match action {
            Action::Issue => 1,
            Action::Again(request) => 100 + request,
            Action::Handle(shard) => 1_000 + u64::from(shard.0),
            Action::Perform(shard) => 2_000 + u64::from(shard.0),
            Action::Tick(shard) => 3_000 + u64::from(shard.0),
            Action::Rebuild(shard) => 4_000 + u64::from(shard.0),
            Action::Take(log) => 5_000 + log as u64,
            Action::Append(log) => 6_000 + log as u64,
            Action::Deliver(from, to) => 7_000 + u64::from(from.0) * 16 + u64::from(to.0),
            Action::Reset(index) => 8_000 + index as u64,
            Action::Task(index) => 9_000 + index as u64,
            Action::Sync => 2,
            Action::Operate => 3,
            Action::Advance(to) => 10_000 + to.0,
            Action::Die => 4,
        };
        self.trace = (self.trace.rotate_left(5) ^ code).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}
