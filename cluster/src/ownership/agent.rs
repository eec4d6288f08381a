//! The agent: one node's part in who owns what. Holds the lease, the view and every shard.
//!
//! `handle` takes one input and says what to do; it is a function of the agent, the input and
//! the time alone. Of its own accord it does nothing: without ticks it neither renews nor polls.
//! It does not host, store or send: see [`super::io`] for what its shell owes it.

mod calls;
mod moves;
mod shards;

use std::collections::BTreeMap;

use entity::{ShardId, Timestamp};
use ports::{LeaseRow, LeaseWrite, Life, NodeId, OwnerRow, Versions};

use super::handoff::{Source, Target};
use super::io::{Input, Output, StoreCall};
use super::lease::{Holder, Watch};
use super::placement::View;
use super::takeover::Takeover;
use super::timing::Timing;

/// What an agent is made from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Config {
    /// The node's name.
    pub node: NodeId,
    /// Shards of the store.
    pub n_shards: u16,
    /// Durations.
    pub timing: Timing,
    /// The versions of frames between nodes that the build reads.
    pub frames: Versions,
}

/// One node's part in ownership.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Agent {
    config: Config,
    /// The number of the newest call, and of the newest handoff.
    n_calls: u64,
    n_handoffs: u64,
    calls: BTreeMap<u64, Pending>,
    lease: Lease,
    /// Own row as it was last seen, for the next join.
    own: Option<LeaseRow>,
    watches: BTreeMap<NodeId, Watch>,
    view: View,
    shards: Vec<Shard>,
    poll_at: Timestamp,
    /// When an `End` of another's life may be tried again.
    end_at: Timestamp,
    /// By when a node that leaves is gone.
    leave_by: Option<Timestamp>,
}

/// One's own life.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Lease {
    /// None; the next join at that time.
    None { join_at: Timestamp },
    /// A join is in flight.
    Joining { sent: Timestamp },
    /// Held since then.
    Held { holder: Holder, since: Timestamp },
    /// Given back: the write is in flight, or tried again at that time.
    Ending { life: Life, beat: u64, at: Option<Timestamp> },
    /// Over.
    Left,
}

/// What a call in flight is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Pending {
    Leases,
    Owners,
    Join,
    Renew,
    End(NodeId),
    EndOwn,
    Take(ShardId),
    Release(ShardId, u64),
}

/// A shard, from here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Shard {
    /// The newest owner row that was seen.
    row: Option<OwnerRow>,
    local: Local,
    /// Agreed to take it.
    target: Option<Target>,
    /// Not offered before.
    offer_at: Timestamp,
    /// What was said last of where it is, and the epoch of the row that said so.
    route: Option<(NodeId, u64)>,
}

/// What of a shard is here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Local {
    Absent,
    /// Being taken; `at`: when the call is made again, `None` while it is in flight.
    Taking {
        takeover: Takeover,
        at: Option<Timestamp>,
    },
    /// Being recovered.
    Opening {
        epoch: u64,
    },
    Open {
        epoch: u64,
    },
    /// Being moved away; `at`: when the release is written again, `None` while it is in flight.
    Moving {
        source: Source,
        at: Option<Timestamp>,
    },
}

impl Local {
    /// The epoch that a host of it has, if there is a host.
    const fn hosted(&self) -> Option<u64> {
        match self {
            Self::Absent | Self::Taking { .. } => None,
            Self::Opening { epoch } | Self::Open { epoch } => Some(*epoch),
            Self::Moving { source, .. } => Some(source.epoch()),
        }
    }
}

impl Agent {
    /// An agent that has no life yet: its first tick reads the lists.
    #[must_use]
    pub fn new(config: Config) -> Self {
        config.timing.check();
        let shard = Shard {
            row: None,
            local: Local::Absent,
            target: None,
            offer_at: Timestamp(0),
            route: None,
        };
        Self {
            view: View::new([], config.n_shards),
            shards: vec![shard; usize::from(config.n_shards)],
            config,
            n_calls: 0,
            n_handoffs: 0,
            calls: BTreeMap::new(),
            lease: Lease::None { join_at: Timestamp::MAX },
            own: None,
            watches: BTreeMap::new(),
            poll_at: Timestamp(0),
            end_at: Timestamp(0),
            leave_by: None,
        }
    }

    /// Takes one input; appends what is to be done, in order. `now` never goes back.
    /// O(shards), and O(shards x members) where the members have changed.
    pub fn handle(&mut self, input: Input, now: Timestamp, out: &mut Vec<Output>) {
        match input {
            Input::Tick => {}
            Input::Answer { call, answer } => self.answer(call, answer, now, out),
            Input::Peer { from, message } => self.peer(from, message, now, out),
            Input::Shard { shard, epoch, status } => self.status(shard, epoch, status, now, out),
            Input::Leave => self.begin_to_leave(now),
        }
        self.proceed(now, out);
    }

    /// The present life.
    #[must_use]
    pub const fn life(&self) -> Option<&Life> {
        match &self.lease {
            Lease::Held { holder, .. } => Some(holder.life()),
            Lease::None { .. } | Lease::Joining { .. } | Lease::Ending { .. } | Lease::Left => None,
        }
    }

    /// Its view of the members.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// The newest owner row that it has seen of a shard.
    #[must_use]
    pub fn owner(&self, shard: ShardId) -> Option<&OwnerRow> {
        self.shards.get(usize::from(shard.0))?.row.as_ref()
    }

    /// Shards that are hosted here, with their epochs.
    pub fn hosted(&self) -> impl Iterator<Item = (ShardId, u64)> {
        (0..self.config.n_shards)
            .zip(&self.shards)
            .filter_map(|(id, shard)| Some((ShardId(id), shard.local.hosted()?)))
    }

    fn shard(&mut self, shard: ShardId) -> &mut Shard {
        &mut self.shards[usize::from(shard.0)]
    }

    fn call(&mut self, pending: Pending, what: StoreCall, out: &mut Vec<Output>) {
        self.n_calls += 1;
        self.calls.insert(self.n_calls, pending);
        out.push(Output::Call { call: self.n_calls, what });
    }

    fn begin_to_leave(&mut self, now: Timestamp) {
        if self.leave_by.is_some() {
            return;
        }
        self.leave_by = Some(now.plus_ms(self.config.timing.leave_ms));
        if let Lease::None { join_at } = &mut self.lease {
            *join_at = now;
        }
        for shard in &mut self.shards {
            shard.offer_at = shard.offer_at.min(now);
        }
    }

    fn proceed(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if self.lease == Lease::Left {
            return;
        }
        self.poll(now, out);
        self.keep_lease(now, out);
        if self.is_serving(now) {
            self.end_silent(now, out);
        }
        if self.life().is_some() {
            self.advance_shards(now, out);
            self.leave(now, out);
        }
    }

    /// Whether the lease lasts: only then shards are taken and others' lives ended.
    fn is_serving(&self, now: Timestamp) -> bool {
        match &self.lease {
            Lease::Held { holder, .. } => now < holder.until(&self.config.timing),
            Lease::None { .. } | Lease::Joining { .. } | Lease::Ending { .. } | Lease::Left => {
                false
            }
        }
    }

    fn poll(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let reads =
            self.calls.values().any(|call| matches!(call, Pending::Leases | Pending::Owners));
        if !reads && now >= self.poll_at {
            self.poll_at = now.plus_ms(self.config.timing.poll_ms);
            self.call(Pending::Leases, StoreCall::ReadLeases, out);
            self.call(Pending::Owners, StoreCall::ReadOwners, out);
        }
    }

    fn keep_lease(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let timing = &self.config.timing;
        match &mut self.lease {
            Lease::None { join_at } if now >= *join_at => {
                if self.leave_by.is_some() {
                    self.lease = Lease::Left;
                    out.push(Output::Left);
                    return;
                }
                if let Some(member) = self.stranger(now) {
                    self.lease = Lease::None { join_at: now.plus_ms(timing.poll_ms) };
                    out.push(Output::Unfit { member });
                    return;
                }
                self.lease = Lease::Joining { sent: now };
                let seen = self.own.as_ref().map(LeaseRow::seen);
                let node = self.config.node.clone();
                let (ttl_ms, frames) = (timing.ttl_ms, self.config.frames);
                let join = LeaseWrite::Join { node, seen, ttl_ms, frames };
                self.call(Pending::Join, StoreCall::Lease(join), out);
            }
            Lease::Held { holder, .. } => {
                if let Some(renewal) = holder.renew(now, timing) {
                    self.call(Pending::Renew, StoreCall::Lease(renewal), out);
                }
            }
            Lease::Ending { life, beat, at } if at.is_some_and(|at| now >= at) => {
                *at = None;
                let end = LeaseWrite::End { life: life.clone(), beat: *beat };
                self.call(Pending::EndOwn, StoreCall::Lease(end), out);
            }
            Lease::None { .. } | Lease::Joining { .. } | Lease::Ending { .. } | Lease::Left => {}
        }
    }

    /// A member that reads no version of frames that this build reads. One that was silent for so
    /// long that its life may be ended hinders nobody: it is ended once this node has joined.
    fn stranger(&self, now: Timestamp) -> Option<LeaseRow> {
        let timing = &self.config.timing;
        let alive = self.watches.values().filter(|watch| watch.end(now, timing).is_none());
        let mut members = alive.map(Watch::row).filter(|row| row.is_held());
        members.find(|row| self.config.frames.newest_common(row.frames).is_none()).cloned()
    }

    /// Step 0: ends the lives of members that were silent for too long.
    fn end_silent(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if now < self.end_at {
            return;
        }
        let ends = self.watches.values().filter_map(|watch| watch.end(now, &self.config.timing));
        for end in ends.collect::<Vec<_>>() {
            let pending = Pending::End(end.node().clone());
            if !self.calls.values().any(|call| *call == pending) {
                sites::hit("lease.ended_other");
                self.call(pending, StoreCall::Lease(end), out);
            }
        }
    }

    /// The life is over: nothing is hosted, nothing in flight counts, and a new one begins.
    fn lose_life(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        sites::hit("lease.lost");
        out.push(Output::ServeUntil(Timestamp(0)));
        self.drop_all(out);
        out.push(Output::Life(None));
        self.calls.clear();
        self.lease = Lease::None { join_at: now };
        self.rebuild_view();
        self.route_all(out);
    }

    fn drop_all(&mut self, out: &mut Vec<Output>) {
        for (id, shard) in (0..).zip(&mut self.shards) {
            let id = ShardId(id);
            if let Some(epoch) = shard.local.hosted() {
                out.push(Output::DropShard { shard: id, epoch });
            }
            shard.local = Local::Absent;
            if shard.target.take().is_some() {
                out.push(Output::Unbuffer { shard: id });
            }
        }
    }

    fn rebuild_view(&mut self) {
        let others = self.watches.values().map(Watch::row).filter(|row| row.is_held());
        let members = others.map(|row| &row.life).chain(self.life()).cloned();
        self.view = View::new(members.collect::<Vec<_>>(), self.config.n_shards);
    }

    /// Gives the life back once every shard is handed over, or the time is up.
    fn leave(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let Some(by) = self.leave_by else { return };
        let alone = self.view.members().len() <= 1;
        let empty = self.shards.iter().all(|shard| shard.local == Local::Absent);
        if !(alone || empty || now >= by) {
            return;
        }
        let Lease::Held { holder, .. } = &self.lease else { return };
        let (life, beat) = (holder.life().clone(), holder.beat());
        out.push(Output::ServeUntil(Timestamp(0)));
        self.drop_all(out);
        self.calls.clear();
        self.lease = Lease::Ending { life, beat, at: Some(now) };
        self.keep_lease(now, out);
    }
}

#[cfg(test)]
mod tests;
