//! Crashes and recoveries.

use std::collections::BTreeSet;
use std::sync::Arc;

use cluster::log::Staging;
use cluster::shard::core::Config;
use cluster::shard::{Ask, AskBody, Input, Output, Recovery, ShardCore};
use entity::{Cause, Principal, ShardId, Timestamp};
use ports::{Journal, SnapshotStore};

use super::journal::ready;
use super::plan::Canary;
use super::world::{Attempt, Crashed, Host, Task, World};
use crate::random::{Stream, below, percent};
use crate::toy::{self, Account, account};

impl World {
    /// The node is gone: all that was in memory, and what was not synced but for a prefix of it.
    pub(super) fn crash_node(&mut self) {
        self.probes.hit("crash");
        self.probes.hit("crash of a node");
        self.dead_since = None;
        self.logs.iter_mut().for_each(|log| *log = Staging::default());
        self.flying.iter_mut().for_each(|flying| *flying = None);
        self.links.clear();
        self.broken.clear();
        self.tasks.clear();
        for host in &mut self.hosts {
            *host = Host { generation: host.generation + 1, ..Host::default() };
        }
        let unsynced = self.store.n_unsynced() as u64;
        let kept = below(self.draw(Stream::Crash, 0), unsynced + 1);
        if kept < unsynced {
            self.probes.hit("unsynced writes lost");
        }
        self.store.crash_keeping(usize::try_from(kept).expect("a small count"));
        self.witness.crash();
        self.clients.lost_all();
    }

    /// One host is gone: its core, what it was about to do, and the inputs that it had taken.
    pub(super) fn crash_host(&mut self, shard: ShardId) {
        let bits = self.draw(Stream::Crash, 1);
        let host = self.host(shard);
        let Some(core) = host.core.take() else { return };
        host.zombie = Some(core);
        host.outbox.clear();
        host.withheld.clear();
        host.generation += 1;
        host.draining = false;
        let taken = below(bits, host.inbox.len() as u64 + 1);
        host.inbox.drain(..usize::try_from(taken).expect("a small count"));
        // What reads and writes brought to the dead host is not for its successor.
        host.inbox.retain(|input| !input.is_brought());
        let mut kept = BTreeSet::new();
        for input in &host.inbox {
            if let Input::Ask(ask) = input {
                kept.insert(ask.reply_to);
            }
        }
        self.clients.lost(shard, &kept);
        self.probes.hit("crash");
        self.probes.hit("crash of a host");
    }

    /// A sync fails: nothing staged from now on can become durable.
    pub(super) fn fail_sync(&mut self) {
        self.probes.hit("failed sync");
        self.logs.iter_mut().for_each(Staging::close);
        self.dead_since = Some(self.step);
    }

    /// Whether all that a dead host staged is durable.
    pub(super) fn may_rebuild(&self, shard: ShardId) -> bool {
        let log = &self.logs[self.log_of(shard)];
        self.dead_since.is_none()
            && (log.last_lsn(shard) <= log.durable() || self.canary(Canary::RebuildEarly))
    }

    pub(super) fn rebuild(&mut self, shard: ShardId) -> Result<(), Crashed> {
        self.probes.hit("host rebuilt");
        // A write that the dead host began has ended by now; one that it did not begin never
        // will.
        if !self.canary(Canary::StaleTasks) {
            self.tasks.retain(|(of, _, task)| *of != shard || !matches!(task, Task::Write(_)));
        }
        self.recover(shard)?;
        self.poke_zombie(shard);
        self.boundary(shard)
    }

    /// All shards of the node are claimed and recovered.
    pub(super) fn restart(&mut self) -> Result<(), Crashed> {
        for shard in self.shards() {
            self.recover(shard)?;
            self.boundary(shard)?;
        }
        Ok(())
    }

    fn recover(&mut self, shard: ShardId) -> Result<(), Crashed> {
        let tail = ready(self.store.claim(shard)).expect("the model answers");
        self.boundary(shard)?;
        let checkpoint = ready(self.store.checkpoint(shard)).expect("the model answers");
        let config = Config {
            shard,
            n_shards: self.setup.n_shards,
            epoch: tail.epoch,
            chaining: self.setup.chaining,
            resident_bytes: self.setup.resident_bytes,
            snapshot_tail_events: self.setup.snapshot_tail_events,
            stream_window: cluster::limits::STREAM_WINDOW,
        };
        let mut recovery = Recovery::new(config, checkpoint.unwrap_or_default());
        while recovery.next_commit() < tail.next_commit {
            let frames = ready(self.store.read(shard, recovery.next_commit(), 1 << 20));
            for frame in frames.expect("the model answers") {
                if let Err(error) = recovery.frame(&frame) {
                    self.violation(format!("I2: {shard:?} not recovered: {error}"));
                    return Ok(());
                }
            }
        }
        let log = self.log_of(shard);
        self.logs[log].own(shard, tail);
        let durable = self.logs[log].durable();
        let mut core: ShardCore<Attempt> =
            match recovery.finish(tail, Arc::clone(&self.types), durable) {
                Ok(core) => core,
                Err(error) => {
                    self.violation(format!("I2: {shard:?} not recovered: {error}"));
                    return Ok(());
                }
            };
        let mut out = Vec::new();
        core.start(self.now, &mut out);
        if self.canary(Canary::NoResend) {
            out.retain(|output| !matches!(output, Output::Send { .. } | Output::AskResend { .. }));
        }
        let seen = self.recovered(shard, &core);
        self.check(seen);
        let draining = self.host(shard).draining;
        let host = self.host(shard);
        host.told = durable;
        host.core = Some(core);
        host.outbox.extend(out);
        host.inbox.push_back(if draining { Input::Drain } else { Input::Tick });
        Ok(())
    }

    /// The core of the dead host is asked something under its old epoch: nothing may come of it.
    fn poke_zombie(&mut self, shard: ShardId) {
        let Some(mut zombie) = self.host(shard).zombie.take() else { return };
        if !percent(self.draw(Stream::Crash, 2), 60) {
            return;
        }
        let log = self.log_of(shard);
        let before = self.logs[log].last_lsn(shard);
        let n_shards = self.setup.n_shards;
        let keys = (0..4).map(|n| toy::key::<Account>(&format!("a{n}")));
        for key in keys.filter(|key| key.shard(n_shards) == shard) {
            let deposit = account::Command::Deposit { op: 999_999, amount: 1 };
            let ask = Ask {
                reply_to: 0,
                key,
                principal: Principal::system(toy::tenant()),
                cause: Cause::default(),
                deadline: Timestamp::MAX,
                body: AskBody::Command(codec::pack(&deposit).expect("small"), None),
            };
            let mut out = Vec::new();
            self.with_env(shard, |env, now| {
                env.spare();
                zombie.handle(Input::Ask(Box::new(ask)), now, env, &mut out);
            });
            let answered = out.iter().any(|output| match output {
                Output::Reply(_, answer) => !matches!(answer, cluster::shard::Answer::Refused(_)),
                _ => false,
            });
            if answered {
                self.violation(format!("I1: the old core of {shard:?} answered"));
            }
        }
        self.probes.hit("zombie poked");
        if self.logs[log].last_lsn(shard) != before {
            self.violation(format!("I1: the old core of {shard:?} staged a record"));
        }
    }
}
